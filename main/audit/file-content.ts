import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip, zstdDecompress } from 'node:zlib';
import { crc32c } from '@node-rs/crc32';
import { isGatewayError } from '../../shared/errors.ts';
import { FRAME_RAW_BYTES_MAX, FRAME_STORED_BYTES_MAX } from './audit-limits.ts';
import { ZstdFrameCutter } from './zstd-frames.ts';

/** What reading a whole file said; of `fault` why its content could not be decoded to the end. */
export interface FileContent {
  readonly storedBytes: number;
  /** CRC-32C of the stored bytes, unsigned. */
  readonly crc32c: number;
  readonly rawBytes: number;
  /** Newline bytes in the decoded content. */
  readonly lines: number;
  readonly fault: string | undefined;
}

const NEWLINE = 10;
const decodeFrame = promisify(zstdDecompress);

/**
 * Reads a file to its end, one piece at a time, and decodes it. The stored bytes are summed to the end even when the content
 * turns out undecodable. Throws GatewayError when the bytes cannot be had (they are the target's), and the signal's reason.
 */
export async function readContent(file: Readable, codec: string, signal: AbortSignal): Promise<FileContent> {
  const stored = { bytes: 0, crc: 0 };
  const raw = new LineCount();
  async function* tapped(): AsyncGenerator<Uint8Array> {
    for await (const piece of file as AsyncIterable<Uint8Array>) {
      signal.throwIfAborted();
      stored.bytes += piece.byteLength;
      stored.crc = crc32c(piece, stored.crc);
      yield piece;
    }
  }
  const pieces = tapped();
  let fault: string | undefined;
  try {
    await decode(keptOpen(pieces), codec, raw);
  } catch (error) {
    fault = contentFault(error, signal);
    for await (const _ of pieces) signal.throwIfAborted();
  } finally {
    file.destroy();
  }
  return { storedBytes: stored.bytes, crc32c: stored.crc, rawBytes: raw.bytes, lines: raw.lines, fault };
}

/** A decoder that gives up returns its source; this one goes on being read for its checksum. */
function keptOpen(pieces: AsyncGenerator<Uint8Array>): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => ({ next: () => pieces.next() }) };
}

async function decode(pieces: AsyncIterable<Uint8Array>, codec: string, raw: LineCount): Promise<void> {
  switch (codec) {
    case 'none':
      for await (const piece of pieces) raw.add(piece);
      return;
    case 'gzip':
      // Members one after the other are one content to zlib, and the last one must be whole (tried).
      await pipeline(pieces, createGunzip(), async (decoded: AsyncIterable<Uint8Array>) => {
        for await (const piece of decoded) raw.add(piece);
      });
      return;
    case 'zstd':
      await decodeZstd(pieces, raw);
      return;
    default:
      throw new RangeError(`the codec ${codec} is not known to this version`);
  }
}

async function decodeZstd(pieces: AsyncIterable<Uint8Array>, raw: LineCount): Promise<void> {
  const cutter = new ZstdFrameCutter(FRAME_STORED_BYTES_MAX);
  for await (const piece of pieces) {
    for (const frame of cutter.push(piece))
      raw.add(await decodeFrame(frame, { maxOutputLength: FRAME_RAW_BYTES_MAX }));
  }
  cutter.finish();
}

/** What the decoder says of the content; anything else is thrown on. */
function contentFault(error: unknown, signal: AbortSignal): string {
  if (signal.aborted || isGatewayError(error) || !(error instanceof Error)) throw error;
  const code: unknown = Reflect.get(error, 'code');
  const isOfContent =
    error instanceof RangeError ||
    (typeof code === 'string' && /^(Z|ZSTD|ERR_ZSTD|ERR_ZLIB|ERR_BUFFER)_/.test(code));
  if (!isOfContent) throw error;
  return error.message;
}

/** Counts bytes and newlines of decoded content. */
class LineCount {
  bytes = 0;
  lines = 0;

  add(piece: Uint8Array): void {
    this.bytes += piece.byteLength;
    let lines = 0;
    for (let at = 0; at < piece.length; at++) if (piece[at] === NEWLINE) lines++;
    this.lines += lines;
  }
}
