import { systemClock as engineClock, type Clock, type Random } from '../../telemetry/clock.ts';

export type { Random };

/** The engine's clock with a wait that never rejects, so that the loops of the source look at their signal themselves. */
export interface SourceClock {
  /** Wall clock, epoch ms, for people. It may jump, so nothing is decided by it. */
  now(): number;
  /** Steady ms since any start, for durations. */
  steadyMs(): number;
  /** Resolves after `ms`, or at once when the signal aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export function sourceClock(clock: Clock): SourceClock {
  return {
    now: () => clock.nowMs(),
    steadyMs: () => clock.steadyMs(),
    wait: (ms, signal) =>
      clock.sleep(ms, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      }),
  };
}

export const systemClock = sourceClock(engineClock);

export interface BackoffLimits {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Doublings after which the wait no longer grows: keeps the power in range. */
const DOUBLINGS_MAX = 20;

/** However lucky the draw: a broken broker is never asked twice at once. */
const STEP_SHARE_MIN = 0.1;

/** Full jitter over a step that doubles with each failure: anything between a tenth of the first step and the step. */
export function backoffMs(failures: number, limits: BackoffLimits, random: Random): number {
  const step = Math.min(
    limits.lastMs,
    limits.firstMs * 2 ** Math.min(Math.max(failures - 1, 0), DOUBLINGS_MAX),
  );
  const least = limits.firstMs * STEP_SHARE_MIN;
  return Math.round(least + random() * Math.max(0, step - least));
}
