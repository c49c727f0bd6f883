/** A zip file that is written as it is made: what it takes in memory does not hang on what goes into it. */
import { open, type FileHandle } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Zip, ZipDeflate } from 'fflate';
import { MIB } from '../../shared/units.ts';

/** One file in it; what is longer is cut, and the manifest says so. */
export const ENTRY_BYTES_MAX = 4 * MIB;
/** All of them, before packing. */
export const BUNDLE_BYTES_MAX = 32 * MIB;
/** Packed at a time, in between which the engine does its own work. */
const PIECE_BYTES = 64 * 1024;

export interface BundleEntry {
  readonly name: string;
  readonly bytes: number;
  readonly isCut: boolean;
}

export class SupportBundleFile {
  readonly entries: BundleEntry[] = [];
  readonly #handle: FileHandle;
  readonly #zip: Zip;
  readonly #nowMs: number;
  #pending: Uint8Array[] = [];
  #failure: Error | undefined;
  #bytes = 0;

  private constructor(handle: FileHandle, nowMs: number) {
    this.#handle = handle;
    this.#nowMs = nowMs;
    this.#zip = new Zip((error, data) => {
      if (error !== null) this.#failure ??= error;
      else this.#pending.push(data);
    });
  }

  /** Makes a new file, for our user alone. */
  static async create(path: string, nowMs: number): Promise<SupportBundleFile> {
    return new SupportBundleFile(await open(path, 'wx', 0o600), nowMs);
  }

  /** Throws what the disk throws. `reserve`: room that is kept for what must come after it. */
  async add(name: string, text: string, reserve = 0): Promise<void> {
    const whole = Buffer.from(text);
    const room = Math.max(0, Math.min(ENTRY_BYTES_MAX, BUNDLE_BYTES_MAX - reserve - this.#bytes));
    const content = whole.subarray(0, room);
    this.#bytes += content.length;
    this.entries.push({ name, bytes: content.length, isCut: content.length < whole.length });
    const entry = new ZipDeflate(name, { level: 6 });
    entry.mtime = this.#nowMs;
    this.#zip.add(entry);
    let at = 0;
    do {
      const end = Math.min(at + PIECE_BYTES, content.length);
      entry.push(content.subarray(at, end), end === content.length);
      at = end;
      await this.#flush();
      await nextTurn();
    } while (at < content.length);
  }

  async finish(): Promise<void> {
    this.#zip.end();
    await this.#flush();
  }

  async close(): Promise<void> {
    this.#zip.terminate();
    await this.#handle.close();
  }

  async #flush(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const pending = this.#pending;
    this.#pending = [];
    for (const data of pending) await this.#handle.write(data);
  }
}
