/** The known name nearest to a mistyped one. */

/** Names longer than this are not compared: nobody mistypes them into one of ours. */
const MAX_COMPARED_CHARS = 64;

/**
 * The candidate with the smallest edit distance (insert, drop, change, swap of neighbours; case is free), when it is near enough to be
 * a slip: at most a third of the letters. `undefined` otherwise, for a wild guess misleads.
 */
export function nearestName(written: string, candidates: Iterable<string>): string | undefined {
  if (written.length > MAX_COMPARED_CHARS) return undefined;
  const wanted = written.toLowerCase();
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of candidates) {
    const distance = editDistance(wanted, name.toLowerCase());
    if (best === undefined || distance < best.distance) best = { name, distance };
  }
  if (best === undefined) return undefined;
  const limit = Math.max(1, Math.floor(Math.max(written.length, best.name.length) / 3));
  return best.distance <= limit ? best.name : undefined;
}

/** Optimal string alignment distance; both texts are short, so the full rows are cheap. */
function editDistance(left: string, right: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const isSame = left[row - 1] === right[column - 1];
      let distance = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const isSwap =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (isSwap) distance = Math.min(distance, (beforePrevious[column - 2] ?? 0) + 1);
      current.push(distance);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[right.length] ?? 0;
}
