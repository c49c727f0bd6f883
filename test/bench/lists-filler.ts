import { join } from 'node:path';
import { CHANNEL_FILE, openForWriting, type ChannelDatabase } from '../../main/channel/channel-database.ts';
import { migrate } from '../../main/channel/schema.ts';
import { singleRun } from '../../shared/model/offset-runs.ts';

export const HOUR_MS = 3_600_000;
export const START_MS = Date.UTC(2026, 7, 1);
export const SINK = 'hdfs';
export const CHANNEL = 'disk';
const TOPICS = 20;
const PARTITIONS = 4;
const EVENTS_A_CHUNK = 400;
/** The only file of the ledger, and the only landing key, whose name holds this. */
export const NEEDLE = 'needle-7f3a';

export interface ListsSize {
  readonly keys: number;
  readonly chunksAKey: number;
  readonly ledgerRows: number;
}

/**
 * Fills a state directory's database with rows as the writer makes them, but straight in SQL: a million landings through the writer
 * would take hours. Bodies are one small one for all, for no list reads them.
 */
export function fillLists(directory: string, size: ListsSize): void {
  const path = join(directory, CHANNEL_FILE);
  const db = openForWriting(path);
  migrate(db, path);
  db.pragma('synchronous = OFF');
  db.pragma('foreign_keys = OFF');
  fillPartitions(db);
  db.transaction(() => fillKeys(db, size))();
  db.transaction(() => fillLedger(db, size.ledgerRows))();
  db.pragma('wal_checkpoint(TRUNCATE)');
  db.close();
}

function fillPartitions(db: ChannelDatabase): void {
  const insert =
    db.prepare(`INSERT INTO partitions (id, source, topic, partition, incarnation, cluster_id, consumer_group,
    topic_id, is_current, position, tenure_id) VALUES (@id, 'kafka', @topic, @partition, 'a', 'c', 'g', 't', 1, 0, @id)`);
  const tenure =
    db.prepare(`INSERT INTO tenures (id, nonce, partition_id, sequence, start_offset, put_to, accepted_to, state,
    started_at_ms) VALUES (@id, @nonce, @id, 1, 0, 1000000000, 1000000000, 'open', 1)`);
  for (let id = 1; id <= TOPICS * PARTITIONS; id++) {
    insert.run({ id, topic: `topic-${(id - 1) % TOPICS}`, partition: Math.floor((id - 1) / TOPICS) });
    tenure.run({ id, nonce: `t${id}` });
  }
}

function fillKeys(db: ChannelDatabase, { keys, chunksAKey }: ListsSize): void {
  const key =
    db.prepare(`INSERT INTO landing_keys (id, channel, key_text, sink, directory, prefix, suffix, codec, serializer,
    version, chunks, events, raw_bytes, stored_bytes, newest_put_ms, newest_event_ms) VALUES (@id, '${CHANNEL}', @directory, '${SINK}',
    @directory, 'www', '.log', 'none', 'text', 1, @chunks, @events, @raw, @stored, @newest, @newest)`);
  const chunk =
    db.prepare(`INSERT INTO chunks (body_id, landing_key_id, partition_id, tenure_id, channel, first, next, events,
    lines, raw_bytes, stored_bytes, codec, crc32c, put_ms, oldest_event_ms, newest_event_ms, runs)
    VALUES (1, @id, @partition, @partition, '${CHANNEL}', @first, @next, @events, @events, @raw, @stored, 'zstd', 1, @ms, @ms, @ms, @runs)`);
  const body = db.prepare('INSERT INTO chunk_bodies (id, bytes) VALUES (1, ?)');
  body.run(Buffer.from('x'));
  const runs = Buffer.from(singleRun(0, EVENTS_A_CHUNK).bytes);
  for (let id = 1; id <= keys; id++) {
    const mixed = mix(id);
    const hour = START_MS + (mixed % 1_000) * HOUR_MS;
    const directory =
      id === keys
        ? `/logs/${NEEDLE}/08`
        : `/logs/topic-${id % TOPICS}/${day(hour)}/host-${mixed % 5_000}-${id}`;
    const sums = { chunks: chunksAKey, events: 0, raw: 0, stored: 0, newest: hour };
    for (let at = 0; at < chunksAKey; at++) {
      const events = EVENTS_A_CHUNK + (mix(id + at) % 100);
      const stored = 20_000 + (mix(id * 7 + at) % 9_000);
      const ms = hour + (mix(id * 3 + at) % HOUR_MS);
      const partition = 1 + (id % TOPICS) + TOPICS * (at % PARTITIONS);
      const first = id * 10_000 + at * EVENTS_A_CHUNK;
      chunk.run({ id, partition, first, next: first + events, events, raw: stored * 5, stored, ms, runs });
      sums.events += events;
      sums.raw += stored * 5;
      sums.stored += stored;
      sums.newest = Math.max(sums.newest, ms);
    }
    key.run({ id, directory, ...sums });
  }
}

function fillLedger(db: ChannelDatabase, rows: number): void {
  const insert =
    db.prepare(`INSERT INTO ledger (id, file_id, sink, channel, directory, prefix, suffix, codec, serializer, version,
    final_path, namespace, bytes, raw_bytes, events, lines, crc32c, checksum, checksum_note, inode, attempts, planned_at_ms, landed_at_ms)
    VALUES (@id, @fileId, '${SINK}', '${CHANNEL}', @directory, 'www', '.log', 'none', 'text', 1, @path, 'ns-1', @bytes, @bytes, @events,
    @events, 7, 'MD5-of-0MD5-of-512CRC32C 000002000000000000000000a1b2c3d4e5f60718293a4b5c6d7e8f90', NULL, @inode, 1, @landed, @landed)`);
  const part =
    db.prepare(`INSERT INTO ledger_parts (file_id, partition_id, channel, first, next, events, runs)
    VALUES (@fileId, @partition, '${CHANNEL}', @first, @next, @events, @runs)`);
  const runs = Buffer.from(singleRun(0, EVENTS_A_CHUNK).bytes);
  for (let id = 1; id <= rows; id++) {
    const mixed = mix(id);
    const landed = START_MS + id * 7_000;
    const topic = mixed % TOPICS;
    const directory = id === 1 ? `/logs/${NEEDLE}` : `/logs/topic-${topic}/${day(landed)}/${mixed % 40}`;
    const stamp = new Date(landed)
      .toISOString()
      .replace(/[-:.Z]/g, '')
      .replace('T', '-');
    const fileId = `${stamp}-3c7ae939-${id.toString(36).padStart(8, '0')}`;
    const events = 1_000 + (mixed % 1_000_000);
    const path = `${directory}/www.${fileId}.log`;
    insert.run({
      id,
      fileId,
      directory,
      path,
      bytes: events * 180 + (mixed % 97),
      events,
      inode: String(16_000 + id),
      landed,
    });
    part.run({ fileId, partition: 1 + topic, first: id * 10, next: id * 10 + events, events, runs });
  }
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 13).replace('T', '/');
}

/** A number that looks like chance and is the same each time. */
function mix(value: number): number {
  let h = Math.imul(value ^ 0x9e3779b9, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
