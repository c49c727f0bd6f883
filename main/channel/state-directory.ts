import { randomBytes, randomUUID } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { GatewayError } from '../../shared/errors.ts';
import { CHANNEL_FILE, isSqliteError } from './channel-database.ts';

/**
 * The state directory: who this gateway is, and that only one engine works on it.
 *
 *   identity.json   state id and instance nonce; written once, synced, never changed here
 *   lock.sqlite     held exclusively by the engine; the operating system lets go of it when the process dies
 *   engine.json     pid and host of the holder, only for the message to the second engine
 *   channel.sqlite  the channel (-wal and -shm beside it)
 *   ballast         room kept aside for landing on a full disk
 *
 * The lock is SQLite's own on a file of its own: it is the same on Linux, macOS and Windows, needs no native code besides the one
 * we have, and cannot be left behind by a crash as a pid file can. Nothing else may open lock.sqlite: closing any descriptor of
 * a file drops the process's POSIX locks on it.
 */

/** Raised when files beside the database change their meaning. */
export const STATE_DIRECTORY_FORMAT = 1;

/** The engine's group may reach the control socket by its name, and list, read or change nothing: every file beside it is ours alone. */
const DIRECTORY_MODE = 0o710;
const FILE_MODE = 0o600;

export interface StateIdentity {
  /** Names this state directory in tenures, markers and xattrs, for ever. */
  readonly stateId: string;
  /** Tells a clone of the directory from the original, together with the marker at the target. */
  readonly instanceNonce: string;
  readonly createdAtMs: number;
  readonly format: number;
}

export interface StateDirectory extends Disposable {
  readonly path: string;
  readonly identity: StateIdentity;
  /** Lets go of the lock. */
  close(): void;
}

/**
 * Opens the directory for an engine, making it when it is missing. Throws `state-dir-locked` when another process has it,
 * `state-dir-newer`, or `state-dir-unusable` when it cannot be made, written or understood.
 */
export function openStateDirectory(path: string, nowMs: number): StateDirectory {
  // Files that SQLite makes take the mode of the database, and that one the process's mask.
  const lock = unusableUnless(path, () => {
    mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
    chmodSync(path, DIRECTORY_MODE);
    return new Database(privateFile(join(path, 'lock.sqlite')), { timeout: 0 });
  });
  try {
    takeLock(lock, path);
    const identity = unusableUnless(path, () => readIdentity(path) ?? createIdentity(path, nowMs));
    if (identity.format > STATE_DIRECTORY_FORMAT) throw newerDirectory(path, identity.format);
    unusableUnless(path, () => writeHolder(path, nowMs));
    const close = (): void => void lock.close();
    return { path, identity, close, [Symbol.dispose]: close };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Reads who a directory is without locking it; undefined when it has no identity yet. */
export function readIdentity(path: string): StateIdentity | undefined {
  const file = join(path, 'identity.json');
  if (!existsSync(file)) return undefined;
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (!isIdentity(value)) throw new Error(`${file} is damaged`);
  return value;
}

/** Makes the file when it is missing, for our user only, and gives its path back. */
export function privateFile(path: string): string {
  closeSync(openSync(path, 'a', FILE_MODE));
  chmodSync(path, FILE_MODE);
  return path;
}

function takeLock(lock: Database.Database, path: string): void {
  try {
    lock.pragma('journal_mode = MEMORY');
    lock.pragma('locking_mode = EXCLUSIVE');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    if (!isSqliteError(error) || !error.code.startsWith('SQLITE_BUSY')) throw unusable(path, error);
    throw new GatewayError({
      code: 'state-dir-locked',
      operation: 'lock the state directory',
      place: path,
      message: `Another engine runs on this state directory${holderText(path)}.`,
      retry: 'never',
      hint: 'Stop the other engine first, or give this one a state directory of its own.',
      cause: error,
    });
  }
}

/** For people only; the lock is the proof. So a disk without room, which the channel has a ballast for, does not end the start here. */
function writeHolder(path: string, nowMs: number): void {
  const text = JSON.stringify({ pid: process.pid, host: hostname(), startedAtMs: nowMs });
  try {
    writeFileSync(join(path, 'engine.json'), text, { mode: FILE_MODE });
  } catch (error) {
    if (!(error instanceof Error) || Reflect.get(error, 'code') !== 'ENOSPC') throw error;
  }
}

function holderText(path: string): string {
  try {
    const value = JSON.parse(readFileSync(join(path, 'engine.json'), 'utf8')) as {
      pid?: unknown;
      host?: unknown;
    };
    return ` (process ${String(value.pid)} on ${String(value.host)})`;
  } catch {
    // The note is for people only; the lock itself is the proof, and the holder may be about to write it.
    return '';
  }
}

function createIdentity(path: string, nowMs: number): StateIdentity {
  // A channel without the identity under which it was filled must not get a new one: its tenures would be nobody's.
  if (existsSync(join(path, CHANNEL_FILE))) throw new Error('identity.json is missing beside a channel');
  const identity: StateIdentity = {
    stateId: randomUUID(),
    instanceNonce: randomBytes(16).toString('hex'),
    createdAtMs: nowMs,
    format: STATE_DIRECTORY_FORMAT,
  };
  const file = join(path, 'identity.json');
  writeFileSync(`${file}.new`, `${JSON.stringify(identity)}\n`, { mode: FILE_MODE, flush: true });
  renameSync(`${file}.new`, file);
  syncDirectory(path);
  syncAbove(path);
  return identity;
}

/** Makes names in a directory durable; Windows has no such call and needs none. */
export function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Each directory on the way down may be new, made by us or by an engine that was killed before it came here; a name is safe only once the
 * directory above it is synced. Ends at the file system's own root, and where we may not look: nothing there is of our making.
 */
function syncAbove(path: string): void {
  const { dev } = statSync(path);
  for (let below = path, above = dirname(path); above !== below; below = above, above = dirname(above)) {
    if (statSync(above).dev !== dev || !isReadable(above)) return;
    syncDirectory(above);
  }
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, 'code') === 'EACCES') return false;
    throw error;
  }
}

function isIdentity(value: unknown): value is StateIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const { stateId, instanceNonce, createdAtMs, format } = value as Record<string, unknown>;
  return (
    typeof stateId === 'string' &&
    typeof instanceNonce === 'string' &&
    typeof createdAtMs === 'number' &&
    typeof format === 'number'
  );
}

function newerDirectory(path: string, format: number): GatewayError {
  return new GatewayError({
    code: 'state-dir-newer',
    operation: 'open the state directory',
    place: path,
    message: `The state directory has format ${format}; this Headgate knows formats up to ${STATE_DIRECTORY_FORMAT}.`,
    retry: 'never',
    hint: 'Install the newer Headgate again, or one that came after it.',
  });
}

function unusableUnless<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): GatewayError {
  return new GatewayError({
    code: 'state-dir-unusable',
    operation: 'open the state directory',
    place: path,
    message: `The state directory cannot be used: ${cause instanceof Error ? cause.message : String(cause)}.`,
    retry: 'never',
    hint: 'Make the directory writable for the user that runs Headgate, on a local disk.',
    cause,
  });
}
