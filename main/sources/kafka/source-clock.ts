import { systemClock as wallClock } from '../../telemetry/clock.ts';

/** Time and chance as the Kafka source uses them: given by the caller, so that tests decide both. */
export interface SourceClock {
  /** Wall clock, epoch ms, for people. It may jump, so nothing is decided by it. */
  now(): number;
  /** Steady ms since any start, for durations. */
  steadyMs(): number;
  /** Resolves after `ms`, or at once when the signal aborts; never rejects, so that loops look at the signal themselves. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** A number in `[0, 1)`. */
export type Random = () => number;

/** The real clock. */
export const systemClock: SourceClock = {
  now: () => wallClock.nowMs(),
  steadyMs: () => performance.now(),
  wait: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
    }),
};

export interface BackoffLimits {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Doublings after which the wait no longer grows: keeps the power in range. */
const DOUBLINGS_MAX = 20;

/**
 * Full jitter: anything between half a step and the step, which doubles with each failure. The lower half is left out so that a
 * broken broker is never asked twice at once.
 */
export function backoffMs(failures: number, limits: BackoffLimits, random: Random): number {
  const step = Math.min(
    limits.lastMs,
    limits.firstMs * 2 ** Math.min(Math.max(failures - 1, 0), DOUBLINGS_MAX),
  );
  return Math.round(step / 2 + (random() * step) / 2);
}
