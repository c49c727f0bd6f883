import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';

import { GatewayError, isGatewayError } from '../../shared/errors.ts';
import type { FilePlan, PlannedChunk } from '../../shared/model/file-plan.ts';
import type { OutputCodec } from '../../shared/model/landing-key.ts';
import type { CrashPoint } from '../telemetry/crash-point.ts';
import type { ChunkReader } from './landing-store.ts';

export interface UploadStreamOptions {
  readonly reader: ChunkReader;
  readonly crashPoint: (name: CrashPoint) => void;
}

/** A chunk that turned out damaged while it was being read. */
export interface DamagedChunk {
  readonly chunkId: number;
  readonly reason: string;
}

/**
 * A planned file's bytes, chunk by chunk.
 *
 * Where the file is compressed, chunks are stored in its codec and go out as they are: gzip members (RFC 1952 §2.2) and zstd
 * frames (RFC 8878 §3) may stand one after the other. Where it is plain, each chunk is unpacked on its own, in libuv's threads.
 * While one chunk is on its way out the next is read and unpacked: at most these two are held, and other uploads and messages get
 * their turn between two chunks.
 *
 * A chunk that does not match its checksum ends the stream with `chunk-damaged`, and `damaged` names it: the target may have
 * wrapped the error on its way.
 */
export class UploadStream {
  readonly #plan: FilePlan;
  readonly #options: UploadStreamOptions;
  #bytesSent = 0;
  #damaged: DamagedChunk | undefined;
  #isTaken = false;

  constructor(plan: FilePlan, options: UploadStreamOptions) {
    assertLength(plan);
    this.#plan = plan;
    this.#options = options;
  }

  /** Bytes that the target has taken so far. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  get damaged(): DamagedChunk | undefined {
    return this.#damaged;
  }

  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#isTaken) throw new Error('the pieces of an upload may be asked for once only');
    this.#isTaken = true;
    let isFirst = true;
    const { chunks } = this.#plan;
    let next = this.#readAhead(chunks[0]);
    for (let at = 0; next !== undefined; at++) {
      const bytes = await next;
      next = this.#readAhead(chunks[at + 1]);
      if (isFirst) {
        // The first chunk goes out in two halves, so that a test can die in the middle of a file of one chunk.
        isFirst = false;
        const half = bytes.length >> 1;
        if (half > 0) yield* this.#send(bytes.subarray(0, half));
        this.#options.crashPoint('land.mid-upload');
        yield* this.#send(bytes.subarray(half));
      } else {
        yield* this.#send(bytes);
      }
      await nextTurn();
    }
  }

  *#send(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    yield piece;
    this.#bytesSent += piece.length;
  }

  #readAhead(chunk: PlannedChunk | undefined): Promise<Uint8Array> | undefined {
    if (chunk === undefined) return undefined;
    const bytes = this.#read(chunk);
    // It is waited for when its turn comes; until then, or when the upload ends before, nobody else hears of a failure.
    bytes.catch(isHeardLater);
    return bytes;
  }

  async #read(chunk: PlannedChunk): Promise<Uint8Array> {
    try {
      return await chunkForFile(chunk, await this.#options.reader.read(chunk), this.#plan.landingKey.codec);
    } catch (error) {
      if (isGatewayError(error) && error.code === 'chunk-damaged') {
        this.#damaged = { chunkId: chunk.chunkId, reason: error.message };
      }
      throw error;
    }
  }
}

/** Bytes of a chunk as they will stand in a file of this codec. */
export function chunkFileBytes(chunk: PlannedChunk, codec: OutputCodec): number {
  return codec === 'none' ? chunk.rawBytes : chunk.storedBytes;
}

async function chunkForFile(
  chunk: PlannedChunk,
  stored: Uint8Array,
  codec: OutputCodec,
): Promise<Uint8Array> {
  if (stored.length !== chunk.storedBytes) {
    throw damagedError(chunk, `it has ${stored.length} stored bytes, not ${chunk.storedBytes}`);
  }
  if (chunk.codec === codec) return stored;
  // The length of a file that would have to be compressed here can't be known beforehand; the channel never makes such chunks.
  if (codec !== 'none') throw new Error(`a ${chunk.codec} chunk can't stand in a ${codec} file`);
  const unpacked = await unpack(chunk, stored);
  if (unpacked.length !== chunk.rawBytes) {
    throw damagedError(chunk, `it unpacks to ${unpacked.length} bytes, not ${chunk.rawBytes}`);
  }
  return unpacked;
}

/** Of node:zlib. */
const CHUNK_SIZE_MIN = 64;

interface ZlibLimits {
  readonly maxOutputLength: number;
  readonly chunkSize: number;
}

const unzip = promisify<Uint8Array, ZlibLimits, Buffer>(gunzip);
const unzstd = promisify<Uint8Array, ZlibLimits, Buffer>(zstdDecompress);

async function unpack(chunk: PlannedChunk, stored: Uint8Array): Promise<Uint8Array> {
  // One byte of room more than needed: a chunk that is too long is found by its length, not by an odd error.
  const limit = chunk.rawBytes + 1;
  // All of it in one step of a thread; the default of 16 KiB would hand it over in 64.
  const options = { maxOutputLength: limit, chunkSize: Math.max(limit, CHUNK_SIZE_MIN) };
  try {
    return await (chunk.codec === 'gzip' ? unzip(stored, options) : unzstd(stored, options));
  } catch (error) {
    throw damagedError(chunk, 'it cannot be unpacked', error);
  }
}

function damagedError(chunk: PlannedChunk, what: string, cause?: unknown): GatewayError {
  return new GatewayError({
    code: 'chunk-damaged',
    operation: 'read a chunk for its file',
    place: `chunk ${chunk.chunkId}`,
    message: `Chunk ${chunk.chunkId} is damaged: ${what}.`,
    retry: 'never',
    hint: 'It is set aside; `headgate audit` names its offsets. Check the disk.',
    cause,
  });
}

function assertLength(plan: FilePlan): void {
  const { codec } = plan.landingKey;
  const bytes = plan.chunks.reduce((sum, chunk) => sum + chunkFileBytes(chunk, codec), 0);
  if (bytes !== plan.expectedBytes || plan.chunks.length === 0) {
    throw new Error(
      `plan ${plan.fileId} expects ${plan.expectedBytes} bytes, its ${plan.chunks.length} chunks give ${bytes}`,
    );
  }
}

function isHeardLater(): void {
  // Nothing to do: the promise itself keeps the failure.
}
