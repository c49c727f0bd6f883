/** A Java pattern as code points with their places, after `\Q…\E` is taken out. */
import { GatewayError } from '../errors.ts';

export interface PatternChar {
  /** One code point. */
  readonly text: string;
  /** Its place in the pattern, in UTF-16 units from 0. */
  readonly at: number;
  /** Stands between `\Q` and `\E`: means itself. */
  readonly isQuoted: boolean;
}

/** A configuration line; longer ones are generated, and then not by a person. */
export const MAX_REGEX_CHARS = 4_000;

export function regexError(pattern: string, at: number, reason: string): GatewayError {
  return new GatewayError({
    code: 'regex-untranslatable',
    operation: 'translate a Java regular expression',
    place: `position ${at + 1} of ${JSON.stringify(pattern.slice(0, 200))}`,
    message: `the regular expression ${JSON.stringify(pattern.slice(0, 200))} cannot be used: at position ${at + 1}, ${reason}`,
    retry: 'never',
    hint: 'Expressions are those of java.util.regex, as in Flume; write the part another way.',
  });
}

/** Reads a pattern from left to right. In comments mode, blanks and `#` comments are passed over. */
export class PatternReader {
  readonly pattern: string;
  readonly #chars: readonly PatternChar[];
  #next = 0;
  /** The flag `x`. */
  skipsBlanks = false;

  constructor(pattern: string) {
    if (pattern.length > MAX_REGEX_CHARS) throw regexError(pattern, MAX_REGEX_CHARS, 'it is too long');
    this.pattern = pattern;
    this.#chars = unquoted(pattern);
  }

  /** Place of the next character, or the pattern's length. */
  get at(): number {
    this.#skip();
    return this.#chars[this.#next]?.at ?? this.pattern.length;
  }

  peek(): PatternChar | undefined {
    this.#skip();
    return this.#chars[this.#next];
  }

  /** True when the next characters are these, unquoted. */
  sees(text: string): boolean {
    this.#skip();
    return [...text].every((char, index) => {
      const found = this.#chars[this.#next + index];
      return found?.text === char && !found.isQuoted;
    });
  }

  /** Takes the text if it comes next. */
  takes(text: string): boolean {
    const isNext = this.sees(text);
    if (isNext) this.#next += [...text].length;
    return isNext;
  }

  take(): PatternChar {
    const char = this.peek();
    if (char === undefined) throw this.error('it ends too early');
    this.#next += 1;
    return char;
  }

  /** The next character as it stands, blanks too; after a backslash and inside of escapes nothing is passed over. */
  takeRaw(): PatternChar {
    const char = this.#chars[this.#next];
    if (char === undefined) throw this.error('it ends too early');
    this.#next += 1;
    return char;
  }

  peekRaw(): string | undefined {
    const char = this.#chars[this.#next];
    return char === undefined || char.isQuoted ? undefined : char.text;
  }

  /** Takes the longest run of characters of the class, at most `max`. */
  takeRun(allowed: RegExp, max: number): string {
    let run = '';
    while (run.length < max) {
      const next = this.peekRaw();
      if (next === undefined || !allowed.test(next)) break;
      run += next;
      this.#next += 1;
    }
    return run;
  }

  error(reason: string, at: number = this.at): GatewayError {
    return regexError(this.pattern, at, reason);
  }

  #skip(): void {
    if (!this.skipsBlanks) return;
    for (;;) {
      const char = this.#chars[this.#next];
      if (char === undefined || char.isQuoted) return;
      if (/^[ \t\n\v\f\r]$/.test(char.text)) {
        this.#next += 1;
      } else if (char.text === '#') {
        while (
          this.#next < this.#chars.length &&
          !/^[\n\r\u0085\u2028\u2029]$/.test(this.#chars[this.#next]?.text ?? '')
        ) {
          this.#next += 1;
        }
      } else {
        return;
      }
    }
  }
}

/** Without `\E`, a quotation reaches to the end; an `\E` without `\Q` is an error in Java too and stays for the parser to see. */
function unquoted(pattern: string): PatternChar[] {
  const chars: PatternChar[] = [];
  let isQuoted = false;
  for (let at = 0; at < pattern.length;) {
    if (!isQuoted && pattern.startsWith('\\Q', at)) {
      isQuoted = true;
      at += 2;
      continue;
    }
    if (isQuoted && pattern.startsWith('\\E', at)) {
      isQuoted = false;
      at += 2;
      continue;
    }
    const text = String.fromCodePoint(pattern.codePointAt(at) ?? 0);
    chars.push({ text, at, isQuoted });
    at += text.length;
    // An escaped backslash is no beginning of \Q.
    if (!isQuoted && text === '\\' && at < pattern.length && !pattern.startsWith('Q', at)) {
      const escaped = String.fromCodePoint(pattern.codePointAt(at) ?? 0);
      chars.push({ text: escaped, at, isQuoted: false });
      at += escaped.length;
    }
  }
  return chars;
}
