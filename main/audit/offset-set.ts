import type { OffsetRun } from '../../shared/model/offset-runs.ts';

/** A set of offsets as few runs: whatever order they come in, a run that touches another is joined to it. */
export class OffsetSet {
  /** Sorted and apart, unless `#loose` holds more. */
  #runs: OffsetRun[] = [];
  #loose: OffsetRun[] = [];

  static of(from: number, to: number): OffsetSet {
    const set = new OffsetSet();
    set.add(from, to);
    return set;
  }

  /** Adds `from <= o < to`; nothing when that is empty. */
  add(from: number, to: number): void {
    if (to > from) this.#loose.push({ from, to });
  }

  runs(): readonly OffsetRun[] {
    if (this.#loose.length === 0) return this.#runs;
    const sorted = [...this.#runs, ...this.#loose].sort((a, b) => a.from - b.from);
    const merged: { from: number; to: number }[] = [];
    for (const { from, to } of sorted) {
      const last = merged.at(-1);
      if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
      else merged.push({ from, to });
    }
    this.#loose = [];
    this.#runs = merged;
    return merged;
  }

  get isEmpty(): boolean {
    return this.runs().length === 0;
  }

  /** How many offsets. */
  get count(): number {
    return this.runs().reduce((sum, { from, to }) => sum + to - from, 0);
  }

  /** The first offset; Infinity when there is none. */
  get first(): number {
    return this.runs()[0]?.from ?? Infinity;
  }

  /** The offset after the last; 0 when there is none. */
  get next(): number {
    return this.runs().at(-1)?.to ?? 0;
  }
}

/** Offsets of the first that are not in the second. */
export function minus(set: OffsetSet, other: OffsetSet): OffsetSet {
  const rest = new OffsetSet();
  const taken = other.runs();
  let at = 0;
  for (const { from, to } of set.runs()) {
    let start = from;
    while (at < taken.length && (taken[at]?.to ?? 0) <= start) at++;
    for (let next = at; next < taken.length; next++) {
      const one = taken[next];
      if (one === undefined || one.from >= to) break;
      rest.add(start, Math.min(one.from, to));
      start = Math.max(start, one.to);
    }
    rest.add(start, to);
  }
  return rest;
}

/** Offsets of both. */
export function intersected(set: OffsetSet, other: OffsetSet): OffsetSet {
  return minus(set, minus(set, other));
}
