/** Rate of a growing counter over the last few seconds, for people to look at. */
const WINDOW_MS = 5_000;

export class RateMeter {
  readonly #points: { readonly atMs: number; readonly value: number }[] = [];

  /** Notes the counter's value now and answers the rate per second over the window. */
  sample(value: number, atMs: number): number {
    this.#points.push({ atMs, value });
    while (this.#points.length > 2 && (this.#points[1]?.atMs ?? atMs) <= atMs - WINDOW_MS)
      this.#points.shift();
    const first = this.#points[0];
    if (first === undefined || atMs <= first.atMs) return 0;
    return Math.max(0, ((value - first.value) * 1000) / (atMs - first.atMs));
  }
}
