import type { Readable } from 'node:stream';
import { zstdDecompressSync } from 'node:zlib';

/**
 * Decodes a stream of several zstd frames. Node's own stream decoder (24.21) stops without an error at the end of the first frame when the
 * next one begins in the same chunk, and takes a truncated frame for a whole one; a judge can't have that. So the frames' ends are found here, after
 * RFC 8878 §3.1: header, blocks with their sizes, checksum.
 */
export async function* zstdFrames(source: Readable): AsyncGenerator<Buffer, void> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let neededBytes = 1;
  for await (const chunk of source) {
    pending.push(chunk as Buffer);
    pendingBytes += (chunk as Buffer).length;
    if (pendingBytes < neededBytes) continue;
    let bytes = Buffer.concat(pending);
    for (;;) {
      const end = frameEnd(bytes);
      if (end > bytes.length || bytes.length === 0) {
        neededBytes = end;
        break;
      }
      if (!isSkippable(bytes)) yield zstdDecompressSync(bytes.subarray(0, end));
      bytes = bytes.subarray(end);
    }
    pending = bytes.length === 0 ? [] : [bytes];
    pendingBytes = bytes.length;
  }
  if (pendingBytes > 0)
    throw new Error(`the last zstd frame is cut off: ${pendingBytes} of at least ${neededBytes} bytes`);
}

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const MAGIC_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const BLOCK_TYPE_RLE = 1;
const BLOCK_TYPE_RESERVED = 3;

function isSkippable(bytes: Buffer): boolean {
  return (bytes.readUInt32LE(0) & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC;
}

/** Where the first frame ends, or a number beyond `bytes` as long as that can't be told: then at least so many are needed. */
function frameEnd(bytes: Buffer): number {
  if (bytes.length < 8) return 8;
  if (isSkippable(bytes)) return 8 + bytes.readUInt32LE(MAGIC_BYTES);
  if (bytes.readUInt32LE(0) !== MAGIC)
    throw new Error(`no zstd frame begins with ${bytes.toString('hex', 0, MAGIC_BYTES)}`);
  const descriptor = bytes.readUInt8(MAGIC_BYTES);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >>> 6;
  const contentSizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] ?? 0);
  let at =
    MAGIC_BYTES +
    1 +
    (isSingleSegment ? 0 : 1) +
    (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0) +
    contentSizeBytes;
  for (;;) {
    if (at + BLOCK_HEADER_BYTES > bytes.length) return at + BLOCK_HEADER_BYTES;
    const header = bytes.readUIntLE(at, BLOCK_HEADER_BYTES);
    const type = (header >>> 1) & 3;
    if (type === BLOCK_TYPE_RESERVED) throw new Error('a zstd block has the reserved type');
    at += BLOCK_HEADER_BYTES + (type === BLOCK_TYPE_RLE ? 1 : header >>> 3);
    if ((header & 1) === 1) break;
  }
  const hasChecksum = (descriptor & 4) !== 0;
  return at + (hasChecksum ? 4 : 0);
}
