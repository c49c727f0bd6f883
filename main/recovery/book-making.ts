/**
 * From the ranges that were the lost state's to tenures, claims and gaps: every offset of theirs that no row of the books speaks of is
 * claimed, or, where nobody can pull it any more, a gap that says so.
 *
 * The books are read on a connection of their own, in the order of offsets (`coverage`): memory does not grow with them.
 */
import type { ChannelDatabase } from '../channel/channel-database.ts';
import { coverage } from '../channel/coverage-reader.ts';
import type { RecoveredBooks, RecoveredPosition, RecoveredTenure } from '../channel/recovered-books.ts';
import { OffsetRunsBuilder, type OffsetRun } from '../../shared/model/offset-runs.ts';
import { rangesText } from './ranges.ts';
import type { RecoveredPartitionRow } from './recovery-report.ts';

/** Offsets that can't be pulled again. */
export interface GoneRange extends OffsetRun {
  readonly why: string;
}

export interface PartitionWork extends RecoveredPosition {
  /** In order, disjoint. */
  readonly gone: readonly GoneRange[];
  /** For people: which disk. */
  readonly detail: string;
}

const RUNS_A_ROW = 1_000;
const RANGES_NAMED_MAX = 12;

/** In the caller's transaction. `reader` sees what was committed before. */
export function makeBooks(
  work: PartitionWork,
  { books, reader }: { readonly books: RecoveredBooks; readonly reader: ChannelDatabase },
): RecoveredPartitionRow[] {
  books.addTenures(work);
  return work.channels.map((channel) => {
    const made = new ChannelClaims(books, { channel, detail: work.detail });
    const intervals = coverage(reader, work.partition.id, channel);
    for (const piece of uncovered(work.tenures, intervals))
      for (const part of splitAt(piece, work.gone)) made.add(part);
    made.finish();
    const accepted = work.tenures.reduce((sum, { from, to }) => sum + to - from, 0);
    const { claimed, gone } = made;
    return {
      ...work.partition.ref,
      ...{ channel, accepted, landed: accepted - claimed.count - gone.count },
      ...{ claimed: claimed.count, claimedOffsets: claimed.text() },
      ...{ gone: gone.count, goneOffsets: gone.text(), goneWhy: [...made.reasons] },
    };
  });
}

interface Piece extends OffsetRun {
  readonly tenure: RecoveredTenure;
  /** Undefined: it may be pulled again. */
  readonly why?: string;
}

/** What of the tenures is in none of the intervals, which come in the order of their beginnings. */
export function* uncovered(
  tenures: readonly RecoveredTenure[],
  intervals: Iterator<OffsetRun>,
): Generator<Piece> {
  let head = intervals.next();
  for (const tenure of tenures) {
    let { from } = tenure;
    while (from < tenure.to) {
      while (head.done !== true && head.value.to <= from) head = intervals.next();
      if (head.done === true || head.value.from >= tenure.to) {
        yield { tenure, from, to: tenure.to };
        break;
      }
      if (head.value.from > from) yield { tenure, from, to: head.value.from };
      from = head.value.to;
    }
  }
}

function* splitAt(piece: Piece, gone: readonly GoneRange[]): Generator<Piece> {
  const { tenure, to } = piece;
  let { from } = piece;
  for (const range of gone) {
    if (range.to <= from || range.from >= to) continue;
    if (range.from > from) yield { tenure, from, to: range.from };
    const end = Math.min(to, range.to);
    yield { tenure, from: Math.max(from, range.from), to: end, why: range.why };
    from = end;
  }
  if (from < to) yield { tenure, from, to };
}

/** Gathers pieces into rows: as long as tenure and fate are the same, up to so many runs. */
class ChannelClaims {
  readonly claimed = new Tally();
  readonly gone = new Tally();
  readonly reasons = new Set<string>();
  readonly #books: RecoveredBooks;
  readonly #row: { readonly channel: string; readonly detail: string };
  #builder = new OffsetRunsBuilder();
  #runs = 0;
  #open: Piece | undefined;

  constructor(books: RecoveredBooks, row: { readonly channel: string; readonly detail: string }) {
    this.#books = books;
    this.#row = row;
  }

  add(piece: Piece): void {
    const isSame = this.#open?.tenure === piece.tenure && this.#open.why === piece.why;
    if (!isSame || this.#runs >= RUNS_A_ROW) this.finish();
    this.#open = piece;
    this.#builder.addRun(piece.from, piece.to);
    this.#runs++;
    (piece.why === undefined ? this.claimed : this.gone).add(piece);
    if (piece.why !== undefined) this.reasons.add(piece.why);
  }

  finish(): void {
    if (this.#open === undefined) return;
    const { tenure, why } = this.#open;
    const { channel, detail } = this.#row;
    const runs = this.#builder.finish();
    if (why === undefined) this.#books.claim({ nonce: tenure.nonce, channel, detail }, runs);
    else this.#books.gap({ nonce: tenure.nonce, channel, reason: why }, runs);
    this.#open = undefined;
    this.#builder = new OffsetRunsBuilder();
    this.#runs = 0;
  }
}

/** How many, and the first few by name. */
class Tally {
  count = 0;
  #left = 0;
  readonly #named: { from: number; to: number }[] = [];

  add({ from, to }: OffsetRun): void {
    this.count += to - from;
    const last = this.#named.at(-1);
    if (last?.to === from && this.#left === 0) last.to = to;
    else if (this.#named.length < RANGES_NAMED_MAX) this.#named.push({ from, to });
    else this.#left++;
  }

  text(): string {
    const named = rangesText(this.#named, RANGES_NAMED_MAX);
    return this.#left === 0 ? named : `${named} and ${this.#left} more`;
  }
}
