import { descriptorOf, lastNumberOf, stringsOf, type SystemCall } from './system-call-trace.ts';

/**
 * A disk of which the power may be cut, built from a recorded run.
 *
 * What it believes of a disk, on purpose the least that POSIX promises:
 * - A file's bytes and length are safe once an fsync of the file has ended that began after the write had ended. Until then each
 *   sector of each write is there or not, on its own, whatever came later; the length may have grown without the bytes (zeros).
 * - A name (created, linked, renamed, removed; directories too) is safe once its directory was synced likewise. Until then it is there or
 *   not, on its own. A synced file without a safe name is gone.
 * - A rename is one step: never both names, never none, as far as it is made at all.
 * Memory maps are not seen: SQLite's `-shm` is the only one, and is left out, as it is made anew by whoever opens the database first.
 */
export interface DataChange {
  readonly kind: 'write' | 'truncate';
  readonly at: number;
  readonly bytes: Buffer;
  readonly endsAt: number;
}

export interface NameChange {
  readonly kind: 'name';
  readonly removes: Entry | undefined;
  readonly adds: Entry | undefined;
  /** Directories that have to be synced still. */
  readonly unsynced: Set<number>;
  readonly endsAt: number;
}

export type Change = DataChange | NameChange;

interface Entry {
  readonly directory: number;
  readonly name: string;
  readonly inode: number;
}

interface FileNode {
  readonly kind: 'file';
  readonly madeAs: string;
  safe: Content;
  pending: DataChange[];
  /** As the running process sees it, for appending. */
  length: number;
}
interface DirectoryNode {
  readonly kind: 'directory';
  readonly safe: Map<string, number>;
}

/** Which changes that were not synced a power cut leaves. */
export interface CutChoice {
  readonly sectorBytes: number;
  /** A name change, or the length that a data change gives the file. */
  keeps(change: Change): boolean;
  keepsSector(change: DataChange, sector: number): boolean;
}

/** One file after a cut; two names may be of one file. */
export interface CutFile {
  readonly inode: number;
  readonly bytes: Buffer;
  /** The path under which the process made it. */
  readonly madeAs: string;
}

/** What stands on the disk after a cut, by path below the root; directories, which end with `/`, are undefined. */
export type CutState = ReadonlyMap<string, CutFile | undefined>;

interface OpenFile {
  readonly inode: number;
  readonly isAppending: boolean;
  position: number;
}

const ROOT = 0;
const WRITES = new Set(['write', 'writev', 'pwrite64', 'pwritev']);
const IGNORED = new Set(['fcntl', 'sync_file_range']);
const NO_BYTES = Buffer.alloc(0);

export class CrashDisk {
  readonly #root: string;
  readonly #nodes = new Map<number, FileNode | DirectoryNode>();
  readonly #visible = new Map<string, number>();
  #names: NameChange[] = [];
  readonly #open = new Map<number, OpenFile>();
  #lastInode = ROOT;
  /** Rises with everything that becomes safe. */
  safeChanges = 0;

  /** `root`: the directory that the run worked in; it is there and empty, and what is outside is not looked at. */
  constructor(root: string) {
    this.#root = root;
    this.#nodes.set(ROOT, { kind: 'directory', safe: new Map() });
    this.#visible.set(root, ROOT);
  }

  /** A new process begins: the disk stays as it is, what was in the system's memory too. */
  newProcess(): void {
    this.#open.clear();
  }

  /** True for a sync of a file or directory below the root. */
  isSync(call: SystemCall): boolean {
    return (call.name === 'fsync' || call.name === 'fdatasync') && this.#open.has(descriptorOf(call.args));
  }

  begin(call: SystemCall): void {
    const { name, args } = call;
    if (WRITES.has(name)) this.#write(call);
    else if (name === 'close') this.#open.delete(descriptorOf(args));
    else if (name === 'ftruncate') this.#truncate(descriptorOf(args), lastNumberOf(args), call.endsAt);
    else if (name === 'mkdir' || name === 'mkdirat') this.#make(pathOf(args, 0), 'directory', call.endsAt);
    else if (name.startsWith('unlink') || name === 'rmdir') this.#rename(pathOf(args, 0), undefined, call);
    else if (name.startsWith('rename')) this.#rename(pathOf(args, 0), pathOf(args, 1), call);
    else if (name === 'link' || name === 'linkat') this.#link(pathOf(args, 0), pathOf(args, 1), call.endsAt);
  }

  end(call: SystemCall): void {
    const { name, args } = call;
    if (name === 'open' || name === 'openat' || name === 'creat') this.#opened(call);
    else if (name === 'fsync' || name === 'fdatasync') this.#synced(call);
    else if (name === 'lseek') this.#sought(descriptorOf(args), call.result);
    else if (!KNOWN.has(name)) this.#refuse(call);
  }

