import type { OffsetRun } from '../../shared/model/offset-runs.ts';
import { decodeRuns } from '../../shared/model/offset-runs.ts';
import type { ChannelDatabase } from '../channel/channel-database.ts';
import { ENDED_ROWS } from './audit-limits.ts';
import type { BookRow, RowLane } from './book-tables.ts';
import { givesUpOffsets, lanesOf } from './book-tables.ts';
import { RunHeap } from './run-heap.ts';

/** What a reader of rows tells besides the offsets. */
export interface RowListener {
  /** Each row before its offsets; once, or once in each snapshot in which it was begun. */
  opened(row: BookRow): void;
  /** The row's runs are not what its columns say; what could be read of them was given. */
  damaged(row: BookRow, what: string): void;
}

/**
 * Everything that the books say of one partition, as runs in rising order of their first offset. Rows come from five tables,
 * each read by the page in the order of its index; only rows that span the present offset are open, their runs decoded one by
 * one. What is read between two calls of `restart` must be read in one transaction: else a chunk may become a part of a file
 * unseen.
 */
export class BookRows {
  readonly #lanes: readonly RowLane[];
  readonly #listener: RowListener;
  #open = new RunHeap<OpenRow>();
  /** Rows that were given whole and may reach past the present offset. */
  #ended: OpenRow[] = [];
  #lastFrom = -Infinity;
  /** Where the runs end that were given of rows which may give up their offsets. */
  #givenUpTo = -Infinity;

  constructor(db: ChannelDatabase, partitionId: number, listener: RowListener) {
    this.#lanes = lanesOf(db, partitionId);
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
      const open = new OpenRow(row, lane);
      if (open.advance()) this.#open.push(open);
      else this.#closed(open);
    }
  }

  advance(): void {
    const top = this.#open.top;
    if (top === undefined) return;
    this.#lastFrom = top.from;
    if (givesUpOffsets(top.row)) this.#givenUpTo = Math.max(this.#givenUpTo, top.to);
    if (top.advance()) {
      this.#open.topChanged();
    } else {
      this.#open.removeTop();
      this.#closed(top);
    }
  }

  /**
   * The offset at which the rest may be read in a later snapshot: all runs before it were given, and no run that was given and
   * goes past it is of a row that may change. Undefined: not here.
   */
  seam(): number | undefined {
    const at = this.head()?.from;
    return at !== undefined && at > this.#lastFrom && at >= this.#givenUpTo ? at : undefined;
  }

  /**
   * Goes on in the snapshot that has begun, from the offset that `seam` gave in the last one. A row that reaches over the seam
   * goes on behind what was given of it; a row that is new there was chunks before, whose offsets before the seam were given.
   */
  restart(at: number): void {
    const known = [...this.#open.items, ...this.#ended].filter(({ row }) => row.first < at && row.next > at);
    this.#open = new RunHeap();
    this.#ended = [];
    for (const lane of this.#lanes) {
      const givenTo = new Map(
        known.filter((one) => one.lane === lane).map((one) => [one.row.id, one.givenTo]),
      );
      for (const row of lane.restart(at, [...givenTo.keys()])) {
        const open = new OpenRow(row, lane);
        if (open.skipTo(Math.max(at, givenTo.get(row.id) ?? at))) this.#open.push(open);
        else this.#closed(open);
      }
    }
  }

  #closed(open: OpenRow): void {
    const what = open.fault();
    if (what !== undefined) this.#listener.damaged(open.row, what);
    this.#ended.push(open);
    // Of rows that do not overlap, one a channel reaches past the present offset.
    if (this.#ended.length % ENDED_ROWS === 0)
      this.#ended = this.#ended.filter(({ row }) => row.next > this.#lastFrom);
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

/** A row whose runs are being read; `from` and `to` are the present one. */
class OpenRow {
  readonly row: BookRow;
  readonly lane: RowLane;
  from: number;
  to: number;
  /** Where the runs before the present one end. */
  givenTo: number;
  readonly #runs: Iterator<OffsetRun>;
  #count = 0;
  #fault: string | undefined;

  constructor(row: BookRow, lane: RowLane) {
    this.row = row;
    this.lane = lane;
    this.from = row.first;
    this.to = row.first;
    this.givenTo = row.first;
    this.#runs =
      row.runs === null ? [{ from: row.first, to: row.next }].values() : decodeRuns(row.first, row.runs);
  }

  /** False at the end, and at the first run that cannot be believed. */
  advance(): boolean {
    this.givenTo = this.to;
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

  /** To the first run, or what is left of it, at or behind `at`; false when there is none. */
  skipTo(at: number): boolean {
    while (this.advance()) {
      if (this.to <= at) continue;
      this.from = Math.max(this.from, at);
      return true;
    }
    return false;
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
