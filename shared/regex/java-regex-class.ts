/**
 * Character classes of Java patterns, as classes of JavaScript's `v` mode, which has unions and intersections too.
 * All predefined classes are ASCII unless written as `\p{…}`, as in Java without UNICODE_CHARACTER_CLASS.
 */
import type { PatternReader } from './java-regex-reader.ts';
import { propertyClass } from './java-regex-property.ts';

/** What stands inside brackets. */
const PREDEFINED: Readonly<Record<string, string>> = {
  d: '0-9',
  w: 'A-Za-z0-9_',
  s: ' \\t\\n\\x0B\\f\\r',
  h: ' \\t\\xA0\\u1680\\u180E\\u2000-\\u200A\\u202F\\u205F\\u3000',
  v: '\\n\\x0B\\f\\r\\x85\\u2028\\u2029',
};

/** `\d \D \w \W \s \S \h \H \v \V` as a class, or undefined. */
export function predefinedClass(letter: string): string | undefined {
  const inside = PREDEFINED[letter.toLowerCase()];
  if (inside === undefined) return undefined;
  return letter === letter.toLowerCase() ? `[${inside}]` : `[^${inside}]`;
}

const SIMPLE_ESCAPES: Readonly<Record<string, number>> = { t: 9, n: 10, r: 13, f: 12, a: 7, e: 27 };

/** A code point as JavaScript source, the same inside and outside of classes. */
export function literal(codePoint: number): string {
  const char = String.fromCodePoint(codePoint);
  return /^[A-Za-z0-9]$/.test(char) ? char : `\\u{${codePoint.toString(16)}}`;
}

/** The code point of an escape whose backslash and letter were taken, or undefined when the letter means no character. */
export function escapedCodePoint(reader: PatternReader, letter: string, at: number): number | undefined {
  const simple = SIMPLE_ESCAPES[letter];
  if (simple !== undefined) return simple;
  switch (letter) {
    case '0':
      return octal(reader, at);
    case 'x':
      return hexadecimal(reader, at);
    case 'u':
      return utf16(reader, at);
    case 'c':
      return (reader.takeRaw().text.codePointAt(0) ?? 0) ^ 64;
    default:
      // Java keeps letters for later meanings; anything else escaped is itself.
      return /^[A-Za-z0-9]$/.test(letter) ? undefined : letter.codePointAt(0);
  }
}

function octal(reader: PatternReader, at: number): number {
  const first = reader.takeRun(/^[0-7]$/, 1);
  if (first === '') throw reader.error('\\0 needs octal digits', at);
  return Number.parseInt(first + reader.takeRun(/^[0-7]$/, first <= '3' ? 2 : 1), 8);
}

function hexadecimal(reader: PatternReader, at: number): number {
  if (reader.peekRaw() === '{') {
    reader.takeRaw();
    const digits = reader.takeRun(/^[0-9A-Fa-f]$/, 8);
    const codePoint = Number.parseInt(digits, 16);
    if (digits === '' || codePoint > 0x10ffff || reader.takeRaw().text !== '}')
      throw reader.error('\\x{…} is no code point', at);
    return codePoint;
  }
  const digits = reader.takeRun(/^[0-9A-Fa-f]$/, 2);
  if (digits.length !== 2) throw reader.error('\\x needs two hexadecimal digits', at);
  return Number.parseInt(digits, 16);
}

/** Two escapes that are a surrogate pair are one code point. */
function utf16(reader: PatternReader, at: number): number {
  const digits = reader.takeRun(/^[0-9A-Fa-f]$/, 4);
  if (digits.length !== 4) throw reader.error('\\u needs four hexadecimal digits', at);
  const unit = Number.parseInt(digits, 16);
  const rest = reader.pattern.slice(at + 6);
  const low = /^\\u(d[c-f][0-9a-f]{2})/i.exec(rest)?.[1];
  if (unit < 0xd800 || unit > 0xdbff || low === undefined) return unit;
  for (let i = 0; i < 6; i += 1) reader.takeRaw();
  return (unit - 0xd800) * 0x400 + (Number.parseInt(low, 16) - 0xdc00) + 0x10000;
}

/** Reads a class after its `[`, and returns it as source. */
export function readClass(reader: PatternReader, ignoresCase: boolean): string {
  const start = reader.at - 1;
  const isNegated = reader.takes('^');
  const operands: string[] = [];
  let union = '';
  let isFirst = true;
  for (;;) {
    const next = reader.peek();
    if (next === undefined) throw reader.error('the class is never closed', start);
    if (reader.sees(']') && !isFirst) break;
    if (reader.takes('&&')) {
      if (union === '' || reader.sees(']') || reader.sees('&&'))
        throw reader.error('&& needs something on both sides');
      operands.push(`[${union}]`);
      union = '';
    } else if (reader.takes('[')) {
      union += readClass(reader, ignoresCase);
    } else {
      union += readItem(reader, ignoresCase);
    }
    isFirst = false;
  }
  reader.take();
  operands.push(`[${union}]`);
  return `[${isNegated ? '^' : ''}${operands.length === 1 ? union : operands.join('&&')}]`;
}

/** One character, a range, or a predefined class. */
function readItem(reader: PatternReader, ignoresCase: boolean): string {
  const from = readMember(reader, ignoresCase);
  if (typeof from === 'string') return from;
  // A minus before the bracket, or before a nested class, is itself.
  if (!reader.sees('-') || reader.sees('-]') || reader.sees('-[') || reader.sees('-&&'))
    return rangeOf(from, from, ignoresCase);
  const at = reader.at;
  reader.take();
  const to = readMember(reader, ignoresCase);
  if (typeof to === 'string') throw reader.error('a range ends in a character, not in a class', at);
  if (to < from) throw reader.error('the range runs backwards', at);
  return rangeOf(from, to, ignoresCase);
}

function readMember(reader: PatternReader, ignoresCase: boolean): string | number {
  const char = reader.take();
  if (char.text !== '\\' || char.isQuoted) return char.text.codePointAt(0) ?? 0;
  const letter = reader.takeRaw().text;
  const known = predefinedClass(letter);
  if (known !== undefined) return known;
  if (letter === 'p' || letter === 'P') return propertyClass(reader, { letter, at: char.at, ignoresCase });
  const codePoint = escapedCodePoint(reader, letter, char.at);
  if (codePoint === undefined) throw reader.error(`\\${letter} has no meaning in a class`, char.at);
  return codePoint;
}

/**
 * A range, and the other cases of its ASCII letters where case is ignored: Java ignores the case of ASCII letters only, while
 * JavaScript's own flag would also let the Kelvin sign pass for k.
 */
export function rangeOf(from: number, to: number, ignoresCase: boolean): string {
  const range = from === to ? literal(from) : `${literal(from)}-${literal(to)}`;
  if (!ignoresCase) return range;
  return range + otherCase([from, to], UPPER_CASE, 32) + otherCase([from, to], LOWER_CASE, -32);
}

type CodePoints = readonly [first: number, last: number];

const UPPER_CASE: CodePoints = [65, 90];
const LOWER_CASE: CodePoints = [97, 122];

/** The letters that both ranges hold, moved to their other case. */
function otherCase([from, to]: CodePoints, [first, last]: CodePoints, by: number): string {
  const low = Math.max(from, first);
  const high = Math.min(to, last);
  return low > high ? '' : `${literal(low + by)}-${literal(high + by)}`;
}
