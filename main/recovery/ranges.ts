/** Sets of offsets as ordered, disjoint half-open ranges. */
import type { OffsetRun } from '../../shared/model/offset-runs.ts';

/** Sorted, joined where they touch or overlap; empty ones are left out. */
export function joined(ranges: Iterable<OffsetRun>): OffsetRun[] {
  const result: { from: number; to: number }[] = [];
  for (const { from, to } of [...ranges].filter((one) => one.to > one.from).sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else result.push({ from, to });
  }
  return result;
}

/** What of `ranges` is not in `taken`; both are as `joined` gives them. */
export function without(ranges: readonly OffsetRun[], taken: readonly OffsetRun[]): OffsetRun[] {
  const rest: OffsetRun[] = [];
  for (const range of ranges) {
    let { from } = range;
    for (const cut of taken) {
      if (cut.to <= from) continue;
      if (cut.from >= range.to) break;
      if (cut.from > from) rest.push({ from, to: cut.from });
      from = cut.to;
      if (from >= range.to) break;
    }
    if (from < range.to) rest.push({ from, to: range.to });
  }
  return rest;
}

/** What of `ranges` is also in `others`. */
export function within(ranges: readonly OffsetRun[], others: readonly OffsetRun[]): OffsetRun[] {
  return without(ranges, without(ranges, others));
}

/** `5-9, 12`, as people read them. */
export function rangesText(ranges: readonly OffsetRun[], limit = 8): string {
  const named = ranges
    .slice(0, limit)
    .map(({ from, to }) => (to - from === 1 ? `${from}` : `${from}-${to - 1}`));
  const left = ranges.length - named.length;
  return `${named.join(', ')}${left > 0 ? ` and ${left} more` : ''}`;
}
