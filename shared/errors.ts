/**
 * The one error class of Headgate, its codes, and its plain report.
 *
 * Foreign errors (a socket, SQLite, a NameNode's exception) are wrapped once, at the adapter that knows what was being
 * attempted; from there on everybody reads `code`, `retry` and `hint` and never parses a message.
 */

/**
 * Every code, with one line for the operator's docs (`docs/operations.md` lists them from here).
 * A code is never renamed once released: alerts and scripts match on it.
 */
export const ERROR_CODES = {
  // Configuration and use
  'config-invalid': 'The configuration cannot be used as it is written.',
  'config-unreadable': 'The configuration file, or a file or variable it refers to, cannot be read.',
  'config-change-refused': 'The new configuration would orphan or misplace data that is still held.',
  'config-conflict': 'The configuration file was changed by somebody else since it was read for editing.',
  'setup-needed': 'There is no configuration yet; the first-run wizard makes one.',
  'not-signed-in': 'The browser has no valid session: it never signed in, or its session is over.',
  'regex-untranslatable': 'A Java regular expression uses a construct that JavaScript does not have.',
  'pattern-invalid': 'A date pattern, a path or an escape in it has no meaning.',
  usage: 'The command was called in a way it does not understand.',
  'contract-mismatch': 'Two parts of Headgate speak different versions of a contract.',
  'no-engine': 'No engine answers for this state directory.',

  // Reaching others
  'broker-unreachable': 'No Kafka broker answers.',
  'namenode-unreachable': 'No NameNode (or HttpFS) answers.',
  'datanode-unreachable': 'A DataNode that the NameNode named does not answer.',
  'name-unresolved': 'A host name has no address here.',
  transport: 'The connection broke or spoke nonsense; what happened at the other end is unknown.',
  timeout: 'There was no answer within the limit.',
  aborted: 'The work was stopped on request.',
  'auth-failed': 'The other side refused our identity.',
  'permission-denied': 'The identity is known but may not do this.',
  'tls-failed': 'The certificate or the TLS handshake was refused.',

  // HDFS and directories
  standby: 'The NameNode asked is on standby.',
  'safe-mode': 'The NameNode is in safe mode and takes no writes.',
  'quota-exceeded': 'A quota of names or of space is used up.',
  'no-datanode': 'The cluster found no DataNode that could take the block.',
  'file-exists': 'Something already stands at that path.',
  'file-missing': 'There is nothing at that path.',
  'parent-not-directory': 'A part of the path is a file, not a directory.',
  'lease-held': 'Another writer holds the file open.',
  'length-mismatch': 'A file in place is not as long as what was sent.',
  'checksum-mismatch': 'The bytes in place are not the bytes that were sent.',
  'rename-uncertain': 'It cannot be told whether the file took its final name; it is held for the operator.',
  'xattr-unavailable': 'The cluster has extended attributes switched off, or the value does not fit.',
  'namenode-refused': 'The NameNode refused the request for a reason that repeating will not change.',

  // Local disk and channel
  'disk-full': 'The disk has no room left.',
  'channel-full': 'The channel is at its limit; intake waits and Kafka keeps the data.',
  'io-error': 'The disk or the file system reported a fault.',
  'database-damaged': 'The channel database has a damaged page.',
  'database-busy': 'Somebody else holds the channel database.',
  'chunk-damaged': 'A chunk at rest does not match its checksum.',
  'state-dir-locked': 'Another engine runs on this state directory.',
  'state-dir-newer': 'The state directory was written by a newer Headgate.',
  'state-dir-unusable': 'The state directory cannot be created or written.',
  'state-outdated':
    'The state directory is older than what this gateway has landed: it was restored from a copy.',
  'state-cloned': 'Another engine lands files from a copy of this state directory.',
  'position-mismatch': 'A batch does not begin at the position that the channel has for its partition.',

  // Kafka
  'stale-tenure': 'The work belongs to a tenure that is no longer current.',
  fenced: 'Another owner took the partition; our transactional id is refused.',
  'group-has-members': 'The group has members that are not gateways; Headgate will not share it.',
  'group-reset': 'Somebody else moved or removed the group’s committed offset.',
  'other-target': 'Another gateway commits in this group for another target.',
  'log-replaced': 'The partition’s log is not the one that was read before.',
  'offset-out-of-range': 'The broker no longer has the next offset: a gap.',
  'topic-missing': 'The topic does not exist, or may not be seen.',
  'leader-missing': 'A partition has no leader at present.',
  'batch-undecodable': 'A record batch cannot be decoded.',
  'crc-mismatch': 'A record batch does not match its CRC-32C.',
  'codec-unknown': 'Data is compressed with a codec that Headgate does not have.',
  'coordinator-unavailable': 'The group or transaction coordinator is not available at present.',
  'transaction-unknown': 'A commit was sent and its outcome is unknown; the put is held.',
  'kafka-refused': 'The broker refused the request for a reason that repeating will not change.',
  'kafka-unsupported': 'The broker is too old, or lacks a feature, for what is asked.',

  // Events
  'event-too-large': 'An event is larger than the limit.',
  'event-unplaceable': 'No rule can say where the event belongs.',

  // Audit
  'audit-failed': 'The audit found offsets that are not accounted for exactly once.',

  unknown: 'Something failed that Headgate has no name for yet.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** What may be tried: nothing without a person, at once, or after waiting. */
export type Retry = 'never' | 'now' | 'backoff';

export interface GatewayErrorOptions {
  readonly code: ErrorCode;
  /** What was being attempted, as a short phrase: `rename the temp file`. */
  readonly operation: string;
  /** Where: a host and port, a path, `topic/partition`. Never a secret. */
  readonly place: string;
  /** What went wrong, one sentence. Never a secret. */
  readonly message: string;
  readonly retry: Retry;
  /** What a person can do about it, one sentence. */
  readonly hint: string;
  readonly cause?: unknown;
}

export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly operation: string;
  readonly place: string;
  readonly retry: Retry;
  readonly hint: string;

  constructor(options: GatewayErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.operation = options.operation;
    this.place = options.place;
    this.retry = options.retry;
    this.hint = options.hint;
  }
}

