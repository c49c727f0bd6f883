/** The forecasts of a running engine: until the channel is full, and until a broker deletes what is still needed. Fed once a second. */
import type { RoomState } from '../../channel/room-gauge.ts';
import type { PartitionStatus, SourceStatus } from '../../sources/source.ts';
import { MINUTE_MS, SECOND_MS } from '../../../shared/units.ts';
import { FillForecast, type FillOutlook } from './fill-forecast.ts';
import { LossCountdown, type Countdown } from './loss-countdown.ts';

/** Claims are asked for so often, and of so many partitions at a time. */
const CLAIMS_LOOK_MS = 30 * SECOND_MS;
const CLAIMS_A_ROUND = 200;
/** A partition of which nothing was heard for longer is not reached. */
const QUIET_MS = 30 * SECOND_MS;
/** Partitions that are watched; of more the rest have no countdown, and the status says so by its absence. */
export const WATCHED_PARTITIONS_MAX = 10_000;

export interface ForecastFacts {
  readonly sources: readonly SourceStatus[];
  readonly room: RoomState;
  /** Raw bytes that all sources took in since they started. */
  readonly intakeBytes: number;
  readonly storedPerRaw: number;
  /** By sink: whether it is known that nothing of it lands now. */
  readonly stopped: ReadonlyMap<string, boolean>;
  readonly nowMs: number;
  readonly steadyMs: number;
}

type PartitionPlace = { readonly source: string; readonly topic: string; readonly partition: number };

interface Watched extends PartitionPlace {
  readonly countdown: LossCountdown;
  left: Countdown | undefined;
  /** The oldest offset that is claimed. */
  claimedFrom: number | undefined;
  seenMs: number;
}

export class Forecasts {
  readonly #fill = new FillForecast();
  readonly #oldestClaim: (place: PartitionPlace) => Promise<number | undefined>;
  readonly #watched = new Map<string, Watched>();
  #outlook: FillOutlook = { leftMs: undefined, ifStoppedMs: undefined };
  #claimsAtMs = -Infinity;
  #claimsNext = 0;

  constructor(oldestClaim: (place: PartitionPlace) => Promise<number | undefined>) {
    this.#oldestClaim = oldestClaim;
  }

  /** Until intake stops; all channels share one database and so one room. */
  get fill(): FillOutlook {
    return this.#outlook;
  }

  /** Until the broker deletes the first record of it that is still needed. */
  lossOf(source: string, topic: string, partition: number): Countdown | undefined {
    return this.#watched.get(keyOf({ source, topic, partition }))?.left;
  }

  look(facts: ForecastFacts): void {
    const { room, nowMs, steadyMs, intakeBytes, storedPerRaw, stopped } = facts;
    // The WAL grows and is emptied again, before intake would stop at the latest: it is no filling.
    const usedBytes = room.usedBytes - room.walBytes;
    const freeDiskBytes = room.freeDiskBytes + room.walBytes;
    const roomBytes = Math.max(
      0,
      Math.min(room.capacityBytes - usedBytes, freeDiskBytes - room.minFreeDiskBytes),
    );
    this.#outlook = this.#fill.look({
      ...{ nowMs, steadyMs, usedBytes, roomBytes, intakeBytes, storedPerRaw },
      stopped,
      isOpen: room.isOpen,
    });
    for (const source of facts.sources) for (const row of source.partitions) this.#lookAt(source, row, facts);
    for (const [key, one] of this.#watched) if (steadyMs - one.seenMs > MINUTE_MS) this.#watched.delete(key);
  }

  /** Claims that hold the broker's log: they are asked for in turns. Rejects when the writer can't be asked. */
  async lookAtClaims(steadyMs: number): Promise<void> {
    if (steadyMs - this.#claimsAtMs < CLAIMS_LOOK_MS) return;
    const all = [...this.#watched.values()];
    const round = all.slice(this.#claimsNext, this.#claimsNext + CLAIMS_A_ROUND);
    this.#claimsNext += round.length;
    if (this.#claimsNext >= all.length) {
      this.#claimsNext = 0;
      this.#claimsAtMs = steadyMs;
    }
    for (const one of round) one.claimedFrom = await this.#oldestClaim(one);
  }

  #lookAt({ name, counters }: SourceStatus, row: PartitionStatus, { nowMs, steadyMs }: ForecastFacts): void {
    const place = { source: name, topic: row.topic, partition: row.partition };
    const key = keyOf(place);
    let one = this.#watched.get(key);
    if (one === undefined) {
      if (this.#watched.size >= WATCHED_PARTITIONS_MAX) return;
      one = {
        ...place,
        countdown: new LossCountdown(),
        left: undefined,
        claimedFrom: undefined,
        seenMs: steadyMs,
      };
      this.#watched.set(key, one);
    }
    one.seenMs = steadyMs;
    // Without a log there is nothing that could be lost; without a session its ends are not known and what was known goes on.
    if (row.logEnd < 0 || row.logStart < 0) {
      if (one.left !== undefined)
        one.left = { ...one.left, leftMs: Math.max(0, one.left.leftMs - SECOND_MS) };
      return;
    }
    const position = row.acceptedTo >= 0 ? Math.min(row.position, row.acceptedTo) : row.position;
    one.left = one.countdown.look({
      ...{ nowMs, steadyMs, logStart: row.logStart, logEnd: row.logEnd, position },
      neededFrom: Math.min(position, one.claimedFrom ?? position),
      positionMs: row.positionMs,
      retentionMs: row.retention?.ms,
      retentionBytes: row.retention?.bytes,
      bytesPerOffset: counters.events > 0 ? counters.bytes / counters.events : undefined,
      staleMs: staleOf(row, nowMs),
    });
  }
}

/** While intake waits for room the ends of the log are asked for by others; then they are known well enough. */
function staleOf({ endSeenMs, state }: PartitionStatus, nowMs: number): number {
  if (endSeenMs === undefined || state === 'paused') return 0;
  const quietMs = nowMs - endSeenMs;
  return quietMs > QUIET_MS ? quietMs : 0;
}

function keyOf({ source, topic, partition }: PartitionPlace): string {
  return JSON.stringify([source, topic, partition]);
}
