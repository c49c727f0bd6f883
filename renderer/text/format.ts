/**
 * Numbers, sizes, times and durations as they are shown. Sizes have binary units, as everywhere in Headgate. Dates are written
 * year-month-day with 24 hours in every language: that sorts, lines up, and is never read the wrong way round.
 */
import { DAY_MS, GIB, HOUR_MS, KIB, MIB, MINUTE_MS, SECOND_MS, TIB } from '../../shared/units.ts';

export interface UnitTexts {
  readonly day: string;
  readonly hour: string;
  readonly minute: string;
  readonly second: string;
  readonly ms: string;
  perSecond(value: string): string;
  eventsPerSecond(value: string): string;
}

export interface FormatOptions {
  readonly locale: string;
  /** An IANA name; the browser's zone when absent. */
  readonly timeZone?: string | undefined;
  readonly units: UnitTexts;
}

const SIZES = [
  ['TiB', TIB],
  ['GiB', GIB],
  ['MiB', MIB],
  ['KiB', KIB],
] as const;

/** The functions may be handed on by themselves: `format={format.bytes}`. */
export class Format {
  readonly locale: string;
  readonly timeZone: string;
  readonly #units: UnitTexts;
  readonly #whole: Intl.NumberFormat;
  readonly #short: Intl.NumberFormat;
  readonly #compact: Intl.NumberFormat;
  readonly #percent: Intl.NumberFormat;
  readonly #parts: Intl.DateTimeFormat;

  constructor({ locale, timeZone, units }: FormatOptions) {
    this.locale = locale;
    this.timeZone = timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    this.#units = units;
    this.#whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
    this.#short = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3, useGrouping: false });
    this.#compact = new Intl.NumberFormat(locale, { notation: 'compact', maximumSignificantDigits: 3 });
    this.#percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
    this.#parts = new Intl.DateTimeFormat('sv-SE', {
      timeZone: this.timeZone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      fractionalSecondDigits: 3,
    });
  }

  /** `1,234,567` */
  readonly count = (value: number): string => {
    return this.#whole.format(value);
  };

  /** `1.23M`, `123万`: where room is short. */
  readonly compact = (value: number): string => {
    return Math.abs(value) < 10_000 ? this.#whole.format(value) : this.#compact.format(value);
  };

  /** A share of 1 as `42%`; neither 100 % nor 0 % for what is only nearly so. */
  readonly percent = (share: number): string => {
    if (share > 0.995 && share < 1) return `> ${this.#percent.format(0.99)}`;
    if (share > 0 && share < 0.005) return `< ${this.#percent.format(0.01)}`;
    return this.#percent.format(share);
  };

  /** `1.23 GiB`, `512 B` */
  readonly bytes = (value: number): string => {
    const size = SIZES.find(([, bytes]) => Math.abs(value) >= bytes * 0.9995);
    if (size === undefined) return `${this.#whole.format(value)} B`;
    const amount = value / size[1];
    return `${amount >= 999.5 ? this.#whole.format(amount) : this.#short.format(amount)} ${size[0]}`;
  };

  /** `1,234/s` */
  readonly rate = (perSecond: number): string => {
    return this.#units.perSecond(this.#amount(perSecond));
  };

  /** `1,234 ev/s` */
  readonly eventsRate = (perSecond: number): string => {
    return this.#units.eventsPerSecond(this.#amount(perSecond));
  };

  /** `1.23 MiB/s` */
  readonly bytesRate = (perSecond: number): string => {
    return this.#units.perSecond(this.bytes(Math.round(perSecond)));
  };

  #amount(value: number): string {
    return value > 0 && value < 100 ? this.#short.format(value) : this.compact(value);
  }

  /** The two largest units: `2 d 4 h`, `14 h 5 min`, `3 min 20 s`, `12 s`, `250 ms`. Never negative. */
  readonly duration = (ms: number): string => {
    const units = this.#units;
    const whole = Math.max(0, ms);
    const steps = [
      [DAY_MS, units.day, HOUR_MS, units.hour],
      [HOUR_MS, units.hour, MINUTE_MS, units.minute],
      [MINUTE_MS, units.minute, SECOND_MS, units.second],
    ] as const;
    for (const [largeMs, largeUnit, smallMs, smallUnit] of steps) {
      if (whole < largeMs) continue;
      const rest = Math.floor((whole % largeMs) / smallMs);
      const large = `${this.count(Math.floor(whole / largeMs))} ${largeUnit}`;
      return rest === 0 ? large : `${large} ${rest} ${smallUnit}`;
    }
    if (whole >= SECOND_MS) return `${Math.floor(whole / SECOND_MS)} ${units.second}`;
    return `${Math.round(whole)} ${units.ms}`;
  };

  /** The largest unit alone, for ages that change each second: `14 h`, `3 min`, `12 s`. */
  readonly roughDuration = (ms: number): string => {
    const units = this.#units;
    const whole = Math.max(0, ms);
    if (whole >= 2 * DAY_MS) return `${this.count(Math.floor(whole / DAY_MS))} ${units.day}`;
    if (whole >= 2 * HOUR_MS) return `${Math.floor(whole / HOUR_MS)} ${units.hour}`;
    if (whole >= 2 * MINUTE_MS) return `${Math.floor(whole / MINUTE_MS)} ${units.minute}`;
    return `${Math.floor(whole / SECOND_MS)} ${units.second}`;
  };

  /** `2026-11-21` */
  readonly date = (ms: number): string => {
    return this.#stamp(ms).slice(0, 10);
  };

  /** `18:05:12` */
  readonly clock = (ms: number): string => {
    return this.#stamp(ms).slice(11, 19);
  };

  /** `18:05` */
  readonly hourMinute = (ms: number): string => {
    return this.#stamp(ms).slice(11, 16);
  };

  /** `11-21` */
  readonly monthDay = (ms: number): string => {
    return this.#stamp(ms).slice(5, 10);
  };

  /** `2026-11-21 18:05:12` */
  readonly time = (ms: number): string => {
    return this.#stamp(ms).slice(0, 19);
  };

  /** `2026-11-21 18:05:12.345` and the zone, for a tooltip. */
  readonly exactTime = (ms: number): string => {
    return `${this.#stamp(ms)} ${this.timeZone}`;
  };

  #stamp(ms: number): string {
    if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return String(ms).padEnd(23);
    return this.#parts.format(ms).replace(',', '.');
  }
}
