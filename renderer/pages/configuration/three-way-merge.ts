/** Two edits of one text brought together line by line, as far as they are in different places. */

/** Longer stretches that differ are taken as one change: finding what they share would take too long. */
const COMPARED_CELLS_MAX = 4_000_000;

export interface Merged {
  readonly text: string;
  /** Places that both changed, differently: there the text has ours. */
  readonly overlaps: number;
}

/** Lines from `start` to `end` of the base became `lines`. */
interface Change {
  readonly start: number;
  readonly end: number;
  readonly lines: readonly string[];
}

export function mergeLines(base: string, theirs: string, ours: string): Merged {
  const lines = base.split('\n');
  const [left, right] = [changesOf(lines, theirs.split('\n')), changesOf(lines, ours.split('\n'))];
  const result: string[] = [];
  let [at, l, r, overlaps] = [0, 0, 0, 0];
  for (;;) {
    const start = Math.min(left[l]?.start ?? Infinity, right[r]?.start ?? Infinity);
    if (start === Infinity) break;
    const [fromL, fromR] = [l, r];
    let end = start;
    // Everything that touches this stretch of the base on either side belongs together.
    for (let grew = true; grew;) {
      grew = false;
      for (; touches(left[l], start, end); l++, grew = true) end = Math.max(end, left[l]?.end ?? 0);
      for (; touches(right[r], start, end); r++, grew = true) end = Math.max(end, right[r]?.end ?? 0);
    }
    result.push(...lines.slice(at, start));
    const [hers, mine] = [left.slice(fromL, l), right.slice(fromR, r)].map((changes) =>
      applied(lines, changes, [start, end]),
    );
    const isBoth = l > fromL && r > fromR;
    if (isBoth && hers?.join('\n') !== mine?.join('\n')) overlaps++;
    result.push(...((r > fromR ? mine : hers) ?? []));
    at = end;
  }
  return { text: [...result, ...lines.slice(at)].join('\n'), overlaps };
}

function touches(change: Change | undefined, start: number, end: number): boolean {
  return change !== undefined && (change.start === start || change.start < end);
}

function applied(
  lines: readonly string[],
  changes: readonly Change[],
  [start, end]: readonly [number, number],
): string[] {
  const result: string[] = [];
  let at = start;
  for (const change of changes) {
    result.push(...lines.slice(at, change.start), ...change.lines);
    at = change.end;
  }
  return [...result, ...lines.slice(at, end)];
}

/** What became of the lines, in order. */
function changesOf(before: readonly string[], after: readonly string[]): Change[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  while (
    tail < before.length - head &&
    tail < after.length - head &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  )
    tail++;
  const [old, fresh] = [before.slice(head, before.length - tail), after.slice(head, after.length - tail)];
  if (old.length === 0 && fresh.length === 0) return [];
  if (old.length * fresh.length > COMPARED_CELLS_MAX)
    return [{ start: head, end: head + old.length, lines: fresh }];
  return innerChanges(old, fresh).map((change) => ({
    ...change,
    start: change.start + head,
    end: change.end + head,
  }));
}

/** By the longest common run of lines. */
function innerChanges(old: readonly string[], fresh: readonly string[]): Change[] {
  const width = fresh.length + 1;
  const common = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = fresh.length - 1; j >= 0; j--)
      common[i * width + j] =
        old[i] === fresh[j]
          ? (common[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(common[(i + 1) * width + j] ?? 0, common[i * width + j + 1] ?? 0);
  const changes: Change[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < fresh.length) {
    if (i < old.length && j < fresh.length && old[i] === fresh[j]) {
      i++;
      j++;
      continue;
    }
    const [fromI, fromJ] = [i, j];
    while (
      (i < old.length || j < fresh.length) &&
      !(i < old.length && j < fresh.length && old[i] === fresh[j])
    ) {
      const down = common[(i + 1) * width + j] ?? 0;
      const right = common[i * width + j + 1] ?? 0;
      if (j >= fresh.length || (i < old.length && down >= right)) i++;
      else j++;
    }
    changes.push({ start: fromI, end: i, lines: fresh.slice(fromJ, j) });
  }
  return changes;
}
