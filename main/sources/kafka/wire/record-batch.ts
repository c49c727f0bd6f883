import { crc32c } from '@node-rs/crc32';
import { GatewayError } from '../../../../shared/errors.ts';
import { readInt64, readTime } from './int64.ts';

/**
 * Layout of a record batch, magic 2 (KIP-98; Kafka's `DefaultRecordBatch`), all numbers big-endian:
 *
 *     0 baseOffset i64      8 batchLength i32 (bytes after this field)   12 partitionLeaderEpoch i32   16 magic i8
 *    17 crc u32 (CRC-32C of everything from 21 on)                       21 attributes i16             23 lastOffsetDelta i32
 *    27 baseTimestamp i64  35 maxTimestamp i64                           43 producerId i64             51 producerEpoch i16
 *    53 baseSequence i32   57 count i32                                  61 records
 *
 * Kafka leaves the first 16 bytes out of the CRC, because the broker rewrites them. What can be checked of them is checked: the
 * length by the CRC's range, the base offset by the order of the batches and the end of the log (`record-set-reader.ts`); what is
 * left, by asking twice (`header-claims.ts`).
 */
const LENGTH_AT = 8;
const LEADER_EPOCH_AT = 12;
const MAGIC_AT = 16;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const LAST_OFFSET_DELTA_AT = 23;
const BASE_TIMESTAMP_AT = 27;
const MAX_TIMESTAMP_AT = 35;
const PRODUCER_ID_AT = 43;
const COUNT_AT = 57;
export const BATCH_HEADER_BYTES = 61;
const LENGTH_FIELD_END = 12;
const MAGIC = 2;
/** A batch claims at most this size, compressed; larger ones can't be fetched anyway (`RESPONSE_BYTES_MAX`). */
export const RECORD_BATCH_BYTES_MAX = 128 * 1024 * 1024;

const CODEC_BITS = 0x07;
const LOG_APPEND_TIME_BIT = 0x08;
const TRANSACTIONAL_BIT = 0x10;
const CONTROL_BIT = 0x20;

/** Where record data was when something was wrong with it. */
export interface BatchPlace {
  readonly topic: string;
  readonly partition: number;
}

/** Header of one record batch; `start` and `end` are its bytes in the set. */
export interface RecordBatch {
  readonly start: number;
  readonly end: number;
  readonly baseOffset: number;
  /** Offset after the batch's last one, whether or not that record is still there. */
  readonly nextOffset: number;
  readonly leaderEpoch: number;
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd; others are unknown. */
  readonly codec: number;
  readonly isLogAppendTime: boolean;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  readonly lastOffsetDelta: number;
  /** NaN: beyond the safe integers, so no time. */
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
  readonly producerId: number;
  readonly count: number;
}

export function undecodable(place: BatchPlace, message: string, cause?: unknown): GatewayError {
  return new GatewayError({
    code: 'batch-undecodable',
    operation: 'decode a record batch',
    place: `${place.topic}/${place.partition}`,
    message,
    retry: 'now',
    hint: 'The batch is pulled again; if this stays, the log at the broker is damaged or its producer is broken: look at it with kafka-dump-log.',
    cause,
  });
}

/**
 * Bytes that the batch at `at` needs in all; undefined when not even its length can be read. Throws `batch-undecodable` for a
 * length that no batch has and for the formats before magic 2.
 */
export function batchSizeAt(place: BatchPlace, records: Buffer, at: number): number | undefined {
  if (at + LENGTH_FIELD_END > records.length) return undefined;
  const bytes = LENGTH_FIELD_END + records.readInt32BE(at + LENGTH_AT);
  // A message of magic 0 or 1 may be shorter than a batch header, so its magic is looked at first.
  if (at + MAGIC_AT < records.length && records[at + MAGIC_AT] !== MAGIC) {
    throw wrongMagic(place, records.readInt8(at + MAGIC_AT), at);
  }
  if (bytes < BATCH_HEADER_BYTES || bytes > RECORD_BATCH_BYTES_MAX) {
    throw undecodable(place, `a record batch at byte ${at} claims ${bytes} bytes`);
  }
  return bytes;
}

/** Header of the complete batch at `start`, not yet verified: good for looking ahead, not for believing. */
export function readBatchHeader(place: BatchPlace, records: Buffer, start: number): RecordBatch {
  const attributes = records.readInt16BE(start + ATTRIBUTES_AT);
  const lastOffsetDelta = records.readInt32BE(start + LAST_OFFSET_DELTA_AT);
  try {
    const baseOffset = readInt64(records, start);
    const nextOffset = baseOffset + lastOffsetDelta + 1;
    if (baseOffset < 0 || lastOffsetDelta < 0 || !Number.isSafeInteger(nextOffset)) {
      throw new RangeError(`base offset ${baseOffset}, last offset delta ${lastOffsetDelta}`);
    }
    return {
      start,
      end: start + LENGTH_FIELD_END + records.readInt32BE(start + LENGTH_AT),
      baseOffset,
      nextOffset,
      leaderEpoch: records.readInt32BE(start + LEADER_EPOCH_AT),
      codec: attributes & CODEC_BITS,
      isLogAppendTime: (attributes & LOG_APPEND_TIME_BIT) !== 0,
      isTransactional: (attributes & TRANSACTIONAL_BIT) !== 0,
      isControl: (attributes & CONTROL_BIT) !== 0,
      lastOffsetDelta,
      baseTimestampMs: readTime(records, start + BASE_TIMESTAMP_AT),
      maxTimestampMs: readTime(records, start + MAX_TIMESTAMP_AT),
      producerId: readInt64(records, start + PRODUCER_ID_AT),
      count: records.readInt32BE(start + COUNT_AT),
    };
  } catch (cause) {
    throw undecodable(place, `a record batch header at byte ${start} makes no sense`, cause);
  }
}

/** Throws `crc-mismatch` or `batch-undecodable` unless the batch is what its producer and broker wrote. */
export function verifyBatch(place: BatchPlace, records: Buffer, batch: RecordBatch): void {
  const { start, end } = batch;
  const expected = records.readUInt32BE(start + CRC_AT);
  const actual = crc32c(records.subarray(start + ATTRIBUTES_AT, end));
  if (actual !== expected) {
    throw new GatewayError({
      code: 'crc-mismatch',
      operation: 'check a record batch',
      place: `${place.topic}/${place.partition}`,
      message: `the batch from offset ${batch.baseOffset} has CRC-32C ${hex(actual)}, its header says ${hex(expected)}`,
      retry: 'now',
      hint: 'The batch is pulled again. If the same offset fails each time, the log at the broker is damaged; else look at the network between.',
    });
  }
  // Compaction may leave fewer records than offsets, never more.
  if (batch.count < 0 || batch.count > batch.lastOffsetDelta + 1) {
    throw undecodable(
      place,
      `the batch from offset ${batch.baseOffset} claims ${batch.count} records in ${batch.lastOffsetDelta + 1} offsets`,
    );
  }
}

function wrongMagic(place: BatchPlace, magic: number, at: number): GatewayError {
  if (magic !== 0 && magic !== 1)
    return undecodable(place, `a record batch at byte ${at} has the unknown format ${magic}`);
  return new GatewayError({
    code: 'batch-undecodable',
    operation: 'decode a record batch',
    place: `${place.topic}/${place.partition}`,
    message: `the log holds messages in format ${magic}, from before Kafka 0.11, which has no CRC-32C`,
    retry: 'never',
    hint: 'Rewrite the topic (mirror it, or let retention drop the old segments) on a broker with message format 0.11 or later.',
  });
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
