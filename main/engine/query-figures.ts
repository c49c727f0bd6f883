import { backlogKeys } from '../channel/backlog-reader.ts';
import type { ChannelDatabase } from '../channel/channel-database.ts';
import type { ChannelFigures } from './engine-queries.ts';
import type { QuarantineCounts } from './query-quarantine.ts';

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

interface PlannedSums {
  readonly channel: string;
  readonly events: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
  readonly oldestEventMs: number;
  readonly oldestPutMs: number;
}

/** Chunks in plans: no counter has them, and there are only as many as the open files hold. */
const PLANNED = `SELECT c.channel, sum(c.events) AS events, sum(c.raw_bytes) AS rawBytes, sum(c.stored_bytes) AS storedBytes,
  min(c.oldest_event_ms) AS oldestEventMs, min(c.put_ms) AS oldestPutMs
  FROM plans p JOIN chunks c ON c.plan_id = p.id GROUP BY c.channel`;

/** Chunks of puts that are not accepted: those of the last second or so, while the broker answers. */
const HELD = `SELECT c.channel, sum(c.events) AS events FROM tenures t
  JOIN chunks c ON c.partition_id = t.partition_id AND c.first >= t.accepted_to AND c.tenure_id = t.id
  WHERE t.state <> 'ended' AND t.put_to > t.accepted_to GROUP BY c.channel`;

const DAMAGED = 'SELECT channel, count(*) AS rows FROM damaged_chunks GROUP BY channel';

/** What each channel holds: chunks in plans included, until their file is in the ledger. Channels that hold nothing are left out. */
export function channelFigures(db: ChannelDatabase, counts: QuarantineCounts): readonly ChannelFigures[] {
  const figures = new Map<string, Writable<ChannelFigures>>();
  const of = (channel: string): Writable<ChannelFigures> => {
    let found = figures.get(channel);
    if (found === undefined) figures.set(channel, (found = nothing(channel)));
    return found;
  };
  for (const { channel, ...sums } of backlogKeys(db)) add(of(channel), sums);
  for (const { channel, ...sums } of db.prepare<[], PlannedSums>(PLANNED).all()) add(of(channel), sums);
  for (const { channel, events } of db.prepare<[], { channel: string; events: number }>(HELD).all())
    of(channel).heldEvents = events;
  for (const { channel, rows } of db.prepare<[], { channel: string; rows: number }>(DAMAGED).all())
    of(channel).damagedChunks = rows;
  const { byChannel } = counts.read();
  const ofAll = byChannel.get(null) ?? 0;
  if (ofAll > 0) for (const { channel } of knownChannels(db)) of(channel);
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
  };
}

function add(figures: Writable<ChannelFigures>, sums: Omit<PlannedSums, 'channel'>): void {
  figures.events += sums.events;
  figures.rawBytes += sums.rawBytes;
  figures.storedBytes += sums.storedBytes;
  figures.oldestEventMs = Math.min(figures.oldestEventMs ?? Infinity, sums.oldestEventMs);
  figures.oldestPutMs = Math.min(figures.oldestPutMs ?? Infinity, sums.oldestPutMs);
}
