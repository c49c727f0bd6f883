import type { QuarantineSelection } from '../../shared/contract/control-rows.ts';
import type { ChannelDatabase } from './channel-database.ts';
import { OF_PARTITION } from './quarantine-reader.ts';

/** What a retry or a drop has before it, and the next part of it: in the order of partitions and offsets, over a reading connection. */

/** What a retry takes at once: bounds memory, and the time until the writer's next group. */
export const SLICE_EVENTS_MAX = 512;
const SLICE_BYTES_MAX = 4 * 1024 * 1024;
/** What a drop takes at once; freeing pages costs by the byte. */
const DROP_EVENTS_MAX = 1_000;
const DROP_BYTES_MAX = 64 * 1024 * 1024;

/** Which events a retry or a drop means: those that wait, are accepted, and were there when it began. */
export interface QuarantineTarget {
  readonly selection: QuarantineSelection;
  /** No row beyond it: what comes in or is split meanwhile is not meant. */
  readonly upTo: number;
}

/** Goes on behind this row, in the order of partitions and offsets. */
export interface QuarantineCursor {
  readonly partitionId: number;
  readonly first: number;
  readonly id: number;
}

const START: QuarantineCursor = { partitionId: 0, first: -1, id: 0 };

const SELECTED = `(@ids IS NULL OR q.id IN (SELECT value FROM json_each(@ids)))
  AND (@source IS NULL OR p.source = @source) AND (@topic IS NULL OR p.topic = @topic)
  AND (@reason IS NULL OR q.reason = @reason OR q.reason_form = @reason) AND q.state = 'waiting'`;
const OF_TENURE = `${OF_PARTITION} CROSS JOIN tenures t ON t.id = q.tenure_id`;

function selected(selection: QuarantineSelection) {
  const { ids, reason, source, topic } = {
    ids: undefined,
    reason: undefined,
    source: undefined,
    topic: undefined,
    ...selection,
  };
  return {
    ids: ids === undefined ? null : JSON.stringify(ids),
    reason: reason ?? null,
    source: source ?? null,
    topic: topic ?? null,
  };
}

/** How much a retry or a drop has before it. */
export interface QuarantineTargetSize {
  readonly events: number;
  /** Besides: their offsets are not accepted yet. */
  readonly held: number;
  readonly upTo: number;
}

export function quarantineTarget(db: ChannelDatabase, selection: QuarantineSelection): QuarantineTargetSize {
  const row = db
    .prepare<unknown[], { events: number; held: number | null; upTo: number | null }>(
      `SELECT count(*) AS events, sum(q.first >= t.accepted_to) AS held, max(q.id) AS upTo FROM ${OF_TENURE} WHERE ${SELECTED}`,
    )
    .get(selected(selection));
  const held = row?.held ?? 0;
  return { events: (row?.events ?? 0) - held, held, upTo: row?.upTo ?? 0 };
}

interface TargetRow {
  readonly id: number;
  readonly partitionId: number;
  readonly tenureId: number;
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
  readonly offset: number;
  readonly channel: string | null;
  readonly bodyBytes: number;
}

function targetRows(
  db: ChannelDatabase,
  target: QuarantineTarget,
  page: { readonly after: QuarantineCursor | undefined; readonly rows: number; readonly bytes: number },
): { readonly rows: readonly TargetRow[]; readonly next: QuarantineCursor | undefined } {
  const found = db
    .prepare<unknown[], TargetRow>(
      `SELECT q.id, q.partition_id AS partitionId, q.tenure_id AS tenureId, p.source, p.topic, p.partition, p.incarnation,
      q.first AS "offset", q.channel, q.body_bytes AS bodyBytes FROM ${OF_TENURE}
      WHERE ${SELECTED} AND (q.partition_id, q.first, q.id) > (@partitionId, @first, @id) AND q.id <= @upTo
      AND q.first < t.accepted_to ORDER BY q.partition_id, q.first, q.id LIMIT @limit`,
    )
    .all({
      ...selected(target.selection),
      ...(page.after ?? START),
      upTo: target.upTo,
      limit: page.rows,
    });
  let bytes = 0;
  const end = found.findIndex(({ bodyBytes }, at) => (bytes += bodyBytes) > page.bytes && at > 0);
  const rows = end < 0 ? found : found.slice(0, end);
  const last = rows.at(-1);
  const isEnd = end < 0 && found.length < page.rows;
  const next =
    last === undefined || isEnd
      ? undefined
      : { partitionId: last.partitionId, first: last.offset, id: last.id };
  return { rows, next };
}

/** An event that may leave quarantine, with all it carried. */
export interface SliceEvent extends Omit<TargetRow, 'channel'> {
  readonly channel: string | undefined;
  /** A JSON object. */
  readonly headers: string;
  readonly body: Uint8Array;
}

export interface QuarantineSlice {
  readonly events: readonly SliceEvent[];
  /** Undefined: these were the last. */
  readonly next: QuarantineCursor | undefined;
}

/** The next events of a retry, in the order of partitions and offsets. */
export function quarantineSlice(
  db: ChannelDatabase,
  target: QuarantineTarget,
  after: QuarantineCursor | undefined,
): QuarantineSlice {
  const content = db.prepare<[number], { headers: string; body: Buffer }>(
    'SELECT headers, body FROM quarantine_bodies WHERE id = ?',
  );
  const { rows, next } = targetRows(db, target, { after, rows: SLICE_EVENTS_MAX, bytes: SLICE_BYTES_MAX });
  const events = rows.flatMap(({ channel, ...row }): SliceEvent[] => {
    const found = content.get(row.id);
    // Dropped between the two statements.
    if (found === undefined) return [];
    // A copy, for a message carries the whole buffer of a view.
    const body = Uint8Array.from(found.body);
    return [{ ...row, channel: channel ?? undefined, headers: found.headers, body }];
  });
  return { events, next };
}

export interface QuarantineIds {
  readonly ids: readonly number[];
  readonly next: QuarantineCursor | undefined;
}

/** The next rows of a drop. */
export function quarantineIds(
  db: ChannelDatabase,
  target: QuarantineTarget,
  after: QuarantineCursor | undefined,
): QuarantineIds {
  const { rows, next } = targetRows(db, target, { after, rows: DROP_EVENTS_MAX, bytes: DROP_BYTES_MAX });
  return { ids: rows.map(({ id }) => id), next };
}
