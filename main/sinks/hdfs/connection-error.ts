import { GatewayError, withoutSecrets, type ErrorCode } from '../../../shared/errors.ts';

/** Who was spoken to: it decides which code a dead peer gets and what a person can do. */
export type Peer = 'namenode' | 'datanode' | 'httpfs';

export interface CallPlace {
  readonly peer: Peer;
  readonly operation: string;
  /** `host:port`. */
  readonly server: string;
}

/** Node's codes of an attempt that never became a connection: the other side has seen nothing of the request. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
]);
const UNRESOLVED = new Set(['ENOTFOUND', 'EAI_AGAIN']);
const TLS_CODE = /^(?:ERR_SSL|ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY|DECRYPT)|EPROTO)/;

/** Our own limits, raised inside a call and turned into a GatewayError at its edge. */
export class LimitError extends Error {
  override readonly name = 'LimitError';
  /** True when no connection had been made. */
  readonly isConnecting: boolean;
  constructor(message: string, isConnecting: boolean) {
    super(message);
    this.isConnecting = isConnecting;
  }
}

/** True when the request can't have reached the other side, so that sending it elsewhere can't do it twice. */
export function isNeverSent(cause: unknown): boolean {
  return cause instanceof LimitError ? cause.isConnecting : NEVER_CONNECTED.has(codeOf(cause));
}

export function codeOf(cause: unknown): string {
  if (!(cause instanceof Error)) return '';
  // A name with several addresses fails as an AggregateError, whose own code is that of the first.
  const code: unknown = Reflect.get(cause, 'code');
  return typeof code === 'string' ? code : '';
}

/** A socket's failure in our words. The message never carries the URL: a redirect's may hold a token. */
export function connectionError(cause: unknown, place: CallPlace, signal: AbortSignal): GatewayError {
  if (cause instanceof GatewayError) return cause;
  const { operation, server } = place;
  const base = { operation, place: server, retry: 'backoff', cause } as const;
  if (signal.aborted) {
    return new GatewayError({
      ...base,
      code: 'aborted',
      message: 'The call was stopped on request.',
      hint: 'Nothing to do.',
    });
  }
  const [code, message, hint] = explain(cause, place);
  return new GatewayError({
    ...base,
    code,
    message: withoutSecrets(message),
    hint,
    retry: code === 'tls-failed' ? 'never' : 'backoff',
  });
}

function explain(cause: unknown, { peer, server }: CallPlace): [ErrorCode, string, string] {
  const code = codeOf(cause);
  const text = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof LimitError && !cause.isConnecting) {
    return [
      'timeout',
      `${server}: ${text}`,
      'It is not known whether the request was carried out; Headgate finds out before it goes on.',
    ];
  }
  if (UNRESOLVED.has(code))
    return ['name-unresolved', `The name in ${server} has no address here.`, unresolvedHint(peer)];
  if (TLS_CODE.test(code)) {
    return [
      'tls-failed',
      `${server}: ${text}`,
      'Check the certificate, the authority that signed it, and http against https.',
    ];
  }
  if (isNeverSent(cause)) {
    const what = peer === 'datanode' ? 'datanode-unreachable' : 'namenode-unreachable';
    return [what, `${server} does not answer (${code === '' ? text : code}).`, unreachableHint(peer)];
  }
  return [
    'transport',
    `The connection to ${server} broke: ${text}.`,
    'Look at the network between this gateway and the cluster.',
  ];
}

function unresolvedHint(peer: Peer): string {
  return peer === 'datanode'
    ? 'The NameNode sends writers to DataNodes by name: add the names to DNS or the hosts file, or set hdfs.hostMap, or go through HttpFS (hdfs.httpfs).'
    : 'Check the address in the configuration, and DNS.';
}

function unreachableHint(peer: Peer): string {
  if (peer === 'datanode') {
    return 'This gateway must reach every DataNode’s HTTP port; where only one server may be reached, set hdfs.hostMap or use HttpFS (hdfs.httpfs).';
  }
  return peer === 'httpfs'
    ? 'Check that HttpFS runs and its port is open.'
    : 'Check that the NameNode runs and its HTTP port is open.';
}
