/**
 * How much comes in at which time of the day, as the last days had it: so that a forecast made at night knows of the morning.
 * A quarter of an hour that was watched whole enters with what it had; the last days count, the newest most.
 */
import { DAY_MS, MINUTE_MS } from '../../../shared/units.ts';

export const SLOT_MS = 15 * MINUTE_MS;
const SLOTS = DAY_MS / SLOT_MS;
/** Weight of the newest day. */
const NEWEST = 0.6;
/** So many of the last slots wait. */
const FRESH_SLOTS = 12;
/** Of the day so much must have been watched before it says anything. */
const KNOWN_MIN = 0.85;
/** A slot that was watched for less than this share of it says nothing. */
const WATCHED_MIN = 0.9;

export class DayProfile {
  /** Bytes a millisecond; undefined: never watched. */
  readonly #rates: (number | undefined)[] = new Array<number | undefined>(SLOTS).fill(undefined);
  /** Slots that were watched and do not count yet: today is held against yesterday, not against itself. */
  readonly #fresh: { readonly number: number; readonly rate: number }[] = [];
  #slot: { readonly number: number; bytes: number; watchedMs: number } | undefined;
  #last: { readonly bytes: number; readonly steadyMs: number } | undefined;

  /** `bytes`: all that ever came in. `isOpen`: nothing kept it from coming in. */
  note(
    bytes: number,
    at: { readonly nowMs: number; readonly steadyMs: number; readonly isOpen: boolean },
  ): void {
    const number = Math.floor(at.nowMs / SLOT_MS);
    if (this.#slot?.number !== number) {
      this.#close();
      this.#slot = { number, bytes: 0, watchedMs: 0 };
    }
    const last = this.#last;
    // A counter that began anew, or a stretch in which intake had to wait, tells nothing of what wanted to come in.
    if (last !== undefined && at.isOpen && bytes >= last.bytes && at.steadyMs - last.steadyMs <= SLOT_MS) {
      this.#slot.bytes += bytes - last.bytes;
      this.#slot.watchedMs += at.steadyMs - last.steadyMs;
    }
    this.#last = { bytes, steadyMs: at.steadyMs };
  }

  /** Nearly a whole day was watched. */
  get isKnown(): boolean {
    return this.#rates.filter((rate) => rate !== undefined).length >= SLOTS * KNOWN_MIN;
  }

  /** Bytes a millisecond at that time of the day; undefined: not known yet. */
  rateAt(epochMs: number): number | undefined {
    return this.#rates[Math.floor(epochMs / SLOT_MS) % SLOTS];
  }

  /** The mean rate between two moments, where it is known; undefined: nowhere. */
  meanOf(fromMs: number, toMs: number): number | undefined {
    let sum = 0;
    let weight = 0;
    for (let ms = fromMs; ms < toMs;) {
      const endMs = Math.min(toMs, (Math.floor(ms / SLOT_MS) + 1) * SLOT_MS);
      const rate = this.rateAt(ms);
      if (rate !== undefined) {
        sum += rate * (endMs - ms);
        weight += endMs - ms;
      }
      ms = endMs;
    }
    return weight === 0 ? undefined : sum / weight;
  }

  #close(): void {
    const slot = this.#slot;
    if (slot === undefined || slot.watchedMs < SLOT_MS * WATCHED_MIN) return;
    this.#fresh.push({ number: slot.number, rate: slot.bytes / slot.watchedMs });
    while (this.#fresh.length > FRESH_SLOTS) {
      const { number, rate } = this.#fresh.shift() ?? { number: 0, rate: 0 };
      const at = number % SLOTS;
      const before = this.#rates[at];
      this.#rates[at] = before === undefined ? rate : NEWEST * rate + (1 - NEWEST) * before;
    }
  }
}
