import type { ChannelDatabase } from './channel-database.ts';
import { GatewayError } from '../../shared/errors.ts';
import { COMPLETENESS } from './completeness-schema.ts';

/**
 * The tables of the channel. Bodies stand apart from everything that is scanned: a list or a plan reads rows of about a
 * hundred bytes and never a page of a body. All are STRICT; offsets and times are whole numbers below 2^53.
 */

/** `HGch`: tells our files from other SQLite databases. */
export const APPLICATION_ID = 0x48476368;

const VERSION_1 = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE totals (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- One row an incarnation; is_current marks the one that is read now. fp_* is the last record that a put accounted for.
CREATE TABLE partitions (
  id INTEGER PRIMARY KEY, source TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, incarnation TEXT NOT NULL,
  cluster_id TEXT NOT NULL, consumer_group TEXT NOT NULL, topic_id TEXT NOT NULL, is_current INTEGER NOT NULL,
  position INTEGER NOT NULL, tenure_id INTEGER,
  fp_offset INTEGER, fp_crc INTEGER, fp_timestamp_ms INTEGER, fp_leader_epoch INTEGER,
  UNIQUE (source, topic, partition, incarnation)
) STRICT;
CREATE UNIQUE INDEX partitions_current ON partitions (source, topic, partition) WHERE is_current = 1;

-- fp_* here is the last accepted record: where the position's fingerprint goes back to when held puts are rejected.
CREATE TABLE tenures (
  id INTEGER PRIMARY KEY, nonce TEXT NOT NULL UNIQUE, partition_id INTEGER NOT NULL REFERENCES partitions (id),
  sequence INTEGER NOT NULL, start_offset INTEGER NOT NULL, put_to INTEGER NOT NULL, accepted_to INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'doubt', 'ended')), started_at_ms INTEGER NOT NULL,
  fp_offset INTEGER, fp_crc INTEGER, fp_timestamp_ms INTEGER, fp_leader_epoch INTEGER,
  CHECK (start_offset <= accepted_to AND accepted_to <= put_to)
) STRICT;
CREATE INDEX tenures_by_partition ON tenures (partition_id, id);
CREATE INDEX tenures_not_ended ON tenures (partition_id, id) WHERE state <> 'ended';

-- Puts that are not accepted yet: their ends are the only places where an acceptance may stand.
CREATE TABLE held_puts (
  tenure_id INTEGER NOT NULL REFERENCES tenures (id), next INTEGER NOT NULL, first INTEGER NOT NULL, put_ms INTEGER NOT NULL,
  fp_offset INTEGER, fp_crc INTEGER, fp_timestamp_ms INTEGER, fp_leader_epoch INTEGER,
  PRIMARY KEY (tenure_id, next)
) STRICT, WITHOUT ROWID;

-- Which channels had a part in which offsets: what the audit holds chunks and landings against.
CREATE TABLE tenure_channels (
  id INTEGER PRIMARY KEY, tenure_id INTEGER NOT NULL REFERENCES tenures (id), channel TEXT NOT NULL,
  first INTEGER NOT NULL, next INTEGER NOT NULL
) STRICT;
CREATE INDEX tenure_channels_by_tenure ON tenure_channels (tenure_id, channel, first);

-- Counters cover the chunks that no plan holds; AUTOINCREMENT, so that a lander never takes a new key for an old one.
CREATE TABLE landing_keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, key_text TEXT NOT NULL,
  sink TEXT NOT NULL, directory TEXT NOT NULL, prefix TEXT NOT NULL, suffix TEXT NOT NULL, codec TEXT NOT NULL,
  serializer TEXT NOT NULL, version INTEGER NOT NULL, bucket_end_ms INTEGER,
  chunks INTEGER NOT NULL, events INTEGER NOT NULL, raw_bytes INTEGER NOT NULL, stored_bytes INTEGER NOT NULL,
  newest_put_ms INTEGER NOT NULL, newest_event_ms INTEGER NOT NULL,
  UNIQUE (channel, key_text)
) STRICT;
CREATE INDEX landing_keys_waiting ON landing_keys (sink, id) WHERE chunks > 0;

CREATE TABLE chunk_bodies (id INTEGER PRIMARY KEY AUTOINCREMENT, bytes BLOB NOT NULL) STRICT;
-- Only bodies that several chunks hold have a row here.
CREATE TABLE shared_bodies (body_id INTEGER PRIMARY KEY, holders INTEGER NOT NULL) STRICT;

