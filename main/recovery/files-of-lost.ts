/** The files that the lost states landed, at all sinks: found, checked, and entered into the ledger as they are found. */
import { GatewayError } from '../../shared/errors.ts';
import type { RecoveredBooks, RecoveredFile } from '../channel/recovered-books.ts';
import { LandedWalk, type LandedFile, type TempFile } from './landed-walk.ts';
import { patiently } from './patience.ts';
import type { RecoveryOptions, RecoverySink } from './recovery-parts.ts';
import type { ShutOut } from './shut-out.ts';
import { sidecarBeside } from './stamped-file.ts';

const FILES_A_TRANSACTION = 64;
const TEMPS_NAMED_MAX = 200;
const NOTES_MAX = 50;
const DOUBTS_NAMED_MAX = 5;
const DIRECTORIES_A_TELLING = 50;
const CODEC_ENDINGS = { '.gz': 'gzip', '.zst': 'zstd' } as const;

export interface FilesOfLostParts {
  readonly books: RecoveredBooks;
  readonly lost: ReadonlySet<string>;
  readonly shutOut: ShutOut;
}

export class FilesOfLost {
  readonly temps: string[] = [];
  readonly notes: string[] = [];
  tempsLeftOut = 0;
  count = 0;
  events = 0;
  readonly #options: RecoveryOptions;
  readonly #parts: FilesOfLostParts;
  readonly #removable: (TempFile & { readonly sink: RecoverySink })[] = [];
  readonly #doubts: string[] = [];
  readonly #pending: RecoveredFile[] = [];
  #directories = 0;

  constructor(options: RecoveryOptions, parts: FilesOfLostParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Throws `rename-uncertain` when a file says that it is theirs and can't be taken at its word. */
  async walk(): Promise<void> {
    const walked = new Set<string>();
    for (const sink of this.#options.sinks) {
      const namespace = await patiently(this.#options, () => sink.target.namespace(this.#options.signal));
      const place = JSON.stringify([namespace, sink.root]);
      if (walked.has(place)) continue;
      walked.add(place);
      await this.#walkOf(sink, namespace).run();
      this.#flush();
    }
    const [first] = this.#doubts;
    if (first === undefined) return;
    throw new GatewayError({
      code: 'rename-uncertain',
      operation: 'read the files of the lost state directory',
      place: first.slice(0, first.indexOf(': ')),
      message: `${this.#doubts.length} of its files can't be taken at their word: ${this.#doubts.slice(0, DOUBTS_NAMED_MAX).join('; ')}`,
      retry: 'never',
      hint: 'Their events have landed, and which exactly is not known. Put back what was changed; or move such a file out of the landing root, and then its events land again.',
    });
  }

  /** Removes what was put aside; a file that the ledger knows by its inode stays, whatever its name. Gives how many went. */
  async removeTemps(): Promise<number> {
    const { signal, removesTemps } = this.#options;
    if (!removesTemps) return 0;
    let removed = 0;
    for (const { sink, path, fileId } of this.#removable) {
      const stat = await patiently(this.#options, () => sink.target.stat(path, signal));
      if (stat?.type !== 'file') continue;
      if (stat.inode !== undefined && this.#parts.books.isInodeKnown(stat.inode)) continue;
      if (await patiently(this.#options, () => sink.target.remove(path, signal))) removed++;
      if (this.#parts.books.isFileKnown(fileId)) continue;
      // What the file would have said of itself beside it; it never stood in place.
      const sidecar = sidecarBeside(path.slice(0, path.lastIndexOf('/')), fileId);
      await patiently(this.#options, () => sink.target.remove(sidecar, signal));
    }
    return removed;
  }

  #walkOf(sink: RecoverySink, namespace: string): LandedWalk {
    const { signal, clock, isDryRun } = this.#options;
    const { lost, shutOut } = this.#parts;
    return new LandedWalk({
      ...{ signal, clock, lost, target: sink.target, root: sink.root },
      proofPath: isDryRun ? undefined : shutOut.proofPathFor(sink),
      codecOf: (path) => codecByEnding(path) ?? sink.codec,
      isKnown: (fileId, path) => this.#isKnown(fileId, path),
      onFile: (file) => this.#take(recovered(file, { namespace, gatewayId: this.#options.gatewayId })),
      onTemp: (temp) => this.#takeTemp({ ...temp, sink }),
      onDoubt: (path, why) => void this.#doubts.push(`${path}: ${why}`),
      onDirectory: (directory) => this.#tell(directory),
    });
  }

  /** Entered by an earlier run. */
  #isKnown(fileId: string, path: string): boolean {
    const events = this.#parts.books.eventsOfFile(fileId, path);
    if (events === undefined) return false;
    this.count++;
    this.events += events;
    return true;
  }

  #take(file: RecoveredFile): void {
    this.count++;
    this.events += file.events;
    this.#pending.push(file);
    if (this.#pending.length >= FILES_A_TRANSACTION) this.#flush();
  }

  #flush(): void {
    const copies = this.#parts.books.addFiles(this.#pending.splice(0));
    for (const { file, knownAt } of copies) {
      this.count--;
      this.events -= file.events;
      this.#note(`${file.finalPath} is a copy of ${knownAt}: its events stand there twice`);
    }
  }

  #takeTemp(temp: TempFile & { readonly sink: RecoverySink }): void {
    this.#removable.push(temp);
    if (this.temps.length < TEMPS_NAMED_MAX) this.temps.push(temp.path);
    else this.tempsLeftOut++;
  }

  #tell(directory: string): void {
    this.#directories++;
    if (this.#directories % DIRECTORIES_A_TELLING === 1)
      this.#options.onProgress(
        `reading files: ${this.#directories} directories, ${this.count} files with ${this.events} events; ${directory}`,
      );
  }

  #note(text: string): void {
    if (this.notes.length < NOTES_MAX) this.notes.push(text);
  }
}

function codecByEnding(path: string): string | undefined {
  return Object.entries(CODEC_ENDINGS).find(([ending]) => path.endsWith(ending))?.[1];
}

function recovered(
  { identity, parts, directory, path, stat, codec, rawBytes }: LandedFile,
  { namespace, gatewayId }: { readonly namespace: string; readonly gatewayId: string },
): RecoveredFile {
  const { file: fileId, sink, channel, bytes, events, lines, crc32c, checksum } = identity;
  const name = path.slice(path.lastIndexOf('/') + 1);
  const body = `${gatewayId}.${fileId}`;
  const at = name.indexOf(body);
  return {
    ...{
      fileId,
      sink,
      channel,
      directory,
      codec,
      namespace,
      bytes,
      rawBytes,
      events,
      lines,
      crc32c,
      checksum,
      parts,
    },
    prefix: at > 1 ? name.slice(0, at - 1) : '',
    suffix: at < 0 ? '' : name.slice(at + body.length),
    serializer: identity.serializer ?? 'text',
    version: identity.version ?? 1,
    finalPath: path,
    inode: stat.inode,
    landedAtMs: Math.round(stat.modifiedAtMs),
  };
}