  /** All that a cut at this moment may lose, oldest first. */
  get pending(): Change[] {
    const data = [...this.#nodes.values()].flatMap((node) => (node.kind === 'file' ? node.pending : []));
    return [...this.#names, ...data].sort((a, b) => a.endsAt - b.endsAt);
  }

  cut(choice: CutChoice): CutState {
    const directories = new Map<number, Map<string, number>>();
    for (const [inode, node] of this.#nodes)
      if (node.kind === 'directory') directories.set(inode, new Map(node.safe));
    for (const change of this.#names) if (choice.keeps(change)) applyName(directories, change);
    const state = new Map<string, CutFile | undefined>();
    const files = new Map<number, CutFile>();
    const walk = (directory: number, prefix: string): void => {
      for (const [name, inode] of directories.get(directory) ?? []) {
        const node = this.#nodes.get(inode);
        if (node?.kind === 'file') {
          const file = files.get(inode) ?? { inode, bytes: cutFile(node, choice), madeAs: node.madeAs };
          files.set(inode, file);
          state.set(prefix + name, file);
        } else {
          state.set(`${prefix}${name}/`, undefined);
          walk(inode, `${prefix}${name}/`);
        }
      }
    };
    walk(ROOT, '');
    return state;
  }

  #opened({ args, result, endsAt, name }: SystemCall): void {
    const path = pathOf(args, 0);
    if (!this.#isOurs(path)) {
      // The number may have been one of ours, closed by a call that nobody traces (close_range).
      this.#open.delete(result);
      return;
    }
    const known = this.#visible.get(path);
    const inode = known ?? this.#make(path, 'file', endsAt);
    this.#open.set(result, { inode, isAppending: args.includes('O_APPEND'), position: 0 });
    if (known !== undefined && (args.includes('O_TRUNC') || name === 'creat'))
      this.#truncate(result, 0, endsAt);
  }

  #make(path: string, kind: 'file' | 'directory', endsAt: number): number {
    if (!this.#isOurs(path)) return -1;
    const inode = ++this.#lastInode;
    const file = { safe: new Content(NO_BYTES), pending: [], length: 0, madeAs: path };
    this.#nodes.set(inode, kind === 'file' ? { kind, ...file } : { kind, safe: new Map() });
    this.#visible.set(path, inode);
    this.#change({ adds: { ...this.#place(path), inode }, removes: undefined, endsAt });
    return inode;
  }

  #link(from: string, to: string, endsAt: number): void {
    if (!this.#isOurs(to)) return;
    const inode = this.#inodeAt(from);
    this.#visible.set(to, inode);
    this.#change({ adds: { ...this.#place(to), inode }, removes: undefined, endsAt });
  }

  #rename(from: string, to: string | undefined, { endsAt }: SystemCall): void {
    if (!this.#isOurs(from)) return;
    const inode = this.#inodeAt(from);
    const adds = to === undefined ? undefined : { ...this.#place(to), inode };
    this.#change({ removes: { ...this.#place(from), inode }, adds, endsAt });
    this.#visible.delete(from);
    if (to !== undefined) this.#visible.set(to, inode);
    if (to !== undefined && this.#nodes.get(inode)?.kind === 'directory')
      throw new Error('a directory is renamed: not modelled');
  }

  #change({ adds, removes, endsAt }: Pick<NameChange, 'adds' | 'removes' | 'endsAt'>): void {
    const directories = [adds, removes].flatMap((entry) => (entry === undefined ? [] : [entry.directory]));
    this.#names.push({ kind: 'name', adds, removes, unsynced: new Set(directories), endsAt });
  }

  #write({ name, args, result, endsAt }: SystemCall): void {
    const file = this.#open.get(descriptorOf(args));
    if (file === undefined) return;
    const node = this.#file(file.inode);
    const bytes = Buffer.concat(stringsOf(args)).subarray(0, result);
    const isPlaced = name === 'pwrite64' || name === 'pwritev';
    const at = isPlaced ? lastNumberOf(args) : file.isAppending ? node.length : file.position;
    if (!isPlaced) file.position = at + bytes.length;
    node.length = Math.max(node.length, at + bytes.length);
    node.pending.push({ kind: 'write', at, bytes, endsAt });
  }

  #truncate(descriptor: number, length: number, endsAt: number): void {
    const file = this.#open.get(descriptor);
    if (file === undefined) return;
    const node = this.#file(file.inode);
    node.length = length;
    node.pending.push({ kind: 'truncate', at: length, bytes: NO_BYTES, endsAt });
  }

  #sought(descriptor: number, position: number): void {
    const file = this.#open.get(descriptor);
    if (file !== undefined) file.position = position;
  }

  #synced({ args, beginsAt }: SystemCall): void {
    const file = this.#open.get(descriptorOf(args));
    const node = file === undefined ? undefined : this.#nodes.get(file.inode);
    if (file === undefined || node === undefined) return;
    this.safeChanges++;
    if (node.kind === 'directory') return this.#directorySynced(file.inode, beginsAt);
    for (const change of node.pending) if (change.endsAt < beginsAt) node.safe.apply(change, EVERYTHING);
    node.pending = node.pending.filter(({ endsAt }) => endsAt >= beginsAt);
  }

