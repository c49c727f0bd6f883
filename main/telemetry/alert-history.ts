/** Alerts that are over, newest first, bounded; with those that still stand, so that a restart can say of them that they ended. */
import type { Alert } from '../../shared/contract/control-status.ts';

export const PAST_ALERTS_MAX = 1_000;

export class AlertHistory {
  /** Oldest first. */
  #past: Alert[] = [];
  readonly #standing = new Map<string, Alert>();

  /** An alert was raised, changed its level, or is over. */
  take(alert: Alert): void {
    if (alert.clearedMs === undefined) {
      this.#standing.set(alert.id, alert);
      return;
    }
    this.#standing.delete(alert.id);
    this.#past.push(alert);
    if (this.#past.length > PAST_ALERTS_MAX) this.#past.shift();
  }

  past(limit: number): Alert[] {
    return this.#past.slice(-limit).reverse();
  }

  /** Oldest first, those that stand last. */
  all(): Alert[] {
    return [...this.#past, ...this.#standing.values()];
  }

  /** What an earlier run of the engine kept: whatever stood when it ended was over, as far as anybody saw, at `endedMs`. */
  restore(alerts: readonly Alert[], endedMs: number): void {
    const past = alerts.map((alert) => ({
      ...alert,
      clearedMs: alert.clearedMs ?? Math.max(alert.sinceMs, endedMs),
    }));
    this.#past = [...past, ...this.#past].slice(-PAST_ALERTS_MAX);
  }
}
