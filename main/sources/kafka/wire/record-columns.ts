import { crc32c } from '@node-rs/crc32';
import { offset as asOffset } from '../../../../shared/model/brand.ts';
import type { Fingerprint } from '../../../../shared/model/partition.ts';

/** A 16-bit column says which buffer a record lies in. */
export const SOURCES_MAX = 65_535;

/** One record's place in a decompressed (or never compressed) batch. */
export interface RecordPlace {
  readonly source: Buffer;
  /** Where the key's length stands: key, value and headers reach from here to `end`. */
  readonly keyAt: number;
  readonly end: number;
}

/** Columns of some records, typed arrays of one length. */
export interface RecordView {
  readonly sources: readonly Buffer[];
  readonly sourceOf: Uint16Array;
  readonly offsets: Float64Array;
  /** Record time in epoch ms; NaN where there is none. */
  readonly timestamps: Float64Array;
  readonly keyAts: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** End of the whole record, after its headers, which begin at `ends`. */
  readonly recordEnds: Int32Array;
}

/**
 * Decoded records that wait to be sliced: typed arrays that are written once, at `length`, and read from `taken` on. Slices are
 * views of the arrays, so what was taken is never written again; when the room is used up, new arrays take over what is pending.
 */
export class RecordColumns {
  offsets = new Float64Array(0);
  timestamps = new Float64Array(0);
  sourceOf = new Uint16Array(0);
  keyAts = new Int32Array(0);
  starts = new Int32Array(0);
  ends = new Int32Array(0);
  recordEnds = new Int32Array(0);
  sources: Buffer[] = [];
  /** Records written. */
  length = 0;
  #taken = 0;

  get pending(): number {
    return this.length - this.#taken;
  }

  /** Makes room for `count` more records; new arrays get `expected` places (or more, when that is too few). */
  reserve(count: number, expected: number): void {
    if (this.length + count <= this.offsets.length && this.sources.length < SOURCES_MAX) return;
    const { pending } = this;
    const capacity = Math.max(pending + count, expected);
    const first = pending > 0 ? (this.sourceOf[this.#taken] ?? 0) : this.sources.length;
    const from = this.#taken;
    const to = this.length;
    this.offsets = moved(new Float64Array(capacity), this.offsets.subarray(from, to));
    this.timestamps = moved(new Float64Array(capacity), this.timestamps.subarray(from, to));
    this.keyAts = moved(new Int32Array(capacity), this.keyAts.subarray(from, to));
    this.starts = moved(new Int32Array(capacity), this.starts.subarray(from, to));
    this.ends = moved(new Int32Array(capacity), this.ends.subarray(from, to));
    this.recordEnds = moved(new Int32Array(capacity), this.recordEnds.subarray(from, to));
    const sourceOf = moved(new Uint16Array(capacity), this.sourceOf.subarray(from, to));
    for (let index = 0; index < pending; index++) sourceOf[index] = (sourceOf[index] ?? 0) - first;
    this.sourceOf = sourceOf;
    // Slices given away keep the old list: it must not change under them.
    this.sources = this.sources.slice(first);
    this.length = pending;
    this.#taken = 0;
  }

  /** The number of a source buffer; numbers never step back along the columns, so that `reserve` may drop the first ones. */
  addSource(source: Buffer): number {
    if (this.sources.at(-1) !== source) this.sources.push(source);
    return this.sources.length - 1;
  }

  pendingOffset(index: number): number {
    return this.offsets[this.#taken + index] ?? NaN;
  }

  /** How many pending records, at most `eventsMax`, have at most `bytesMax` bytes together; at least one, if there is one. */
  fitting(eventsMax: number, bytesMax: number): number {
    const limit = Math.min(this.pending, eventsMax);
    let bytes = 0;
    for (let index = 0; index < limit; index++) {
      const at = this.#taken + index;
      bytes += (this.recordEnds[at] ?? 0) - (this.keyAts[at] ?? 0);
      if (bytes > bytesMax && index > 0) return index;
    }
    return limit;
  }

  /** Takes the next `count` pending records out, as views. */
  take(count: number): RecordView {
    const from = this.#taken;
    const to = from + count;
    if (to > this.length) throw new RangeError(`${count} records taken, ${this.pending} pending`);
    this.#taken = to;
    return {
      sources: this.sources,
      sourceOf: this.sourceOf.subarray(from, to),
      offsets: this.offsets.subarray(from, to),
      timestamps: this.timestamps.subarray(from, to),
      keyAts: this.keyAts.subarray(from, to),
      starts: this.starts.subarray(from, to),
      ends: this.ends.subarray(from, to),
      recordEnds: this.recordEnds.subarray(from, to),
    };
  }
}

export function recordPlace(view: RecordView, index: number): RecordPlace {
  const source = view.sources[view.sourceOf[index] ?? 0];
  const keyAt = view.keyAts[index];
  const end = view.recordEnds[index];
  if (source === undefined || keyAt === undefined || end === undefined)
    throw new RangeError(`no record ${index}`);
  return { source, keyAt, end };
}

/**
 * What tells a record from another one at the same offset of another log: the CRC-32C of its bytes from the key's length to the
 * end of its headers, its time (-1: none), and its batch's leader epoch. The deltas before the key are left out, because
 * compaction writes them anew.
 */
export function fingerprintOf(
  place: RecordPlace,
  facts: { readonly offset: number; readonly timestampMs: number; readonly leaderEpoch: number },
): Fingerprint {
  return {
    offset: asOffset(facts.offset),
    crc: crc32c(place.source.subarray(place.keyAt, place.end)),
    timestampMs: Number.isNaN(facts.timestampMs) ? -1 : facts.timestampMs,
    leaderEpoch: facts.leaderEpoch,
  };
}

function moved<T extends Float64Array | Int32Array | Uint16Array>(target: T, pending: T): T {
  target.set(pending);
  return target;
}
