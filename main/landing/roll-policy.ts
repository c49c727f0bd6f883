/**
 * When does the backlog of one landing key become a file?
 *
 * Pure: facts in, decision out. Every rule that depends on time gives a moment, and the earliest one wins; so the caller can
 * set one timer a key instead of asking again and again. The limits have Flume's meaning (HDFSEventSink): 0 is off. Unlike
 * Flume, a key always lands some day: with no rule of time at all, the fallbacks below apply.
 */
import type { LandingKeySummary } from '../../shared/model/file-plan.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../shared/units.ts';

/** With no rollInterval, no idleTimeout and no time bucket, a key lands after this quiet time. */
export const IDLE_FALLBACK_MS = 10 * MINUTE_MS;
/** With every rule off, it lands after this age even if it is never quiet. */
export const AGE_FALLBACK_MS = HOUR_MS;
/** A directory that is complete later than this (a wrong clock wrote 2090, a directory a year) is not waited for. */
export const BUCKET_WAIT_MAX_MS = 32 * DAY_MS;
/** A put that lies this far in the future shows that the clock was set back; its age can't be known, so it rolls now. */
export const CLOCK_SLACK_MS = MINUTE_MS;
/** Late events may trickle into a complete directory without end; this long after its end it is not waited for quiet. */
export const BUCKET_TRICKLE_MAX_MS = 5 * MINUTE_MS;

export const BUCKET_GRACE_DEFAULT_MS = MINUTE_MS;
export const BUCKET_QUIET_DEFAULT_MS = 5 * SECOND_MS;

export interface RollSettings {
  /** Bytes as they will stand in the file; 0: off. */
  readonly sizeBytes: number;
  /** Age of the oldest put; 0: off. */
  readonly intervalMs: number;
  /** Events; 0: off. */
  readonly count: number;
  /** Since the newest put; 0: off. */
  readonly idleMs: number;
  /** How long after its end a directory's hour or day counts as complete. */
  readonly bucketGraceMs: number;
  /** A complete directory's key must have been quiet for this long. */
  readonly bucketQuietMs: number;
}

export type RollReason =
  'size' | 'count' | 'age' | 'idle' | 'directory-complete' | 'clock-set-back' | 'forced' | 'fallback';

export type RollDecision =
  | { readonly isDue: true; readonly reason: RollReason; readonly sinceMs: number }
  /** When it will be due if nothing more comes in. */
  | { readonly isDue: false; readonly reason: RollReason; readonly atMs: number };

export type BacklogFacts = Pick<
  LandingKeySummary,
  'events' | 'rawBytes' | 'storedBytes' | 'oldestPutMs' | 'newestPutMs' | 'bucketEndMs'
> & { readonly key: Pick<LandingKeySummary['key'], 'codec'> };

/** Decides for a key with at least one event. `isForced`: somebody asked to land it now. */
export function rollDecision(
  backlog: BacklogFacts,
  settings: RollSettings,
  { nowMs, isForced }: { readonly nowMs: number; readonly isForced: boolean },
): RollDecision {
  if (isForced) return { isDue: true, reason: 'forced', sinceMs: nowMs };
  if (settings.sizeBytes > 0 && fileBytes(backlog) >= settings.sizeBytes)
    return { isDue: true, reason: 'size', sinceMs: nowMs };
  if (settings.count > 0 && backlog.events >= settings.count)
    return { isDue: true, reason: 'count', sinceMs: nowMs };
  if (backlog.newestPutMs > nowMs + CLOCK_SLACK_MS)
    return { isDue: true, reason: 'clock-set-back', sinceMs: nowMs };
  let first = { reason: 'fallback' as RollReason, atMs: Infinity };
  for (const moment of moments(backlog, settings)) if (moment.atMs < first.atMs) first = moment;
  if (first.atMs <= nowMs) return { isDue: true, reason: first.reason, sinceMs: first.atMs };
  return { isDue: false, reason: first.reason, atMs: first.atMs };
}

/** Bytes of the backlog as they will stand in the file: compressed files take the chunks as they are stored. */
export function fileBytes(backlog: Pick<BacklogFacts, 'rawBytes' | 'storedBytes' | 'key'>): number {
  return backlog.key.codec === 'none' ? backlog.rawBytes : backlog.storedBytes;
}

function moments(backlog: BacklogFacts, settings: RollSettings): { reason: RollReason; atMs: number }[] {
  const found: { reason: RollReason; atMs: number }[] = [];
  if (settings.intervalMs > 0) found.push({ reason: 'age', atMs: backlog.oldestPutMs + settings.intervalMs });
  if (settings.idleMs > 0) found.push({ reason: 'idle', atMs: backlog.newestPutMs + settings.idleMs });
  const { bucketEndMs } = backlog;
  if (bucketEndMs !== undefined && bucketEndMs <= backlog.oldestPutMs + BUCKET_WAIT_MAX_MS) {
    const completeMs = bucketEndMs + settings.bucketGraceMs;
    const quietMs = Math.max(completeMs, backlog.newestPutMs + settings.bucketQuietMs);
    const trickleMs = Math.max(completeMs, backlog.oldestPutMs) + BUCKET_TRICKLE_MAX_MS;
    found.push({ reason: 'directory-complete', atMs: Math.min(quietMs, trickleMs) });
  }
  if (found.length === 0) {
    found.push({ reason: 'fallback', atMs: backlog.newestPutMs + IDLE_FALLBACK_MS });
    const isEverythingOff = settings.sizeBytes === 0 && settings.count === 0;
    if (isEverythingOff) found.push({ reason: 'fallback', atMs: backlog.oldestPutMs + AGE_FALLBACK_MS });
  }
  return found;
}
