/**
 * The secret that signs people in to the browser console: 256 random bits in `<stateDir>/console.token`, mode 0600. Whoever can read the
 * file could do anything with the engine anyway; whoever can't, has no way in. All sessions hang on it: a new token ends them.
 */
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { GatewayError } from '../../shared/errors.ts';

const TOKEN_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;
const FILE_BYTES_MAX = 200;
const FILE_MODE = 0o600;

export function consoleTokenPath(stateDir: string): string {
  return join(stateDir, 'console.token');
}

/**
 * Reads the token; undefined when there is none that may be used: no file, another thing than a file of ours, or one that others could
 * have read. Throws `state-dir-unusable` when it can't be read at all.
 */
export function readConsoleToken(stateDir: string): string | undefined {
  const path = consoleTokenPath(stateDir);
  const found = unusableUnless(path, () => lstatSync(path, { throwIfNoEntry: false }));
  if (found === undefined) return undefined;
  const isOpenToOthers = process.platform !== 'win32' && (found.mode & 0o077) !== 0;
  if (!found.isFile() || isOpenToOthers) return undefined;
  const text = unusableUnless(path, () => readWhole(path));
  return TOKEN.test(text) ? text : undefined;
}

/** Makes a new token, in place of the one that may be there, and gives it back. Throws `state-dir-unusable`. */
export function renewConsoleToken(stateDir: string): string {
  const path = consoleTokenPath(stateDir);
  const fresh = `${path}.${randomBytes(6).toString('hex')}.new`;
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  return unusableUnless(path, () => {
    try {
      writeFileSync(fresh, `${token}\n`, { mode: FILE_MODE, flag: 'wx', flush: true });
      // The superuser makes it for the engine's user: root's own file would be none that the engine can read.
      if (process.getuid?.() === 0) {
        const { uid, gid } = statSync(dirname(path));
        chownSync(fresh, uid, gid);
      }
      renameSync(fresh, path);
    } catch (cause) {
      rmSync(fresh, { force: true });
      throw cause;
    }
    return token;
  });
}

/** The token as the engine uses it: read again when the file has changed, made anew when it has gone. */
export class ConsoleToken {
  readonly #stateDir: string;
  #token = '';
  #seen = '';

  constructor(stateDir: string) {
    this.#stateDir = stateDir;
  }

  /** Throws `state-dir-unusable` when it can be neither read nor made. */
  current(): string {
    const seen = this.#look();
    if (seen !== undefined && seen === this.#seen) return this.#token;
    this.#token = readConsoleToken(this.#stateDir) ?? renewConsoleToken(this.#stateDir);
    this.#seen = this.#look() ?? '';
    return this.#token;
  }

  /** What tells one version of the file from another. */
  #look(): string | undefined {
    const path = consoleTokenPath(this.#stateDir);
    const found = unusableUnless(path, () => lstatSync(path, { throwIfNoEntry: false }));
    return found === undefined
      ? undefined
      : [found.ino, found.size, found.mtimeMs, found.ctimeMs, found.mode].join(' ');
  }
}

function readWhole(path: string): string {
  // Windows has no such flag, and no such trick either.
  const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    return fstatSync(descriptor).size > FILE_BYTES_MAX ? '' : readFileSync(descriptor, 'utf8').trim();
  } finally {
    closeSync(descriptor);
  }
}

function unusableUnless<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new GatewayError({
      code: 'state-dir-unusable',
      operation: 'use the console’s token',
      place: path,
      message: `the token can’t be read or made: ${cause instanceof Error ? cause.message : String(cause)}`,
      retry: 'backoff',
      hint: 'only the engine’s own user may: run this as that user, for example with `sudo -u headgate`',
      cause,
    });
  }
}
