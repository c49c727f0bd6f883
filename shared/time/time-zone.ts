/**
 * IANA time zones: the offset from UTC at an instant, and the instant of a wall-clock time.
 *
 * The rules come from the runtime's own tz database through Intl, which takes about a microsecond for one instant; so a zone keeps
 * the offsets of the windows of time that it was asked about, as stretches of constant offset, and answers from them with two
 * comparisons. A window is sampled each half day and every change found is bisected to the millisecond; no zone of the tz
 * database has ever changed its clocks twice within half a day.
 */
import { GatewayError } from '../errors.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, dayNumberOf } from './calendar.ts';

const WINDOW_MS = 32 * DAY_MS;
const SAMPLE_MS = DAY_MS / 2;
/** 500 windows are 43 years; events of one batch lie in a few of them. */
const MAX_WINDOWS = 512;
/** The tz database has some 600 names. */
const MAX_ZONES = 1_024;
/** No zone differs more than this from UTC, and no change of clocks is larger (Apia and Manila skipped a day). */
const MAX_SHIFT_MS = DAY_MS;

/** A stretch of time `[startMs, endMs)` with one offset. It may end before the offset changes, never after. */
export interface OffsetStretch {
  readonly startMs: number;
  readonly endMs: number;
  readonly offsetMs: number;
}

/**
 * What a wall-clock time means: one instant; two, when clocks went back (`earlierMs` is the first pass, `laterMs` the second);
 * or none, when they went forward over it. `shiftedMs` then is the instant that it would be had they not (Java's lenient reading).
 */
export type LocalTime =
  | { readonly kind: 'unique'; readonly earlierMs: number; readonly laterMs: number }
  | { readonly kind: 'overlap'; readonly earlierMs: number; readonly laterMs: number }
  | { readonly kind: 'gap'; readonly shiftedMs: number };

const NO_STRETCH: OffsetStretch = { startMs: NaN, endMs: NaN, offsetMs: NaN };

export class TimeZone {
  /** As it was written. */
  readonly id: string;
  readonly #format: Intl.DateTimeFormat;
  readonly #windows = new Map<number, readonly OffsetStretch[]>();
  #last: OffsetStretch = NO_STRETCH;

  private constructor(id: string, format: Intl.DateTimeFormat) {
    this.id = id;
    this.#format = format;
  }

  /**
   * The zone of an IANA name (`Asia/Shanghai`), an offset (`+08:00`) or Java's `GMT+8`.
   * Throws config-invalid for anything else; Flume would silently take UTC, and every directory would be wrong.
   */
  static of(id: string): TimeZone {
    const known = zones.get(id);
    if (known !== undefined) return known;
    const zone = new TimeZone(id, formatOf(id));
    if (zones.size >= MAX_ZONES) zones.clear();
    zones.set(id, zone);
    return zone;
  }

  /** Local time minus UTC, in milliseconds. */
  offsetMsAt(epochMs: number): number {
    return this.stretchAt(epochMs).offsetMs;
  }

  /** The stretch of constant offset that holds the instant. */
  stretchAt(epochMs: number): OffsetStretch {
    const last = this.#last;
    if (epochMs >= last.startMs && epochMs < last.endMs) return last;
    const window = Math.floor(epochMs / WINDOW_MS);
    const stretches = this.#windows.get(window) ?? this.#readWindow(window);
    const found = stretches.find((stretch) => epochMs < stretch.endMs);
    if (found === undefined) throw new RangeError(`no offset of ${this.id} at ${epochMs}`);
    this.#last = found;
    return found;
  }

  /** What a wall-clock time means; `localMs` is that time counted as if it were UTC. */
  localTime(localMs: number): LocalTime {
    const before = this.offsetMsAt(localMs - MAX_SHIFT_MS);
    const after = this.offsetMsAt(localMs + MAX_SHIFT_MS);
    const near = this.offsetMsAt(localMs - before);
    let earlierMs = NaN;
    let laterMs = NaN;
    for (const offsetMs of [before, near, after]) {
      const instantMs = localMs - offsetMs;
      if (this.offsetMsAt(instantMs) !== offsetMs) continue;
      if (!(earlierMs <= instantMs)) earlierMs = instantMs;
      if (!(laterMs >= instantMs)) laterMs = instantMs;
    }
    if (Number.isNaN(earlierMs)) return { kind: 'gap', shiftedMs: localMs - before };
    return { kind: earlierMs === laterMs ? 'unique' : 'overlap', earlierMs, laterMs };
  }

  #readWindow(window: number): readonly OffsetStretch[] {
    const startMs = window * WINDOW_MS;
    const endMs = startMs + WINDOW_MS;
    const stretches: OffsetStretch[] = [];
    let stretchStartMs = startMs;
    let offsetMs = this.#askOffset(startMs);
    let sampledMs = startMs;
    for (let sampleMs = startMs + SAMPLE_MS; sampleMs < endMs + SAMPLE_MS; sampleMs += SAMPLE_MS) {
      const atMs = Math.min(sampleMs, endMs - 1);
      const next = this.#askOffset(atMs);
      const changeMs = next === offsetMs ? NaN : this.#findChange(sampledMs, atMs, next);
      sampledMs = atMs;
      if (Number.isNaN(changeMs)) continue;
      stretches.push({ startMs: stretchStartMs, endMs: changeMs, offsetMs });
      stretchStartMs = changeMs;
      offsetMs = next;
    }
    stretches.push({ startMs: stretchStartMs, endMs, offsetMs });
    if (this.#windows.size >= MAX_WINDOWS) this.#forgetOldestWindow();
    this.#windows.set(window, stretches);
    return stretches;
  }

  /** The first instant after `beforeMs` that has the offset of `atMs`. */
  #findChange(beforeMs: number, atMs: number, offsetMs: number): number {
    let low = beforeMs;
    let high = atMs;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#askOffset(middle) === offsetMs) high = middle;
      else low = middle;
    }
    return high;
  }

  #forgetOldestWindow(): void {
    for (const window of this.#windows.keys()) {
      this.#windows.delete(window);
      return;
    }
  }

  #askOffset(epochMs: number): number {
    const fields = { era: 'AD', year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
    for (const { type, value } of this.#format.formatToParts(epochMs)) {
      if (type === 'era') fields.era = value;
      else if (Object.hasOwn(fields, type)) fields[type as 'year'] = Number(value);
    }
    const year = fields.era === 'BC' ? 1 - fields.year : fields.year;
    const localMs =
      dayNumberOf(year, fields.month, fields.day) * DAY_MS +
      fields.hour * HOUR_MS +
      fields.minute * MINUTE_MS +
      fields.second * SECOND_MS;
    return localMs - Math.floor(epochMs / SECOND_MS) * SECOND_MS;
  }
}

const zones = new Map<string, TimeZone>();

function formatOf(id: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: ianaName(id),
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch (cause) {
    throw new GatewayError({
      code: 'config-invalid',
      operation: 'read a time zone',
      place: JSON.stringify(id),
      message: `there is no time zone ${JSON.stringify(id)}`,
      retry: 'never',
      hint: 'Use an IANA name such as Asia/Shanghai, or an offset such as +08:00.',
      cause,
    });
  }
}

/** Java also takes `GMT+8`, `GMT-03:30` and `GMT+0530`. */
function ianaName(id: string): string {
  const custom = /^GMT([+-])(\d{1,2})(?::?([0-5]\d))?$/.exec(id);
  if (custom === null) return id;
  const [, sign = '+', hours = '0', minutes = '00'] = custom;
  return `${sign}${hours.padStart(2, '0')}:${minutes}`;
}
