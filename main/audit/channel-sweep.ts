import type { BookKind, BookRow } from './book-tables.ts';
import { rowLabel } from './book-tables.ts';
import { GroupedRuns, NamedRuns, ReasonedRuns } from './named-runs.ts';
import type { Obligation } from './obligations.ts';

/**
 * Holds what the books say of one partition in one channel against what they must say, in one pass over both in offset order:
 * an offset that must be there and is not is *missing*, one that two rows claim is an *overlap*, one that no tenure of the
 * channel covers is *outside*. Nothing but the end of what is covered so far is remembered, so a gap of any length costs nothing.
 */
export class ChannelSweep {
  readonly counts: Record<BookKind, number> = {
    landed: 0,
    'in-channel': 0,
    claimed: 0,
    quarantined: 0,
    dropped: 0,
    filtered: 0,
    'not-routed': 0,
    absent: 0,
    gap: 0,
  };
  held = 0;
  readonly missing = new NamedRuns();
  readonly heldMissing = new NamedRuns();
  readonly overlaps = new GroupedRuns();
  readonly outside = new GroupedRuns();
  /** Whose events are to be pulled again, by why. */
  readonly claimed = new GroupedRuns();
  /** What operators gave up, by who and why. */
  readonly dropped = new GroupedRuns();
  /** Gone before they could be pulled, or given up; by why and when. */
  readonly gaps = new ReasonedRuns();
  #obligations: readonly Obligation[];
  #at = 0;
  #coveredTo = -Infinity;
  #coveredBy: BookRow | undefined;

  /** Obligations rise and are disjoint. */
  constructor(obligations: readonly Obligation[]) {
    this.#obligations = obligations;
  }

  /** One run of a row. Runs come in rising order of `from`. */
  claim(row: BookRow, from: number, to: number): void {
    const end = this.#coveredTo;
    if (from < end && this.#coveredBy !== undefined) {
      this.overlaps.add(`${rowLabel(this.#coveredBy)} and ${rowLabel(row)}`, from, Math.min(to, end));
    } else if (from > end) {
      this.#hole(end, from);
    }
    if (to <= end) return;
    this.#count(row, Math.max(from, end), to);
    this.#coveredTo = to;
    this.#coveredBy = row;
  }

  finish(): void {
    this.#hole(this.#coveredTo, Infinity);
    this.#coveredTo = Infinity;
  }

  /** Everything before `at` was claimed: goes on with what is owed in a later snapshot. */
  restart(at: number, obligations: readonly Obligation[]): void {
    if (this.#coveredTo < at) {
      this.#hole(this.#coveredTo, at);
      this.#coveredTo = at;
    }
    this.#obligations = obligations;
    this.#at = 0;
  }

  /** True: nothing is owed, and nothing was claimed. */
  get isIdle(): boolean {
    return this.#obligations.length === 0 && this.#coveredBy === undefined;
  }

  /** First offset that is owed, and the end of what is accepted. */
  get range(): { readonly from: number; readonly to: number } {
    const from = this.#obligations[0]?.from ?? 0;
    const to = this.#obligations.findLast((one) => !one.isHeld)?.to ?? from;
    return { from, to };
  }

  #hole(from: number, to: number): void {
    this.#pass(from);
    for (let here = this.#at; ; here++) {
      const owed = this.#obligations[here];
      if (owed === undefined || owed.from >= to) return;
      const runs = owed.isHeld ? this.heldMissing : this.missing;
      runs.add(Math.max(from, owed.from), Math.min(to, owed.to));
    }
  }

  #count(row: BookRow, from: number, to: number): void {
    this.#pass(from);
    let at = from;
    for (let here = this.#at; at < to; here++) {
      const owed = this.#obligations[here];
      const begin = Math.min(owed?.from ?? to, to);
      if (begin > at) this.#outside(row, at, begin);
      if (owed === undefined || owed.from >= to) return;
      const end = Math.min(owed.to, to);
      this.#owed(row, { from: Math.max(at, owed.from), to: end, isHeld: owed.isHeld });
      at = end;
    }
  }

  #owed(row: BookRow, { from, to, isHeld }: Obligation): void {
    if (isHeld && row.kind === 'landed')
      this.outside.add(`${rowLabel(row)}, though its put is not accepted`, from, to);
    if (isHeld) this.held += to - from;
    else this.counts[row.kind] += to - from;
    if (row.kind === 'claimed' && !isHeld) this.claimed.add(row.detail, from, to);
    if (row.kind === 'gap' && !isHeld) this.gaps.add(row.detail, from, to);
    if (row.kind === 'dropped') this.dropped.add(row.detail, from, to);
  }

  /** A row for all channels may speak of offsets in which this one had no part. */
  #outside(row: BookRow, from: number, to: number): void {
    if (row.channel !== null) this.outside.add(rowLabel(row), from, to);
  }

  /** Forgets obligations that end before `from`. */
  #pass(from: number): void {
    while ((this.#obligations[this.#at]?.to ?? Infinity) <= from) this.#at++;
  }
}
