import { decodeRuns, OffsetRunsBuilder } from './offset-runs.ts';
import type { EncodedRuns, OffsetRun } from './offset-runs.ts';

/** Offset runs as sets: what is left of one when another is taken away, and what of one lies in a range. */

/**
 * What is left of `whole` without `part`; undefined: nothing. Throws RangeError when `part` holds an offset that `whole` does not: taking
 * away what is not there is never meant.
 */
export function withoutRuns(whole: EncodedRuns, part: EncodedRuns): EncodedRuns | undefined {
  const left = new OffsetRunsBuilder();
  const taken = decodeRuns(part.first, part.bytes);
  let next = taken.next();
  for (const { from, to } of decodeRuns(whole.first, whole.bytes)) {
    let at = from;
    for (; next.done !== true && next.value.from < to; next = taken.next()) {
      const { from: takenFrom, to: takenTo } = next.value;
      if (takenFrom < at || takenTo > to) throw notHeld(takenFrom, takenTo);
      if (takenFrom > at) left.addRun(at, takenFrom);
      at = takenTo;
    }
    if (to > at) left.addRun(at, to);
  }
  if (next.done !== true) throw notHeld(next.value.from, next.value.to);
  return left.count === 0 ? undefined : left.finish();
}

/** True when every offset of `part` is in `whole`. */
export function holdsRuns(whole: EncodedRuns, part: EncodedRuns): boolean {
  const runs = decodeRuns(whole.first, whole.bytes);
  let run = runs.next();
  for (const { from, to } of decodeRuns(part.first, part.bytes)) {
    while (run.done !== true && run.value.to <= from) run = runs.next();
    if (run.done === true || from < run.value.from || to > run.value.to) return false;
  }
  return true;
}

/** The offsets of `runs` in `[from, to)`; undefined: none. */
export function runsWithin(runs: EncodedRuns, range: OffsetRun): EncodedRuns | undefined {
  const found = new OffsetRunsBuilder();
  for (const run of decodeRuns(runs.first, runs.bytes)) {
    if (run.from >= range.to) break;
    const [from, to] = [Math.max(run.from, range.from), Math.min(run.to, range.to)];
    if (to > from) found.addRun(from, to);
  }
  return found.count === 0 ? undefined : found.finish();
}

/** The same offsets in pieces whose encodings are about so many bytes at most. */
export function* piecesOf(runs: EncodedRuns, encodedBytesMax: number): Generator<EncodedRuns> {
  if (runs.bytes.byteLength <= encodedBytesMax) {
    yield runs;
    return;
  }
  // A pair of numbers takes sixteen bytes at most.
  const runsMax = Math.max(1, Math.floor(encodedBytesMax / 16));
  let piece = new OffsetRunsBuilder();
  let held = 0;
  for (const { from, to } of decodeRuns(runs.first, runs.bytes)) {
    piece.addRun(from, to);
    if (++held < runsMax) continue;
    yield piece.finish();
    piece = new OffsetRunsBuilder();
    held = 0;
  }
  if (held > 0) yield piece.finish();
}

function notHeld(from: number, to: number): RangeError {
  return new RangeError(`offsets ${from}..${to - 1} are not all there to be taken away`);
}
