import { execFile } from 'node:child_process';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const BYTES = 320 * 1024 * 1024;
/** The last bytes of a disk are taken in small pieces. */
const PIECES = [1024 * 1024, 4096];

/** A disk of its own for one gateway, small enough to be filled to the last byte. Only root may mount one. */
export class SmallDisk {
  readonly path: string;
  readonly #filler: string;

  private constructor(path: string) {
    this.path = path;
    this.#filler = join(path, 'filler');
  }

  static get isPossible(): boolean {
    return process.platform === 'linux' && process.getuid?.() === 0;
  }

  static async mount(path: string): Promise<SmallDisk> {
    await mkdir(path, { recursive: true });
    await run('mount', ['-t', 'tmpfs', '-o', `size=${BYTES},mode=700`, 'headgate-torture', path]);
    return new SmallDisk(path);
  }

  /** Until not a byte is left. Whatever the gateway frees meanwhile, it has. */
  async fill(): Promise<void> {
    const file = await open(this.#filler, 'a', 0o600);
    try {
      for (const size of PIECES) {
        const piece = Buffer.alloc(size);
        while ((await written(file.write(piece))) === size);
      }
    } finally {
      await file.close();
    }
  }

  async empty(): Promise<void> {
    await rm(this.#filler, { force: true });
  }

  /** Nobody may have a file open on it any more. */
  async unmount(): Promise<void> {
    await run('umount', [this.path]);
  }
}

/** How much was written before the disk was full. */
async function written(writing: Promise<{ readonly bytesWritten: number }>): Promise<number> {
  try {
    return (await writing).bytesWritten;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return 0;
    throw error;
  }
}
