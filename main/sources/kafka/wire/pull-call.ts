import { GatewayError } from '../../../../shared/errors.ts';
import type { FetchResponse } from './fetch-response.ts';
import { assertOffset, READ_COMMITTED } from './kafkajs-guards.ts';
import type { FetchArguments, ListOffsetsArguments, ListOffsetsResponse } from './kafkajs-internals.ts';
import { nonsenseError } from './link-error.ts';
import { RESPONSE_BYTES_MAX } from './response-framer.ts';
import { partitionError } from './partition-error.ts';
import type {
  FetchPartition,
  FetchRequest,
  ListOffsetsRequest,
  PartitionFetch,
  PartitionOffset,
} from './pull-link.ts';

/** A fetch as kafkajs encodes it. Throws RangeError for numbers that no caller can mean. */
export function fetchArguments(request: FetchRequest): FetchArguments {
  if (request.partitions.length === 0) throw new RangeError('a fetch without partitions');
  if (!(request.maxBytes > 0 && request.maxBytes < RESPONSE_BYTES_MAX))
    throw new RangeError(`a fetch of ${request.maxBytes} bytes`);
  const topics: { topic: string; partitions: FetchArguments['topics'][number]['partitions'][number][] }[] =
    [];
  for (const asked of request.partitions) {
    assertFetchPartition(asked);
    const last = topics.at(-1);
    const partitions = last?.topic === asked.topic ? last.partitions : [];
    partitions.push({
      partition: asked.partition,
      fetchOffset: asked.offset,
      maxBytes: asked.maxBytes,
      currentLeaderEpoch: asked.leaderEpoch ?? -1,
    });
    if (last?.topic !== asked.topic) topics.push({ topic: asked.topic, partitions });
  }
  return {
    maxWaitTime: request.maxWaitMs,
    minBytes: request.minBytes,
    maxBytes: request.maxBytes,
    isolationLevel: READ_COMMITTED,
    rackId: '',
    topics,
  };
}

function assertFetchPartition(asked: FetchPartition): void {
  assertOffset(asked.offset, 'offset');
  if (asked.offset < 0 || !(asked.maxBytes > 0)) {
    throw new RangeError(
      `fetch of ${asked.topic}/${asked.partition} from ${asked.offset}, ${asked.maxBytes} bytes`,
    );
  }
}

/** The answer in the order of the request. Throws `transport` when a partition is missing, `kafka-refused` for an error of the whole. */
export function answeredPartitions(
  request: FetchRequest,
  response: FetchResponse,
  place: string,
): PartitionFetch[] {
  const error = partitionError(response.errorCode);
  if (error !== undefined) throw refused('fetch records', place, error);
  const answered = new Map(
    response.partitions.map((partition) => [`${partition.topic}/${partition.partition}`, partition]),
  );
  return request.partitions.map((asked) => {
    const found = answered.get(`${asked.topic}/${asked.partition}`);
    if (found === undefined) throw unanswered('fetch records', place, asked);
    const {
      topic,
      partition,
      highWatermark,
      lastStableOffset,
      logStartOffset,
      abortedTransactions,
      records,
    } = found;
    return {
      topic,
      partition,
      fetchOffset: asked.offset,
      error: partitionError(found.errorCode),
      highWatermark,
      lastStableOffset,
      logStartOffset,
      abortedTransactions,
      records,
    };
  });
}

/** ListOffsets as kafkajs encodes it. */
export function listOffsetsArguments(request: ListOffsetsRequest): ListOffsetsArguments {
  if (request.partitions.length === 0) throw new RangeError('a list of offsets without partitions');
  return {
    isolationLevel: READ_COMMITTED,
    topics: request.partitions.map(({ topic, partition, timestampMs }) => {
      assertOffset(timestampMs, 'time');
      return { topic, partitions: [{ partition, timestamp: timestampMs }] };
    }),
  };
}

/** The answer in the order of the request. Throws `transport` when a partition is missing. */
export function answeredOffsets(
  request: ListOffsetsRequest,
  response: ListOffsetsResponse,
  place: string,
): PartitionOffset[] {
  return request.partitions.map((asked) => {
    const found = response.responses
      .filter(({ topic }) => topic === asked.topic)
      .flatMap(({ partitions }) => partitions)
      .find(({ partition }) => partition === asked.partition);
    if (found === undefined) throw unanswered('list offsets', place, asked);
    const offset = Number(found.offset);
    assertOffset(offset, 'offset');
    return {
      topic: asked.topic,
      partition: asked.partition,
      error: partitionError(found.errorCode),
      offset,
      timestampMs: Number(found.timestamp),
    };
  });
}

function unanswered(
  operation: string,
  place: string,
  asked: { readonly topic: string; readonly partition: number },
): GatewayError {
  return nonsenseError(
    { operation, place },
    `the answer of ${place} leaves out ${asked.topic}/${asked.partition}`,
  );
}

function refused(operation: string, place: string, error: string): GatewayError {
  return new GatewayError({
    code: 'kafka-refused',
    operation,
    place,
    message: `the broker at ${place} refused the whole request: ${error}`,
    retry: 'backoff',
    hint: 'The broker’s own log says more about it.',
  });
}
