import { GatewayError, isGatewayError } from '../../../shared/errors.ts';
import { emptyBatch } from '../../../shared/event-batch.ts';
import { offset } from '../../../shared/model/brand.ts';
import { singleRun } from '../../../shared/model/offset-runs.ts';
import type { Disposition, Fingerprint } from '../../../shared/model/partition.ts';
import type { Delivery, SourceHost } from '../source.ts';
import type { KafkaSourceSettings } from './kafka-source-settings.ts';
import type { OpenedPartition } from './opening.ts';
import type { PartitionInfo } from './protocol-link.ts';
import type { SourceClock } from './source-clock.ts';
import type { MutableCounters } from './source-counters.ts';
import { ClaimMemory } from './wire/header-claims.ts';
import { undecodable } from './wire/record-batch.ts';
import { RecordSetReader, type PullSlice } from './wire/record-set-reader.ts';
import type { FetchPartition, PartitionFetch } from './wire/pull-link.ts';

/**
 * One open partition: what to fetch next, what was fetched and waits, and how far it is durable.
 *
 * Promise: deliveries leave in offset order, without a hole and without an overlap, and none after one that failed.
 *
 * 1. `#fetchOffset` moves only with an answer to exactly that offset, so a late or repeated answer is dropped; so is one that comes
 *    after the log was put in doubt. What an answer says and nothing proves must come twice (`header-claims.ts`).
 * 2. `#position` moves only with a delivery handed over; `durableTo` only when it and all before it resolved.
 * 3. After any failure nothing more is handed over until all deliveries under way have ended; then the position is asked of the
 *    store, which alone knows it, and fetching begins there.
 * 4. Read-ahead is bounded: one fetch's bytes may wait while the one before is being delivered.
 */
export type SessionEnd =
  /** Stopped from outside, after the deliveries under way ended. */
  | { readonly kind: 'stopped' }
  /** The partition is to be opened again, because of this. */
  | {
      readonly kind: 'reopen';
      readonly why: 'stale-tenure' | 'commit' | 'log';
      readonly error: GatewayError;
    };

export interface SessionParts {
  readonly settings: KafkaSourceSettings;
  readonly host: SourceHost;
  readonly counters: MutableCounters;
  readonly clock: SourceClock;
  /** Called when there may be something to fetch again. */
  readonly onWanting: () => void;
  /** Called when the session failed, ended, or its log must be looked at. */
  readonly onTrouble: () => void;
}

/** Deliveries of one partition that may be under way at once. */
const DELIVERIES_MAX = 4;

interface Waiting {
  readonly reader: RecordSetReader;
  readonly bytes: number;
}

export class PartitionSession {
  readonly opened: OpenedPartition;
  readonly #parts: SessionParts;
  readonly #stop = new AbortController();
  readonly #ended = Promise.withResolvers<SessionEnd>();
  readonly #waiting: Waiting[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #waitingBytes = 0;
  #fetchOffset: number;
  #position: number;
  #durableTo: number;
  #maxBytes: number;
  #fingerprint: Fingerprint | undefined;
  #isDelivering = false;
  #isEnded = false;
  #failure: GatewayError | undefined;
  #failures = 0;
  #isRecovering = false;
  #needsLogCheck = false;
  /** Of the last batch that was fetched and believed. */
  #fetchedEpoch: number | undefined;
  readonly #claims = new ClaimMemory();
  #leader: PartitionInfo;
  /** Up to here our commits were accepted. */
  acceptedTo: number;
  /** Steady time of the last answer to a fetch; undefined: none since the log was compared. */
  answeredMs: number | undefined;
  /** Steady time at which that answer was asked for: what it says of the log's end was true then, or later. */
  askedMs: number | undefined;
  lastCommitMs: number;
  lastCheckMs: number;
  /** The commit under way, for the next one must wait. */
  commitUnderWay: Promise<void> | undefined;
  logEnd = -1;
  logStart = -1;
  highWatermark = -1;

