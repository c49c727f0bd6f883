import type { Alert } from '../../shared/contract/control-status.ts';

/** A status lists alerts that are over for a while, too. */
export function isActive({ clearedMs }: Alert): boolean {
  return clearedMs === undefined;
}

const LEVELS = ['error', 'warn', 'info'] as const;

/** Those that are not over: the worst first, then the newest. */
export function activeAlerts(alerts: readonly Alert[]): readonly Alert[] {
  return alerts
    .filter(isActive)
    .sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) || b.sinceMs - a.sinceMs);
}
