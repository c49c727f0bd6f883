/**
 * Landing keys with everything that has not landed yet: chunks that wait, and chunks in plans of files that are on their way. So a key
 * stays in the list, with its events, until its last file is in the ledger.
 *
 * A hundred thousand keys are read in a quarter of a second, which is too much for each question while data comes in. So the list is
 * made anew when the database changed, but when that is not cheap an older one answers, and the next is made in small steps between
 * questions, now and then; rows that are shown are read afresh in any case, so what may be some seconds old is their order and the totals.
 */
import type { ChannelDatabase } from '../channel/channel-database.ts';
import { SUMMARY_COLUMNS, toSummary } from '../channel/landing-key-store.ts';

export interface BacklogKey {
  readonly id: number;
  readonly sink: string;
  readonly channel: string;
  readonly directory: string;
  readonly prefix: string;
  readonly events: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
  readonly newestEventMs: number;
  readonly newestPutMs: number;
}

/** With what only a row that is shown needs. */
export interface ShownKey extends BacklogKey {
  readonly oldestEventMs: number;
  readonly oldestPutMs: number;
}

/** What a list was made of: with the same snapshot it need not be made again. */
export interface KeySnapshot {
  readonly number: number;
  readonly keys: readonly BacklogKey[];
}

interface PlannedSums {
  readonly events: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
  readonly oldestEventMs: number;
  readonly newestEventMs: number;
  readonly oldestPutMs: number;
  readonly newestPutMs: number;
}

/** A list that is made in this time is made anew for each question after a change. */
const CHEAP_MS = 20;
/** An older list is not shown, however long a new one takes. */
const AGE_MAX_MS = 15_000;
/** Making lists behind answers takes at most one part in so many of the thread. */
const REFRESH_SHARE = 5;
/** Read in one step: some ten milliseconds. */
const STEP_KEYS = 4_096;

const PLANNED_SUMS = `sum(c.events) AS events, sum(c.raw_bytes) AS rawBytes, sum(c.stored_bytes) AS storedBytes,
  min(c.oldest_event_ms) AS oldestEventMs, max(c.newest_event_ms) AS newestEventMs,
  min(c.put_ms) AS oldestPutMs, max(c.put_ms) AS newestPutMs
  FROM plans p JOIN chunks c ON c.plan_id = p.id`;

type KeyTuple = [
  id: number,
  sink: string,
  channel: string,
  directory: string,
  prefix: string,
  events: number,
  rawBytes: number,
  storedBytes: number,
  newestEventMs: number,
  newestPutMs: number,
];

export class BacklogKeys {
  readonly #db: ChannelDatabase;
  readonly #statements;
  readonly #steadyMs: () => number;
  #snapshot: KeySnapshot | undefined;
  #version = -1;
  #madeMs = -Infinity;
  #tookMs = 0;
  #isRefreshing = false;

  constructor(db: ChannelDatabase, steadyMs: () => number) {
    this.#db = db;
    this.#statements = prepare(db);
    this.#steadyMs = steadyMs;
  }

