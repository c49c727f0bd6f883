import type { SourceClock } from './source-clock.ts';

/** Lets one loop sleep until somebody has work for it. A call that comes while nobody sleeps is kept for the next sleep. */
export class WakeUp {
  #isCalled = false;
  #sleeper: AbortController | undefined;

  call(): void {
    this.#isCalled = true;
    this.#sleeper?.abort();
  }

  /** Resolves when called, after `ms`, or when the signal aborts. Never rejects. */
  async sleep(
    ms: number,
    options: { readonly clock: SourceClock; readonly signal: AbortSignal },
  ): Promise<void> {
    if (!this.#isCalled && !options.signal.aborted) {
      const sleeper = new AbortController();
      const onAbort = (): void => sleeper.abort();
      options.signal.addEventListener('abort', onAbort, { once: true });
      this.#sleeper = sleeper;
      await options.clock.wait(ms, sleeper.signal);
      this.#sleeper = undefined;
      options.signal.removeEventListener('abort', onAbort);
    }
    this.#isCalled = false;
  }
}
