import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32c } from '@node-rs/crc32';

import type {
  CreateResult,
  RenameRefusal,
  Target,
  TargetEntry,
  TargetStat,
  Upload,
} from '../../main/landing/target.ts';
import { GatewayError } from '../../shared/errors.ts';
import type { ErrorCode } from '../../shared/errors.ts';

/**
 * A file tree that fails as an HDFS does (webhdfs-facts.md), for faults that a real one can't be made to show on demand.
 * It never overwrites, and throws `Overwritten` when it is asked to do so by a bug.
 */
export interface Node {
  readonly inode: string;
  bytes: Buffer;
  attributes: Record<string, string>;
}

export type Operation =
  'namespace' | 'mkdirs' | 'create' | 'stat' | 'statInode' | 'checksum' | 'rename' | 'stamp' | 'remove';

/**
 * `refuse`: nothing happened, and the caller knows; `lose-reply`: it happened (a create: the whole file), the caller can't know;
 * `truncate`: a create whose body broke: a closed, readable, shorter file; `late`: a create that seems dead and appears later;
 * `moved-by-others`: a rename whose reply is lost, and somebody moves the file on at once; `unjournaled`: a rename that a dying
 * NameNode shows and has not journaled; it is gone when the next write comes in; `corrupt`: a create whose bytes were changed.
 */
export type Fault =
  'refuse' | 'lose-reply' | 'truncate' | 'late' | 'moved-by-others' | 'unjournaled' | 'corrupt' | ErrorCode;

export interface MemoryTargetOptions {
  readonly hasInodeLookup?: boolean;
  readonly hasInodes?: boolean;
  readonly hasAttributes?: boolean;
}

export class MemoryTarget implements Target {
  readonly files = new Map<string, Node>();
  readonly directories = new Set<string>(['/']);
  /** Attributes of directories: the markers. */
  readonly markers = new Map<string, Record<string, string>>();
  readonly calls: string[] = [];
  /** Asked before each operation. */
  fault: (operation: Operation, path: string) => Fault | undefined = () => undefined;
  /** Creates that appear when `bringLate` is called. */
  readonly late: (() => void)[] = [];
  readonly #options: MemoryTargetOptions;
  #nextInode = 1000;
  #undo: (() => void) | undefined;

  constructor(options: MemoryTargetOptions = {}) {
    this.#options = options;
  }

  namespace(): Promise<string> {
    return this.#do('namespace', '/', () => 'memory:1', false);
  }

