/** How fast a counter moved over a stretch of time that has just passed. Steady time, so that a clock that is set changes nothing. */

/** Points of a window; those that come closer together are not kept. */
const POINTS = 60;

export class RateWindow {
  readonly #windowMs: number;
  #points: { readonly atMs: number; readonly value: number }[] = [];
  #last: { readonly atMs: number; readonly value: number } | undefined;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  note(value: number, atMs: number): void {
    const newest = this.#points.at(-1);
    if (newest === undefined || atMs - newest.atMs >= this.#windowMs / POINTS)
      this.#points.push({ atMs, value });
    this.#last = { atMs, value };
    while (this.#points.length > 2 && (this.#points[1]?.atMs ?? atMs) <= atMs - this.#windowMs)
      this.#points.shift();
  }

  /** Everything up to now is another matter: it begins anew. */
  reset(): void {
    this.#points = [];
    this.#last = undefined;
  }

  /** How long it has looked, at most the window. */
  get spanMs(): number {
    const first = this.#points[0];
    return first === undefined || this.#last === undefined ? 0 : this.#last.atMs - first.atMs;
  }

  /** Change per millisecond over the window; undefined before two points. */
  get perMs(): number | undefined {
    const first = this.#points[0];
    const last = this.#last;
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return undefined;
    return (last.value - first.value) / (last.atMs - first.atMs);
  }
}
