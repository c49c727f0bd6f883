import type { ClaimCause } from '../../shared/model/claim.ts';
import type { ChannelDatabase } from '../channel/channel-database.ts';
import { waitingByChannel } from '../channel/quarantine-reader.ts';
import type { ChannelFigures } from './engine-queries.ts';

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

interface WaitingSums {
  readonly channel: string;
  readonly events: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
}

interface OldestTimes {
  readonly channel: string;
  readonly oldestEventMs: number;
  readonly oldestPutMs: number;
}

type PlannedSums = WaitingSums & OldestTimes;

/** Counters of the landing keys. Read in the order of the table: over an index of channels each row would be sought. */
const WAITING = `SELECT channel, sum(events) AS events, sum(raw_bytes) AS rawBytes, sum(stored_bytes) AS storedBytes
  FROM landing_keys NOT INDEXED WHERE chunks > 0 GROUP BY channel`;

/** Two seeks a key: what takes long when there are many. */
const OLDEST = `SELECT k.channel,
  min((SELECT min(c.oldest_event_ms) FROM chunks c WHERE c.landing_key_id = k.id AND c.plan_id IS NULL)) AS oldestEventMs,
  min((SELECT min(c.put_ms) FROM chunks c WHERE c.landing_key_id = k.id AND c.plan_id IS NULL)) AS oldestPutMs
  FROM landing_keys k NOT INDEXED WHERE k.chunks > 0 GROUP BY k.channel`;

/** Oldest times that are read in this time are read for each status; else they take at most a twentieth of the thread's time. */
const CHEAP_MS = 20;
const REUSE_FACTOR = 20;
const REUSE_MAX_MS = 30_000;

/** Chunks in plans: no counter has them, and there are only as many as the open files hold. */
const PLANNED = `SELECT c.channel, sum(c.events) AS events, sum(c.raw_bytes) AS rawBytes, sum(c.stored_bytes) AS storedBytes,
  min(c.oldest_event_ms) AS oldestEventMs, min(c.put_ms) AS oldestPutMs
  FROM plans p JOIN chunks c ON c.plan_id = p.id GROUP BY c.channel`;

/** Chunks of puts that are not accepted: those of the last second or so, while the broker answers. */
const HELD = `SELECT c.channel, sum(c.events) AS events FROM tenures t
  JOIN chunks c ON c.partition_id = t.partition_id AND c.first >= t.accepted_to AND c.tenure_id = t.id
  WHERE t.state <> 'ended' AND t.put_to > t.accepted_to GROUP BY c.channel`;

/** Those whose events are to be pulled again; what was lost with others is a gap, and told as that. */
const DAMAGED = `SELECT channel, count(*) AS rows FROM damaged_chunks d
  WHERE EXISTS (SELECT 1 FROM claims WHERE damaged_id = d.id) GROUP BY channel`;

/** Of an index alone. */
const CLAIMED = `SELECT channel, sum(events) AS events, min(claimed_ms) AS oldestMs, group_concat(DISTINCT cause) AS causes FROM claims
  GROUP BY channel`;

interface ClaimedSums {
  readonly channel: string;
  readonly events: number;
  readonly oldestMs: number;
  readonly causes: string;
}

/**
 * What each channel holds: chunks in plans included, until their file is in the ledger. Channels that hold nothing are left out.
 * Asked for each second, so nothing is read while nothing changed.
 */
export class FigureBook {
  readonly #db: ChannelDatabase;
  readonly #steadyMs: () => number;
  readonly #waiting;
  readonly #oldest;
  #version = -1;
  #figures: readonly ChannelFigures[] = [];
  #times: readonly OldestTimes[] = [];
  #timesGoodUntilMs = -Infinity;

  constructor(db: ChannelDatabase, steadyMs: () => number) {
    this.#db = db;
    this.#steadyMs = steadyMs;
    this.#waiting = db.prepare<[], WaitingSums>(WAITING);
    this.#oldest = db.prepare<[], OldestTimes>(OLDEST);
  }

