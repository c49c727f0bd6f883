/**
 * Finds where the time stands in sample events, and proposes expressions and patterns that read it. Each shape below looks for one way to
 * write a time; what it proposes is then tried on every sample, and proposals are put in the order of how many they read.
 */
import type { TimeRule } from './draft.ts';
import { RULE_REASONS, TimeReader, type Sample, type TimeRuleText } from './time-reading.ts';

export type FormatName =
  | 'iso'
  | 'access-log'
  | 'slashed'
  | 'ctime'
  | 'chinese'
  | 'compact'
  | 'epoch-ms'
  | 'epoch-us'
  | 'epoch-ns'
  | 'epoch-s'
  | 'syslog';

export interface Proposal extends TimeRuleText {
  readonly name: FormatName;
  /** The JSON field that holds it. */
  readonly field: string | undefined;
  readonly hasZone: boolean;
  /** Why no rule can read it rightly; then it is shown, but can't be chosen. */
  readonly problem: 'no-year' | 'epoch-seconds' | undefined;
  /** Of the samples, how many it reads. */
  readonly matched: number;
  /** The time of the first sample that it finds, as it is written. */
  readonly example: string;
}

export const PROPOSALS_MAX = 6;
/** The samples that shapes are looked for in; all are counted. */
const LOOKED_AT_MAX = 50;
const LOOKED_CHARS_MAX = 4_000;

interface Found {
  readonly index: number;
  /** The time as it is written. */
  readonly text: string;
  /** Java's expression for it, without its surroundings. */
  readonly body: string;
  readonly pattern: string;
  readonly hasZone: boolean;
}

interface Shape {
  readonly name: FormatName;
  readonly find: (body: string) => Found | undefined;
  readonly problem?: Proposal['problem'];
  /** Numbers are times only where something says so: a field's name, or the beginning of the line. */
  readonly isBareNumber?: boolean;
}

const CLOCK = String.raw`\d{2}:\d{2}:\d{2}`;
/** `.123`, `,123456`; Joda reads up to nine digits and keeps three. */
const FRACTION = 'SSSSSSSSS';

const SHAPES: readonly Shape[] = [
  { name: 'access-log', find: findAccessLog },
  { name: 'iso', find: findIso },
  { name: 'slashed', find: findSlashed(true) },
  { name: 'slashed', find: findSlashed(false) },
  { name: 'ctime', find: findCtime },
  { name: 'chinese', find: findChinese },
  {
    name: 'compact',
    find: findNumber(
      /(?<![\d.])20\d{6}[0-2]\d[0-5]\d[0-5]\d(?![\d.])/,
      String.raw`20\d{12}`,
      'yyyyMMddHHmmss',
    ),
  },
  {
    name: 'epoch-ms',
    find: findNumber(/(?<![\d.])1\d{12}(?![\d.])/, String.raw`\d{13}`, ''),
    isBareNumber: true,
  },
  { name: 'epoch-us', find: findLongNumber(/(?<![\d.])1\d{15}(?![\d.])/, 3), isBareNumber: true },
  { name: 'epoch-ns', find: findLongNumber(/(?<![\d.])1\d{18}(?![\d.])/, 6), isBareNumber: true },
  {
    name: 'epoch-s',
    find: findNumber(/(?<![\d.])1\d{9}(?:\.\d{1,9})?(?![\d.])/, String.raw`\d{10}`, ''),
    problem: 'epoch-seconds',
    isBareNumber: true,
  },
  { name: 'syslog', find: findSyslog, problem: 'no-year' },
];

function findAccessLog(body: string): Found | undefined {
  const match = /\[\d{2}\/[A-Z][a-z]{2}\/\d{4}:\d{2}:\d{2}:\d{2}( [+-]\d{4})?\]/.exec(body);
  if (match === null) return undefined;
  const hasZone = match[1] !== undefined;
  return {
    index: match.index,
    text: match[0].slice(1, -1),
    body: String.raw`\[(\d{2}/\w{3}/\d{4}:${CLOCK}${hasZone ? String.raw` [+-]\d{4}` : ''})\]`,
    pattern: hasZone ? 'dd/MMM/yyyy:HH:mm:ss Z' : 'dd/MMM/yyyy:HH:mm:ss',
    hasZone,
  };
}

