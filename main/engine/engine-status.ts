/** The engine's snapshot, put together from its parts. */
import type {
  ChannelStatusRow,
  SinkStatusRow,
  SourceStatusRow,
} from '../../shared/contract/control-status.ts';
import type { MemoryRoom } from '../channel/memory-room.ts';
import type { RoomState } from '../channel/room-gauge.ts';
import { ALL_SINKS, type WriteSwitch } from '../channel/switch-store.ts';
import { MINUTE_MS, SECOND_MS } from '../../shared/units.ts';
import { RateMeter } from '../telemetry/rate-meter.ts';
import type { FillOutlook } from './forecast/fill-forecast.ts';
import type { Forecasts } from './forecast/forecasts.ts';
import type { Countdown } from './forecast/loss-countdown.ts';
import type { ChannelFigures } from './engine-queries.ts';
import type { LandingLink } from './landing-link.ts';
import type { RepullStatus } from '../sources/source.ts';
import type { SourceRunner } from './source-runner.ts';

/** A source row never lists more partitions than this; the counts are of all. */
const PARTITION_ROWS_MAX = 2_000;

function given<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return (value === undefined ? {} : { [key]: value }) as Partial<Record<K, V>>;
}

export function sourceRow(
  runner: SourceRunner,
  { nowMs, forecasts }: { readonly nowMs: number; readonly forecasts: Forecasts },
): SourceStatusRow {
  const { source, host, failure } = runner;
  const status = source.status();
  const known = status.partitions.filter((one) => one.lag >= 0);
  const losses = status.partitions.flatMap(
    ({ topic, partition }) => forecasts.lossOf(runner.name, topic, partition)?.leftMs ?? [],
  );
  const { deliveredEvents: events, deliveredBytes: bytes } = host.counters;
  return {
    name: runner.name,
    type: status.type,
    state: failure === undefined ? status.state : 'failed',
    ...given('cause', failure?.error.message ?? status.cause),
    ...given('hint', failure?.error.hint ?? status.hint),
    ...given('nextTryMs', failure?.nextTryMs ?? status.nextTryMs),
    fence: status.fence,
    events,
    bytes,
    eventsPerSecond: runner.eventRate.sample(events, nowMs),
    bytesPerSecond: runner.byteRate.sample(bytes, nowMs),
    pulls: status.counters.pulls,
    repulls: status.counters.repulls,
    failedPulls: status.counters.failedPulls,
    lag: known.length === 0 ? -1 : known.reduce((sum, one) => sum + one.lag, 0),
    ...given('repull', repullOf(status.repull)),
    ...given('secondsToLoss', losses.length === 0 ? undefined : seconds(Math.min(...losses))),
    channels: host.rules.channels.map((channel) => channel.name),
    partitions: status.partitions
      .slice(0, PARTITION_ROWS_MAX)
      .map(({ endSeenMs: _, positionMs: _positionMs, retention, ...one }) => ({
        ...one,
        ...given('cause', one.cause),
        ...given('retentionSeconds', retention?.ms === undefined ? undefined : seconds(retention.ms)),
        ...lossFields(forecasts.lossOf(runner.name, one.topic, one.partition)),
      })),
  };
}

function repullOf(repull: RepullStatus | undefined): SourceStatusRow['repull'] {
  if (repull === undefined) return undefined;
  const { state, cause, hint, nextTryMs, redeemed, lost } = repull;
  return {
    state,
    ...given('cause', cause),
    ...given('hint', hint),
    ...given('nextTryMs', nextTryMs),
    redeemed,
    lost,
  };
}

function claimsOf(figures: ChannelFigures | undefined): ChannelStatusRow['claims'] {
  const claims = figures?.claims;
  return claims === undefined ? undefined : { ...claims, causes: [...claims.causes] };
}

function lossFields(loss: Countdown | undefined): { secondsToLoss?: number; lossBy?: Countdown['by'] } {
  return loss === undefined ? {} : { secondsToLoss: seconds(loss.leftMs), lossBy: loss.by };
}

function seconds(ms: number): number {
  return Math.max(0, Math.round(ms / SECOND_MS));
}

/** Over how long the pace of filling and draining is measured: files land in bursts. */
const TREND_WINDOW_MS = MINUTE_MS;

/** How fast each channel drains. */
export class ChannelTrends {
  readonly #backlogs = new Map<string, RateMeter>();

  /** How fast a channel's events change. */
  backlogOf(channel: string): RateMeter {
    let meter = this.#backlogs.get(channel);
    if (meter === undefined) this.#backlogs.set(channel, (meter = new RateMeter(TREND_WINDOW_MS)));
    return meter;
  }

