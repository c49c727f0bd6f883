/**
 * Parses texts by a Joda-Time pattern to epoch milliseconds, as Flume's millis serializer does; made for one call per event.
 *
 * A pattern is compiled once into a list of small steps that read character codes and write numbers into slots; no objects and no
 * strings are made. The last text and its time are kept, for neighbouring log lines often carry the same second.
 *
 * Where it differs from Joda, always towards refusing (the event is then quarantined): a weekday that does not fit the date (Joda
 * moves the date within its week), years outside 1 to 9999.
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
  daysInMonth,
  isLeapYear,
  weekYearStart,
  weekdayOf,
} from './calendar.ts';
import { MONTH_NAMES, SHORT_NAME_LETTERS, WEEKDAY_NAMES } from './english-names.ts';
import { SLOT_NAMES, readJodaPattern } from './joda-pattern.ts';
import type { NumberElement, PatternElement, Slot } from './joda-pattern.ts';
import { FieldReader, nameTable, readLiteral } from './text-fields.ts';
import type { TimeZone } from './time-zone.ts';

export interface DateParser {
  readonly pattern: string;
  /** Epoch milliseconds, or NaN when the text does not fit the pattern wholly or names no time. Never throws. */
  parse(text: string): number;
  /** Why `parse` gives NaN, for people; empty when it does not. */
  explain(text: string): string;
}

export interface JodaParserOptions {
  /** The zone of texts whose pattern has none. */
  readonly zone: TimeZone;
  /** The present, for the century of two-digit years: Joda takes 80 years back and 19 ahead. */
  readonly nowMs: number;
}

/** Throws pattern-invalid for a pattern that has no meaning. */
export function makeJodaParser(pattern: string, options: JodaParserOptions): DateParser {
  return new JodaParser(pattern, options);
}

/** Reads at a position and returns the position after it, or -1. */
type Step = (text: string, at: number, slots: Float64Array) => number;

const slotIndex = (slot: Slot): number => SLOT_NAMES.indexOf(slot);
const YEAR = slotIndex('year');
const WEEK_YEAR = slotIndex('weekYear');
const MONTH = slotIndex('month');
const DAY = slotIndex('day');
const DAY_OF_YEAR = slotIndex('dayOfYear');
const WEEK = slotIndex('week');
const WEEKDAY = slotIndex('weekday');
const HALFDAY = slotIndex('halfday');
const HOUR = slotIndex('hour');
const HOUR_OF_HALFDAY = slotIndex('hourOfHalfday');
const MINUTE = slotIndex('minute');
const SECOND = slotIndex('second');
const MILLISECOND = slotIndex('millisecond');
const OFFSET_MS = slotIndex('offsetMs');

/** Joda's year for texts that name a month or day but no year (a leap year, so that February 29th can be read). */
const DEFAULT_YEAR = 2000;
/** The window of two-digit years begins this many years ago. */
const YEARS_BACK = 80;
const MAX_YEAR_DIGITS = 9;
const ZERO = 48;

class JodaParser implements DateParser {
  readonly pattern: string;
  readonly #elements: readonly PatternElement[];
  readonly #steps: readonly Step[];
  readonly #slots: Float64Array;
  readonly #zone: TimeZone | undefined;
  readonly #isWeekDate: boolean;
  readonly #isWeekdayChecked: boolean;
  #lastText = '';
  #lastMs = NaN;
  #lastDate = NaN;
  #lastDayNumber = NaN;
  #reason = '';
  // Local times in this range have one meaning and this offset: the middle of the zone's last stretch, a day away from its ends.
  #plainFromMs = NaN;
  #plainToMs = NaN;
  #plainOffsetMs = NaN;

  constructor(pattern: string, { zone, nowMs }: JodaParserOptions) {
    this.pattern = pattern;
    this.#elements = readJodaPattern(pattern);
    const thisYear = civilDateOf(Math.floor(nowMs / DAY_MS)).year;
    const maker = new StepMaker(thisYear);
    this.#steps = this.#elements.map((element) => maker.stepOf(element));
    const slots = new Set<Slot>(
      this.#elements.flatMap((element) => (element.kind === 'literal' ? [] : [element.slot])),
    );
    this.#zone = slots.has('offsetMs') ? undefined : zone;
    this.#isWeekDate = slots.has('weekYear');
    this.#isWeekdayChecked = slots.has('weekday') && !this.#isWeekDate;
    // Slots of the pattern are written by every text that fits; the others keep these.
    this.#slots = new Float64Array(SLOT_NAMES.length);
    const hasDate = slots.has('month') || slots.has('day') || slots.has('dayOfYear');
    this.#slots[YEAR] = hasDate ? DEFAULT_YEAR : 1970;
    this.#slots[MONTH] = 1;
    this.#slots[DAY] = 1;
    this.#slots[WEEK] = 1;
    this.#slots[WEEKDAY] = 1;
    this.#slots[HOUR] = NaN;
    this.#slots[HOUR_OF_HALFDAY] = NaN;
  }

