/** Goal: numbers, sizes and times read right in both languages. Method: known values, and durations that never grow a unit too many. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Format } from '../../renderer/text/format.ts';

const units = {
  day: 'd',
  hour: 'h',
  minute: 'min',
  second: 's',
  ms: 'ms',
  perSecond: (value: string) => `${value}/s`,
  eventsPerSecond: (value: string) => `${value} ev/s`,
};
const english = new Format({ locale: 'en-GB', timeZone: 'Asia/Shanghai', units });
const chinese = new Format({ locale: 'zh-CN', timeZone: 'UTC', units });

describe('format', () => {
  test('sizes have binary units and three digits', () => {
    expect(
      [0, 512, 1023, 1536, 1024 ** 2 - 1, 12.345 * 1024 ** 3, 5000 * 1024 ** 4].map(english.bytes),
    ).toEqual(['0 B', '512 B', '1,023 B', '1.5 KiB', '1 MiB', '12.3 GiB', '5,000 TiB']);
  });

  test('counts are whole, and short where room is short', () => {
    expect(english.count(1_234_567)).toBe('1,234,567');
    expect(english.compact(9_999)).toBe('9,999');
    expect(english.compact(1_234_567)).toBe('1.23m');
    expect(chinese.compact(1_234_567)).toBe('123万');
  });

  test('a share is whole or nothing only when it is', () => {
    expect([0, 0.0005, 0.42, 0.9995, 1].map(english.percent)).toEqual(['0%', '< 1%', '42%', '> 99%', '100%']);
  });

  test('rates keep a fraction only when they are small', () => {
    expect([0, 0.25, 12.34, 1_234.5].map(english.eventsRate)).toEqual([
      '0 ev/s',
      '0.25 ev/s',
      '12.3 ev/s',
      '1,235 ev/s',
    ]);
    expect(english.bytesRate(2_000_000)).toBe('1.91 MiB/s');
  });

  test('durations have their two largest units', () => {
    expect([250, 12_000, 200_000, 50_700_000, 187_200_000, -5].map(english.duration)).toEqual([
      '250 ms',
      '12 s',
      '3 min 20 s',
      '14 h 5 min',
      '2 d 4 h',
      '0 ms',
    ]);
  });

  test('times stand in the chosen zone, with 24 hours, in every language', () => {
    const noon = Date.UTC(2026, 10, 21, 18, 5, 12, 345);
    expect(english.time(noon)).toBe('2026-11-22 02:05:12');
    expect(chinese.time(noon)).toBe('2026-11-21 18:05:12');
    expect(english.exactTime(noon)).toBe('2026-11-22 02:05:12.345 Asia/Shanghai');
    expect(english.clock(noon)).toBe('02:05:12');
    expect(english.monthDay(noon)).toBe('11-22');
  });

  test('no number makes it throw, whatever an engine says', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        for (const write of [
          english.bytes,
          english.compact,
          english.duration,
          english.time,
          english.exactTime,
        ])
          expect(typeof write(value)).toBe('string');
      }),
    );
  });
});
