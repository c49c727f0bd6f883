/**
 * Tables of completeness (completeness-store.ts). They follow the books by triggers, so that whoever writes a chunk or a ledger row
 * keeps them right, in the same transaction; where no sink asks for markers they stay empty and cost one look into an empty table.
 *
 * `directories`: one row a directory with a stretch of time, of sinks that ask for markers. `landed_id` is the last ledger row of it,
 * `counted_id` the last that a marker counted. `is_late`: it may have had a marker that is forgotten by now.
 * `partitions.newest_event_ms`: the newest time of an event that came from it, never ahead of the gateway's clock, and the offset
 * after the chunk it came in: should that chunk be rejected, the position is below it, and the time does not count.
 */
export const COMPLETENESS = `
CREATE TABLE completeness_sinks (
  sink TEXT PRIMARY KEY, is_on INTEGER NOT NULL, forgotten_to_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE directories (
  id INTEGER PRIMARY KEY, sink TEXT NOT NULL, directory TEXT NOT NULL, end_ms INTEGER NOT NULL, revision INTEGER NOT NULL,
  decided_ms INTEGER, is_late INTEGER NOT NULL, landed_id INTEGER NOT NULL, counted_id INTEGER NOT NULL,
  UNIQUE (sink, directory)
) STRICT;
CREATE INDEX directories_due ON directories (sink, end_ms) WHERE revision = 0 OR landed_id > counted_id;
CREATE INDEX directories_decided ON directories (sink, decided_ms) WHERE decided_ms IS NOT NULL;
CREATE INDEX directories_by_end ON directories (sink, end_ms);

-- Markers that are decided and not in place yet. temp_paths: names that were begun, as JSON.
CREATE TABLE completeness_markers (
  id INTEGER PRIMARY KEY AUTOINCREMENT, sink TEXT NOT NULL, directory TEXT NOT NULL, revision INTEGER NOT NULL,
  facts TEXT NOT NULL, temp_paths TEXT NOT NULL, decided_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX completeness_markers_by_sink ON completeness_markers (sink, id);

CREATE INDEX ledger_by_directory ON ledger (sink, directory);
CREATE INDEX landing_keys_by_directory ON landing_keys (sink, directory);

ALTER TABLE partitions ADD COLUMN newest_event_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partitions ADD COLUMN newest_event_next INTEGER NOT NULL DEFAULT 0;
CREATE TRIGGER partition_time_passed AFTER INSERT ON chunks
  WHEN EXISTS (SELECT 1 FROM completeness_sinks WHERE is_on = 1) BEGIN
  UPDATE partitions SET newest_event_ms = min(NEW.newest_event_ms, NEW.put_ms), newest_event_next = NEW.next
    WHERE id = NEW.partition_id AND newest_event_ms < min(NEW.newest_event_ms, NEW.put_ms);
END;
CREATE TRIGGER directory_opened AFTER INSERT ON landing_keys
  WHEN NEW.bucket_end_ms IS NOT NULL
    AND EXISTS (SELECT 1 FROM completeness_sinks WHERE sink = NEW.sink AND is_on = 1) BEGIN
  INSERT INTO directories (sink, directory, end_ms, revision, is_late, landed_id, counted_id)
    SELECT NEW.sink, NEW.directory, NEW.bucket_end_ms, 0, NEW.bucket_end_ms <= s.forgotten_to_ms,
      coalesce((SELECT max(id) FROM ledger WHERE sink = NEW.sink AND directory = NEW.directory), 0), 0
    FROM completeness_sinks s WHERE s.sink = NEW.sink
    ON CONFLICT (sink, directory) DO NOTHING;
END;
CREATE TRIGGER directory_landed AFTER INSERT ON ledger BEGIN
  UPDATE directories SET landed_id = NEW.id WHERE sink = NEW.sink AND directory = NEW.directory;
END;
`;
