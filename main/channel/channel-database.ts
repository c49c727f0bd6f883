import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { GatewayError, isGatewayError } from '../../shared/errors.ts';
import { BUSY_WAIT_MS, READER_CACHE_BYTES, WRITER_CACHE_BYTES } from './channel-limits.ts';
import { PAGE_BYTES, WAL_CHECKPOINT_BYTES } from './channel-limits.ts';

export type ChannelDatabase = Database.Database;
export const CHANNEL_FILE = 'channel.sqlite';

/** `PRAGMA synchronous` as a number: what a commit waits for. */
const SYNCHRONOUS_FULL = 2;
/** `PRAGMA auto_vacuum` as a number. */
const AUTO_VACUUM_INCREMENTAL = 2;

/**
 * Opens the one writing connection. Throws GatewayError `database-busy`, `io-error`, `disk-full` or `database-damaged`;
 * creates no tables (see schema.ts).
 */
export function openForWriting(path: string, walCheckpointBytes = WAL_CHECKPOINT_BYTES): ChannelDatabase {
  return wrapped('open the channel database', path, () => {
    const db = new Database(path, { timeout: BUSY_WAIT_MS });
    try {
      // Both count only before the first page; on an existing file, perhaps a newer Headgate's, nothing is written here. SQLite is asked,
      // not the file: one that a power cut left half made is emptied by its journal with the first look.
      if (db.pragma('page_count', { simple: true }) === 0) {
        db.pragma(`page_size = ${PAGE_BYTES}`);
        db.pragma('auto_vacuum = INCREMENTAL');
      }
      assert.equal(db.pragma('journal_mode = WAL', { simple: true }), 'wal');
      db.pragma('synchronous = FULL');
      db.pragma('foreign_keys = ON');
      db.pragma('cell_size_check = ON');
      db.pragma(`cache_size = -${WRITER_CACHE_BYTES / 1024}`);
      db.pragma('temp_store = MEMORY');
      db.pragma(`journal_size_limit = ${walCheckpointBytes}`);
      const pageBytes = Number(db.pragma('page_size', { simple: true }));
      db.pragma(`wal_autocheckpoint = ${Math.ceil(walCheckpointBytes / pageBytes)}`);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/**
 * Asserts what durability rests on. The bundled SQLite is built with DEFAULT_WAL_SYNCHRONOUS=1: without the explicit pragma
 * it falls back to NORMAL once the schema is read, and a committed put could vanish in a power cut. So this is called after
 * the first read of a table, on every open.
 */
export function assertDurable(db: ChannelDatabase): void {
  assert.equal(db.pragma('synchronous', { simple: true }), SYNCHRONOUS_FULL, 'synchronous is not FULL');
  assert.equal(db.pragma('journal_mode', { simple: true }), 'wal', 'the journal is not a WAL');
  assert.equal(db.pragma('foreign_keys', { simple: true }), 1, 'foreign keys are off');
  assert.equal(db.pragma('auto_vacuum', { simple: true }), AUTO_VACUUM_INCREMENTAL, 'no incremental vacuum');
}

/** Opens a reading connection; each statement on it is one short transaction unless the caller begins one. */
export function openForReading(path: string): ChannelDatabase {
  return wrapped('open the channel database for reading', path, () => {
    // better-sqlite3 calls a missing directory a TypeError; the system has a better word for it.
    statSync(path);
    const db = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_WAIT_MS });
    db.pragma(`cache_size = -${READER_CACHE_BYTES / 1024}`);
    db.pragma('query_only = ON');
    return db;
  });
}

/** Runs `action`; what SQLite throws becomes a GatewayError, everything else passes. */
export function wrapped<T>(operation: string, place: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw toChannelError(error, operation, place);
  }
}

/** True for an error that better-sqlite3 made of an SQLite result code. */
export function isSqliteError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Database.SqliteError;
}

export function isDiskFull(error: unknown): boolean {
  return isGatewayError(error) && error.code === 'disk-full';
}

/** SQLite's result codes and the system's in our words; anything else is given back as it is. */
export function toChannelError(error: unknown, operation: string, place: string): unknown {
  if (isSystemError(error)) return systemFault(error, { operation, place });
  if (!isSqliteError(error)) return error;
  const { code } = error;
  const base = { operation, place, message: `SQLite reports ${code}: ${error.message}.`, cause: error };
  // The second one: the file of memory shared between connections could not be made larger, which a disk without room refuses.
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE') {
    return new GatewayError({
      ...base,
      code: 'disk-full',
      retry: 'backoff',
      hint: 'Make room on the disk of the state directory; intake waits, nothing is lost.',
    });
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return new GatewayError({
      ...base,
      code: 'database-damaged',
      retry: 'never',
      hint: 'Do not delete the state directory: it holds events. Stop the engine, copy the directory whole, check the disk; docs/operations.md, “A damaged database”, says how to go on.',
    });
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new GatewayError({
      ...base,
      code: 'database-busy',
      retry: 'backoff',
      hint: 'Close the program that holds the channel database open.',
    });
  }
  if (/^SQLITE_(IOERR|CANTOPEN|READONLY|PERM|AUTH|NOLFS|PROTOCOL)/.test(code)) {
    return new GatewayError({
      ...base,
      code: 'io-error',
      retry: 'backoff',
      hint: 'Look at the system log for faults of the disk, and at the rights of the state directory.',
    });
  }
  return error;
}

/** True for an error that Node made of a failed system call. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof Reflect.get(error, 'syscall') === 'string';
}

function systemFault(
  error: NodeJS.ErrnoException,
  at: { readonly operation: string; readonly place: string },
): GatewayError {
  return new GatewayError({
    ...at,
    code: error.code === 'ENOSPC' ? 'disk-full' : 'io-error',
    message: `The system reports: ${error.message}.`,
    retry: 'backoff',
    hint: 'Look at the disk of the state directory: room, rights, and the system log for faults.',
    cause: error,
  });
}
