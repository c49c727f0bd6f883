/**
 * Looks at a Kafka cluster without taking part in anything: brokers, topics, and the last records of partitions.
 *
 * It joins no group, commits no offset, takes no transactional id and writes nothing, so it can be used beside any running gateway. Reading is
 * bounded in records, bytes and time, and holds one answer at a time: a sample of 100,000 events of 10 MB each is passed on as it comes, and
 * ends at the limit of bytes.
 */
import type { ConnectionOptions } from 'node:tls';
import type { EventBatch } from '../../../shared/event-batch.ts';
import { GatewayError, isGatewayError } from '../../../shared/errors.ts';
import type { QuarantinedEvent } from '../../../shared/model/put.ts';
import { MIB, SECOND_MS } from '../../../shared/units.ts';
import { BrokerConnections, type BrokerHost } from './broker-connections.ts';
import { ProtocolLink, type ClusterView, type PartitionInfo } from './protocol-link.ts';
import { explainedReach, unreachableBroker } from './reach-failure.ts';
import { PullLink, type PartitionOffset, type SaslIdentity } from './wire/pull-link.ts';
import { RecordSetReader } from './wire/record-set-reader.ts';

export interface KafkaReach {
  /** `host:port`. */
  readonly bootstrapServers: readonly string[];
  readonly clientId: string;
  readonly tls: ConnectionOptions | undefined;
  readonly sasl: SaslIdentity | undefined;
}

const CONNECT_LIMIT_MS = 5 * SECOND_MS;
const REQUEST_LIMIT_MS = 10 * SECOND_MS;
const FETCH_WAIT_MS = 500;
/** A fetch of one partition; raised, up to the last, for a record batch that does not fit. */
const FETCH_BYTES = 1 * MIB;
const FETCH_BYTES_MAX = 64 * MIB;
const SLICE_BYTES_MAX = 4 * MIB;
/** Markers and compacted records have offsets too: so often is gone further back for the records that are missing. */
const STEPS_BACK_MAX = 4;
const START = -2;
const END = -1;

export interface TopicFacts {
  readonly name: string;
  readonly partitions: number;
  /** Sum of end - start. -1: a partition has no leader, or may not be read. */
  readonly records: number;
  readonly isInternal: boolean;
}

export interface ClusterFacts {
  readonly clusterId: string;
  readonly brokers: readonly (BrokerHost & { readonly node: number })[];
  readonly topics: readonly TopicFacts[];
}

export interface SampleRequest {
  readonly topics: readonly string[];
  /** Records wanted in all, the last ones of every partition alike. */
  readonly last: number;
  readonly maxEventBytes: number;
  readonly topicHeader: string | undefined;
  readonly recordHeaders: Readonly<Record<string, string>>;
  readonly allHeadersName?: string | undefined;
  /** Bytes fetched in all; then the sample is over. */
  readonly bytesMax: number;
  /** Records a slice; asked before each. */
  readonly sliceEvents: () => number;
}

/** Some records of one partition, in the order of their offsets. */
export interface SampleSlice {
  readonly topic: string;
  readonly partition: number;
  readonly events: EventBatch;
  /** Records over `maxEventBytes`. */
  readonly oversized: readonly QuarantinedEvent[];
}

interface Range {
  readonly info: PartitionInfo;
  readonly start: number;
  readonly end: number;
}

export class KafkaSurvey {
  readonly #reach: KafkaReach;
  readonly #protocol: ProtocolLink;
  readonly #pull: PullLink;
  #fetchedBytes = 0;

