import { decodeRuns, type EncodedRuns } from '../../../shared/model/offset-runs.ts';
import {
  RecordSetReader,
  type FetchedRecords,
  type PullSlice,
  type RecordSetOptions,
  type SliceLimits,
} from '../../../main/sources/kafka/wire/record-set-reader.ts';

export const ALL: SliceLimits = { maxEvents: 1_000_000, maxBytes: 1_000_000_000 };

export function fetchedOf(records: Buffer, more: Partial<FetchedRecords> = {}): FetchedRecords {
  return {
    topic: 'access',
    partition: 3,
    fetchOffset: 0,
    logStartOffset: 0,
    highWatermark: -1,
    abortedTransactions: [],
    records,
    ...more,
  };
}

export function readerOf(
  records: Buffer,
  more: Partial<FetchedRecords> = {},
  options: Partial<Omit<RecordSetOptions, 'fetched'>> = {},
): RecordSetReader {
  return new RecordSetReader({
    fetched: fetchedOf(records, more),
    maxEventBytes: 1_000_000_000,
    topicHeader: 'topic',
    recordHeaders: {},
    knownEpochs: [],
    ...options,
  });
}

export function slicesOf(reader: RecordSetReader, limits: SliceLimits = ALL): PullSlice[] {
  const slices: PullSlice[] = [];
  for (let slice = reader.next(limits); slice !== undefined; slice = reader.next(limits)) slices.push(slice);
  return slices;
}

export function offsetsOfRuns(runs: EncodedRuns | undefined): number[] {
  if (runs === undefined) return [];
  return [...decodeRuns(runs.first, runs.bytes)].flatMap(({ from, to }) => range(from, to));
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

export interface SeenEvent {
  readonly offset: number;
  readonly body: string;
  readonly timestampMs: number;
  readonly key: string | undefined;
}

export function eventsOf(slices: readonly PullSlice[]): SeenEvent[] {
  return slices.flatMap(({ events }) =>
    range(0, events.count).map((index) => ({
      offset: events.offsets[index] ?? NaN,
      body: events.body(index).toString('latin1'),
      timestampMs: events.timestamps[index] ?? NaN,
      key: events.getHeader(index, 'key'),
    })),
  );
}
