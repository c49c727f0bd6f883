/** Rate of a growing counter over the last few seconds, for people to look at. */
const WINDOW_MS = 5_000;
/** A window holds so many samples: those closer than that to the one before are answered and not kept, however often is asked. */
const SPACINGS = 25;
export const RATE_POINTS_MAX = SPACINGS + 2;

export class RateMeter {
  readonly #windowMs: number;
  #points: { readonly atMs: number; readonly value: number }[] = [];

  /** `windowMs`: over how long it averages. */
  constructor(windowMs = WINDOW_MS) {
    this.#windowMs = windowMs;
  }

  /**
   * Notes the counter's value now and answers its change per second over the window, negative
   * when it fell. A clock that steps back begins anew.
   */
  slope(value: number, atMs: number): number {
    const last = this.#points.at(-1);
    if (last !== undefined && atMs < last.atMs) this.#points = [];
    if (last === undefined || this.#points.length === 0 || atMs - last.atMs >= this.#windowMs / SPACINGS)
      this.#points.push({ atMs, value });
    while (this.#points.length > 2 && (this.#points[1]?.atMs ?? atMs) <= atMs - this.#windowMs)
      this.#points.shift();
    const first = this.#points[0];
    if (first === undefined || atMs <= first.atMs) return 0;
    return ((value - first.value) * 1000) / (atMs - first.atMs);
  }

  /** As `slope`, of a counter that never falls: one that began anew has the rate 0 for a while. */
  sample(value: number, atMs: number): number {
    return Math.max(0, this.slope(value, atMs));
  }

  /** How many samples are held; never more than RATE_POINTS_MAX. */
  get size(): number {
    return this.#points.length;
  }
}