  read(): readonly ChannelFigures[] {
    const version = Number(this.#db.pragma('data_version', { simple: true }));
    if (version === this.#version) return this.#figures;
    const waiting = this.#waiting.all();
    const times = waiting.length === 0 ? [] : this.#oldestTimes(waiting);
    this.#figures = channelFigures(this.#db, waiting, times);
    this.#version = version;
    return this.#figures;
  }

  #oldestTimes(waiting: readonly WaitingSums[]): readonly OldestTimes[] {
    const startMs = this.#steadyMs();
    const isKnown = waiting.every(({ channel }) => this.#times.some((one) => one.channel === channel));
    if (isKnown && startMs < this.#timesGoodUntilMs) return this.#times;
    this.#times = this.#oldest.all();
    const endMs = this.#steadyMs();
    const tookMs = endMs - startMs;
    const reuseMs = tookMs <= CHEAP_MS ? 0 : Math.min(REUSE_MAX_MS, REUSE_FACTOR * tookMs);
    this.#timesGoodUntilMs = endMs + reuseMs;
    return this.#times;
  }
}

function channelFigures(
  db: ChannelDatabase,
  waiting: readonly WaitingSums[],
  times: readonly OldestTimes[],
): readonly ChannelFigures[] {
  const figures = new Map<string, Writable<ChannelFigures>>();
  const of = (channel: string): Writable<ChannelFigures> => {
    let found = figures.get(channel);
    if (found === undefined) figures.set(channel, (found = nothing(channel)));
    return found;
  };
  for (const sums of waiting) {
    const oldest = times.find(({ channel }) => channel === sums.channel);
    add(of(sums.channel), { oldestEventMs: Infinity, oldestPutMs: Infinity, ...oldest, ...sums });
  }
  for (const { channel, ...sums } of db.prepare<[], PlannedSums>(PLANNED).all()) add(of(channel), sums);
  for (const { channel, events } of db.prepare<[], { channel: string; events: number }>(HELD).all())
    of(channel).heldEvents = events;
  for (const { channel, rows } of db.prepare<[], { channel: string; rows: number }>(DAMAGED).all())
    of(channel).damagedChunks = rows;
  for (const { channel, causes, ...sums } of db.prepare<[], ClaimedSums>(CLAIMED).all())
    of(channel).claims = { ...sums, causes: causes.split(',') as ClaimCause[] };
  const byChannel = waitingByChannel(db);
  const ofAll = byChannel.get(null) ?? 0;
  if (ofAll > 0) for (const { channel } of knownChannels(db)) of(channel);
  for (const [channel, events] of byChannel) if (channel !== null && events > 0) of(channel);
  for (const one of figures.values()) one.quarantined = (byChannel.get(one.channel) ?? 0) + ofAll;
  return [...figures.values()];
}

function knownChannels(db: ChannelDatabase): { channel: string }[] {
  return db.prepare<[], { channel: string }>('SELECT DISTINCT channel FROM tenure_channels').all();
}

function nothing(channel: string): Writable<ChannelFigures> {
  return {
    ...{ channel, events: 0, heldEvents: 0, rawBytes: 0, storedBytes: 0, quarantined: 0, damagedChunks: 0 },
    oldestEventMs: undefined,
    oldestPutMs: undefined,
    claims: undefined,
  };
}

function add(figures: Writable<ChannelFigures>, sums: Omit<PlannedSums, 'channel'>): void {
  figures.events += sums.events;
  figures.rawBytes += sums.rawBytes;
  figures.storedBytes += sums.storedBytes;
  figures.oldestEventMs = Math.min(figures.oldestEventMs ?? Infinity, sums.oldestEventMs);
  figures.oldestPutMs = Math.min(figures.oldestPutMs ?? Infinity, sums.oldestPutMs);
}
