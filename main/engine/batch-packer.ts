/**
 * From a delivered batch to a put: which channel, which landing key, which chunk — and what became of every other offset.
 *
 * Promise: the put accounts for every offset of `[first, next)` exactly once per channel: in a chunk, or in a disposition, or in
 * quarantine. The channel's writer checks the same again before it stores anything (assertions in pairs).
 *
 * This is the hottest loop of the engine (400,000 events a second on the main thread), so it makes two passes over the batch with
 * typed arrays: one decides each event's chunk and counts bytes, the other copies bodies into one buffer that goes to the writer
 * by transfer.
 */
import { EVENT_FILTERED, EVENT_LIVE, EVENT_QUARANTINED, type EventBatch } from '../../shared/event-batch.ts';
import { offset } from '../../shared/model/brand.ts';
import type { LandingKey } from '../../shared/model/landing-key.ts';
import { OffsetRunsBuilder } from '../../shared/model/offset-runs.ts';
import type { Disposition } from '../../shared/model/partition.ts';
import {
  CHUNK_RAW_BYTES_MAX,
  type Put,
  type PutChunk,
  type QuarantinedEvent,
} from '../../shared/model/put.ts';
import type { Delivery } from '../sources/source.ts';
import type { ChannelRouter } from './channel-router.ts';

/** What the packer needs of a landing key maker: equal keys come back as the same object. */
export interface KeyMaker {
  keyFor(batch: EventBatch, index: number): LandingKeyResult;
}

export type LandingKeyResult =
  { readonly key: LandingKey; readonly bucketEndMs: number | undefined } | { readonly unplaceable: string };

/** A channel as the packer sees it. */
export interface PackingChannel {
  readonly name: string;
  readonly keys: KeyMaker;
  /** TEXT serializer: whether a newline follows every body (Flume's `serializer.appendNewline`). */
  readonly appendNewline: boolean;
}

/** One chunk in the making. */
interface ChunkDraft {
  readonly channel: string;
  readonly key: LandingKey;
  bucketEndMs: number | undefined;
  bytes: number;
  byteOffset: number;
  cursor: number;
  oldestMs: number;
  newestMs: number;
  readonly runs: OffsetRunsBuilder;
}

const NEWLINE = 10;
const NOT_HERE = -1;

/** A delivery whose chunks are decided and whose bytes are counted, but not copied yet. */
export class PackedBatch {
  /** Bytes of all chunks. */
  readonly totalBytes: number;
  readonly #delivery: Delivery;
  readonly #drafts: ChunkDraft[] = [];
  /** Per channel: the index of each event's draft, or NOT_HERE. */
  readonly #draftOf: { readonly channel: PackingChannel; readonly index: Int32Array }[] = [];
  readonly #dispositions: Disposition[];
  readonly #quarantined: QuarantinedEvent[];
  readonly #channels: readonly string[];

  constructor(delivery: Delivery, channels: readonly PackingChannel[], router: ChannelRouter) {
    this.#delivery = delivery;
    this.#channels = channels.map((channel) => channel.name);
    this.#dispositions = [...delivery.dispositions];
    this.#quarantined = [...delivery.quarantined];
    this.#accountForTheFallen();
    let total = 0;
    channels.forEach((channel, place) => (total = this.#assign(channel, router, { place, total })));
    this.totalBytes = total;
  }

  /** Bytes of quarantined bodies, which travel beside the chunks. */
  get quarantinedBytes(): number {
    return this.#quarantined.reduce((sum, event) => sum + event.body.byteLength, 0);
  }

  /** Copies the bodies into `bytes` (at least `totalBytes` long) and completes the put. */
  fill(bytes: ArrayBuffer, configVersion: number): Put {
    const target = Buffer.from(bytes);
    const { events, partition, tenure, first, next, fingerprint } = this.#delivery;
    for (const { channel, index } of this.#draftOf) this.#copy(channel, index, target);
    const chunks: PutChunk[] = this.#drafts.map((draft) => ({
      channel: draft.channel,
      landingKey: draft.key,
      byteOffset: draft.byteOffset,
      byteLength: draft.bytes,
      runs: draft.runs.finish(),
      oldestEventMs: draft.oldestMs,
      newestEventMs: draft.newestMs,
      bucketEndMs: draft.bucketEndMs,
    }));
    if (events.count > 0 && chunks.length === 0 && this.totalBytes > 0)
      throw new Error('bytes were counted for no chunk');
    return {
      partition,
      tenure,
      first,
      next,
      fingerprint,
      chunks,
      bytes,
      dispositions: this.#dispositions,
      quarantined: this.#quarantined,
      configVersion,
      channels: this.#channels,
    };
  }