  /** Throws `config-invalid` when a bootstrap server is no `host:port`. */
  constructor(reach: KafkaReach) {
    const { clientId, tls, sasl } = reach;
    this.#reach = reach;
    const limits = { connectTimeoutMs: CONNECT_LIMIT_MS, requestTimeoutMs: REQUEST_LIMIT_MS };
    this.#protocol = new ProtocolLink(
      new BrokerConnections({ clientId, tls, sasl, ...limits }),
      reach.bootstrapServers,
    );
    this.#pull = new PullLink({
      bootstrapServers: reach.bootstrapServers,
      clientId,
      ...(tls === undefined ? {} : { tls }),
      ...(sasl === undefined ? {} : { sasl }),
      ...limits,
      log: () => undefined,
    });
  }

  /** For questions about groups and coordinators. */
  get protocol(): ProtocolLink {
    return this.#protocol;
  }

  async close(): Promise<void> {
    await Promise.all([this.#pull.close(), this.#protocol.close()]);
  }

  /** Reaches the cluster. Throws a GatewayError that names the likeliest reason. */
  async connect(signal: AbortSignal): Promise<void> {
    try {
      await this.#pull.connect(signal);
    } catch (error) {
      throw signal.aborted ? error : await explainedReach(error, this.#reach);
    }
  }

  /** Brokers and partitions of the topics; undefined: of all, Kafka's own among them. `connect` comes first. */
  async view(topics: readonly string[] | undefined, signal: AbortSignal): Promise<ClusterView> {
    return within(this.#protocol.metadata(topics, true), signal);
  }

  /** Every topic with its size. */
  async facts(signal: AbortSignal): Promise<ClusterFacts> {
    await this.connect(signal);
    const view = await this.view(undefined, signal);
    const sizes = new Map<string, { partitions: number; records: number }>();
    const ranges = await this.#ranges(view, signal);
    for (const info of view.partitions) {
      const size = sizes.get(info.topic) ?? { partitions: 0, records: 0 };
      const range = ranges.get(placeOf(info));
      size.partitions++;
      size.records = range === undefined || size.records < 0 ? -1 : size.records + range.end - range.start;
      sizes.set(info.topic, size);
    }
    const topics = [...sizes].map(([name, size]) => ({
      name,
      ...size,
      isInternal: view.internalTopics.has(name) || name.startsWith('__'),
    }));
    topics.sort(
      (left, right) => Number(left.isInternal) - Number(right.isInternal) || compare(left.name, right.name),
    );
    return { clusterId: view.clusterId, brokers: view.brokers, topics };
  }

  /** The last records of the topics. Throws `topic-missing` when one is not there, and what keeps a broker from being read. */
  async *sample(request: SampleRequest, signal: AbortSignal): AsyncGenerator<SampleSlice> {
    await this.connect(signal);
    const view = await this.view(request.topics, signal);
    for (const topic of request.topics)
      if (!view.partitions.some((info) => info.topic === topic))
        throw missing(topic, view.refused.get(topic));
    const ranges = [...(await this.#ranges(view, signal, true)).values()].filter(
      ({ start, end }) => end > start,
    );
    const shares = sharesOf(
      request.last,
      ranges.map(({ start, end }) => end - start),
    );
    for (const [index, range] of ranges.entries()) {
      const share = shares[index] ?? 0;
      if (share > 0) yield* this.#lastOf(range, share, { request, signal });
    }
  }

  /** The last `share` records of one partition: from near its end, and further back when offsets there hold none. */
  async *#lastOf(
    range: Range,
    share: number,
    work: { readonly request: SampleRequest; readonly signal: AbortSignal },
  ): AsyncGenerator<SampleSlice> {
    let { end } = range;
    let left = share;
    for (let step = 0; step <= STEPS_BACK_MAX && left > 0 && end > range.start; step++) {
      const start = Math.max(range.start, end - left * 2 ** step);
      for await (const slice of this.#read({ ...range, start, end }, left, work)) {
        left -= slice.events.count + slice.oversized.length;
        yield slice;
      }
      if (this.#fetchedBytes >= work.request.bytesMax) return;
      end = start;
    }
  }

  async *#read(
    range: Range,
    limit: number,
    { request, signal }: { readonly request: SampleRequest; readonly signal: AbortSignal },
  ): AsyncGenerator<SampleSlice> {
    const { info, end } = range;
    const { topic, partition } = info;
    let position = range.start;
    let left = limit;
    let maxBytes = FETCH_BYTES;
    while (position < end && left > 0 && this.#fetchedBytes < request.bytesMax) {
      const fetched = await this.#fetch(info, { position, maxBytes }, signal);
      const reader = new RecordSetReader({ fetched, ...request, knownEpochs: [] });
      if (reader.nextOffset === position) {
        // Nothing came: the log's end moved back, or a record batch needs more room.
        if (reader.needsBytes === undefined || maxBytes >= FETCH_BYTES_MAX) return;
        maxBytes = Math.min(FETCH_BYTES_MAX, Math.max(reader.needsBytes, maxBytes * 2));
        continue;
      }
      while (left > 0) {
        const maxEvents = Math.min(left, request.sliceEvents());
        const slice = reader.next({ maxEvents, maxBytes: SLICE_BYTES_MAX });
        if (slice === undefined) break;
        left -= slice.events.count + slice.oversized.length;
        yield { topic, partition, events: slice.events, oversized: slice.oversized };
        signal.throwIfAborted();
        if (slice.next >= end) return;
      }
      position = reader.nextOffset;
    }
  }

  async #fetch(
    { topic, partition, leader }: PartitionInfo,
    at: { readonly position: number; readonly maxBytes: number },
    signal: AbortSignal,
  ) {
    const asked = { topic, partition, offset: at.position, maxBytes: at.maxBytes };
    const [answer] = await this.#pull.fetch(
      { node: leader, partitions: [asked], maxBytes: at.maxBytes, minBytes: 1, maxWaitMs: FETCH_WAIT_MS },
      signal,
    );
    if (answer === undefined) throw new RangeError('a fetch without an answer');
    if (answer.error !== undefined) throw refused(`${topic}/${partition}`, answer.error);
    this.#fetchedBytes += answer.records.length;
    return answer;
  }

  /** True once the limit of bytes ended a sample early. */
  hasReached(bytesMax: number): boolean {
    return this.#fetchedBytes >= bytesMax;
  }

  /** Where the partitions' logs begin and end. Without `isStrict` those that can't be asked are left out. */
  async #ranges(view: ClusterView, signal: AbortSignal, isStrict = false): Promise<Map<string, Range>> {
    const ranges = new Map<string, Range>();
    const byLeader = Map.groupBy(view.partitions, (info) => info.leader);
    for (const [node, infos] of byLeader) {
      if (node < 0) continue;
      try {
        const starts = await this.#offsets(node, infos, { timestampMs: START, signal });
        const ends = await this.#offsets(node, infos, { timestampMs: END, signal });
        for (const [index, info] of infos.entries()) {
          const [start, end] = [starts[index], ends[index]];
          const error = start?.error ?? end?.error;
          if (error !== undefined && isStrict) throw refused(placeOf(info), error);
          if (start === undefined || end === undefined || error !== undefined) continue;
          ranges.set(placeOf(info), { info, start: start.offset, end: Math.max(start.offset, end.offset) });
        }
      } catch (error) {
        const broker = view.brokers.find((one) => one.node === node);
        if (!isGatewayError(error) || broker === undefined || signal.aborted) throw error;
        throw unreachableBroker(error, broker);
      }
    }
    return ranges;
  }

  #offsets(
    node: number,
    infos: readonly PartitionInfo[],
    { timestampMs, signal }: { readonly timestampMs: number; readonly signal: AbortSignal },
  ): Promise<PartitionOffset[]> {
    const partitions = infos.map(({ topic, partition }) => ({ topic, partition, timestampMs }));
    return this.#pull.listOffsets({ node, partitions }, signal);
  }
}

