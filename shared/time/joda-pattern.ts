/**
 * Reads the date patterns of Joda-Time (`dd/MMM/yyyy:HH:mm:ss Z`), which Flume's millis serializer uses, into elements.
 * Source of the rules: Joda-Time 2.9.9, `DateTimeFormat.parsePatternTo`, the version that Flume 1.11 ships.
 */
import { GatewayError } from '../errors.ts';

/** The quantities that a pattern can set; each has a slot in the parser's array. */
export const SLOT_NAMES = [
  'year',
  'weekYear',
  'month',
  'day',
  'dayOfYear',
  'week',
  'weekday',
  'halfday',
  'hour',
  'hourOfHalfday',
  'minute',
  'second',
  'millisecond',
  'offsetMs',
] as const;
export type Slot = (typeof SLOT_NAMES)[number];

/** One element of a pattern; `at` is its place in the pattern. */
export type PatternElement = { readonly at: number; readonly written: string } & (
  | { readonly kind: 'literal'; readonly text: string }
  | NumberElement
  | { readonly kind: 'twoDigitYear'; readonly slot: 'year' | 'weekYear'; readonly isLenient: boolean }
  | { readonly kind: 'name'; readonly slot: 'month' | 'weekday' | 'halfday' }
  | { readonly kind: 'fraction'; readonly slot: 'millisecond'; readonly maxDigits: number }
  | { readonly kind: 'offset'; readonly slot: 'offsetMs' }
  | { readonly kind: 'zoneName'; readonly slot: 'offsetMs' }
);

export interface NumberElement {
  readonly kind: 'number';
  readonly slot: Slot;
  readonly maxDigits: number;
  readonly isSigned: boolean;
  readonly min: number;
  readonly max: number;
  /** This value stands for 0: hour 24 of a clock that counts 1 to 24, hour 12 of one that counts 1 to 12. */
  readonly zeroAs?: number;
}

/** Patterns are a line long; the limit keeps a mistake from becoming a program. */
export const MAX_PATTERN_CHARS = 200;
const MAX_YEAR_DIGITS = 9;

/** Throws pattern-invalid with the position and the reason. */
export function readJodaPattern(pattern: string): readonly PatternElement[] {
  if (pattern.length === 0) throw patternError(pattern, 0, 'it is empty');
  if (pattern.length > MAX_PATTERN_CHARS) throw patternError(pattern, MAX_PATTERN_CHARS, 'it is too long');
  const tokens = tokensOf(pattern);
  const elements = tokens.map((token, index) => elementOf(pattern, token, tokens[index + 1]));
  refuseContradictions(pattern, elements);
  return elements;
}

export function patternError(pattern: string, at: number, reason: string): GatewayError {
  return new GatewayError({
    code: 'pattern-invalid',
    operation: 'read a date pattern',
    place: `position ${at + 1} of ${JSON.stringify(pattern)}`,
    message: `the date pattern ${JSON.stringify(pattern)} cannot be used: at position ${at + 1}, ${reason}`,
    retry: 'never',
    hint: "Patterns are Joda-Time's, as in dd/MMM/yyyy:HH:mm:ss Z; put words in single quotes.",
  });
}

interface Token {
  readonly at: number;
  readonly letter: string | undefined;
  /** The run of letters, or the literal's text. */
  readonly text: string;
}

const LETTER = /[A-Za-z]/;

function tokensOf(pattern: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < pattern.length) {
    const letter = pattern.charAt(at);
    if (LETTER.test(letter)) {
      let end = at;
      while (pattern.charAt(end) === letter) end += 1;
      tokens.push({ at, letter, text: pattern.slice(at, end) });
      at = end;
    } else {
      const { text, end } = literalAt(pattern, at);
      tokens.push({ at, letter: undefined, text });
      at = end;
    }
  }
  return tokens;
}

/** `''` is a quote, inside quotes and outside; a quote that is never closed reaches to the end, as in Joda. */
function literalAt(pattern: string, start: number): { readonly text: string; readonly end: number } {
  let text = '';
  let isQuoted = false;
  let at = start;
  for (; at < pattern.length; at += 1) {
    const char = pattern.charAt(at);
    if (char === "'") {
      if (pattern.charAt(at + 1) === "'") {
        text += char;
        at += 1;
      } else {
        isQuoted = !isQuoted;
      }
    } else if (!isQuoted && LETTER.test(char)) {
      break;
    } else {
      text += char;
    }
  }
  return { text, end: at };
}

type NumberRule = Pick<NumberElement, 'slot' | 'maxDigits' | 'min' | 'max' | 'zeroAs'>;

