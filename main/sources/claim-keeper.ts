/**
 * Pulls the events of claims again, beside the normal flow (exactly-once.md §2): those of chunks that went bad, of a disk that was lost, of a
 * memory channel whose process died.
 *
 * Promise: what is claimed is tried until it is here again, is proven gone, or an operator gives it up; and live intake goes on meanwhile.
 *
 * 1. Only claims that the store gives are pulled: accepted offsets of this state directory, which are ours for good. So no fence is needed,
 *    and whoever owns the partition now is not asked.
 * 2. What is handed over accounts for exactly the claimed offsets of a stretch; events beside them are thrown away here. The store refuses
 *    what is not claimed any more, so pulling twice is waste and never a duplicate.
 * 3. An offset is given up as a gap only by the source's own proof (its puller), never because it could not be reached. An offset that was
 *    an event and is none in the log that is proven to be the old one is gone, too: only where nobody knows what it was is it absent.
 * 4. One stretch at a time, and after each a rest as long as its work took: at most half of the time of a thread, and one fetch of memory.
 * 5. Trouble of one partition never stops another, of one channel or claim never its neighbours: it waits with full jitter, and says why
 *    until it is over, whatever else is redeemed meanwhile.
 */
import type { ClaimCursor, ClaimPage, OpenClaim } from '../../shared/model/claim.ts';
import type { EventBatch } from '../../shared/event-batch.ts';
import { GatewayError, isGatewayError } from '../../shared/errors.ts';
import { decodeRuns, OffsetRunsBuilder, type EncodedRuns } from '../../shared/model/offset-runs.ts';
import type { Disposition } from '../../shared/model/partition.ts';
import type { QuarantinedEvent } from '../../shared/model/put.ts';
import { runsWithin, withoutRuns } from '../../shared/model/run-sets.ts';
import { MINUTE_MS, SECOND_MS } from '../../shared/units.ts';
import type { Clock, Random } from '../telemetry/clock.ts';
import type { ClaimPort, RepullStatus, SourceEvent, SourceHost } from './source.ts';

/** What the source has of the offsets in `[first, next)`: of the claimed ones, and of those beside them. Offsets rise. */
export interface Stretch {
  readonly first: number;
  readonly next: number;
  readonly events: EventBatch;
  /** Too large to be an event. */
  readonly quarantined: readonly QuarantinedEvent[];
  /** Everything else in the stretch is gone, because of this. Undefined: there never was an event. */
  readonly lostBecause: string | undefined;
}

/** A source's way to its old events. */
export interface ClaimPuller {
  /**
   * Stretches in rising order, without a hole between the claim's first offset and its last. Each is read from the very log that the claim's
   * events were taken from, or proves that they are gone. Throws GatewayError: not now, and why.
   */
  pull(claim: OpenClaim, signal: AbortSignal): AsyncGenerator<Stretch>;
  /** Nothing is to be pulled for now: lets go of connections. */
  rest(): Promise<void>;
}

export interface ClaimKeeperOptions {
  readonly name: string;
  readonly host: Pick<SourceHost, 'claims' | 'report' | 'whenOpen' | 'whenRoom'>;
  readonly puller: ClaimPuller;
  readonly clock: Clock;
  readonly random: Random;
  readonly timing?: Partial<ClaimTiming>;
}

export interface ClaimTiming {
  /** How often the store is asked for new claims. */
  readonly checkMs: number;
  readonly retryFirstMs: number;
  readonly retryLastMs: number;
}

const TIMING: ClaimTiming = { checkMs: 5 * SECOND_MS, retryFirstMs: SECOND_MS, retryLastMs: 5 * MINUTE_MS };
const NO_RECORD_ANY_MORE = 'the source has no such record any more (compaction)';
/** However long one stretch took (the channel was full), the rest after it is no longer. */
const REST_MS_MAX = 2 * SECOND_MS;
/** A claim that can't be decoded is no reason to leave its neighbours. */
const OF_ONE_CLAIM: ReadonlySet<string> = new Set(['batch-undecodable', 'crc-mismatch', 'codec-unknown']);
/** Claims that wait each by itself; with more of them it is the partition that waits. */
const CLAIMS_WAITING_MAX = 256;

