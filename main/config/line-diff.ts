/**
 * Two texts line by line: which lines stayed, went and came. The shortest edit by Myers' algorithm (An O(ND) Difference Algorithm and Its
 * Variations, 1986), bounded: texts that differ in more lines than `EDITS_MAX` are told as one gone and the other come, between what
 * they share at their beginning and end.
 */
import type { DiffLine } from '../../shared/contract/control-config.ts';

/** The work grows with the square of it: a thousand edits take some ms and 8 MB for a moment. */
export const EDITS_MAX = 1_000;

export interface DiffText {
  readonly lines: readonly string[];
  /** What a line is compared by; lines with other keys differ, also when they look the same. */
  readonly keys: readonly string[];
}

/** Every line of both, in order; of lines that were exchanged, those that went come first. */
export function lineDiff(before: DiffText, after: DiffText): DiffLine[] {
  const [old, fresh] = [before.keys, after.keys];
  let start = 0;
  while (start < Math.min(old.length, fresh.length) && old[start] === fresh[start]) start++;
  let end = 0;
  const endMax = Math.min(old.length, fresh.length) - start;
  while (end < endMax && old[old.length - 1 - end] === fresh[fresh.length - 1 - end]) end++;
  const middle = kept(old.slice(start, old.length - end), fresh.slice(start, fresh.length - end));
  const pairs = [
    ...Array.from({ length: start }, (_, at): Pair => [at, at]),
    ...middle.map(([left, right]): Pair => [left + start, right + start]),
    ...Array.from({ length: end }, (_, at): Pair => [old.length - end + at, fresh.length - end + at]),
  ];
  return rows(before.lines, after.lines, pairs);
}

type Pair = readonly [before: number, after: number];

function rows(old: readonly string[], fresh: readonly string[], pairs: readonly Pair[]): DiffLine[] {
  const result: DiffLine[] = [];
  let [left, right] = [0, 0];
  for (const [before, after] of [...pairs, [old.length, fresh.length] as const]) {
    while (left < before) result.push({ kind: 'removed', before: left + 1, text: old[left++] ?? '' });
    while (right < after) result.push({ kind: 'added', after: right + 1, text: fresh[right++] ?? '' });
    if (left < old.length)
      result.push({ kind: 'same', before: ++left, after: ++right, text: fresh[right - 1] ?? '' });
  }
  return result;
}

/** Places of lines that both have, in order; none when the texts differ too much. */
function kept(old: readonly string[], fresh: readonly string[]): Pair[] {
  if (old.length === 0 || fresh.length === 0) return [];
  const limit = Math.min(EDITS_MAX, old.length + fresh.length);
  const middle = limit + 1;
  /** Furthest place in `old` on each diagonal (place in `old` less place in `fresh`), after so many edits. */
  const reach = new Int32Array(2 * middle + 1);
  const trace: Int32Array[] = [];
  for (let edits = 0; edits <= limit; edits++) {
    trace.push(reach.slice(middle - edits - 1, middle + edits + 2));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const above = reach[middle + diagonal + 1] ?? 0;
      const left = reach[middle + diagonal - 1] ?? 0;
      let x = diagonal === -edits || (diagonal !== edits && left < above) ? above : left + 1;
      while (x < old.length && x - diagonal < fresh.length && old[x] === fresh[x - diagonal]) x++;
      reach[middle + diagonal] = x;
      if (x >= old.length && x - diagonal >= fresh.length)
        return walkedBack(trace, [old.length, fresh.length]);
    }
  }
  return [];
}

function walkedBack(trace: readonly Int32Array[], end: Pair): Pair[] {
  const pairs: Pair[] = [];
  let [x, y] = end;
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const reach = trace[edits];
    const diagonal = x - y;
    const at = (one: number): number => reach?.[one + edits + 1] ?? 0;
    const isDown = diagonal === -edits || (diagonal !== edits && at(diagonal - 1) < at(diagonal + 1));
    const from = isDown ? diagonal + 1 : diagonal - 1;
    const fromX = edits === 0 ? 0 : at(from);
    const fromY = edits === 0 ? 0 : fromX - from;
    while (x > fromX && y > fromY) pairs.push([--x, --y]);
    [x, y] = [fromX, fromY];
  }
  return pairs.reverse();
}
