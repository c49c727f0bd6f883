/** What is still wrong with the answers of a step: by field, as keys of `setup.problems`. */
import { parseEndpoint } from '../../../shared/contract/config-fields.ts';
import { compileJavaRegex } from '../../../shared/regex/java-regex.ts';
import { isGatewayError } from '../../../shared/errors.ts';
import { MIB, parseBytes, parseDuration } from '../../../shared/units.ts';
import type { en } from '../../text/en.ts';
import { listOf, pathOf, type Draft, type Secrets } from './draft.ts';
import { isoOf, zoneOf } from './wall-time.ts';

export type ProblemName = keyof typeof en.setup.problems;
export const STEPS = ['gateway', 'brokers', 'topics', 'time', 'target', 'review'] as const;
export type StepName = (typeof STEPS)[number];
export type Problems = Partial<Record<keyof Draft | 'password' | 'rules', ProblemName>>;

/** A chunk has up to 1 MiB; the loader wants this much, and twice the largest event. */
const CAPACITY_MIN = 32 * MIB;
const GATEWAY_ID = /^[a-z0-9-]{1,32}$/;
const WEB_ADDRESS = /^https?:\/\/([^/?#@\s]+)(?:\/webhdfs(?:\/v1)?)?\/?$/i;
/** The loader's own. */
const ESCAPES = /%(?:\{[\w.-]+\}|\[(?:localhost|IP|FQDN)\]|[tsYymnbBdejaAHkIlMSpDcz%])/g;

export function problemsOf(step: StepName, draft: Draft, secrets: Secrets): Problems {
  switch (step) {
    case 'gateway':
      return gatewayProblems(draft);
    case 'brokers':
      return brokerProblems(draft, secrets);
    case 'topics':
      return topicProblems(draft);
    case 'time':
      return timeProblems(draft);
    case 'target':
      return targetProblems(draft);
    case 'review':
      return {};
  }
}

function found(entries: Readonly<Record<string, ProblemName | undefined>>): Problems {
  return Object.fromEntries(Object.entries(entries).filter(([, problem]) => problem !== undefined));
}

function gatewayProblems({ id, timeZone, capacity, minFree }: Draft): Problems {
  const capacityBytes = parseBytes(capacity.trim());
  const minFreeBytes = parseBytes(minFree.trim());
  return found({
    id: id === '' ? 'needed' : GATEWAY_ID.test(id) ? undefined : 'gatewayId',
    timeZone: zoneOf(timeZone) === undefined ? 'timeZone' : undefined,
    capacity: capacityBytes === undefined ? 'size' : capacityBytes < CAPACITY_MIN ? 'capacity' : undefined,
    minFree: minFreeBytes === undefined ? 'size' : undefined,
  });
}

function brokerProblems(draft: Draft, { password }: Secrets): Problems {
  const brokers = listOf(draft.brokers);
  const isWrong = brokers.some((broker) => (parseEndpoint(broker)?.port ?? 0) < 1);
  const isSigned = draft.mechanism !== 'none';
  const isTyped = draft.passwordFrom === 'typed';
  return found({
    brokers: brokers.length === 0 ? 'needed' : isWrong ? 'brokers' : undefined,
    username: isSigned && draft.username.trim() === '' ? 'needed' : undefined,
    password: isSigned && isTyped && password === '' ? 'needed' : undefined,
    passwordFile: isSigned && !isTyped ? fileProblem(draft.passwordFile, true) : undefined,
    certFile:
      draft.isTls && (draft.certFile.trim() === '') !== (draft.keyFile.trim() === '')
        ? 'certAndKey'
        : undefined,
  });
}

function fileProblem(path: string, isNeeded: boolean): ProblemName | undefined {
  if (path.trim() === '') return isNeeded ? 'needed' : undefined;
  return /[{}\r\n]/.test(path) ? 'fileName' : undefined;
}

function topicProblems(draft: Draft): Problems {
  const isRegex = draft.topicsBy === 'regex';
  const startProblem = isoOf(draft.startTime, draft.timeZone) === undefined ? 'startTime' : undefined;
  return found({
    topics: !isRegex && draft.topics.length === 0 ? 'topics' : undefined,
    topicsRegex: isRegex ? regexProblem(draft.topicsRegex.trim(), 0) : undefined,
    startTime: draft.startAt === 'time' ? startProblem : undefined,
    groupId: draft.groupId.length > 150 ? 'long' : undefined,
  });
}

/** `highestGroupRead`: 1 where the first group is the time. */
export function regexProblem(regex: string, highestGroupRead: number): ProblemName | undefined {
  if (regex === '') return 'needed';
  try {
    compileJavaRegex(regex, { highestGroupRead });
    return undefined;
  } catch (error) {
    if (isGatewayError(error)) return 'regex';
    throw error;
  }
}

function timeProblems({ rules, topics, topicsBy }: Draft): Problems {
  const names = topicsBy === 'regex' ? ['*'] : topics;
  const isWrong = names.some((name) => {
    const rule = rules[name];
    return rule?.kind === 'text' && regexProblem(rule.regex, 1) !== undefined;
  });
  return found({ rules: isWrong ? 'rules' : undefined });
}

function targetProblems(draft: Draft): Problems {
  const isHdfs = draft.target !== 'directory';
  const rollBytes = parseBytes(draft.rollSize.trim());
  const path = draft.target === 'directory' ? 'localPath' : 'path';
  return found({
    firstNamenode: draft.target === 'namenodes' ? addressProblem(draft.firstNamenode, true) : undefined,
    secondNamenode:
      draft.target !== 'namenodes'
        ? undefined
        : draft.secondNamenode.trim() !== '' && draft.secondNamenode.trim() === draft.firstNamenode.trim()
          ? 'sameAddress'
          : addressProblem(draft.secondNamenode, false),
    httpfs: draft.target === 'httpfs' ? addressProblem(draft.httpfs, true) : undefined,
    user: isHdfs && draft.user.trim() === '' ? 'needed' : undefined,
    [path]: pathProblem(pathOf(draft)),
    filePrefix: draft.filePrefix.includes('/')
      ? 'slash'
      : /^[._]/.test(draft.filePrefix.trim())
        ? 'hidden'
        : escapeProblem(draft.filePrefix),
    fileSuffix: draft.fileSuffix.includes('/') ? 'slash' : undefined,
    rollSize: rollBytes === undefined ? 'size' : undefined,
    rollInterval: parseDuration(draft.rollInterval.trim(), 1_000) === undefined ? 'duration' : undefined,
  });
}

function addressProblem(address: string, isNeeded: boolean): ProblemName | undefined {
  const written = address.trim();
  if (written === '') return isNeeded ? 'needed' : undefined;
  if (/^(?:hdfs|webhdfs|swebhdfs):/i.test(written)) return 'notWeb';
  const authority = WEB_ADDRESS.exec(written)?.[1];
  return authority === undefined || parseEndpoint(authority) === undefined ? 'webAddress' : undefined;
}

function pathProblem(path: string): ProblemName | undefined {
  if (path === '') return 'needed';
  if (!path.startsWith('/') && !/^[A-Za-z]:[\\/]/.test(path)) return 'absolute';
  if (/(^|[\\/])\.\.?([\\/]|$)/.test(path)) return 'dots';
  return escapeProblem(path);
}

function escapeProblem(text: string): ProblemName | undefined {
  return text.replace(ESCAPES, '').includes('%') ? 'escape' : undefined;
}
