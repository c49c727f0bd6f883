/**
 * What the books say for the facts that a gateway publishes (`landing/fleet-facts.ts`): read in the thread that answers questions, in
 * slices, so that neither a long backlog nor a long ledger keeps the status waiting.
 */
import type { FactRange, TenureFacts } from '../../landing/fleet-facts.ts';
import type { ChannelDatabase } from '../../channel/channel-database.ts';

/** Rows that one question reads. */
const SLICE_ROWS = 20_000;
/** Accepted ranges of a partition that are handed over, the newest. */
const RANGES_MAX = 4_096;

/** A partition's accepted side, without what waits. */
export interface FleetBookRow {
  readonly partitionId: number;
  readonly source: string;
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
  readonly isCurrent: boolean;
  readonly acceptedTo: number;
  readonly heldTo: number;
  readonly recordMs: number | undefined;
  readonly tenure: TenureFacts | undefined;
  readonly ranges: readonly FactRange[];
  readonly rangesFrom: number;
  /** In files of the sink, as far as they were counted: never more than there are. */
  readonly landedEvents: number;
  /** Claims: accepted, and to be had from the source again. The first offset, and how many events. */
  readonly claimedFrom: number | undefined;
  readonly claimedEvents: number;
}

export interface FleetAcceptedInput {
  readonly sink: string;
  readonly channel: string;
  /** Whose partitions are told of, also when nothing of them was ever put. */
  readonly sources: readonly string[];
}

/** What waits for a sink in some of the chunks. */
export interface FleetWaitingRow {
  readonly partitionId: number;
  readonly events: number;
  readonly bytes: number;
  readonly first: number;
  readonly oldestEventMs: number;
  readonly oldestPutMs: number;
}

export interface FleetWaiting {
  readonly rows: readonly FleetWaitingRow[];
  /** Where the next slice begins; undefined: this was the last. */
  readonly next: number | undefined;
}

interface PartitionRow {
  readonly id: number;
  readonly source: string;
  readonly consumer_group: string;
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
  readonly is_current: number;
}

interface TenureBookRow {
  readonly nonce: string;
  readonly start: number;
  readonly acceptedTo: number;
  readonly putTo: number;
  readonly state: string;
  readonly sinceMs: number;
  readonly recordMs: number | null;
}

export class FleetBooks {
  readonly #db: ChannelDatabase;
  readonly #landed = new Map<string, LandedCount>();

  constructor(db: ChannelDatabase) {
    this.#db = db;
  }

