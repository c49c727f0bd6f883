/** Events that this gateway holds already, for trying other rules on them: of the backlog, and of the quarantine. The channel is only read. */
import { join } from 'node:path';
import type { SourceConfig } from '../../../shared/contract/config.ts';
import { EventBatch, parseTimestamp } from '../../../shared/event-batch.ts';
import { decodeRuns } from '../../../shared/model/offset-runs.ts';
import { MIB } from '../../../shared/units.ts';
import { BacklogChunks, type BacklogChunk } from '../../channel/backlog-chunks.ts';
import { CHANNEL_FILE, openForReading, type ChannelDatabase } from '../../channel/channel-database.ts';
import { quarantinedEvent, quarantineRows } from '../../channel/quarantine-reader.ts';
import type { EventSample } from './event-sample.ts';
import { pastedEvents } from './pasted-events.ts';

const QUARANTINE_PAGE = 500;
/** As the largest event that a source may take. */
const BODY_BYTES_MAX = 256 * MIB;
const SLICE_BYTES_MAX = 4 * MIB;
const OFFSET_NOT_KNOWN = -1;

interface QuarantineEvent {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** The newest events that wait under a landing key. What they had besides their body is gone: their headers, and their records' times. */
export function backlogSample(options: {
  readonly landingKeyId: number;
  readonly last: number;
  readonly stateDir: string;
  readonly source: SourceConfig;
  readonly sliceEvents: () => number;
}): EventSample {
  const { landingKeyId, last, stateDir, source, sliceEvents } = options;
  return {
    total: last,
    sourceTime: 'unknown',
    note: () =>
      'The backlog keeps bodies as they land: headers of the records and their times are gone, and rules that changed the body have changed it already.',
    async *slices(signal) {
      const db = openForReading(join(stateDir, CHANNEL_FILE));
      try {
        const chunks = new BacklogChunks(db);
        let left = last;
        for (const chunk of newestChunks(chunks, landingKeyId, last)) {
          signal.throwIfAborted();
          const lines = linesOf(chunks, chunk).slice(-left);
          left -= lines.length;
          const { topic, partition } = chunk;
          const origin = { topic, partition, hasRecordTimes: false, mapsTimestamp: false };
          for (let from = 0; from < lines.length;) {
            const part = lines.slice(from, from + sliceEvents());
            from += part.length;
            yield { origin, events: storedEvents(part, source, topic), failed: [] };
          }
          if (left <= 0) return;
        }
      } finally {
        db.close();
      }
    },
  };
}

/** A chunk holds one event at least, so as many chunks are enough. Each look is a short transaction: the log of the database is never kept. */
function* newestChunks(chunks: BacklogChunks, landingKeyId: number, last: number): Generator<BacklogChunk> {
  const offset = Math.max(0, chunks.count(landingKeyId) - last);
  for (const id of chunks.ids(landingKeyId, { limit: last, offset }).reverse()) {
    const chunk = chunks.get(id);
    // Landed since it was listed.
    if (chunk !== undefined) yield chunk;
  }
}

interface StoredLine {
  readonly offset: number;
  readonly body: Buffer;
}

/** Without offsets where a body has line ends of its own: they hide where events begin. */
function linesOf(chunks: BacklogChunks, chunk: BacklogChunk): StoredLine[] {
  const text = chunks.textOnDisk(chunk.id);
  // Landed since it was listed; or in the engine's memory, which this thread does not see.
  if (text === undefined) return [];
  const offsets = chunk.lines === chunk.events ? offsetsOf(chunk) : undefined;
  const lines: StoredLine[] = [];
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf(10, at);
    const end = newline < 0 ? text.length : newline;
    lines.push({ offset: offsets?.next().value ?? OFFSET_NOT_KNOWN, body: text.subarray(at, end) });
    at = end + 1;
  }
  return lines;
}

function* offsetsOf({ first, runs }: BacklogChunk): Generator<number, undefined> {
  for (const { from, to } of decodeRuns(first, runs)) for (let at = from; at < to; at++) yield at;
  return undefined;
}

function storedEvents(lines: readonly StoredLine[], source: SourceConfig, topic: string): EventBatch {
  const bodies = lines.map(({ body }) => body);
  const events = pastedEvents(bodies, { source, topic, from: 0, nowMs: NaN });
  for (const [index, { offset }] of lines.entries()) events.offsets[index] = offset;
  return events;
}

/** The newest events that wait in quarantine, with the headers that they had when they were put there. */
export function quarantineSample(options: {
  readonly source: string;
  readonly reason?: string | undefined;
  readonly last: number;
  readonly stateDir: string;
}): EventSample {
  const { stateDir, last } = options;
  return {
    total: last,
    sourceTime: 'the time with which it came into quarantine',
    note: () => undefined,
    async *slices(signal) {
      const db = openForReading(join(stateDir, CHANNEL_FILE));
      try {
        let kept: QuarantineEvent[] = [];
        let bytes = 0;
        for (const event of waitingEvents(db, options)) {
          signal.throwIfAborted();
          const [head] = kept;
          const isOther =
            head !== undefined && (head.topic !== event.topic || head.partition !== event.partition);
          if (head !== undefined && (isOther || bytes > SLICE_BYTES_MAX)) {
            yield sliceOf(kept);
            kept = [];
            bytes = 0;
          }
          kept.push(event);
          bytes += event.body.byteLength;
        }
        if (kept.length > 0) yield sliceOf(kept);
      } finally {
        db.close();
      }
    },
  };
}

function* waitingEvents(
  db: ChannelDatabase,
  {
    source,
    reason,
    last,
  }: { readonly source: string; readonly reason?: string | undefined; readonly last: number },
): Generator<QuarantineEvent> {
  let left = last;
  let before: number | undefined;
  for (;;) {
    const rows = quarantineRows(db, { source, reason, state: 'waiting' }, { before, limit: QUARANTINE_PAGE });
    for (const { id, topic, partition, offset } of rows) {
      before = id;
      const content = quarantinedEvent(db, id, BODY_BYTES_MAX)?.content;
      // Retried or dropped since it was listed.
      if (content === undefined) continue;
      const headers = JSON.parse(content.headers) as Record<string, string>;
      yield { topic, partition, offset, headers, body: content.body };
      if (--left <= 0) return;
    }
    if (rows.length < QUARANTINE_PAGE) return;
  }
}

function sliceOf(rows: readonly QuarantineEvent[]) {
  const bodies = rows.map(({ body }) => Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  const names = new Set(rows.flatMap(({ headers }) => Object.keys(headers)));
  names.delete('timestamp');
  const headerOf = (index: number, name: string): string | undefined => {
    const headers = rows[index]?.headers ?? {};
    return Object.hasOwn(headers, name) ? headers[name] : undefined;
  };
  const [head] = rows;
  return {
    origin: {
      topic: head?.topic ?? '',
      partition: head?.partition ?? 0,
      hasRecordTimes: true,
      mapsTimestamp: false,
    },
    events: new EventBatch({
      count: rows.length,
      offsets: Float64Array.from(rows, ({ offset }) => offset),
      sources: bodies,
      sourceOf: Uint16Array.from(rows, (_, index) => index),
      starts: new Int32Array(rows.length),
      ends: Int32Array.from(bodies, ({ length }) => length),
      timestamps: Float64Array.from(rows, (_, index) => parseTimestamp(headerOf(index, 'timestamp') ?? '')),
      sharedHeaders: {},
      lazyHeaders: Object.fromEntries(
        [...names].map((name) => [name, { get: (index: number) => headerOf(index, name) }]),
      ),
    }),
    failed: [],
  };
}