/**
 * True for our own errors, also for one that came from another copy of this module (a worker's bundle):
 * such an error has the name and the code, but not our prototype.
 */
export function isGatewayError(error: unknown): error is GatewayError {
  if (error instanceof GatewayError) return true;
  if (!(error instanceof Error) || error.name !== 'GatewayError') return false;
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);
}

/** One foreign cause, as far as it can be told in plain JSON. */
export interface CauseReport {
  readonly name: string;
  readonly message: string;
  /** A system or library code such as `ECONNREFUSED`, when the cause has one. */
  readonly code?: string;
}

export interface ErrorReport {
  readonly code: ErrorCode;
  readonly operation: string;
  readonly place: string;
  readonly message: string;
  readonly retry: Retry;
  readonly hint: string;
  /** The chain of causes, nearest first, at most `MAX_CAUSES`. */
  readonly causes: readonly CauseReport[];
}

/** A chain longer than this is a loop or noise. */
export const MAX_CAUSES = 8;
/** A foreign message is cut here: some carry a whole reply or stack. */
export const MAX_REPORT_TEXT_CHARS = 2_000;

/**
 * Any thrown value as plain JSON for the log, the control API and `--json`.
 * Our own messages carry no secret by contract; those of libraries may, so well-known shapes are blanked.
 */
export function toErrorReport(error: unknown): ErrorReport {
  const causes = causesOf(error).map(toCauseReport);
  if (isGatewayError(error)) {
    const { code, retry } = error;
    return {
      code,
      operation: withoutSecrets(error.operation),
      place: withoutSecrets(error.place),
      message: withoutSecrets(error.message),
      retry,
      hint: withoutSecrets(error.hint),
      causes,
    };
  }
  const own = toCauseReport(error);
  return {
    code: 'unknown',
    operation: '',
    place: '',
    message: own.message,
    retry: 'never',
    hint: 'This failure has no name yet; please report it with the log.',
    causes: own.code === undefined && own.name === 'Error' ? causes : [own, ...causes].slice(0, MAX_CAUSES),
  };
}

function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = [];
  const seen = new Set<unknown>([error]);
  let queue = nextCauses(error);
  while (queue.length > 0 && causes.length < MAX_CAUSES) {
    const [cause, ...rest] = queue;
    queue = rest;
    if (seen.has(cause)) continue;
    seen.add(cause);
    causes.push(cause);
    queue = [...nextCauses(cause), ...queue].slice(0, MAX_CAUSES);
  }
  return causes;
}

/** The cause, and what an `AggregateError` gathers: Node puts each tried address there, with an empty message above. */
function nextCauses(error: unknown): unknown[] {
  if (!(error instanceof Error)) return [];
  const gathered: unknown[] = error instanceof AggregateError ? error.errors : [];
  return error.cause === undefined ? gathered : [error.cause, ...gathered];
}

function toCauseReport(cause: unknown): CauseReport {
  if (!(cause instanceof Error)) return { name: 'Thrown', message: withoutSecrets(textOf(cause)) };
  const code: unknown = Reflect.get(cause, 'code');
  const report = { name: cause.name, message: withoutSecrets(cause.message) };
  return typeof code === 'string' || typeof code === 'number' ? { ...report, code: String(code) } : report;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // A cyclic or hostile value: its type is all that can be said of it.
    return typeof value;
  }
}

const SECRET_SHAPES: readonly { readonly shape: RegExp; readonly replacement: string }[] = [
  // The user part of a URL: scheme://user:password@host
  { shape: /(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]{0,200}):[^\s/@]{1,400}@/gi, replacement: '$1:***@' },
  // key=value and "key": "value", also as a query parameter (WebHDFS: delegation=…)
  {
    shape:
      /(["']?\b(?:password|passwd|passphrase|secret|token|delegation|signature|authorization|api[_-]?key|private[_-]?key)\b["']?\s*[:=]\s*)("[^"]*"|'[^']*'|(?:(?:bearer|basic|negotiate)\s+)?[^\s,;&"'}\])]+)/gi,
    replacement: '$1***',
  },
  // A PEM block
  {
    shape: /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g,
    replacement: '***',
  },
];

/** The text with the well-known shapes of secrets blanked, and cut at `MAX_REPORT_TEXT_CHARS`. */
export function withoutSecrets(text: string): string {
  // Cutting first bounds the work of the expressions; a secret that the cut splits still matches from its key on.
  const cut = text.length > MAX_REPORT_TEXT_CHARS ? `${text.slice(0, MAX_REPORT_TEXT_CHARS)}…` : text;
  return SECRET_SHAPES.reduce((clean, { shape, replacement }) => clean.replace(shape, replacement), cut);
}
