/** One resolution of the history: a ring of steps in one flat array, each row `[step, observedMs, ...flows, ...gauges]`. */

const FIXED_COLUMNS = 2;

export interface RingShape {
  readonly stepMs: number;
  /** Steps that it holds. */
  readonly length: number;
  readonly flows: number;
  readonly gauges: number;
}

/** Several steps as one. Gauges that were not known are NaN. */
export interface HistoryRow {
  readonly observedMs: number;
  readonly flows: readonly number[];
  readonly gauges: readonly number[];
}

export class HistoryRing {
  readonly stepMs: number;
  readonly spanMs: number;
  readonly #shape: RingShape;
  readonly #width: number;
  readonly #cells: Float64Array;

  constructor(shape: RingShape) {
    this.#shape = shape;
    this.#width = HistoryRing.widthOf(shape);
    this.stepMs = shape.stepMs;
    this.spanMs = shape.stepMs * shape.length;
    this.#cells = new Float64Array(shape.length * this.#width).fill(NaN);
  }

  /** Numbers a row has. */
  static widthOf({ flows, gauges }: Pick<RingShape, 'flows' | 'gauges'>): number {
    return FIXED_COLUMNS + flows + gauges;
  }

  /** Splits what flowed over the steps that the time before `endMs` spans; the gauges belong to the last of them. */
  add(
    span: { readonly endMs: number; readonly lastedMs: number },
    flows: readonly number[],
    gauges: readonly number[],
  ): void {
    const { stepMs } = this;
    const startMs = span.endMs - span.lastedMs;
    const first = Math.floor(startMs / stepMs);
    const last = Math.max(first, Math.ceil(span.endMs / stepMs) - 1);
    const left = [...flows];
    for (let step = first; step <= last; step++) {
      const ms = Math.min(span.endMs, (step + 1) * stepMs) - Math.max(startMs, step * stepMs);
      const base = this.#take(step);
      this.#put(base + 1, ms);
      flows.forEach((flow, at) => {
        // The last step gets what is left, so that nothing is lost to rounding.
        const share = step === last ? (left[at] ?? 0) : (flow * ms) / span.lastedMs;
        left[at] = (left[at] ?? 0) - share;
        this.#put(base + FIXED_COLUMNS + at, share);
      });
    }
    const gaugesAt = this.#base(last) + FIXED_COLUMNS + flows.length;
    gauges.forEach((gauge, at) => {
      if (!Number.isNaN(gauge)) this.#cells[gaugesAt + at] = gauge;
    });
  }

  /** `count` steps from `first` on as one; undefined when nothing was observed in them. */
  gather(first: number, count: number): HistoryRow | undefined {
    const { flows: flowCount, gauges: gaugeCount } = this.#shape;
    const flows = new Array<number>(flowCount).fill(0);
    const gauges = new Array<number>(gaugeCount).fill(NaN);
    let observedMs = 0;
    for (let step = first; step < first + count; step++) {
      const base = this.#base(step);
      if (this.#cells[base] !== step) continue;
      observedMs += this.#cells[base + 1] ?? 0;
      for (let at = 0; at < flowCount; at++) flows[at]! += this.#cells[base + FIXED_COLUMNS + at] ?? 0;
      for (let at = 0; at < gaugeCount; at++) {
        const gauge = this.#cells[base + FIXED_COLUMNS + flowCount + at] ?? NaN;
        if (!Number.isNaN(gauge)) gauges[at] = gauge;
      }
    }
    return observedMs > 0 ? { observedMs, flows, gauges } : undefined;
  }

  /** The rows in use, one behind the other. */
  rows(): Float64Array {
    const used: number[] = [];
    for (let base = 0; base < this.#cells.length; base += this.#width)
      if (!Number.isNaN(this.#cells[base])) used.push(base);
    const rows = new Float64Array(used.length * this.#width);
    used.forEach((base, at) => rows.set(this.#cells.subarray(base, base + this.#width), at * this.#width));
    return rows;
  }

  /** Of two rows for the same place the one of the later step is kept. Rows that make no sense are left. */
  restore(rows: Float64Array): void {
    for (let from = 0; from + this.#width <= rows.length; from += this.#width) {
      const step = rows[from] ?? NaN;
      const observedMs = rows[from + 1] ?? NaN;
      if (!Number.isSafeInteger(step) || !(observedMs >= 0)) continue;
      const base = this.#base(step);
      const known = this.#cells[base] ?? NaN;
      if (known > step) continue;
      this.#cells.set(rows.subarray(from, from + this.#width), base);
    }
  }

  #put(cell: number, amount: number): void {
    this.#cells[cell] = (this.#cells[cell] ?? 0) + amount;
  }

  /** Where the row of this step stands; it is emptied first when it holds another one. */
  #take(step: number): number {
    const base = this.#base(step);
    if (this.#cells[base] === step) return base;
    const gaugesAt = base + FIXED_COLUMNS + this.#shape.flows;
    this.#cells.fill(0, base, gaugesAt);
    this.#cells.fill(NaN, gaugesAt, base + this.#width);
    this.#cells[base] = step;
    return base;
  }

  #base(step: number): number {
    const { length } = this.#shape;
    return (((step % length) + length) % length) * this.#width;
  }
}
