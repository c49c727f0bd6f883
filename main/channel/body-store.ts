import type { ChannelDatabase } from './channel-database.ts';

/**
 * Bodies of chunks. Most have one holder, the chunk itself, and no row in `shared_bodies`; a body that several channels
 * share is counted there, and goes with its last holder.
 */
export class BodyStore {
  readonly #statements;

  constructor(db: ChannelDatabase) {
    this.#statements = {
      insert: db.prepare<[Uint8Array]>('INSERT INTO chunk_bodies (bytes) VALUES (?)'),
      share: db.prepare<[number]>(`INSERT INTO shared_bodies (body_id, holders) VALUES (?, 2)
        ON CONFLICT (body_id) DO UPDATE SET holders = holders + 1`),
      unshare: db.prepare<[number], { holders: number }>(
        'UPDATE shared_bodies SET holders = holders - 1 WHERE body_id = ? RETURNING holders',
      ),
      forgetShare: db.prepare<[number]>('DELETE FROM shared_bodies WHERE body_id = ?'),
      remove: db.prepare<[number]>('DELETE FROM chunk_bodies WHERE id = ?'),
    };
  }

  add(bytes: Uint8Array): number {
    return Number(this.#statements.insert.run(bytes).lastInsertRowid);
  }

  /** One more chunk holds the body. */
  share(bodyId: number): void {
    this.#statements.share.run(bodyId);
  }

  /** One holder less; without holders the body is deleted. */
  release(bodyId: number): void {
    const shared = this.#statements.unshare.get(bodyId);
    if (shared === undefined) {
      this.#statements.remove.run(bodyId);
    } else if (shared.holders === 1) {
      this.#statements.forgetShare.run(bodyId);
    }
  }
}
