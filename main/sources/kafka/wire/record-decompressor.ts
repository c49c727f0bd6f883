import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { decompressFrameSync, uncompressSync as lz4UncompressSync } from 'lz4-napi';
import { uncompressSync as snappyUncompressSync } from 'snappy';
import { GatewayError } from '../../../../shared/errors.ts';
import { undecodable, type BatchPlace } from './record-batch.ts';

/**
 * Decompresses the records of one batch. All four codecs have the same named limit on what comes out: a few hundred bytes can
 * claim gigabytes, and the broker stores what a producer sent without looking inside.
 */
export const DECOMPRESSED_BYTES_MAX = 256 * 1024 * 1024;

const GZIP = 1;
const SNAPPY = 2;
const LZ4 = 3;
const ZSTD = 4;

const CHUNK_BYTES_MIN = 64 * 1024;
const CHUNK_BYTES_MAX = 4 * 1024 * 1024;
/** Log lines compress 5 to 8 times; a first guess that is too small costs one more chunk. */
const ZSTD_RATIO_GUESS = 8;

/** Snappy's Java stream: magic, version and lowest compatible version (4 bytes each), then blocks after their lengths. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

const LZ4_MAGIC = 0x184d2204;
const LZ4_RATIO_MAX = 255;
const LZ4_BLOCK_UNCOMPRESSED_BIT = 0x8000_0000;
/** By the block-size code of the frame's BD byte; codes below 4 are reserved. */
const LZ4_BLOCK_BYTES = [0, 0, 0, 0, 64 * 1024, 256 * 1024, 1024 * 1024, 4 * 1024 * 1024];

export interface CompressedRecords {
  /** 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  readonly codec: number;
  readonly compressed: Buffer;
  /** Default: DECOMPRESSED_BYTES_MAX. */
  readonly bytesMax?: number;
}

/** Throws `codec-unknown`, or `batch-undecodable` for damaged data and for more than `bytesMax` of output. */
export function decompressRecords(
  place: BatchPlace,
  { codec, compressed, bytesMax = DECOMPRESSED_BYTES_MAX }: CompressedRecords,
): Buffer {
  try {
    switch (codec) {
      case GZIP:
        return gunzipSync(compressed, {
          maxOutputLength: bytesMax,
          chunkSize: gzipChunkBytes(compressed, bytesMax),
        });
      case SNAPPY:
        return decompressSnappy(compressed, bytesMax);
      case LZ4:
        return decompressLz4(compressed, bytesMax);
      case ZSTD:
        return decompressZstd(compressed, bytesMax);
      default:
        break;
    }
  } catch (cause) {
    throw undecodable(
      place,
      `compressed records (codec ${codec}) can't be decompressed within ${bytesMax} bytes`,
      cause,
    );
  }
  throw new GatewayError({
    code: 'codec-unknown',
    operation: 'decompress a record batch',
    place: `${place.topic}/${place.partition}`,
    message: `records are compressed with codec ${codec}`,
    retry: 'never',
    hint: 'Headgate knows gzip, snappy, lz4 and zstd; a newer version may know more. Until then the producer has to use one of these.',
  });
}

/** zlib collects its output in chunks of this size; one that fits saves a copy. */
function chunkBytes(expectedBytes: number, bytesMax: number): number {
  return Math.max(64, Math.min(Math.max(expectedBytes, CHUNK_BYTES_MIN), CHUNK_BYTES_MAX, bytesMax));
}

/** A gzip member ends with its length; more than one member, or a lie, costs more chunks and nothing else. */
function gzipChunkBytes(compressed: Buffer, bytesMax: number): number {
  const claimed = compressed.length < 18 ? 0 : compressed.readUInt32LE(compressed.length - 4);
  return chunkBytes(claimed + 1, bytesMax);
}

/**
 * Node stops without a word after the first frame; how much it consumed stands on its engine. Kafka's own client reads several.
 */
function decompressZstd(compressed: Buffer, bytesMax: number): Buffer {
  const frames: Buffer[] = [];
  let at = 0;
  let bytesLeft = bytesMax;
  do {
    const rest = compressed.subarray(at);
    const chunkSize = chunkBytes(rest.length * ZSTD_RATIO_GUESS, bytesMax);
    // With `info`, Node's types still promise the buffer alone.
    const result: unknown = zstdDecompressSync(rest, { maxOutputLength: bytesLeft, chunkSize, info: true });
    const { buffer, engine } = result as { buffer: Buffer; engine: { bytesWritten: number } };
    if (!(engine.bytesWritten > 0))
      throw new RangeError(`a zstd frame at ${at} of ${compressed.length} bytes`);
    frames.push(buffer);
    bytesLeft -= buffer.length;
    at += engine.bytesWritten;
  } while (at < compressed.length && bytesLeft > 0);
  if (at !== compressed.length) throw new RangeError(`zstd frames of more than ${bytesMax} bytes`);
  const [first] = frames;
  return frames.length === 1 && first !== undefined ? first : Buffer.concat(frames);
}

