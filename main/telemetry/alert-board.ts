/**
 * Active and recent alerts. An alert is a state, not an event: raised once, counted while it lasts, cleared once; operators are
 * told of the change only.
 */
import type { Alert } from '../../shared/contract/control.ts';

const RECENT_MAX = 200;
const ACTIVE_MAX = 500;

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
    if (known === undefined && this.#active.size >= ACTIVE_MAX) return;
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
    if (known === undefined) this.#changed(alert);
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
  }

  /** A fact without duration: told once, kept among the recent ones. */
  tell(raised: RaisedAlert): void {
    this.raise(raised);
    this.clear(raised.code, raised.place);
  }

  list(): Alert[] {
    return [...this.#active.values(), ...this.#recent.slice(-20).reverse()];
  }
}
