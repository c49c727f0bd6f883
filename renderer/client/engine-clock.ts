/** Samples that the difference is taken from. */
const SAMPLES_MAX = 20;

/**
 * The engine's clock as far as it can be told here. A message is always older than its `nowMs` says, by the time it travelled: of the
 * last samples the one that travelled least, so the largest difference, is the best.
 */
export class EngineClock {
  readonly #samples: number[] = [];
  #differenceMs = 0;

  /** Engine minus browser, ms. */
  get differenceMs(): number {
    return this.#differenceMs;
  }

  hear(engineNowMs: number, browserNowMs: number): void {
    this.#samples.push(engineNowMs - browserNowMs);
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
    this.#differenceMs = Math.max(...this.#samples);
  }

  /** The engine's time now. */
  nowMs(browserNowMs: number = Date.now()): number {
    return browserNowMs + this.#differenceMs;
  }

  /** For a new engine: another machine's clock says nothing about it. */
  forget(): void {
    this.#samples.length = 0;
  }
}
