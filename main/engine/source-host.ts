/**
 * The engine's side of a source: runs the interceptors over a delivered batch, packs it, and hands it to the channel's writer.
 *
 * Order: deliveries of one source go to the writer in the order of the calls, because each step that waits (the byte budget) is
 * first come, first served, and nothing else waits before the message is posted. The writer refuses a batch that does not begin at
 * its partition's position, so a broken order could stop the flow, but never store an event twice or out of turn.
 */
import type { ClaimCursor, ClaimPage, ClaimRedemption, RedemptionReceipt } from '../../shared/model/claim.ts';
import type { Put, PutReceipt } from '../../shared/model/put.ts';
import type { QuarantineRetry, RetryReceipt } from '../../shared/model/quarantine-retry.ts';
import type { SliceEvent } from '../channel/quarantine-target.ts';
import type { Interceptor } from '../interceptors/interceptor.ts';
import { NO_CLAIMS } from '../sources/claim-keeper.ts';
import type {
  ClaimPort,
  Delivery,
  PulledAgain,
  SourceEvent,
  SourceHost,
  SourceStore,
} from '../sources/source.ts';
import { PackedBatch, type PackingChannel } from './batch-packer.ts';
import { ByteBudget } from './byte-budget.ts';
import type { ChannelRouter } from './channel-router.ts';
import { RedemptionBatch } from './redemption-batch.ts';
import { RetryBatch, tallyOf, type RetryTally } from './quarantine-batch.ts';

/** Serialized events between the main thread and the writer, over all sources. */
export const PUT_BYTES_IN_FLIGHT_MAX = 16 * 1024 * 1024;
/** Buffers of puts come in these sizes, so that they can be used again; smaller and larger puts get what they need. */
const BUFFER_SIZES = [2 * 1024 * 1024, 4 * 1024 * 1024] as const;
const OWN_SIZE_BYTES_MAX = 512 * 1024;
const KEPT_BUFFERS_MAX = 6;

/** The writer as the host needs it. */
export interface PutPort {
  /** The signal ends the waiting for room; a put that is on its way is answered all the same. */
  put(put: Put, signal: AbortSignal): Promise<PutReceipt>;
  /** Resolves while the channels take more, or the signal aborts. */
  whenOpen(channels: readonly string[], signal: AbortSignal): Promise<void>;
}

/** The claims of one source, as the writer has them. */
export interface ClaimStorePort {
  open(after: ClaimCursor | undefined): Promise<ClaimPage>;
  /** As a put: waits for room. */
  redeem(redemption: ClaimRedemption, signal: AbortSignal): Promise<RedemptionReceipt>;
}

/** What a configuration says a source's events go through; replaced whole by a reload. */
export interface SourceRules {
  readonly configVersion: number;
  readonly interceptors: readonly Interceptor[];
  readonly router: ChannelRouter;
  readonly channels: readonly PackingChannel[];
  /** What a source takes at all; for events that come back from quarantine. Absent: any size. */
  readonly maxEventBytes?: number;
}

/** How events that come back from quarantine are stored. */
export interface RetryOptions {
  readonly by: string;
  readonly signal: AbortSignal;
  readonly store: (retry: QuarantineRetry, signal: AbortSignal) => Promise<RetryReceipt>;
}

export interface HostCounters {
  deliveredEvents: number;
  deliveredBytes: number;
}

/** Buffers that came back from the writer, for the next puts. */
export class PutBuffers {
  readonly budget = new ByteBudget(PUT_BYTES_IN_FLIGHT_MAX);
  readonly #kept: ArrayBuffer[] = [];

  /** What a put of so many bytes really takes: this is what counts against the budget. */
  sizeFor(bytes: number): number {
    if (bytes < OWN_SIZE_BYTES_MAX) return bytes;
    return BUFFER_SIZES.find((size) => size >= bytes) ?? bytes;
  }

  /** A buffer of `sizeFor(bytes)`. */
  take(bytes: number): ArrayBuffer {
    const size = this.sizeFor(bytes);
    const at = this.#kept.findIndex((buffer) => buffer.byteLength === size);
    const kept = at < 0 ? undefined : this.#kept.splice(at, 1)[0];
    return kept ?? new ArrayBuffer(size);
  }

  giveBack(buffer: ArrayBuffer): void {
    const isUseful = BUFFER_SIZES.some((size) => size === buffer.byteLength);
    if (isUseful && this.#kept.length < KEPT_BUFFERS_MAX) this.#kept.push(buffer);
  }
}

export class EngineSourceHost implements SourceHost {
  readonly store: SourceStore;
  readonly claims: ClaimPort;
  readonly counters: HostCounters = { deliveredEvents: 0, deliveredBytes: 0 };
  readonly #port: PutPort;
  readonly #isIntakeShut: boolean;
  readonly #buffers: PutBuffers;
  readonly #report: (event: SourceEvent) => void;
  /** Bounded by the budget: each of them holds or waits for its bytes. */
  readonly #underWay = new Set<Promise<void>>();
  #rules: SourceRules;

