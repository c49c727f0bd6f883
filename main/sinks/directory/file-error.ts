import { GatewayError, isGatewayError, type ErrorCode, type Retry } from '../../../shared/errors.ts';

type Meaning = readonly [ErrorCode, Retry, string];

const BY_CODE: Readonly<Record<string, Meaning>> = {
  ENOSPC: ['disk-full', 'backoff', 'Make room on the file system; writing goes on by itself.'],
  EDQUOT: ['quota-exceeded', 'never', 'Raise the quota of the user or remove files.'],
  EROFS: ['permission-denied', 'never', 'The file system is mounted read-only: see the system log for why.'],
  EACCES: ['permission-denied', 'never', 'Give the gateway’s user the right to write there.'],
  EPERM: ['permission-denied', 'never', 'Give the gateway’s user the right to write there.'],
  ENOENT: ['file-missing', 'never', 'See who removed or moved it.'],
  ENOTDIR: ['parent-not-directory', 'never', 'A file stands where a directory is needed: move it away.'],
  EEXIST: ['file-exists', 'never', 'Headgate never overwrites; see what stands there.'],
  EISDIR: ['file-exists', 'never', 'A directory stands where a file is to be.'],
  ESTALE: ['io-error', 'backoff', 'The network file system was mounted anew; it is tried again.'],
  ENAMETOOLONG: ['pattern-invalid', 'never', 'Shorten what hdfs.path or the file prefix expands to.'],
};
const OTHER: Meaning = ['io-error', 'backoff', 'See the system log for the disk and the file system.'];

/** `work`, with the system's errors as ours. */
export async function withFileErrors<T>(operation: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileError(error, operation, path);
  }
}

/** Errors that are not the system's (assertions, our own) come back as they are. */
export function fileError(error: unknown, operation: string, path: string): unknown {
  const system = systemCode(error);
  if (system === undefined || isGatewayError(error)) return error;
  const [code, retry, hint] = BY_CODE[system] ?? OTHER;
  const message = `${system} at ${path}.`;
  return new GatewayError({ code, operation, place: path, message, retry, hint, cause: error });
}

/** `ENOENT`, …; undefined when it is no error of the system. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || typeof Reflect.get(error, 'errno') !== 'number') return undefined;
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' ? code : undefined;
}

/** The stop that was asked for, in the words of every target. */
export function throwIfStopped(signal: AbortSignal, place: string): void {
  if (!signal.aborted) return;
  throw new GatewayError({
    code: 'aborted',
    operation: 'use a directory',
    place,
    message: 'The call was stopped on request.',
    retry: 'backoff',
    hint: 'Nothing to do.',
    cause: signal.reason,
  });
}