/** Of a source that has none. */
export const NO_CLAIMS: ClaimPort = {
  open: () => Promise.resolve({ claims: [], next: undefined }),
  redeem: () => Promise.resolve('changed'),
};

/** Who waits: all claims of a partition, or of a channel that nothing feeds, or one alone. */
interface Trouble {
  readonly kind: 'partition' | 'channel' | 'claim';
  readonly partitionId: number;
  readonly failures: number;
  readonly error: GatewayError;
  readonly nextTryMs: number;
  readonly nextTrySteadyMs: number;
}

export class ClaimKeeper {
  readonly #options: ClaimKeeperOptions;
  readonly #timing: ClaimTiming;
  /** By who waits: bounded by partitions, channels, and CLAIMS_WAITING_MAX. */
  readonly #troubles = new Map<string, Trouble>();
  #isPulling = false;
  #hasClaims = false;
  #redeemed = 0;
  #lost = 0;

  constructor(options: ClaimKeeperOptions) {
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
  }

  /** Undefined: nothing is claimed. */
  get status(): RepullStatus | undefined {
    if (!this.#hasClaims) return undefined;
    const [worst] = [...this.#troubles.values()].sort((a, b) => a.nextTrySteadyMs - b.nextTrySteadyMs);
    const isWaiting = worst !== undefined && !this.#isPulling;
    return {
      state: isWaiting ? 'waiting' : 'pulling',
      cause: worst?.error.message,
      hint: worst?.error.hint,
      nextTryMs: isWaiting ? worst.nextTryMs : undefined,
      redeemed: this.#redeemed,
      lost: this.#lost,
    };
  }

  /** Until the signal aborts. Rejects only for programmer errors. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, puller } = this.#options;
    try {
      while (!isAborted(signal)) {
        await this.#round(signal);
        if (!this.#isPulling) await puller.rest();
        await clock.sleep(this.#timing.checkMs, signal);
      }
    } catch (error) {
      if (!isAborted(signal)) throw error;
    } finally {
      await puller.rest();
    }
  }

  /** Every claim once, those left out that wait. */
  async #round(signal: AbortSignal): Promise<void> {
    const seen = new Set<string>();
    const skippedPartitions = new Set<number>();
    let after: ClaimCursor | undefined;
    let count = 0;
    for (;;) {
      const page = await this.#page(after);
      if (page === undefined) return;
      count += page.claims.length;
      if (count > 0) this.#hasClaims = true;
      let skipped: number | undefined;
      let last: OpenClaim | undefined;
      for (const claim of page.claims) {
        const { partitionId } = (last = claim);
        if (partitionId === skipped) continue;
        const { partition, channel, own } = keysOf(claim);
        for (const key of [partition, channel, own]) seen.add(key);
        const isReady = this.#isDue(channel) && this.#isDue(own);
        if (this.#isDue(partition) && (!isReady || (await this.#pull(claim, signal)))) continue;
        skipped = partitionId;
        skippedPartitions.add(partitionId);
      }
      if (page.next === undefined || last === undefined) break;
      // Of a partition that waits no more is read.
      const behind = { partitionId: last.partitionId, first: Number.MAX_SAFE_INTEGER, id: 0 };
      after = last.partitionId === skipped ? behind : page.next;
    }
    if (count === 0) this.#tellDone();
    for (const [key, { kind, partitionId }] of this.#troubles)
      if (!seen.has(key) && !(kind === 'claim' && skippedPartitions.has(partitionId)))
        this.#troubles.delete(key);
  }

  /** Undefined: the store can't be asked now; what is wrong with it others say. */
  async #page(after: ClaimCursor | undefined): Promise<ClaimPage | undefined> {
    try {
      return await this.#options.host.claims.open(after);
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      return undefined;
    }
  }

  #isDue(key: string): boolean {
    const trouble = this.#troubles.get(key);
    return trouble === undefined || this.#options.clock.steadyMs() >= trouble.nextTrySteadyMs;
  }

  /** False: its partition waits from here on. */
  async #pull(claim: OpenClaim, signal: AbortSignal): Promise<boolean> {
    const { puller, host, clock } = this.#options;
    try {
      await (host.whenRoom?.(signal) ?? host.whenOpen(signal));
      this.#isPulling = true;
      let startedMs = clock.steadyMs();
      for await (const stretch of puller.pull(claim, signal)) {
        const isOurs = await this.#redeem(claim, stretch, signal);
        await clock.sleep(Math.min(REST_MS_MAX, clock.steadyMs() - startedMs), signal);
        startedMs = clock.steadyMs();
        if (!isOurs) break;
      }
      for (const key of Object.values(keysOf(claim))) this.#troubles.delete(key);
      return true;
    } catch (error) {
      if (isAborted(signal)) throw error;
      if (!isGatewayError(error)) throw error;
      return this.#failed(claim, error) !== 'partition';
    } finally {
      this.#isPulling = false;
    }
  }