CREATE TABLE chunks (
  id INTEGER PRIMARY KEY AUTOINCREMENT, body_id INTEGER NOT NULL, landing_key_id INTEGER NOT NULL,
  partition_id INTEGER NOT NULL REFERENCES partitions (id), tenure_id INTEGER NOT NULL REFERENCES tenures (id), plan_id INTEGER,
  channel TEXT NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL, events INTEGER NOT NULL, lines INTEGER NOT NULL,
  raw_bytes INTEGER NOT NULL, stored_bytes INTEGER NOT NULL, codec TEXT NOT NULL, crc32c INTEGER NOT NULL,
  put_ms INTEGER NOT NULL, oldest_event_ms INTEGER NOT NULL, newest_event_ms INTEGER NOT NULL, runs BLOB NOT NULL
) STRICT;
CREATE INDEX chunks_waiting ON chunks (landing_key_id, tenure_id, id) WHERE plan_id IS NULL;
CREATE INDEX chunks_by_event_time ON chunks (landing_key_id, oldest_event_ms) WHERE plan_id IS NULL;
CREATE INDEX chunks_by_put_time ON chunks (landing_key_id, put_ms) WHERE plan_id IS NULL;
CREATE INDEX chunks_planned ON chunks (plan_id, id) WHERE plan_id IS NOT NULL;
CREATE INDEX chunks_by_partition ON chunks (partition_id, first);

-- Chunks of files in place whose bodies an operator wants kept for a while.
CREATE TABLE retained_chunks (
  chunk_id INTEGER PRIMARY KEY, body_id INTEGER NOT NULL, file_id TEXT NOT NULL, retain_until_ms INTEGER NOT NULL,
  codec TEXT NOT NULL, stored_bytes INTEGER NOT NULL, crc32c INTEGER NOT NULL
) STRICT;
CREATE INDEX retained_chunks_by_time ON retained_chunks (retain_until_ms);

-- Chunks whose bytes do not match their checksum. The body stays for the doctor.
CREATE TABLE damaged_chunks (
  id INTEGER PRIMARY KEY, chunk_id INTEGER NOT NULL, body_id INTEGER NOT NULL, landing_key_text TEXT NOT NULL,
  partition_id INTEGER NOT NULL REFERENCES partitions (id), tenure_id INTEGER NOT NULL REFERENCES tenures (id),
  channel TEXT NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL, events INTEGER NOT NULL,
  reason TEXT NOT NULL, found_ms INTEGER NOT NULL, runs BLOB NOT NULL
) STRICT;
CREATE INDEX damaged_chunks_by_partition ON damaged_chunks (partition_id, first);

CREATE TABLE plans (
  id INTEGER PRIMARY KEY AUTOINCREMENT, file_id TEXT NOT NULL UNIQUE, sink TEXT NOT NULL, landing_key_id INTEGER NOT NULL,
  final_path TEXT NOT NULL, namespace TEXT NOT NULL, planned_at_ms INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('planned', 'renaming', 'held')),
  held_from TEXT, held_reason TEXT, renaming_attempt INTEGER,
  expected_bytes INTEGER NOT NULL, raw_bytes INTEGER NOT NULL, events INTEGER NOT NULL, lines INTEGER NOT NULL
) STRICT;
CREATE INDEX plans_by_sink ON plans (sink, id);
CREATE INDEX plans_by_key ON plans (landing_key_id);

CREATE TABLE attempts (
  file_id TEXT NOT NULL, number INTEGER NOT NULL, sink TEXT NOT NULL, temp_path TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('started', 'uploaded', 'abandoned', 'removed')), inode TEXT,
  started_at_ms INTEGER NOT NULL, abandoned_at_ms INTEGER, removed_at_ms INTEGER,
  PRIMARY KEY (file_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_abandoned ON attempts (sink, abandoned_at_ms) WHERE state = 'abandoned';

CREATE TABLE ledger (
  id INTEGER PRIMARY KEY AUTOINCREMENT, file_id TEXT NOT NULL UNIQUE, sink TEXT NOT NULL, channel TEXT NOT NULL,
  directory TEXT NOT NULL, prefix TEXT NOT NULL, suffix TEXT NOT NULL, codec TEXT NOT NULL, serializer TEXT NOT NULL,
  version INTEGER NOT NULL, final_path TEXT NOT NULL, namespace TEXT NOT NULL, bytes INTEGER NOT NULL,
  raw_bytes INTEGER NOT NULL, events INTEGER NOT NULL, lines INTEGER NOT NULL, crc32c INTEGER NOT NULL,
  checksum TEXT, checksum_note TEXT, inode TEXT, attempts INTEGER NOT NULL,
  planned_at_ms INTEGER NOT NULL, landed_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX ledger_by_time ON ledger (landed_at_ms, id);
CREATE INDEX ledger_by_inode ON ledger (inode) WHERE inode IS NOT NULL;

CREATE TABLE ledger_parts (
  id INTEGER PRIMARY KEY, file_id TEXT NOT NULL REFERENCES ledger (file_id), partition_id INTEGER NOT NULL REFERENCES partitions (id),
  channel TEXT NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL, events INTEGER NOT NULL, runs BLOB NOT NULL
) STRICT;
CREATE INDEX ledger_parts_by_partition ON ledger_parts (partition_id, first);
CREATE INDEX ledger_parts_by_file ON ledger_parts (file_id);

-- channel NULL: all channels of the source.
CREATE TABLE dispositions (
  id INTEGER PRIMARY KEY, partition_id INTEGER NOT NULL REFERENCES partitions (id), tenure_id INTEGER NOT NULL REFERENCES tenures (id),
  kind TEXT NOT NULL CHECK (kind IN ('filtered', 'not-routed', 'absent', 'gap')), channel TEXT, reason TEXT NOT NULL,
  config_version INTEGER NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL, events INTEGER NOT NULL, runs BLOB NOT NULL
) STRICT;
CREATE INDEX dispositions_by_partition ON dispositions (partition_id, first);

CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY AUTOINCREMENT, partition_id INTEGER NOT NULL REFERENCES partitions (id),
  tenure_id INTEGER NOT NULL REFERENCES tenures (id), channel TEXT, first INTEGER NOT NULL, reason TEXT NOT NULL,
  config_version INTEGER NOT NULL, put_ms INTEGER NOT NULL, timestamp_ms REAL, body_bytes INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'retried', 'dropped')), headers TEXT NOT NULL, key BLOB, body BLOB NOT NULL
) STRICT;
CREATE INDEX quarantine_by_partition ON quarantine (partition_id, first);

