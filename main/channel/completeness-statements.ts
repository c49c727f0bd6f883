import type { DirectoryStanding, DueDirectory, PartitionMark } from '../../shared/model/completeness.ts';
import type { ChannelDatabase } from './channel-database.ts';

interface DirectoryRow {
  readonly end_ms: number;
  readonly revision: number;
  readonly is_late: number;
  readonly landed_id: number;
  readonly counted_id: number;
}

interface MarkerRow {
  readonly id: number;
  readonly directory: string;
  readonly revision: number;
  readonly facts: string;
  readonly tempPaths: string;
}

interface LandedSums {
  readonly files: number;
  readonly events: number;
  readonly bytes: number;
  readonly rawBytes: number;
  readonly lastLandedMs: number;
}

interface LandedPart {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly events: number;
  readonly first: number;
  readonly next: number;
}

type StandingRow = Omit<DirectoryStanding, 'isMarkerOpen' | 'isDue'> & {
  readonly isMarkerOpen: number;
  readonly isDue: number;
};

type PartitionOf = { readonly source: string; readonly topic: string; readonly partition: number };

/** Events of a directory that wait in the channel or in files that are not landed. */
const WAITING_EVENTS = `coalesce((SELECT sum(k.events) FROM landing_keys k WHERE k.sink = d.sink AND k.directory = d.directory), 0)
  + coalesce((SELECT sum(p.events) FROM plans p JOIN landing_keys k ON k.id = p.landing_key_id
      WHERE k.sink = d.sink AND k.directory = d.directory), 0)`;
/** The newest event time counts while the position is beyond the chunk that brought it. */
const NEWEST = 'CASE WHEN position >= newest_event_next THEN newest_event_ms ELSE 0 END';

export function prepareCompleteness(db: ChannelDatabase) {
  return { ...decisions(db), ...bookkeeping(db), ...facts(db) };
}

function decisions(db: ChannelDatabase) {
  return {
    due: db.prepare<[{ sink: string; endedBeforeMs: number; limit: number }], DueDirectory>(
      `SELECT d.directory, d.end_ms AS endMs, d.revision, d.decided_ms AS decidedMs, ${WAITING_EVENTS} AS waitingEvents,
        (SELECT count(*) FROM plans p JOIN landing_keys k ON k.id = p.landing_key_id
          WHERE k.sink = d.sink AND k.directory = d.directory AND p.state = 'held') AS heldFiles
        FROM directories d WHERE d.sink = @sink AND d.end_ms <= @endedBeforeMs AND (d.revision = 0 OR d.landed_id > d.counted_id)
        ORDER BY d.end_ms LIMIT @limit`,
    ),
    marks: db.prepare<[string], PartitionMark>(
      `SELECT source, topic, partition, position, ${NEWEST} AS newestEventMs FROM partitions WHERE source = ? AND is_current = 1`,
    ),
    mark: db.prepare<[PartitionOf], Pick<PartitionMark, 'position' | 'newestEventMs'>>(
      `SELECT position, ${NEWEST} AS newestEventMs FROM partitions
        WHERE source = @source AND topic = @topic AND partition = @partition AND is_current = 1`,
    ),
    isLate: db.prepare<[string, string], { id: number }>(
      'SELECT id FROM directories WHERE sink = ? AND directory = ? AND (revision > 0 OR is_late = 1)',
    ),
    directory: db.prepare<[string, string], DirectoryRow>(
      'SELECT end_ms, revision, is_late, landed_id, counted_id FROM directories WHERE sink = ? AND directory = ?',
    ),
    waitingChunks: db.prepare<[string, string], { chunks: number }>(
      'SELECT coalesce(sum(chunks), 0) AS chunks FROM landing_keys WHERE sink = ? AND directory = ?',
    ),
    openPlans: db.prepare<[string, string], { plans: number }>(
      `SELECT count(*) AS plans FROM landing_keys k JOIN plans p ON p.landing_key_id = k.id WHERE k.sink = ? AND k.directory = ?`,
    ),
    claims: db.prepare<[PartitionOf & { channel: string }], { events: number }>(
      `SELECT coalesce(sum(c.events), 0) AS events FROM partitions p JOIN claims c ON c.partition_id = p.id
        WHERE p.source = @source AND p.topic = @topic AND p.partition = @partition AND c.channel = @channel`,
    ),
    setDecided: db.prepare(
      `UPDATE directories SET revision = @revision, decided_ms = @nowMs, counted_id = landed_id
        WHERE sink = @sink AND directory = @directory`,
    ),
    dropDirectory: db.prepare<[string, string]>('DELETE FROM directories WHERE sink = ? AND directory = ?'),
    insertMarker: db.prepare(
      `INSERT INTO completeness_markers (sink, directory, revision, facts, temp_paths, decided_ms)
        VALUES (@sink, @directory, @revision, @facts, '[]', @nowMs)`,
    ),
  };
}

