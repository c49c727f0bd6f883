/**
 * The time escapes of Flume's HDFS sink, its rounding, and the *bucket* of an instant: the stretch of time around it in which the
 * expanded escapes stay the same. Source of the rules: Flume 1.11, `BucketPath` and `TimestampRoundDownUtil`.
 *
 * A bucket is found on the wall clock, within one stretch of constant offset, and is then joined to its neighbours as long as their
 * texts are equal: so an hour that a change of clocks repeats is one bucket of two hours, and one that it cuts short is short.
 * Buckets never overlap and leave nothing between them, for each is the same whichever of its instants was asked about.
 */
import {
  DAY_MS,
  HOUR_MS,
  MAX_YEAR,
  MINUTE_MS,
  MIN_YEAR,
  SECOND_MS,
  civilDateOf,
  dayNumberOf,
} from '../../shared/time/calendar.ts';
import { MONTH_NAMES, SHORT_NAME_LETTERS, WEEKDAY_NAMES } from '../../shared/time/english-names.ts';
import type { TimeZone } from '../../shared/time/time-zone.ts';
import { wallClockAt } from '../../shared/time/wall-clock.ts';
import type { WallClock } from '../../shared/time/wall-clock.ts';

export type RoundUnit = 'second' | 'minute' | 'hour';

/** `hdfs.round`, `roundValue` and `roundUnit`. */
export interface Rounding {
  readonly unit: RoundUnit;
  /** 1 to 60, hours 1 to 24; need not divide. */
  readonly value: number;
}

export interface TimeBucket {
  /** Epoch ms; the first instant of the bucket and the first after it. */
  readonly startMs: number;
  readonly endMs: number;
  /** What each escape letter expands to. */
  readonly texts: ReadonlyMap<string, string>;
}

type Fineness = 'millisecond' | RoundUnit | 'halfday' | 'day' | 'month' | 'year';

interface Moment extends WallClock {
  readonly epochMs: number;
  /** Not rounded. */
  readonly exactMs: number;
}

interface TimeEscape {
  /** How often the text may change. */
  readonly fineness: Fineness;
  readonly text: (moment: Moment) => string;
}

const two = (value: number): string => String(value).padStart(2, '0');
const shortName = (name: string | undefined): string => (name ?? '').slice(0, SHORT_NAME_LETTERS);
const yearText = ({ year }: Moment): string => String(year).padStart(4, '0');
const monthShort = ({ month }: Moment): string => shortName(MONTH_NAMES[month - 1]);
const weekdayShort = ({ weekday }: Moment): string => shortName(WEEKDAY_NAMES[weekday - 1]);
const clockText = ({ hour, minute, second }: Moment): string => `${two(hour)}:${two(minute)}:${two(second)}`;
const hourOfTwelve = ({ hour }: Moment): number => ((hour + 11) % 12) + 1;

/** `%D` is not here: it makes three components, `%m/%d/%y`. */
const TIME_ESCAPES: Readonly<Record<string, TimeEscape>> = {
  t: { fineness: 'millisecond', text: ({ exactMs }) => String(exactMs) },
  s: { fineness: 'second', text: ({ epochMs }) => String(Math.floor(epochMs / SECOND_MS)) },
  Y: { fineness: 'year', text: yearText },
  y: { fineness: 'year', text: ({ year }) => two(year % 100) },
  m: { fineness: 'month', text: ({ month }) => two(month) },
  n: { fineness: 'month', text: ({ month }) => String(month) },
  b: { fineness: 'month', text: monthShort },
  B: { fineness: 'month', text: ({ month }) => MONTH_NAMES[month - 1] ?? '' },
  d: { fineness: 'day', text: ({ day }) => two(day) },
  e: { fineness: 'day', text: ({ day }) => String(day) },
  j: { fineness: 'day', text: ({ dayOfYear }) => String(dayOfYear).padStart(3, '0') },
  a: { fineness: 'day', text: weekdayShort },
  A: { fineness: 'day', text: ({ weekday }) => WEEKDAY_NAMES[weekday - 1] ?? '' },
  H: { fineness: 'hour', text: ({ hour }) => two(hour) },
  k: { fineness: 'hour', text: ({ hour }) => String(hour) },
  I: { fineness: 'hour', text: (moment) => two(hourOfTwelve(moment)) },
  l: { fineness: 'hour', text: (moment) => String(hourOfTwelve(moment)) },
  M: { fineness: 'minute', text: ({ minute }) => two(minute) },
  S: { fineness: 'second', text: ({ second }) => two(second) },
  p: { fineness: 'halfday', text: ({ hour }) => (hour < 12 ? 'AM' : 'PM') },
  c: {
    fineness: 'second',
    text: (m) => `${weekdayShort(m)} ${monthShort(m)} ${m.day} ${clockText(m)} ${yearText(m)}`,
  },
  z: { fineness: 'year', text: ({ offsetMs }) => offsetText(offsetMs) },
};

