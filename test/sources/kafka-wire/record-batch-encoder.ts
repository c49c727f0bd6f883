/**
 * A second, independent implementation of Kafka's record batch (magic 2, KIP-98), for tests: plain and slow, with BigInts.
 */
import { crc32c } from '@node-rs/crc32';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { gzipSync, zstdCompressSync } from 'node:zlib';

export type TestCodec = 'none' | 'gzip' | 'snappy' | 'snappy-raw' | 'lz4' | 'zstd';

export interface TestRecord {
  readonly offsetDelta: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: readonly (readonly [string, Buffer | null])[];
}

export interface TestBatch {
  readonly baseOffset: number;
  readonly records: readonly TestRecord[];
  /** Default: that of the last record. */
  readonly lastOffsetDelta?: number;
  readonly codec?: TestCodec;
  readonly leaderEpoch?: number;
  readonly baseTimestampMs?: number;
  /** Makes it a LogAppendTime batch. */
  readonly logAppendTimeMs?: number;
  readonly producerId?: number;
  readonly isTransactional?: boolean;
  readonly isControl?: boolean;
  /** Lies about the number of records. */
  readonly count?: number;
  /** Instead of the records' own bytes, compressed with `codec`. */
  readonly rawRecords?: Buffer;
  /** Instead of the codec's number. */
  readonly codecBits?: number;
}

const CODEC_BITS: Readonly<Record<TestCodec, number>> = {
  none: 0,
  gzip: 1,
  snappy: 2,
  'snappy-raw': 2,
  lz4: 3,
  zstd: 4,
};

export function encodeBatch(batch: TestBatch): Buffer {
  const baseTimestampMs = batch.baseTimestampMs ?? batch.records[0]?.timestampMs ?? 0;
  const plain =
    batch.rawRecords ?? Buffer.concat(batch.records.map((record) => encodeRecord(record, baseTimestampMs)));
  const records = compress(plain, batch.codec ?? 'none');
  const times = batch.records.map((record) => record.timestampMs);
  const attributes =
    (batch.codecBits ?? CODEC_BITS[batch.codec ?? 'none']) |
    (batch.logAppendTimeMs === undefined ? 0 : 0x08) |
    (batch.isTransactional === true ? 0x10 : 0) |
    (batch.isControl === true ? 0x20 : 0);
  const bytes = Buffer.alloc(61 + records.length);
  bytes.writeBigInt64BE(BigInt(batch.baseOffset), 0);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt32BE(batch.leaderEpoch ?? 0, 12);
  bytes.writeInt8(2, 16);
  bytes.writeInt16BE(attributes, 21);
  bytes.writeInt32BE(batch.lastOffsetDelta ?? batch.records.at(-1)?.offsetDelta ?? 0, 23);
  bytes.writeBigInt64BE(BigInt(baseTimestampMs), 27);
  bytes.writeBigInt64BE(BigInt(batch.logAppendTimeMs ?? Math.max(baseTimestampMs, ...times)), 35);
  bytes.writeBigInt64BE(BigInt(batch.producerId ?? -1), 43);
  bytes.writeInt16BE(batch.producerId === undefined ? -1 : 0, 51);
  bytes.writeInt32BE(batch.producerId === undefined ? -1 : 0, 53);
  bytes.writeInt32BE(batch.count ?? batch.records.length, 57);
  records.copy(bytes, 61);
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  return bytes;
}

/** A transaction's end: one record whose key says which. */
export function encodeMarker(marker: {
  baseOffset: number;
  producerId: number;
  type: 'commit' | 'abort';
}): Buffer {
  const key = Buffer.from([0, 0, 0, marker.type === 'abort' ? 0 : 1]);
  return encodeBatch({
    baseOffset: marker.baseOffset,
    records: [{ offsetDelta: 0, timestampMs: 1, key, value: Buffer.alloc(6) }],
    producerId: marker.producerId,
    isTransactional: true,
    isControl: true,
  });
}

export function encodeRecord(record: TestRecord, baseTimestampMs: number): Buffer {
  const headers = record.headers ?? [];
  const body = Buffer.concat([
    Buffer.from([0]),
    zigzag(BigInt(record.timestampMs) - BigInt(baseTimestampMs)),
    zigzag(BigInt(record.offsetDelta)),
    nullable(record.key),
    nullable(record.value),
    zigzag(BigInt(headers.length)),
    ...headers.flatMap(([name, value]) => [nullable(Buffer.from(name)), nullable(value)]),
  ]);
  return Buffer.concat([zigzag(BigInt(body.length)), body]);
}

function nullable(bytes: Buffer | null): Buffer {
  return bytes === null ? zigzag(-1n) : Buffer.concat([zigzag(BigInt(bytes.length)), bytes]);
}

export function zigzag(value: bigint): Buffer {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes: number[] = [];
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

export function compress(plain: Buffer, codec: TestCodec): Buffer {
  // The type of these packages asks for a buffer that shares nothing.
  const own = Buffer.from(new Uint8Array(plain).buffer);
  switch (codec) {
    case 'none':
      return plain;
    case 'gzip':
      return gzipSync(own);
    case 'zstd':
      return zstdCompressSync(own);
    case 'lz4':
      return compressFrameSync(own);
    case 'snappy-raw':
      return compressSync(own);
    case 'snappy':
      return xerial(plain);
  }
}

function xerial(plain: Buffer): Buffer {
  const parts: Buffer[] = [
    Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]),
  ];
  for (let at = 0; at < plain.length; at += 32 * 1024) {
    const block = compress(plain.subarray(at, at + 32 * 1024), 'snappy-raw');
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}
