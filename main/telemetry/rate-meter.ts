/** Rate of a growing counter over the last few seconds, for people to look at. */
const WINDOW_MS = 5_000;
/** Samples closer than this to the one before are answered and not kept: however often is asked, at most so many are held. */
const SPACING_MS = 200;
export const RATE_POINTS_MAX = WINDOW_MS / SPACING_MS + 2;

export class RateMeter {
  #points: { readonly atMs: number; readonly value: number }[] = [];

  /** Notes the counter's value now and answers the rate per second over the window. A clock that steps back begins anew. */
  sample(value: number, atMs: number): number {
    const last = this.#points.at(-1);
    if (last !== undefined && atMs < last.atMs) this.#points = [];
    if (last === undefined || this.#points.length === 0 || atMs - last.atMs >= SPACING_MS)
      this.#points.push({ atMs, value });
    while (this.#points.length > 2 && (this.#points[1]?.atMs ?? atMs) <= atMs - WINDOW_MS)
      this.#points.shift();
    const first = this.#points[0];
    if (first === undefined || atMs <= first.atMs) return 0;
    return Math.max(0, ((value - first.value) * 1000) / (atMs - first.atMs));
  }

  /** How many samples are held; never more than RATE_POINTS_MAX. */
  get size(): number {
    return this.#points.length;
  }
}
