import type { OffsetRun } from '../../shared/model/offset-runs.ts';
import { decodeRuns } from '../../shared/model/offset-runs.ts';
import type { ChannelDatabase } from '../channel/channel-database.ts';
import { PAGE_ROWS } from './audit-limits.ts';
import { RunHeap } from './run-heap.ts';

/** What a row of the books says about its offsets. */
export type BookKind =
  'landed' | 'in-channel' | 'damaged' | 'quarantined' | 'filtered' | 'not-routed' | 'absent' | 'gap';

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
  /** The file id, or the reason. */
  readonly detail: string;
}

/** `file 2026…`, `chunk 12`, `filtered (rule x)`: how a finding names a row. */
export function rowLabel(row: BookRow): string {
  switch (row.kind) {
    case 'landed':
      return `file ${row.detail}`;
    case 'in-channel':
      return `chunk ${row.id}`;
    case 'damaged':
      return `damaged chunk ${row.detail}`;
    case 'quarantined':
      return `quarantine ${row.id}`;
    case 'filtered':
    case 'not-routed':
    case 'absent':
    case 'gap':
      return `${row.kind} ${row.id} (${row.detail})`;
  }
}

const WHERE = 'WHERE partition_id = @partitionId AND (first, id) > (@first, @id)';
const TABLES = [
  `SELECT id, 'landed' AS kind, channel, NULL AS tenureId, first, next, events, runs, file_id AS detail FROM ledger_parts ${WHERE}`,
  `SELECT id, 'in-channel' AS kind, channel, tenure_id AS tenureId, first, next, events, runs, '' AS detail FROM chunks ${WHERE}`,
  `SELECT id, 'damaged' AS kind, channel, tenure_id AS tenureId, first, next, events, runs,
   chunk_id || ' (' || reason || ')' AS detail FROM damaged_chunks ${WHERE}`,
  `SELECT id, kind, channel, tenure_id AS tenureId, first, next, events, runs, reason AS detail FROM dispositions ${WHERE}`,
  // A retried event stands in the rows of its second way; here it would be claimed twice.
  `SELECT id, 'quarantined' AS kind, channel, tenure_id AS tenureId, first, first + 1 AS next, 1 AS events, NULL AS runs,
   reason AS detail FROM quarantine ${WHERE} AND state <> 'retried'`,
] as const;

/** What a reader of rows tells besides the offsets. */
export interface RowListener {
  /** Each row once, before its offsets. */
  opened(row: BookRow): void;
  /** The row's runs are not what its columns say; what could be read of them was given. */
  damaged(row: BookRow, what: string): void;
}

/**
 * Everything that the books say of one partition, as runs in rising order of their first offset. Rows come from five tables,
 * each read by the page in the order of its index; only rows that span the present offset are open, their runs decoded one by
 * one. Call within one read transaction: between two of them a chunk may become a part of a file.
 */
export class BookRows {
  readonly #lanes: readonly RowLane[];
  readonly #open = new RunHeap<OpenRow>();
  readonly #listener: RowListener;

  constructor(db: ChannelDatabase, partitionId: number, listener: RowListener) {
    this.#lanes = TABLES.map((table) => new RowLane(db, table, partitionId));
    this.#listener = listener;
  }

  /** The row whose run comes next, with that run; undefined at the end. Then `advance`. */
  head(): { readonly row: BookRow; readonly from: number; readonly to: number } | undefined {
    for (;;) {
      const lane = earliest(this.#lanes);
      const row = lane?.head();
      const top = this.#open.top;
      if (lane === undefined || row === undefined || row.first > (top?.from ?? Infinity)) return top;
      lane.take();
      this.#listener.opened(row);
      const open = new OpenRow(row);
      if (open.advance()) this.#open.push(open);
      else this.#closed(open);
    }
  }

  advance(): void {
    const top = this.#open.top;
    if (top === undefined) return;
    if (top.advance()) {
      this.#open.topChanged();
    } else {
      this.#open.removeTop();
      this.#closed(top);
    }
  }

  #closed(open: OpenRow): void {
    const what = open.fault();
    if (what !== undefined) this.#listener.damaged(open.row, what);
  }
}

function earliest(lanes: readonly RowLane[]): RowLane | undefined {
  let found: RowLane | undefined;
  let first = Infinity;
  for (const lane of lanes) {
    const head = lane.head();
    if (head === undefined || head.first >= first) continue;
    first = head.first;
    found = lane;
  }
  return found;
}

/** Rows of one table in order of `first`, a page at a time. */
class RowLane {
  readonly #page;
  readonly #partitionId: number;
  #rows: readonly BookRow[] = [];
  #at = 0;
  #last = { first: -1, id: -1 };
  #isDone = false;

  constructor(db: ChannelDatabase, select: string, partitionId: number) {
    this.#page = db.prepare<unknown[], BookRow>(`${select} ORDER BY first, id LIMIT ${PAGE_ROWS}`);
    this.#partitionId = partitionId;
  }

  head(): BookRow | undefined {
    if (this.#at >= this.#rows.length && !this.#isDone) {
      this.#rows = this.#page.all({ partitionId: this.#partitionId, ...this.#last });
      this.#at = 0;
      this.#isDone = this.#rows.length < PAGE_ROWS;
    }
    return this.#rows[this.#at];
  }

  take(): void {
    const row = this.#rows[this.#at++];
    if (row !== undefined) this.#last = { first: row.first, id: row.id };
  }
}

/** A row whose runs are being read; `from` and `to` are the present one. */
class OpenRow {
  readonly row: BookRow;
  from: number;
  to: number;
  readonly #runs: Iterator<OffsetRun>;
  #count = 0;
  #fault: string | undefined;

  constructor(row: BookRow) {
    this.row = row;
    this.from = row.first;
    this.to = row.first;
    this.#runs =
      row.runs === null ? [{ from: row.first, to: row.next }].values() : decodeRuns(row.first, row.runs);
  }

  /** False at the end, and at the first run that cannot be believed. */
  advance(): boolean {
    if (this.#fault !== undefined) return false;
    const run = this.#next();
    if (run === undefined) return false;
    if (run.to > this.row.next) {
      this.#fault = `its runs go to ${run.to}, its end is ${this.row.next}`;
      return false;
    }
    this.from = run.from;
    this.to = run.to;
    this.#count += run.to - run.from;
    return true;
  }

  /** Asked at the end: what the runs and the row's own columns disagree about. */
  fault(): string | undefined {
    if (this.#fault !== undefined) return this.#fault;
    const { events, next } = this.row;
    if (this.#count !== events) return `its runs hold ${this.#count} offsets, the row says ${events}`;
    return this.to === next ? undefined : `its runs end at ${this.to}, the row says ${next}`;
  }

  #next(): OffsetRun | undefined {
    try {
      const next = this.#runs.next();
      return next.done === true ? undefined : next.value;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#fault = error.message;
      return undefined;
    }
  }
}
