/** From the books and the running sources to the facts that this gateway publishes for one sink. */
import type { FactsEnd, FleetFacts, PartitionFacts } from '../../landing/fleet-facts.ts';
import type { SourceStatus } from '../../sources/source.ts';
import type { EngineQueries } from '../engine-queries.ts';
import type { FleetBookRow, FleetWaitingRow } from './fleet-books.ts';

/** Slices of the backlog that one reading may take; beyond it (hundreds of millions of chunks) the reading fails and says so. */
const SLICES_MAX = 20_000;

export interface OwnFactsInput {
  readonly gatewayId: string;
  readonly stateId: string;
  readonly sink: string;
  readonly channel: string;
  /** Names under which what it may land waits: the sink, and its group. */
  readonly backlogs: readonly string[];
  /** Sources that feed the channel. */
  readonly sources: readonly string[];
  readonly nonce: string;
  readonly startedMs: number;
  readonly isPaused: boolean;
  /** The gateway has retired. */
  readonly ended: FactsEnd | undefined;
}

type FleetQueries = Pick<EngineQueries, 'fleetAccepted' | 'fleetWaiting'>;

export interface OwnFactsParts {
  readonly queries: FleetQueries;
  readonly ends: LogEnds;
  readonly nowMs: () => number;
}

/** Reads what is accepted first and what waits after it (`fleet-facts.ts`, 2). Throws what the questions throw. */
export async function ownFacts(
  input: OwnFactsInput,
  { queries, ends, nowMs }: OwnFactsParts,
): Promise<Omit<FleetFacts, 'sequence'>> {
  const { sources, backlogs, ...identity } = input;
  const { sink, channel } = input;
  const accepted = await queries.fleetAccepted({ sink, channel, sources });
  const waiting = new Map<number, FleetWaitingRow>();
  for (const name of backlogs)
    for (const [id, row] of await waitingOf(queries, name)) waiting.set(id, added(row, waiting.get(id)));
  const partitions = accepted
    .filter((row) => row.isCurrent || row.ranges.length > 0 || waiting.has(row.partitionId))
    .map((row) => partitionFacts(row, waiting.get(row.partitionId), ends.lastSeenMs(row)));
  const all = [...waiting.values()];
  return {
    ...identity,
    writtenMs: nowMs(),
    waitingEvents: sum(all, ({ events }) => events),
    waitingBytes: sum(all, ({ bytes }) => bytes),
    oldestEventMs: least(all, (one) => one.oldestEventMs),
    oldestPutMs: least(all, (one) => one.oldestPutMs),
    claimedEvents: sum(accepted, ({ claimedEvents }) => claimedEvents),
    partitions,
    leftOut: 0,
  };
}

async function waitingOf(queries: FleetQueries, sink: string): Promise<ReadonlyMap<number, FleetWaitingRow>> {
  const sums = new Map<number, FleetWaitingRow>();
  let after: number | undefined = 0;
  for (let slice = 0; after !== undefined; slice++) {
    if (slice >= SLICES_MAX) throw new Error('the backlog has more chunks than one reading takes');
    const { rows, next }: Awaited<ReturnType<FleetQueries['fleetWaiting']>> = await queries.fleetWaiting({
      sink,
      after,
    });
    for (const row of rows) sums.set(row.partitionId, added(row, sums.get(row.partitionId)));
    after = next;
  }
  return sums;
}

function added(row: FleetWaitingRow, before: FleetWaitingRow | undefined): FleetWaitingRow {
  if (before === undefined) return row;
  return {
    partitionId: row.partitionId,
    events: row.events + before.events,
    bytes: row.bytes + before.bytes,
    first: Math.min(row.first, before.first),
    oldestEventMs: Math.min(row.oldestEventMs, before.oldestEventMs),
    oldestPutMs: Math.min(row.oldestPutMs, before.oldestPutMs),
  };
}

function partitionFacts(
  row: FleetBookRow,
  waiting: FleetWaitingRow | undefined,
  endSeenMs: number | undefined,
): PartitionFacts {
  const { source, group, topic, partition, incarnation, isCurrent, acceptedTo, heldTo } = row;
  return {
    ...{ source, group, topic, partition, incarnation, isCurrent, acceptedTo, heldTo, endSeenMs },
    landedTo: Math.min(acceptedTo, waiting?.first ?? acceptedTo, row.claimedFrom ?? acceptedTo),
    waitingEvents: waiting?.events ?? 0,
    waitingBytes: waiting?.bytes ?? 0,
    oldestEventMs: waiting?.oldestEventMs,
    recordMs: row.recordMs,
    tenure: row.tenure,
    ranges: row.ranges,
    rangesFrom: row.rangesFrom,
    landedEvents: row.landedEvents,
  };
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function least<T>(items: readonly T[], of: (item: T) => number): number | undefined {
  return items.reduce<number | undefined>((min, item) => Math.min(min ?? Infinity, of(item)), undefined);
}

type Place = Pick<PartitionFacts, 'source' | 'topic' | 'partition' | 'isCurrent'>;

/**
 * When each partition was last seen at its end, with everything accepted: by the answers of its broker, for a link that stands still looks
 * caught up for as long as nobody notices.
 */
export class LogEnds {
  readonly #seenMs = new Map<string, number>();

  /** To be called before the books are read. */
  look(source: string, status: Pick<SourceStatus, 'partitions'>): void {
    for (const { topic, partition, state, acceptedTo, logEnd, endSeenMs } of status.partitions)
      if (state === 'caught-up' && logEnd >= 0 && acceptedTo >= logEnd && endSeenMs !== undefined)
        this.#seenMs.set(keyOf({ source, topic, partition }), endSeenMs);
  }

  lastSeenMs(place: Place): number | undefined {
    return place.isCurrent ? this.#seenMs.get(keyOf(place)) : undefined;
  }
}

function keyOf({ source, topic, partition }: Omit<Place, 'isCurrent'>): string {
  return JSON.stringify([source, topic, partition]);
}
