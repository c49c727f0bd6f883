/**
 * Walks a landing root and finds every file that a lost state directory landed there (recovery.ts, 2 to 4).
 *
 * Memory: the directories still to be seen, one directory's listing, and `FILES_AT_ONCE` files. Walking again finds the same.
 */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { GatewayError, isGatewayError } from '../../shared/errors.ts';
import type { FilePart } from '../../shared/model/file-plan.ts';
import { MIB } from '../../shared/units.ts';
import { readContent } from '../audit/file-content.ts';
import { statePart } from '../landing/file-id.ts';
import { stampOrFalse } from '../landing/stamp-or-false.ts';
import type { Target, TargetEntry, TargetStat } from '../landing/target.ts';
import { patiently, type Patience } from './patience.ts';
import {
  sidecarBeside,
  stampIn,
  stampInSidecar,
  type FileIdentity,
  type StampedFile,
} from './stamped-file.ts';

/** A file in place, with all that the ledger says of one. */
export interface LandedFile {
  readonly identity: FileIdentity;
  readonly parts: readonly FilePart[];
  readonly directory: string;
  readonly path: string;
  readonly stat: TargetStat;
  readonly codec: string;
  readonly rawBytes: number;
}

/** A file that was begun and never took its final name; it stands under a hidden name of ours now, or, on a dry run, still under its own. */
export interface TempFile {
  readonly path: string;
  readonly fileId: string;
}

export interface LandedWalkOptions extends Patience {
  readonly target: Target;
  readonly root: string;
  /** State ids whose files are looked for. */
  readonly lost: ReadonlySet<string>;
  /** What takes a write before each directory is read; undefined: nothing may be written. */
  readonly proofPath: string | undefined;
  /** The codec of files that do not say theirs. */
  readonly codecOf: (path: string) => string;
  /** True: the books have this file, at this path. */
  readonly isKnown: (fileId: string, path: string) => boolean;
  readonly onFile: (file: LandedFile) => void;
  readonly onTemp: (temp: TempFile) => void;
  /** A file that can't be taken at its word, and why. */
  readonly onDoubt: (path: string, why: string) => void;
  readonly onDirectory: (directory: string) => void;
}

const FILES_AT_ONCE = 4;
/** A link that leads back up would never end. */
const DEPTH_MAX = 64;
const SIDECAR_BYTES_MAX = 64 * MIB;
const MARKERS = '.headgate';
const FILE_ID = /\d{8}-\d{9}-([0-9a-z]{8})-[0-9a-z]{8}/;
const SIDECAR = /^\.headgate-[0-9a-z-]+\.json$/;
const ASIDE = '.headgate-lost.';
const LIST_AGAIN_MAX = 20;

export class LandedWalk {
  readonly #options: LandedWalkOptions;
  readonly #marks: ReadonlySet<string>;
  #swept = 0;

  constructor(options: LandedWalkOptions) {
    this.#options = options;
    this.#marks = new Set([...options.lost].map(statePart));
  }

  async run(): Promise<void> {
    const left = [{ path: this.#options.root, depth: 0 }];
    for (let at = left.pop(); at !== undefined; at = left.pop()) {
      if (at.depth > DEPTH_MAX) throw tooDeep(at.path);
      const entries = await this.#settled(at.path);
      for (const { name, type } of entries)
        if (type === 'directory' && !(at.depth === 0 && name === MARKERS))
          left.push({ path: join(at.path, name), depth: at.depth + 1 });
      await this.#files(
        at.path,
        entries.filter(({ name, type }) => type === 'file' && !/^[._]/.test(name)),
      );
      this.#options.onDirectory(at.path);
    }
  }

  /**
   * The entries of a directory in which no temp file of a lost state stands under a name that its engine knows. So every one of its
   * renames has either been made, and shows here, or finds nothing to rename.
   */
  async #settled(directory: string): Promise<readonly TargetEntry[]> {
    for (let times = 1; times <= LIST_AGAIN_MAX; times++) {
      await this.#proveThatWeWrite();
      const entries = (await this.#call((target) => target.list(directory, this.#options.signal))) ?? [];
      const temps = entries.filter((entry) => this.#isTemp(entry));
      for (const { name } of entries) if (name.startsWith(ASIDE)) this.#tellTemp(directory, name);
      if (this.#options.proofPath === undefined) {
        for (const { name } of temps) this.#tellTemp(directory, name);
        return entries;
      }
      if (temps.length === 0) return entries;
      for (const { name } of temps) await this.#putAside(directory, name);
    }
    throw new GatewayError({
      code: 'state-cloned',
      operation: 'put temp files aside',
      place: directory,
      message:
        'Temp files of the lost state directory come again as fast as they are put aside: its engine runs.',
      retry: 'never',
      hint: 'Stop that engine, then recover again.',
    });
  }

  /**
   * A NameNode that was taken over may go on answering reads for a while, with an old picture. One that takes a write is the active one.
   */
  async #proveThatWeWrite(): Promise<void> {
    const { proofPath, signal } = this.#options;
    if (proofPath === undefined) return;
    const text = { swept: String(++this.#swept) };
    await this.#call(async (target) => {
      if (!(await stampOrFalse(() => target.stamp(proofPath, text, signal))))
        await target.mkdirs(proofPath, signal);
    });
  }

  #isTemp({ name, type }: TargetEntry): boolean {
    if (type !== 'file' || !/^[._]/.test(name) || name.startsWith(ASIDE) || SIDECAR.test(name)) return false;
    return this.#marks.has(FILE_ID.exec(name)?.[1] ?? '');
  }

