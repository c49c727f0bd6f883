/**
 * Goal: a difference of two texts gives both texts back, is short, and bounded. Method: random texts of few different lines, where many
 * lines are the same; texts beyond the bound.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EDITS_MAX, lineDiff } from '../../main/config/line-diff.ts';
import type { DiffLine } from '../../shared/contract/control-config.ts';

const seed = Number(process.env['HEADGATE_SEED'] ?? Date.now() % 2 ** 31);
console.log(`line-diff: seed ${seed}`);

const diffOf = (before: readonly string[], after: readonly string[]): DiffLine[] =>
  lineDiff({ lines: before, keys: before }, { lines: after, keys: after });
const beforeOf = (lines: readonly DiffLine[]) => lines.filter(({ before }) => before !== undefined);
const afterOf = (lines: readonly DiffLine[]) => lines.filter(({ after }) => after !== undefined);
const changed = (lines: readonly DiffLine[]): number => lines.filter(({ kind }) => kind !== 'same').length;

/** The length of the longest common subsequence, by the table that everybody knows. */
function commonLength(before: readonly string[], after: readonly string[]): number {
  let row = new Array<number>(after.length + 1).fill(0);
  for (const line of before) {
    const next = [0];
    after.forEach((other, at) => {
      next.push(line === other ? (row[at] ?? 0) + 1 : Math.max(row[at + 1] ?? 0, next[at] ?? 0));
    });
    row = next;
  }
  return row.at(-1) ?? 0;
}

describe('a difference', () => {
  test('names what went and came, with line numbers', () => {
    expect(diffOf(['a', 'b', 'c'], ['a', 'x', 'c', 'd'])).toEqual([
      { kind: 'same', before: 1, after: 1, text: 'a' },
      { kind: 'removed', before: 2, text: 'b' },
      { kind: 'added', after: 2, text: 'x' },
      { kind: 'same', before: 3, after: 3, text: 'c' },
      { kind: 'added', after: 4, text: 'd' },
    ]);
  });

  test('gives both texts back, line by line, and no shorter one exists', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 });
    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = diffOf(before, after);
        expect(beforeOf(lines).map((line) => line.text)).toEqual(before);
        expect(afterOf(lines).map((line) => line.text)).toEqual(after);
        expect(beforeOf(lines).map((line) => line.before)).toEqual(before.map((_, at) => at + 1));
        expect(afterOf(lines).map((line) => line.after)).toEqual(after.map((_, at) => at + 1));
        expect(changed(lines)).toBe(before.length + after.length - 2 * commonLength(before, after));
      }),
      { seed, numRuns: 500 },
    );
  });

  test('tells lines apart that look the same when their keys differ', () => {
    const lines = lineDiff({ lines: ['p: *'], keys: ['one'] }, { lines: ['p: *'], keys: ['two'] });
    expect(lines.map(({ kind }) => kind)).toEqual(['removed', 'added']);
  });

  test('of texts that have nothing in common is bounded: all goes, all comes, the common ends stay', () => {
    const many = (word: string) => Array.from({ length: EDITS_MAX * 4 }, (_, at) => `${word} ${at}`);
    const lines = diffOf(['head', ...many('old'), 'tail'], ['head', ...many('new'), 'tail']);
    expect(lines.filter(({ kind }) => kind === 'same').map(({ text }) => text)).toEqual(['head', 'tail']);
    expect(lines).toHaveLength(2 + EDITS_MAX * 8);
  });
});
