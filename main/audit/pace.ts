import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../telemetry/clock.ts';
import { SLICE_MS } from './audit-limits.ts';

/** Cuts long work into slices: between two of them others get their turn, and an abort is noticed. */
export class Pace {
  readonly signal: AbortSignal;
  readonly #clock: Clock;
  #sliceEndMs: number;

  constructor(signal: AbortSignal, clock: Clock) {
    this.signal = signal;
    this.#clock = clock;
    this.#sliceEndMs = clock.steadyMs() + SLICE_MS;
  }

  /** True when the slice is over: then `turn` is awaited. Cheap, but not free: ask once for some hundreds of steps. */
  get isDue(): boolean {
    return this.#clock.steadyMs() >= this.#sliceEndMs;
  }

  /** Throws the signal's reason. */
  async turn(): Promise<void> {
    this.signal.throwIfAborted();
    await nextTurn();
    this.signal.throwIfAborted();
    this.#sliceEndMs = this.#clock.steadyMs() + SLICE_MS;
  }
}
