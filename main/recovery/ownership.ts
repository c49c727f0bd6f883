/**
 * Which offsets of a partition were the lost state's (exactly-once.md §4, §5). Pure: the same facts give the same answer.
 *
 * Promise: a range is called the lost state's, or not, only where a fact says so. What no fact decides is `undecided`, and an operator
 * decides it; nothing of it is pulled or left out on a guess.
 *
 * The facts, in the order in which they are believed:
 *  1. The list of tenures that the group's offset carries: each entry says who owned its range, and the owners that it names are all that
 *     ever were (the last tenure of each state id stays listed, whatever else goes).
 *  2. What the lost state published of itself: its accepted ranges, whole from `rangesFrom` on, up to `acceptedTo`.
 *  3. Files: only accepted offsets land, so a file of the lost state proves that its offsets were the lost state's.
 *  4. What the others published: ranges of theirs are not the lost state's.
 *  5. Nobody but the lost state is listed: then what is missing from the list between two entries was its own too.
 *  6. The operator's word.
 */
import type { OffsetRun } from '../../shared/model/offset-runs.ts';
import {
  formatTenureMetadata,
  METADATA_BYTES_MAX,
  type TenureEntry,
  type TenureMetadata,
} from '../sources/kafka/tenure-metadata.ts';
import { joined, without, within } from './ranges.ts';

/** What a state directory published of a partition. */
export interface PublishedRanges {
  readonly stateId: string;
  readonly ranges: readonly OffsetRun[];
  /** The ranges are whole between these two. */
  readonly wholeFrom: number;
  readonly acceptedTo: number;
}

export interface OwnershipFacts {
  /** For the nonces of ranges that no list names. */
  readonly place: string;
  /** State ids that are recovered together. */
  readonly lost: ReadonlySet<string>;
  readonly chain: TenureMetadata | undefined;
  readonly committedOffset: number;
  readonly published: readonly PublishedRanges[];
  /** Offsets in files of the lost states, joined. */
  readonly landed: readonly OffsetRun[];
  readonly words: { readonly ours: readonly OffsetRun[]; readonly notOurs: readonly OffsetRun[] };
}

export interface OwnedRange extends OffsetRun {
  readonly nonce: string;
  readonly basis: 'listed' | 'unlisted';
  /** Somebody moved the offset up to here when the tenure began: those before were skipped on purpose. */
  readonly skippedTo: number | undefined;
}

export interface Ownership {
  /** Of the log that is read now; in order, disjoint. */
  readonly ranges: readonly OwnedRange[];
  readonly undecided: readonly OffsetRun[];
  /** Listed tenures of the lost state in logs that were replaced since. */
  readonly ofOldLogs: readonly (OffsetRun & { readonly nonce: string })[];
}

/** An entry takes so many bytes at most; a list that is shorter than the limit by more than one never lost any. */
const ENTRY_BYTES_MAX = 160;

export function ownershipOf(facts: OwnershipFacts): Ownership {
  const { chain, lost, words } = facts;
  const { current, old } = entriesOf(facts);
  const listed = current.filter(({ stateId }) => lost.has(stateId));
  const listedRanges = joined(current);
  const known = joined([
    ...facts.published.filter(({ stateId }) => lost.has(stateId)).flatMap(({ ranges }) => ranges),
    ...facts.landed,
    ...words.ours,
  ]);
  // Without a list only what is proven is the lost state's; nobody knows of the rest.
  const holes = chain === undefined ? [] : holesOf(chain, current);
  const sure = without(known, listedRanges);
  const judged = holes.map((hole) => judge(facts, { hole, current, sure }));
  const unlisted = joined([...sure, ...judged.flatMap(({ ours }) => ours)]);
  return {
    ranges: [
      ...listed.map(
        ({ nonce, from, to, skippedTo }) => ({ nonce, from, to, skippedTo, basis: 'listed' }) as const,
      ),
      ...unlisted.map(({ from, to }) => ({
        nonce: `recovered:${facts.place}:${from}`,
        ...{ from, to, basis: 'unlisted' as const, skippedTo: undefined },
      })),
    ]
      .filter(({ from, to }) => to > from)
      .sort((a, b) => a.from - b.from),
    undecided: joined(judged.flatMap(({ undecided }) => undecided)),
    ofOldLogs: old.filter(({ stateId, from, to }) => lost.has(stateId) && to > from),
  };
}

interface ListedRange extends OffsetRun {
  readonly nonce: string;
  readonly stateId: string;
  readonly skippedTo: number | undefined;
}

