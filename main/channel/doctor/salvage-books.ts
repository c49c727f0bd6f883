import { landingKeyText } from '../../../shared/model/landing-key.ts';
import type { Channel } from '../channel.ts';
import type { ChannelDatabase } from '../channel-database.ts';
import { chunkFault } from '../chunk-fault.ts';
import { toLandingKey } from '../landing-key-store.ts';
import type { LandingKeyColumns } from '../landing-key-store.ts';
import { readable } from './row-salvage.ts';
import { unexplainedOffsets } from './unexplained-offsets.ts';

export interface SettleOptions {
  readonly old: ChannelDatabase;
  readonly nowMs: number;
  readonly onProgress: (step: string, done: number, total: number) => void;
}

export interface SettledCopies {
  readonly chunks: number;
  readonly events: number;
  readonly damagedChunks: number;
  readonly claimedEvents: number;
}

interface ChunkRow {
  readonly id: number;
  readonly body_id: number;
  readonly landing_key_id: number;
  readonly events: number;
  readonly storedBytes: number;
  readonly crc32c: number;
  readonly isPlanned: number;
}

const IN_MEMORY = 'it was in the memory of the engine that died';
const UNREAD = 'SQLite can’t read its body';
const SPOILT_KEY = 'the directory it goes to can’t be read';

/**
 * Files whose rename may have been asked for, and of whose chunks some could not be read: what they hold can't be told without HDFS. With
 * one of these the copy is of no use.
 */
export function undecidedFiles(fresh: ChannelDatabase): string[] {
  return fresh
    .prepare<[], string>(
      `SELECT 'the chunks of file ' || p.file_id || ', which may be in place' FROM plans p LEFT JOIN chunks c ON c.plan_id = p.id
      WHERE p.state <> 'planned' GROUP BY p.id HAVING coalesce(sum(c.events), 0) <> p.events`,
    )
    .pluck()
    .all();
}

/** Brings the bodies, sets aside what has none, makes what is counted agree with what is there, and claims what has no fate. */
export function settleCopies(channel: Channel, { old, nowMs, onProgress }: SettleOptions): SettledCopies {
  const { db } = channel;
  dissolvePlans(db, nowMs);
  countAnew(db);
  const bodies = new BodyCopies(old, db);
  const spoilt = spoiltKeys(db);
  const sums = { chunks: 0, events: 0, damagedChunks: 0, claimedEvents: 0 };
  const rows = db
    .prepare<[], ChunkRow>(
      `SELECT id, body_id, landing_key_id, events, stored_bytes AS storedBytes, crc32c, plan_id IS NOT NULL AS isPlanned FROM chunks ORDER BY id`,
    )
    .all();
  for (const [index, row] of rows.entries()) {
    onProgress('bodies of chunks', index, rows.length);
    db.transaction(() => {
      const reason = bodies.copy(row) ?? (spoilt.has(row.landing_key_id) ? SPOILT_KEY : undefined);
      if (reason === undefined || row.isPlanned === 1) {
        sums.chunks++;
        sums.events += row.events;
        return;
      }
      sums.damagedChunks++;
      if (channel.damage.setAsideWaiting({ id: row.id, reason, nowMs }) === undefined) forget(db, row.id);
      else sums.claimedEvents += row.events;
      channel.totals.flush();
    })();
  }
  bodies.copyOthers();
  countAnew(db);
  sums.claimedEvents += claimUnexplained(channel, nowMs);
  return sums;
}

/** Landing keys whose columns do not agree with their own text: their chunks would land in a wrong place. */
function spoiltKeys(db: ChannelDatabase): ReadonlySet<number> {
  const rows = db
    .prepare<[], LandingKeyColumns & { id: number; key_text: string }>('SELECT * FROM landing_keys')
    .all();
  return new Set(
    rows.filter((row) => landingKeyText(toLandingKey(row)) !== row.key_text).map(({ id }) => id),
  );
}

/** A chunk of a put that is not accepted: its offsets are claimed with the others that have no fate, and go with their put. */
function forget(db: ChannelDatabase, id: number): void {
  db.prepare('DELETE FROM chunks WHERE id = ?').run(id);
}

/** Claims what no row speaks of; gives how many events. */
function claimUnexplained({ db, claims, totals }: Channel, nowMs: number): number {
  const missing = [...unexplainedOffsets(db)];
  const detail = 'could not be read when the database was salvaged';
  let events = 0;
  db.transaction(() => {
    for (const { partitionId, tenureId, channel, runs } of missing) {
      claims.add({ channel, runs, cause: 'damaged-chunk', detail }, { partitionId, tenureId, nowMs });
      events += runs.count;
    }
    totals.flush();
  })();
  return events;
}

