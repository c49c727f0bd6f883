/** What the wizard gathers: the answers as they are typed, plain enough to be kept between reloads. The password is never among them. */

/** Where an event's time stands. `own`: the operator wrote the expression himself. */
export type TimeRule =
  | { readonly kind: 'record' }
  | {
      readonly kind: 'text';
      /** Java expression; its first group is the time. */
      readonly regex: string;
      /** Joda-Time pattern; empty: the group is milliseconds since 1970. */
      readonly pattern: string;
      /** Of times whose pattern has no zone; empty: the gateway's. */
      readonly timeZone: string;
      readonly isOwn: boolean;
    };

export const RECORD_TIME: TimeRule = { kind: 'record' };
/** Under this name the rule of all topics that an expression finds. */
export const ALL_TOPICS = '*';

export const MECHANISMS = ['none', 'scram-sha-512', 'scram-sha-256', 'plain'] as const;
export const TARGETS = ['namenodes', 'httpfs', 'directory'] as const;
export const CODECS = ['none', 'gzip', 'zstd'] as const;
export type Mechanism = (typeof MECHANISMS)[number];
export type TargetKind = (typeof TARGETS)[number];
export type Codec = (typeof CODECS)[number];

export interface Draft {
  readonly id: string;
  readonly timeZone: string;
  /** Empty: the platform's own. */
  readonly stateDir: string;
  /** `host:port` of the browser console that is open now; empty: there is none. */
  readonly consoleListen: string;
  readonly capacity: string;
  readonly minFree: string;

  readonly brokers: string;
  readonly mechanism: Mechanism;
  readonly username: string;
  readonly passwordFrom: 'typed' | 'file';
  readonly passwordFile: string;
  readonly isTls: boolean;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly serverName: string;

  readonly topicsBy: 'names' | 'regex';
  readonly topics: readonly string[];
  readonly topicsRegex: string;
  /** Empty: `headgate.<id>`. */
  readonly groupId: string;
  readonly startAt: 'earliest' | 'latest' | 'time';
  /** `2026-11-21T08:00`, in the gateway's zone. */
  readonly startTime: string;

  /** By topic, or under `ALL_TOPICS`. */
  readonly rules: Readonly<Record<string, TimeRule>>;

  readonly target: TargetKind;
  readonly firstNamenode: string;
  readonly secondNamenode: string;
  readonly httpfs: string;
  readonly hdfsCaFile: string;
  readonly user: string;
  readonly path: string;
  readonly localPath: string;
  readonly filePrefix: string;
  readonly fileSuffix: string;
  readonly codec: Codec;
  readonly rollSize: string;
  readonly rollInterval: string;
}

/** What stays in the memory of this page. */
export interface Secrets {
  readonly password: string;
}

export const EMPTY_DRAFT: Draft = {
  id: '',
  timeZone: 'UTC',
  stateDir: '',
  consoleListen: '',
  capacity: '20GiB',
  minFree: '2GiB',
  brokers: '',
  mechanism: 'none',
  username: '',
  passwordFrom: 'typed',
  passwordFile: '',
  isTls: false,
  caFile: '',
  certFile: '',
  keyFile: '',
  serverName: '',
  topicsBy: 'names',
  topics: [],
  topicsRegex: '',
  groupId: '',
  startAt: 'earliest',
  startTime: '',
  rules: {},
  target: 'namenodes',
  firstNamenode: '',
  secondNamenode: '',
  httpfs: '',
  hdfsCaFile: '',
  user: 'headgate',
  path: '/logs/%{topic}/%Y-%m-%d/%H',
  localPath: '/srv/headgate/%{topic}/%Y-%m-%d/%H',
  filePrefix: '%{topic}',
  fileSuffix: '.log',
  codec: 'none',
  rollSize: '128MiB',
  rollInterval: '10min',
};

/** Words of a field that takes several: parted by commas or blanks. */
export function listOf(text: string): string[] {
  return [...new Set(text.split(/[\s,;，、；]+/).filter((word) => word !== ''))];
}

export function groupIdOf(draft: Draft): string {
  return draft.groupId.trim() === '' ? `headgate.${draft.id}` : draft.groupId.trim();
}

export function pathOf(draft: Draft): string {
  return (draft.target === 'directory' ? draft.localPath : draft.path).trim();
}

export function ruleOf(draft: Draft, topic: string): TimeRule {
  return draft.rules[draft.topicsBy === 'regex' ? ALL_TOPICS : topic] ?? RECORD_TIME;
}

/** A suffix that is not empty has to end with the codec's, or Hadoop would not unpack the files. */
export function suffixOf({ fileSuffix, codec }: Draft): string {
  const suffix = fileSuffix.trim();
  const extension = { none: '', gzip: '.gz', zstd: '.zst' }[codec];
  return suffix === '' || suffix.endsWith(extension) ? suffix : `${suffix}${extension}`;
}

/** What the engine's first text says of this machine; it writes that text itself, one `name: value` a line. */
export function draftOfTemplate(text: string): Partial<Draft> {
  const value = (expression: RegExp): string => {
    const written = expression.exec(text)?.[1]?.trim() ?? '';
    if (!written.startsWith('"')) return written;
    const read: unknown = JSON.parse(written);
    return typeof read === 'string' ? read : '';
  };
  return {
    id: value(/^ {2}id: (.+)$/m),
    timeZone: value(/^ {2}timeZone: (.+)$/m) || 'UTC',
    stateDir: value(/^ {2}stateDir: (.+)$/m),
    consoleListen: value(/^console: \{ listen: (.+) \}$/m),
  };
}
