/**
 * Goal: a text becomes the millisecond that Joda-Time would make of it, or is refused with the reason.
 * Method: a table computed by the real library; then the places where we refuse and Joda guesses, and the errors of patterns.
 */
import { describe, expect, it } from 'vitest';
import { isGatewayError } from '../../shared/errors.ts';
import { makeJodaParser } from '../../shared/time/joda-parser.ts';
import { TimeZone } from '../../shared/time/time-zone.ts';
import { JODA_TABLE } from './joda-table.ts';

const NOW_MS = Date.UTC(2026, 10, 21);
const parserOf = (pattern: string, zone = 'UTC') =>
  makeJodaParser(pattern, { zone: TimeZone.of(zone), nowMs: NOW_MS });

describe('texts become what Joda makes of them', () => {
  it.each(JODA_TABLE)('%s %s %j gives %s', (zone, pattern, text, expected) => {
    const parser = parserOf(pattern, zone);
    expect(parser.parse(text)).toBe(expected === 'X' ? NaN : Number(expected));
    expect(parser.explain(text) === '').toBe(expected !== 'X');
  });
});

describe('a text that names no time', () => {
  it('is refused with the reason', () => {
    const parser = parserOf('EEE yyyy-MM-dd HH:mm', 'Europe/Berlin');
    expect(parser.explain('Sun 2026-11-21 10:00')).toBe('the weekday does not fit the date');
    expect(parser.explain('Mon 2026-02-30 10:00')).toBe('2026-2 has no day 30');
    expect(parser.explain('Sun 2026-03-29 02:30')).toBe('clocks in Europe/Berlin skipped this time');
    expect(parser.explain('Sat 2026/11/21 10:00')).toBe('position 9 does not fit -');
    expect(parser.explain('Sat 2026-11-21 10:00 ')).toBe('position 21 is beyond the end of the pattern');
    expect(parserOf('yyyy').explain('12026')).toBe('position 1 does not fit yyyy');
  });

  it('does not change what the next text gives', () => {
    const parser = parserOf('yyyy-MM-dd HH:mm:ss');
    const good = Date.UTC(2026, 0, 2, 3, 4, 5);
    expect(parser.parse('2026-01-02 03:04:05')).toBe(good);
    expect(parser.parse('2026-13-02 03:04:05')).toBeNaN();
    expect(parser.parse('2026-13-02 03:04:05')).toBeNaN();
    expect(parser.parse('2026-01-02 03:04:05')).toBe(good);
  });
});

describe('a pattern without meaning', () => {
  it.each([
    ['', 1, 'it is empty'],
    ['yyyy-bb', 6, 'the letter b has no meaning'],
    ['yyyy-MM-dd yyyy', 12, 'yyyy says again what stands before it'],
    ['yyyy-ww', 6, 'a week (w) and its year (x) belong together'],
    ['xxxx-ww yyyy', 9, 'the year of a week is x, not y'],
    ['yyyy-MM E', 9, 'a weekday alone does not say which day'],
    ['yyyy-DDD dd', 6, 'a date is given by day of year or by month and day, not both'],
    ['G yyyy', 1, 'eras are not supported'],
    ['yyyy ZZZ', 6, 'zone names such as Asia/Shanghai are not supported (use Z or ZZ for offsets)'],
    ['y'.repeat(201), 201, 'it is too long'],
  ])('%j is refused at position %i', (pattern, at, reason) => {
    let thrown: unknown;
    try {
      parserOf(pattern);
    } catch (error) {
      thrown = error;
    }
    if (!isGatewayError(thrown)) throw new Error(`${pattern} was accepted`);
    expect(thrown.code).toBe('pattern-invalid');
    expect(thrown.message).toContain(`at position ${at}, ${reason}`);
  });
});
