/**
 * From one partition's fetched bytes to events.
 *
 * Promise: every offset in `[fetchOffset, nextOffset)` comes out exactly once, in order: in a slice's events, among its
 * `oversized`, or in its runs of offsets without a record. A byte that changed on its way never becomes an event.
 *
 * 1. All batches of the set are verified (length, format, CRC-32C, count, order) in the constructor: a damaged set
 *    yields nothing. What the CRC leaves out and nothing proves stands in `claims`, which the caller must have confirmed.
 * 2. A batch's records are parsed whole before the first of them is handed out, so a broken record spoils no half of a batch.
 * 3. Only complete batches count. What is cut off at the end of the set belongs to the next fetch.
 * 4. An offset is missing if no record has it and the range around it was fetched whole: transaction markers, aborted
 *    transactions (exactly Kafka's rule, `CompletedFetch.java`) and compaction. While the log's start was beyond the fetch offset
 *    nothing is called absent; it is a gap.
 */
import { EventBatch } from '../../../../shared/event-batch.ts';
import { offset as asOffset } from '../../../../shared/model/brand.ts';
import { OffsetRunsBuilder, type EncodedRuns } from '../../../../shared/model/offset-runs.ts';
import type { Fingerprint } from '../../../../shared/model/partition.ts';
import type { QuarantinedEvent } from '../../../../shared/model/put.ts';
import { AbortedTransactions } from './aborted-transactions.ts';
import { claimsOf, type HeaderClaim } from './header-claims.ts';
import type { PartitionFetch } from './pull-link.ts';
import {
  BATCH_HEADER_BYTES,
  batchSizeAt,
  readBatchHeader,
  undecodable,
  verifyBatch,
  type RecordBatch,
} from './record-batch.ts';
import { fingerprintOf, RecordColumns, recordPlace, SOURCES_MAX, type RecordView } from './record-columns.ts';
import { decompressRecords } from './record-decompressor.ts';
import { RecordHeaders, type RecordHeaderOptions } from './record-headers.ts';
import { assertCountFits, keyRange, parseRecords, type OversizedRecord } from './record-parser.ts';

/** What of an answer the reader needs. The answer must be one without error. */
export type FetchedRecords = Omit<PartitionFetch, 'error' | 'lastStableOffset'>;

export interface RecordSetOptions extends RecordHeaderOptions {
  readonly fetched: FetchedRecords;
  /** A body larger than this goes to `oversized`. */
  readonly maxEventBytes: number;
  /** Leader epochs that a batch may have without a claim: of the record before, of the leader. */
  readonly knownEpochs: readonly number[];
}

export interface SliceLimits {
  readonly maxEvents: number;
  /** Bytes of whole records (body, key, headers); one record is always taken. */
  readonly maxBytes: number;
}

/** What became of every offset in `[first, next)`: an event, oversized, absent, or gap. */
export interface PullSlice {
  readonly first: number;
  readonly next: number;
  /** Its buffers are views of the response or of decompressed batches. */
  readonly events: EventBatch;
  /** Offsets without a record: transaction markers, aborted transactions, compaction. */
  readonly absent: EncodedRuns | undefined;
  /** Offsets without a record that may not be called absent, because the log's start was beyond our fetch offset. */
  readonly gap: EncodedRuns | undefined;
  readonly oversized: readonly QuarantinedEvent[];
  /** Of the last record in the slice (oversized ones too); undefined when there is none. */
  readonly fingerprint: Fingerprint | undefined;
}

/** What a fetch must be able to hold when not even the first batch's length came through. */
const UNKNOWN_BATCH_BYTES = 1024 * 1024;

export class RecordSetReader {
  /** Offset after the last complete batch; the fetch offset when there is none. The next fetch may begin here. */
  readonly nextOffset: number;
  /** When no complete batch reaches the fetch offset: bytes that the set needs to hold one. undefined otherwise, and for an empty set. */
  readonly needsBytes: number | undefined;
  /** What the headers say and nothing proves; empty when the set can be believed as it is. */
  readonly claims: readonly HeaderClaim[];
  /** Of the last complete batch; undefined when there is none. */
  readonly lastLeaderEpoch: number | undefined;
  readonly #fetched: FetchedRecords;
  readonly #maxEventBytes: number;
  readonly #headers: RecordHeaders;
  readonly #aborted: AbortedTransactions;
  readonly #batches: readonly RecordBatch[];
  readonly #mayClaimAbsent: boolean;
  readonly #columns = new RecordColumns();
  #oversized: OversizedRecord[] = [];
  #batchIndex = 0;
  #recordsLeft = 0;
  #pendingBytes = 0;
  /** Offsets below are in slices already given. */
  #position: number;
  /** Offsets below are in slices given or pending. */
  #decodedTo: number;