  #directorySynced(directory: number, beginsAt: number): void {
    this.#names = this.#names.filter((change) => {
      if (change.endsAt < beginsAt) change.unsynced.delete(directory);
      if (change.unsynced.size > 0) return true;
      const directories = new Map<number, Map<string, number>>();
      for (const entry of [change.adds, change.removes])
        if (entry !== undefined) directories.set(entry.directory, this.#directory(entry.directory).safe);
      applyName(directories, change);
      return false;
    });
  }

  /** What changes a file in a way that is not understood here would make the whole proof worthless. */
  #refuse({ name, args }: SystemCall): void {
    const isOurs =
      this.#open.has(descriptorOf(args)) || stringsOf(args).some((text) => this.#isOurs(text.toString()));
    // libuv has one ring for epoll, which is no harm; one that the kernel polls could write files unseen.
    const isRing = name === 'io_uring_setup' && args.includes('IORING_SETUP_SQPOLL');
    if (isOurs || isRing) throw new Error(`${name} is not modelled`);
  }

  #isOurs(path: string): boolean {
    return path === this.#root || (path.startsWith(`${this.#root}/`) && !path.endsWith('-shm'));
  }

  #place(path: string): { readonly directory: number; readonly name: string } {
    const slash = path.lastIndexOf('/');
    return { directory: this.#inodeAt(path.slice(0, slash)), name: path.slice(slash + 1) };
  }

  #inodeAt(path: string): number {
    const inode = this.#visible.get(path);
    if (inode === undefined) throw new Error(`${path} was never made`);
    return inode;
  }

  #file(inode: number): FileNode {
    const node = this.#nodes.get(inode);
    if (node?.kind !== 'file') throw new Error(`${inode} is not a file`);
    return node;
  }

  #directory(inode: number): DirectoryNode {
    const node = this.#nodes.get(inode);
    if (node?.kind !== 'directory') throw new Error(`${inode} is not a directory`);
    return node;
  }
}

/** Calls that `begin` and `end` know what to do with. */
const KNOWN = new Set([
  ...[
    ...WRITES,
    ...IGNORED,
    'close',
    'ftruncate',
    'mkdir',
    'mkdirat',
    'unlink',
    'unlinkat',
    'rmdir',
    'rename',
  ],
  ...['renameat', 'renameat2', 'link', 'linkat'],
]);

const EVERYTHING: CutChoice = { sectorBytes: 4096, keeps: () => true, keepsSector: () => true };

function pathOf(args: string, index: number): string {
  return stringsOf(args)[index]?.toString() ?? '';
}

function cutFile(node: FileNode, choice: CutChoice): Buffer {
  if (node.pending.length === 0) return node.safe.bytes;
  const content = node.safe.copy();
  for (const change of node.pending) content.apply(change, choice);
  return content.bytes;
}

/** A file's bytes, which changes are made to in place. */
class Content {
  #room: Buffer;
  #length: number;

  constructor(bytes: Buffer) {
    this.#room = bytes;
    this.#length = bytes.length;
  }

  get bytes(): Buffer {
    return this.#room.subarray(0, this.#length);
  }

  copy(): Content {
    return new Content(Buffer.from(this.bytes));
  }

  /** Those parts of the change that the choice keeps, sector by sector. */
  apply(change: DataChange, choice: CutChoice): void {
    const isKept = choice.keeps(change);
    if (change.kind === 'truncate') {
      if (isKept) this.#setLength(change.at);
      return;
    }
    const { at, bytes } = change;
    if (isKept) this.#setLength(Math.max(this.#length, at + bytes.length));
    for (let from = at; from < at + bytes.length;) {
      const sector = Math.floor(from / choice.sectorBytes);
      const to = Math.min((sector + 1) * choice.sectorBytes, at + bytes.length);
      // Bytes beyond a length that was lost are not part of the file.
      const end = Math.min(to, this.#length);
      if (from < end && choice.keepsSector(change, sector)) bytes.copy(this.#room, from, from - at, end - at);
      from = to;
    }
  }

  #setLength(length: number): void {
    if (length > this.#room.length) {
      const room = Buffer.alloc(Math.max(length, this.#room.length * 2));
      this.bytes.copy(room);
      this.#room = room;
    }
    // What is beyond the end reads as zeros, should the file grow again.
    if (length < this.#length) this.#room.fill(0, length, this.#length);
    this.#length = length;
  }
}

function applyName(
  directories: ReadonlyMap<number, Map<string, number>>,
  { adds, removes }: NameChange,
): void {
  if (removes !== undefined) {
    const from = directories.get(removes.directory);
    // The change before it was lost, so this one can't have been made either.
    if (from?.get(removes.name) !== removes.inode) return;
    from.delete(removes.name);
  }
  if (adds !== undefined) directories.get(adds.directory)?.set(adds.name, adds.inode);
}
