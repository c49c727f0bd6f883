import { chunkFault, chunkOffsets } from '../channel/chunk-fault.ts';
import type { AuditContext } from './partition-audit.ts';

interface ChunkRow {
  readonly id: number;
  readonly bodyId: number;
  readonly channel: string;
  readonly topic: string;
  readonly partition: number;
  readonly first: number;
  readonly next: number;
  readonly storedBytes: number;
  readonly crc32c: number;
  readonly runs: Uint8Array;
}

/**
 * Reads every body in the channel and compares its CRC-32C: what is damaged would be set aside at its landing; here it is
 * found while Kafka may still have the events. One short transaction a chunk.
 */
export async function auditChunks({ db, findings, pace }: AuditContext, checked: () => void): Promise<void> {
  const next = db.prepare<
    [number],
    ChunkRow
  >(`SELECT c.id, c.body_id AS bodyId, c.channel, p.topic, p.partition, c.first, c.next,
    c.stored_bytes AS storedBytes, c.crc32c, c.runs FROM chunks c JOIN partitions p ON p.id = c.partition_id
    WHERE c.id > ? ORDER BY c.id LIMIT 1`);
  const body = db.prepare<[number], { bytes: Uint8Array }>('SELECT bytes FROM chunk_bodies WHERE id = ?');
  const isThere = db.prepare<[number], { id: number }>('SELECT id FROM chunks WHERE id = ?');
  for (let row = next.get(0); row !== undefined; row = next.get(row.id)) {
    const { id, bodyId } = row;
    // What is in the engine's memory has no body here; it is pulled again when the engine dies.
    const fault = bodyId < 0 ? undefined : chunkFault(row, () => body.get(bodyId)?.bytes);
    // A body that is gone may have landed in between.
    if (fault !== undefined && isThere.get(id) !== undefined) {
      findings.add(
        'damaged',
        `${row.topic}/${row.partition} in ${row.channel}`,
        `offsets ${chunkOffsets(row)} are in chunk ${id}: ${fault}`,
      );
    }
    checked();
    if (pace.isDue) await pace.turn();
  }
}