function entriesOf({ chain, committedOffset }: OwnershipFacts): {
  readonly current: readonly ListedRange[];
  readonly old: readonly ListedRange[];
} {
  if (chain === undefined) return { current: [], old: [] };
  const { entries, movedTo } = chain;
  const begin = Math.max(
    0,
    entries.findLastIndex(({ oldLogEnd }) => oldLogEnd !== undefined),
  );
  const toRange = (entry: TenureEntry, at: number): ListedRange => {
    const next = entries[at + 1];
    // The first tenure of another log says where the old one ended.
    const end = next?.oldLogEnd ?? entry.end ?? Math.max(committedOffset, entry.start);
    const skippedTo = entry.end === undefined ? movedTo : undefined;
    return { nonce: entry.nonce, stateId: entry.stateId, from: entry.start, to: end, skippedTo };
  };
  const ranges = entries.map(toRange);
  return { current: ranges.slice(begin), old: ranges.slice(0, begin) };
}

interface Hole extends OffsetRun {
  /** Before everything that is listed: where the first tenure began is not known. */
  readonly isOpen: boolean;
}

/** Ranges that tenures may have had which are not listed any more. */
function holesOf(chain: TenureMetadata, current: readonly ListedRange[]): Hole[] {
  const holes: Hole[] = [];
  const [first] = current;
  if (first !== undefined && first.from > 0 && mayHaveLostTheFirst(chain))
    holes.push({ from: 0, to: first.from, isOpen: true });
  let at = first?.to ?? 0;
  for (const { from, to } of current) {
    if (from > at) holes.push({ from: at, to: from, isOpen: false });
    at = Math.max(at, to);
  }
  return holes;
}

/** The first tenure of a log stays listed when the log before it is; and a list that is short was never cut. */
function mayHaveLostTheFirst(chain: TenureMetadata): boolean {
  if (chain.entries.some(({ oldLogEnd }) => oldLogEnd !== undefined)) return false;
  if (chain.sequence <= chain.entries.length) return false;
  return Buffer.byteLength(formatTenureMetadata(chain)) > METADATA_BYTES_MAX - ENTRY_BYTES_MAX;
}

function judge(
  { lost, published, words }: OwnershipFacts,
  at: { readonly hole: Hole; readonly current: readonly ListedRange[]; readonly sure: readonly OffsetRun[] },
): { readonly ours: readonly OffsetRun[]; readonly undecided: readonly OffsetRun[] } {
  const { hole, current, sure } = at;
  const others = published.filter(({ stateId }) => !lost.has(stateId));
  const own = published.filter(({ stateId }) => lost.has(stateId));
  const notOurs = joined([...others.flatMap(({ ranges }) => ranges), ...words.notOurs]);
  let rest = without(without([hole], sure), notOurs);
  // What the lost states published of themselves is whole in a stretch: there they had nothing else.
  const lostIds = new Set(current.map(({ stateId }) => stateId).filter((id) => lost.has(id)));
  if (own.length > 0 && [...lostIds].every((id) => own.some(({ stateId }) => stateId === id))) {
    const wholeFrom = Math.max(...own.map((one) => one.wholeFrom));
    const wholeTo = Math.min(...own.map((one) => one.acceptedTo));
    rest = without(rest, joined([{ from: wholeFrom, to: wholeTo }]));
  }
  const strangers = [...new Set(current.map(({ stateId }) => stateId))].filter((id) => !lost.has(id));
  // Published before it had its last tenure, what another one says is not all of it.
  const areOthersWhole = strangers.every((id) => {
    const lastFrom = current.findLast(({ stateId }) => stateId === id)?.from ?? 0;
    return others.some(
      ({ stateId, wholeFrom, acceptedTo }) =>
        stateId === id && wholeFrom <= hole.from && acceptedTo >= Math.min(hole.to, lastFrom),
    );
  });
  if (hole.isOpen) {
    // Tenures follow one another without a gap: what lies behind a proven offset of ours is ours too, if nobody else is there.
    const first = sure.find(({ to }) => to > hole.from && to <= hole.to)?.from;
    if (first === undefined || !areOthersWhole) return { ours: [], undecided: rest };
    return {
      ours: within(rest, [{ from: first, to: hole.to }]),
      undecided: within(rest, [{ from: hole.from, to: first }]),
    };
  }
  return areOthersWhole ? { ours: rest, undecided: [] } : { ours: [], undecided: rest };
}