  constructor(options: {
    readonly store: SourceStore;
    readonly port: PutPort;
    /** Absent: this source has none. */
    readonly claims?: ClaimStorePort;
    /** Nothing new is taken: the source only settles what it took before. */
    readonly isIntakeShut?: boolean;
    readonly buffers: PutBuffers;
    readonly rules: SourceRules;
    readonly report: (event: SourceEvent) => void;
  }) {
    this.store = options.store;
    const { claims } = options;
    this.claims =
      claims === undefined
        ? NO_CLAIMS
        : {
            open: (after) => claims.open(after),
            redeem: (again, signal) => this.#redeem(again, claims, signal),
          };
    this.#port = options.port;
    this.#isIntakeShut = options.isIntakeShut === true;
    this.#buffers = options.buffers;
    this.#rules = options.rules;
    this.#report = options.report;
  }

  get rules(): SourceRules {
    return this.#rules;
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
    const bytes = delivery.events.deliveredBytes();
    const underWay = this.#store(packed, rules.configVersion, signal);
    this.#underWay.add(underWay);
    try {
      await underWay;
      this.counters.deliveredEvents += events;
      this.counters.deliveredBytes += bytes;
    } finally {
      this.#underWay.delete(underWay);
    }
  }

  /**
   * Sends events that come back from quarantine through the rules of this moment: one partition, tenure and channel, in offset order. It
   * counts as under way like a delivery. `changed`: nothing was stored, for some of them do not wait any more. Throws as `deliver` does.
   */
  async retry(events: readonly SliceEvent[], options: RetryOptions): Promise<RetryTally | 'changed'> {
    const batch = new RetryBatch(events, this.#rules);
    const stored = this.#storeRetry(batch, options);
    // Who waits for it to settle need not know how; who asked is told by `stored`.
    const underWay = stored.then(
      () => undefined,
      () => undefined,
    );
    this.#underWay.add(underWay);
    try {
      return await stored;
    } finally {
      this.#underWay.delete(underWay);
    }
  }

  /** Counts as under way like a delivery. */
  async #redeem(
    again: PulledAgain,
    claims: ClaimStorePort,
    signal: AbortSignal,
  ): Promise<'done' | 'changed' | 'unfed'> {
    const batch = RedemptionBatch.of(again, this.#rules);
    if (batch === undefined) return 'unfed';
    const stored = this.#storeRedemption(batch, claims, signal);
    const underWay = stored.then(
      () => undefined,
      () => undefined,
    );
    this.#underWay.add(underWay);
    try {
      return (await stored) ? 'done' : 'changed';
    } finally {
      this.#underWay.delete(underWay);
    }
  }

  async #storeRedemption(
    batch: RedemptionBatch,
    claims: ClaimStorePort,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { budget } = this.#buffers;
    const bytes = this.#buffers.sizeFor(batch.totalBytes) + batch.quarantinedBytes;
    await budget.take(bytes, signal);
    try {
      const redemption = batch.fill(this.#buffers.take(batch.totalBytes));
      const receipt = await claims.redeem(redemption, signal);
      this.#buffers.giveBack(receipt.bytes);
      return receipt.isDone;
    } finally {
      budget.give(bytes);
    }
  }

  async #storeRetry(batch: RetryBatch, options: RetryOptions): Promise<RetryTally | 'changed'> {
    const { by, signal, store } = options;
    const { budget } = this.#buffers;
    const bytes = this.#buffers.sizeFor(batch.totalBytes);
    await budget.take(bytes, signal);
    try {
      const retry = batch.fill(this.#buffers.take(batch.totalBytes), by);
      const tally = tallyOf(retry);
      const receipt = await store(retry, signal);
      this.#buffers.giveBack(receipt.bytes);
      return receipt.isDone ? tally : 'changed';
    } finally {
      budget.give(bytes);
    }
  }

  /** Resolves when what was delivered up to now, under rules that may have changed since, is stored or refused. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  async #store(packed: PackedBatch, configVersion: number, signal: AbortSignal): Promise<void> {
    const { budget } = this.#buffers;
    const bytes = this.#buffers.sizeFor(packed.totalBytes) + packed.quarantinedBytes;
    await budget.take(bytes, signal);
    try {
      const put = packed.fill(this.#buffers.take(packed.totalBytes), configVersion);
      const receipt = await this.#port.put(put, signal);
      this.#buffers.giveBack(receipt.bytes);
    } finally {
      budget.give(bytes);
    }
  }

  whenOpen(signal: AbortSignal): Promise<void> {
    const channels = this.#rules.channels.map((channel) => channel.name);
    return this.#isIntakeShut ? untilAborted(signal) : this.#port.whenOpen(channels, signal);
  }

  /** What is pulled again goes to the disk: no channel's memory matters to it. */
  whenRoom(signal: AbortSignal): Promise<void> {
    return this.#port.whenOpen([], signal);
  }

  report(event: SourceEvent): void {
    this.#report(event);
  }
}

/** Rejects with the signal's reason when it aborts, and settles in no other way. */
function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