function bookkeeping(db: ChannelDatabase) {
  return {
    sinksOn: db.prepare<[], { sink: string }>('SELECT sink FROM completeness_sinks WHERE is_on = 1'),
    isOn: db.prepare<[string], { sink: string }>(
      'SELECT sink FROM completeness_sinks WHERE sink = ? AND is_on = 1',
    ),
    // What was marked before may be met again: it is late then.
    turnOff: db.prepare<[string]>(
      `UPDATE completeness_sinks SET is_on = 0, forgotten_to_ms = max(forgotten_to_ms,
        coalesce((SELECT max(end_ms) FROM directories d WHERE d.sink = completeness_sinks.sink AND revision > 0), 0)) WHERE sink = ?`,
    ),
    turnOn: db.prepare<[string]>(
      `INSERT INTO completeness_sinks (sink, is_on, forgotten_to_ms) VALUES (?, 1, 0)
        ON CONFLICT (sink) DO UPDATE SET is_on = 1`,
    ),
    takeUpBacklog: db.prepare<[string]>(
      `INSERT INTO directories (sink, directory, end_ms, revision, is_late, landed_id, counted_id)
        SELECT k.sink, k.directory, max(k.bucket_end_ms), 0, max(k.bucket_end_ms) <= s.forgotten_to_ms,
          coalesce((SELECT max(l.id) FROM ledger l WHERE l.sink = k.sink AND l.directory = k.directory), 0), 0
        FROM landing_keys k JOIN completeness_sinks s ON s.sink = k.sink
        WHERE k.sink = ? AND k.bucket_end_ms IS NOT NULL GROUP BY k.sink, k.directory
        ON CONFLICT (sink, directory) DO NOTHING`,
    ),
    dropMarkers: db.prepare<[string]>('DELETE FROM completeness_markers WHERE sink = ?'),
    dropDirectories: db.prepare<[string]>('DELETE FROM directories WHERE sink = ?'),
    openMarkers: db.prepare<[string], MarkerRow>(
      `SELECT id, directory, revision, facts, temp_paths AS tempPaths FROM completeness_markers WHERE sink = ? ORDER BY id LIMIT 100`,
    ),
    addTemp: db.prepare<[string, number]>(
      `UPDATE completeness_markers SET temp_paths = json_insert(temp_paths, '$[#]', ?) WHERE id = ?`,
    ),
    raiseRevision: db.prepare<[number]>(
      'UPDATE completeness_markers SET revision = revision + 1 WHERE id = ?',
    ),
    followRevision: db.prepare<[number]>(
      `UPDATE directories SET revision = max(directories.revision, m.revision) FROM completeness_markers m
        WHERE m.id = ? AND m.sink = directories.sink AND m.directory = directories.directory`,
    ),
    dropMarker: db.prepare<[number]>('DELETE FROM completeness_markers WHERE id = ?'),
    // One that waits for its marker, or for events that came late, is not forgotten.
    forgettable: db.prepare<
      [{ sink: string; decidedBeforeMs: number; limit: number }],
      { id: number; endMs: number }
    >(
      `SELECT id, end_ms AS endMs FROM directories d WHERE sink = @sink AND decided_ms < @decidedBeforeMs AND landed_id <= counted_id
        AND NOT EXISTS (SELECT 1 FROM completeness_markers m WHERE m.sink = d.sink AND m.directory = d.directory)
        AND NOT EXISTS (SELECT 1 FROM landing_keys k WHERE k.sink = d.sink AND k.directory = d.directory)
        ORDER BY decided_ms LIMIT @limit`,
    ),
    forget: db.prepare<[number]>('DELETE FROM directories WHERE id = ?'),
    setForgottenTo: db.prepare(
      'UPDATE completeness_sinks SET forgotten_to_ms = max(forgotten_to_ms, @endMs) WHERE sink = @sink',
    ),
    standings: db.prepare<[{ sink: string; limit: number }], StandingRow>(
      `SELECT d.directory, d.end_ms AS endMs, d.revision, d.decided_ms AS decidedMs, ${WAITING_EVENTS} AS waitingEvents,
        EXISTS (SELECT 1 FROM completeness_markers m WHERE m.sink = d.sink AND m.directory = d.directory) AS isMarkerOpen,
        (d.revision = 0 OR d.landed_id > d.counted_id) AS isDue
        FROM directories d WHERE d.sink = @sink ORDER BY d.end_ms DESC LIMIT @limit`,
    ),
    counts: db.prepare<[string], { complete: number; waiting: number }>(
      `SELECT coalesce(sum(revision > 0 AND landed_id <= counted_id), 0) AS complete,
        coalesce(sum(revision = 0 OR landed_id > counted_id), 0) AS waiting FROM directories WHERE sink = ?`,
    ),
  };
}

function facts(db: ChannelDatabase) {
  return {
    landed: db.prepare<[{ sink: string; directory: string; after: number }], LandedSums>(
      `SELECT count(*) AS files, coalesce(sum(events), 0) AS events, coalesce(sum(bytes), 0) AS bytes,
        coalesce(sum(raw_bytes), 0) AS rawBytes, coalesce(max(landed_at_ms), 0) AS lastLandedMs FROM ledger WHERE sink = @sink AND directory = @directory AND id > @after`,
    ),
    landedParts: db.prepare<[string, string], LandedPart>(
      `SELECT p.source, p.topic, p.partition, sum(lp.events) AS events, min(lp.first) AS first, max(lp.next) AS next
        FROM ledger l JOIN ledger_parts lp ON lp.file_id = l.file_id JOIN partitions p ON p.id = lp.partition_id
        WHERE l.sink = ? AND l.directory = ? GROUP BY p.source, p.topic, p.partition ORDER BY 1, 2, 3`,
    ),
    quarantined: db.prepare<[PartitionOf & { channel: string }], { events: number }>(
      `SELECT coalesce(sum(q.events), 0) AS events FROM partitions p JOIN quarantine_counts q ON q.partition_id = p.id
        WHERE p.source = @source AND p.topic = @topic AND p.partition = @partition
          AND q.state = 'waiting' AND q.channel IN ('', @channel)`,
    ),
  };
}
