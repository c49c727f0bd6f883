/**
 * Java's regular expressions (java.util.regex, as Flume's configurations have them) as JavaScript's, with the same meaning, or
 * refused with the place and the reason: never nearly the same.
 *
 * Meant is Java 17 without flags, with one choice where Java itself changed: `\b` is ASCII, as from Java 19 on.
 */
import { RegexTranslator } from './java-regex-translator.ts';

export interface JavaRegex {
  /** In `v` mode; without `g` and `y`, so that `exec` finds the first match, as Matcher.find does. */
  readonly regexp: RegExp;
  /** Java's number of a group → its index in a match; [0] is 0. They differ where atomic groups needed groups of their own. */
  readonly groups: readonly number[];
  /** Named groups: name → Java's number. */
  readonly names: ReadonlyMap<string, number>;
}

export interface JavaRegexOptions {
  /**
   * The highest group that will be read. Groups in repeated parts may hold other texts in JavaScript than in Java; that is refused
   * only where it could be seen. Default: all are read.
   */
  readonly highestGroupRead?: number;
  /** The whole text must match, as with Matcher.matches. */
  readonly isWhole?: boolean;
  /** Find all matches: the flag `g`. */
  readonly isGlobal?: boolean;
}

/** Throws regex-untranslatable. */
export function compileJavaRegex(pattern: string, options: JavaRegexOptions = {}): JavaRegex {
  const translator = new RegexTranslator(pattern, options.highestGroupRead ?? Number.MAX_SAFE_INTEGER);
  const body = translator.translate();
  const source = options.isWhole === true ? `^(?:${body})$` : body;
  const regexp = newRegExp(source, options.isGlobal === true ? 'gv' : 'v', translator);
  return { regexp, groups: translator.groups, names: translator.names };
}

function newRegExp(source: string, flags: string, translator: RegexTranslator): RegExp {
  try {
    return new RegExp(source, flags);
  } catch (cause) {
    throw translator.error(
      `JavaScript refuses what was made of it: ${cause instanceof Error ? cause.message : ''}`,
      0,
    );
  }
}
