import type { ChannelDatabase } from './channel-database.ts';

export interface WaitingRow {
  readonly id: number;
  readonly partition_id: number;
  readonly tenure_id: number;
  readonly channel: string | null;
  readonly first: number;
  readonly state: 'waiting' | 'retried' | 'dropped';
  /** Of the tenure: offsets below it are accepted. */
  readonly accepted_to: number;
}

/** The SQL of quarantine-store.ts. */
export function prepareQuarantineStatements(db: ChannelDatabase) {
  return {
    row: db.prepare<
      [number],
      WaitingRow
    >(`SELECT q.id, q.partition_id, q.tenure_id, q.channel, q.first, q.state, t.accepted_to
      FROM quarantine q JOIN tenures t ON t.id = q.tenure_id WHERE q.id = ?`),
    insert:
      db.prepare(`INSERT INTO quarantine (partition_id, tenure_id, channel, first, reason, reason_form, config_version,
      put_ms, timestamp_ms, body_bytes, state, preview) VALUES (@partitionId, @tenureId, @channel, @first, @reason, @form,
      @configVersion, @nowMs, @timestampMs, @bodyBytes, 'waiting', @preview)`),
    insertBody: db.prepare(
      'INSERT INTO quarantine_bodies (id, headers, key, body) VALUES (@id, @headers, @key, @body)',
    ),
    split:
      db.prepare(`INSERT INTO quarantine (partition_id, tenure_id, channel, first, reason, reason_form, config_version,
      put_ms, timestamp_ms, body_bytes, state, preview)
      SELECT partition_id, tenure_id, @channel, first, @reason, @form, @configVersion, put_ms, timestamp_ms, body_bytes,
        'waiting', preview FROM quarantine WHERE id = @from`),
    copyBody: db.prepare<[number | bigint, number]>(
      'INSERT INTO quarantine_bodies (id, headers, key, body) SELECT ?, headers, key, body FROM quarantine_bodies WHERE id = ?',
    ),
    settle:
      db.prepare(`UPDATE quarantine SET state = @state, settled_ms = @nowMs, settled_by = @by, settled_why = @why,
      preview = x'' WHERE id = @id AND state = 'waiting'`),
    removeBody: db.prepare<[number]>('DELETE FROM quarantine_bodies WHERE id = ?'),
    stay: db.prepare(`UPDATE quarantine SET reason = @reason, reason_form = @form, config_version = @configVersion
      WHERE id = @id AND state = 'waiting'`),
  };
}
