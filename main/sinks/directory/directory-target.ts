import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  unlink,
  type FileHandle,
} from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { crc32c } from '@node-rs/crc32';
import { GatewayError } from '../../../shared/errors.ts';
import type {
  CreateResult,
  RenameRefusal,
  Target,
  TargetEntry,
  TargetStat,
  Upload,
} from '../../landing/target.ts';
import { fileError, systemCode, throwIfStopped, withFileErrors } from './file-error.ts';

/**
 * A local (or mounted) directory as a target. What it promises, and how:
 *
 * 1. *Resolved means durable*: file contents are fsynced before `create` resolves, and a name is fsynced (its directory is) before the
 *    call that made it resolves; directories that had to be made too, up to the one that was there.
 * 2. *Never over an existing file*: files are created exclusively; the final name is given with link(2), which refuses a taken
 *    name in one step (rename(2) would replace it, and Node has no renameat2). Where the file system has no hard links, a look
 *    precedes the rename: a foreign writer of the same name in that moment would lose its file.
 * 3. *Nothing outside the root*: every path is resolved and compared before use.
 *
 * The crash argument for 2: power may fail between link and unlink. Then both names are one inode; the next `rename` of the same pair
 * finds that, and only takes the old name away. The new name is made durable before the old one goes, so there is always one of them.
 */
export interface DirectorySettings {
  readonly type: 'directory';
  /** Absolute; made if it is missing. Every path lies below it. */
  readonly root: string;
  /** Octal; undefined: what the process's umask leaves. */
  readonly directoryPermission?: string | undefined;
  /** For tests: a file system without hard links. */
  readonly link?: typeof link | undefined;
}

const MARKER = join('.headgate', '_namespace');
/** What link(2) says on file systems without hard links (FAT, some network and overlay file systems). */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);
const READ_BYTES = 1024 * 1024;
/** Beyond it they are synced once more. */
const DURABLE_DIRECTORIES_MAX = 1_000;

export class DirectoryTarget implements Target {
  readonly #root: string;
  readonly #settings: DirectorySettings;
  #namespace: string | undefined;
  /** Directories whose names are known to be durable. */
  readonly #durable = new Set<string>();

  /** Throws RangeError for a root that is not absolute. */
  constructor(settings: DirectorySettings) {
    if (!isAbsolute(settings.root)) throw new RangeError(`not an absolute path: ${settings.root}`);
    this.#root = resolve(settings.root);
    this.#settings = settings;
  }

  /** A random id kept in the root: it stays when the disk is mounted elsewhere, and differs when another disk is mounted here. */
  async namespace(signal: AbortSignal): Promise<string> {
    throwIfStopped(signal, this.#root);
    const path = join(this.#root, MARKER);
    this.#namespace ??= await withFileErrors('read the directory’s identity', path, async () => {
      await this.mkdirs(dirname(path), signal);
      return (await readMarker(path)) ?? (await makeMarker(path));
    });
    return `directory:${this.#namespace}`;
  }

