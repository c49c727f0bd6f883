import type { ChannelDatabase } from '../channel/channel-database.ts';
import { JOINED_ROWS, PAGE_ROWS } from './audit-limits.ts';

/** What a row of the books says about its offsets. */
export type BookKind =
  | 'landed'
  | 'in-channel'
  | 'claimed'
  | 'quarantined'
  | 'dropped'
  | 'filtered'
  | 'not-routed'
  | 'absent'
  | 'gap';

/** One row that speaks of offsets of one partition. */
export interface BookRow {
  readonly id: number;
  readonly kind: BookKind;
  /** Null: all channels of the source. */
  readonly channel: string | null;
  /** Null: the row does not say (landed parts). */
  readonly tenureId: number | null;
  readonly first: number;
  readonly next: number;
  readonly events: number;
  /** Null: one offset, `first`. */
  readonly runs: Uint8Array | null;
  /** The file id, or the reason; of a dropped event also who dropped it and why. */
  readonly detail: string;
}

/** `file 2026…`, `chunk 12`, `filtered (rule x)`: how a finding names a row. */
export function rowLabel(row: BookRow): string {
  switch (row.kind) {
    case 'landed':
      return `file ${row.detail}`;
    case 'in-channel':
      return `chunk ${row.id}`;
    case 'claimed':
      return `claim ${row.id} (${row.detail})`;
    case 'quarantined':
      return `quarantine ${row.id}`;
    case 'dropped':
      return `dropped quarantine ${row.id}`;
    case 'filtered':
    case 'not-routed':
    case 'absent':
    case 'gap':
      return `${row.kind} ${row.id} (${row.detail})`;
  }
}

/**
 * True for rows that may give their offsets to another row: a chunk becomes a part of a file, or a claim; a claim what its
 * events become when they are pulled again; an event leaves quarantine for a chunk, a disposition, or a row for one channel. What other rows say of an offset that is accepted they say for
 * good; they only grow at their end.
 */
export function givesUpOffsets(row: BookRow): boolean {
  return row.kind === 'in-channel' || row.kind === 'claimed' || row.kind === 'quarantined';
}

interface BookTable {
  readonly name: string;
  readonly columns: string;
  readonly where?: string;
  /** True: neighbouring rows are joined into one when they are accepted. */
  readonly isJoined?: boolean;
}

/** Every table that speaks of offsets, with an index over (partition_id, first). */
const TABLES: readonly BookTable[] = [
  {
    name: 'ledger_parts',
    columns: "id, 'landed' AS kind, channel, NULL AS tenureId, first, next, events, runs, file_id AS detail",
  },
  {
    name: 'chunks',
    columns:
      "id, 'in-channel' AS kind, channel, tenure_id AS tenureId, first, next, events, runs, '' AS detail",
  },
  {
    name: 'claims',
    columns: "id, 'claimed' AS kind, channel, tenure_id AS tenureId, first, next, events, runs, detail",
  },
  {
    name: 'dispositions',
    columns: 'id, kind, channel, tenure_id AS tenureId, first, next, events, runs, reason AS detail',
    isJoined: true,
  },
  {
    name: 'quarantine',
    columns: `id, CASE state WHEN 'dropped' THEN 'dropped' ELSE 'quarantined' END AS kind, channel, tenure_id AS tenureId,
      first, first + 1 AS next, 1 AS events, NULL AS runs, CASE state WHEN 'dropped'
        THEN 'dropped by ' || coalesce(settled_by, '') || ' (' || coalesce(settled_why, '') || '): ' || reason_form
        ELSE reason END AS detail`,
    // A retried event stands in the rows of its second way; here it would be claimed twice.
    where: " AND state <> 'retried'",
  },
];

/** One lane a table, over one partition. */
export function lanesOf(db: ChannelDatabase, partitionId: number): readonly RowLane[] {
  return TABLES.map((table) => new RowLane(db, table, partitionId));
}

/** Rows of one table in order of `first`, a page at a time. */
export class RowLane {
  readonly #statements;
  readonly #isJoined: boolean;
  readonly #partitionId: number;
  #rows: readonly BookRow[] = [];
  #at = 0;
  #last = { first: -1, id: Number.MAX_SAFE_INTEGER };
  #isDone = false;
  /** The newest row of the table when the present snapshot began. */
  #newestId = 0;

  constructor(db: ChannelDatabase, table: BookTable, partitionId: number) {
    this.#partitionId = partitionId;
    this.#isJoined = table.isJoined === true;
    this.#statements = statementsOf(db, table);
    this.#newestId = this.#statements.newest.get()?.id ?? 0;
  }

  head(): BookRow | undefined {
    if (this.#at >= this.#rows.length && !this.#isDone) {
      this.#rows = this.#statements.page.all({ partitionId: this.#partitionId, ...this.#last });
      this.#at = 0;
      this.#isDone = this.#rows.length < PAGE_ROWS;
    }
    return this.#rows[this.#at];
  }

  take(): void {
    const row = this.#rows[this.#at++];
    if (row !== undefined) this.#last = { first: row.first, id: row.id };
  }

  /**
   * Begins again in a new snapshot with rows of `first >= at`, and gives those that begin before `at` and end behind it. `ids`
   * were such rows in the last snapshot; besides them there are rows that were written since, and rows that were joined since.
   * Its index is by `first`, so there is no way to ask for them without knowing what was there before.
   */
  restart(at: number, ids: readonly number[]): readonly BookRow[] {
    this.#rows = [];
    this.#at = 0;
    this.#isDone = false;
    this.#last = { first: at - 1, id: Number.MAX_SAFE_INTEGER };
    const { byId, newer, before, newest } = this.#statements;
    const partitionId = this.#partitionId;
    const found = [
      ...ids.flatMap((id) => byId.get({ id, partitionId }) ?? []),
      ...newer.all({ newestId: this.#newestId, partitionId, at }),
      ...(this.#isJoined ? before.all({ partitionId, at }) : []),
    ];
    this.#newestId = newest.get()?.id ?? 0;
    const spanning = found.filter((row) => row.first < at && row.next > at);
    return [...new Map(spanning.map((row) => [row.id, row])).values()];
  }
}

function statementsOf(db: ChannelDatabase, { name, columns, where = '' }: BookTable) {
  return {
    page: db.prepare<unknown[], BookRow>(
      `SELECT ${columns} FROM ${name} WHERE partition_id = @partitionId AND (first, id) > (@first, @id)${where}
      ORDER BY first, id LIMIT ${PAGE_ROWS}`,
    ),
    byId: db.prepare<unknown[], BookRow>(
      `SELECT ${columns} FROM ${name} WHERE id = @id AND partition_id = @partitionId${where}`,
    ),
    // The unary plus keeps SQLite at the primary key: of all rows of the partition these are the last few.
    newer: db.prepare<unknown[], BookRow>(
      `SELECT ${columns} FROM ${name} WHERE id > @newestId AND +partition_id = @partitionId AND +first < @at${where}`,
    ),
    before: db.prepare<unknown[], BookRow>(
      `SELECT ${columns} FROM ${name} WHERE partition_id = @partitionId AND first < @at${where}
      ORDER BY first DESC, id DESC LIMIT ${JOINED_ROWS}`,
    ),
    newest: db.prepare<[], { id: number | null }>(`SELECT max(id) AS id FROM ${name}`),
  };
}