/** Files that were planned and never renamed are planned anew from what is left; their temp names go to the janitor. */
function dissolvePlans(db: ChannelDatabase, nowMs: number): void {
  db.transaction(() => {
    db.prepare(
      `UPDATE attempts SET state = 'abandoned', abandoned_at_ms = ? WHERE state IN ('started', 'uploaded')
      AND file_id IN (SELECT file_id FROM plans WHERE state = 'planned')`,
    ).run(nowMs);
    db.exec(`UPDATE chunks SET plan_id = NULL WHERE plan_id IN (SELECT id FROM plans WHERE state = 'planned');
      DELETE FROM plans WHERE state = 'planned'`);
  })();
}

/** Everything that is written twice: counters of landing keys and of quarantine, and who holds which body. */
function countAnew(db: ChannelDatabase): void {
  const waiting = 'FROM chunks c WHERE c.landing_key_id = landing_keys.id AND c.plan_id IS NULL';
  db.exec(`BEGIN;
    UPDATE landing_keys SET chunks = (SELECT count(*) ${waiting}), events = (SELECT coalesce(sum(c.events), 0) ${waiting}),
      raw_bytes = (SELECT coalesce(sum(c.raw_bytes), 0) ${waiting}), stored_bytes = (SELECT coalesce(sum(c.stored_bytes), 0) ${waiting});
    DELETE FROM landing_keys WHERE chunks = 0 AND NOT EXISTS (SELECT 1 FROM plans WHERE landing_key_id = landing_keys.id);
    DELETE FROM quarantine_bodies WHERE id NOT IN (SELECT id FROM quarantine WHERE state = 'waiting');
    DELETE FROM quarantine WHERE state = 'waiting' AND id NOT IN (SELECT id FROM quarantine_bodies);
    DELETE FROM quarantine_counts;
    INSERT INTO quarantine_counts (partition_id, channel, state, events)
      SELECT partition_id, coalesce(channel, ''), state, count(*) FROM quarantine GROUP BY 1, 2, 3;
    DELETE FROM totals WHERE name IN ('quarantine.retried', 'quarantine.dropped');
    INSERT INTO totals (name, value) SELECT 'quarantine.' || state, sum(events) FROM quarantine_counts WHERE state <> 'waiting' GROUP BY state;
    DELETE FROM shared_bodies;
    INSERT INTO shared_bodies (body_id, holders) SELECT body_id, count(*) FROM (SELECT body_id FROM chunks
      UNION ALL SELECT body_id FROM retained_chunks UNION ALL SELECT body_id FROM damaged_chunks) GROUP BY 1 HAVING count(*) > 1;
    COMMIT`);
}

class BodyCopies {
  readonly #read;
  readonly #write;
  readonly #fresh: ChannelDatabase;

  constructor(old: ChannelDatabase, fresh: ChannelDatabase) {
    this.#fresh = fresh;
    this.#read = old.prepare<[number], Buffer>('SELECT bytes FROM chunk_bodies WHERE id = ?').pluck();
    this.#write = fresh.prepare<[number, Uint8Array]>(
      'INSERT OR IGNORE INTO chunk_bodies (id, bytes) VALUES (?, ?)',
    );
  }

  /** Bytes that are not what was stored come along as well, for the doctor. Gives what is wrong with them. */
  copy(row: ChunkRow): string | undefined {
    if (row.body_id < 0) return IN_MEMORY;
    const bytes = readable(() => this.#read.get(row.body_id));
    const isWhole = bytes !== 'damaged' && bytes?.length === row.storedBytes;
    // Of a file that may be in place the row counts, and its body is as long as it says.
    this.#write.run(row.body_id, isWhole ? bytes : Buffer.alloc(row.storedBytes));
    return bytes === 'damaged' ? UNREAD : chunkFault(row, () => bytes);
  }

  /** Of files that have landed, and of chunks that were set aside before. */
  copyOthers(): void {
    const fresh = this.#fresh;
    const of = (table: string): { id: number; body_id: number }[] =>
      fresh.prepare<[], { id: number; body_id: number }>(`SELECT rowid AS id, body_id FROM ${table}`).all();
    for (const { body_id: bodyId } of of('damaged_chunks')) {
      const bytes = readable(() => this.#read.get(bodyId));
      if (bytes !== 'damaged' && bytes !== undefined) this.#write.run(bodyId, bytes);
    }
    for (const { id, body_id: bodyId } of of('retained_chunks')) {
      const bytes = readable(() => this.#read.get(bodyId));
      if (bytes !== 'damaged' && bytes !== undefined) this.#write.run(bodyId, bytes);
      else fresh.prepare('DELETE FROM retained_chunks WHERE chunk_id = ?').run(id);
    }
  }
}
