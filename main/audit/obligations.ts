import type { OffsetRun } from '../../shared/model/offset-runs.ts';
import type { TenureState } from '../../shared/model/partition.ts';

/** A tenure as the audit reads it: accepted are `[startOffset, acceptedTo)`, held `[acceptedTo, putTo)`. */
export interface AuditedTenure {
  readonly id: number;
  readonly nonce: string;
  readonly startOffset: number;
  readonly acceptedTo: number;
  readonly putTo: number;
  readonly state: TenureState;
}

/** Offsets of a tenure in which a channel had a part. */
export interface TenurePart {
  readonly tenureId: number;
  readonly channel: string;
  readonly first: number;
  readonly next: number;
}

/** Offsets that the books must account for, each once. */
export interface Obligation extends OffsetRun {
  /** True: of puts that are not accepted yet; counted apart. */
  readonly isHeld: boolean;
}

/**
 * The name under which offsets are shown that were put while no channel took a part: what a put says that has nothing but
 * dispositions for all channels (a gap, a batch that was filtered whole).
 */
export const NO_CHANNEL = '*';

export interface Obligations {
  /** By channel; `NO_CHANNEL` only when there are such offsets. Runs rise and are disjoint. */
  readonly byChannel: ReadonlyMap<string, readonly Obligation[]>;
  /** Accepted offsets, each counted once. */
  readonly acceptedOffsets: number;
  /** Ranges that two records claim: of two tenures, or of one channel in one tenure. */
  readonly claimedTwice: readonly { readonly who: string; readonly run: OffsetRun }[];
  /** Parts that lie outside their tenure. */
  readonly astray: readonly TenurePart[];
}

/** What must be accounted for in one partition, from its tenures and the channels' parts in them. */
export function obligationsOf(tenures: readonly AuditedTenure[], parts: readonly TenurePart[]): Obligations {
  const claimedTwice: { who: string; run: OffsetRun }[] = [];
  const byId = new Map(tenures.map((tenure) => [tenure.id, tenure]));
  const astray: TenurePart[] = [];
  const pieces = new Map<string, Obligation[]>();
  for (const part of parts) {
    const tenure = byId.get(part.tenureId);
    if (tenure === undefined || part.first < tenure.startOffset || part.next > tenure.putTo)
      astray.push(part);
    if (tenure === undefined) continue;
    const list = pieces.get(part.channel) ?? [];
    pieces.set(part.channel, list);
    list.push(...splitAt(tenure, part.first, part.next));
  }
  const whole = tenures.flatMap((tenure) => splitAt(tenure, tenure.startOffset, tenure.putTo));
  const everything = disjoint(whole, (run) => claimedTwice.push({ who: 'two tenures', run }));
  const byChannel = new Map<string, readonly Obligation[]>();
  for (const [channel, list] of [...pieces].sort(([a], [b]) => (a < b ? -1 : 1))) {
    byChannel.set(
      channel,
      disjoint(list, (run) => claimedTwice.push({ who: `channel ${channel} twice`, run })),
    );
  }
  const nobody = without(
    everything,
    disjoint([...byChannel.values()].flat(), () => undefined),
  );
  if (nobody.length > 0) byChannel.set(NO_CHANNEL, nobody);
  const acceptedOffsets = everything.reduce((sum, run) => sum + (run.isHeld ? 0 : run.to - run.from), 0);
  return { byChannel, acceptedOffsets, claimedTwice, astray };
}

/** `[from, to)` within the tenure, cut where acceptance ends. */
function splitAt(tenure: AuditedTenure, from: number, to: number): Obligation[] {
  const { startOffset, acceptedTo, putTo } = tenure;
  return [
    { from: Math.max(from, startOffset), to: Math.min(to, acceptedTo), isHeld: false },
    { from: Math.max(from, acceptedTo), to: Math.min(to, putTo), isHeld: true },
  ].filter((run) => run.to > run.from);
}

/** Sorted, joined and without overlaps; what overlaps is told. Accepted wins over held. */
function disjoint(runs: readonly Obligation[], overlaps: (run: OffsetRun) => void): Obligation[] {
  const result: { from: number; to: number; isHeld: boolean }[] = [];
  for (const run of [...runs].sort((a, b) => a.from - b.from || Number(a.isHeld) - Number(b.isHeld))) {
    const last = result.at(-1);
    const end = last?.to ?? -Infinity;
    if (run.from < end) overlaps({ from: run.from, to: Math.min(run.to, end) });
    const from = Math.max(run.from, end);
    if (from >= run.to) continue;
    if (last !== undefined && last.to === from && last.isHeld === run.isHeld) last.to = run.to;
    else result.push({ from, to: run.to, isHeld: run.isHeld });
  }
  return result;
}

/** The parts of `all` that are in none of `taken`; both rise and are disjoint. */
function without(all: readonly Obligation[], taken: readonly Obligation[]): Obligation[] {
  const rest: Obligation[] = [];
  let at = 0;
  for (const { from: begin, to, isHeld } of all) {
    let from = begin;
    while ((taken[at]?.to ?? Infinity) <= from) at++;
    for (let here = at; from < to; here++) {
      const cut = taken[here];
      if (cut === undefined || cut.from >= to) {
        rest.push({ from, to, isHeld });
        break;
      }
      if (cut.from > from) rest.push({ from, to: cut.from, isHeld });
      from = Math.max(from, cut.to);
    }
  }
  return rest;
}
