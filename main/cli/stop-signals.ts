/**
 * Signals that ask a long-running verb to end: SIGTERM, SIGINT, SIGHUP (the terminal was closed). The entry makes a SIGTERM of
 * the launcher's end.
 */
import { systemClock } from '../telemetry/clock.ts';

/**
 * Ctrl-C reaches the process from the terminal and again from each launcher that hands it on; within this time it is the same wish.
 */
export const ECHO_MS = 700;

/** The first wish begins an orderly stop, a later one ends at once. */
export class StopWish {
  #firstMs: number | undefined;
  readonly #parts: {
    readonly steadyMs: () => number;
    readonly onStop: (why: string) => void;
    readonly onHurry: () => void;
  };

  constructor(parts: {
    readonly steadyMs: () => number;
    readonly onStop: (why: string) => void;
    readonly onHurry: () => void;
  }) {
    this.#parts = parts;
  }

  take(why: string): void {
    const nowMs = this.#parts.steadyMs();
    if (this.#firstMs === undefined) {
      this.#firstMs = nowMs;
      this.#parts.onStop(why);
    } else if (nowMs - this.#firstMs > ECHO_MS) this.#parts.onHurry();
  }
}

/** Listens for the life of the process. */
export function listenForStop(onStop: (why: string) => void, onHurry: () => void): void {
  const wish = new StopWish({ steadyMs: () => systemClock.steadyMs(), onStop, onHurry });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => wish.take(signal));
}