  async mkdirs(directory: string, signal: AbortSignal): Promise<void> {
    throwIfStopped(signal, this.#root);
    const path = this.#inside(directory);
    await withFileErrors('make the directory', path, async () => {
      const mode = this.#settings.directoryPermission;
      const first = await mkdir(path, {
        recursive: true,
        ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }),
      });
      if (first === undefined && this.#durable.has(path)) return;
      // Each name stands in the directory above it. One that was there may have been made by an upload beside this one, or by an engine that
      // was killed, and nobody may have synced it yet.
      const top = first !== undefined && first.length <= this.#root.length ? dirname(first) : this.#root;
      for (let made = path; made.length > top.length; made = dirname(made))
        await syncDirectory(dirname(made));
      if (this.#durable.size >= DURABLE_DIRECTORIES_MAX) this.#durable.clear();
      this.#durable.add(path);
    });
  }

  async create(path: string, upload: Upload, signal: AbortSignal): Promise<CreateResult> {
    throwIfStopped(signal, this.#root);
    const file = this.#inside(path);
    const mode = upload.permission === undefined ? undefined : Number.parseInt(upload.permission, 8);
    const handle = await withFileErrors('create the file', file, () => open(file, 'wx', mode));
    try {
      const crc = await writeAll(handle, { file, upload, signal });
      await withFileErrors('make the file durable', file, async () => {
        // The umask may have taken bits from the mode that was asked for.
        if (mode !== undefined) await handle.chmod(mode);
        await handle.sync();
        await handle.close();
        await syncDirectory(dirname(file));
      });
      return { lengthBytes: upload.lengthBytes, crc32c: crc, checksum: checksumOf(crc), server: undefined };
    } catch (error) {
      // Frees the room at once, which a full disk needs. The first error is the one to tell, whatever comes of this: the janitor
      // knows the name too.
      await Promise.allSettled([handle.close()]);
      await Promise.allSettled([rm(file, { force: true })]);
      throw error;
    }
  }

  async stat(path: string, signal: AbortSignal): Promise<TargetStat | undefined> {
    throwIfStopped(signal, this.#root);
    const file = this.#inside(path);
    return withFileErrors('look at the path', file, () => statOf(file, path));
  }

  statInode(): Promise<'unsupported'> {
    return Promise.resolve('unsupported');
  }

  /** Reads the file back. */
  async checksum(path: string, signal: AbortSignal): Promise<{ readonly value: string }> {
    let crc = 0;
    for await (const part of (await this.open(path, signal)) as AsyncIterable<Buffer>)
      crc = crc32c(part, crc);
    return { value: checksumOf(crc) };
  }

  async rename(
    from: string,
    to: string,
    signal: AbortSignal,
  ): Promise<{ readonly renamed: boolean; readonly why?: RenameRefusal }> {
    throwIfStopped(signal, this.#root);
    const source = this.#inside(from);
    const destination = this.#inside(to);
    return withFileErrors('rename the file', destination, async () => {
      const before = await statOf(source, from);
      if (before === undefined) return { renamed: false, why: 'source-missing' };
      if (before.type !== 'file') throw isDirectory(source, 'rename the file');
      const why = await this.#giveName(source, destination, before);
      if (why !== undefined) return { renamed: false, why };
      for (const directory of new Set([dirname(destination), dirname(source)]))
        await syncDirectory(directory);
      return { renamed: true };
    });
  }

  /** No attributes that every file system keeps: the caller writes a sidecar. */
  stamp(): Promise<boolean> {
    return Promise.resolve(false);
  }

  attributes(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async remove(path: string, signal: AbortSignal): Promise<boolean> {
    throwIfStopped(signal, this.#root);
    const file = this.#inside(path);
    return withFileErrors('remove the file', file, async () => {
      const before = await statOf(file, path);
      if (before?.type === 'directory') throw isDirectory(file, 'remove the file');
      if (before === undefined || !(await unlinked(file))) return false;
      await syncDirectory(dirname(file));
      return true;
    });
  }

  async list(directory: string, signal: AbortSignal): Promise<readonly TargetEntry[] | undefined> {
    throwIfStopped(signal, this.#root);
    const path = this.#inside(directory);
    return withFileErrors('list the directory', path, async () => {
      const names = await unlessMissing(readdir(path));
      if (names === undefined) return undefined;
      const entries: TargetEntry[] = [];
      for (const name of names) {
        const facts = await statOf(join(path, name), name);
        if (facts !== undefined) entries.push({ name, type: facts.type, lengthBytes: facts.lengthBytes });
      }
      return entries;
    });
  }

  async open(path: string, signal: AbortSignal): Promise<Readable> {
    throwIfStopped(signal, this.#root);
    const file = this.#inside(path);
    const handle = await withFileErrors('read the file', file, () => open(file, 'r'));
    const stream = createReadStream(file, { fd: handle, highWaterMark: READ_BYTES, signal });
    return Readable.from(readOf(stream, file, signal), { objectMode: false });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Undefined: `destination` is the file's only name now. */
  async #giveName(
    source: string,
    destination: string,
    before: TargetStat,
  ): Promise<RenameRefusal | undefined> {
    try {
      await (this.#settings.link ?? link)(source, destination);
    } catch (error) {
      const code = systemCode(error) ?? '';
      if (code === 'ENOENT')
        return (await statOf(source, source)) === undefined ? 'source-missing' : 'parent-missing';
      const there = await statOf(destination, destination);
      if (code !== 'EEXIST') {
        if (!NO_HARD_LINKS.has(code)) throw error;
        if (there !== undefined) return 'destination-exists';
        await rename(source, destination);
        return undefined;
      }
      // The names of one file already: this very rename was interrupted after its first half.
      const isHalfDone = there?.inode !== undefined && there.inode === before.inode && source !== destination;
      if (!isHalfDone) return 'destination-exists';
    }
    // Two names are changed, and a power cut may keep the later change without the earlier one: then the file would have none.
    await syncDirectory(dirname(destination));
    await unlinked(source);
    return undefined;
  }

  /** The resolved path. Throws `permission-denied` for one outside the root: a rule that expands to `..` must not write elsewhere. */
  #inside(path: string): string {
    const full = resolve(path);
    const way = relative(this.#root, full);
    if (
      isAbsolute(path) &&
      !path.includes('\0') &&
      way !== '..' &&
      !way.startsWith(`..${sep}`) &&
      !isAbsolute(way)
    )
      return full;
    throw new GatewayError({
      code: 'permission-denied',
      operation: 'use a path',
      place: this.#root,
      message: `${JSON.stringify(path)} is not inside the sink’s directory.`,
      retry: 'never',
      hint: 'Look at what the escapes in the path expand to.',
    });
  }
}

async function writeAll(
  handle: FileHandle,
  { file, upload, signal }: { file: string; upload: Upload; signal: AbortSignal },
): Promise<number> {
  let crc = 0;
  let written = 0;
  for await (const piece of upload.pieces) {
    throwIfStopped(signal, file);
    crc = crc32c(piece, crc);
    written += piece.length;
    if (written > upload.lengthBytes) break;
    await withFileErrors('write the file', file, () => writePiece(handle, piece));
  }
  if (written !== upload.lengthBytes)
    throw new RangeError(`${written} of the announced ${upload.lengthBytes} bytes`);
  return crc;
}

/** write(2) may take a part only, on a disk that is nearly full for one. */
async function writePiece(handle: FileHandle, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.length;) {
    const { bytesWritten } = await handle.write(piece, at);
    at += bytesWritten;
  }
}

async function* readOf(stream: Readable, file: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (error) {
    throwIfStopped(signal, file);
    throw fileError(error, 'read the file', file);
  }
}

async function statOf(file: string, path: string): Promise<TargetStat | undefined> {
  const facts = await unlessMissing(stat(file, { bigint: true }));
  if (facts === undefined) return undefined;
  return {
    path,
    type: facts.isDirectory() ? 'directory' : 'file',
    lengthBytes: Number(facts.size),
    inode: `${facts.dev}:${facts.ino}`,
    modifiedAtMs: Number(facts.mtimeMs),
  };
}

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** False: it was gone already. */
async function unlinked(file: string): Promise<boolean> {
  return (await unlessMissing(unlink(file).then(() => true))) ?? false;
}

/** Windows can't open a directory for this, and keeps names in its own journal. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readMarker(path: string): Promise<string | undefined> {
  return (await unlessMissing(readFile(path, 'utf8')))?.trim();
}

/** Whole or not at all, and only one of several that try: written under another name, then linked. */
async function makeMarker(path: string): Promise<string> {
  const id = randomUUID();
  const temp = `${path}.${id}`;
  const handle = await open(temp, 'wx');
  try {
    await handle.writeFile(`${id}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    if ((await unlessMissing(lstat(path))) === undefined) await linkOrRename(temp, path);
  } finally {
    await rm(temp, { force: true });
  }
  await syncDirectory(dirname(path));
  const kept = await readMarker(path);
  if (kept === undefined) throw new RangeError(`the marker at ${path} vanished`);
  return kept;
}

async function linkOrRename(temp: string, path: string): Promise<void> {
  try {
    await link(temp, path);
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (code === 'EEXIST') return;
    if (!NO_HARD_LINKS.has(code)) throw error;
    await rename(temp, path);
  }
}

function checksumOf(crc: number): string {
  return `CRC32C:${crc.toString(16).padStart(8, '0')}`;
}

function isDirectory(path: string, operation: string): GatewayError {
  const message = `${path} is a directory.`;
  return new GatewayError({
    code: 'file-exists',
    operation,
    place: path,
    message,
    retry: 'never',
    hint: 'See who made it.',
  });
}
