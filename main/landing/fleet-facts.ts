/**
 * The facts that every gateway publishes at each landing root, for the others and for whoever comes after it (exactly-once.md §5): what
 * it accepted, what of that has landed, what it still holds, and when it was last alive. This file is the form of them; where they
 * stand and how they are replaced is in `fleet-facts-object.ts`.
 *
 * 1. Facts are never ahead of the books: what they call accepted or landed is so in the writer's database.
 * 2. What waits was read after what is accepted. So an offset below `acceptedTo` that is not landed is counted in `waitingEvents`, and its
 *    time is not below `oldestEventMs`: a reader may conclude from them that nothing older is left.
 * 3. They are bounded: ranges of the past go first (`rangesFrom` says from where on they are whole), then partitions that hold
 *    nothing; `leftOut` says how many.
 */
import * as z from 'zod';

/** As an attribute's text; longer ones stand in a file. */
export const FACTS_INLINE_BYTES_MAX = 3_900;
/** As a file's content. */
export const FACTS_BYTES_MAX = 256 * 1024;
/** Accepted ranges of one partition, the newest. */
const RANGES_MAX = 64;
const VERSION = 1;

/** Offsets `from <= o < to`. */
export type FactRange = readonly [from: number, to: number];

/** One incarnation of a partition, as one gateway has it. */
export interface PartitionFacts {
  readonly source: string;
  /** The consumer group; '' where the source has none. */
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
  /** False: of a log that was replaced. */
  readonly isCurrent: boolean;
  /** Every offset of `ranges` below it was accepted by this gateway: committed in Kafka under a tenure of its own. */
  readonly acceptedTo: number;
  /** No accepted offset below it waits or is claimed; `acceptedTo` when none does at all. */
  readonly landedTo: number;
  /** Beyond `acceptedTo`: offsets that are in the channel, but whose commit is not answered yet, or in doubt. */
  readonly heldTo: number;
  /** Not landed, held ones among them. */
  readonly waitingEvents: number;
  readonly waitingBytes: number;
  /** Time of the oldest event that is not landed; undefined: none waits. */
  readonly oldestEventMs: number | undefined;
  /** Kafka's time of the last accepted record, as far as known. */
  readonly recordMs: number | undefined;
  /** When this gateway last stood at the partition's end with everything accepted; undefined: not since it started. */
  readonly endSeenMs: number | undefined;
  /** The tenure under which it owns the partition now, as far as it knows. */
  readonly tenure: TenureFacts | undefined;
  /** Accepted offsets, merged, in order; whole from `rangesFrom` on. */
  readonly ranges: readonly FactRange[];
  readonly rangesFrom: number;
  /** Events in files that have landed. */
  readonly landedEvents: number;
}

export interface TenureFacts {
  readonly nonce: string;
  readonly start: number;
  readonly sinceMs: number;
}

/** The gateway ended for good: nobody waits for its sign of life. */
export interface FactsEnd {
  readonly atMs: number;
  /** `retired`: it landed everything and left. `recovered`: its disk was lost, and another state directory fetched what it held. */
  readonly why: 'retired' | 'recovered';
  readonly by: string;
}

export interface FleetFacts {
  readonly gatewayId: string;
  readonly stateId: string;
  readonly sink: string;
  readonly channel: string;
  /** Of this run of the engine. */
  readonly nonce: string;
  /** Rises with each writing, over restarts too. */
  readonly sequence: number;
  readonly startedMs: number;
  /** The sign of life, by the gateway's own clock. */
  readonly writtenMs: number;
  readonly isPaused: boolean;
  readonly waitingEvents: number;
  readonly waitingBytes: number;
  /** Over all partitions, `leftOut` ones too. */
  readonly oldestEventMs: number | undefined;
  readonly oldestPutMs: number | undefined;
  /** Accepted, not held durably, and to be had from the source again: they are not landed, and their times are not known. */
  readonly claimedEvents: number;
  readonly partitions: readonly PartitionFacts[];
  readonly leftOut: number;
  readonly ended: FactsEnd | undefined;
}

const whole = z.int().min(0);
const time = z.number().nullable();
const label = z.string().max(300);
const rowSchema = z
  .tuple([whole, whole, whole, whole, whole, whole, time, time, time])
  .rest(z.union([z.number(), z.null(), z.tuple([label, whole, z.number()])]));
const wireSchema = z.object({
  headgate: z.literal(VERSION),
  g: label,
  s: label,
  k: label,
  c: label,
  n: label,
  q: whole,
  b: z.number(),
  w: z.number(),
  p: z.int().min(0).max(1),
  e: whole,
  z: whole,
  o: time,
  u: time,
  d: whole,
  l: whole,
  x: z.tuple([z.number(), z.enum(['retired', 'recovered']), label]).optional(),
  t: z.array(z.tuple([label, label, label, label, z.int().min(0).max(1), z.array(rowSchema)])),
});
type Wire = z.infer<typeof wireSchema>;
type Row = Wire['t'][number][5][number];

/** Where a row's tenure stands; then `rangesFrom`, `landedEvents`, and the ranges' ends one after the other. */
const TENURE_AT = 9;
const RANGES_FROM_AT = 10;
const LANDED_AT = 11;
const RANGES_AT = 12;