function decompressSnappy(compressed: Buffer, bytesMax: number): Buffer {
  const isXerial =
    compressed.length >= XERIAL_HEADER_BYTES &&
    compressed.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC);
  if (!isXerial) return snappyBlock(compressed, bytesMax);
  const blocks: Buffer[] = [];
  let at = XERIAL_HEADER_BYTES;
  let bytesLeft = bytesMax;
  while (at < compressed.length) {
    const length = compressed.readInt32BE(at);
    const end = at + 4 + length;
    if (length < 0 || end > compressed.length)
      throw new RangeError(`a snappy block of ${length} bytes at ${at}`);
    const block = snappyBlock(compressed.subarray(at + 4, end), bytesLeft);
    bytesLeft -= block.length;
    blocks.push(block);
    at = end;
  }
  const [first] = blocks;
  return blocks.length === 1 && first !== undefined ? first : Buffer.concat(blocks);
}

function snappyBlock(block: Buffer, bytesMax: number): Buffer {
  const claimed = snappyLength(block);
  if (claimed > bytesMax) throw new RangeError(`a snappy block claims ${claimed} bytes`);
  // Copying is many times faster than an external buffer for each block (measured).
  const bytes = snappyUncompressSync(block, { asBuffer: true, copyOutputData: true });
  if (typeof bytes === 'string') throw new TypeError('snappy gave text for bytes');
  return bytes;
}

/** A raw block begins with its decompressed length as a varint. */
function snappyLength(block: Buffer): number {
  let length = 0;
  let scale = 1;
  for (let at = 0; at < 5; at++) {
    const byte = block.readUInt8(at);
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) return length;
    scale *= 0x80;
  }
  throw new RangeError('a snappy block without a length');
}

interface Lz4Frame {
  /** A block may refer to the ones before; then only a frame decoder can read it. */
  readonly hasLinkedBlocks: boolean;
  readonly blockBytesMax: number;
  readonly blocks: readonly { readonly data: Buffer; readonly isCompressed: boolean }[];
}

/**
 * Kafka writes frames of independent blocks. Decoded block by block they are ten times as fast as by lz4-napi's frame decoder
 * (1.6 GB/s against 0.15, measured), and bounded by the blocks' largest size; the frame's own checksums say nothing that the
 * batch's CRC-32C did not.
 */
function decompressLz4(compressed: Buffer, bytesMax: number): Buffer {
  const frame = readLz4Frame(compressed);
  if (frame.hasLinkedBlocks) {
    const bound = frame.blocks.length * frame.blockBytesMax;
    if (bound > bytesMax) throw new RangeError(`an lz4 frame may hold ${bound} bytes`);
    return decompressFrameSync(compressed);
  }
  let bytesLeft = bytesMax;
  const blocks = frame.blocks.map(({ data, isCompressed }) => {
    const block = isCompressed ? lz4Block(data, frame.blockBytesMax) : data;
    bytesLeft -= block.length;
    if (bytesLeft < 0) throw new RangeError(`an lz4 frame of more than ${bytesMax} bytes`);
    return block;
  });
  const [first] = blocks;
  return blocks.length === 1 && first !== undefined ? first : Buffer.concat(blocks);
}

/** lz4-napi wants the room that the output may take before the block. A block never gives more than 255 bytes for one. */
function lz4Block(data: Buffer, blockBytesMax: number): Buffer {
  const prefixed = Buffer.allocUnsafe(4 + data.length);
  prefixed.writeUInt32LE(Math.min(blockBytesMax, (data.length + 1) * LZ4_RATIO_MAX), 0);
  data.copy(prefixed, 4);
  return lz4UncompressSync(prefixed);
}

/** LZ4 frame format 1.6: magic, FLG, BD, [content size], [dictionary id], HC, then blocks up to a zero length. */
function readLz4Frame(frame: Buffer): Lz4Frame {
  if (frame.readUInt32LE(0) !== LZ4_MAGIC) throw new RangeError('no lz4 frame');
  const flags = frame.readUInt8(4);
  const blockBytesMax = LZ4_BLOCK_BYTES[(frame.readUInt8(5) >> 4) & 7] ?? 0;
  const checksumBytes = (flags & 0x10) === 0 ? 0 : 4;
  if (flags >> 6 !== 1 || blockBytesMax === 0 || (flags & 0x01) !== 0)
    throw new RangeError('an lz4 frame of an unknown kind');
  const blocks: { data: Buffer; isCompressed: boolean }[] = [];
  let at = 6 + ((flags & 0x08) === 0 ? 0 : 8) + 1;
  for (;;) {
    const size = frame.readUInt32LE(at);
    at += 4;
    if (size === 0) break;
    const isCompressed = size < LZ4_BLOCK_UNCOMPRESSED_BIT;
    const end = at + (isCompressed ? size : size - LZ4_BLOCK_UNCOMPRESSED_BIT);
    if (end > frame.length) throw new RangeError('an lz4 frame that is cut off');
    blocks.push({ data: frame.subarray(at, end), isCompressed });
    at = end + checksumBytes;
  }
  at += (flags & 0x04) === 0 ? 0 : 4;
  if (at !== frame.length) throw new RangeError(`an lz4 frame of ${at} bytes in ${frame.length}`);
  return { hasLinkedBlocks: (flags & 0x20) === 0, blockBytesMax, blocks };
}
