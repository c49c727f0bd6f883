import { GatewayError, isGatewayError, type ErrorCode, type Retry } from '../../../../shared/errors.ts';

/** What was being done, and where, when a link failed. */
export interface LinkWork {
  readonly operation: string;
  /** `host:port`. */
  readonly place: string;
}

const NAME_CODES = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_NONAME']);
const UNREACHABLE_CODES = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'EADDRNOTAVAIL',
]);
const TLS_CODE = /^(?:ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO)/;

interface Verdict {
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly message: string;
  readonly hint: string;
}

/** Wraps what kafkajs, a socket or TLS threw. An error that is ours already is given back as it is. */
export function linkError(work: LinkWork, cause: unknown): GatewayError {
  if (isGatewayError(cause)) return cause;
  return new GatewayError({ ...work, ...verdict(work, cause), cause });
}

export function timeoutError(work: LinkWork, limitMs: number): GatewayError {
  return new GatewayError({
    ...work,
    code: 'timeout',
    message: `no answer from ${work.place} within ${limitMs} ms; the connection was broken off`,
    retry: 'now',
    hint: 'The link or the broker stands still. If it happens often on a slow link, raise the request time limit or pull fewer bytes at once.',
  });
}

export function abortedError(work: LinkWork): GatewayError {
  return new GatewayError({
    ...work,
    code: 'aborted',
    message: `${work.operation} was stopped on request`,
    retry: 'never',
    hint: 'Nothing needs to be done.',
  });
}

/** For calls over a connection that was given up for the sake of others: to them it is a link that broke. */
export function givenUpError(work: LinkWork): GatewayError {
  return new GatewayError({
    ...work,
    code: 'transport',
    message: `the connection to ${work.place} was given up, as several answers on it had nobody waiting any more`,
    retry: 'now',
    hint: 'A new one is made by itself.',
  });
}

export function unsupportedError(work: LinkWork, what: string): GatewayError {
  return new GatewayError({
    ...work,
    code: 'kafka-unsupported',
    message: `the broker at ${work.place} speaks no version of ${what} that Headgate does`,
    retry: 'never',
    hint: 'Brokers from 0.11 on are supported; is this one older, or much newer than this Headgate?',
  });
}

export function nonsenseError(work: LinkWork, message: string, cause?: unknown): GatewayError {
  return new GatewayError({
    ...work,
    code: 'transport',
    message,
    retry: 'backoff',
    hint: 'Is this the port of a Kafka broker, with or without TLS as configured? A damaged link can cause it too.',
    cause,
  });
}

function verdict(work: LinkWork, cause: unknown): Verdict {
  const { name, message, code } = factsOf(cause);
  if (
    name === 'KafkaJSSASLAuthenticationError' ||
    /^SASL/.test(code) ||
    /^(?:ILLEGAL_SASL|UNSUPPORTED_SASL)/.test(code)
  ) {
    return {
      code: 'auth-failed',
      retry: 'backoff',
      message,
      hint: 'Check the SASL mechanism, user name and password of this source, and that the broker knows the user.',
    };
  }
  if (TLS_CODE.test(code)) {
    return {
      code: 'tls-failed',
      retry: 'backoff',
      message: `TLS with ${work.place} failed: ${message}`,
      hint: 'Check the certificate authority, the host name in the certificate, its dates, and that this is a TLS port.',
    };
  }
  if (NAME_CODES.has(code)) {
    return {
      code: 'name-unresolved',
      retry: 'backoff',
      message: `${work.place} has no address here: ${message}`,
      hint: 'Check the name (for brokers: advertised.listeners), the DNS server, or add the host to the hosts file.',
    };
  }
  if (UNREACHABLE_CODES.has(code)) {
    return {
      code: 'broker-unreachable',
      retry: 'backoff',
      message: `${work.place} does not accept a connection: ${message}`,
      hint: 'Is the broker running, and is the port open from here?',
    };
  }
  return {
    code: 'transport',
    retry: 'now',
    message: `the connection to ${work.place} broke: ${message}`,
    hint: 'It is connected again by itself; if it stays, look at the broker’s log and the network between.',
  };
}

function factsOf(cause: unknown): { name: string; message: string; code: string } {
  if (!(cause instanceof Error)) return { name: '', message: String(cause), code: '' };
  // kafkajs' protocol errors carry Kafka's name as `type`; its connection errors carry the socket's code.
  const code: unknown = Reflect.get(cause, 'code');
  const type: unknown = Reflect.get(cause, 'type');
  const known = typeof code === 'string' ? code : typeof type === 'string' ? type : '';
  return { name: cause.name, message: cause.message, code: known };
}
