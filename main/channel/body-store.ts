import type { ChannelDatabase } from './channel-database.ts';
import type { MemoryBodies, MemoryBody } from './memory-bodies.ts';

/**
 * Bodies of chunks, on the disk or in memory (memory-bodies.ts: ids below zero). Most have one holder, the chunk itself, and no row in
 * `shared_bodies`; a body that several channels share is counted there, and goes with its last holder.
 */
export class BodyStore {
  readonly #statements;
  readonly #memory: MemoryBodies;

  constructor(db: ChannelDatabase, memory: MemoryBodies) {
    this.#memory = memory;
    this.#statements = {
      insert: db.prepare<[Uint8Array]>('INSERT INTO chunk_bodies (bytes) VALUES (?)'),
      share: db.prepare<[number]>(`INSERT INTO shared_bodies (body_id, holders) VALUES (?, 2)
        ON CONFLICT (body_id) DO UPDATE SET holders = holders + 1`),
      unshare: db.prepare<[number], { holders: number }>(
        'UPDATE shared_bodies SET holders = holders - 1 WHERE body_id = ? RETURNING holders',
      ),
      forgetShare: db.prepare<[number]>('DELETE FROM shared_bodies WHERE body_id = ?'),
      remove: db.prepare<[number]>('DELETE FROM chunk_bodies WHERE id = ?'),
      read: db.prepare<[number], { bytes: Uint8Array }>('SELECT bytes FROM chunk_bodies WHERE id = ?'),
      bodyOf: db.prepare<[number], { body_id: number }>('SELECT body_id FROM chunks WHERE id = ?'),
      // The second condition is what the index needs to be of use.
      moveChunks: db.prepare<[number, number]>(
        'UPDATE chunks SET body_id = ? WHERE body_id = ? AND body_id < 0',
      ),
      moveShare: db.prepare<[number, number]>('UPDATE shared_bodies SET body_id = ? WHERE body_id = ?'),
    };
  }

  add(bytes: Uint8Array): number {
    return Number(this.#statements.insert.run(bytes).lastInsertRowid);
  }

  /** Keeps it in memory; `hasRoomInMemory` says whether it may. */
  addToMemory(body: MemoryBody): number {
    return this.#memory.add(body);
  }

  hasRoomInMemory(channel: string, bytes: number): boolean {
    return this.#memory.hasRoom(channel, bytes);
  }

  /** The body of a chunk, wherever it is. Undefined: there is no such chunk, or its body is gone. */
  ofChunk(chunkId: number): Uint8Array | undefined {
    const row = this.#statements.bodyOf.get(chunkId);
    if (row === undefined) return undefined;
    return row.body_id < 0 ? this.#memory.read(row.body_id) : this.#statements.read.get(row.body_id)?.bytes;
  }

  /** True for a body that was in the memory of a process that is gone. */
  isLost(bodyId: number): boolean {
    return bodyId < 0 && !this.#memory.has(bodyId);
  }

  /** One more chunk holds the body. */
  share(bodyId: number): void {
    this.#statements.share.run(bodyId);
  }

  /** One holder less; without holders the body is deleted. */
  release(bodyId: number): void {
    const shared = this.#statements.unshare.get(bodyId);
    if (shared === undefined) {
      if (bodyId < 0) this.#memory.remove(bodyId);
      else this.#statements.remove.run(bodyId);
    } else if (shared.holders === 1) {
      this.#statements.forgetShare.run(bodyId);
    }
  }

  /** The id under which the body is on the disk; one in memory goes there, for all its chunks. Undefined: it is gone. */
  toDisk(bodyId: number): number | undefined {
    if (bodyId >= 0) return bodyId;
    const bytes = this.#memory.read(bodyId);
    if (bytes === undefined) return undefined;
    const onDisk = this.add(bytes);
    this.#statements.moveChunks.run(onDisk, bodyId);
    this.#statements.moveShare.run(onDisk, bodyId);
    this.#memory.remove(bodyId);
    return onDisk;
  }
}