function findIso(body: string): Found | undefined {
  const match =
    /(?<!\d)\d{4}([-/.])\d{2}\1\d{2}([T ])\d{2}:\d{2}:\d{2}([.,]\d{1,9})?( ?(?:Z|[+-]\d{2}:?\d{2})(?![\d:]))?/.exec(
      body,
    );
  if (match === null) return undefined;
  const [text, dash = '-', middle = ' ', fraction, zone] = match;
  const point = fraction?.[0] ?? '';
  const isSpaced = zone?.startsWith(' ') === true;
  const dashText = dash === '.' ? String.raw`\.` : dash;
  const fractionText = point === '' ? '' : `${point === '.' ? String.raw`\.` : point}${String.raw`\d{1,9}`}`;
  const zoneText = zone === undefined ? '' : `${isSpaced ? ' ' : ''}(?:Z|[+-]\\d{2}:?\\d{2})`;
  return {
    index: match.index,
    text,
    body: `(\\d{4}${dashText}\\d{2}${dashText}\\d{2}${middle}${CLOCK}${fractionText}${zoneText})`,
    pattern: `yyyy${dash}MM${dash}dd${middle === 'T' ? "'T'" : ' '}HH:mm:ss${point === '' ? '' : `${point}${FRACTION}`}${isSpaced ? ' ' : ''}${zone === undefined ? '' : 'ZZ'}`,
    hasZone: zone !== undefined,
  };
}

/** 21/11/2026 and 11/21/2026: which of the two it is, the samples say, or the operator. */
function findSlashed(isDayFirst: boolean): (body: string) => Found | undefined {
  return (body) => {
    const match = /(?<!\d)(\d{2})([/.-])(\d{2})\2\d{4} \d{2}:\d{2}:\d{2}/.exec(body);
    if (match === null) return undefined;
    const [text, first, dash = '/', second] = match;
    if (Number(isDayFirst ? second : first) > 12) return undefined;
    const dashText = dash === '.' ? String.raw`\.` : dash;
    return {
      index: match.index,
      text,
      body: `(\\d{2}${dashText}\\d{2}${dashText}\\d{4} ${CLOCK})`,
      pattern: `${isDayFirst ? `dd${dash}MM` : `MM${dash}dd`}${dash}yyyy HH:mm:ss`,
      hasZone: false,
    };
  };
}

/** Apache's error log: `[Sat Nov 21 08:00:00.123456 2026]`. */
function findCtime(body: string): Found | undefined {
  const match =
    /(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} \d{2} \d{2}:\d{2}:\d{2}(\.\d{1,9})? \d{4}/.exec(body);
  if (match === null) return undefined;
  const hasFraction = match[1] !== undefined;
  return {
    index: match.index,
    text: match[0],
    body: String.raw`([A-Z][a-z]{2} [A-Z][a-z]{2} \d{2} ${CLOCK}${hasFraction ? String.raw`\.\d{1,9}` : ''} \d{4})`,
    pattern: `EEE MMM dd HH:mm:ss${hasFraction ? `.${FRACTION}` : ''} yyyy`,
    hasZone: false,
  };
}

function findChinese(body: string): Found | undefined {
  const match = /(?<!\d)\d{4}年\d{1,2}月\d{1,2}日 ?\d{2}:\d{2}:\d{2}/.exec(body);
  if (match === null) return undefined;
  const space = match[0].includes(' ') ? ' ' : '';
  return {
    index: match.index,
    text: match[0],
    body: String.raw`(\d{4}年\d{1,2}月\d{1,2}日${space}${CLOCK})`,
    pattern: `yyyy年M月d日${space}HH:mm:ss`,
    hasZone: false,
  };
}

/** RFC 3164 has no year, and no rule can know it. */
function findSyslog(body: string): Found | undefined {
  const match = /^(?:<\d{1,3}>)?([A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2})/.exec(body);
  const text = match?.[1];
  if (text === undefined) return undefined;
  return {
    index: body.indexOf(text),
    text,
    body: String.raw`([A-Z][a-z]{2} [ \d]\d ${CLOCK})`,
    pattern: 'MMM d HH:mm:ss',
    hasZone: false,
  };
}

function findNumber(find: RegExp, body: string, pattern: string): (body: string) => Found | undefined {
  return (text) => {
    const match = find.exec(text);
    if (match === null) return undefined;
    return {
      index: match.index,
      text: match[0],
      body: String.raw`(?<!\d)(${body})(?!\d)`,
      pattern,
      hasZone: pattern === '',
    };
  };
}

/** The gateway wants milliseconds: the group takes the first 13 digits. */
function findLongNumber(find: RegExp, more: number): (body: string) => Found | undefined {
  return (text) => {
    const match = find.exec(text);
    if (match === null) return undefined;
    return {
      index: match.index,
      text: match[0],
      body: String.raw`(?<!\d)(\d{13})\d{${more}}(?!\d)`,
      pattern: '',
      hasZone: true,
    };
  };
}