  /** False: the rest of the claim is somebody else's work by now. */
  async #redeem(claim: OpenClaim, stretch: Stretch, signal: AbortSignal): Promise<boolean> {
    const runs = runsWithin(claim.runs, { from: stretch.first, to: stretch.next });
    if (runs === undefined) return true;
    const lostBecause = stretch.lostBecause ?? (claim.wereEvents ? NO_RECORD_ANY_MORE : undefined);
    const found = {
      events: claimedEvents(stretch.events, runs),
      quarantined: claimedOnly(stretch.quarantined, runs),
    };
    const because = lostBecause === undefined ? undefined : `${lostBecause}; claimed before: ${claim.detail}`;
    const dispositions = dispositionsOf(runs, found, because);
    const outcome = await this.#options.host.claims.redeem({ claim, runs, dispositions, ...found }, signal);
    if (outcome === 'unfed') throw unfed(claim);
    if (outcome === 'changed') return false;
    this.#redeemed += runs.count;
    const lost = dispositions.find(({ kind }) => kind === 'gap')?.runs;
    if (lost !== undefined) this.#tellLost(claim, lost, lostBecause ?? '');
    return true;
  }

  #tellDone(): void {
    if (!this.#hasClaims) return;
    this.#hasClaims = false;
    const lost = this.#lost === 0 ? '' : `, ${this.#lost} of them were lost`;
    this.#report({
      code: 'claims-redeemed',
      level: 'info',
      place: '',
      message: `nothing is left to be pulled again: ${this.#redeemed} offsets since the start${lost}`,
      hint: undefined,
    });
  }

  #tellLost(claim: OpenClaim, lost: EncodedRuns, why: string): void {
    this.#lost += lost.count;
    const { topic, partition } = claim.partition;
    const range =
      lost.count === 1
        ? `offset ${lost.first}`
        : `${lost.count} offsets from ${lost.first} to ${lost.next - 1}`;
    this.#report({
      code: 'claim-lost',
      level: 'error',
      place: `${topic}/${partition}`,
      message: `${range} can’t be pulled again: ${why} (${claim.detail})`,
      hint: 'Those events are lost to the target; `headgate audit` names them. Where a damaged chunk is left, `headgate channel export` writes out its bytes.',
    });
  }

  #failed(claim: OpenClaim, error: GatewayError): Trouble['kind'] {
    const { clock, random } = this.#options;
    const { retryFirstMs, retryLastMs } = this.#timing;
    const kind = this.#whoWaits(claim, error);
    const keys = keysOf(claim);
    const key = kind === 'claim' ? keys.own : keys[kind];
    const failures = (this.#troubles.get(key)?.failures ?? 0) + 1;
    const stepMs = Math.min(retryLastMs, retryFirstMs * 2 ** Math.min(failures - 1, 20));
    const waitMs = Math.round(stepMs * (0.1 + 0.9 * random()));
    this.#troubles.set(key, {
      ...{ kind, partitionId: claim.partitionId, failures, error },
      nextTryMs: clock.nowMs() + waitMs,
      nextTrySteadyMs: clock.steadyMs() + waitMs,
    });
    return kind;
  }

  #whoWaits(claim: OpenClaim, { code }: GatewayError): Trouble['kind'] {
    if (code === 'event-unplaceable') return 'channel';
    if (!OF_ONE_CLAIM.has(code)) return 'partition';
    let alone = 0;
    for (const { kind } of this.#troubles.values()) if (kind === 'claim') alone++;
    return alone < CLAIMS_WAITING_MAX || this.#troubles.has(keysOf(claim).own) ? 'claim' : 'partition';
  }

  #report(event: Omit<SourceEvent, 'source'>): void {
    this.#options.host.report({ ...event, source: this.#options.name });
  }
}