-- sink '*' is the switch for all.
CREATE TABLE switches (
  sink TEXT PRIMARY KEY, is_paused INTEGER NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

/**
 * Quarantine that can be retried and dropped. What an event carried stands apart from what is listed and counted (as with chunks), and
 * goes when it leaves quarantine; the row stays, with who, when and why. `reason_form` is the reason without what differs from event
 * to event. The counts follow by triggers, so that whoever changes a row changes them, and status costs nothing.
 */
const QUARANTINE_RETRY = `
CREATE TABLE quarantine_bodies (id INTEGER PRIMARY KEY, headers TEXT NOT NULL, key BLOB, body BLOB NOT NULL) STRICT;
INSERT INTO quarantine_bodies (id, headers, key, body) SELECT id, headers, key, body FROM quarantine;
ALTER TABLE quarantine ADD COLUMN preview BLOB NOT NULL DEFAULT x'';
UPDATE quarantine SET preview = substr(body, 1, 160);
ALTER TABLE quarantine DROP COLUMN body;
ALTER TABLE quarantine DROP COLUMN key;
ALTER TABLE quarantine DROP COLUMN headers;
ALTER TABLE quarantine ADD COLUMN reason_form TEXT NOT NULL DEFAULT '';
UPDATE quarantine SET reason_form = reason;
ALTER TABLE quarantine ADD COLUMN settled_ms INTEGER;
ALTER TABLE quarantine ADD COLUMN settled_by TEXT;
ALTER TABLE quarantine ADD COLUMN settled_why TEXT;
CREATE INDEX quarantine_by_reason ON quarantine (reason_form, partition_id, state, put_ms);

-- channel '': all channels of the source.
CREATE TABLE quarantine_counts (
  partition_id INTEGER NOT NULL, channel TEXT NOT NULL, state TEXT NOT NULL, events INTEGER NOT NULL,
  PRIMARY KEY (partition_id, channel, state)
) STRICT, WITHOUT ROWID;
INSERT INTO quarantine_counts (partition_id, channel, state, events)
  SELECT partition_id, coalesce(channel, ''), state, count(*) FROM quarantine GROUP BY 1, 2, 3;
CREATE TRIGGER quarantine_came AFTER INSERT ON quarantine BEGIN
  INSERT INTO quarantine_counts (partition_id, channel, state, events)
    VALUES (NEW.partition_id, coalesce(NEW.channel, ''), NEW.state, 1)
    ON CONFLICT (partition_id, channel, state) DO UPDATE SET events = events + 1;
END;
CREATE TRIGGER quarantine_changed AFTER UPDATE OF partition_id, channel, state ON quarantine BEGIN
  UPDATE quarantine_counts SET events = events - 1
    WHERE partition_id = OLD.partition_id AND channel = coalesce(OLD.channel, '') AND state = OLD.state;
  INSERT INTO quarantine_counts (partition_id, channel, state, events)
    VALUES (NEW.partition_id, coalesce(NEW.channel, ''), NEW.state, 1)
    ON CONFLICT (partition_id, channel, state) DO UPDATE SET events = events + 1;
END;
CREATE TRIGGER quarantine_went AFTER DELETE ON quarantine BEGIN
  UPDATE quarantine_counts SET events = events - 1
    WHERE partition_id = OLD.partition_id AND channel = coalesce(OLD.channel, '') AND state = OLD.state;
  DELETE FROM quarantine_bodies WHERE id = OLD.id;
END;
`;

/**
 * Offsets whose events are not held durably and are to be had from their source again (claim-store.ts). Damaged chunks, which were a fate
 * of their own, become claims: their rows stay as what the doctor knows of them, until their events are here again. `holder` names
 * the run of the writer in whose memory the events are; '': nobody has them.
 */
const CLAIMS = `
CREATE TABLE claims (
  id INTEGER PRIMARY KEY AUTOINCREMENT, partition_id INTEGER NOT NULL REFERENCES partitions (id),
  tenure_id INTEGER NOT NULL REFERENCES tenures (id), channel TEXT NOT NULL,
  first INTEGER NOT NULL, next INTEGER NOT NULL, events INTEGER NOT NULL, runs BLOB NOT NULL,
  cause TEXT NOT NULL CHECK (cause IN ('damaged-chunk', 'lost-disk', 'memory')), detail TEXT NOT NULL,
  claimed_ms INTEGER NOT NULL, holder TEXT NOT NULL DEFAULT '', damaged_id INTEGER
) STRICT;
CREATE INDEX claims_by_partition ON claims (partition_id, first);
-- All that the status asks each second.
CREATE INDEX claims_by_channel ON claims (channel, holder, cause, events, claimed_ms);
CREATE INDEX claims_of_damage ON claims (damaged_id) WHERE damaged_id IS NOT NULL;
ALTER TABLE damaged_chunks ADD COLUMN is_lost INTEGER NOT NULL DEFAULT 0;
INSERT INTO claims (partition_id, tenure_id, channel, first, next, events, runs, cause, detail, claimed_ms, damaged_id)
  SELECT partition_id, tenure_id, channel, first, next, events, runs, 'damaged-chunk', 'chunk ' || chunk_id || ': ' || reason,
    found_ms, id FROM damaged_chunks;
`;

/**
 * Bodies in memory (memory-bodies.ts): their chunks have a `body_id` below zero, and these indexes are of such chunks alone. Who holds a claim
 * is not a question any more: the chunk itself is the claim while a process has its events.
 */
const MEMORY_BODIES = `
CREATE INDEX chunks_in_memory ON chunks (partition_id, first) WHERE body_id < 0;
CREATE INDEX chunks_by_memory_body ON chunks (body_id) WHERE body_id < 0;
DROP INDEX claims_by_channel;
ALTER TABLE claims DROP COLUMN holder;
-- All that the status asks each second.
CREATE INDEX claims_by_channel ON claims (channel, cause, events, claimed_ms);
`;

/** Step `n` leads from version `n` to `n + 1`. Steps are only ever added. */
export const MIGRATIONS: readonly string[] = [
  VERSION_1,
  QUARANTINE_RETRY,
  CLAIMS,
  COMPLETENESS,
  MEMORY_BODIES,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Brings the database to `SCHEMA_VERSION`, each step one transaction. Throws `state-dir-newer` when it is ahead of this
 * program, `database-damaged` when the file is some other program's.
 */
export function migrate(db: ChannelDatabase, place: string): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  refuseNewer(version, place);
  const applicationId = Number(db.pragma('application_id', { simple: true }));
  if (version > 0 && applicationId !== APPLICATION_ID) {
    throw new GatewayError({
      code: 'database-damaged',
      operation: 'open the channel database',
      place,
      message: 'The file is an SQLite database, but not one of Headgate’s.',
      retry: 'never',
      hint: 'Point gateway.stateDir at the directory that Headgate made, or at an empty one.',
    });
  }
  migrateTo(db, SCHEMA_VERSION);
}

/** Brings a database of ours from its version to a later one, each step one transaction. */
export function migrateTo(db: ChannelDatabase, target: number): void {
  for (let step = Number(db.pragma('user_version', { simple: true })); step < target; step++) {
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(MIGRATIONS[step] ?? '');
      db.pragma(`application_id = ${APPLICATION_ID}`);
      db.pragma(`user_version = ${step + 1}`);
      db.exec('COMMIT');
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }
}

/** For readers, which must not migrate: refuses every version but this program's own. */
export function refuseNewer(version: number, place: string): void {
  if (version <= SCHEMA_VERSION) return;
  throw new GatewayError({
    code: 'state-dir-newer',
    operation: 'open the channel database',
    place,
    message: `The state directory has version ${version}; this Headgate knows versions up to ${SCHEMA_VERSION}.`,
    retry: 'never',
    hint: 'Install the newer Headgate again, or one that came after it.',
  });
}