  /** Filtered and quarantined events, which are the same for all channels. */
  #accountForTheFallen(): void {
    const { events } = this.#delivery;
    const filtered = new RunsByReason();
    for (let i = 0; i < events.count; i++) {
      const fate = events.fates[i];
      if (fate === EVENT_LIVE) continue;
      if (fate === EVENT_FILTERED) filtered.add(events.reason(i), events.offsets[i] ?? 0);
      if (fate === EVENT_QUARANTINED) this.#quarantine(i, undefined, events.reason(i));
    }
    for (const { reason, runs } of filtered.finish()) {
      this.#dispositions.push({ kind: 'filtered', channel: undefined, runs, reason });
    }
  }

  /** First pass: decides the chunk of every live event for one channel; returns the bytes counted so far. */
  #assign(channel: PackingChannel, router: ChannelRouter, at: { place: number; total: number }): number {
    const { events } = this.#delivery;
    const count = events.count;
    const index = new Int32Array(count);
    const open = new Map<LandingKey, number>();
    const notRouted = new OffsetRunsBuilder();
    const newline = channel.appendNewline ? 1 : 0;
    const routesAll = router.routesAll;
    let lastKey: LandingKey | undefined;
    let last = NOT_HERE;
    for (let i = 0; i < count; i++) {
      index[i] = NOT_HERE;
      if (events.fates[i] !== EVENT_LIVE) continue;
      if (!routesAll && !router.routes(events, i, at.place)) {
        notRouted.add(events.offsets[i] ?? 0);
        continue;
      }
      const placed = channel.keys.keyFor(events, i);
      if ('unplaceable' in placed) {
        this.#quarantine(i, channel.name, placed.unplaceable);
        continue;
      }
      const bytes = events.bodyLength(i) + newline;
      if (placed.key !== lastKey) {
        lastKey = placed.key;
        last = open.get(placed.key) ?? NOT_HERE;
      }
      let draft = last === NOT_HERE ? undefined : this.#drafts[last];
      if (draft === undefined || draft.bytes + bytes > CHUNK_RAW_BYTES_MAX) {
        last = this.#drafts.length;
        draft = newDraft(channel.name, placed);
        this.#drafts.push(draft);
        open.set(placed.key, last);
      }
      draft.bytes += bytes;
      // One directory may stand for several hours or days (a path with %H only): it is complete with the last of them.
      if (placed.bucketEndMs !== draft.bucketEndMs)
        draft.bucketEndMs = later(placed.bucketEndMs, draft.bucketEndMs);
      const eventMs = events.timestamps[i] ?? NaN;
      if (eventMs < draft.oldestMs) draft.oldestMs = eventMs;
      if (eventMs > draft.newestMs) draft.newestMs = eventMs;
      index[i] = last;
    }
    this.#draftOf.push({ channel, index });
    if (notRouted.count > 0) {
      this.#dispositions.push({
        kind: 'not-routed',
        channel: channel.name,
        runs: notRouted.finish(),
        reason: 'the selector sent it elsewhere',
      });
    }
    return this.#layOut(at.total);
  }

  /** Gives every new draft its place in the put's bytes. */
  #layOut(from: number): number {
    let total = from;
    for (const draft of this.#drafts) {
      if (draft.byteOffset !== NOT_HERE) continue;
      draft.byteOffset = total;
      draft.cursor = total;
      total += draft.bytes;
    }
    return total;
  }

  /** Second pass: bodies into their chunks, offsets into their runs. */
  #copy(channel: PackingChannel, index: Int32Array, target: Buffer): void {
    const { events } = this.#delivery;
    const appendNewline = channel.appendNewline;
    for (let i = 0; i < events.count; i++) {
      const place = index[i] ?? NOT_HERE;
      if (place === NOT_HERE) continue;
      const draft = this.#drafts[place];
      if (draft === undefined) throw new Error(`event ${i} has no chunk`);
      let at = events.copyBody(i, target, draft.cursor);
      if (appendNewline) target[at++] = NEWLINE;
      draft.cursor = at;
      draft.runs.add(events.offsets[i] ?? 0);
    }
    for (const draft of this.#drafts) {
      if (draft.channel !== channel.name) continue;
      if (draft.cursor !== draft.byteOffset + draft.bytes)
        throw new Error('a chunk was not filled as it was counted');
      if (!Number.isFinite(draft.oldestMs)) draft.oldestMs = draft.newestMs = 0;
    }
  }

  /** The event as it came, not as the rules left it: it goes through them again when it is retried. */
  #quarantine(index: number, channel: string | undefined, reason: string): void {
    const { events } = this.#delivery;
    const { headers, timestampMs, body } = events.original(index);
    const key = headers['key'];
    this.#quarantined.push({
      offset: offset(events.offsets[index] ?? 0),
      channel,
      reason,
      timestampMs,
      headers,
      key: key === undefined ? undefined : new TextEncoder().encode(key),
      // A copy: the view would send the whole fetched buffer to the writer.
      body: Uint8Array.from(body),
    });
  }
}

function later(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? (left ?? right) : Math.max(left, right);
}

function newDraft(channel: string, placed: Extract<LandingKeyResult, { key: LandingKey }>): ChunkDraft {
  return {
    channel,
    key: placed.key,
    bucketEndMs: placed.bucketEndMs,
    bytes: 0,
    byteOffset: NOT_HERE,
    cursor: NOT_HERE,
    oldestMs: Infinity,
    newestMs: -Infinity,
    runs: new OffsetRunsBuilder(),
  };
}

/** Runs of offsets by the reason they share. */
class RunsByReason {
  readonly #builders = new Map<string, OffsetRunsBuilder>();

  add(reason: string, at: number): void {
    let builder = this.#builders.get(reason);
    if (builder === undefined) this.#builders.set(reason, (builder = new OffsetRunsBuilder()));
    builder.add(at);
  }

  finish(): { reason: string; runs: ReturnType<OffsetRunsBuilder['finish']> }[] {
    return [...this.#builders].map(([reason, builder]) => ({ reason, runs: builder.finish() }));
  }
}
