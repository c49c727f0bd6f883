/**
 * Bodies of chunks that are in this process's memory and not on the disk: what makes a channel a memory or a spillable one
 * (exactly-once.md §2).
 *
 * Promise: an event whose body is in memory lands once, like any other, as long as its source still has it when the process dies.
 *
 * 1. The chunk's row is in the database as every chunk's is, with its exact offsets, counts and CRC; only its `body_id` is below zero. While
 *    its process lives the row is a chunk; when the process is gone it is what is known of it: a claim (lost-bodies.ts). So plans, ledger,
 *    held puts, the fence and the audit know nothing of memory.
 * 2. Bodies stand in an SQLite database of their own, attached to the writer's connection and kept in memory. So a put, a landing or a put
 *    that is refused changes rows and bodies in one transaction, and a rollback takes back both.
 * 3. A body goes to the disk in the transaction that changes its chunks' `body_id`: at each moment it is in one place.
 * 4. A channel's bodies never take more than its `capacityBytes`: what finds no room goes to the disk. Whether intake waits as well is the
 *    channel's kind (`stopsIntake`).
 * 5. What is pulled again, and what comes back from quarantine, goes to the disk, whatever the channel: so a second crash costs nothing again,
 *    and an engine that dies over and over still comes to an end of it. What came back from quarantine may be older than anything its
 *    source still has.
 * 6. Ids are not used again while a row has them: a file whose rename is in doubt keeps its rows, and these name bodies that are gone.
 *
 * Crash argument: with the process, or with its connection, all bodies are gone and no row is. A row with a body id below zero in a
 * database that is being opened is therefore of a body that nobody has, without further proof. Before a put's commit neither row nor body
 * was there; after it the row is, and opening makes it a claim. Before the commit of a step to the disk the row is as before; after it the row
 * names a body on the disk. A file of such chunks that was renamed needs no body: landing looks for it and books it.
 */
import type { ChannelDatabase } from './channel-database.ts';
import { MEMORY_BODY_OVERHEAD_BYTES, PAGE_BYTES } from './channel-limits.ts';

/** How a channel uses memory. */
export interface MemoryUse {
  /** Bytes at rest that its bodies may take in memory. */
  readonly capacityBytes: number;
  /** True: at its capacity intake waits. False: what finds no room goes to the disk, and intake goes on. */
  readonly stopsIntake: boolean;
  /** A body that is in memory for longer goes to the disk; undefined: it stays. */
  readonly spillAfterMs: number | undefined;
}

/** By the name of the channel; those that are not named have all their bodies on the disk. */
export type MemoryUses = Readonly<Record<string, MemoryUse>>;

export interface MemoryBody {
  readonly channel: string;
  readonly bytes: Uint8Array;
  readonly nowMs: number;
}

export class MemoryBodies {
  readonly uses: MemoryUses;
  readonly #statements;
  #lastId: number;

  /** Attaches the memory; throws when the connection has one already. */
  constructor(db: ChannelDatabase, uses: MemoryUses) {
    this.uses = uses;
    db.exec(`ATTACH DATABASE ':memory:' AS memory`);
    db.pragma(`memory.page_size = ${PAGE_BYTES}`);
    db.exec(`CREATE TABLE memory.bodies (id INTEGER PRIMARY KEY, channel TEXT NOT NULL, put_ms INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
      CREATE INDEX memory.bodies_by_age ON bodies (channel, put_ms, id);
      CREATE TABLE memory.used (channel TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;`);
    this.#statements = prepare(db);
    this.#lastId = -(this.#statements.lowest.get()?.id ?? 0);
  }

  /** Whether a body of the channel may stay in memory. */
  hasRoom(channel: string, bytes: number): boolean {
    const use = this.uses[channel];
    return use !== undefined && this.usedBytes(channel) + weight(bytes) <= use.capacityBytes;
  }

  usedBytes(channel: string): number {
    return this.#statements.used.get(channel)?.bytes ?? 0;
  }

  /** Gives its body id, below zero. */
  add({ channel, bytes, nowMs }: MemoryBody): number {
    const id = ++this.#lastId;
    this.#statements.insert.run({ id, channel, bytes, nowMs });
    this.#statements.use.run({ channel, bytes: weight(bytes.byteLength) });
    return -id;
  }

  has(bodyId: number): boolean {
    return this.#statements.length.get(-bodyId) !== undefined;
  }

  read(bodyId: number): Uint8Array | undefined {
    return this.#statements.read.get(-bodyId)?.bytes;
  }

  /** Does nothing for a body that a process before this one had. */
  remove(bodyId: number): void {
    const row = this.#statements.length.get(-bodyId);
    if (row === undefined) return;
    this.#statements.use.run({ channel: row.channel, bytes: -weight(row.bytes) });
    this.#statements.remove.run(-bodyId);
  }

  /** The oldest body of the channel that was put at this time or before. */
  oldest(
    channel: string,
    putBeforeMs: number,
  ): { readonly bodyId: number; readonly bytes: number } | undefined {
    const row = this.#statements.oldest.get(channel, putBeforeMs);
    return row === undefined ? undefined : { bodyId: -row.id, bytes: row.bytes };
  }
}

/** A small body takes more than its bytes. */
function weight(bytes: number): number {
  return bytes + MEMORY_BODY_OVERHEAD_BYTES;
}

function prepare(db: ChannelDatabase) {
  return {
    lowest: db.prepare<[], { id: number | null }>(
      'SELECT min(body_id) AS id FROM chunks INDEXED BY chunks_by_memory_body WHERE body_id < 0',
    ),
    insert: db.prepare(
      'INSERT INTO memory.bodies (id, channel, put_ms, bytes) VALUES (@id, @channel, @nowMs, @bytes)',
    ),
    use: db.prepare(`INSERT INTO memory.used (channel, bytes) VALUES (@channel, @bytes)
      ON CONFLICT (channel) DO UPDATE SET bytes = bytes + excluded.bytes`),
    used: db.prepare<[string], { bytes: number }>('SELECT bytes FROM memory.used WHERE channel = ?'),
    length: db.prepare<[number], { channel: string; bytes: number }>(
      'SELECT channel, length(bytes) AS bytes FROM memory.bodies WHERE id = ?',
    ),
    read: db.prepare<[number], { bytes: Uint8Array }>('SELECT bytes FROM memory.bodies WHERE id = ?'),
    remove: db.prepare<[number]>('DELETE FROM memory.bodies WHERE id = ?'),
    oldest: db.prepare<[string, number], { id: number; bytes: number }>(
      'SELECT id, length(bytes) AS bytes FROM memory.bodies WHERE channel = ? AND put_ms <= ? ORDER BY put_ms, id LIMIT 1',
    ),
  };
}
