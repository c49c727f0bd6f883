import assert from 'node:assert/strict';
import { join } from 'node:path';
import { crc32c } from '@node-rs/crc32';
import { GatewayError, isGatewayError } from '../../shared/errors.ts';
import type { PlannedChunk } from '../../shared/model/file-plan.ts';
import { CHANNEL_FILE, openForReading, wrapped } from './channel-database.ts';
import type { ChannelDatabase } from './channel-database.ts';

/** Gives the stored bytes of a chunk whose body is not on the disk; undefined: its body is lost. */
export type MemoryReader = (chunkId: number) => Promise<Uint8Array | undefined>;

/**
 * Reads bodies for uploads from a thread of its own: one connection, one short transaction a chunk, so that no reader ever
 * keeps the WAL from being emptied. Bodies in memory are the writer's to give. What is returned has the CRC that was computed before it was
 * written.
 */
export class ChannelChunkReader {
  readonly #db: ChannelDatabase;
  readonly #body;
  readonly #path: string;
  readonly #inMemory: MemoryReader;

  /** `directory` is the state directory; `inMemory` is needed where channels have bodies in memory. Throws `io-error`, `database-damaged`. */
  constructor(directory: string, inMemory: MemoryReader = noneInMemory) {
    this.#inMemory = inMemory;
    this.#path = join(directory, CHANNEL_FILE);
    this.#db = openForReading(this.#path);
    this.#body = this.#db.prepare<[number], { bodyId: number; bytes: Uint8Array | null }>(
      'SELECT c.body_id AS bodyId, b.bytes FROM chunks c LEFT JOIN chunk_bodies b ON b.id = c.body_id WHERE c.id = ?',
    );
  }

  /** The stored bytes exactly as they are at rest. Throws `chunk-damaged`; then `damagedChunk` sets it aside. */
  async read(chunk: PlannedChunk): Promise<Uint8Array> {
    const bytes = await this.#bytes(chunk);
    if (bytes.byteLength !== chunk.storedBytes) {
      throw this.#damaged(chunk, `it is ${bytes.byteLength} bytes long instead of ${chunk.storedBytes}`);
    }
    const found = crc32c(bytes);
    if (found !== chunk.crc32c)
      throw this.#damaged(chunk, `its CRC-32C is ${hex(found)} instead of ${hex(chunk.crc32c)}`);
    return bytes;
  }

  close(): void {
    this.#db.close();
  }

  async #bytes(chunk: PlannedChunk): Promise<Uint8Array> {
    try {
      const row = wrapped('read a chunk', this.#path, () => this.#body.get(chunk.chunkId));
      assert.ok(row !== undefined, `chunk ${chunk.chunkId} is gone: its plan is out of date`);
      const bytes = row.bodyId < 0 ? await this.#inMemory(chunk.chunkId) : row.bytes;
      if (bytes === undefined && row.bodyId < 0)
        throw this.#damaged(chunk, 'its body was in a memory that is gone');
      if (bytes === undefined || bytes === null) throw this.#damaged(chunk, 'its body is missing');
      return bytes;
    } catch (error) {
      // A page of this body, or one on the way to it: in either case exactly this chunk cannot be had.
      if (isGatewayError(error) && error.code === 'database-damaged')
        throw this.#damaged(chunk, error.message, error);
      throw error;
    }
  }

  #damaged(chunk: PlannedChunk, what: string, cause?: unknown): GatewayError {
    return new GatewayError({
      code: 'chunk-damaged',
      operation: 'read a chunk',
      place: `chunk ${chunk.chunkId} in ${this.#path}`,
      message: `The chunk is not what was stored: ${what}.`,
      retry: 'never',
      hint: 'It is set aside and the rest goes on; `headgate audit` names its offsets. Check the disk.',
      cause,
    });
  }
}

/** Where no channel has bodies in memory. */
export function noneInMemory(): Promise<undefined> {
  return Promise.resolve(undefined);
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
