/**
 * A stretch of one topic's offsets, read beside everything else: no group, no commit, no transactional id.
 *
 * Promise: what `read` gives covers `[from, to)` of a partition without overlap and in order, each offset as an event, oversized, absent
 * or gone; the bytes were verified as the running source verifies them (`record-set-reader.ts`, `header-claims.ts`). One answer is held
 * at a time, so memory does not grow with the stretch.
 */
import type { KafkaSourceConfig } from '../../../shared/contract/config.ts';
import { emptyBatch } from '../../../shared/event-batch.ts';
import { GatewayError } from '../../../shared/errors.ts';
import { singleRun, type EncodedRuns } from '../../../shared/model/offset-runs.ts';
import { MIB, SECOND_MS } from '../../../shared/units.ts';
import { BrokerConnections } from '../../sources/kafka/broker-connections.ts';
import type { KafkaReach } from '../../sources/kafka/kafka-survey.ts';
import { ProtocolLink, type PartitionInfo } from '../../sources/kafka/protocol-link.ts';
import { ClaimMemory } from '../../sources/kafka/wire/header-claims.ts';
import { PullLink, type PartitionFetch } from '../../sources/kafka/wire/pull-link.ts';
import { RecordSetReader, type PullSlice } from '../../sources/kafka/wire/record-set-reader.ts';

const CONNECT_LIMIT_MS = 10 * SECOND_MS;
const REQUEST_LIMIT_MS = 30 * SECOND_MS;
const FETCH_WAIT_MS = 500;
/** A fetch; raised, up to the last, for a record batch that does not fit. */
const FETCH_BYTES = 4 * MIB;
const FETCH_BYTES_MAX = 64 * MIB;
const SLICE_EVENTS_MAX = 10_000;
const SLICE_BYTES_MAX = 4 * MIB;
/** Answers without a record below the range's end, one after the other; a leader that moved may give some. */
const EMPTY_ANSWERS_MAX = 20;
const START = -2;
const END = -1;

export interface LogRange {
  readonly start: number;
  /** The last stable offset: what comes after it may still be aborted. */
  readonly end: number;
}

/** What became of `[first, next)`; `gone`: the broker no longer has it. */
export type RangePiece =
  | { readonly kind: 'slice'; readonly slice: PullSlice }
  | { readonly kind: 'gone'; readonly first: number; readonly next: number };

export type TopicRangeSettings = Pick<
  KafkaSourceConfig,
  'maxEventBytes' | 'isTopicHeaderSet' | 'topicHeader' | 'recordHeaders'
>;

export class TopicRange {
  readonly #topic: string;
  readonly #settings: TopicRangeSettings;
  readonly #protocol: ProtocolLink;
  readonly #pull: PullLink;
  #leaders: ReadonlyMap<number, PartitionInfo> = new Map();

