import type { ClaimCause, OpenClaim } from '../../shared/model/claim.ts';
import type { ChannelDatabase } from './channel-database.ts';
import { toFingerprint } from './fingerprint-columns.ts';
import type { FingerprintColumns } from './fingerprint-columns.ts';
import type { PartitionKey } from './tenure-store.ts';

export interface ClaimColumns {
  readonly id: number;
  readonly partition_id: number;
  readonly tenure_id: number;
  readonly channel: string;
  readonly first: number;
  readonly next: number;
  readonly events: number;
  readonly runs: Uint8Array;
  readonly cause: ClaimCause;
  readonly detail: string;
  readonly claimed_ms: number;
  readonly damaged_id: number | null;
  /** Of the tenure: offsets below it are accepted. */
  readonly accepted_to: number;
}

export interface OpenClaimColumns extends ClaimColumns, FingerprintColumns {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
  readonly cluster_id: string;
  readonly topic_id: string;
  readonly is_current: number;
}

/** The SQL of claim-store.ts. */
export function prepareClaimStatements(db: ChannelDatabase) {
  // CROSS JOIN keeps SQLite at the order of the tables: a few partitions, then the claims of each in offset order.
  const open = `SELECT c.*, t.accepted_to, t.fp_offset, t.fp_crc, t.fp_timestamp_ms, t.fp_leader_epoch,
    p.source, p.topic, p.partition, p.incarnation, p.cluster_id, p.topic_id, p.is_current
    FROM partitions p CROSS JOIN claims c ON c.partition_id = p.id CROSS JOIN tenures t ON t.id = c.tenure_id`;
  return {
    insert: db.prepare(`INSERT INTO claims
      (partition_id, tenure_id, channel, first, next, events, runs, cause, detail, claimed_ms, damaged_id)
      VALUES (@partitionId, @tenureId, @channel, @first, @next, @count, @bytes, @cause, @detail, @nowMs, @damagedId)`),
    row: db.prepare<[number], ClaimColumns>(
      'SELECT c.*, t.accepted_to FROM claims c JOIN tenures t ON t.id = c.tenure_id WHERE c.id = ?',
    ),
    open: db.prepare<[number], OpenClaimColumns>(`${open} WHERE c.id = ?`),
    page: db.prepare<unknown[], OpenClaimColumns>(`${open}
      WHERE p.source = @source AND (c.partition_id, c.first, c.id) > (@partitionId, @first, @id)
      AND c.next <= t.accepted_to ORDER BY c.partition_id, c.first, c.id LIMIT @limit`),
    oldest: db.prepare<PartitionKey, { claimed: number | null; inMemory: number | null }>(`SELECT
      (SELECT min(c.first) FROM claims c WHERE c.partition_id = p.id) AS claimed,
      (SELECT min(c.first) FROM chunks c INDEXED BY chunks_in_memory WHERE c.partition_id = p.id AND c.body_id < 0) AS inMemory
      FROM partitions p
      WHERE p.source = @source AND p.topic = @topic AND p.partition = @partition AND p.is_current = 1`),
    shrink: db.prepare(
      'UPDATE claims SET first = @first, next = @next, events = @count, runs = @bytes WHERE id = @id',
    ),
    remove: db.prepare<[number]>('DELETE FROM claims WHERE id = ?'),
    ofChunk: db.prepare<[number], { id: number }>(`SELECT c.id FROM damaged_chunks d
      JOIN claims c ON c.damaged_id = d.id WHERE d.chunk_id = ? ORDER BY c.first, c.id`),
    markLost: db.prepare<[number]>('UPDATE damaged_chunks SET is_lost = 1 WHERE id = ?'),
    settledDamage: db.prepare<[number], { body_id: number }>(`SELECT body_id FROM damaged_chunks d
      WHERE id = ? AND is_lost = 0 AND NOT EXISTS (SELECT 1 FROM claims WHERE damaged_id = d.id)`),
    forgetDamage: db.prepare<[number]>('DELETE FROM damaged_chunks WHERE id = ?'),
  };
}

export function toOpenClaim(row: OpenClaimColumns): OpenClaim {
  return {
    id: row.id,
    partitionId: row.partition_id,
    partition: {
      source: row.source,
      topic: row.topic,
      partition: row.partition,
      incarnation: row.incarnation,
    },
    clusterId: row.cluster_id,
    topicId: row.topic_id,
    isCurrent: row.is_current === 1,
    wereEvents: row.damaged_id !== null || row.cause === 'memory',
    fingerprint: toFingerprint(row),
    acceptedTo: row.accepted_to,
    channel: row.channel,
    runs: { first: row.first, next: row.next, count: row.events, bytes: row.runs },
    cause: row.cause,
    detail: row.detail,
    claimedMs: row.claimed_ms,
  };
}