  parse(text: string): number {
    if (text === this.#lastText) return this.#lastMs;
    const timeMs = this.#read(text);
    this.#lastText = text;
    this.#lastMs = timeMs;
    return timeMs;
  }

  explain(text: string): string {
    this.#reason = '';
    const timeMs = this.#read(text);
    return Number.isNaN(timeMs) ? this.#reason : '';
  }

  #read(text: string): number {
    const slots = this.#slots;
    const steps = this.#steps;
    let at = 0;
    for (let i = 0; i < steps.length; i += 1) {
      const next = (steps[i] as Step)(text, at, slots);
      if (next < 0) return this.#fail(`position ${at + 1} does not fit ${this.#elements[i]?.written ?? ''}`);
      at = next;
    }
    if (at !== text.length) return this.#fail(`position ${at + 1} is beyond the end of the pattern`);
    const dayNumber = this.#dayNumber();
    if (Number.isNaN(dayNumber)) return NaN;
    const localMs = dayNumber * DAY_MS + timeOfDayMs(slots);
    return this.#zone === undefined
      ? localMs - (slots[OFFSET_MS] as number)
      : this.#zoned(localMs, this.#zone);
  }

  #dayNumber(): number {
    const slots = this.#slots;
    if (this.#isWeekDate) return this.#dayOfWeekDate();
    const year = slots[YEAR] as number;
    if (year < MIN_YEAR || year > MAX_YEAR)
      return this.#fail(`the year ${year} is outside ${MIN_YEAR} to ${MAX_YEAR}`);
    const dayOfYear = slots[DAY_OF_YEAR] as number;
    let dayNumber: number;
    if (dayOfYear > 0) {
      if (dayOfYear === 366 && !isLeapYear(year)) return this.#fail(`${year} has 365 days`);
      dayNumber = dayNumberOf(year, 1, 1) + dayOfYear - 1;
    } else {
      const month = slots[MONTH] as number;
      const day = slots[DAY] as number;
      if (day > 28 && day > daysInMonth(year, month)) return this.#fail(`${year}-${month} has no day ${day}`);
      dayNumber = this.#dayNumberOf(year, month, day);
    }
    if (this.#isWeekdayChecked && weekdayOf(dayNumber) !== slots[WEEKDAY]) {
      return this.#fail('the weekday does not fit the date');
    }
    return dayNumber;
  }

  /** Neighbouring events are of one day. */
  #dayNumberOf(year: number, month: number, day: number): number {
    const packed = (year * 16 + month) * 32 + day;
    if (packed !== this.#lastDate) {
      this.#lastDate = packed;
      this.#lastDayNumber = dayNumberOf(year, month, day);
    }
    return this.#lastDayNumber;
  }

  #dayOfWeekDate(): number {
    const weekYear = this.#slots[WEEK_YEAR] as number;
    const week = this.#slots[WEEK] as number;
    if (weekYear < MIN_YEAR || weekYear > MAX_YEAR)
      return this.#fail(`the year ${weekYear} is outside ${MIN_YEAR} to ${MAX_YEAR}`);
    const dayNumber = weekYearStart(weekYear) + (week - 1) * 7 + (this.#slots[WEEKDAY] as number) - 1;
    if (week === 53 && weekYearStart(weekYear + 1) <= dayNumber - (this.#slots[WEEKDAY] as number) + 1) {
      return this.#fail(`${weekYear} has no week 53`);
    }
    return dayNumber;
  }

  /** As Joda resolves local times: the earlier of two, and none in a gap. */
  #zoned(localMs: number, zone: TimeZone): number {
    if (localMs >= this.#plainFromMs && localMs < this.#plainToMs) return localMs - this.#plainOffsetMs;
    const local = zone.localTime(localMs);
    if (local.kind === 'gap') return this.#fail(`clocks in ${zone.id} skipped this time`);
    const stretch = zone.stretchAt(local.earlierMs);
    this.#plainFromMs = stretch.startMs + stretch.offsetMs + DAY_MS;
    this.#plainToMs = stretch.endMs + stretch.offsetMs - DAY_MS;
    this.#plainOffsetMs = stretch.offsetMs;
    return local.earlierMs;
  }

  #fail(reason: string): number {
    this.#reason = reason;
    return NaN;
  }
}