  constructor(opened: OpenedPartition, parts: SessionParts) {
    const nowMs = parts.clock.steadyMs();
    this.opened = opened;
    this.acceptedTo = opened.tenure.acceptedTo;
    this.lastCommitMs = nowMs;
    this.lastCheckMs = nowMs;
    this.#parts = parts;
    this.#fetchOffset = opened.position;
    this.#position = opened.position;
    this.#durableTo = opened.position;
    this.#fingerprint = opened.fingerprint;
    this.#maxBytes = parts.settings.partitionBytes;
    this.#fetchedEpoch = opened.fingerprint?.leaderEpoch;
    this.#leader = opened.info;
    if (opened.skipped !== undefined) this.#deliverGap(opened.skipped.to, opened.skipped.reason);
  }

  get place(): string {
    return `${this.opened.ref.topic}/${this.opened.ref.partition}`;
  }

  /** Node that leads the partition, as of the last time its log was compared. */
  get leader(): number {
    return this.#leader.leader;
  }

  /** The leader changed, or was elected again, since the log was compared. An older view of a broker that is behind says nothing. */
  isElsewhere(info: PartitionInfo): boolean {
    const { leader, leaderEpoch } = this.#leader;
    return info.leaderEpoch > leaderEpoch || (info.leaderEpoch === leaderEpoch && info.leader !== leader);
  }

  get position(): number {
    return this.#position;
  }

  /** All puts below it are durable. */
  get durableTo(): number {
    return this.#durableTo;
  }

  /** Of the last durable record. */
  get fingerprint(): Fingerprint | undefined {
    return this.#fingerprint;
  }