  /** `onRefreshed`: a newer list was made behind an answer that was given from an older one. */
  snapshot(onRefreshed: (fresh: KeySnapshot) => void): KeySnapshot {
    const known = this.#snapshot;
    if (known === undefined) return this.#make();
    if (this.#version === this.#dataVersion()) return known;
    if (this.#tookMs <= CHEAP_MS || this.#steadyMs() - this.#madeMs > AGE_MAX_MS) return this.#make();
    const isDue = this.#steadyMs() - this.#madeMs >= this.#tookMs * REFRESH_SHARE;
    if (isDue && !this.#isRefreshing) {
      this.#isRefreshing = true;
      this.#refresh(this.#reading(), onRefreshed);
    }
    return known;
  }

  /** The key as it is now; undefined: all of it has landed. */
  shown(id: number): ShownKey | undefined {
    const row = this.#statements.summary.get(id);
    if (row === undefined) return undefined;
    const { key, events, rawBytes, storedBytes, ...times } = toSummary(row);
    const { oldestEventMs, newestEventMs, oldestPutMs, newestPutMs, channel } = times;
    const { sink, directory, prefix } = key;
    const planned = this.#statements.plannedOfKey.get(id);
    const isPlanned = planned !== undefined && planned.events > 0;
    if (events === 0 && !isPlanned) return undefined;
    const waiting = { events, rawBytes, storedBytes, oldestEventMs, newestEventMs, oldestPutMs, newestPutMs };
    const named = { id, sink, channel, directory, prefix };
    if (!isPlanned) return { ...named, ...waiting };
    return { ...named, ...(events === 0 ? planned : joined(waiting, planned)) };
  }

  /** Oldest event of each key of the list; one that landed meanwhile counts with its newest. */
  oldestEvents(keys: readonly BacklogKey[]): Float64Array {
    const planned = this.#planned();
    const waiting = this.#statements.oldest.all() as [number, number][];
    let at = 0;
    // Both are in the order of ids.
    return Float64Array.from(keys, ({ id, newestEventMs }) => {
      for (let head = waiting[at]; head !== undefined && head[0] < id; head = waiting[++at]);
      const head = waiting[at];
      const oldestMs = Math.min(
        head?.[0] === id ? head[1] : Infinity,
        planned.get(id)?.oldestEventMs ?? Infinity,
      );
      return Math.min(oldestMs, newestEventMs);
    });
  }

  /** Keys that hold events of a topic. */
  ofTopic(topic: string): Set<number> {
    const waiting = this.#statements.ofTopic.all(topic) as [number][];
    const planned = this.#statements.plannedOfTopic.all(topic) as [number][];
    return new Set([...waiting, ...planned].map(([id]) => id));
  }

  sinkOf(id: number): string | undefined {
    return this.#statements.sink.get(id)?.sink;
  }

  #make(): KeySnapshot {
    const reading = this.#reading();
    for (;;) {
      const { done, value } = reading.next();
      if (done === true) return value;
    }
  }

  /** Step by step, with time for questions in between. */
  #refresh(
    reading: Generator<undefined, KeySnapshot, undefined>,
    onRefreshed: (fresh: KeySnapshot) => void,
  ): void {
    setImmediate(() => {
      if (!this.#db.open) return;
      const { done, value } = reading.next();
      if (done !== true) return this.#refresh(reading, onRefreshed);
      this.#isRefreshing = false;
      onRefreshed(value);
    });
  }

  /** A key may change between two steps; it stands in the list once in any case, for ids only grow. */
  *#reading(): Generator<undefined, KeySnapshot, undefined> {
    let tookMs = 0;
    const version = this.#dataVersion();
    const keys: BacklogKey[] = [];
    for (let after = 0; ; yield) {
      const startedMs = this.#steadyMs();
      const planned = this.#planned();
      const tuples = this.#statements.keys.all(after, STEP_KEYS) as KeyTuple[];
      for (const tuple of tuples) {
        const sums = planned.get(tuple[0]);
        // An empty key of no plan is about to go.
        if (sums !== undefined) keys.push(withPlanned(toKey(tuple), sums));
        else if (tuple[5] > 0) keys.push(toKey(tuple));
      }
      tookMs += this.#steadyMs() - startedMs;
      if (tuples.length < STEP_KEYS) break;
      after = tuples.at(-1)?.[0] ?? after;
    }
    this.#version = version;
    this.#madeMs = this.#steadyMs();
    this.#tookMs = tookMs;
    return (this.#snapshot = { number: (this.#snapshot?.number ?? 0) + 1, keys });
  }

  #planned(): Map<number, PlannedSums> {
    return new Map(this.#statements.planned.all().map(({ id, ...sums }) => [id, sums]));
  }

  #dataVersion(): number {
    return Number(this.#db.pragma('data_version', { simple: true }));
  }
}

/** Spelt out: a spread takes three times as long, a hundred thousand times. */
function toKey(tuple: KeyTuple): BacklogKey {
  return {
    id: tuple[0],
    sink: tuple[1],
    channel: tuple[2],
    directory: tuple[3],
    prefix: tuple[4],
    events: tuple[5],
    rawBytes: tuple[6],
    storedBytes: tuple[7],
    newestEventMs: tuple[8],
    newestPutMs: tuple[9],
  };
}

function withPlanned(key: BacklogKey, sums: PlannedSums): BacklogKey {
  // The times of an empty key are those of chunks that are gone.
  const isEmpty = key.events === 0;
  return {
    ...key,
    events: key.events + sums.events,
    rawBytes: key.rawBytes + sums.rawBytes,
    storedBytes: key.storedBytes + sums.storedBytes,
    newestEventMs: isEmpty ? sums.newestEventMs : Math.max(key.newestEventMs, sums.newestEventMs),
    newestPutMs: isEmpty ? sums.newestPutMs : Math.max(key.newestPutMs, sums.newestPutMs),
  };
}

function joined(waiting: PlannedSums, planned: PlannedSums): PlannedSums {
  return {
    events: waiting.events + planned.events,
    rawBytes: waiting.rawBytes + planned.rawBytes,
    storedBytes: waiting.storedBytes + planned.storedBytes,
    oldestEventMs: Math.min(waiting.oldestEventMs, planned.oldestEventMs),
    newestEventMs: Math.max(waiting.newestEventMs, planned.newestEventMs),
    oldestPutMs: Math.min(waiting.oldestPutMs, planned.oldestPutMs),
    newestPutMs: Math.max(waiting.newestPutMs, planned.newestPutMs),
  };
}

function prepare(db: ChannelDatabase) {
  const tenuresOfTopic =
    'SELECT t.id FROM tenures t JOIN partitions p ON p.id = t.partition_id WHERE p.topic = ?';
  return {
    keys: db
      .prepare<[number, number]>(
        `SELECT id, sink, channel, directory, prefix, events, raw_bytes, stored_bytes, newest_event_ms, newest_put_ms
        FROM landing_keys WHERE id > ? ORDER BY id LIMIT ?`,
      )
      .raw(),
    summary: db.prepare<[number], Parameters<typeof toSummary>[0]>(
      `SELECT ${SUMMARY_COLUMNS} FROM landing_keys k WHERE k.id = ?`,
    ),
    sink: db.prepare<[number], { sink: string }>('SELECT sink FROM landing_keys WHERE id = ?'),
    planned: db.prepare<[], PlannedSums & { id: number }>(
      `SELECT p.landing_key_id AS id, ${PLANNED_SUMS} GROUP BY p.landing_key_id`,
    ),
    plannedOfKey: db.prepare<[number], PlannedSums>(`SELECT ${PLANNED_SUMS} WHERE p.landing_key_id = ?`),
    // Both walk an index of the waiting chunks alone, which holds all that is asked for.
    oldest: db
      .prepare<[]>(
        'SELECT landing_key_id, min(oldest_event_ms) FROM chunks WHERE plan_id IS NULL GROUP BY landing_key_id ORDER BY 1',
      )
      .raw(),
    ofTopic: db
      .prepare<[string]>(
        `SELECT landing_key_id FROM chunks WHERE plan_id IS NULL AND tenure_id IN (${tenuresOfTopic}) GROUP BY landing_key_id`,
      )
      .raw(),
    plannedOfTopic: db
      .prepare<[string]>(
        `SELECT DISTINCT p.landing_key_id FROM plans p JOIN chunks c ON c.plan_id = p.id WHERE c.tenure_id IN (${tenuresOfTopic})`,
      )
      .raw(),
  };
}
