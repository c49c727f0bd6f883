/** `\p{…}` of Java patterns: POSIX names (ASCII), general categories, scripts and binary properties. Blocks (`\p{InGreek}`) are refused. */
import type { PatternReader } from './java-regex-reader.ts';

const POSIX: Readonly<Record<string, string>> = {
  Lower: 'a-z',
  Upper: 'A-Z',
  ASCII: '\\x00-\\x7F',
  Alpha: 'A-Za-z',
  Digit: '0-9',
  Alnum: 'A-Za-z0-9',
  Punct: '\\x21-\\x2F\\x3A-\\x40\\x5B-\\x60\\x7B-\\x7E',
  Graph: '\\x21-\\x7E',
  Print: '\\x20-\\x7E',
  Blank: ' \\t',
  Cntrl: '\\x00-\\x1F\\x7F',
  XDigit: '0-9A-Fa-f',
  Space: ' \\t\\n\\x0B\\f\\r',
};

const CATEGORY = /^(?:L[ulmtoC]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfosn]?)$/;

/** Java's own names, and binary properties after `Is`. */
const NAMED: Readonly<Record<string, string>> = {
  all: '\\p{Any}',
  L1: '\\x00-\\xFF',
  LD: '\\p{L}\\p{Nd}',
  javaLetter: '\\p{L}',
  javaDigit: '\\p{Nd}',
  javaLetterOrDigit: '\\p{L}\\p{Nd}',
  javaAlphabetic: '\\p{Alphabetic}',
  IsAlphabetic: '\\p{Alphabetic}',
  IsIdeographic: '\\p{Ideographic}',
  IsLetter: '\\p{L}',
  IsPunctuation: '\\p{P}',
  IsControl: '\\p{Cc}',
  IsWhite_Space: '\\p{White_Space}',
  IsWhiteSpace: '\\p{White_Space}',
  IsDigit: '\\p{Nd}',
  IsHex_Digit: '\\p{Nd}\\p{Hex_Digit}',
  IsJoin_Control: '\\p{Join_Control}',
  IsAssigned: '\\P{Cn}',
};

/** Their meaning depends on the case flag, differently from one Java to the next. */
const CASED = /^(?:Is)?(?:Lower|Upper|Lu|Ll|Lt)/;

/** Reads what follows `\p` or `\P`, and returns a class. */
export function propertyClass(
  reader: PatternReader,
  {
    letter,
    at,
    ignoresCase,
  }: { readonly letter: string; readonly at: number; readonly ignoresCase: boolean },
): string {
  const name = nameOf(reader, at);
  if (ignoresCase && CASED.test(name))
    throw reader.error(`\\${letter}{${name}} is not clear while case is ignored`, at);
  const inside = insideOf(name);
  if (inside === undefined) throw reader.error(`\\${letter}{${name}} is not supported`, at);
  return letter === 'p' ? `[${inside}]` : `[^${inside}]`;
}

function nameOf(reader: PatternReader, at: number): string {
  const first = reader.takeRaw().text;
  if (first !== '{') return first;
  const name = reader.takeRun(/^[^}]$/u, 60);
  if (name === '' || reader.peekRaw() !== '}') throw reader.error('\\p{…} is not closed', at);
  reader.takeRaw();
  return name;
}

function insideOf(name: string): string | undefined {
  if (Object.hasOwn(POSIX, name)) return POSIX[name];
  if (Object.hasOwn(NAMED, name)) return NAMED[name];
  const category = /^(?:Is|general_category=|gc=)?([A-Z][A-Za-z]?)$/.exec(name)?.[1];
  if (category !== undefined && CATEGORY.test(category)) return `\\p{${category}}`;
  const script = /^(?:Is|script=|sc=)([A-Za-z_]+)$/.exec(name)?.[1];
  return script !== undefined && isScript(script) ? `\\p{Script=${script}}` : undefined;
}

function isScript(name: string): boolean {
  try {
    return new RegExp(`\\p{Script=${name}}`, 'v').unicodeSets;
  } catch {
    // The only way to ask the runtime which scripts it knows.
    return false;
  }
}