function keysOf({ id, partitionId, channel }: OpenClaim) {
  return { partition: `partition ${partitionId}`, channel: `channel ${channel}`, own: `claim ${id}` };
}

/** Read after an await: the signal may have aborted meanwhile. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Which of these rising offsets the runs hold, by their place. */
function* claimedAmong(offsets: Iterable<number>, runs: EncodedRuns): Generator<number> {
  const all = decodeRuns(runs.first, runs.bytes);
  let run = all.next();
  let index = 0;
  for (const at of offsets) {
    while (run.done !== true && run.value.to <= at) run = all.next();
    if (run.done === true) return;
    if (at >= run.value.from) yield index;
    index++;
  }
}

function claimedEvents(events: EventBatch, runs: EncodedRuns): EventBatch {
  const indexes = [...claimedAmong(events.offsets.subarray(0, events.count), runs)];
  return indexes.length === events.count ? events : events.select(indexes);
}

function claimedOnly(quarantined: readonly QuarantinedEvent[], runs: EncodedRuns): QuarantinedEvent[] {
  const offsets = quarantined.map(({ offset }) => offset);
  return [...claimedAmong(offsets, runs)].flatMap((index) => quarantined[index] ?? []);
}

/** Claimed offsets that are neither an event nor too large to be one: the source has none there, or none any more. */
function dispositionsOf(
  runs: EncodedRuns,
  found: { readonly events: EventBatch; readonly quarantined: readonly QuarantinedEvent[] },
  lostBecause: string | undefined,
): Disposition[] {
  const offsets = [
    ...found.events.offsets.subarray(0, found.events.count),
    ...found.quarantined.map(({ offset }) => offset),
  ].sort((a, b) => a - b);
  const told = new OffsetRunsBuilder();
  for (const at of offsets) told.add(at);
  const left = offsets.length === 0 ? runs : withoutRuns(runs, told.finish());
  if (left === undefined) return [];
  if (lostBecause === undefined)
    return [{ kind: 'absent', channel: undefined, runs: left, reason: 'no record at the broker' }];
  return [{ kind: 'gap', channel: undefined, runs: left, reason: lostBecause }];
}

function unfed({ channel, partition }: OpenClaim): GatewayError {
  return new GatewayError({
    code: 'event-unplaceable',
    operation: 'pull claimed events again',
    place: `${partition.topic}/${partition.partition}`,
    message: `the source ${partition.source} does not feed the channel ${channel} any more`,
    retry: 'backoff',
    hint: `Give the source its channel ${channel} back, or give the events up with \`headgate channel skip\`.`,
  });
}