  async #putAside(directory: string, name: string): Promise<void> {
    const fileId = FILE_ID.exec(name)?.[0] ?? '';
    const sum = createHash('sha256').update(name).digest('hex').slice(0, 12);
    const to = join(directory, `${ASIDE}${fileId}.${sum}`);
    // Gone meanwhile, or renamed by a call whose answer was lost: the next listing shows it.
    await this.#call((target) => target.rename(join(directory, name), to, this.#options.signal));
  }

  #tellTemp(directory: string, name: string): void {
    const fileId = FILE_ID.exec(name)?.[0];
    if (fileId !== undefined && this.#marks.has(FILE_ID.exec(name)?.[1] ?? ''))
      this.#options.onTemp({ path: join(directory, name), fileId });
  }

  async #files(directory: string, entries: readonly TargetEntry[]): Promise<void> {
    const wanted = entries.filter(({ name }) => {
      // A name that holds no file id of a gateway may have been given by somebody else: the file itself says whose it is.
      const [fileId, mark] = FILE_ID.exec(name) ?? [];
      if (fileId === undefined || mark === undefined) return true;
      return this.#marks.has(mark) && !this.#options.isKnown(fileId, join(directory, name));
    });
    const rest = wanted.values();
    const lane = async (): Promise<void> => {
      for (const { name } of rest) await this.#file(directory, name);
    };
    const outcomes = await Promise.allSettled(Array.from({ length: FILES_AT_ONCE }, lane));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async #file(directory: string, name: string): Promise<void> {
    const path = join(directory, name);
    try {
      const stamped = await this.#stampOf(directory, name);
      if (stamped === undefined || !this.#options.lost.has(stamped.identity.state)) return;
      // Landed again on purpose, beside the ledger.
      if (stamped.identity.replay !== undefined) return;
      const { identity, parts } = stamped;
      if (parts === undefined) throw new RangeError('its sidecar is missing, which holds its exact offsets');
      const stat = await this.#call((target) => target.stat(path, this.#options.signal));
      if (stat === undefined) return;
      if (stat.lengthBytes !== identity.bytes)
        throw new RangeError(`it is ${stat.lengthBytes} bytes long, ${identity.bytes} were landed`);
      const codec = identity.codec ?? this.#options.codecOf(path);
      const rawBytes =
        identity.raw ?? (codec === 'none' ? identity.bytes : await this.#rawBytes(path, codec));
      this.#options.onFile({ identity, parts, directory, path, stat, codec, rawBytes });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#options.onDoubt(path, error.message);
    }
  }

  /** From its attributes, else from the sidecar beside it. */
  async #stampOf(directory: string, name: string): Promise<StampedFile | undefined> {
    const { signal, lost } = this.#options;
    const stamped = stampIn(await this.#call((target) => target.attributes(join(directory, name), signal)));
    if (stamped?.parts !== undefined || (stamped !== undefined && !lost.has(stamped.identity.state)))
      return stamped;
    const fileId = stamped?.identity.file ?? FILE_ID.exec(name)?.[0];
    if (fileId === undefined) return undefined;
    const text = await this.#text(sidecarBeside(directory, fileId));
    const besides = text === undefined ? undefined : stampInSidecar(text);
    return besides?.identity.file === fileId ? besides : stamped;
  }

  async #text(path: string): Promise<string | undefined> {
    const { signal } = this.#options;
    return this.#call(async (target) => {
      const stat = await target.stat(path, signal);
      if (stat?.type !== 'file' || stat.lengthBytes > SIDECAR_BYTES_MAX) return undefined;
      const pieces: Uint8Array[] = [];
      try {
        const file: Readable = await target.open(path, signal);
        for await (const piece of file as AsyncIterable<Uint8Array>) pieces.push(piece);
      } catch (error) {
        if (isGatewayError(error) && error.code === 'file-missing') return undefined;
        throw error;
      }
      return Buffer.concat(pieces).toString('utf8');
    });
  }

  /** Files of before 2026-11-21 do not say how long their content is before it was compressed. */
  async #rawBytes(path: string, codec: string): Promise<number> {
    const { signal } = this.#options;
    const content = await this.#call(async (target) =>
      readContent(await target.open(path, signal), codec, signal),
    );
    if (content.fault !== undefined)
      throw new RangeError(`its ${codec} content cannot be read: ${content.fault}`);
    return content.rawBytes;
  }

  #call<T>(work: (target: Target) => Promise<T>): Promise<T> {
    return patiently(this.#options, () => work(this.#options.target));
  }
}

/** A part that is left out would count as not landed. */
function tooDeep(path: string): GatewayError {
  return new GatewayError({
    code: 'namenode-refused',
    operation: 'walk the landing root',
    place: path,
    message: `There are directories more than ${DEPTH_MAX} levels below the landing root.`,
    retry: 'never',
    hint: 'Look for a link that leads back up, and take it away while this runs.',
  });
}

function join(directory: string, name: string): string {
  return `${directory === '/' ? '' : directory}/${name}`;
}
