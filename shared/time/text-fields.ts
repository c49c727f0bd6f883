/**
 * Reads single fields of date texts by character codes: the pieces of the Joda parser that are more than two digits.
 * Source of the rules: Joda-Time 2.9.9, `DateTimeFormatterBuilder`.
 */
import { HOUR_MS, MINUTE_MS, SECOND_MS } from './calendar.ts';

const ZERO = 48;
const PLUS = 43;
const MINUS = 45;
const COLON = 58;
const LOWER_A = 97;
const LOWER_Z = 122;
/** Set in ASCII's lower-case letters, clear in the upper-case ones. */
const LOWER_CASE_BIT = 32;

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Literals fit in any case of their letters. */
export function readLiteral(text: string, at: number, expected: string): number {
  const end = at + expected.length;
  if (text.startsWith(expected, at)) return end;
  const found = text.slice(at, end);
  return found.length === expected.length && found.toUpperCase() === expected.toUpperCase() ? end : -1;
}

/** Names to read, found by their first letters. */
export interface NameTable {
  readonly long: readonly string[];
  /** Short names have so many letters. */
  readonly shortLetters: number;
  readonly byLetters: ReadonlyMap<number, number>;
}

export function nameTable(long: readonly string[], shortLetters: number): NameTable {
  return {
    long,
    shortLetters,
    byLetters: new Map(long.map((name, place) => [lettersAt(name, 0, shortLetters), place])),
  };
}

/** The letters, whatever their case, as one number. */
function lettersAt(text: string, at: number, count: number): number {
  let packed = 0;
  for (let i = at; i < at + count; i += 1)
    packed = packed * 256 + ((text.charCodeAt(i) & 0xff) | LOWER_CASE_BIT);
  return packed;
}

/** Each method reads at a position and returns the position after the field, or -1; what it read is then `value`. */
export class FieldReader {
  /** Of the field read last: the number, the name's place in its list, or the offset in milliseconds. */
  value = 0;

  /** A number of 1 to `maxDigits` digits; a sign does not count as a digit and needs one after it. */
  number(
    text: string,
    at: number,
    { maxDigits, isSigned }: { maxDigits: number; isSigned: boolean },
  ): number {
    const first = text.charCodeAt(at);
    const hasSign = isSigned && (first === MINUS || first === PLUS);
    const start = hasSign ? at + 1 : at;
    let value = 0;
    let next = start;
    for (; next < start + maxDigits; next += 1) {
      const code = text.charCodeAt(next);
      if (!isDigit(code)) break;
      value = value * 10 + (code - ZERO);
    }
    if (next === start) return -1;
    this.value = hasSign && first === MINUS ? -value : value;
    return next;
  }

  /**
   * A name, long or short, as written, in lower or in upper case (Joda knows these three, not `jAn`); the longest that fits.
   */
  name(text: string, at: number, names: NameTable): number {
    const place = names.byLetters.get(lettersAt(text, at, names.shortLetters));
    if (place === undefined) return -1;
    const long = names.long[place] as string;
    const length = fits(text, at, long)
      ? long.length
      : fits(text, at, long.slice(0, names.shortLetters))
        ? names.shortLetters
        : -1;
    this.value = place;
    return length < 0 ? -1 : at + length;
  }

  /** `+08`, `+0800`, `+08:00`, with seconds if need be, or `Z`; milliseconds. */
  offset(text: string, at: number): number {
    const sign = text.charCodeAt(at);
    if (sign !== PLUS && sign !== MINUS) {
      this.value = 0;
      return (sign | LOWER_CASE_BIT) === LOWER_Z ? at + 1 : -1;
    }
    const hours = twoDigits(text, at + 1);
    if (hours < 0 || hours > 23) return -1;
    const isSeparated = text.charCodeAt(at + 3) === COLON;
    let offsetMs = hours * HOUR_MS;
    let next = at + 3;
    for (let unitMs = MINUTE_MS; unitMs >= SECOND_MS; unitMs /= 60) {
      const code = text.charCodeAt(next);
      if (isSeparated ? code !== COLON : !isDigit(code)) break;
      const value = twoDigits(text, isSeparated ? next + 1 : next);
      if (value < 0 || value > 59) return -1;
      offsetMs += value * unitMs;
      next += isSeparated ? 3 : 2;
    }
    this.value = sign === MINUS ? -offsetMs : offsetMs;
    return next;
  }

  /**
   * `UTC`, `GMT` or `UT`. Joda also reads EST, PDT and the like, but as the whole zone (EST in summer is then EDT): a guess, so they
   * are refused.
   */
  zoneName(text: string, at: number): number {
    this.value = 0;
    if (text.startsWith('UTC', at) || text.startsWith('GMT', at)) return at + 3;
    return text.startsWith('UT', at) ? at + 2 : -1;
  }
}

/** True when the word stands there as written, or all in lower or all in upper case. */
function fits(text: string, at: number, word: string): boolean {
  let isExact = true;
  let isLower = true;
  let isUpper = true;
  for (let i = 0; i < word.length; i += 1) {
    const code = text.charCodeAt(at + i);
    const expected = word.charCodeAt(i);
    if ((code | LOWER_CASE_BIT) !== (expected | LOWER_CASE_BIT)) return false;
    isExact &&= code === expected;
    isLower &&= code >= LOWER_A;
    isUpper &&= code < LOWER_A;
  }
  return isExact || isLower || isUpper;
}

function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}
