import { randomFillSync } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { BALLAST_STEP_BYTES } from './channel-limits.ts';

/**
 * A file that only takes room. When the disk is full all the same, it is deleted, and landing has room to write its books with,
 * which in turn makes room. It is filled with random bytes, as some file systems keep no blocks for zeros, and grown in
 * steps, so that nobody waits for it.
 */
export class Ballast {
  readonly #path: string;
  readonly #bytes: number;

  constructor(directory: string, bytes: number) {
    this.#path = join(directory, 'ballast');
    this.#bytes = bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Room that the next `grow` takes; 0: it is complete. */
  get nextStepBytes(): number {
    return Math.max(0, Math.min(BALLAST_STEP_BYTES, this.#bytes - this.#size()));
  }

  /** Gives the room back to the disk. */
  free(): void {
    rmSync(this.#path, { force: true });
  }

  /** Adds one step. A full disk is no fault here: the ballast stays as large as it got. */
  grow(): void {
    const step = this.nextStepBytes;
    if (step === 0) return;
    const block = randomFillSync(Buffer.allocUnsafe(step));
    const descriptor = openSync(this.#path, 'a', 0o600);
    try {
      writeSync(descriptor, block);
      fsyncSync(descriptor);
    } catch (error) {
      if (!(error instanceof Error) || Reflect.get(error, 'code') !== 'ENOSPC') throw error;
    } finally {
      closeSync(descriptor);
    }
  }

  #size(): number {
    return existsSync(this.#path) ? statSync(this.#path).size : 0;
  }
}
