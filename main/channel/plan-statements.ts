import type { ChannelDatabase } from './channel-database.ts';
import type { PlanColumns, PlannedChunkColumns } from './plan-store.ts';

/** The SQL of plan-store.ts. */
export function preparePlanStatements(db: ChannelDatabase) {
  return {
    insert:
      db.prepare(`INSERT INTO plans (file_id, sink, landing_key_id, final_path, namespace, planned_at_ms, state,
      expected_bytes, raw_bytes, events, lines) VALUES (@fileId, @sink, @landingKeyId, @finalPath, @namespace, @nowMs, 'planned',
      @expectedBytes, @rawBytes, @events, @lines)`),
    takeChunk: db.prepare<[number, number]>('UPDATE chunks SET plan_id = ? WHERE id = ? AND plan_id IS NULL'),
    byFile: db.prepare<[string], PlanColumns>('SELECT * FROM plans WHERE file_id = ?'),
    wasLanded: db.prepare<[string], { id: number }>('SELECT id FROM ledger WHERE file_id = ?'),
    ofSink: db.prepare<[string], PlanColumns>('SELECT * FROM plans WHERE sink = ? ORDER BY id'),
    chunks: db.prepare<
      [number],
      PlannedChunkColumns
    >(`SELECT c.*, p.source, p.topic, p.partition, p.incarnation
      FROM chunks c JOIN partitions p ON p.id = c.partition_id WHERE c.plan_id = ? ORDER BY c.id`),
    rename: db.prepare<[number, number]>(
      "UPDATE plans SET state = 'renaming', renaming_attempt = ? WHERE id = ?",
    ),
    hold: db.prepare(`UPDATE plans SET held_from = CASE state WHEN 'held' THEN held_from ELSE state END, state = 'held',
      held_reason = @reason WHERE file_id = @fileId`),
    release: db.prepare<[string]>(`UPDATE plans SET state = held_from, held_from = NULL, held_reason = NULL
      WHERE file_id = ? AND state = 'held'`),
    giveBack: db.prepare<[number]>('UPDATE chunks SET plan_id = NULL WHERE plan_id = ?'),
    remove: db.prepare<[number]>('DELETE FROM plans WHERE id = ?'),
    resize:
      db.prepare(`UPDATE plans SET expected_bytes = @expectedBytes, raw_bytes = @rawBytes, events = @events, lines = @lines
      WHERE id = @id`),
  };
}
