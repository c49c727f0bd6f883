/**
 * Events that come back from quarantine, on their way through the rules as they are now: the same interceptors, router, landing keys and
 * packer as a delivery of a source (source-host.ts, batch-packer.ts), over events as their source once delivered them.
 */
import { EventBatch, parseTimestamp } from '../../shared/event-batch.ts';
import { offset } from '../../shared/model/brand.ts';
import { decodeRuns } from '../../shared/model/offset-runs.ts';
import type { QuarantineRetry } from '../../shared/model/quarantine-retry.ts';
import type { SliceEvent } from '../channel/quarantine-target.ts';
import { PackedBatch, type PackingChannel } from './batch-packer.ts';
import type { ChannelRouter } from './channel-router.ts';
import type { SourceRules } from './source-host.ts';

/** What became of events that were retried, each counted once in each column that it meets. */
export interface RetryTally {
  readonly placed: number;
  readonly filtered: number;
  readonly notRouted: number;
  /** What goes on waiting, with its new reason, for one channel at least. */
  readonly stays: number;
}

const TIMESTAMP = 'timestamp';

/** Runs of events that one operation of the writer may take: of one partition, tenure and channel, in offset order. */
export function retryGroups(events: readonly SliceEvent[]): readonly (readonly SliceEvent[])[] {
  const groups = new Map<string, SliceEvent[]>();
  for (const event of events) {
    const key = JSON.stringify([event.partitionId, event.tenureId, event.channel ?? null]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [event]);
    else group.push(event);
  }
  return [...groups.values()];
}

/** One group whose fates are decided and whose bytes are counted, but not copied yet. */
export class RetryBatch {
  readonly #events: readonly SliceEvent[];
  readonly #head: SliceEvent;
  readonly #rules: SourceRules;
  /** Undefined: the source does not feed their channel any more. */
  readonly #packed: PackedBatch | undefined;

  constructor(events: readonly SliceEvent[], rules: SourceRules) {
    const [head] = events;
    if (head === undefined) throw new Error('a retry of nothing');
    this.#events = events;
    this.#head = head;
    this.#rules = rules;
    const lane = laneOf(head.channel, rules);
    this.#packed = lane === undefined ? undefined : packed(events, rules, lane);
  }

  /** Bytes of all chunks. */
  get totalBytes(): number {
    return this.#packed?.totalBytes ?? 0;
  }

  /** Copies the bodies into `bytes` (at least `totalBytes` long) and completes the retry. */
  fill(bytes: ArrayBuffer, by: string): QuarantineRetry {
    const { channel } = this.#head;
    const { configVersion, channels } = this.#rules;
    const events = this.#events.map(({ id, offset: at }) => ({ id, offset: offset(at) }));
    const whole = { events, channel, configVersion, by };
    const put = this.#packed?.fill(bytes, configVersion);
    if (put === undefined) {
      const reason = `the source feeds the channel ${channel ?? ''} no more`;
      const stays = events.map(({ offset: at }) => ({ offset: at, channel, reason }));
      return { ...whole, channels: [channel ?? ''], chunks: [], bytes, dispositions: [], stays };
    }
    return {
      ...whole,
      channels: channel === undefined ? channels.map(({ name }) => name) : [channel],
      chunks: put.chunks,
      bytes,
      // What falls before the channels falls for the one that is asked here; the others have theirs.
      dispositions: put.dispositions.map((one) => ({ ...one, channel: one.channel ?? channel })),
      stays: put.quarantined.map((one) => ({
        offset: one.offset,
        channel: one.channel ?? channel,
        reason: one.reason,
      })),
    };
  }
}

interface Lane {
  readonly channels: readonly PackingChannel[];
  readonly router: ChannelRouter;
}

/** The channels that are asked: all, or the one for which the events come again. Undefined: the source does not feed it. */
export function laneOf(channel: string | undefined, { channels, router }: SourceRules): Lane | undefined {
  if (channel === undefined) return { channels, router };
  const place = channels.findIndex(({ name }) => name === channel);
  const only = channels[place];
  if (only === undefined) return undefined;
  const { routesAll } = router;
  const narrowed: ChannelRouter = {
    routesAll,
    routes: (batch, index) => router.routes(batch, index, place),
  };
  return { channels: [only], router: narrowed };
}

function packed(events: readonly SliceEvent[], rules: SourceRules, lane: Lane): PackedBatch {
  const [head, last] = [events[0], events.at(-1)];
  const batch = toBatch(events);
  const { maxEventBytes = Infinity } = rules;
  events.forEach(({ body }, index) => {
    if (body.byteLength > maxEventBytes)
      batch.quarantine(index, `body of ${body.byteLength} bytes is over the limit of ${maxEventBytes}`);
  });
  for (const interceptor of rules.interceptors) interceptor.intercept(batch);
  const { source = '', topic = '', partition = 0, incarnation = '' } = head ?? {};
  const delivery = {
    partition: { source, topic, partition, incarnation },
    // Whose tenure it is the writer reads from the rows.
    tenure: '',
    first: offset(head?.offset ?? 0),
    next: offset((last?.offset ?? 0) + 1),
    fingerprint: undefined,
    events: batch,
    dispositions: [],
    quarantined: [],
  };
  return new PackedBatch(delivery, lane.channels, lane.router);
}

/** The events as their source delivered them. */
function toBatch(events: readonly SliceEvent[]): EventBatch {
  const headers = events.map(
    (event) => new Map(Object.entries(JSON.parse(event.headers) as Record<string, string>)),
  );
  const names = new Set(headers.flatMap((one) => [...one.keys()]));
  names.delete(TIMESTAMP);
  return new EventBatch({
    count: events.length,
    offsets: Float64Array.from(events, ({ offset: at }) => at),
    sources: events.map(({ body }) => Buffer.from(body.buffer, body.byteOffset, body.byteLength)),
    sourceOf: Uint16Array.from(events, (_, index) => index),
    starts: new Int32Array(events.length),
    ends: Int32Array.from(events, ({ body }) => body.byteLength),
    timestamps: Float64Array.from(headers, (one) => parseTimestamp(one.get(TIMESTAMP) ?? '')),
    sharedHeaders: {},
    lazyHeaders: Object.fromEntries(
      [...names].map((name) => [name, { get: (index: number) => headers[index]?.get(name) }]),
    ),
  });
}

export function tallyOf(retry: QuarantineRetry): RetryTally {
  const placed = new Set<number>();
  for (const { runs } of retry.chunks) addTo(placed, runs);
  const filtered = new Set<number>();
  for (const { kind, runs } of retry.dispositions) if (kind === 'filtered') addTo(filtered, runs);
  const stays = new Set<number>(retry.stays.map((one) => one.offset));
  const rest = retry.events.filter(
    (event) => !placed.has(event.offset) && !filtered.has(event.offset) && !stays.has(event.offset),
  );
  return {
    placed: placed.size,
    filtered: filtered.size,
    stays: stays.size,
    notRouted: rest.length,
  };
}

function addTo(offsets: Set<number>, runs: { readonly first: number; readonly bytes: Uint8Array }): void {
  for (const { from, to } of decodeRuns(runs.first, runs.bytes))
    for (let at = from; at < to; at++) offsets.add(at);
}
