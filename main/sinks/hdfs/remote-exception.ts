import { GatewayError, withoutSecrets, type ErrorCode, type Retry } from '../../../shared/errors.ts';
import type { HttpReply } from './http-exchange.ts';

/**
 * What a NameNode, a DataNode or HttpFS means by a refusal. The status says little (403 for almost everything, 500 on HttpFS),
 * so the exception's name decides, then its message: HttpFS often says `RemoteException` and leaves the rest to the text.
 */
export interface RemoteException {
  /** Simple class name: `AccessControlException`. */
  readonly exception: string;
  /** Without the Java stack. */
  readonly message: string;
}

interface Meaning {
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly hint: string;
}

const MEANINGS = {
  standby: {
    code: 'standby',
    retry: 'now',
    hint: 'The other NameNode is asked; if both are standby, one must be made active.',
  },
  safeMode: {
    code: 'safe-mode',
    retry: 'backoff',
    hint: 'Wait, or leave safe mode with: hdfs dfsadmin -safemode leave',
  },
  starting: {
    code: 'namenode-unreachable',
    retry: 'backoff',
    hint: 'The NameNode is starting or failing over; it is tried again.',
  },
  noDataNode: {
    code: 'no-datanode',
    retry: 'backoff',
    hint: 'Check that DataNodes are alive and have space: hdfs dfsadmin -report',
  },
  permission: {
    code: 'permission-denied',
    retry: 'never',
    hint: 'Give the user of hdfs.user the right, or let the sink write elsewhere.',
  },
  quota: {
    code: 'quota-exceeded',
    retry: 'never',
    hint: 'Raise the quota or remove files: hdfs dfs -count -q <directory>',
  },
  auth: {
    code: 'auth-failed',
    retry: 'never',
    hint: 'Check hdfs.user and how the cluster authenticates over HTTP.',
  },
  exists: { code: 'file-exists', retry: 'never', hint: 'Headgate never overwrites; see what stands there.' },
  missing: { code: 'file-missing', retry: 'never', hint: 'See who removed or moved it.' },
  notDirectory: {
    code: 'parent-not-directory',
    retry: 'never',
    hint: 'A file stands where a directory is needed: move it away.',
  },
  lease: {
    code: 'lease-held',
    retry: 'backoff',
    hint: 'Its writer, or the NameNode’s lease recovery, must let go first.',
  },
  xattr: {
    code: 'xattr-unavailable',
    retry: 'never',
    hint: 'Nothing to do: the facts go into a sidecar file.',
  },
  refused: {
    code: 'namenode-refused',
    retry: 'never',
    hint: 'The message says why; the configuration or the cluster has to change.',
  },
  unnamed: {
    code: 'unknown',
    retry: 'backoff',
    hint: 'It is tried again; if it stays, the servers’ logs say more.',
  },
} as const satisfies Record<string, Meaning>;

type MeaningName = keyof typeof MEANINGS;

/**
 * By message, first match wins, before the name: these words stand under several names (`RemoteException`, `IOException`,
 * `SecurityException`, `RetriableException`) and mean the same under each.
 */
const BY_MESSAGE: readonly (readonly [RegExp, MeaningName])[] = [
  [/is not supported in state standby|\bStandbyException\b/, 'standby'],
  [/[Nn]ame node is in safe mode|\bSafeModeException\b/, 'safeMode'],
  [/NameNode still not started/, 'starting'],
  [
    /could only be (?:written|replicated) to \d+ |Failed to find datanode|Unable to create new block|All datanodes .{0,400} are bad|replace a bad datanode/,
    'noDataNode',
  ],
  [/Support for XAttrs has been disabled|XAttr is too big|additional XAttr to inode, would exceed/i, 'xattr'],
  [/\b(?:NS|DS)QuotaExceededException\b|The (?:NameSpace|DiskSpace) quota/, 'quota'],
  [/\(is not a directory\)/, 'notDirectory'],
  [/^Permission denied: /, 'permission'],
  [/SecretManager\$InvalidToken/, 'auth'],
];