  /** Settles once, when the session is over and no delivery is under way. */
  get ended(): Promise<SessionEnd> {
    return this.#ended.promise;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The failure that fetching waits for; cleared by `recover`. */
  get failure(): GatewayError | undefined {
    return this.#failure;
  }

  /** Failures in a row since the last delivery that became durable. */
  get failures(): number {
    return this.#failures;
  }

  /** True while fetched data waits, so that a fetch for others must not make it wait longer. */
  get isBusy(): boolean {
    return !this.#isEnded && (this.#waitingBytes > 0 || this.#underWay.size > 0);
  }

  /** What to fetch next; undefined when enough waits, or a failure does. */
  wanted(): FetchPartition | undefined {
    if (this.#isEnded || this.#failure !== undefined || this.#needsLogCheck) return undefined;
    if (this.#waitingBytes >= this.#parts.settings.partitionBytes || this.#underWay.size >= DELIVERIES_MAX)
      return undefined;
    const { topic, partition } = this.opened.ref;
    // With the epoch the broker itself refuses when another leader was elected since we compared the log.
    const { leaderEpoch } = this.#leader;
    return { topic, partition, offset: this.#fetchOffset, maxBytes: this.#maxBytes, leaderEpoch };
  }

  /** Takes an answer without error to what was asked at `askedMs` (steady time). Answers whether it brought anything. */
  take(fetched: PartitionFetch, askedMs: number): boolean {
    if (this.#isEnded || this.#failure !== undefined || this.#needsLogCheck) return false;
    if (fetched.fetchOffset !== this.#fetchOffset) return false;
    this.answeredMs = this.#parts.clock.steadyMs();
    this.askedMs = askedMs;
    this.logEnd = fetched.lastStableOffset >= 0 ? fetched.lastStableOffset : fetched.highWatermark;
    this.highWatermark = fetched.highWatermark;
    if (fetched.logStartOffset >= 0) this.logStart = fetched.logStartOffset;
    if (fetched.records.length === 0) {
      this.#failures = 0;
      return false;
    }
    try {
      const reader = this.#readerOf(fetched);
      if (reader.needsBytes !== undefined) return this.#raiseMaxBytes(reader.needsBytes);
      if (reader.nextOffset <= this.#fetchOffset) return false;
      if (!this.#isBelieved(reader)) return true;
      this.#fetchOffset = reader.nextOffset;
      this.#fetchedEpoch = reader.lastLeaderEpoch ?? this.#fetchedEpoch;
      this.#maxBytes = this.#parts.settings.partitionBytes;
      this.#waiting.push({ reader, bytes: fetched.records.length });
      this.#waitingBytes += fetched.records.length;
      this.#parts.counters.bytes += fetched.records.length;
    } catch (error) {
      this.fail(asGatewayError(error, this.place));
      return false;
    }
    this.#startDelivering();
    return true;
  }

  #readerOf(fetched: PartitionFetch): RecordSetReader {
    const { maxEventBytes, topicHeader, recordHeaders } = this.#parts.settings;
    const { leaderEpoch } = this.#leader;
    const knownEpochs = this.#fetchedEpoch === undefined ? [leaderEpoch] : [this.#fetchedEpoch, leaderEpoch];
    return new RecordSetReader({ fetched, maxEventBytes, topicHeader, recordHeaders, knownEpochs });
  }

  /** False: the same is to be fetched again. */
  #isBelieved(reader: RecordSetReader): boolean {
    const verdict = this.#claims.judge(reader.claims);
    if (verdict === 'contradiction') {
      const [claim] = reader.claims;
      const what = claim === undefined ? '' : `: ${claim.kind} ${claim.from} to ${claim.to}`;
      throw undecodable(this.opened.ref, `the broker says something else each time${what}`);
    }
    if (verdict === 'ask-again') this.#parts.counters.repulls++;
    return verdict === 'believed';
  }

  /** The broker no longer has our next offset: everything up to `to` is a gap. Never called while data waits. */
  skipTo(to: number, reason: string): void {
    if (this.#isEnded || this.isBusy || to <= this.#position) return;
    this.#deliverGap(to, reason);
  }

  /** True while the log must be compared with what we know before more is fetched. */
  get needsLogCheck(): boolean {
    return this.#needsLogCheck;
  }

  /** The link broke, another broker leads, or the log ends or starts elsewhere: it may not be the one we knew. */
  doubtLog(): void {
    this.#needsLogCheck = true;
    this.#parts.onTrouble();
  }

  /** The log was compared at this leader and is the one we knew. */
  trustLog(leader: PartitionInfo): void {
    this.#leader = leader;
    this.answeredMs = undefined;
    this.askedMs = undefined;
    this.#needsLogCheck = false;
    this.#parts.onWanting();
  }

  /** Fetching stops until `recover`. */
  fail(error: GatewayError): void {
    if (this.#isEnded || this.#failure !== undefined) return;
    this.#failure = error;
    this.#failures++;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.#parts.onTrouble();
  }

  /** After a failure: waits for what is under way, asks the store where we are, and goes on there. */
  async recover(): Promise<void> {
    if (this.#failure === undefined || this.#isRecovering || this.#isEnded) return;
    this.#isRecovering = true;
    try {
      await Promise.allSettled(this.#underWay);
      const { source, topic, partition } = this.opened.ref;
      const state = await this.#parts.host.store.partitionState({ source, topic, partition });
      const row = state?.tenures.find((one) => one.nonce === this.opened.tenure.nonce);
      if (state === undefined || row === undefined || row.state !== 'open') {
        this.reopen('stale-tenure', this.#failure);
        return;
      }
      this.#position = state.position;
      this.#fetchOffset = state.position;
      this.#fetchedEpoch = state.fingerprint?.leaderEpoch ?? this.#fetchedEpoch;
      this.#durableTo = Math.max(this.#durableTo, state.position);
      this.#fingerprint = state.fingerprint ?? this.#fingerprint;
      this.#failure = undefined;
    } finally {
      this.#isRecovering = false;
    }
    this.#parts.onWanting();
  }

  /** Ends the session so that the partition is opened again. */
  reopen(why: 'stale-tenure' | 'commit' | 'log', error: GatewayError): void {
    this.#end({ kind: 'reopen', why, error });
  }

  /** Hands over nothing more; `ended` settles when the deliveries under way have. */
  stop(): void {
    this.#end({ kind: 'stopped' });
  }

  /** Gives up the deliveries under way too: the channel is full and we must go. */
  abort(): void {
    this.#stop.abort();
  }

  #end(end: SessionEnd): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    void Promise.allSettled(this.#underWay).then(() => {
      this.#ended.resolve(end);
      this.#parts.onTrouble();
    });
  }

  #raiseMaxBytes(needsBytes: number): boolean {
    const { partitionBytesMax } = this.#parts.settings;
    if (needsBytes > partitionBytesMax) {
      throw new GatewayError({
        code: 'batch-undecodable',
        operation: 'pull a record batch',
        place: this.place,
        message: `the record batch at offset ${this.#fetchOffset} has ${needsBytes} bytes, more than the limit of ${partitionBytesMax}`,
        retry: 'backoff',
        hint: 'Raise the limit of the source for this topic; nothing is skipped meanwhile.',
      });
    }
    this.#maxBytes = needsBytes;
    return true;
  }

  #startDelivering(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    void this.#deliverWaiting().finally(() => {
      this.#isDelivering = false;
      if (this.#waiting.length > 0) this.#startDelivering();
    });
  }

  /** Never rejects: every failure is kept in `#failure`. */
  async #deliverWaiting(): Promise<void> {
    const { batchSize, batchBytes } = this.#parts.settings;
    for (let head = this.#waiting[0]; head !== undefined; head = this.#waiting[0]) {
      try {
        for (;;) {
          if (this.#underWay.size >= DELIVERIES_MAX) await Promise.race(this.#underWay);
          if (this.#waiting[0] !== head) return;
          const slice = head.reader.next({ maxEvents: batchSize, maxBytes: batchBytes });
          if (slice === undefined) break;
          this.#deliverSlice(slice);
        }
      } catch (error) {
        this.fail(asGatewayError(error, this.place));
        return;
      }
      this.#waiting.shift();
      this.#waitingBytes -= head.bytes;
      this.#parts.onWanting();
    }
  }

  #deliverSlice(slice: PullSlice): void {
    if (slice.first !== this.#position) {
      throw new RangeError(
        `${this.place}: a slice begins at ${slice.first}, the position is ${this.#position}`,
      );
    }
    const dispositions: Disposition[] = [];
    if (slice.absent !== undefined) {
      dispositions.push({
        kind: 'absent',
        channel: undefined,
        runs: slice.absent,
        reason: 'no record at the broker',
      });
    }
    if (slice.gap !== undefined) {
      const reason = 'the log started beyond our fetch offset';
      this.#reportGap(slice.first, slice.next, reason);
      dispositions.push({ kind: 'gap', channel: undefined, runs: slice.gap, reason });
    }
    this.#deliver({
      ...this.#delivery(slice.first, slice.next),
      fingerprint: slice.fingerprint,
      events: slice.events,
      dispositions,
      quarantined: slice.oversized,
    });
  }

  #deliverGap(to: number, reason: string): void {
    const first = this.#position;
    this.#reportGap(first, to, reason);
    this.#deliver({
      ...this.#delivery(offset(first), offset(to)),
      fingerprint: undefined,
      events: emptyBatch(),
      dispositions: [{ kind: 'gap', channel: undefined, runs: singleRun(first, to), reason }],
      quarantined: [],
    });
    this.#fetchOffset = to;
  }