  constructor(topic: string, reach: KafkaReach, settings: TopicRangeSettings) {
    const { clientId, tls, sasl, bootstrapServers } = reach;
    const limits = { connectTimeoutMs: CONNECT_LIMIT_MS, requestTimeoutMs: REQUEST_LIMIT_MS };
    this.#topic = topic;
    this.#settings = settings;
    this.#protocol = new ProtocolLink(
      new BrokerConnections({ clientId, tls, sasl, ...limits }),
      bootstrapServers,
    );
    this.#pull = new PullLink({
      bootstrapServers,
      clientId,
      ...(tls === undefined ? {} : { tls }),
      ...(sasl === undefined ? {} : { sasl }),
      ...limits,
      log: () => undefined,
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#pull.close(), this.#protocol.close()]);
  }

  /** Reaches the brokers and learns the leaders. Throws `topic-missing`, and what keeps a broker from being reached. */
  async open(
    signal: AbortSignal,
  ): Promise<{ readonly clusterId: string; readonly partitions: PartitionInfo[] }> {
    await this.#pull.connect(signal);
    const { clusterId, partitions, refused } = await this.#protocol.metadata([this.#topic], true);
    signal.throwIfAborted();
    const own = partitions.filter(({ topic }) => topic === this.#topic);
    if (own.length === 0) throw missing(this.#topic, refused.get(this.#topic));
    own.sort((left, right) => left.partition - right.partition);
    this.#leaders = new Map(own.map((info) => [info.partition, info]));
    return { clusterId, partitions: own };
  }

  /** Where a partition's log begins and ends now. */
  async logRange(partition: number, signal: AbortSignal): Promise<LogRange> {
    const start = await this.offsetAt(partition, START, signal);
    const end = await this.offsetAt(partition, END, signal);
    return { start, end: Math.max(start, end) };
  }

  /** The first offset at or after a time; -1: there is none. */
  async offsetAt(partition: number, timestampMs: number, signal: AbortSignal): Promise<number> {
    const { topic, leader } = this.#leader(partition);
    const asked = { topic, partition, timestampMs };
    const [answer] = await this.#pull.listOffsets({ node: leader, partitions: [asked] }, signal);
    if (answer === undefined) throw new RangeError('an answer without the partition that was asked for');
    if (answer.error !== undefined) throw refusedBy(this.#place(partition), answer.error);
    return answer.offset;
  }

  /** Everything of `[from, to)`, which must not end beyond the last stable offset. */
  async *read(
    partition: number,
    { from, to }: { readonly from: number; readonly to: number },
    signal: AbortSignal,
  ): AsyncGenerator<RangePiece, void, undefined> {
    const claims = new ClaimMemory();
    const info = this.#leader(partition);
    let position = from;
    let maxBytes = FETCH_BYTES;
    let emptyAnswers = 0;
    let epoch = info.leaderEpoch;
    while (position < to) {
      const fetched = await this.#fetch(info, { position, maxBytes }, signal);
      if (fetched === 'out-of-range') {
        const { start } = await this.logRange(partition, signal);
        if (start <= position) throw shorter(this.#place(partition), position);
        const next = Math.min(start, to);
        yield { kind: 'gone', first: position, next };
        position = next;
        continue;
      }
      const reader = this.#reader(fetched, [epoch, info.leaderEpoch]);
      const verdict = claims.judge(reader.claims);
      if (verdict === 'contradiction') throw contradiction(this.#place(partition), position);
      if (verdict === 'ask-again') continue;
      if (reader.nextOffset === position) {
        maxBytes = raised(reader.needsBytes, { maxBytes, place: this.#place(partition) });
        if (++emptyAnswers > EMPTY_ANSWERS_MAX) throw shorter(this.#place(partition), position);
        continue;
      }
      emptyAnswers = 0;
      for (const slice of this.#slices(fetched, reader, to)) yield { kind: 'slice', slice };
      epoch = reader.lastLeaderEpoch ?? epoch;
      position = reader.nextOffset;
    }
  }

  /** The answer's slices, the last of them cut at `to`. */
  *#slices(fetched: PartitionFetch, reader: RecordSetReader, to: number): Generator<PullSlice> {
    let wanted = reader.nextOffset <= to ? Infinity : this.#recordsBelow(fetched, to);
    let position = fetched.fetchOffset;
    while (wanted > 0) {
      const slice = reader.next({
        maxEvents: Math.min(SLICE_EVENTS_MAX, wanted),
        maxBytes: SLICE_BYTES_MAX,
      });
      if (slice === undefined) return;
      wanted -= slice.events.count + slice.oversized.length;
      position = slice.next;
      yield slice;
    }
    // No record between the last one and the end of the range; the answer reaches beyond it.
    if (position < to) yield this.#nothing(fetched, position, to);
  }

  /** Counted by reading the answer once more: a slice can be cut by a number of records only. */
  #recordsBelow(fetched: PartitionFetch, to: number): number {
    const reader = this.#reader(fetched, []);
    let count = 0;
    for (;;) {
      const slice = reader.next({ maxEvents: SLICE_EVENTS_MAX, maxBytes: SLICE_BYTES_MAX });
      if (slice === undefined || slice.first >= to) return count;
      for (const offset of slice.events.offsets.subarray(0, slice.events.count)) if (offset < to) count++;
      for (const { offset } of slice.oversized) if (offset < to) count++;
    }
  }

  #nothing(fetched: PartitionFetch, first: number, next: number): PullSlice {
    const runs: EncodedRuns = singleRun(first, next);
    const isAbsent = fetched.logStartOffset >= 0 && fetched.logStartOffset <= fetched.fetchOffset;
    return {
      ...{ first, next, events: emptyBatch(), oversized: [], fingerprint: undefined },
      absent: isAbsent ? runs : undefined,
      gap: isAbsent ? undefined : runs,
    };
  }

  #reader(fetched: PartitionFetch, knownEpochs: readonly number[]): RecordSetReader {
    const { maxEventBytes, isTopicHeaderSet, topicHeader, recordHeaders } = this.#settings;
    return new RecordSetReader({
      ...{ fetched, maxEventBytes, recordHeaders, knownEpochs },
      topicHeader: isTopicHeaderSet ? topicHeader : undefined,
    });
  }

  async #fetch(
    { topic, partition, leader }: PartitionInfo,
    { position, maxBytes }: { readonly position: number; readonly maxBytes: number },
    signal: AbortSignal,
  ): Promise<PartitionFetch | 'out-of-range'> {
    const asked = { topic, partition, offset: position, maxBytes };
    const [answer] = await this.#pull.fetch(
      { node: leader, partitions: [asked], maxBytes, minBytes: 1, maxWaitMs: FETCH_WAIT_MS },
      signal,
    );
    if (answer === undefined) throw new RangeError('a fetch without an answer');
    if (answer.error === 'OFFSET_OUT_OF_RANGE') return 'out-of-range';
    if (answer.error !== undefined) throw refusedBy(this.#place(partition), answer.error);
    return answer;
  }

  #leader(partition: number): PartitionInfo {
    const info = this.#leaders.get(partition);
    if (info !== undefined && info.leader >= 0) return info;
    throw new GatewayError({
      code: 'leader-missing',
      operation: 'read a range',
      place: this.#place(partition),
      message:
        info === undefined ? 'the topic has no such partition' : 'the partition has no leader at present',
      retry: info === undefined ? 'never' : 'backoff',
      hint: 'Wait until the brokers have elected one.',
    });
  }

  #place(partition: number): string {
    return `${this.#topic}/${partition}`;
  }
}

function raised(
  needsBytes: number | undefined,
  { maxBytes, place }: { readonly maxBytes: number; readonly place: string },
): number {
  if (needsBytes === undefined) return maxBytes;
  if (needsBytes <= FETCH_BYTES_MAX) return Math.max(maxBytes, needsBytes);
  throw new GatewayError({
    code: 'batch-undecodable',
    operation: 'read a range',
    place,
    message: `a record batch of ${needsBytes} bytes is larger than a replay reads at once`,
    retry: 'never',
    hint: 'Leave its offsets out: replay what comes before it and what comes after.',
  });
}

function missing(topic: string, reason: string | undefined): GatewayError {
  return new GatewayError({
    code: reason === 'TOPIC_AUTHORIZATION_FAILED' ? 'permission-denied' : 'topic-missing',
    operation: 'read a range',
    place: topic,
    message: `the cluster shows no topic ${topic}${reason === undefined ? '' : ` (${reason})`}`,
    retry: 'never',
    hint: 'Check its name, and the right to describe and read it.',
  });
}

function refusedBy(place: string, error: string): GatewayError {
  const isRight = error.endsWith('AUTHORIZATION_FAILED');
  return new GatewayError({
    code: isRight ? 'permission-denied' : 'kafka-refused',
    operation: 'read a range',
    place,
    message: `the broker answered ${error}`,
    retry: isRight ? 'never' : 'backoff',
    hint: isRight
      ? 'Grant Read and Describe on the topic.'
      : 'It is asked again; the broker’s own log says more.',
  });
}

function shorter(place: string, position: number): GatewayError {
  return new GatewayError({
    code: 'offset-out-of-range',
    operation: 'read a range',
    place,
    message: `the broker has nothing at offset ${position}, though the log reached beyond it`,
    retry: 'backoff',
    hint: 'It is asked again; a leader that has just changed may be behind for a moment.',
  });
}

function contradiction(place: string, position: number): GatewayError {
  return new GatewayError({
    code: 'batch-undecodable',
    operation: 'read a range',
    place,
    message: `the broker says something else each time of what stands at offset ${position}`,
    retry: 'backoff',
    hint: 'Look at the link and the broker’s disk.',
  });
}
