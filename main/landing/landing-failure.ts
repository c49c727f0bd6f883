import { GatewayError, isGatewayError } from '../../shared/errors.ts';
import type { ErrorCode } from '../../shared/errors.ts';

/**
 * Whom a failure concerns. `sink`: whoever tries next will most likely meet it too (the NameNode is gone, the network is down).
 * `file`: one directory or one file (no permission, a quota, a foreign file), which must not hold up the others.
 */
export type FailureScope = 'sink' | 'file';

const SINK_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'namenode-unreachable',
  'datanode-unreachable',
  'name-unresolved',
  'transport',
  'timeout',
  'auth-failed',
  'tls-failed',
  'standby',
  'safe-mode',
  'no-datanode',
  'disk-full',
  'io-error',
  'database-busy',
  'database-damaged',
  'state-outdated',
  'state-cloned',
]);

export function failureScope(error: GatewayError): FailureScope {
  return SINK_CODES.has(error.code) ? 'sink' : 'file';
}

/** Any thrown value as our own error: one file's surprise is shown and tried again, it does not stop the others. */
export function asGatewayError(error: unknown, operation: string, place: string): GatewayError {
  if (isGatewayError(error)) return error;
  return new GatewayError({
    code: 'unknown',
    operation,
    place,
    message: error instanceof Error ? error.message : String(error),
    retry: 'backoff',
    hint: 'This failure has no name yet; please report it with the log.',
    cause: error,
  });
}

/** What running files meet when the lander is stopped. */
export function landingStopped(): GatewayError {
  return new GatewayError({
    code: 'aborted',
    operation: 'land a file',
    place: 'the lander',
    message: 'Landing was stopped on request.',
    retry: 'now',
    hint: 'The file is finished after the next start.',
  });
}