  #reportGap(first: number, to: number, reason: string): void {
    this.#parts.host.report({
      code: 'gap',
      level: 'error',
      source: this.#parts.settings.name,
      place: this.place,
      message: `offsets ${first} to ${to - 1} were not pulled: ${reason}`,
      hint: 'Those events are not in the target. Compare retention with how long the link may be down.',
    });
  }

  #delivery(first: number, next: number): Pick<Delivery, 'partition' | 'tenure' | 'first' | 'next'> {
    return {
      partition: this.opened.ref,
      tenure: this.opened.tenure.nonce,
      first: offset(first),
      next: offset(next),
    };
  }

  #deliver(delivery: Delivery): void {
    this.#position = delivery.next;
    const { host, counters } = this.#parts;
    const under: Promise<void> = host.deliver(delivery, this.#stop.signal).then(
      () => {
        this.#underWay.delete(under);
        this.#durableTo = delivery.next;
        this.#fingerprint = delivery.fingerprint ?? this.#fingerprint;
        this.#failures = 0;
        counters.events += delivery.events.count;
        if (this.#needsLogCheck) this.#parts.onTrouble();
        this.#parts.onWanting();
      },
      (error: unknown) => {
        this.#underWay.delete(under);
        this.#deliveryFailed(asGatewayError(error, this.place));
      },
    );
    this.#underWay.add(under);
  }

  #deliveryFailed(error: GatewayError): void {
    if (this.#isEnded) return;
    if (error.code === 'stale-tenure') this.reopen('stale-tenure', error);
    else this.fail(error);
    this.#parts.onWanting();
  }
}

function asGatewayError(error: unknown, place: string): GatewayError {
  if (isGatewayError(error)) return error;
  return new GatewayError({
    code: 'unknown',
    operation: 'deliver events',
    place,
    message: error instanceof Error ? error.message : String(error),
    retry: 'backoff',
    hint: 'This failure has no name yet; please report it with the log.',
    cause: error,
  });
}
