import assert from 'node:assert/strict';
import { join } from 'node:path';
import { crc32c } from '@node-rs/crc32';
import { GatewayError, isGatewayError } from '../../shared/errors.ts';
import type { PlannedChunk } from '../../shared/model/file-plan.ts';
import { CHANNEL_FILE, openForReading, wrapped } from './channel-database.ts';
import type { ChannelDatabase } from './channel-database.ts';

/**
 * Reads bodies for uploads from a thread of its own: one connection, one short transaction a chunk, so that no reader ever
 * keeps the WAL from being emptied. What is returned has the CRC that was computed before it was written.
 */
export class ChannelChunkReader {
  readonly #db: ChannelDatabase;
  readonly #body;
  readonly #path: string;

  /** `directory` is the state directory. Throws `io-error`, `database-damaged`. */
  constructor(directory: string) {
    this.#path = join(directory, CHANNEL_FILE);
    this.#db = openForReading(this.#path);
    this.#body = this.#db.prepare<[number], { bytes: Uint8Array | null }>(
      'SELECT b.bytes FROM chunks c LEFT JOIN chunk_bodies b ON b.id = c.body_id WHERE c.id = ?',
    );
  }

  /** The stored bytes exactly as they are at rest. Throws `chunk-damaged`; then `damagedChunk` sets it aside. */
  read(chunk: PlannedChunk): Uint8Array {
    const bytes = this.#bytes(chunk);
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

  #bytes(chunk: PlannedChunk): Uint8Array {
    try {
      const row = wrapped('read a chunk', this.#path, () => this.#body.get(chunk.chunkId));
      assert.ok(row !== undefined, `chunk ${chunk.chunkId} is gone: its plan is out of date`);
      if (row.bytes === null) throw this.#damaged(chunk, 'its body is missing');
      return row.bytes;
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

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