const BY_NAME: Readonly<Record<string, MeaningName>> = {
  StandbyException: 'standby',
  SafeModeException: 'safeMode',
  RetriableException: 'starting',
  AccessControlException: 'permission',
  AuthorizationException: 'permission',
  AuthenticationException: 'auth',
  SecurityException: 'auth',
  InvalidToken: 'auth',
  NSQuotaExceededException: 'quota',
  DSQuotaExceededException: 'quota',
  QuotaByStorageTypeExceededException: 'quota',
  QuotaExceededException: 'quota',
  FileAlreadyExistsException: 'exists',
  FileNotFoundException: 'missing',
  ParentNotDirectoryException: 'notDirectory',
  AlreadyBeingCreatedException: 'lease',
  RecoveryInProgressException: 'lease',
  LeaseExpiredException: 'lease',
  // What HttpFS or a DataNode says when *it* does not reach the NameNode.
  ConnectException: 'starting',
  ConnectTimeoutException: 'starting',
  SocketTimeoutException: 'starting',
  NoRouteToHostException: 'starting',
  UnknownHostException: 'starting',
  EOFException: 'starting',
  IllegalArgumentException: 'refused',
  HadoopIllegalArgumentException: 'refused',
  InvalidPathException: 'refused',
  PathIsNotEmptyDirectoryException: 'refused',
  MaxDirectoryItemsExceededException: 'refused',
  PathComponentTooLongException: 'refused',
  QueryParamException: 'refused',
  ParamException: 'refused',
  UnsupportedOperationException: 'refused',
  NotImplementedException: 'refused',
};

/** For answers that carry no exception: an HTML page of a filter, of Jetty, or of a proxy before the cluster. */
const BY_STATUS: Readonly<Record<number, MeaningName>> = {
  400: 'refused',
  401: 'auth',
  403: 'auth',
  404: 'refused',
  405: 'refused',
  408: 'starting',
  413: 'refused',
  414: 'refused',
  429: 'starting',
  431: 'refused',
  502: 'starting',
  503: 'starting',
  504: 'starting',
  507: 'noDataNode',
};

/** In our own message. */
const MAX_MESSAGE_CHARS = 500;
/** What is kept for those who look for a path in it: HDFS allows paths of 8,000 characters. */
const MAX_SAID_CHARS = 20_000;

/** The exception in a reply's body, or undefined when it has none. */
export function remoteExceptionOf(body: string): RemoteException | undefined {
  if (!body.trimStart().startsWith('{')) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    // Cut off or not JSON at all: then the status has to do.
    return undefined;
  }
  const inner: unknown =
    typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, 'RemoteException') : undefined;
  if (typeof inner !== 'object' || inner === null) return undefined;
  const exception: unknown = Reflect.get(inner, 'exception');
  const message: unknown = Reflect.get(inner, 'message');
  return {
    exception: typeof exception === 'string' ? exception : '',
    message: typeof message === 'string' ? withoutStack(message) : '',
  };
}

/** A refusal as our error. `place` is a server and, where there is one, a path. */
export function refusal(reply: HttpReply, operation: string, place: string): GatewayError {
  const remote = remoteExceptionOf(reply.body);
  const meaning = MEANINGS[remote === undefined ? (BY_STATUS[reply.status] ?? 'unnamed') : meaningOf(remote)];
  const said =
    remote === undefined
      ? `HTTP ${reply.status}${textOfPage(reply.body)}`
      : `${remote.exception}: ${remote.message.slice(0, MAX_MESSAGE_CHARS)}`;
  const cause = remote === undefined ? undefined : new RemoteExceptionCause(remote);
  return new GatewayError({ ...meaning, operation, place, message: withoutSecrets(said), cause });
}

/** Keeps the exception for those who must tell two refusals of one code apart. */
export class RemoteExceptionCause extends Error {
  override readonly name = 'RemoteException';
  readonly exception: string;
  /** Private, so that no logger prints it: `said` may hold what the message blanks. */
  readonly #said: string;

  constructor({ exception, message }: RemoteException) {
    super(withoutSecrets(message.slice(0, MAX_MESSAGE_CHARS)));
    this.exception = exception;
    this.#said = message;
  }

  /** The server's words as they are, without the Java stack: to read a path from, not to show. */
  get said(): string {
    return this.#said;
  }
}

function meaningOf({ exception, message }: RemoteException): MeaningName {
  const byMessage = BY_MESSAGE.find(([pattern]) => pattern.test(message));
  return byMessage?.[1] ?? BY_NAME[exception] ?? 'unnamed';
}

function withoutStack(message: string): string {
  const stack = message.search(/\r?\n\s*at |\n/);
  return (stack < 0 ? message : message.slice(0, stack)).trim().slice(0, MAX_SAID_CHARS);
}

/** The title of an HTML page: it is where Jetty and the filters put their reason. */
function textOfPage(body: string): string {
  const title = /<title>([^<]{1,300})<\/title>/i.exec(body)?.[1]?.trim();
  return title === undefined || title === '' ? '' : `: ${title}`;
}
