import assert from 'node:assert/strict';
import type { LandingKeySummary } from '../../shared/model/file-plan.ts';
import type { LandingKey, OutputCodec } from '../../shared/model/landing-key.ts';
import { landingKeyText } from '../../shared/model/landing-key.ts';
import type { ChannelDatabase } from './channel-database.ts';

/** What some chunks of a key amount to. */
export interface ChunkSums {
  readonly chunks: number;
  readonly events: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
}

export interface LandingKeyColumns {
  readonly sink: string;
  readonly directory: string;
  readonly prefix: string;
  readonly suffix: string;
  readonly codec: string;
  readonly serializer: string;
  readonly version: number;
}

export interface LandingKeyRow extends LandingKeyColumns {
  readonly id: number;
  readonly channel: string;
  readonly bucket_end_ms: number | null;
  readonly chunks: number;
  readonly events: number;
  readonly raw_bytes: number;
  readonly stored_bytes: number;
  readonly newest_put_ms: number;
  readonly newest_event_ms: number;
}

export function toLandingKey(row: LandingKeyColumns): LandingKey {
  return {
    sink: row.sink,
    directory: row.directory,
    prefix: row.prefix,
    suffix: row.suffix,
    codec: row.codec as OutputCodec,
    serializer: row.serializer as LandingKey['serializer'],
    version: row.version,
  };
}

/**
 * Landing keys with the counters of what waits under them. The counters change in the transaction that changes the chunks, so
 * neither start-up nor a status question ever scans the backlog.
 */
export class LandingKeyStore {
  readonly #statements;

  constructor(db: ChannelDatabase) {
    this.#statements = prepare(db);
  }

  /** The row id of the key in this channel, made when it is new. */
  idOf(channel: string, key: LandingKey, bucketEndMs: number | undefined): number {
    const text = landingKeyText(key);
    const known = this.#statements.find.get(channel, text);
    if (known !== undefined) {
      if (bucketEndMs !== undefined && bucketEndMs !== known.bucket_end_ms) {
        this.#statements.setBucketEnd.run(bucketEndMs, known.id);
      }
      return known.id;
    }
    const made = this.#statements.insert.run({ ...key, channel, text, bucketEndMs: bucketEndMs ?? null });
    return Number(made.lastInsertRowid);
  }

  get(id: number): LandingKeyRow | undefined {
    return this.#statements.get.get(id);
  }

  /** Counts chunks that came in. */
  add(id: number, sums: ChunkSums, newest: { readonly putMs: number; readonly eventMs: number }): void {
    this.#statements.add.run({ id, ...sums, ...newest });
  }

  /** Counts chunks that a plan took or a rejection removed; the row goes when nothing needs it. */
  subtract(id: number, sums: ChunkSums): void {
    const left = this.#statements.subtract.get({ id, ...sums });
    assert.ok(
      left !== undefined && left.chunks >= 0 && left.events >= 0,
      `landing key ${id} counts below zero`,
    );
    assert.ok(
      left.chunks > 0 || (left.events === 0 && left.raw_bytes === 0),
      `landing key ${id} counts events of no chunk`,
    );
  }

  /** Counts chunks again that a plan gave back; when the newest of them came in is known still. */
  restore(id: number, sums: ChunkSums): void {
    assert.equal(this.#statements.restore.run({ id, ...sums }).changes, 1, `landing key ${id} is missing`);
  }

  /** Removes the key when neither a chunk nor a plan refers to it. */
  removeWhenUnused(id: number): void {
    this.#statements.remove.run({ id });
  }

  summaries(sink: string): LandingKeySummary[] {
    return this.#statements.waiting.all(sink).map((row) => toSummary(row));
  }
}

interface WaitingRow extends LandingKeyRow {
  readonly oldest_put_ms: number;
  readonly oldest_event_ms: number;
}

export function toSummary(row: WaitingRow): LandingKeySummary {
  return {
    id: row.id,
    key: toLandingKey(row),
    channel: row.channel,
    events: row.events,
    rawBytes: row.raw_bytes,
    storedBytes: row.stored_bytes,
    oldestPutMs: row.oldest_put_ms,
    newestPutMs: row.newest_put_ms,
    oldestEventMs: row.oldest_event_ms,
    newestEventMs: row.newest_event_ms,
    bucketEndMs: row.bucket_end_ms ?? undefined,
  };
}

/** One seek each for the two oldest times: both have their own partial index. */
export const SUMMARY_COLUMNS = `k.*,
  (SELECT min(c.put_ms) FROM chunks c WHERE c.landing_key_id = k.id AND c.plan_id IS NULL) AS oldest_put_ms,
  (SELECT min(c.oldest_event_ms) FROM chunks c WHERE c.landing_key_id = k.id AND c.plan_id IS NULL) AS oldest_event_ms`;

function prepare(db: ChannelDatabase) {
  return {
    find: db.prepare<[string, string], { id: number; bucket_end_ms: number | null }>(
      'SELECT id, bucket_end_ms FROM landing_keys WHERE channel = ? AND key_text = ?',
    ),
    setBucketEnd: db.prepare<[number, number]>('UPDATE landing_keys SET bucket_end_ms = ? WHERE id = ?'),
    insert: db.prepare(`INSERT INTO landing_keys
      (channel, key_text, sink, directory, prefix, suffix, codec, serializer, version, bucket_end_ms,
       chunks, events, raw_bytes, stored_bytes, newest_put_ms, newest_event_ms)
      VALUES (@channel, @text, @sink, @directory, @prefix, @suffix, @codec, @serializer, @version, @bucketEndMs, 0, 0, 0, 0, 0, 0)`),
    get: db.prepare<[number], LandingKeyRow>('SELECT * FROM landing_keys WHERE id = ?'),
    // The newest times begin anew when the key was empty.
    add: db.prepare(`UPDATE landing_keys SET
      newest_put_ms = CASE chunks WHEN 0 THEN @putMs ELSE max(newest_put_ms, @putMs) END,
      newest_event_ms = CASE chunks WHEN 0 THEN @eventMs ELSE max(newest_event_ms, @eventMs) END,
      chunks = chunks + @chunks, events = events + @events,
      raw_bytes = raw_bytes + @rawBytes, stored_bytes = stored_bytes + @storedBytes WHERE id = @id`),
    subtract: db.prepare<
      unknown[],
      { chunks: number; events: number; raw_bytes: number }
    >(`UPDATE landing_keys SET
      chunks = chunks - @chunks, events = events - @events,
      raw_bytes = raw_bytes - @rawBytes, stored_bytes = stored_bytes - @storedBytes WHERE id = @id
      RETURNING chunks, events, raw_bytes`),
    restore: db.prepare(`UPDATE landing_keys SET
      chunks = chunks + @chunks, events = events + @events,
      raw_bytes = raw_bytes + @rawBytes, stored_bytes = stored_bytes + @storedBytes WHERE id = @id`),
    remove: db.prepare(`DELETE FROM landing_keys WHERE id = @id AND chunks = 0
      AND NOT EXISTS (SELECT 1 FROM plans WHERE landing_key_id = @id)`),
    waiting: db.prepare<[string], WaitingRow>(
      `SELECT ${SUMMARY_COLUMNS} FROM landing_keys k WHERE k.sink = ? AND k.chunks > 0 ORDER BY k.id`,
    ),
  };
}
