import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openForReading } from '../../main/channel/channel-database.ts';

/** Damage as a bad disk does it: bytes within the body of a chunk are others, and nothing else of the database is. */
export interface DamagedChunk {
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
  readonly first: number;
  readonly next: number;
  readonly events: number;
}

interface ChunkRow extends DamagedChunk {
  readonly piece: Buffer;
}

/** Long enough to be found in one place only, short enough to lie within one page. */
const PIECE_BYTES = 48;

/** Of a stopped engine's channel: the chunks to be damaged, `every` n-th one in the order in which they came in. Its WAL must be empty. */
export function damageChunks(stateDir: string, every = 1): DamagedChunk[] {
  const file = join(stateDir, 'channel.sqlite');
  const db = openForReading(file);
  const rows = db
    .prepare<[number], ChunkRow>(
      `SELECT c.id, p.topic, p.partition, c.first, c.next, c.events, substr(b.bytes, length(b.bytes) / 2, ${PIECE_BYTES}) AS piece
      FROM chunks c JOIN chunk_bodies b ON b.id = c.body_id JOIN partitions p ON p.id = c.partition_id
      WHERE c.id % ? = 0 ORDER BY c.id`,
    )
    .all(every);
  db.close();
  return rows.map(({ piece, ...chunk }) => {
    // A page may end within the piece: then half of it stands by itself.
    if (
      !overwrite(file, piece) &&
      !overwrite(file, piece.subarray(0, 24)) &&
      !overwrite(file, piece.subarray(24))
    )
      throw new Error(`the body of chunk ${chunk.id} was not found`);
    return chunk;
  });
}

const WINDOW_BYTES = 8 * 1024 * 1024;

function overwrite(file: string, piece: Buffer): boolean {
  const descriptor = openSync(file, 'r+');
  try {
    const window = Buffer.alloc(WINDOW_BYTES);
    for (let from = 0; from < statSync(file).size; from += WINDOW_BYTES - PIECE_BYTES) {
      const bytes = readSync(descriptor, window, 0, WINDOW_BYTES, from);
      const at = window.subarray(0, bytes).indexOf(piece);
      if (at < 0) continue;
      const flipped = piece.map((byte) => byte ^ 0xff);
      writeSync(descriptor, flipped, 0, flipped.length, from + at);
      return true;
    }
    return false;
  } finally {
    closeSync(descriptor);
  }
}