/** As Joda applies them: the half of the day, then the hour of the day, then the hour within the half. */
function timeOfDayMs(slots: Float64Array): number {
  let hour = slots[HOUR] as number;
  if (hour !== hour) hour = (slots[HALFDAY] as number) * 12;
  const hourOfHalfday = slots[HOUR_OF_HALFDAY] as number;
  if (hourOfHalfday === hourOfHalfday) hour = (hour >= 12 ? 12 : 0) + hourOfHalfday;
  return (
    hour * HOUR_MS +
    (slots[MINUTE] as number) * MINUTE_MS +
    (slots[SECOND] as number) * SECOND_MS +
    (slots[MILLISECOND] as number)
  );
}

/** Makes the steps of one parser; they share a reader. */
class StepMaker {
  readonly #reader = new FieldReader();
  readonly #firstYear: number;

  constructor(thisYear: number) {
    this.#firstYear = thisYear - YEARS_BACK;
  }

  stepOf(element: PatternElement): Step {
    const reader = this.#reader;
    switch (element.kind) {
      case 'literal':
        return literalStep(element.text);
      case 'number':
        return this.#numberStep(element);
      case 'twoDigitYear':
        return this.#twoDigitYearStep(slotIndex(element.slot), element.isLenient);
      case 'name':
        return this.#nameStep(element.slot);
      case 'fraction':
        return fractionStep(element.maxDigits);
      case 'offset':
        return (text, at, slots) => {
          const next = reader.offset(text, at);
          slots[OFFSET_MS] = reader.value;
          return next;
        };
      case 'zoneName':
        return (text, at) => reader.zoneName(text, at);
    }
  }

  #numberStep(element: NumberElement): Step {
    const reader = this.#reader;
    const { min, max, zeroAs = -1 } = element;
    const slot = slotIndex(element.slot);
    const isShort = element.maxDigits === 2;
    return (text, at, slots) => {
      // Two digits, the usual case, without a loop.
      const tens = text.charCodeAt(at) - ZERO;
      const ones = text.charCodeAt(at + 1) - ZERO;
      let next = at + 2;
      let value = tens * 10 + ones;
      if (!(isShort && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9)) {
        next = reader.number(text, at, element);
        if (next < 0) return -1;
        value = reader.value;
      }
      if (value < min || value > max) return -1;
      slots[slot] = value === zeroAs ? 0 : value;
      return next;
    };
  }

  #twoDigitYearStep(slot: number, isLenient: boolean): Step {
    const reader = this.#reader;
    const firstYear = this.#firstYear;
    const century = Math.floor(firstYear / 100) * 100;
    const rule = { maxDigits: isLenient ? MAX_YEAR_DIGITS : 2, isSigned: isLenient };
    return (text, at, slots) => {
      const next = reader.number(text, at, rule);
      if (next < 0) return -1;
      const first = text.charCodeAt(at) - ZERO;
      const isTwoDigits = next - at === 2 && first >= 0 && first <= 9;
      if (!isTwoDigits && !isLenient) return -1;
      const year = isTwoDigits ? century + reader.value : reader.value;
      slots[slot] = isTwoDigits && year < firstYear ? year + 100 : year;
      return next;
    };
  }

  #nameStep(name: keyof typeof NAME_TABLES): Step {
    const reader = this.#reader;
    const slot = slotIndex(name);
    const names = NAME_TABLES[name];
    const base = name === 'halfday' ? 0 : 1;
    return (text, at, slots) => {
      const next = reader.name(text, at, names);
      slots[slot] = reader.value + base;
      return next;
    };
  }
}

const NAME_TABLES = {
  month: nameTable(MONTH_NAMES, SHORT_NAME_LETTERS),
  weekday: nameTable(WEEKDAY_NAMES, SHORT_NAME_LETTERS),
  halfday: nameTable(['AM', 'PM'], 2),
} as const;

function literalStep(expected: string): Step {
  if (expected.length !== 1) return (text, at) => readLiteral(text, at, expected);
  const code = expected.charCodeAt(0);
  return (text, at) => (text.charCodeAt(at) === code ? at + 1 : readLiteral(text, at, expected));
}

function fractionStep(maxDigits: number): Step {
  return (text, at, slots) => {
    let weight = SECOND_MS;
    let value = 0;
    let next = at;
    for (; next < at + maxDigits; next += 1) {
      const digit = text.charCodeAt(next) - ZERO;
      if (!(digit >= 0 && digit <= 9)) break;
      weight = Math.floor(weight / 10);
      value += digit * weight;
    }
    if (next === at) return -1;
    slots[MILLISECOND] = value;
    return next;
  };
}