  /** Partitions of the sources, and others that hold something for the sink. To be read before what waits. */
  accepted({ sink, channel, sources }: FleetAcceptedInput): FleetBookRow[] {
    const partitions = this.#db
      .prepare<[], PartitionRow>(
        'SELECT id, source, consumer_group, topic, partition, incarnation, is_current FROM partitions ORDER BY id',
      )
      .all();
    const landed = this.#countLanded(sink);
    const claimed = this.#claimed(channel);
    const wanted = new Set(sources);
    return partitions
      .filter(({ id, source }) => wanted.has(source) || landed.has(id) || claimed.has(id))
      .map((row) => this.#row(row, { landed: landed.get(row.id) ?? 0, claimed: claimed.get(row.id) }));
  }

  /** A slice of the chunks, from behind `after` on. */
  waiting({ sink, after }: { readonly sink: string; readonly after: number }): FleetWaiting {
    const slice = 'SELECT * FROM chunks WHERE id > @after ORDER BY id LIMIT @limit';
    const input = { sink, after, limit: SLICE_ROWS };
    const end = this.#db
      .prepare<[typeof input], { last: number | null; rows: number }>(
        `SELECT max(id) AS last, count(*) AS rows FROM (${slice.replace('*', 'id')}) WHERE @sink IS NOT NULL`,
      )
      .get(input);
    const rows = this.#db
      .prepare<[typeof input], FleetWaitingRow>(
        `SELECT c.partition_id AS partitionId, sum(c.events) AS events, sum(c.raw_bytes) AS bytes, min(c.first) AS first,
         min(c.oldest_event_ms) AS oldestEventMs, min(c.put_ms) AS oldestPutMs
         FROM (${slice}) c JOIN landing_keys k ON k.id = c.landing_key_id WHERE k.sink = @sink GROUP BY c.partition_id`,
      )
      .all(input);
    const isLast = (end?.rows ?? 0) < SLICE_ROWS;
    return { rows, next: isLast ? undefined : (end?.last ?? undefined) };
  }

  #row(
    row: PartitionRow,
    { landed, claimed }: { readonly landed: number; readonly claimed: ClaimedRow | undefined },
  ): FleetBookRow {
    const tenures = this.#db
      .prepare<[number], TenureBookRow>(
        `SELECT nonce, start_offset AS start, accepted_to AS acceptedTo, put_to AS putTo, state, started_at_ms AS sinceMs,
         fp_timestamp_ms AS recordMs FROM tenures WHERE partition_id = ? ORDER BY id`,
      )
      .all(row.id);
    const open = tenures.findLast(({ state }) => state === 'open');
    const ranges = mergedRanges(tenures);
    const kept = ranges.slice(-RANGES_MAX);
    const acceptedTo = tenures.reduce((to, one) => Math.max(to, one.acceptedTo), 0);
    const { source, topic, partition, incarnation } = row;
    return {
      ...{ partitionId: row.id, source, group: row.consumer_group, topic, partition, incarnation },
      isCurrent: row.is_current === 1,
      acceptedTo,
      heldTo: tenures.reduce((to, one) => (one.state === 'ended' ? to : Math.max(to, one.putTo)), acceptedTo),
      recordMs: tenures.findLast(({ recordMs }) => recordMs !== null)?.recordMs ?? undefined,
      tenure:
        open === undefined ? undefined : { nonce: open.nonce, start: open.start, sinceMs: open.sinceMs },
      ranges: kept,
      rangesFrom: kept.length === ranges.length ? 0 : (kept[0]?.[0] ?? 0),
      landedEvents: landed,
      claimedFrom: claimed?.first,
      claimedEvents: claimed?.events ?? 0,
    };
  }

  /** Goes on counting where it stopped; a long ledger is counted over several questions. */
  #countLanded(sink: string): ReadonlyMap<number, number> {
    const count = this.#landed.get(sink) ?? { last: 0, events: new Map<number, number>() };
    this.#landed.set(sink, count);
    const rows = this.#db
      .prepare<[number, number], { id: number; partitionId: number; events: number; sink: string }>(
        `SELECT p.id, p.partition_id AS partitionId, p.events, l.sink
         FROM (SELECT * FROM ledger_parts WHERE id > ? ORDER BY id LIMIT ?) p JOIN ledger l ON l.file_id = p.file_id ORDER BY p.id`,
      )
      .all(count.last, SLICE_ROWS);
    for (const one of rows) {
      count.last = one.id;
      if (one.sink === sink)
        count.events.set(one.partitionId, (count.events.get(one.partitionId) ?? 0) + one.events);
    }
    return count.events;
  }

  #claimed(channel: string): ReadonlyMap<number, ClaimedRow> {
    const rows = this.#db
      .prepare<[string], ClaimedRow & { partitionId: number }>(
        'SELECT partition_id AS partitionId, min(first) AS first, sum(events) AS events FROM claims WHERE channel = ? GROUP BY 1',
      )
      .all(channel);
    return new Map(rows.map(({ partitionId, ...row }) => [partitionId, row]));
  }
}

interface LandedCount {
  last: number;
  readonly events: Map<number, number>;
}

interface ClaimedRow {
  readonly first: number;
  readonly events: number;
}

/** Accepted offsets as few ranges, in order. */
export function mergedRanges(
  tenures: readonly { readonly start: number; readonly acceptedTo: number }[],
): FactRange[] {
  const merged: [number, number][] = [];
  const ordered = tenures
    .filter((one) => one.acceptedTo > one.start)
    .toSorted((a, b) => a.start - b.start || a.acceptedTo - b.acceptedTo);
  for (const { start, acceptedTo } of ordered) {
    const last = merged.at(-1);
    // Two tenures never overlap; should they, the audit must see it, so only neighbours are joined.
    if (last !== undefined && last[1] === start) last[1] = acceptedTo;
    else merged.push([start, acceptedTo]);
  }
  return merged;
}
