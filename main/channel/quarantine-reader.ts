import type { ChannelDatabase } from './channel-database.ts';

/**
 * Questions about quarantine, over a reading connection. Rows are a few hundred bytes; what an event carried stands apart, and only
 * `quarantinedEvent` and a retry's slices (quarantine-target.ts) read it.
 */

/** No list is longer, whatever is asked for. */
const LIST_ROWS_MAX = 1_000;
/** Of these, most waiting first; the others are counted. */
export const GROUPS_MAX = 1_000;
export type QuarantineState = 'waiting' | 'retried' | 'dropped';

export interface QuarantineFilter {
  /** Any text that the reason holds, or a group's form of it. */
  readonly reason?: string | undefined;
  readonly source?: string | undefined;
  readonly topic?: string | undefined;
  readonly state?: QuarantineState | undefined;
}

export interface QuarantineListRow {
  readonly id: number;
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly channel: string | null;
  readonly reason: string;
  readonly putMs: number;
  readonly timestampMs: number | null;
  readonly bodyBytes: number;
  readonly state: QuarantineState;
  readonly preview: Buffer;
  readonly settledMs: number | null;
  readonly settledBy: string | null;
  readonly settledWhy: string | null;
}

const COLUMNS = `q.id, p.source, p.topic, p.partition, q.first AS "offset", q.channel, q.reason, q.put_ms AS putMs,
  q.timestamp_ms AS timestampMs, q.body_bytes AS bodyBytes, q.state, q.preview, q.settled_ms AS settledMs,
  q.settled_by AS settledBy, q.settled_why AS settledWhy`;
/** CROSS JOIN keeps SQLite at the order of the first table, which is the order of the answer. */
export const OF_PARTITION = 'quarantine q CROSS JOIN partitions p ON p.id = q.partition_id';
const MATCHES = `(@state IS NULL OR q.state = @state) AND (@source IS NULL OR p.source = @source)
  AND (@topic IS NULL OR p.topic = @topic) AND (@reason IS NULL OR instr(q.reason, @reason) > 0 OR q.reason_form = @reason)`;

function bound({ reason, source, topic, state }: QuarantineFilter) {
  return { reason: reason ?? null, source: source ?? null, topic: topic ?? null, state: state ?? null };
}

/** Newest first: rows below `before`, or the page at `offset`. */
export function quarantineRows(
  db: ChannelDatabase,
  filter: QuarantineFilter,
  page: {
    readonly before?: number | undefined;
    readonly offset?: number | undefined;
    readonly limit: number;
  },
): QuarantineListRow[] {
  return db
    .prepare<unknown[], QuarantineListRow>(
      `SELECT ${COLUMNS} FROM ${OF_PARTITION} WHERE ${MATCHES} AND (@before IS NULL OR q.id < @before)
      ORDER BY q.id DESC LIMIT @limit OFFSET @offset`,
    )
    .all({
      ...bound(filter),
      before: page.before ?? null,
      offset: page.offset ?? 0,
      limit: Math.max(0, Math.min(page.limit, LIST_ROWS_MAX + 1)),
    });
}

/** How many rows match: from the counts, and from the rows only when a reason is asked for. */
export function quarantineTotal(db: ChannelDatabase, filter: QuarantineFilter): number {
  const sql =
    filter.reason === undefined
      ? `SELECT coalesce(sum(q.events), 0) AS total FROM quarantine_counts q JOIN partitions p ON p.id = q.partition_id
        WHERE (@state IS NULL OR q.state = @state) AND (@source IS NULL OR p.source = @source)
        AND (@topic IS NULL OR p.topic = @topic)`
      : `SELECT count(*) AS total FROM ${OF_PARTITION} WHERE ${MATCHES}`;
  const { reason, ...rest } = bound(filter);
  const row = db.prepare<unknown[], { total: number }>(sql).get(reason === null ? rest : { ...rest, reason });
  return row?.total ?? 0;
}

/** Events that wait, by channel; null: for all channels of their source. From the counts: asked each second. */
export function waitingByChannel(db: ChannelDatabase): ReadonlyMap<string | null, number> {
  const rows = db
    .prepare<[], { channel: string; events: number }>(
      "SELECT channel, sum(events) AS events FROM quarantine_counts WHERE state = 'waiting' GROUP BY channel",
    )
    .all();
  return new Map(rows.map(({ channel, events }) => [channel === '' ? null : channel, events]));
}

