import type { Alert } from '../../shared/contract/control-status.ts';

/** A status lists alerts that are over for a while, too. */
export function isActive({ clearedMs }: Alert): boolean {
  return clearedMs === undefined;
}

/** Unread data that the broker is about to delete: before everything else. */
export const COUNTDOWN = 'countdown';
const LEVELS = ['error', 'warn', 'info'] as const;

/** Those that are not over: a loss that is near first, then the worst, then the newest. */
export function activeAlerts(alerts: readonly Alert[]): readonly Alert[] {
  return alerts.filter(isActive).sort((a, b) => rankOf(a) - rankOf(b) || b.sinceMs - a.sinceMs);
}

function rankOf({ code, level }: Alert): number {
  return code === COUNTDOWN ? -1 : LEVELS.indexOf(level);
}
