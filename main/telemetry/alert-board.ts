/**
 * Active and recent alerts. An alert is a state, not an event: raised once, counted while it lasts, cleared once; operators are
 * told of the change only.
 */
import type { Alert } from '../../shared/contract/control-status.ts';

const RECENT_MAX = 200;
const RECENT_SHOWN = 20;
export const ACTIVE_ALERTS_MAX = 500;
/** Raised in place of those beyond the limit, so that nobody takes a cut list for the whole. */
const OVERFLOW: RaisedAlert = {
  code: 'alerts-left-out',
  level: 'error',
  place: 'alerts',
  message: `more than ${ACTIVE_ALERTS_MAX} alerts are active; the others are not shown`,
  hint: 'the log has each of them',
};

export interface RaisedAlert {
  readonly code: string;
  readonly level: Alert['level'];
  /** Source, sink, partition or path it speaks of; with the code it makes the alert's identity. */
  readonly place: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

export class AlertBoard {
  readonly #active = new Map<string, Alert>();
  readonly #recent: Alert[] = [];
  readonly #nowMs: () => number;
  readonly #changed: (alert: Alert) => void;

  constructor(nowMs: () => number, changed: (alert: Alert) => void) {
    this.#nowMs = nowMs;
    this.#changed = changed;
  }

  raise(raised: RaisedAlert): void {
    const id = `${raised.code}:${raised.place}`;
    const known = this.#active.get(id);
    const isOverflow = raised.code === OVERFLOW.code;
    if (known === undefined && this.#active.size >= ACTIVE_ALERTS_MAX && !isOverflow)
      return this.raise(OVERFLOW);
    const alert: Alert = {
      id,
      code: raised.code,
      level: raised.level,
      place: raised.place,
      message: raised.message,
      ...(raised.hint === undefined ? {} : { hint: raised.hint }),
      sinceMs: known?.sinceMs ?? this.#nowMs(),
      count: (known?.count ?? 0) + 1,
    };
    this.#active.set(id, alert);
    // That it got worse, or better, is a change of state; that it still lasts is none.
    if (known?.level !== alert.level) this.#changed(alert);
  }

  isActive(code: string, place: string): boolean {
    return this.#active.has(`${code}:${place}`);
  }

  /** Raises or clears by a fact that is true or not. */
  set(isRaised: boolean, raised: RaisedAlert): void {
    if (isRaised) this.raise(raised);
    else this.clear(raised.code, raised.place);
  }

  clear(code: string, place: string): void {
    const id = `${code}:${place}`;
    const known = this.#active.get(id);
    if (known === undefined) return;
    this.#active.delete(id);
    const cleared = { ...known, clearedMs: this.#nowMs() };
    this.#recent.push(cleared);
    if (this.#recent.length > RECENT_MAX) this.#recent.shift();
    this.#changed(cleared);
    if (code !== OVERFLOW.code && this.#active.size < ACTIVE_ALERTS_MAX)
      this.clear(OVERFLOW.code, OVERFLOW.place);
  }

  /** A fact without duration: told once, kept among the recent ones. */
  tell(raised: RaisedAlert): void {
    this.raise(raised);
    this.clear(raised.code, raised.place);
  }

  /** Active ones first, then the last that are over. */
  list(): Alert[] {
    return [...this.#active.values(), ...this.#recent.slice(-RECENT_SHOWN).reverse()];
  }
}
