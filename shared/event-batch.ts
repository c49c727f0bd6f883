/**
 * Events of one pull from one source partition, in columns.
 *
 * An event is headers (strings by name) and a body (bytes), as in Flume. At 400,000 events a second an object and a header map
 * for each would cost more than all the rest of the work, so a batch keeps bodies as ranges of the fetched bytes, and headers
 * as columns that exist only once something sets or asks for them. Interceptors work on a batch in place, event by event.
 */

/** What became of an event on its way to the channel. */
export const EVENT_LIVE = 0;
export const EVENT_FILTERED = 1;
export const EVENT_QUARANTINED = 2;

/** A header that every event of the batch may have its own value of; computed when first asked for. */
export interface HeaderColumn {
  get(index: number): string | undefined;
}

/** Columns a source fills; all typed arrays have at least `count` entries. */
export interface EventBatchColumns {
  readonly count: number;
  /** Offset (or position) of each event, increasing. */
  readonly offsets: Float64Array;
  /** The buffers that bodies lie in; `sourceOf[i]` says which. */
  readonly sources: readonly Buffer[];
  readonly sourceOf: Uint16Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Epoch ms of the `timestamp` header; NaN: the event has none. */
  readonly timestamps: Float64Array;
  /** Headers that all events share, such as `topic` and `partition`. */
  readonly sharedHeaders: Readonly<Record<string, string>>;
  /** Headers computed on demand, such as Kafka's `key` and `offset`. */
  readonly lazyHeaders?: Readonly<Record<string, HeaderColumn>>;
}

const TIMESTAMP = 'timestamp';

export class EventBatch {
  readonly count: number;
  readonly offsets: Float64Array;
  /** Epoch ms of each event's `timestamp` header; NaN where it is absent or no number. */
  readonly timestamps: Float64Array;
  /** EVENT_LIVE, EVENT_FILTERED or EVENT_QUARANTINED for each event. */
  readonly fates: Uint8Array;
  readonly #columns: EventBatchColumns;
  readonly #shared: Map<string, string>;
  readonly #lazy: Map<string, HeaderColumn>;
  readonly #own = new Map<string, (string | null | undefined)[]>();
  #bodies: (Buffer | undefined)[] | undefined;
  #reasons: Map<number, string> | undefined;
  /** The times as they were delivered, from the first change on. */
  #timesBefore: Float64Array | undefined;

  constructor(columns: EventBatchColumns) {
    this.#columns = columns;
    this.count = columns.count;
    this.offsets = columns.offsets;
    this.timestamps = columns.timestamps;
    this.fates = new Uint8Array(columns.count);
    this.#shared = new Map(Object.entries(columns.sharedHeaders));
    this.#lazy = new Map(Object.entries(columns.lazyHeaders ?? {}));
  }