  /** Throws GatewayError `crc-mismatch` or `batch-undecodable`. */
  constructor(options: RecordSetOptions) {
    const { fetched } = options;
    this.#fetched = fetched;
    this.#maxEventBytes = options.maxEventBytes;
    this.#headers = new RecordHeaders(options, fetched);
    this.#aborted = new AbortedTransactions(fetched.abortedTransactions);
    const scan = scanBatches(fetched);
    this.#batches = scan.batches;
    this.#recordsLeft = scan.batches.reduce((sum, batch) => sum + batch.count, 0);
    this.nextOffset = scan.nextOffset;
    this.needsBytes = scan.needsBytes;
    this.claims = claimsOf(scan.batches, fetched, options.knownEpochs);
    this.lastLeaderEpoch = scan.batches.at(-1)?.leaderEpoch;
    this.#mayClaimAbsent = fetched.logStartOffset >= 0 && fetched.logStartOffset <= fetched.fetchOffset;
    this.#position = fetched.fetchOffset;
    this.#decodedTo = fetched.fetchOffset;
  }

  /**
   * The next slice; undefined at the end. It may end in the middle of a batch. Throws GatewayError `batch-undecodable` or
   * `codec-unknown`; the slices before stay good, and nothing of the batch in question was in them.
   */
  next(limits: SliceLimits): PullSlice | undefined {
    if (!(limits.maxEvents >= 1) || !(limits.maxBytes >= 1)) throw new RangeError('a slice of nothing');
    this.#fill(limits);
    const isWhole = this.#pendingBytes <= limits.maxBytes && this.#columns.pending <= limits.maxEvents;
    const count = isWhole ? this.#columns.pending : this.#columns.fitting(limits.maxEvents, limits.maxBytes);
    const isAll = count === this.#columns.pending;
    const first = this.#position;
    const next = isAll ? this.#decodedTo : this.#columns.pendingOffset(count - 1) + 1;
    if (next === first) return undefined;
    const view = this.#columns.take(count);
    const oversized = this.#oversized.filter((record) => record.offset < next);
    this.#oversized = this.#oversized.filter((record) => record.offset >= next);
    this.#position = next;
    this.#pendingBytes = isAll ? 0 : this.#pendingBytes - bytesOf(view);
    const missing = missingRuns({ first, next }, view.offsets, oversized);
    return {
      first,
      next,
      events: this.#eventBatch(view),
      absent: this.#mayClaimAbsent ? missing : undefined,
      gap: this.#mayClaimAbsent ? undefined : missing,
      oversized: oversized.map((record) => this.#quarantined(record)),
      fingerprint: this.#fingerprint(view, oversized.at(-1)),
    };
  }

  #fill(limits: SliceLimits): void {
    while (
      this.#columns.pending < limits.maxEvents &&
      this.#pendingBytes < limits.maxBytes &&
      (this.#columns.pending === 0 || this.#columns.sources.length < SOURCES_MAX)
    ) {
      const batch = this.#batches[this.#batchIndex];
      if (batch === undefined) return;
      const isHidden = this.#aborted.hides(this.#fetched, batch);
      if (!isHidden) this.#decode(batch, limits.maxEvents);
      this.#batchIndex++;
      this.#recordsLeft -= batch.count;
      this.#decodedTo = Math.max(this.#decodedTo, batch.nextOffset);
    }
  }

  #decode(batch: RecordBatch, maxEvents: number): void {
    const { records } = this.#fetched;
    const from = batch.start + BATCH_HEADER_BYTES;
    const isPlain = batch.codec === 0;
    const source = isPlain
      ? records
      : decompressRecords(this.#fetched, {
          codec: batch.codec,
          compressed: records.subarray(from, batch.end),
        });
    const range = isPlain ? { from, to: batch.end } : { from: 0, to: source.length };
    try {
      assertCountFits(batch.count, range.to - range.from);
      const expected = Math.min(this.#columns.pending + this.#recordsLeft, maxEvents + batch.count);
      this.#columns.reserve(batch.count, expected);
      const oversized: OversizedRecord[] = [];
      const input = {
        batch,
        source,
        ...range,
        floorOffset: this.#fetched.fetchOffset,
        maxEventBytes: this.#maxEventBytes,
        oversized,
      };
      this.#pendingBytes += parseRecords(input, this.#columns);
      this.#oversized.push(...oversized);
    } catch (cause) {
      throw undecodable(this.#fetched, `the batch from offset ${batch.baseOffset} is broken inside`, cause);
    }
  }

  #eventBatch(view: RecordView): EventBatch {
    return new EventBatch({
      count: view.offsets.length,
      offsets: view.offsets,
      sources: view.sources,
      sourceOf: view.sourceOf,
      starts: view.starts,
      ends: view.ends,
      timestamps: this.#headers.timestamps(view),
      sharedHeaders: this.#headers.sharedHeaders(),
      lazyHeaders: this.#headers.lazyHeaders(view),
    });
  }

