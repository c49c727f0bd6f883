import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../telemetry/clock.ts';
import { SLICE_MS, SNAPSHOT_MS } from './audit-limits.ts';

/** Cuts long work into slices: between two of them others get their turn, and an abort is noticed. */
export class Pace {
  readonly signal: AbortSignal;
  readonly #clock: Clock;
  #sliceEndMs: number;
  #snapshotEndMs = 0;

  constructor(signal: AbortSignal, clock: Clock) {
    this.signal = signal;
    this.#clock = clock;
    this.#sliceEndMs = clock.steadyMs() + SLICE_MS;
  }

  /** True when the slice is over: then `turn` is awaited. Cheap, but not free: ask once for some hundreds of steps. */
  get isDue(): boolean {
    return this.#clock.steadyMs() >= this.#sliceEndMs;
  }

  snapshotBegins(): void {
    this.#snapshotEndMs = this.#clock.steadyMs() + SNAPSHOT_MS;
  }

  /** True when the snapshot has been held for long enough. */
  get isSnapshotOld(): boolean {
    return this.#clock.steadyMs() >= this.#snapshotEndMs;
  }

  /** Throws the signal's reason. */
  async turn(): Promise<void> {
    this.signal.throwIfAborted();
    await nextTurn();
    this.signal.throwIfAborted();
    this.#sliceEndMs = this.#clock.steadyMs() + SLICE_MS;
  }
}
