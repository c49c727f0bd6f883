/**
 * Exchanges the configuration file as one step, and only for the text that was edited.
 *
 * Promise: after `commit` the file is the new text whole; before it, and after any failure, it is the one that was there. An edit that
 * somebody else makes meanwhile is never written over silently.
 *
 * 1. The new text is written beside the file under a hidden name, with the file's mode and owner, and synced: no room, a folder that is not
 *    ours and a read-only file are met here, when nothing is changed.
 * 2. `commit` looks at the file's bytes once more and renames in the same breath; a link is followed, so that it stays a link.
 * 3. The old file is held open over the rename and read again after it: who had it open and wrote into it just then gets it back, and the
 *    exchange is a conflict. What is left is an editor that renames its own file in between those two system calls.
 * 4. A file that is not to be there yet is made with a link, which fails where another file came first.
 *
 * Killed at any point: the file is old or new. A hidden file that is left over is written over by the next exchange.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { access, mkdir, open, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GatewayError, isGatewayError, type ErrorCode } from '../../shared/errors.ts';
import { syncFolder } from './folder-sync.ts';

const NEW_FILE_MODE = 0o600;
const NEW_FOLDER_MODE = 0o700;
const WRITABLE_BITS = 0o222;
const PERMISSION_BITS = 0o7777;

export interface ExchangeOptions {
  readonly path: string;
  /** What the file has to hold still; undefined: there must be none. */
  readonly base: Buffer | undefined;
  readonly bytes: Buffer;
  /** Tests put another editor in its place. */
  readonly rename?: Rename;
}

type Rename = (from: string, to: string) => void;

/** A file that is ready to take its place. Exactly one of `commit` and `discard` is to be called. */
export interface StagedFile {
  /** Throws `config-conflict` when the file is no longer the base. */
  commit(): Promise<void>;
  /** After a commit: puts the base back, when the file is still what was committed. */
  undo(): Promise<void>;
  discard(): Promise<void>;
}

/** How a file is exchanged; tests put faults in its place. */
export type StageFile = (options: ExchangeOptions) => Promise<StagedFile>;

/** Throws `disk-full`, `permission-denied`, `config-conflict` or `io-error`; then nothing was changed. */
export const stageFile: StageFile = async (options) => {
  const { path, base, bytes, rename = renameSync } = options;
  return guarded(path, async () => {
    const target = base === undefined ? await freePath(path) : await realpath(path);
    const likeness = base === undefined ? undefined : await writableFile(path, target);
    const temporary = join(dirname(target), `.${basename(target)}.headgate-new`);
    await writeBeside(temporary, bytes, likeness);
    const places = { path, target, temporary };
    return {
      commit: () => guarded(path, () => exchange(places, base, rename)),
      undo: () => guarded(path, () => putBack(places, options)),
      discard: () => guarded(path, () => rm(temporary, { force: true })),
    };
  });
};

