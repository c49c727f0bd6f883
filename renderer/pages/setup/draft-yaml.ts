/**
 * The configuration file that a draft stands for, as text. What was typed is meant as it stands: quotes, `${` and every script are written
 * so that the loader reads the same characters again. Only a password's file becomes a reference.
 */
import { groupIdOf, listOf, pathOf, RECORD_TIME, ruleOf, suffixOf } from './draft.ts';
import type { Draft, Secrets, TimeRule } from './draft.ts';
import { isoOf } from './wall-time.ts';

export interface SourceGroup {
  readonly name: string;
  readonly topics: readonly string[];
  readonly rule: TimeRule;
}

/** Stands for an address that was not asked yet, where rules are tried before there is one. */
const NO_NAMENODE = 'http://namenode:9870';

export const CHANNEL_NAME = 'disk';
const SOURCE_NAME = 'kafka';

/** Topics whose time is read in the same way share a source; each source has its own rule, so no rule sees another's events. */
export function sourcesOf(draft: Draft): readonly SourceGroup[] {
  if (draft.topicsBy === 'regex') return [{ name: SOURCE_NAME, topics: [], rule: ruleOf(draft, '') }];
  const groups = new Map<string, { topics: string[]; rule: TimeRule }>();
  for (const topic of draft.topics) {
    const rule = ruleOf(draft, topic);
    const key = JSON.stringify(
      rule.kind === 'record' ? RECORD_TIME : [rule.regex, rule.pattern, rule.timeZone],
    );
    const group = groups.get(key) ?? { topics: [], rule };
    group.topics.push(topic);
    groups.set(key, group);
  }
  return [...groups.values()].map((group, place) => ({
    name: place === 0 ? SOURCE_NAME : `${SOURCE_NAME}-${place + 1}`,
    ...group,
  }));
}

export function yamlOf(draft: Draft, secrets: Secrets): string {
  return [
    'gateway:',
    `  id: ${quoted(draft.id)}`,
    ...(draft.stateDir.trim() === '' ? [] : [`  stateDir: ${quoted(draft.stateDir.trim())}`]),
    `  timeZone: ${quoted(draft.timeZone)}`,
    ...(draft.consoleListen === '' ? [] : ['', 'console:', `  listen: ${quoted(draft.consoleListen)}`]),
    '',
    'sources:',
    ...sourcesOf(draft).flatMap((group, place) =>
      sourceLines(draft, secrets, { group, isFirst: place === 0 }),
    ),
    '',
    'channels:',
    `  ${CHANNEL_NAME}:`,
    '    type: file',
    `    capacityBytes: ${quoted(draft.capacity.trim())}`,
    `    minFreeDiskBytes: ${quoted(draft.minFree.trim())}`,
    '',
    'sinks:',
    ...sinkLines(draft),
    '',
  ].join('\n');
}

/** The same with what is still missing filled in, for trying the rules on events before all was asked. */
export function trialYamlOf(draft: Draft, secrets: Secrets): string {
  const isAddressed = draft.target !== 'namenodes' || draft.firstNamenode.trim() !== '';
  return yamlOf(isAddressed ? draft : { ...draft, firstNamenode: NO_NAMENODE }, secrets);
}

function sourceLines(
  draft: Draft,
  secrets: Secrets,
  { group, isFirst }: { readonly group: SourceGroup; readonly isFirst: boolean },
): string[] {
  const groupId = isFirst ? draft.groupId.trim() : `${groupIdOf(draft)}.${group.name}`;
  return [
    `  ${group.name}:`,
    '    type: kafka',
    `    kafka.bootstrap.servers: ${flowList(listOf(draft.brokers))}`,
    draft.topicsBy === 'regex'
      ? `    kafka.topics.regex: ${quoted(draft.topicsRegex.trim())}`
      : `    kafka.topics: ${flowList(group.topics)}`,
    ...(groupId === '' ? [] : [`    kafka.consumer.group.id: ${quoted(groupId)}`]),
    `    startAt: ${quoted(startAtOf(draft))}`,
    ...securityLines(draft, secrets),
    ...ruleLines(group.rule),
    `    channels: [${CHANNEL_NAME}]`,
  ];
}

function startAtOf(draft: Draft): string {
  if (draft.startAt !== 'time') return draft.startAt;
  return isoOf(draft.startTime, draft.timeZone) ?? draft.startTime;
}

