import type { Retry } from '../../shared/errors.ts';
import type { Random } from '../telemetry/clock.ts';

export const BACKOFF_FIRST_MS = 1_000;
export const BACKOFF_MAX_MS = 60_000;
/** Full jitter may draw almost nothing; a repeat sooner than this only burns the server. */
export const BACKOFF_FLOOR_MS = 50;
/** What only an operator can mend is looked at seldom, from the first failure on. */
export const BACKOFF_NEVER_FLOOR_MS = 10_000;

/**
 * Whether a moment that was set at most `longestWaitMs` ahead has come. A moment further away than that shows that the wall
 * clock was set back since; waiting for it could take a year.
 */
export function isTimeFor(atMs: number, nowMs: number, longestWaitMs: number): boolean {
  return atMs <= nowMs || atMs - nowMs > longestWaitMs;
}

/**
 * Milliseconds until the next try after `failures` (1 or more) in a row: full jitter, one second growing to a minute.
 * `now` waits only after it failed before; `never` is tried too, because the operator mends a directory without telling us.
 */
export function backoffMs(failures: number, retry: Retry, random: Random): number {
  if (retry === 'now' && failures <= 1) return 0;
  if (retry === 'never') return BACKOFF_NEVER_FLOOR_MS + random() * (BACKOFF_MAX_MS - BACKOFF_NEVER_FLOOR_MS);
  // 2 ** 6 seconds is past the limit already; the exponent is cut so that years of failures stay a number.
  const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures - 1, 10));
  return Math.max(BACKOFF_FLOOR_MS, random() * ceilingMs);
}