  /** Forgets channels that are no more. */
  keep(channels: ReadonlySet<string>): void {
    for (const name of this.#backlogs.keys()) if (!channels.has(name)) this.#backlogs.delete(name);
  }
}

export interface ChannelFacts {
  readonly name: string;
  readonly type: string;
  readonly room: RoomState;
  readonly figures: ChannelFigures | undefined;
  readonly trends: ChannelTrends;
  readonly fill: FillOutlook;
  readonly nowMs: number;
}

export function channelRow(facts: ChannelFacts): ChannelStatusRow {
  const { name, type, room, figures } = facts;
  const memory = room.memory.find(({ channel }) => channel === name);
  return {
    name,
    type,
    ...roomOf(room, memory),
    ...given('memory', memory && { usedBytes: memory.usedBytes, capacityBytes: memory.capacityBytes }),
    events: figures?.events ?? 0,
    heldEvents: figures?.heldEvents ?? 0,
    rawBytes: figures?.rawBytes ?? 0,
    storedBytes: figures?.storedBytes ?? 0,
    capacityBytes: room.capacityBytes,
    usedBytes: room.usedBytes,
    freeDiskBytes: room.freeDiskBytes,
    minFreeDiskBytes: room.minFreeDiskBytes,
    ...given('oldestEventMs', figures?.oldestEventMs),
    ...given('oldestPutMs', figures?.oldestPutMs),
    quarantined: figures?.quarantined ?? 0,
    damagedChunks: figures?.damagedChunks ?? 0,
    ...given('claims', claimsOf(figures)),
    ...forecast(facts),
  };
}

function roomOf(
  room: RoomState,
  memory: MemoryRoom | undefined,
): Pick<ChannelStatusRow, 'state' | 'cause' | 'hint'> {
  const hint =
    'let the sink land (is it paused, or the target away?), or give the channel more room; intake goes on by itself';
  if (!room.isOpen && room.reason !== 'capacity') {
    const cause = 'the disk has less free than minFreeDiskBytes; intake waits and Kafka keeps the data';
    return { state: 'low-disk', cause, hint };
  }
  if (!room.isOpen)
    return {
      state: 'full',
      cause: 'the channel is at its capacity; intake waits and Kafka keeps the data',
      hint,
    };
  if (memory?.isFull !== true) return { state: 'open' };
  const cause =
    'the channel’s memory is full; intake waits and Kafka keeps the data, and files are landed before their time';
  return { state: 'full', cause, hint };
}

/** When it will be full or empty, if things go on as they do, or if landing stopped. */
function forecast({
  name,
  type,
  room,
  figures,
  trends,
  fill,
  nowMs,
}: ChannelFacts): Partial<ChannelStatusRow> {
  const memory = type === 'memory' ? room.memory.find(({ channel }) => channel === name) : undefined;
  const diskRoom = Math.min(room.capacityBytes - room.usedBytes, room.freeDiskBytes - room.minFreeDiskBytes);
  const memoryRoom = memory === undefined ? Infinity : memory.capacityBytes - memory.usedBytes;
  const roomBytes = Math.max(0, Math.min(diskRoom, memoryRoom));
  // What is known of the disk says nothing of a memory.
  const isOfDisk = (leftMs: number | undefined): leftMs is number =>
    memory === undefined && leftMs !== undefined;
  const { events = 0 } = figures ?? {};
  const drain = -trends.backlogOf(name).slope(events, nowMs);
  const time = (amount: number, perSecond: number): number | undefined =>
    amount > 0 && perSecond > 0 ? amount / perSecond : undefined;
  return {
    roomBytes,
    ...given('secondsToFull', isOfDisk(fill.leftMs) ? seconds(fill.leftMs) : undefined),
    ...given('secondsToFullIfPaused', isOfDisk(fill.ifStoppedMs) ? seconds(fill.ifStoppedMs) : undefined),
    ...given('drainSeconds', time(events, drain)),
  };
}

export interface SinkFacts {
  readonly link: LandingLink;
  readonly type: string;
  readonly switches: readonly WriteSwitch[];
  readonly events: RateMeter;
  readonly bytes: RateMeter;
  readonly last: { readonly atMs: number; readonly path: string } | undefined;
  readonly nowMs: number;
}

export function sinkRow({ link, type, switches, events, bytes, last, nowMs }: SinkFacts): SinkStatusRow {
  const { name, channel } = link.settings;
  const { group } = link.settings.lander;
  const { status, failure, landed } = link;
  const paused = switches.find((one) => one.isPaused && (one.sink === name || one.sink === ALL_SINKS));
  const waiting = failure ?? status?.gate;
  const why =
    failure?.error ?? status?.gate?.why ?? status?.files.find((file) => file.why !== undefined)?.why;
  const isWaiting =
    waiting !== undefined || (status !== undefined && status.waiting > 0 && status.running === 0);
  let state: SinkStatusRow['state'] = 'idle';
  if (status === undefined) state = failure === undefined ? 'starting' : 'failed';
  else if (paused !== undefined) state = 'paused';
  else if (isWaiting) state = 'waiting';
  else if (status.running > 0) state = 'flowing';
  return {
    name,
    type,
    channel,
    ...given('group', group === undefined ? undefined : { name: group, isOnDuty: status?.isOnDuty === true }),
    state,
    ...given('cause', why?.message),
    ...given('hint', why?.hint),
    ...given('nextTryMs', waiting?.nextTryMs ?? soonest(status?.files.map((file) => file.nextTryMs))),
    ...given(
      'paused',
      paused === undefined ? undefined : { by: paused.who, why: paused.why, atMs: paused.atMs },
    ),
    files: landed.files,
    events: landed.events,
    bytes: landed.bytes,
    eventsPerSecond: events.sample(landed.events, nowMs),
    bytesPerSecond: bytes.sample(landed.bytes, nowMs),
    heldFiles: status?.held ?? 0,
    openKeys: status?.keyCount ?? 0,
    uploads: (status?.files ?? []).map((file) => ({
      fileId: file.fileId,
      path: file.finalPath,
      step: file.state === 'running' ? file.step : file.state,
      attempt: file.attempt,
      sentBytes: file.bytesSent,
      totalBytes: file.bytes,
      ...given('cause', file.why?.message),
      ...given('hint', file.why?.hint),
      ...given('nextTryMs', file.nextTryMs),
    })),
    ...given('lastLandedMs', last?.atMs),
    ...given('lastLandedPath', last?.path),
  };
}

function soonest(times: readonly (number | undefined)[] = []): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
