/** Replacement texts of java.util.regex (`Matcher.appendReplacement`): `$1`, `${name}`, and `\` before what means itself. */
import type { JavaRegex } from './java-regex.ts';
import { regexError } from './java-regex-reader.ts';

/** What stands in for one match; `match` is of the expression that the replacement was compiled for. */
export type Replacement = (match: readonly (string | undefined)[]) => string;

/** Throws regex-untranslatable where Java would throw at the first match. */
export function compileJavaReplacement(text: string, { groups, names }: JavaRegex): Replacement {
  const pieces: (string | number)[] = [];
  let plain = '';
  const reference = (group: number | undefined, at: number): void => {
    const index = group === undefined ? undefined : groups[group];
    if (index === undefined) throw regexError(text, at, 'the expression has no such group');
    pieces.push(plain, index);
    plain = '';
  };
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '\\') {
      at += 1;
      if (at >= text.length) throw regexError(text, at - 1, 'a backslash ends the replacement');
      plain += text.charAt(at);
    } else if (char === '$') {
      const named = /^\{([A-Za-z][A-Za-z0-9]*)\}/.exec(text.slice(at + 1));
      if (named !== null) {
        reference(names.get(named[1] ?? ''), at);
        at += named[0].length;
        continue;
      }
      const digits = groupDigits(text, at + 1, groups.length);
      if (digits === '') throw regexError(text, at, 'after $ comes a group; write \\$ for a dollar');
      reference(Number(digits), at);
      at += digits.length;
    } else {
      plain += char;
    }
  }
  pieces.push(plain);
  return (match) =>
    pieces.map((piece) => (typeof piece === 'string' ? piece : (match[piece] ?? ''))).join('');
}

/** One digit, and more as long as there are so many groups. */
function groupDigits(text: string, at: number, groupCount: number): string {
  let digits = /^\d/.exec(text.slice(at))?.[0] ?? '';
  while (digits !== '') {
    const next = text.charAt(at + digits.length);
    if (!/^\d$/.test(next) || Number(digits + next) >= groupCount) break;
    digits += next;
  }
  return digits;
}
