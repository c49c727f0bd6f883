/** Spans of time that a chart shows behind its lines: writing paused, an alert, the engine not running. Bounded. */
import type { HistoryBand } from '../../shared/contract/control-history.ts';
import { SECOND_MS } from '../../shared/units.ts';

/** Bands that are over; older ones go first. */
export const PAST_BANDS_MAX = 1_000;
/** Bands that last; an alert board never has that many, and what is beyond them is not drawn. */
const OPEN_BANDS_MAX = 600;
/** What comes again so soon after it ended is the same band: something that flutters must not push all others out. */
const REJOIN_MS = 60 * SECOND_MS;
const TEXT_CHARS_MAX = 300;

/** A band, and what it is about: there is one of a key at a time. */
export interface KeyedBand extends HistoryBand {
  readonly key: string;
}

export class HistoryBands {
  readonly #open = new Map<string, KeyedBand>();
  /** In the order of their ends. */
  #past: KeyedBand[] = [];
  /** Grows with each change. */
  changes = 0;

  /** Begins a band, or tells one that lasts in other words. */
  open(key: string, band: Omit<HistoryBand, 'toMs'>): void {
    const known = this.#open.get(key);
    if (known === undefined && this.#open.size >= OPEN_BANDS_MAX) return;
    const text = band.text.slice(0, TEXT_CHARS_MAX);
    if (known !== undefined && known.level === band.level && known.text === text) return;
    const fromMs = known?.fromMs ?? this.#rejoined(key, band.fromMs) ?? band.fromMs;
    this.#open.set(key, { ...band, key, text, fromMs });
    this.changes++;
  }

  close(key: string, toMs: number): void {
    const known = this.#open.get(key);
    if (known === undefined) return;
    this.#open.delete(key);
    // A clock that was set back must not make a band that ends before it begins.
    this.#end({ ...known, toMs: Math.max(known.fromMs, toMs) });
  }

  /** A span that is over already. */
  add(key: string, band: HistoryBand & { readonly toMs: number }): void {
    this.#end({ ...band, key, text: band.text.slice(0, TEXT_CHARS_MAX) });
  }

  /** Keys of bands that last. */
  openKeys(): string[] {
    return [...this.#open.keys()];
  }

  /** Bands that touch the range, in the order of their beginnings. */
  within(fromMs: number, toMs: number): HistoryBand[] {
    return this.all()
      .filter((band) => band.fromMs <= toMs && (band.toMs ?? Infinity) >= fromMs)
      .sort((a, b) => a.fromMs - b.fromMs)
      .map(({ key: _, ...band }) => band);
  }

  /** For the file: those that last come last. */
  all(): KeyedBand[] {
    return [...this.#past, ...this.#open.values()];
  }

  restore(bands: readonly KeyedBand[]): void {
    for (const band of bands) {
      if (band.toMs === undefined && this.#open.size < OPEN_BANDS_MAX) this.#open.set(band.key, band);
      else if (band.toMs !== undefined) this.#past.push(band);
    }
    this.#past = this.#past.slice(-PAST_BANDS_MAX);
  }

  #end(band: KeyedBand): void {
    this.#past.push(band);
    if (this.#past.length > PAST_BANDS_MAX) this.#past.shift();
    this.changes++;
  }

  /** Takes the band of this key back that ended just now; its beginning, or undefined when there is none. */
  #rejoined(key: string, fromMs: number): number | undefined {
    const at = this.#past.findLastIndex(
      (band) => band.key === key && Math.abs(fromMs - (band.toMs ?? 0)) <= REJOIN_MS,
    );
    if (at < 0) return undefined;
    const [before] = this.#past.splice(at, 1);
    return before?.fromMs;
  }
}