  /** The same events once more, to be changed apart from these. Only of a batch that nothing has changed yet: times change in place. */
  copy(): EventBatch {
    return new EventBatch({ ...this.#columns, timestamps: this.timestamps.slice() });
  }

  /** Some of the events, by their rising indexes. Only of a batch that nothing has changed yet. */
  select(indexes: readonly number[]): EventBatch {
    const { sources, sourceOf, starts, ends, sharedHeaders, lazyHeaders = {} } = this.#columns;
    const of = (column: { readonly [index: number]: number }) => (index: number) => column[index] ?? 0;
    return new EventBatch({
      count: indexes.length,
      offsets: Float64Array.from(indexes, of(this.offsets)),
      sources,
      sourceOf: Uint16Array.from(indexes, of(sourceOf)),
      starts: Int32Array.from(indexes, of(starts)),
      ends: Int32Array.from(indexes, of(ends)),
      timestamps: Float64Array.from(indexes, (index) => this.timestamps[index] ?? NaN),
      sharedHeaders,
      lazyHeaders: Object.fromEntries(
        Object.entries(lazyHeaders).map(([name, column]) => [
          name,
          { get: (index: number) => column.get(indexes[index] ?? -1) },
        ]),
      ),
    });
  }

  isLive(index: number): boolean {
    return this.fates[index] === EVENT_LIVE;
  }

  /** The body's bytes; a view, not a copy. */
  body(index: number): Buffer {
    const replaced = this.#bodies?.[index];
    if (replaced !== undefined) return replaced;
    return this.#source(index).subarray(this.#columns.starts[index], this.#columns.ends[index]);
  }

  bodyLength(index: number): number {
    const replaced = this.#bodies?.[index];
    if (replaced !== undefined) return replaced.length;
    return (this.#columns.ends[index] ?? 0) - (this.#columns.starts[index] ?? 0);
  }

  /** Bytes of all bodies as the source delivered them. */
  deliveredBytes(): number {
    const { starts, ends, count } = this.#columns;
    let bytes = 0;
    for (let index = 0; index < count; index++) bytes += (ends[index] ?? 0) - (starts[index] ?? 0);
    return bytes;
  }

  /** The body as UTF-8 text, with U+FFFD for what is none, as Java decodes it. */
  bodyText(index: number): string {
    const replaced = this.#bodies?.[index];
    if (replaced !== undefined) return replaced.toString('utf8');
    return this.#source(index).toString('utf8', this.#columns.starts[index], this.#columns.ends[index]);
  }

  /** Copies the body into `target` at `at`; returns the position after it. */
  copyBody(index: number, target: Buffer, at: number): number {
    const replaced = this.#bodies?.[index];
    if (replaced !== undefined) return at + replaced.copy(target, at);
    return at + this.#source(index).copy(target, at, this.#columns.starts[index], this.#columns.ends[index]);
  }

  setBody(index: number, body: Buffer): void {
    this.#bodies ??= new Array<Buffer | undefined>(this.count);
    this.#bodies[index] = body;
  }

  getHeader(index: number, name: string): string | undefined {
    const own = this.#own.get(name)?.[index];
    if (own !== undefined) return own === null ? undefined : own;
    if (name === TIMESTAMP) {
      const ms = this.timestamps[index] ?? NaN;
      return Number.isNaN(ms) ? undefined : String(ms);
    }
    return this.#shared.get(name) ?? this.#lazy.get(name)?.get(index);
  }

  setHeader(index: number, name: string, value: string): void {
    if (name === TIMESTAMP) this.setTimestamp(index, parseTimestamp(value));
    this.#column(name)[index] = value;
  }

  /** Sets the `timestamp` header to a time in epoch ms, without making a string of it. */
  setTimestamp(index: number, timestampMs: number): void {
    this.#timesBefore ??= this.timestamps.slice();
    this.timestamps[index] = timestampMs;
    const own = this.#own.get(TIMESTAMP);
    if (own !== undefined) own[index] = undefined;
  }

  removeHeader(index: number, name: string): void {
    if (name === TIMESTAMP) this.setTimestamp(index, NaN);
    this.#column(name)[index] = null;
  }

  /** Sets a header of all events at once; an event's own value, set before, gives way. */
  setSharedHeader(name: string, value: string): void {
    this.#own.delete(name);
    if (name === TIMESTAMP) {
      this.#timesBefore ??= this.timestamps.slice();
      this.timestamps.fill(parseTimestamp(value), 0, this.count);
    }
    this.#shared.set(name, value);
  }

  /** The value that all events have in common, or undefined when events may differ (`varies`) or have none. */
  sharedHeader(name: string): { readonly varies: boolean; readonly value: string | undefined } {
    if (this.#own.has(name) || this.#lazy.has(name) || name === TIMESTAMP)
      return { varies: true, value: undefined };
    return { varies: false, value: this.#shared.get(name) };
  }

  /** Names of headers that this event has. */
  headerNames(index: number): string[] {
    const names = new Set([TIMESTAMP, ...this.#shared.keys(), ...this.#lazy.keys(), ...this.#own.keys()]);
    return [...names].filter((name) => this.getHeader(index, name) !== undefined);
  }

  headers(index: number): Record<string, string> {
    const headers: Record<string, string> = {};
    for (const name of this.headerNames(index)) {
      Object.defineProperty(headers, name, { value: this.getHeader(index, name) ?? '', enumerable: true });
    }
    return headers;
  }

  /**
   * The event as its source delivered it, whatever interceptors made of it since: this is what goes into quarantine, for there it
   * waits to go through changed rules from the beginning. A body that a rule rewrote would be rewritten twice.
   */
  original(index: number): {
    readonly headers: Record<string, string>;
    readonly timestampMs: number;
    readonly body: Buffer;
  } {
    const { sharedHeaders, lazyHeaders = {}, starts, ends } = this.#columns;
    const timestampMs = (this.#timesBefore ?? this.timestamps)[index] ?? NaN;
    const lazy = Object.entries(lazyHeaders).flatMap(([name, column]) => {
      const value = Object.hasOwn(sharedHeaders, name) ? undefined : column.get(index);
      return value === undefined ? [] : [[name, value] as const];
    });
    const time = Number.isNaN(timestampMs) ? [] : [[TIMESTAMP, String(timestampMs)] as const];
    return {
      // Own properties whatever the names are, `__proto__` included; a time that is set hides any other header of that name.
      headers: Object.fromEntries(
        [...Object.entries(sharedHeaders), ...lazy].filter(([name]) => name !== TIMESTAMP).concat(time),
      ),
      timestampMs,
      body: this.#source(index).subarray(starts[index], ends[index]),
    };
  }

  /** Takes the event out; it counts as accounted for, under the rule's name. */
  filter(index: number, rule: string): void {
    this.fates[index] = EVENT_FILTERED;
    this.#reason(index, rule);
  }

  /** Puts the event aside, whole, with the reason an operator reads. */
  quarantine(index: number, reason: string): void {
    this.fates[index] = EVENT_QUARANTINED;
    this.#reason(index, reason);
  }

  /** Why the event was filtered or quarantined. */
  reason(index: number): string {
    return this.#reasons?.get(index) ?? '';
  }

  #reason(index: number, reason: string): void {
    this.#reasons ??= new Map();
    this.#reasons.set(index, reason);
  }

  #source(index: number): Buffer {
    const source = this.#columns.sources[this.#columns.sourceOf[index] ?? 0];
    if (source === undefined) throw new RangeError(`no event ${index} in a batch of ${this.count}`);
    return source;
  }

  #column(name: string): (string | null | undefined)[] {
    let column = this.#own.get(name);
    if (column === undefined) {
      column = new Array<string | null | undefined>(this.count);
      this.#own.set(name, column);
    }
    return column;
  }
}

/** A batch without an event: of what only tells what became of offsets. */
export function emptyBatch(): EventBatch {
  return new EventBatch({
    count: 0,
    offsets: new Float64Array(0),
    sources: [],
    sourceOf: new Uint16Array(0),
    starts: new Int32Array(0),
    ends: new Int32Array(0),
    timestamps: new Float64Array(0),
    sharedHeaders: {},
  });
}

/** Epoch ms of a `timestamp` header's text; NaN when it is no whole number, as Flume's Long.valueOf would refuse it. */
export function parseTimestamp(text: string): number {
  return /^[+-]?\d{1,16}$/.test(text) ? Number(text) : NaN;
}