interface Likeness {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

interface Places {
  /** As the operator names it. */
  readonly path: string;
  /** What it leads to. */
  readonly target: string;
  readonly temporary: string;
}

/** For a new file: its folder is made; a link that leads nowhere is somebody's mistake, not a place. */
async function freePath(path: string): Promise<string> {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw conflict(path, 'there is a file now');
  await mkdir(dirname(path), { recursive: true, mode: NEW_FOLDER_MODE });
  return path;
}

async function writableFile(path: string, target: string): Promise<Likeness> {
  const { mode, uid, gid } = await stat(target);
  // The superuser may write anything; a file that its owner made read-only is left alone all the same.
  if ((mode & WRITABLE_BITS) === 0)
    throw fault('permission-denied', path, {
      message: 'the configuration file is read-only',
      hint: 'Give it back its write permission, or edit it by hand.',
    });
  await access(target, constants.W_OK);
  return { mode: mode & PERMISSION_BITS, uid, gid };
}

async function writeBeside(path: string, bytes: Buffer, likeness: Likeness | undefined): Promise<void> {
  await rm(path, { force: true });
  const handle = await open(path, 'wx', NEW_FILE_MODE);
  try {
    await handle.writeFile(bytes);
    if (likeness !== undefined && process.platform !== 'win32') {
      const own = await handle.stat();
      if (own.uid !== likeness.uid || own.gid !== likeness.gid)
        await handle.chown(likeness.uid, likeness.gid);
      await handle.chmod(likeness.mode);
    }
    await handle.sync();
  } catch (cause) {
    await rm(path, { force: true });
    throw cause;
  } finally {
    await handle.close();
  }
}

async function exchange(places: Places, base: Buffer | undefined, rename: Rename): Promise<void> {
  if (base === undefined) create(places);
  else exchangeNow(places, base, rename);
  await syncFolder(dirname(places.target));
}

/** In one breath: nothing else of this process runs in between. */
function exchangeNow(places: Places, base: Buffer, rename: Rename): void {
  const { path, target, temporary } = places;
  const old = openSync(target, 'r');
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(old);
    isOpen = false;
  };
  try {
    if (!readWhole(old).equals(base)) throw conflict(path, 'somebody else has edited it');
    // Windows does not rename over a file that is open, and keeps others from writing one that is.
    if (process.platform === 'win32') close();
    rename(temporary, target);
    if (!isOpen) return;
    const last = readWhole(old);
    if (last.equals(base)) return;
    const { mode, uid, gid } = fstatSync(old);
    writeFileSync(temporary, last, { mode: NEW_FILE_MODE, flush: true });
    chownSync(temporary, uid, gid);
    chmodSync(temporary, mode & PERMISSION_BITS);
    renameSync(temporary, target);
    throw conflict(path, 'somebody else was writing it');
  } finally {
    close();
  }
}

function readWhole(descriptor: number): Buffer {
  const { size } = fstatSync(descriptor);
  const bytes = Buffer.alloc(size);
  return bytes.subarray(0, readSync(descriptor, bytes, 0, size, 0));
}

function create({ path, target, temporary }: Places): void {
  try {
    linkSync(temporary, target);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'EEXIST') throw conflict(path, 'there is a file now');
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw cause;
    // A file system without links: the text may be half there after a power cut, and the wizard then begins anew.
    writeFileSync(target, readFileSync(temporary), { flag: 'wx', mode: NEW_FILE_MODE, flush: true });
  }
  rmSync(temporary, { force: true });
}

async function putBack({ path, target, temporary }: Places, options: ExchangeOptions): Promise<void> {
  const { base, bytes } = options;
  if (!readFileSync(target).equals(bytes)) return;
  if (base === undefined) rmSync(target);
  else {
    await writeBeside(temporary, base, await writableFile(path, target));
    renameSync(temporary, target);
  }
  await syncFolder(dirname(target));
}

async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (isGatewayError(cause)) throw cause;
    throw wrapped(path, cause);
  }
}

function wrapped(path: string, cause: unknown): GatewayError {
  const code = codeOf(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return fault('disk-full', path, {
      message: 'there is no room for the new configuration; the old one stays',
      hint: 'Make room on the disk of the configuration file.',
      cause,
    });
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return fault('permission-denied', path, {
      message: `the engine may not write the configuration file (${code}); the old one stays`,
      hint: `The engine’s user needs the right to write the file and its folder ${dirname(path)}, and to keep the file’s owner; or edit it by hand.`,
      cause,
    });
  if (code === 'ENOENT') return conflict(path, 'it is gone');
  return fault('io-error', path, {
    message: `the configuration file could not be exchanged (${code}); the old one stays`,
    hint: 'Check the disk, and that the file itself is no mount; or edit it by hand.',
    cause,
  });
}

function codeOf(cause: unknown): string {
  const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
  return typeof code === 'string' ? code : 'unknown fault';
}

/** What every editor that comes too late is told. */
export function conflict(path: string, what: string): GatewayError {
  return fault('config-conflict', path, {
    message: `the configuration file is not the one that was edited: ${what}`,
    hint: 'Load the file again, compare it with your text, and apply once more.',
  });
}

interface Fault {
  readonly message: string;
  readonly hint: string;
  readonly cause?: unknown;
}

function fault(code: ErrorCode, place: string, facts: Fault): GatewayError {
  return new GatewayError({
    code,
    operation: 'write the configuration file',
    place,
    retry: 'never',
    ...facts,
  });
}
