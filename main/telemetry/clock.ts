/** Time and chance, injected wherever behaviour depends on them, so that tests decide both. */
export interface Clock {
  /** Wall clock, epoch ms. May jump. */
  nowMs(): number;
  /** Steady time in ms since an arbitrary start. Never jumps. */
  steadyMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  steadyMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const stop = () => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', stop);
        resolve();
      }, ms);
      signal.addEventListener('abort', stop, { once: true });
    }),
};

/** A number in [0, 1), as Math.random. */
export type Random = () => number;