function offsetText(offsetMs: number): string {
  const minutes = Math.floor(Math.abs(offsetMs) / MINUTE_MS);
  return `${offsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}

export function isTimeEscape(letter: string): boolean {
  return Object.hasOwn(TIME_ESCAPES, letter);
}

/** A year has 12 windows of the zone's offsets and a few changes of clocks; more neighbours of one text are never joined. */
const MAX_JOINED_PIECES = 64;

export class TimeBuckets {
  readonly #escapes: readonly (readonly [string, TimeEscape])[];
  readonly #zone: TimeZone;
  readonly #rounding: Rounding | undefined;
  readonly #fineness: Fineness;

  /** `letters` are those of `isTimeEscape`. */
  constructor(
    letters: readonly string[],
    { zone, rounding }: { zone: TimeZone; rounding: Rounding | undefined },
  ) {
    this.#escapes = letters.flatMap((letter) => {
      const escape = TIME_ESCAPES[letter];
      return escape === undefined ? [] : [[letter, escape] as const];
    });
    this.#zone = zone;
    this.#rounding = rounding;
    // A lowered time may lie in the other pass of an hour that occurs twice, so its offset changes as often as it does.
    const all = this.#escapes.map(([letter, { fineness }]) =>
      letter === 'z' && rounding !== undefined ? rounding.unit : fineness,
    );
    this.#fineness = finest(all, rounding);
  }

  /** The bucket of an instant; undefined when its year does not lie in 1 to 9999 and so makes no sane directory. */
  bucketAt(epochMs: number): TimeBucket | undefined {
    const exactMs = Math.floor(epochMs);
    if (!(exactMs >= FIRST_MS && exactMs < END_MS)) return undefined;
    const texts = this.#textsAt(exactMs);
    let { startMs, endMs } = this.#pieceAt(exactMs);
    // Only the texts of one wall-clock piece after another are compared, and only where offsets change or their windows end.
    for (let joined = 0; joined < MAX_JOINED_PIECES && endMs < END_MS; joined += 1) {
      if (!this.#isEdge(endMs) || !isSame(texts, this.#textsAt(endMs))) break;
      endMs = this.#pieceAt(endMs).endMs;
    }
    for (let joined = 0; joined < MAX_JOINED_PIECES && startMs > FIRST_MS; joined += 1) {
      if (!this.#isEdge(startMs) || !isSame(texts, this.#textsAt(startMs - 1))) break;
      startMs = this.#pieceAt(startMs - 1).startMs;
    }
    return { startMs, endMs, texts };
  }

  #isEdge(epochMs: number): boolean {
    return this.#zone.stretchAt(epochMs).startMs === epochMs;
  }

  #textsAt(exactMs: number): ReadonlyMap<string, string> {
    const epochMs = this.#rounding === undefined ? exactMs : this.#roundedMs(exactMs, this.#rounding);
    const moment: Moment = { ...wallClockAt(this.#zone, epochMs), epochMs, exactMs };
    return new Map(this.#escapes.map(([letter, { text }]) => [letter, text(moment)]));
  }

  /**
   * As Java's Calendar computes it from the lowered fields: a wall-clock time that occurs twice is the later one, and one that does
   * not occur is moved on by what the clocks skipped.
   */
  #roundedMs(exactMs: number, rounding: Rounding): number {
    const localMs = exactMs + this.#zone.offsetMsAt(exactMs);
    const local = this.#zone.localTime(roundInterval(localMs, rounding)[0]);
    return local.kind === 'gap' ? local.shiftedMs : local.laterMs;
  }

  /** The longest interval with constant texts within the offset's stretch. */
  #pieceAt(epochMs: number): { readonly startMs: number; readonly endMs: number } {
    const stretch = this.#zone.stretchAt(epochMs);
    const localMs = epochMs + stretch.offsetMs;
    const isRounded = this.#rounding !== undefined && this.#fineness === this.#rounding.unit;
    const [start, end] = isRounded
      ? roundInterval(localMs, this.#rounding)
      : intervalOf(localMs, this.#fineness);
    const piece = {
      startMs: Math.max(stretch.startMs, start - stretch.offsetMs),
      endMs: Math.min(stretch.endMs, end - stretch.offsetMs),
    };
    const headEndMs = this.#headEndMs(stretch);
    if (epochMs < headEndMs) return { ...piece, endMs: Math.min(piece.endMs, headEndMs) };
    return { ...piece, startMs: Math.max(piece.startMs, headEndMs) };
  }

  /**
   * Where clocks skip to the middle of a rounding step, what comes before its end is lowered into the skipped time, and so moved on beyond
   * what follows: 00:01 that became 01:01 is lowered to 01:00, which is 02:00. That head of the stretch has texts of its own.
   */
  #headEndMs({ startMs, endMs, offsetMs }: Stretch): number {
    if (this.#rounding === undefined) return startMs;
    const [from, to] = roundInterval(startMs + offsetMs, this.#rounding);
    const headEndMs = to - offsetMs;
    const isOwn =
      this.#zone.localTime(from).kind === 'gap' &&
      headEndMs < endMs &&
      !isSame(this.#textsAt(startMs), this.#textsAt(headEndMs));
    return isOwn ? headEndMs : startMs;
  }
}

type Stretch = ReturnType<TimeZone['stretchAt']>;

const FIRST_MS = dayNumberOf(MIN_YEAR, 1, 2) * DAY_MS;
const END_MS = dayNumberOf(MAX_YEAR, 12, 31) * DAY_MS;

const FINENESS_ORDER: readonly Fineness[] = [
  'millisecond',
  'second',
  'minute',
  'hour',
  'halfday',
  'day',
  'month',
  'year',
];

/** What the texts change with. Rounding coarsens all but `%t`; halves of a day follow the rounded hour. */
function finest(all: readonly Fineness[], rounding: Rounding | undefined): Fineness {
  const found = FINENESS_ORDER.find((fineness) => all.includes(fineness)) ?? 'year';
  if (rounding === undefined || found === 'millisecond') return found;
  if (found === 'halfday' && rounding.unit === 'hour') return 'hour';
  return FINENESS_ORDER.indexOf(found) < FINENESS_ORDER.indexOf(rounding.unit) ? rounding.unit : found;
}

type Interval = readonly [start: number, end: number];

const FIXED_MS = {
  millisecond: 1,
  second: SECOND_MS,
  minute: MINUTE_MS,
  hour: HOUR_MS,
  halfday: 12 * HOUR_MS,
  day: DAY_MS,
} as const;

/** Local times. */
function intervalOf(localMs: number, fineness: Fineness): Interval {
  if (fineness !== 'month' && fineness !== 'year') {
    const sizeMs = FIXED_MS[fineness];
    const start = Math.floor(localMs / sizeMs) * sizeMs;
    return [start, start + sizeMs];
  }
  const { year, month } = civilDateOf(Math.floor(localMs / DAY_MS));
  if (fineness === 'year') return [dayNumberOf(year, 1, 1) * DAY_MS, dayNumberOf(year + 1, 1, 1) * DAY_MS];
  const next = month === 12 ? dayNumberOf(year + 1, 1, 1) : dayNumberOf(year, month + 1, 1);
  return [dayNumberOf(year, month, 1) * DAY_MS, next * DAY_MS];
}

const ROUND_WHOLE = { second: MINUTE_MS, minute: HOUR_MS, hour: DAY_MS } as const;

/** The multiples of the value begin anew in each minute, hour or day, so the last of them may be shorter. */
function roundInterval(localMs: number, { unit, value }: Rounding): Interval {
  const wholeMs = ROUND_WHOLE[unit];
  const stepMs = FIXED_MS[unit] * value;
  const wholeStart = Math.floor(localMs / wholeMs) * wholeMs;
  const start = wholeStart + Math.floor((localMs - wholeStart) / stepMs) * stepMs;
  return [start, Math.min(start + stepMs, wholeStart + wholeMs)];
}

function isSame(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  for (const [letter, text] of one) if (other.get(letter) !== text) return false;
  return true;
}