export interface QuarantineGroupRow {
  /** The form of the reason. */
  readonly reason: string;
  readonly source: string;
  readonly topic: string;
  readonly waiting: number;
  readonly retried: number;
  readonly dropped: number;
  /** When the first and the last of them came into quarantine. */
  readonly oldestMs: number;
  readonly newestMs: number;
}

type Group = { -readonly [Name in keyof QuarantineGroupRow]: QuarantineGroupRow[Name] };

/** Events by the form of their reason, source and topic, most waiting first. Reads one index and no row. */
export function quarantineGroupRows(db: ChannelDatabase): {
  readonly groups: readonly QuarantineGroupRow[];
  readonly leftOut: number;
} {
  const partitions = new Map(
    db
      .prepare<[], { id: number; source: string; topic: string }>('SELECT id, source, topic FROM partitions')
      .all()
      .map(({ id, ...place }) => [id, place]),
  );
  const rows = db
    .prepare<
      [],
      {
        form: string;
        partitionId: number;
        state: QuarantineState;
        events: number;
        oldestMs: number;
        newestMs: number;
      }
    >(
      `SELECT reason_form AS form, partition_id AS partitionId, state, count(*) AS events, min(put_ms) AS oldestMs,
      max(put_ms) AS newestMs FROM quarantine INDEXED BY quarantine_by_reason GROUP BY reason_form, partition_id, state`,
    )
    .iterate();
  const kept = new GroupList();
  let ofForm = new Map<string, Group>();
  let form: string | undefined;
  for (const row of rows) {
    if (row.form !== form) {
      kept.add(ofForm.values());
      ofForm = new Map();
      form = row.form;
    }
    const { source = '', topic = '' } = partitions.get(row.partitionId) ?? {};
    const key = JSON.stringify([source, topic]);
    const group = ofForm.get(key) ?? newGroup(row.form, source, topic);
    ofForm.set(key, group);
    group[row.state] += row.events;
    group.oldestMs = Math.min(group.oldestMs, row.oldestMs);
    group.newestMs = Math.max(group.newestMs, row.newestMs);
  }
  kept.add(ofForm.values());
  return kept.finish();
}

function newGroup(reason: string, source: string, topic: string): Group {
  const none = { waiting: 0, retried: 0, dropped: 0, oldestMs: Infinity, newestMs: -Infinity };
  return { reason, source, topic, ...none };
}

/** The groups with most waiting, however many there are. */
class GroupList {
  #groups: Group[] = [];
  #leftOut = 0;

  add(groups: Iterable<Group>): void {
    this.#groups.push(...groups);
    if (this.#groups.length > 4 * GROUPS_MAX) this.#cut();
  }

  finish(): { readonly groups: readonly QuarantineGroupRow[]; readonly leftOut: number } {
    this.#cut();
    return { groups: this.#groups, leftOut: this.#leftOut };
  }

  #cut(): void {
    this.#groups.sort((a, b) => b.waiting - a.waiting || b.newestMs - a.newestMs);
    this.#leftOut += Math.max(0, this.#groups.length - GROUPS_MAX);
    this.#groups = this.#groups.slice(0, GROUPS_MAX);
  }
}

export interface QuarantinedWhole {
  readonly row: QuarantineListRow;
  /** Absent when the event left quarantine. */
  readonly content:
    { readonly headers: string; readonly key: Buffer | null; readonly body: Buffer } | undefined;
}

/** One event with its body up to `bodyBytesMax`. */
export function quarantinedEvent(
  db: ChannelDatabase,
  id: number,
  bodyBytesMax: number,
): QuarantinedWhole | undefined {
  const row = db
    .prepare<[number], QuarantineListRow>(
      `SELECT ${COLUMNS} FROM quarantine q JOIN partitions p ON p.id = q.partition_id WHERE q.id = ?`,
    )
    .get(id);
  if (row === undefined) return undefined;
  const content = db
    .prepare<[number, number], { headers: string; key: Buffer | null; body: Buffer }>(
      'SELECT headers, key, substr(body, 1, ?) AS body FROM quarantine_bodies WHERE id = ?',
    )
    .get(bodyBytesMax, id);
  return { row, content };
}
