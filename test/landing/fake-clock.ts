import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';

import type { Clock } from '../../main/telemetry/clock.ts';

/** A clock that moves only when the test says so. */
export class FakeClock implements Clock {
  #nowMs: number;
  #steadyMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly fire: () => void }>();

  constructor(nowMs = Date.UTC(2026, 10, 21, 12)) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  steadyMs(): number {
    return this.#steadyMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#timers.delete(timer);
        reject(signal.reason as Error);
      };
      const timer = {
        atMs: this.#steadyMs + ms,
        fire: () => {
          this.#timers.delete(timer);
          signal.removeEventListener('abort', stop);
          resolve();
        },
      };
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      this.#timers.add(timer);
    });
  }

  /** Lets `ms` pass; what is due fires in order. */
  advance(ms: number): void {
    const endMs = this.#steadyMs + ms;
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#move(next.atMs - this.#steadyMs);
      next.fire();
    }
    this.#move(endMs - this.#steadyMs);
  }

  /** Somebody sets the wall clock. */
  jump(ms: number): void {
    this.#nowMs += ms;
  }

  /** Lets time pass, timer by timer, with everything else in between, until the condition holds; false after `limitMs`. */
  async until(
    condition: () => boolean,
    limitMs = 3_600_000,
    turn: () => Promise<unknown> = eightTurns,
  ): Promise<boolean> {
    const endMs = this.#steadyMs + limitMs;
    while (!condition()) {
      await turn();
      if (condition()) return true;
      if (this.#steadyMs >= endMs) return false;
      const next = Math.min(...[...this.#timers].map((timer) => timer.atMs - this.#steadyMs), 1_000);
      this.advance(Math.max(1, next));
    }
    return true;
  }

  #move(ms: number): void {
    this.#nowMs += ms;
    this.#steadyMs += ms;
  }
}

/** Enough for what runs in memory to get to its next wait. */
async function eightTurns(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await nextTurn();
}

/** For what waits for a real disk: some real time for each step of the clock, so that the clock does not run away from it. */
export function diskTurn(): Promise<void> {
  return wait(5);
}

/** A small seeded generator (mulberry32), so that a run can be repeated. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