/** The facts that a text holds; undefined: it is cut off, damaged, or of a newer Headgate. Never throws. */
export function parseFleetFacts(text: string): FleetFacts | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // A file that was cut off on its way is no error of the reader's: it looks for the one before.
    return undefined;
  }
  const parsed = wireSchema.safeParse(json);
  if (!parsed.success) return undefined;
  const wire = parsed.data;
  return {
    ...{ gatewayId: wire.g, stateId: wire.s, sink: wire.k, channel: wire.c, nonce: wire.n },
    ...{ sequence: wire.q, startedMs: wire.b, writtenMs: wire.w, isPaused: wire.p === 1 },
    ...{ waitingEvents: wire.e, waitingBytes: wire.z },
    ...{ oldestEventMs: wire.o ?? undefined, oldestPutMs: wire.u ?? undefined },
    ...{ claimedEvents: wire.d, leftOut: wire.l },
    ended: wire.x === undefined ? undefined : { atMs: wire.x[0], why: wire.x[1], by: wire.x[2] },
    partitions: wire.t.flatMap(([source, group, topic, incarnation, isCurrent, rows]) =>
      rows.map((row) => ({
        ...{ source, group, topic, incarnation, isCurrent: isCurrent === 1 },
        ...partitionOf(row),
      })),
    ),
  };
}

type RowFacts = Omit<PartitionFacts, 'source' | 'group' | 'topic' | 'incarnation' | 'isCurrent'>;

function partitionOf(row: Row): RowFacts {
  const [partition, acceptedTo, landedTo, heldTo, waitingEvents, waitingBytes, oldest, record, end] = row;
  const tenure = row[TENURE_AT];
  const ends = row.slice(RANGES_AT).filter((one) => typeof one === 'number');
  const ranges = Array.from({ length: ends.length >> 1 }, (_, at): FactRange => [
    ends[2 * at] ?? 0,
    ends[2 * at + 1] ?? 0,
  ]);
  return {
    ...{ partition, acceptedTo, landedTo, heldTo, waitingEvents, waitingBytes, ranges },
    ...{ oldestEventMs: oldest ?? undefined, recordMs: record ?? undefined, endSeenMs: end ?? undefined },
    tenure: Array.isArray(tenure) ? { nonce: tenure[0], start: tenure[1], sinceMs: tenure[2] } : undefined,
    rangesFrom: numberAt(row, RANGES_FROM_AT),
    landedEvents: numberAt(row, LANDED_AT),
  };
}

function numberAt(row: Row, at: number): number {
  const value = row[at];
  return typeof value === 'number' ? value : 0;
}

/** The facts as one line of ASCII, at most `FACTS_BYTES_MAX` long: what does not fit is left out as the head of this file says. */
export function formatFleetFacts(facts: FleetFacts): string {
  for (const rangesMax of [RANGES_MAX, 8, 1]) {
    const text = textOf({ ...facts, partitions: facts.partitions.map((one) => cut(one, rangesMax)) });
    if (text.length <= FACTS_BYTES_MAX) return text;
  }
  const bare = facts.partitions.map((one) => cut(one, 1)).sort((a, b) => weight(b) - weight(a));
  let kept = bare.length;
  for (;;) {
    kept = Math.floor(kept / 2);
    const partitions = bare.slice(0, kept);
    const text = textOf({ ...facts, partitions, leftOut: facts.leftOut + bare.length - kept });
    if (text.length <= FACTS_BYTES_MAX || kept === 0) return text;
  }
}

/** What others need to know of first: what holds events, then what is owned. */
function weight({ waitingEvents, tenure, isCurrent }: PartitionFacts): number {
  return (waitingEvents > 0 ? 4 : 0) + (tenure === undefined ? 0 : 2) + (isCurrent ? 1 : 0);
}

function cut(partition: PartitionFacts, rangesMax: number): PartitionFacts {
  if (partition.ranges.length <= rangesMax) return partition;
  const ranges = partition.ranges.slice(-rangesMax);
  return { ...partition, ranges, rangesFrom: ranges[0]?.[0] ?? partition.acceptedTo };
}

function textOf(facts: FleetFacts): string {
  const logs = new Map<string, Wire['t'][number]>();
  for (const one of facts.partitions) {
    const key = JSON.stringify([one.source, one.group, one.topic, one.incarnation, one.isCurrent]);
    let log = logs.get(key);
    if (log === undefined) {
      log = [one.source, one.group, one.topic, one.incarnation, one.isCurrent ? 1 : 0, []];
      logs.set(key, log);
    }
    log[5].push(rowOf(one));
  }
  const { ended } = facts;
  const wire: Wire = {
    headgate: VERSION,
    ...{ g: facts.gatewayId, s: facts.stateId, k: facts.sink, c: facts.channel, n: facts.nonce },
    ...{ q: facts.sequence, b: facts.startedMs, w: facts.writtenMs, p: facts.isPaused ? 1 : 0 },
    ...{ e: facts.waitingEvents, z: facts.waitingBytes },
    ...{ o: facts.oldestEventMs ?? null, u: facts.oldestPutMs ?? null },
    ...{ d: facts.claimedEvents, l: facts.leftOut },
    ...(ended === undefined ? {} : { x: [ended.atMs, ended.why, ended.by] }),
    t: [...logs.values()],
  };
  return JSON.stringify(wire).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function rowOf(one: PartitionFacts): Row {
  const { tenure } = one;
  return [
    ...([one.partition, one.acceptedTo, one.landedTo, one.heldTo] as const),
    ...([one.waitingEvents, one.waitingBytes] as const),
    ...([one.oldestEventMs ?? null, one.recordMs ?? null, one.endSeenMs ?? null] as const),
    tenure === undefined ? null : [tenure.nonce, tenure.start, tenure.sinceMs],
    one.rangesFrom,
    one.landedEvents,
    ...one.ranges.flat(),
  ];
}
