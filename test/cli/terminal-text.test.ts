/**
 * Goal: nothing that comes from outside is obeyed by the terminal, and what is too wide is cut where it says least.
 * Method: properties over arbitrary text; examples for columns.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createConsoleLogger } from '../../main/cli/console-logger.ts';
import { redrawn } from '../../main/cli/live-screen.ts';
import { StopWish, ECHO_MS } from '../../main/cli/stop-signals.ts';
import { table } from '../../main/cli/table.ts';
import { displayWidth, fitted, oneLine, wrapped } from '../../main/cli/terminal-text.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 80 });
/** C0, C1, delete, line separators, and every mark that steers the writing direction. */
const OBEYED = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

describe('text from outside', () => {
  test('keeps no character that a terminal obeys, and stays one line', () => {
    fc.assert(fc.property(anyText, (text) => !OBEYED.test(oneLine(text))));
  });

  test('that is harmless is shown as it is', () => {
    expect(oneLine('GET /ä/水 "x" 200')).toBe('GET /ä/水 "x" 200');
  });

  test('is neutral in the log for people as well', () => {
    fc.assert(
      fc.property(anyText, anyText, (message, value) => {
        let written = '';
        const log = createConsoleLogger({
          level: 'debug',
          nowMs: () => 0,
          write: (text) => (written += text),
        });
        log.warn(message, { field: value, password: 'fish', error: new Error(value) });
        return written.endsWith('\n') && !OBEYED.test(written.slice(0, -1)) && !written.includes('fish');
      }),
    );
  });
});

test('the log for people tells moments as times and durations as they are', () => {
  let written = '';
  const log = createConsoleLogger({ level: 'info', nowMs: () => 0, write: (text) => (written += text) });
  log.info('sink-waits', { nextTryMs: Date.UTC(2026, 10, 21, 8, 59, 59), drainLimitMs: 30_000 });
  expect(written).toBe('00:00:00 INFO  sink-waits nextTryMs=08:59:59 drainLimitMs=30000\n');
});

describe('columns', () => {
  test('a cell is never wider than asked, and says that it was cut', () => {
    fc.assert(
      fc.property(
        anyText,
        fc.integer({ min: 2, max: 40 }),
        fc.constantFrom('start', 'end'),
        (raw, width, keep) => {
          const text = oneLine(raw);
          const cut = fitted(text, width, keep);
          return displayWidth(cut) <= width && (cut === text || cut.includes('…'));
        },
      ),
    );
    expect(fitted('/logs/www/2026-11-21/08/www.gw-1.x.log', 20, 'end')).toBe('…1/08/www.gw-1.x.log');
  });

  test('numbers stand right, thousands apart; columns without facts are left out', () => {
    const rows = [
      { name: 'www', events: 1_234_567, gap: 0 },
      { name: 'order', events: 5, gap: 0 },
    ];
    const text = table(
      [
        { title: 'TOPIC', of: (row: (typeof rows)[number]) => row.name },
        { title: 'EVENTS', of: (row) => row.events },
        { title: 'GAP', of: (row) => row.gap, isOptional: true },
      ],
      rows,
      80,
    );
    expect(text).toBe('TOPIC     EVENTS\nwww    1,234,567\norder          5');
  });

  test('long lines are broken between words, the rest indented', () => {
    expect(wrapped('  one two three', 9)).toEqual(['  one two', '    three']);
  });
});

test('a screen that is too small says so instead of scrolling', () => {
  expect(redrawn('a\nb\nc\nd', 4, false)).toContain('… 2 more lines: make the window taller');
});

test('Ctrl-C that arrives twice from one key press is one wish; a second press ends at once', () => {
  let nowMs = 0;
  const seen: string[] = [];
  const wish = new StopWish({
    steadyMs: () => nowMs,
    onStop: (why) => seen.push(why),
    onHurry: () => seen.push('hurry'),
  });
  wish.take('SIGINT');
  nowMs = ECHO_MS;
  wish.take('SIGINT');
  expect(seen).toEqual(['SIGINT']);
  nowMs = ECHO_MS + 1;
  wish.take('SIGINT');
  expect(seen).toEqual(['SIGINT', 'hurry']);
});
