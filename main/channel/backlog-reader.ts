import type { LandingKeySummary } from '../../shared/model/file-plan.ts';
import type { ChannelDatabase } from './channel-database.ts';
import { SUMMARY_COLUMNS, toSummary } from './landing-key-store.ts';

/**
 * Questions about the channel that only read: for control and audit, in a reader's thread over `openForReading`. Lists come by
 * the page: pass the last `id` of a page as `before` (newest first) or `after` (oldest first) to get the next one.
 */

/** No page is longer, whatever is asked for. */
export const LIST_ROWS_MAX = 1_000;

/** Backlog of every sink by landing key, chunks in plans not counted. */
export function backlogKeys(db: ChannelDatabase): LandingKeySummary[] {
  return db
    .prepare<[], Parameters<typeof toSummary>[0]>(
      `SELECT ${SUMMARY_COLUMNS} FROM landing_keys k WHERE k.chunks > 0 ORDER BY k.sink, k.id`,
    )
    .all()
    .map((row) => toSummary(row));
}

export interface Landing {
  readonly id: number;
  readonly fileId: string;
  readonly sink: string;
  readonly channel: string;
  readonly finalPath: string;
  readonly namespace: string;
  readonly codec: string;
  readonly bytes: number;
  readonly rawBytes: number;
  readonly events: number;
  readonly lines: number;
  readonly crc32c: number;
  readonly checksum: string | null;
  readonly checksumNote: string | null;
  readonly inode: string | null;
  readonly attempts: number;
  readonly plannedAtMs: number;
  readonly landedAtMs: number;
}

export interface LandingFilter {
  readonly sink?: string;
  readonly sinceMs?: number;
  readonly untilMs?: number;
  /** Only below this directory. */
  readonly directory?: string;
  /** Only rows with a smaller id: the next page. */
  readonly before?: number;
  readonly limit: number;
}

/** As `Landing` has them. */
export const LEDGER_COLUMNS = `id, file_id AS fileId, sink, channel, final_path AS finalPath, namespace, codec, bytes,
      raw_bytes AS rawBytes, events, lines, crc32c, checksum, checksum_note AS checksumNote, inode, attempts,
      planned_at_ms AS plannedAtMs, landed_at_ms AS landedAtMs`;

/** Landed files, newest first. */
export function landings(db: ChannelDatabase, filter: LandingFilter): Landing[] {
  const { sink, sinceMs, untilMs, directory, before, limit } = filter;
  return db
    .prepare<unknown[], Landing>(
      `SELECT ${LEDGER_COLUMNS}
      FROM ledger WHERE (@sink IS NULL OR sink = @sink) AND (@sinceMs IS NULL OR landed_at_ms >= @sinceMs)
      AND (@untilMs IS NULL OR landed_at_ms < @untilMs) AND (@before IS NULL OR id < @before)
      AND (@directory IS NULL OR directory = @directory OR substr(directory, 1, length(@directory) + 1) = @directory || '/')
      ORDER BY id DESC LIMIT @limit`,
    )
    .all({
      sink: sink ?? null,
      sinceMs: sinceMs ?? null,
      untilMs: untilMs ?? null,
      directory: directory ?? null,
      before: before ?? null,
      limit: bounded(limit),
    });
}

/** What one file holds of each partition. */
export interface LandingPart {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
  readonly first: number;
  readonly next: number;
  readonly events: number;
  readonly runs: Uint8Array;
}

export function landingParts(db: ChannelDatabase, fileId: string): LandingPart[] {
  return db
    .prepare<[string], LandingPart>(
      `SELECT p.source, p.topic, p.partition, p.incarnation, l.first, l.next, l.events, l.runs
      FROM ledger_parts l JOIN partitions p ON p.id = l.partition_id WHERE l.file_id = ? ORDER BY l.id`,
    )
    .all(fileId);
}

function bounded(limit: number): number {
  return Math.max(0, Math.min(limit, LIST_ROWS_MAX));
}