function securityLines(draft: Draft, secrets: Secrets): string[] {
  const lines: string[] = [];
  if (draft.mechanism !== 'none') {
    lines.push(
      '      sasl:',
      `        mechanism: ${draft.mechanism}`,
      `        username: ${quoted(draft.username)}`,
      `        password: ${passwordOf(draft, secrets)}`,
    );
  }
  if (draft.isTls) {
    const keys = [
      ['ca', draft.caFile],
      ['cert', draft.certFile],
      ['key', draft.keyFile],
      ['serverName', draft.serverName],
    ].flatMap(([key = '', value = '']) =>
      value.trim() === '' ? [] : [`        ${key}: ${quoted(value.trim())}`],
    );
    lines.push(keys.length === 0 ? '      tls: {}' : '      tls:', ...keys);
  }
  return lines.length === 0 ? [] : ['    security:', ...lines];
}

function passwordOf(draft: Draft, secrets: Secrets): string {
  return draft.passwordFrom === 'file'
    ? `'\${file:${draft.passwordFile.trim().replaceAll("'", "''")}}'`
    : quoted(secrets.password);
}

function ruleLines(rule: TimeRule): string[] {
  if (rule.kind === 'record') return [];
  const zone = rule.timeZone === '' ? '' : `, timeZone: ${quoted(rule.timeZone)}`;
  return [
    '    interceptors:',
    '      - type: regex_extractor',
    `        regex: ${quoted(rule.regex)}`,
    '        serializers:',
    rule.pattern === ''
      ? '          - { name: timestamp }'
      : `          - { type: millis, name: timestamp, pattern: ${quoted(rule.pattern)}${zone} }`,
  ];
}

function sinkLines(draft: Draft): string[] {
  const isHdfs = draft.target !== 'directory';
  const prefix = isHdfs ? 'hdfs.' : '';
  const suffix = suffixOf(draft);
  return [
    isHdfs ? '  hdfs:' : '  local:',
    `    type: ${isHdfs ? 'hdfs' : 'directory'}`,
    `    channel: ${CHANNEL_NAME}`,
    ...addressLines(draft),
    `    ${prefix}path: ${quoted(pathOf(draft))}`,
    ...(draft.filePrefix.trim() === ''
      ? []
      : [`    ${prefix}filePrefix: ${quoted(draft.filePrefix.trim())}`]),
    ...(suffix === '' ? [] : [`    ${prefix}fileSuffix: ${quoted(suffix)}`]),
    ...(draft.codec === 'none' ? [] : [`    ${prefix}codeC: ${draft.codec}`]),
    `    ${prefix}rollSize: ${quoted(draft.rollSize.trim())}`,
    `    ${prefix}rollInterval: ${quoted(draft.rollInterval.trim())}`,
  ];
}

function addressLines(draft: Draft): string[] {
  if (draft.target === 'directory') return [];
  const namenodes = [draft.firstNamenode, draft.secondNamenode]
    .map((url) => url.trim())
    .filter((url) => url !== '');
  const ca = draft.hdfsCaFile.trim();
  return [
    draft.target === 'httpfs'
      ? `    hdfs.httpfs: ${quoted(draft.httpfs.trim())}`
      : `    hdfs.namenodes: ${flowList(namenodes)}`,
    ...(ca === '' ? [] : ['    hdfs.tls:', `      ca: ${quoted(ca)}`]),
    `    hdfs.user: ${quoted(draft.user.trim())}`,
  ];
}

function flowList(items: readonly string[]): string {
  return `[${items.map(quoted).join(', ')}]`;
}

/** Words that YAML reads as something else than text. */
const NO_TEXT = /^(?:true|false|null|yes|no|on|off|y|n)$/i;
const PLAIN = /^[A-Za-z][A-Za-z0-9_./-]*(?::\d+)?$/;
const WITH_UNIT = /^\d+(?:\.\d+)?(?:B|KiB|MiB|GiB|TiB|ms|s|min|h|d)$/;
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]|\p{Cs}/v;

/** A scalar that the loader reads as exactly this text. */
export function quoted(text: string): string {
  // `$${` is the loader's way to write `${`; a reference would be looked up.
  const literal = text.replaceAll('${', () => '$${');
  if ((PLAIN.test(literal) && !NO_TEXT.test(literal)) || WITH_UNIT.test(literal)) return literal;
  if (UNPRINTABLE.test(literal)) return doubleQuoted(literal);
  return `'${literal.replaceAll("'", "''")}'`;
}

function doubleQuoted(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1);
  const shown = Array.from(escaped, (one) =>
    UNPRINTABLE.test(one) ? `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}` : one,
  );
  return `"${shown.join('')}"`;
}
