const FIRST_MS = 250;
const LONGEST_MS = 10_000;

/**
 * How long to wait before try `attempt` (from 0): doubling, at most ten seconds, of which the second half is left to chance, so that
 * many pages don't come back to a restarted engine at the same moment.
 */
export function reconnectDelayMs(attempt: number, random: () => number = Math.random): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(whole / 2 + (whole / 2) * random());
}
