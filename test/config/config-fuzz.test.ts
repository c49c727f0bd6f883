/**
 * Goal: no file, however broken, makes the reader throw or hang; it answers with a configuration or with problems that have a place.
 * Method: random damage to a valid file (bytes, lines, indentation, YAML's own characters), and random trees under the right keys.
 * The seed is printed; set HEADGATE_SEED to repeat a run.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { renderEffective, renderProblems } from '../../main/config/config-render.ts';
import { load, SAMPLE } from './sample-config.ts';

const seed = Number(process.env['HEADGATE_SEED'] ?? Date.now() % 2 ** 31);
console.log(`config fuzz: seed ${seed}`);
/** Far above what a read takes (some ms), far below what a person would call hanging. */
const MAX_READ_MS = 5_000;

const YAML_SPICE = [
  '\t',
  ':',
  ': ',
  '- ',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '|',
  '>',
  '&a ',
  '*a',
  '!t ',
  '#',
  '%',
  '---\n',
  '...\n',
  '?',
  '? ',
  '<<: ',
  '\r',
  '\u0000',
  '\u2028',
  '\ue000',
  '\ue001',
  '${env:',
  '${file:/',
  '${',
  '}',
  '__proto__: ',
  '\n',
  '  ',
  '.inf',
  '.nan',
  '0x',
  '1e999',
  '~',
  'null',
  ',',
];

const damage = fc.record({
  at: fc.nat(SAMPLE.length),
  removed: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(80)),
  added: fc.oneof(fc.constantFrom(...YAML_SPICE), fc.string({ maxLength: 8 }), fc.constant('')),
});

function mustAnswer(text: string): void {
  const started = performance.now();
  const loaded = load(text, { HOME: '/home' });
  expect(performance.now() - started).toBeLessThan(MAX_READ_MS);
  const lines = text.split('\n').length;
  for (const { line, column, message } of loaded.problems) {
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines + 1);
    expect(column).toBeGreaterThanOrEqual(1);
    expect(message.length).toBeGreaterThan(0);
  }
  expect(loaded.config === undefined).toBe(loaded.problems.some(({ severity }) => severity === 'error'));
  expect(renderProblems(loaded).length > 0).toBe(loaded.problems.length > 0);
  const shown = renderEffective(loaded);
  if (shown !== undefined && loaded.config !== undefined)
    expect(load(shown, { HOME: '/home' }).config).toEqual(loaded.config);
}

describe('whatever the file holds, the reader answers', () => {
  test('a damaged file', () => {
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 6 }), (damages) => {
        let text = SAMPLE;
        for (const { at, removed, added } of damages)
          text = text.slice(0, at) + added + text.slice(at + removed);
        mustAnswer(text);
      }),
      { seed, numRuns: 1_500 },
    );
  });

  test('any tree under the right keys', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        fc.string({ maxLength: 12 }),
        fc.integer(),
        fc.double(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(
          fc.constantFrom('type', 'name', 'channel', 'path', 'a', '__proto__', 'constructor'),
          tie('any'),
          { maxKeys: 3 },
        ),
      ),
    })).any;
    const keys = ['gateway', 'sources', 'channels', 'sinks', 'alerts', 'console', 'metrics'] as const;
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom(...keys),
          fc.oneof(
            value,
            fc.dictionary(
              fc.constantFrom('a', 'b', 'disk'),
              fc.record(
                {
                  type: fc.constantFrom('kafka', 'hdfs', 'file', 'directory', 'files'),
                  channels: value,
                  interceptors: value,
                  selector: value,
                  security: value,
                  partitions: value,
                },
                { requiredKeys: ['type'] },
              ),
            ),
          ),
        ),
        (tree) => {
          mustAnswer(stringify(tree));
        },
      ),
      { seed, numRuns: 500 },
    );
  });

  test.each([
    ['brackets', '['.repeat(60_000)],
    ['braces', '{a: '.repeat(40_000)],
    ['dashes', '- '.repeat(60_000)],
    ['indentation', Array.from({ length: 400 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('')],
    ['keys', Array.from({ length: 5_000 }, (_, index) => `k${index}: 1\n`).join('')],
    ['quotes', `a: ${"'".repeat(100_001)}`],
    ['aliases', `a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n`],
    ['references', `a: "${'${env:HOME}'.repeat(2_000)}"`],
    ['unfinished references', `a: "${'${env:'.repeat(20_000)}"`],
  ])('a file of nothing but %s', (_what, text) => {
    mustAnswer(text);
  });
});