  mkdirs(directory: string): Promise<void> {
    return this.#do('mkdirs', directory, () => {
      this.directories.add(directory);
    });
  }

  async create(path: string, upload: Upload, signal: AbortSignal): Promise<CreateResult> {
    const fault = this.#begin('create', path, true);
    if (fault === 'refuse') throw failure('transport', 'create', path);
    if (this.files.has(path)) throw failure('file-exists', 'create', path);
    const pieces: Uint8Array[] = [];
    let error: unknown;
    try {
      for await (const piece of upload.pieces) {
        signal.throwIfAborted();
        pieces.push(Uint8Array.from(piece));
        if (fault === 'truncate') break;
      }
    } catch (thrown) {
      error = thrown;
    }
    let bytes = Buffer.concat(pieces);
    const sent = bytes;
    if (fault === 'truncate') bytes = bytes.subarray(0, Math.max(0, bytes.length - 1));
    if (fault === 'corrupt' && bytes.length > 0) {
      bytes = Buffer.from(bytes);
      bytes[0] = (bytes[0] ?? 0) ^ 1;
    }
    const make = (): void => {
      if (!this.files.has(path))
        this.files.set(path, { inode: String(this.#nextInode++), bytes, attributes: {} });
    };
    if (fault === 'late') this.late.push(make);
    else make();
    if (error !== undefined) {
      // A real target wraps what its source threw.
      throw failure(signal.aborted ? 'aborted' : 'transport', 'create', path, error);
    }
    if (fault !== undefined && fault !== 'corrupt') throw failure('timeout', 'create', path);
    return { lengthBytes: sent.length, checksum: checksumOf(sent), crc32c: crc32c(sent), server: 'dn1:9864' };
  }

  /** The dying NameNode is gone: what it showed and had not journaled was never done. */
  forgetUnjournaled(): void {
    this.#undo?.();
    this.#undo = undefined;
  }

  bringLate(): void {
    for (const make of this.late.splice(0)) make();
  }

  stat(path: string): Promise<TargetStat | undefined> {
    return this.#do('stat', path, () => this.#stat(path), false);
  }

  statInode(inode: string): Promise<TargetStat | undefined | 'unsupported'> {
    return this.#do(
      'statInode',
      inode,
      () => {
        if (this.#options.hasInodeLookup === false) return 'unsupported' as const;
        const path = [...this.files].find(([, node]) => node.inode === inode)?.[0];
        return path === undefined ? undefined : this.#stat(path);
      },
      false,
    );
  }

  checksum(path: string): Promise<{ readonly value: string } | { readonly unavailable: string }> {
    return this.#do('checksum', path, () => ({ value: checksumOf(this.#node(path).bytes) }), false);
  }

  rename(from: string, to: string): Promise<{ readonly renamed: boolean; readonly why?: RenameRefusal }> {
    const fault = this.#begin('rename', from, true);
    if (fault === 'refuse') return Promise.reject(failure('transport', 'rename', from));
    const node = this.files.get(from);
    if (node === undefined) return Promise.resolve({ renamed: false, why: 'source-missing' });
    if (this.files.has(to) || this.directories.has(to))
      return Promise.resolve({ renamed: false, why: 'destination-exists' });
    this.#move(from, to);
    if (fault === 'moved-by-others') {
      this.directories.add('/moved');
      this.#move(to, `/moved/${to.slice(to.lastIndexOf('/') + 1)}`);
    }
    if (fault === 'unjournaled') {
      this.#undo = () => {
        if (this.files.has(to)) this.#move(to, from);
      };
    }
    if (fault !== undefined) return Promise.reject(failure('timeout', 'rename', from));
    return Promise.resolve({ renamed: true });
  }

  stamp(path: string, attributes: Readonly<Record<string, string>>): Promise<boolean> {
    return this.#do('stamp', path, () => {
      if (this.#options.hasAttributes === false) return false;
      if (this.directories.has(path)) {
        this.markers.set(path, { ...this.markers.get(path), ...attributes });
        return true;
      }
      const node = this.#node(path);
      const all = { ...node.attributes, ...attributes };
      const bytes = Object.entries(all).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
      if (Object.keys(all).length > 32 || bytes > 16_384) throw failure('xattr-unavailable', 'stamp', path);
      node.attributes = all;
      return true;
    });
  }

  attributes(path: string): Promise<Readonly<Record<string, string>> | undefined> {
    return Promise.resolve(
      this.#options.hasAttributes === false
        ? undefined
        : (this.files.get(path)?.attributes ?? this.markers.get(path)),
    );
  }

  remove(path: string): Promise<boolean> {
    return this.#do('remove', path, () => this.files.delete(path));
  }

  list(directory: string): Promise<readonly TargetEntry[] | undefined> {
    if (!this.directories.has(directory)) return Promise.resolve(undefined);
    return Promise.resolve(
      [...this.files].flatMap(([path, node]) => {
        const slash = path.lastIndexOf('/');
        if (path.slice(0, slash) !== directory) return [];
        return [{ name: path.slice(slash + 1), type: 'file' as const, lengthBytes: node.bytes.length }];
      }),
    );
  }

  open(path: string): Promise<Readable> {
    return Promise.resolve(Readable.from([this.#node(path).bytes]));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Files that Hadoop's jobs would read. */
  visible(): readonly string[] {
    return [...this.files.keys()].filter((path) => !/\/[._]/.test(path));
  }

  hidden(): readonly string[] {
    return [...this.files.keys()].filter(
      (path) => /\/[._][^/]*$/.test(path) && !/\/\.headgate[-/]/.test(path),
    );
  }

  #move(from: string, to: string): void {
    if (this.files.has(to)) throw new Error(`Overwritten: ${to}`);
    this.files.set(to, this.#node(from));
    this.files.delete(from);
  }

  #node(path: string): Node {
    const node = this.files.get(path);
    if (node === undefined) throw failure('file-missing', 'find', path);
    return node;
  }

  #stat(path: string): TargetStat | undefined {
    if (this.directories.has(path)) {
      return { path, type: 'directory', lengthBytes: 0, inode: `dir ${path}`, modifiedAtMs: 0 };
    }
    const node = this.files.get(path);
    if (node === undefined) return undefined;
    const inode = this.#options.hasInodes === false ? undefined : node.inode;
    return { path, type: 'file', lengthBytes: node.bytes.length, inode, modifiedAtMs: 0 };
  }

  #begin(operation: Operation, path: string, isWrite: boolean): Fault | undefined {
    this.calls.push(`${operation} ${path}`);
    if (isWrite) {
      this.#undo?.();
      this.#undo = undefined;
    }
    const fault = this.fault(operation, path);
    if (fault !== undefined && !OUTCOMES.has(fault)) throw failure(fault as ErrorCode, operation, path);
    return fault;
  }

  /** Everything but create and rename, whose faults have forms of their own. */
  async #do<T>(operation: Operation, path: string, act: () => T, isWrite = true): Promise<T> {
    await Promise.resolve();
    const fault = this.#begin(operation, path, isWrite);
    if (fault === 'refuse') throw failure('transport', operation, path);
    const result = act();
    if (fault !== undefined) throw failure('timeout', operation, path);
    return result;
  }
}

const OUTCOMES: ReadonlySet<string> = new Set([
  'refuse',
  'lose-reply',
  'truncate',
  'late',
  'moved-by-others',
  'unjournaled',
  'corrupt',
]);

export function checksumOf(bytes: Uint8Array): string {
  return `md5:${createHash('md5').update(bytes).digest('hex')}`;
}

export function failure(code: ErrorCode, operation: string, place: string, cause?: unknown): GatewayError {
  const retry = ['permission-denied', 'quota-exceeded'].includes(code) ? 'never' : 'backoff';
  return new GatewayError({
    code,
    operation,
    place,
    message: `${operation}: ${code}`,
    retry,
    hint: 'a test’s fault',
    cause,
  });
}
