import type { ChannelDatabase } from './channel-database.ts';
import type { FingerprintColumns } from './fingerprint-columns.ts';
import type { PartitionColumns, PartitionKey, TenureColumns } from './tenure-store.ts';

const SET_FINGERPRINT = `fp_offset = @fp_offset, fp_crc = @fp_crc, fp_timestamp_ms = @fp_timestamp_ms,
  fp_leader_epoch = @fp_leader_epoch`;
const FINGERPRINT_VALUES = '@fp_offset, @fp_crc, @fp_timestamp_ms, @fp_leader_epoch';
const FINGERPRINT_NAMES = 'fp_offset, fp_crc, fp_timestamp_ms, fp_leader_epoch';

/** The SQL of tenure-store.ts. */
export function prepareTenureStatements(db: ChannelDatabase) {
  return { ...preparePartitions(db), ...prepareTenures(db), ...prepareHeldPuts(db) };
}

function preparePartitions(db: ChannelDatabase) {
  return {
    current: db.prepare<[string, string, number], PartitionColumns>(
      'SELECT * FROM partitions WHERE source = ? AND topic = ? AND partition = ? AND is_current = 1',
    ),
    partition: db.prepare<[number], PartitionColumns & { readonly is_current: number }>(
      'SELECT * FROM partitions WHERE id = ?',
    ),
    retire: db.prepare<PartitionKey>(`UPDATE partitions SET is_current = 0
      WHERE source = @source AND topic = @topic AND partition = @partition AND is_current = 1`),
    // A new opening at the very same position without a fingerprint keeps the one that is known.
    upsertPartition: db.prepare<unknown[], { id: number }>(`INSERT INTO partitions
      (source, topic, partition, incarnation, cluster_id, consumer_group, topic_id, is_current, position, ${FINGERPRINT_NAMES})
      VALUES (@source, @topic, @partition, @incarnation, @clusterId, @group, @topicId, 1, @position, ${FINGERPRINT_VALUES})
      ON CONFLICT (source, topic, partition, incarnation) DO UPDATE SET
        fp_crc = CASE WHEN position = excluded.position AND excluded.fp_offset IS NULL THEN fp_crc ELSE excluded.fp_crc END,
        fp_timestamp_ms = CASE WHEN position = excluded.position AND excluded.fp_offset IS NULL
          THEN fp_timestamp_ms ELSE excluded.fp_timestamp_ms END,
        fp_leader_epoch = CASE WHEN position = excluded.position AND excluded.fp_offset IS NULL
          THEN fp_leader_epoch ELSE excluded.fp_leader_epoch END,
        fp_offset = CASE WHEN position = excluded.position AND excluded.fp_offset IS NULL
          THEN fp_offset ELSE excluded.fp_offset END,
        cluster_id = excluded.cluster_id, consumer_group = excluded.consumer_group, topic_id = excluded.topic_id,
        is_current = 1, position = excluded.position
      RETURNING id`),
    setCurrentTenure: db.prepare<[number, number]>('UPDATE partitions SET tenure_id = ? WHERE id = ?'),
    setPosition: db.prepare(`UPDATE partitions SET position = @position, ${SET_FINGERPRINT} WHERE id = @id`),
    setPositionBack: db.prepare(
      `UPDATE partitions SET position = @position, ${SET_FINGERPRINT} WHERE tenure_id = @tenureId`,
    ),
  };
}

function prepareTenures(db: ChannelDatabase) {
  return {
    byNonce: db.prepare<[string], TenureColumns>('SELECT * FROM tenures WHERE nonce = ?'),
    // All that are not ended, of every incarnation, and the last one that is.
    tenuresOf: db.prepare<PartitionKey, TenureColumns>(`WITH mine AS (SELECT id FROM partitions
        WHERE source = @source AND topic = @topic AND partition = @partition)
      SELECT t.* FROM mine JOIN tenures t ON t.partition_id = mine.id AND t.state <> 'ended'
      UNION
      SELECT * FROM tenures WHERE id = (SELECT max(last) FROM (SELECT
        (SELECT id FROM tenures t WHERE t.partition_id = mine.id AND t.state = 'ended' ORDER BY t.id DESC LIMIT 1) AS last FROM mine))
      ORDER BY id`),
    insertTenure: db.prepare<unknown[], { id: number }>(`INSERT INTO tenures
      (nonce, partition_id, sequence, start_offset, put_to, accepted_to, state, started_at_ms, ${FINGERPRINT_NAMES})
      SELECT @nonce, @partitionId, @sequence, @startOffset, @startOffset, @startOffset, 'open', @nowMs, ${FINGERPRINT_NAMES}
      FROM partitions WHERE id = @partitionId RETURNING id`),
    accept: db.prepare(`UPDATE tenures SET accepted_to = @acceptedTo, ${SET_FINGERPRINT},
      state = CASE WHEN state = 'doubt' AND put_to = @acceptedTo THEN 'ended' ELSE state END WHERE id = @id`),
    setState: db.prepare<[string, number]>('UPDATE tenures SET state = ? WHERE id = ?'),
    setPutTo: db.prepare<[number, number]>('UPDATE tenures SET put_to = ? WHERE id = ?'),
    reject: db.prepare<[number]>("UPDATE tenures SET put_to = accepted_to, state = 'ended' WHERE id = ?"),
  };
}

function prepareHeldPuts(db: ChannelDatabase) {
  return {
    heldPut: db.prepare<[number, number], FingerprintColumns>(
      'SELECT * FROM held_puts WHERE tenure_id = ? AND next = ?',
    ),
    insertHeldPut: db.prepare(`INSERT INTO held_puts (tenure_id, next, first, put_ms, ${FINGERPRINT_NAMES})
      VALUES (@tenureId, @next, @first, @nowMs, ${FINGERPRINT_VALUES})`),
    forgetPuts: db.prepare<[number, number]>('DELETE FROM held_puts WHERE tenure_id = ? AND next <= ?'),
    movePuts: db.prepare<[number, number]>('UPDATE held_puts SET tenure_id = ? WHERE tenure_id = ?'),
  };
}
