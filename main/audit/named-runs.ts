import type { OffsetRun } from '../../shared/model/offset-runs.ts';
import { formatRuns } from '../../shared/model/offset-runs.ts';
import { GAPS_NAMED_MAX, GROUPS_NAMED_MAX, RUNS_NAMED_MAX } from './audit-limits.ts';

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

export interface ReasonedRun {
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/** Runs with what is said about each: the first ones as they are, the rest as a count of runs. */
export class ReasonedRuns {
  readonly #runs: ReasonedRun[] = [];
  #leftOut = 0;

  /** Runs come in rising order; one that begins where the last ended, for the same reason, is joined to it. */
  add(reason: string, from: number, to: number): void {
    const last = this.#runs.at(-1);
    if (last !== undefined && last.to === from && last.reason === reason && this.#leftOut === 0)
      this.#runs[this.#runs.length - 1] = { from: last.from, to, reason };
    else if (this.#runs.length < GAPS_NAMED_MAX) this.#runs.push({ from, to, reason });
    else this.#leftOut++;
  }

  get runs(): readonly ReasonedRun[] {
    return this.#runs;
  }

  get leftOut(): number {
    return this.#leftOut;
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
