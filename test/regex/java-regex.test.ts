/**
 * Goal: a translated expression finds what java.util.regex finds, with the same groups; what cannot be translated is refused.
 * Method: a table of patterns and inputs is given to a real Java (one start for all) and to the translation. Without Java the
 * comparison is left out, and says so.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isGatewayError } from '../../shared/errors.ts';
import { compileJavaRegex } from '../../shared/regex/java-regex.ts';
import { compileJavaReplacement } from '../../shared/regex/java-replacement.ts';
import { FIND_TABLE, INVALID_TABLE, REFUSED_TABLE, REPLACE_TABLE } from './java-regex-table.ts';

const hasJava = spawnSync('java', ['-version']).status === 0;
if (!hasJava)
  console.warn('LEFT OUT: no java on this machine, so the translation is not compared with java.util.regex');

const utf16be = (text: string): string => Buffer.from(text, 'utf16le').swap16().toString('base64');

interface Case {
  readonly kind: 'find' | 'replace';
  readonly pattern: string;
  readonly input: string;
  readonly replacement: string;
}

const cases: readonly Case[] = [
  ...FIND_TABLE.flatMap(([pattern, ...inputs]) =>
    inputs.map((input) => ({ kind: 'find', pattern, input, replacement: '' }) as const),
  ),
  ...REPLACE_TABLE.map(
    ([pattern, input, replacement]) => ({ kind: 'replace', pattern, input, replacement }) as const,
  ),
];

function javaAnswers(all: readonly Case[]): string[] {
  const lines = all.map(({ kind, pattern, input, replacement }) =>
    [kind, utf16be(pattern), utf16be(input), utf16be(replacement)].join(','),
  );
  const program = fileURLToPath(new URL('./RegexOracle.java', import.meta.url));
  return execFileSync('java', [program], { input: `${lines.join('\n')}\n`, encoding: 'ascii' })
    .trimEnd()
    .split('\n');
}

function ourAnswer({ kind, pattern, input, replacement }: Case): string {
  if (kind === 'replace') {
    const regex = compileJavaRegex(pattern, { isGlobal: true });
    const replaceWith = compileJavaReplacement(replacement, regex);
    return utf16be(input.replace(regex.regexp, (...match: string[]) => replaceWith(match)));
  }
  const { regexp, groups } = compileJavaRegex(pattern);
  const match = regexp.exec(input);
  if (match === null) return 'NONE';
  const texts = groups
    .slice(1)
    .map((index) => (match[index] === undefined ? '-' : `=${utf16be(match[index])}`));
  return [match.index, match.index + match[0].length, ...texts].join(' ');
}

describe.runIf(hasJava)('against java.util.regex', () => {
  it('finds the same places and groups, and replaces to the same texts', () => {
    const expected = javaAnswers(cases);
    const show = (index: number, answer: string | undefined): string =>
      `${JSON.stringify(cases[index])} → ${answer ?? ''}`;
    expect(cases.map((one, index) => show(index, ourAnswer(one)))).toEqual(
      expected.map((answer, index) => show(index, answer)),
    );
  });

  it('takes what we refuse, and refuses what we call invalid', () => {
    const find = (pattern: string): Case => ({ kind: 'find', pattern, input: 'aab', replacement: '' });
    const refused = javaAnswers(REFUSED_TABLE.map(([pattern]) => find(pattern)));
    expect(refused).not.toContain('ERROR');
    const invalid = javaAnswers(INVALID_TABLE.map(([pattern]) => find(pattern)));
    expect(INVALID_TABLE.filter((_, index) => invalid[index] !== 'ERROR')).toEqual([]);
  });
});

describe('an expression that cannot be translated', () => {
  it.each([...REFUSED_TABLE, ...INVALID_TABLE.map(([pattern, at]) => [pattern, at, ''] as const)])(
    '%s is refused at position %i: %s',
    (pattern, at, reason) => {
      expect(messageOf(() => compileJavaRegex(pattern))).toContain(`at position ${at}, `);
      expect(messageOf(() => compileJavaRegex(pattern))).toContain(reason);
    },
  );

  it('is not refused for groups that nobody reads', () => {
    expect(compileJavaRegex('^(?:(a)|b)*$', { highestGroupRead: 0 }).regexp.test('abba')).toBe(true);
    expect(compileJavaRegex('^((a*)*)$', { highestGroupRead: 0 }).regexp.test('aa')).toBe(true);
    expect(compileJavaRegex('(x)(?:(a)|b)*', { highestGroupRead: 1 }).regexp.exec('xab')?.[1]).toBe('x');
  });
});

describe('a replacement without meaning', () => {
  it.each([
    ['$2', 1, 'no such group'],
    ['a$', 2, 'after $ comes a group'],
    ['${x}', 1, 'no such group'],
    ['a\\', 2, 'a backslash ends'],
  ])('%s is refused at position %i', (text, at, reason) => {
    const message = messageOf(() => compileJavaReplacement(text, compileJavaRegex('(a)')));
    expect(message).toContain(`at position ${at}, `);
    expect(message).toContain(reason);
  });
});

function messageOf(compile: () => unknown): string {
  try {
    compile();
  } catch (error) {
    if (isGatewayError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}
