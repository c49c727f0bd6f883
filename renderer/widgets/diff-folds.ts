/** Long stretches without a change folded away. */
import type { DiffLine } from '../../shared/contract/control-config.ts';

/** Lines around a change that stay. */
const CONTEXT_LINES = 4;
/** Fewer than these are not worth a fold. */
const FOLD_MIN = 4;

export type DiffPart =
  | { readonly kind: 'line'; readonly place: number; readonly line: DiffLine }
  | { readonly kind: 'fold'; readonly from: number; readonly count: number };

/** `opened`: first places of folds that are to be shown. */
export function foldedLines(lines: readonly DiffLine[], opened: ReadonlySet<number>): readonly DiffPart[] {
  const near = new Uint8Array(lines.length);
  lines.forEach(({ kind }, place) => {
    if (kind !== 'same') near.fill(1, Math.max(0, place - CONTEXT_LINES), place + CONTEXT_LINES + 1);
  });
  const parts: DiffPart[] = [];
  for (let place = 0; place < lines.length;) {
    let end = place;
    while (end < lines.length && near[end] === 0) end++;
    if (end - place >= FOLD_MIN && !opened.has(place)) {
      parts.push({ kind: 'fold', from: place, count: end - place });
      place = end;
      continue;
    }
    for (const stop = Math.max(end, place + 1); place < stop; place++) {
      const line = lines[place];
      if (line !== undefined) parts.push({ kind: 'line', place, line });
    }
  }
  return parts;
}
