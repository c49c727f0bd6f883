import { GatewayError, isGatewayError, type ErrorCode } from '../../../shared/errors.ts';
import type { RenameRefusal } from '../../landing/target.ts';
import { RemoteExceptionCause } from './remote-exception.ts';

/** The result of `work`, or undefined when it is refused with one of these codes. */
export async function unless<T>(codes: readonly ErrorCode[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isGatewayError(error) && codes.includes(error.code)) return undefined;
    throw error;
  }
}

/** What a NameNode's refusal of RENAME with `renameoptions=NONE` means; undefined when it is no such refusal. */
export function renameRefusal(error: unknown, to: string): RenameRefusal | undefined {
  if (!isGatewayError(error) || !(error.cause instanceof RemoteExceptionCause)) return undefined;
  const { exception, said: message } = error.cause;
  if (exception === 'FileAlreadyExistsException') return 'destination-exists';
  // A directory stands at the destination: a file and a directory don't rename onto each other.
  if (message.endsWith(`destination ${to} must both be directories`)) return 'destination-exists';
  if (exception !== 'FileNotFoundException') return undefined;
  return message.startsWith('rename destination parent') ? 'parent-missing' : 'source-missing';
}

export function missing(path: string, operation: string): GatewayError {
  const message = `There is nothing at ${path}.`;
  return new GatewayError({
    code: 'file-missing',
    operation,
    place: path,
    message,
    retry: 'never',
    hint: 'See who removed or moved it.',
  });
}

export function isDirectory(path: string, operation: string): GatewayError {
  const message = `${path} is a directory; only files are removed.`;
  return new GatewayError({
    code: 'namenode-refused',
    operation,
    place: path,
    message,
    retry: 'never',
    hint: 'See who made it.',
  });
}

export function notDirectory(path: string, operation: string): GatewayError {
  const message = `${path} is a file.`;
  const hint = 'A file stands where a directory is needed: move it away.';
  return new GatewayError({
    code: 'parent-not-directory',
    operation,
    place: path,
    message,
    retry: 'never',
    hint,
  });
}

export function swallowed(to: string, operation: string): GatewayError {
  return new GatewayError({
    code: 'rename-uncertain',
    operation,
    place: to,
    message: `HttpFS said that the file was renamed, but no file stands at ${to}: a directory of that name may have taken it in.`,
    retry: 'never',
    hint: 'Look for the file below the destination, and for who made a directory there.',
  });
}
