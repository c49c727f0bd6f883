import { CHANGE_INTERVAL_MS } from './channel-limits.ts';

/**
 * Tells listeners which sinks changed: the first time at once, then gathered, at most once an interval. Nothing is lost by
 * gathering: a listener asks for the state as it is and needs only to know that it should.
 */
export class ChangeFeed {
  readonly #tell: (sinks: string[]) => void;
  readonly #pending = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (sinks: string[]) => void) {
    this.#tell = tell;
  }

  touched(sinks: ReadonlySet<string>): void {
    for (const sink of sinks) this.#pending.add(sink);
    if (this.#timer === undefined) this.#flush();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #flush(): void {
    this.#timer = undefined;
    if (this.#pending.size === 0) return;
    this.#tell([...this.#pending]);
    this.#pending.clear();
    this.#timer = setTimeout(() => this.#flush(), CHANGE_INTERVAL_MS);
  }
}
