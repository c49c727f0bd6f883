import { GatewayError } from '../../shared/errors.ts';
import type { Output, ParsedInput } from '../../shared/contract/control.ts';
import type { LandingKeySummary } from '../../shared/model/file-plan.ts';
import { decodeRuns } from '../../shared/model/offset-runs.ts';
import { MIB } from '../../shared/units.ts';
import { backlogChunks, backlogKeys, chunkText, peekEvents } from '../channel/backlog-reader.ts';
import type { ChannelDatabase } from '../channel/channel-database.ts';
import { cursorOf } from './query-cursor.ts';

type BacklogRow = Output<'backlogList'>['rows'][number];
type PeekedEvent = Output<'backlogPeek'>['events'][number];

/** Of an event that is shown, at most so much; `bodyBytes` says how long it is. */
const BODY_CHARS_MAX = 4_096;
/** A client takes answers of 64 MiB; base64 makes four bytes of three. */
const EXPORTED_BYTES_MAX = 45 * MIB;
/** An event whose offset cannot be told from its text. */
const OFFSET_NOT_KNOWN = -1;

/** What waits under each landing key, in the order in which the keys came up. Totals are of all keys that match. */
export function backlogList(db: ChannelDatabase, input: ParsedInput<'backlogList'>): Output<'backlogList'> {
  const after = cursorOf(input.after) ?? 0;
  const hasTopic = input.topic === undefined ? undefined : topicTest(db, input.topic);
  const keys = backlogKeys(db)
    .filter(
      ({ id, key }) => (input.sink === undefined || key.sink === input.sink) && (hasTopic?.(id) ?? true),
    )
    .sort((a, b) => a.id - b.id);
  const left = keys.filter(({ id }) => id > after);
  const page = left.slice(0, input.limit);
  const last = page.at(-1);
  return {
    rows: page.map((summary) => toRow(summary)),
    ...(left.length > page.length && last !== undefined ? { next: String(last.id) } : {}),
    totalKeys: keys.length,
    totalEvents: sum(keys, 'events'),
    totalRawBytes: sum(keys, 'rawBytes'),
    totalStoredBytes: sum(keys, 'storedBytes'),
  };
}

/** The first events that wait under a key, oldest chunk first. Throws `chunk-damaged`. */
export function backlogPeek(db: ChannelDatabase, input: ParsedInput<'backlogPeek'>): Output<'backlogPeek'> {
  const { landingKeyId, limit } = input;
  const offsets = db.prepare<[number], ChunkOffsets>(
    'SELECT events, lines, first, runs FROM chunks WHERE id = ?',
  );
  const events: PeekedEvent[] = [];
  for (const chunk of backlogChunks(db, landingKeyId, { limit })) {
    if (events.length >= limit) break;
    const row = offsets.get(chunk.id);
    const lines = readable(chunk.id, () => peekEvents(db, chunk.id, limit - events.length));
    // A chunk that is gone since the list was made has been landed.
    if (row === undefined || lines === undefined) continue;
    const at = offsetsOf(row);
    for (const line of lines) {
      const offset = at.next().value ?? OFFSET_NOT_KNOWN;
      const { topic, partition } = chunk;
      events.push({
        chunkId: chunk.id,
        topic,
        partition,
        offset,
        body: line.slice(0, BODY_CHARS_MAX),
        bodyBytes: Buffer.byteLength(line),
        isCut: line.length > BODY_CHARS_MAX,
      });
    }
  }
  return { events, scanned: events.length };
}

/** The next chunk that waits under a key, oldest first. Throws `chunk-damaged`, `event-too-large`. */
export function backlogExport(
  db: ChannelDatabase,
  { landingKeyId, after }: ParsedInput<'backlogExport'>,
): Output<'backlogExport'> {
  const chunk = backlogChunks(db, landingKeyId, { after: cursorOf(after) ?? 0, limit: 1 })[0];
  if (chunk === undefined) return { events: 0, base64: '' };
  const next = String(chunk.id);
  const text = readable(chunk.id, () => chunkText(db, chunk.id));
  // A chunk that is gone since the list was made has been landed.
  if (text === undefined) return { events: 0, base64: '', next };
  if (text.byteLength > EXPORTED_BYTES_MAX) {
    throw new GatewayError({
      code: 'event-too-large',
      operation: 'export the backlog',
      place: `${chunk.topic}/${chunk.partition}@${chunk.first}`,
      message: `An event of ${text.byteLength} bytes does not fit into an answer.`,
      retry: 'never',
      hint: 'It lands all the same; read it from its file then.',
    });
  }
  return { events: chunk.events, base64: text.toString('base64'), next };
}

interface ChunkOffsets {
  readonly events: number;
  readonly lines: number;
  readonly first: number;
  readonly runs: Uint8Array;
}

/** The offset of each line, while every event is one line; a body with line ends of its own hides where events begin. */
function* offsetsOf(row: ChunkOffsets): Generator<number, undefined> {
  if (row.lines !== row.events) return undefined;
  for (const { from, to } of decodeRuns(row.first, row.runs)) for (let at = from; at < to; at++) yield at;
  return undefined;
}

function readable<T>(chunkId: number, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
    if (typeof code !== 'string' || !/^(Z|ZSTD|ERR_ZSTD|ERR_ZLIB)_/.test(code)) throw cause;
    throw new GatewayError({
      code: 'chunk-damaged',
      operation: 'look into the backlog',
      place: `chunk ${chunkId}`,
      message: 'The chunk cannot be decompressed.',
      retry: 'never',
      hint: 'It will be set aside when it is landed; `headgate audit --deep` names its offsets.',
      cause,
    });
  }
}

/** Whether a topic has chunks under a key: one seek a tenure that has any. */
function topicTest(db: ChannelDatabase, topic: string): (landingKeyId: number) => boolean {
  const tenures = new Set(
    db
      .prepare<[string], { id: number }>(
        'SELECT t.id FROM tenures t JOIN partitions p ON p.id = t.partition_id WHERE p.topic = ?',
      )
      .all(topic)
      .map(({ id }) => id),
  );
  const next = db.prepare<[number, number], { id: number | null }>(
    'SELECT min(tenure_id) AS id FROM chunks WHERE landing_key_id = ? AND plan_id IS NULL AND tenure_id > ?',
  );
  return (keyId) => {
    for (let id = next.get(keyId, 0)?.id ?? null; id !== null; id = next.get(keyId, id)?.id ?? null) {
      if (tenures.has(id)) return true;
    }
    return false;
  };
}

function toRow(summary: LandingKeySummary): BacklogRow {
  const { id, key, channel, events, rawBytes, storedBytes } = summary;
  const { oldestEventMs, newestEventMs, oldestPutMs, newestPutMs } = summary;
  const { sink, directory, prefix } = key;
  return {
    ...{ id, sink, channel, directory, prefix, events, rawBytes, storedBytes },
    ...{ oldestEventMs, newestEventMs, oldestPutMs, newestPutMs },
  };
}

function sum(keys: readonly LandingKeySummary[], name: 'events' | 'rawBytes' | 'storedBytes'): number {
  return keys.reduce((total, key) => total + key[name], 0);
}
