import type { OffsetRun } from '../../shared/model/offset-runs.ts';
import { formatRuns } from '../../shared/model/offset-runs.ts';
import { GROUPS_NAMED_MAX, RUNS_NAMED_MAX } from './audit-limits.ts';

/** Offsets for a finding: the first runs by name, the rest as a count, so that a broken book of any size fits into memory. */
export class NamedRuns {
  readonly #runs: { from: number; to: number }[] = [];
  #offsets = 0;
  #runsLeftOut = 0;

  /** Runs come in rising order; one that begins where the last ended is joined to it. */
  add(from: number, to: number): void {
    this.#offsets += to - from;
    const last = this.#runs.at(-1);
    if (last !== undefined && last.to === from && this.#runsLeftOut === 0) last.to = to;
    else if (this.#runs.length < RUNS_NAMED_MAX) this.#runs.push({ from, to });
    else this.#runsLeftOut++;
  }

  get isEmpty(): boolean {
    return this.#offsets === 0;
  }

  /** `5-9, 12 (6 offsets)`. */
  toString(): string {
    const runs: readonly OffsetRun[] = this.#runs;
    const rest = this.#runsLeftOut === 0 ? '' : ` and ${this.#runsLeftOut} more runs`;
    return `${formatRuns(runs)}${rest} (${this.#offsets} offset${this.#offsets === 1 ? '' : 's'})`;
  }
}

const REST = 'other rows';

/** Runs by what is said about them; beyond some groups the rest goes into one. */
export class GroupedRuns {
  readonly #groups = new Map<string, NamedRuns>();

  add(label: string, from: number, to: number): void {
    let key = label;
    let runs = this.#groups.get(key);
    if (runs === undefined && this.#groups.size >= GROUPS_NAMED_MAX) runs = this.#groups.get((key = REST));
    if (runs === undefined) this.#groups.set(key, (runs = new NamedRuns()));
    runs.add(from, to);
  }

  [Symbol.iterator](): IterableIterator<[string, NamedRuns]> {
    return this.#groups.entries();
  }
}