/** Before a value in JSON: its field's name, a colon, and perhaps a quote. */
const FIELD_BEFORE = /"([^"\\]{1,64})"(\s{0,4}:\s{0,4})("?)$/;
/** Before a value in `key=value` lines. */
const KEY_BEFORE = /(?:^|[\s,;])([\w.@-]{1,64})=("?)$/;
const TIME_WORD = /time|date|stamp|epoch|^ts$|^t$|_ts$|_at$|^at$|时间|日期/i;
const REGEX_SIGN = /[\\^$.*+?()[\]{}|]/g;

interface Placed {
  readonly regex: string;
  readonly field: string | undefined;
  /** Names that say "time" come before others, as do beginnings of lines. */
  readonly isTold: boolean;
}

/** The expression with what stands around the time: a JSON field, a key, the line's beginning, or nothing. */
function placed({ index, body }: Found, line: string): Placed {
  const before = line.slice(Math.max(0, index - 100), index);
  const bare = body.replace(/^\(\?<!\\d\)/, '');
  const json = FIELD_BEFORE.exec(before);
  if (json !== null) {
    const [, field = '', , quote = ''] = json;
    return { regex: `"${escaped(field)}"\\s*:\\s*${quote}${bare}`, field, isTold: TIME_WORD.test(field) };
  }
  const key = KEY_BEFORE.exec(before);
  if (key !== null) {
    const [, field = '', quote = ''] = key;
    return { regex: `\\b${escaped(field)}=${quote}${bare}`, field, isTold: TIME_WORD.test(field) };
  }
  if (index === 0) return { regex: `^${bare}`, field: undefined, isTold: true };
  return { regex: body, field: undefined, isTold: false };
}

function escaped(text: string): string {
  return text.replace(REGEX_SIGN, String.raw`\$&`);
}

type Draft = Omit<Proposal, 'matched'> & { readonly isTold: boolean; readonly index: number };

/** The best first; those that can't be chosen come last. `zone` is for times without one. */
export function proposalsFor(samples: readonly Sample[], zone: string): readonly Proposal[] {
  const drafts = new Map<string, Draft>();
  for (const { body } of samples.slice(0, LOOKED_AT_MAX)) {
    const line = body.slice(0, LOOKED_CHARS_MAX);
    for (const shape of SHAPES) {
      const draft = draftOf(shape, line);
      if (draft === undefined) continue;
      const key = `${draft.regex} ${draft.pattern}`;
      if (!drafts.has(key)) drafts.set(key, draft);
    }
  }
  return [...drafts.values()]
    .map((draft) => ({ draft, ...countOf(draft, samples, zone) }))
    .filter(({ matched }) => matched > 0)
    .sort((left, right) => score(right) - score(left) || left.draft.index - right.draft.index)
    .slice(0, PROPOSALS_MAX)
    .map(({ draft: { isTold: _isTold, index: _index, ...draft }, matched }) => ({ ...draft, matched }));
}

function draftOf(shape: Shape, line: string): Draft | undefined {
  const found = shape.find(line);
  if (found === undefined) return undefined;
  const { regex, field, isTold } = placed(found, line);
  if (shape.isBareNumber === true && !isTold) return undefined;
  return {
    name: shape.name,
    ...{ regex, field, isTold, index: found.index },
    ...{ pattern: found.pattern, hasZone: found.hasZone, timeZone: '' },
    problem: shape.problem,
    example: found.text,
  };
}

interface Count {
  readonly matched: number;
  /** Near the record's own time: what is years away is another number. */
  readonly plausible: number;
}

const PLAUSIBLE_MS = 3 * 365 * 86_400_000;

function countOf(draft: Draft, samples: readonly Sample[], zone: string): Count {
  const reader = new TimeReader(draft, zone);
  let matched = 0;
  let plausible = 0;
  for (const sample of samples) {
    const reading = reader.read(sample);
    // What can't be read rightly is counted where it is found.
    const isFound =
      reading.kind === 'read' || (draft.problem !== undefined && reading.kind !== RULE_REASONS.noMatch);
    if (!isFound) continue;
    matched++;
    if (reading.kind !== 'read' || sample.timestampMs === 0) continue;
    if (Math.abs(reading.timeMs - sample.timestampMs) < PLAUSIBLE_MS) plausible++;
  }
  return { matched, plausible };
}

function score({ draft, matched, plausible }: Count & { readonly draft: Draft }): number {
  const told = draft.isTold ? 0.5 : 0;
  const zoned = draft.hasZone ? 0.25 : 0;
  return (draft.problem === undefined ? 1_000_000 : 0) + matched * 10 + plausible * 5 + told + zoned;
}

export function ruleOfProposal({ regex, pattern, timeZone }: Proposal): TimeRule {
  return { kind: 'text', regex, pattern, timeZone, isOwn: false };
}