/** Shares a number of records out over partitions: alike, but none gets more than it has, and what it leaves goes to the others. */
export function sharesOf(total: number, sizes: readonly number[]): number[] {
  const shares = sizes.map(() => 0);
  const smallestFirst = sizes
    .map((size, index) => ({ size, index }))
    .sort((left, right) => left.size - right.size);
  let left = total;
  for (const [place, { size, index }] of smallestFirst.entries()) {
    const share = Math.min(size, Math.ceil(left / (smallestFirst.length - place)));
    shares[index] = share;
    left -= share;
  }
  return shares;
}

function placeOf({ topic, partition }: PartitionInfo): string {
  return `${topic}/${partition}`;
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Settles with the promise, or rejects at once when the signal aborts. Its connection is closed with the survey. */
function within<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

function missing(topic: string, reason: string | undefined): GatewayError {
  return new GatewayError({
    code: reason === 'TOPIC_AUTHORIZATION_FAILED' ? 'permission-denied' : 'topic-missing',
    operation: 'read a sample',
    place: topic,
    message: `the cluster shows no topic ${topic}${reason === undefined ? '' : ` (${reason})`}`,
    retry: 'never',
    hint: 'Check its name, and the right to describe and read it.',
  });
}

function refused(place: string, error: string): GatewayError {
  const isRight = error.endsWith('AUTHORIZATION_FAILED');
  return new GatewayError({
    code: isRight ? 'permission-denied' : 'kafka-refused',
    operation: 'read a sample',
    place,
    message: `the broker answered ${error}`,
    retry: 'backoff',
    hint: isRight ? 'Grant Read and Describe on the topic.' : 'Try again; the broker’s own log says more.',
  });
}