  #quarantined(record: OversizedRecord): QuarantinedEvent {
    const key = keyRange(record);
    return {
      offset: asOffset(record.offset),
      channel: undefined,
      reason: `body of ${record.bodyEnd - record.bodyStart} bytes is over the limit of ${this.#maxEventBytes}`,
      timestampMs: record.timestampMs,
      headers: this.#headers.all(record, record),
      key: key === undefined ? undefined : record.source.subarray(key.start, key.end),
      body: record.source.subarray(record.bodyStart, record.bodyEnd),
    };
  }

  #fingerprint(view: RecordView, oversized: OversizedRecord | undefined): Fingerprint | undefined {
    const index = view.offsets.length - 1;
    const eventOffset = view.offsets[index] ?? -1;
    if (oversized !== undefined && oversized.offset > eventOffset) {
      return fingerprintOf(oversized, { ...oversized, leaderEpoch: this.#leaderEpochAt(oversized.offset) });
    }
    if (eventOffset < 0) return undefined;
    return fingerprintOf(recordPlace(view, index), {
      offset: eventOffset,
      timestampMs: view.timestamps[index] ?? NaN,
      leaderEpoch: this.#leaderEpochAt(eventOffset),
    });
  }

  /** Looks back from the batch decoded last: a slice's last record lies in it or a little before. */
  #leaderEpochAt(offset: number): number {
    for (let index = this.#batchIndex - 1; index >= 0; index--) {
      const batch = this.#batches[index];
      if (batch !== undefined && batch.baseOffset <= offset) return batch.leaderEpoch;
    }
    throw new RangeError(`no batch holds offset ${offset}`);
  }
}

/** The fingerprint of the record at `offset` in a fetched set; undefined when no data record of a complete batch has that offset. */
export function fingerprintAt(fetched: FetchedRecords, offset: number): Fingerprint | undefined {
  const reader = new RecordSetReader({
    fetched: { ...fetched, fetchOffset: offset, abortedTransactions: [] },
    maxEventBytes: Number.MAX_SAFE_INTEGER,
    topicHeader: undefined,
    recordHeaders: {},
    knownEpochs: [],
  });
  const fingerprint = reader.next({ maxEvents: 1, maxBytes: 1 })?.fingerprint;
  return fingerprint?.offset === offset ? fingerprint : undefined;
}

interface BatchScan {
  readonly batches: RecordBatch[];
  readonly nextOffset: number;
  readonly needsBytes: number | undefined;
}

function scanBatches(fetched: FetchedRecords): BatchScan {
  const { records, fetchOffset } = fetched;
  const batches: RecordBatch[] = [];
  let nextOffset = fetchOffset;
  let previousNext = 0;
  let at = 0;
  let size: number | undefined;
  while (at < records.length) {
    size = batchSizeAt(fetched, records, at);
    if (size === undefined || at + size > records.length) break;
    const batch = readBatchHeader(fetched, records, at);
    verifyBatch(fetched, records, batch);
    assertPlace(fetched, batch, previousNext);
    previousNext = batch.nextOffset;
    nextOffset = Math.max(nextOffset, batch.nextOffset);
    batches.push(batch);
    at = batch.end;
  }
  const isCutOff = at < records.length && nextOffset === fetchOffset;
  return { batches, nextOffset, needsBytes: isCutOff ? at + (size ?? UNKNOWN_BATCH_BYTES) : undefined };
}

/**
 * The base offset is not in the CRC, so its place must make sense: after the batch before, and not wholly before the offset that was
 * asked for. A broker sends nothing else (Kafka's `LogSegment.translateOffset`).
 */
function assertPlace(fetched: FetchedRecords, batch: RecordBatch, previousNext: number): void {
  const { baseOffset, nextOffset } = batch;
  const { fetchOffset } = fetched;
  const range = `offsets ${baseOffset} to ${nextOffset - 1}`;
  if (baseOffset < previousNext) {
    throw undecodable(fetched, `a batch with ${range} stands after offset ${previousNext - 1}`);
  }
  if (nextOffset <= fetchOffset) {
    throw undecodable(fetched, `a batch with ${range} was sent for offset ${fetchOffset}`);
  }
}

/** Offsets of the range that neither an event nor an oversized record has. */
function missingRuns(
  range: { readonly first: number; readonly next: number },
  offsets: Float64Array,
  oversized: readonly OversizedRecord[],
): EncodedRuns | undefined {
  if (offsets.length + oversized.length === range.next - range.first) return undefined;
  const runs = new OffsetRunsBuilder();
  let expected = range.first;
  let oversizedIndex = 0;
  const see = (offset: number): void => {
    if (offset > expected) runs.addRun(expected, offset);
    expected = offset + 1;
  };
  for (const offset of offsets) {
    for (let record = oversized[oversizedIndex]; record !== undefined && record.offset < offset;) {
      see(record.offset);
      record = oversized[++oversizedIndex];
    }
    see(offset);
  }
  for (const record of oversized.slice(oversizedIndex)) see(record.offset);
  see(range.next);
  return runs.finish();
}

function bytesOf(view: RecordView): number {
  let bytes = 0;
  for (let index = 0; index < view.recordEnds.length; index++) {
    bytes += (view.recordEnds[index] ?? 0) - (view.keyAts[index] ?? 0);
  }
  return bytes;
}