const NUMBER_RULES: Readonly<Record<string, NumberRule>> = {
  d: { slot: 'day', maxDigits: 2, min: 1, max: 31 },
  D: { slot: 'dayOfYear', maxDigits: 3, min: 1, max: 366 },
  w: { slot: 'week', maxDigits: 2, min: 1, max: 53 },
  e: { slot: 'weekday', maxDigits: 1, min: 1, max: 7 },
  H: { slot: 'hour', maxDigits: 2, min: 0, max: 23 },
  k: { slot: 'hour', maxDigits: 2, min: 1, max: 24, zeroAs: 24 },
  K: { slot: 'hourOfHalfday', maxDigits: 2, min: 0, max: 11 },
  h: { slot: 'hourOfHalfday', maxDigits: 2, min: 1, max: 12, zeroAs: 12 },
  m: { slot: 'minute', maxDigits: 2, min: 0, max: 59 },
  s: { slot: 'second', maxDigits: 2, min: 0, max: 59 },
};

const UNSUPPORTED: Readonly<Record<string, string>> = {
  G: 'eras are not supported',
  C: 'centuries are not supported',
};

function elementOf(pattern: string, token: Token, next: Token | undefined): PatternElement {
  const { at, letter, text: written } = token;
  if (letter === undefined) return { at, written, kind: 'literal', text: written };
  const count = written.length;
  const rule = NUMBER_RULES[letter];
  if (rule !== undefined) return { at, written, kind: 'number', isSigned: false, ...rule };
  switch (letter) {
    case 'y':
    case 'Y':
    case 'x':
      return yearElement(token, next);
    case 'M':
      if (count >= 3) return { at, written, kind: 'name', slot: 'month' };
      return { at, written, kind: 'number', slot: 'month', maxDigits: 2, isSigned: false, min: 1, max: 12 };
    case 'E':
      return { at, written, kind: 'name', slot: 'weekday' };
    case 'a':
      return { at, written, kind: 'name', slot: 'halfday' };
    case 'S':
      return { at, written, kind: 'fraction', slot: 'millisecond', maxDigits: count };
    case 'Z':
      if (count >= 3)
        throw patternError(
          pattern,
          at,
          'zone names such as Asia/Shanghai are not supported (use Z or ZZ for offsets)',
        );
      return { at, written, kind: 'offset', slot: 'offsetMs' };
    case 'z':
      if (count >= 4) throw patternError(pattern, at, 'long zone names cannot be read, in Joda neither');
      return { at, written, kind: 'zoneName', slot: 'offsetMs' };
    default:
      throw patternError(pattern, at, UNSUPPORTED[letter] ?? `the letter ${letter} has no meaning`);
  }
}

/** A year may have more digits than letters, unless digits of something else follow at once. */
function yearElement({ at, letter, text: written }: Token, next: Token | undefined): PatternElement {
  const isTight = next !== undefined && isNumeric(next);
  const slot = letter === 'x' ? 'weekYear' : 'year';
  if (written.length === 2) return { at, written, kind: 'twoDigitYear', slot, isLenient: !isTight };
  const maxDigits = isTight ? written.length : MAX_YEAR_DIGITS;
  return { at, written, kind: 'number', slot, maxDigits, isSigned: letter !== 'Y', min: 1, max: 9999 };
}

function isNumeric({ letter, text }: Token): boolean {
  if (letter === undefined) return false;
  return letter === 'M' ? text.length <= 2 : 'cCxyYdhHmsSeDFwWkK'.includes(letter);
}

function refuseContradictions(pattern: string, elements: readonly PatternElement[]): void {
  const seen = new Set<string>();
  for (const element of elements) {
    if (element.kind === 'literal') continue;
    if (seen.has(element.slot))
      throw patternError(pattern, element.at, `${element.written} says again what stands before it`);
    seen.add(element.slot);
  }
  const refuse = (slot: Slot, reason: string): never => {
    throw patternError(
      pattern,
      elements.find((element) => element.kind !== 'literal' && element.slot === slot)?.at ?? 0,
      reason,
    );
  };
  const isByWeek = seen.has('weekYear') || seen.has('week');
  if (isByWeek && !(seen.has('weekYear') && seen.has('week'))) {
    refuse(seen.has('week') ? 'week' : 'weekYear', 'a week (w) and its year (x) belong together');
  }
  if (isByWeek && seen.has('year')) refuse('year', 'the year of a week is x, not y');
  for (const slot of ['month', 'day', 'dayOfYear'] as const) {
    if (isByWeek && seen.has(slot)) refuse(slot, 'a date is given by week or by month, not both');
  }
  if (seen.has('dayOfYear') && (seen.has('month') || seen.has('day'))) {
    refuse('dayOfYear', 'a date is given by day of year or by month and day, not both');
  }
  if (seen.has('weekday') && !isByWeek && !seen.has('day') && !seen.has('dayOfYear')) {
    refuse('weekday', 'a weekday alone does not say which day');
  }
}
