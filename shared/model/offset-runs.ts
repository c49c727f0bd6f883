/**
 * Offset runs: which offsets exactly, as ordered, disjoint, non-adjacent half-open ranges `[from, to)`.
 *
 * Encoded as unsigned LEB128 pairs (gap since the previous run's end, length), the first gap counted from a base offset that
 * stands beside the bytes (a chunk's or a file's first offset). Ten thousand events in order are one run, three bytes; one
 * event in twenty taken out costs two bytes a hole.
 */

/** One run: offsets `from <= o < to`. */
export interface OffsetRun {
  readonly from: number;
  readonly to: number;
}

/** Collects offsets in increasing order into runs; `add` asserts the order, so a repeated or stepped-back offset can't pass. */
export class OffsetRunsBuilder {
  #bytes = new Uint8Array(64);
  #length = 0;
  #base = -1;
  #encodedTo = 0;
  #from = 0;
  #to = 0;
  #count = 0;

  /** Adds one offset, greater than every one before. */
  add(value: number): void {
    if (this.#count > 0 && value === this.#to) {
      this.#to++;
      this.#count++;
      return;
    }
    this.addRun(value, value + 1);
  }

  /** Adds `[from, to)`, beginning at or after the end of everything before. */
  addRun(from: number, to: number): void {
    if (!(to > from) || from < 0) throw new RangeError(`empty or negative run ${from}..${to}`);
    if (this.#base < 0) {
      this.#base = from;
      this.#encodedTo = from;
      this.#from = from;
    } else if (from < this.#to) {
      throw new RangeError(`run ${from}..${to} begins before ${this.#to}`);
    } else if (from > this.#to) {
      this.#flush();
      this.#from = from;
    }
    this.#to = to;
    this.#count += to - from;
  }

  /** How many offsets were added. */
  get count(): number {
    return this.#count;
  }

  /** The first offset, the offset after the last, how many, and the encoded runs counted from `first`. */
  finish(): EncodedRuns {
    if (this.#count === 0) throw new RangeError('no offset was added');
    this.#flush();
    const runs = {
      first: this.#base,
      next: this.#to,
      count: this.#count,
      bytes: this.#bytes.slice(0, this.#length),
    };
    this.#encodedTo = this.#to;
    return runs;
  }

  #flush(): void {
    if (this.#length + 20 > this.#bytes.length) {
      const wider = new Uint8Array(this.#bytes.length * 2);
      wider.set(this.#bytes);
      this.#bytes = wider;
    }
    this.#length = writeVarint(this.#bytes, this.#length, this.#from - this.#encodedTo);
    this.#length = writeVarint(this.#bytes, this.#length, this.#to - this.#from);
    this.#encodedTo = this.#to;
  }
}

/** Runs as they are stored: `first` is the base of the encoding, `next` the offset after the last one. */
export interface EncodedRuns {
  readonly first: number;
  readonly next: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** Decodes runs; throws RangeError on bytes that are no runs (a damaged row is found, not believed). */
export function* decodeRuns(first: number, bytes: Uint8Array): Generator<OffsetRun> {
  let position = 0;
  let at = first;
  const cursor = { value: 0, position: 0 };
  while (position < bytes.length) {
    readVarint(bytes, position, cursor);
    const from = at + cursor.value;
    readVarint(bytes, cursor.position, cursor);
    if (cursor.value === 0) throw new RangeError('damaged offset runs: an empty run');
    at = from + cursor.value;
    position = cursor.position;
    yield { from, to: at };
  }
}

/** Joins several encodings into one, in order of offsets; throws RangeError where two overlap. */
export function mergeRuns(parts: readonly EncodedRuns[]): EncodedRuns {
  const runs = parts.flatMap((part) => [...decodeRuns(part.first, part.bytes)]);
  runs.sort((a, b) => a.from - b.from);
  const builder = new OffsetRunsBuilder();
  for (const run of runs) builder.addRun(run.from, run.to);
  return builder.finish();
}

/** One unbroken range as runs. */
export function singleRun(from: number, to: number): EncodedRuns {
  const builder = new OffsetRunsBuilder();
  builder.addRun(from, to);
  return builder.finish();
}

/** Runs as people read them: `5-9, 12, 14-20`. */
export function formatRuns(runs: Iterable<OffsetRun>, limit = 20): string {
  const parts: string[] = [];
  let left = 0;
  for (const { from, to } of runs) {
    if (parts.length < limit) parts.push(to - from === 1 ? `${from}` : `${from}-${to - 1}`);
    else left++;
  }
  return left > 0 ? `${parts.join(', ')} and ${left} more runs` : parts.join(', ');
}

function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let position = at;
  while (rest >= 0x80) {
    bytes[position++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[position++] = rest;
  return position;
}

function readVarint(bytes: Uint8Array, at: number, cursor: { value: number; position: number }): void {
  let value = 0;
  let scale = 1;
  let position = at;
  for (;;) {
    const byte = bytes[position++];
    if (byte === undefined || scale > Number.MAX_SAFE_INTEGER)
      throw new RangeError('damaged offset runs: cut off');
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
    scale *= 0x80;
  }
  cursor.value = value;
  cursor.position = position;
}
