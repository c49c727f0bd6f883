/**
 * The engine's side of a source: runs the interceptors over a delivered batch, packs it, and hands it to the channel's writer.
 *
 * Order: deliveries of one source go to the writer in the order of the calls, because each step that waits (the byte budget) is
 * first come, first served, and nothing else waits before the message is posted. The writer refuses a batch that does not begin at
 * its partition's position, so a broken order could stop the flow, but never store an event twice or out of turn.
 */
import type { Put, PutReceipt } from '../../shared/model/put.ts';
import type { Interceptor } from '../interceptors/interceptor.ts';
import type { Delivery, SourceEvent, SourceHost, SourceStore } from '../sources/source.ts';
import { PackedBatch, type PackingChannel } from './batch-packer.ts';
import { ByteBudget } from './byte-budget.ts';
import type { ChannelRouter } from './channel-router.ts';

/** Serialized events between the main thread and the writer, over all sources. */
export const PUT_BYTES_IN_FLIGHT_MAX = 24 * 1024 * 1024;
/** Buffers of puts are used again; larger ones than this are not kept. */
const KEPT_BUFFER_BYTES = 4 * 1024 * 1024;
const KEPT_BUFFERS_MAX = 6;

/** The writer as the host needs it. */
export interface PutPort {
  put(put: Put): Promise<PutReceipt>;
  /** Resolves while the channels take more, or the signal aborts. */
  whenOpen(channels: readonly string[], signal: AbortSignal): Promise<void>;
}

/** What a configuration says a source's events go through; replaced whole by a reload. */
export interface SourceRules {
  readonly configVersion: number;
  readonly interceptors: readonly Interceptor[];
  readonly router: ChannelRouter;
  readonly channels: readonly PackingChannel[];
}

export interface HostCounters {
  deliveredEvents: number;
  deliveredBytes: number;
}

/** Buffers that came back from the writer, for the next puts. */
export class PutBuffers {
  readonly budget = new ByteBudget(PUT_BYTES_IN_FLIGHT_MAX);
  readonly #kept: ArrayBuffer[] = [];

  /** A buffer of at least so many bytes. */
  take(bytes: number): ArrayBuffer {
    if (bytes === 0) return new ArrayBuffer(0);
    const index = this.#kept.findIndex((buffer) => buffer.byteLength >= bytes);
    const kept = index < 0 ? undefined : this.#kept.splice(index, 1)[0];
    if (kept !== undefined) return kept;
    // Small puts get what they need, large ones a size that the next can use too.
    return new ArrayBuffer(bytes < KEPT_BUFFER_BYTES / 8 ? bytes : Math.max(bytes, KEPT_BUFFER_BYTES / 2));
  }

  giveBack(buffer: ArrayBuffer): void {
    const isUseful = buffer.byteLength >= KEPT_BUFFER_BYTES / 2 && buffer.byteLength <= KEPT_BUFFER_BYTES;
    if (isUseful && this.#kept.length < KEPT_BUFFERS_MAX) this.#kept.push(buffer);
  }
}

export class EngineSourceHost implements SourceHost {
  readonly store: SourceStore;
  readonly counters: HostCounters = { deliveredEvents: 0, deliveredBytes: 0 };
  readonly #port: PutPort;
  readonly #buffers: PutBuffers;
  readonly #report: (event: SourceEvent) => void;
  #rules: SourceRules;

  constructor(options: {
    readonly store: SourceStore;
    readonly port: PutPort;
    readonly buffers: PutBuffers;
    readonly rules: SourceRules;
    readonly report: (event: SourceEvent) => void;
  }) {
    this.store = options.store;
    this.#port = options.port;
    this.#buffers = options.buffers;
    this.#rules = options.rules;
    this.#report = options.report;
  }

  /** New rules hold from the next delivery on; the backlog keeps the directories it was given. */
  changeRules(rules: SourceRules): void {
    this.#rules = rules;
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const rules = this.#rules;
    for (const interceptor of rules.interceptors) interceptor.intercept(delivery.events);
    const packed = new PackedBatch(delivery, rules.channels, rules.router);
    // Read before the first wait: the batch's views may be gone once its puts are under way.
    const events = delivery.events.count;
    await this.#buffers.budget.take(packed.totalBytes, signal);
    try {
      const put = packed.fill(this.#buffers.take(packed.totalBytes), rules.configVersion);
      const receipt = await this.#port.put(put);
      this.#buffers.giveBack(receipt.bytes);
      this.counters.deliveredEvents += events;
      this.counters.deliveredBytes += packed.totalBytes;
    } finally {
      this.#buffers.budget.give(packed.totalBytes);
    }
  }

  whenOpen(signal: AbortSignal): Promise<void> {
    return this.#port.whenOpen(
      this.#rules.channels.map((channel) => channel.name),
      signal,
    );
  }

  report(event: SourceEvent): void {
    this.#report(event);
  }
}
