import { crc32c } from '@node-rs/crc32';
import { decodeRuns, formatRuns } from '../../shared/model/offset-runs.ts';
import { isGatewayError } from '../../shared/errors.ts';
import { wrapped } from '../channel/channel-database.ts';
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
    const fault = faultOf(row, () => body.get(bodyId)?.bytes);
    // A body that is gone may have landed in between.
    if (fault !== undefined && isThere.get(id) !== undefined) {
      findings.add(
        'damaged',
        `${row.topic}/${row.partition} in ${row.channel}`,
        `offsets ${offsetsOf(row)} are in chunk ${id}: ${fault}`,
      );
    }
    checked();
    if (pace.isDue) await pace.turn();
  }
}

function faultOf(row: ChunkRow, read: () => Uint8Array | undefined): string | undefined {
  try {
    const bytes = wrapped('read a chunk', `chunk ${row.id}`, read);
    if (bytes === undefined) return 'its body is missing';
    if (bytes.byteLength !== row.storedBytes)
      return `its body is ${bytes.byteLength} bytes long, not ${row.storedBytes}`;
    return crc32c(bytes) === row.crc32c ? undefined : 'its body does not match its CRC-32C';
  } catch (error) {
    if (isGatewayError(error) && error.code === 'database-damaged') return error.message;
    throw error;
  }
}

function offsetsOf(row: ChunkRow): string {
  try {
    return formatRuns(decodeRuns(row.first, row.runs));
  } catch (error) {
    // The sweep has named the damaged runs; here the range has to do.
    if (error instanceof RangeError) return `${row.first}-${row.next - 1}`;
    throw error;
  }
}
