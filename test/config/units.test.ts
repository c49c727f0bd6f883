/** Goal: sizes and times read and print as people expect, and what is printed for files reads back. Method: tables and a property. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatDuration,
  parseBytes,
  parseDuration,
  writeBytes,
  writeDuration,
} from '../../shared/units.ts';

const seed = Number(process.env['HEADGATE_SEED'] ?? Date.now() % 2 ** 31);
console.log(`units: seed ${seed}`);

describe('units', () => {
  test.each([
    ['0', 0],
    ['1024', 1024],
    ['512 B', 512],
    ['64KiB', 65_536],
    ['1.5 GiB', 1_610_612_736],
    ['2TiB', 2 * 1024 ** 4],
    ['1.5', undefined],
    ['64KB', undefined],
    ['-1', undefined],
    ['99999999TiB', undefined],
    ['', undefined],
    ['1e3', undefined],
  ])('the size %s is %s bytes', (written, expected) => expect(parseBytes(written)).toBe(expected));

  test.each([
    ['250ms', undefined, 250],
    ['1.5h', undefined, 5_400_000],
    ['10 min', undefined, 600_000],
    ['2d', undefined, 172_800_000],
    ['10', undefined, undefined],
    ['0', undefined, 0],
    ['10', 1_000, 10_000],
    ['10m', 1_000, undefined],
  ])('the time %s with bare unit %s is %s ms', (written, bareUnitMs, expected) =>
    expect(parseDuration(written, bareUnitMs)).toBe(expected),
  );

  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1_610_612_736, '1.5 GiB'],
    [1024 ** 2 - 1, '1 MiB'],
    [-2048, '-2 KiB'],
  ])('%s bytes are shown as %s', (bytes, expected) => expect(formatBytes(bytes)).toBe(expected));

  test.each([
    [0, '0 ms'],
    [340, '340 ms'],
    [1_500, '1.5 s'],
    [60_000, '1 min'],
    [7_500_000, '2 h 5 min'],
    [90_000_000, '1 d 1 h'],
    [259_200_000, '3 d'],
    [-1_500, '-1.5 s'],
  ])('%s ms are shown as %s', (durationMs, expected) => expect(formatDuration(durationMs)).toBe(expected));

  test('counts are grouped', () => {
    expect([0, 999, 1_000, 1_234_567, -1_234.5].map(formatCount)).toEqual([
      '0',
      '999',
      '1,000',
      '1,234,567',
      '-1,234.5',
    ]);
  });

  test('what is written for files reads back as the same', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 50 }), fc.integer({ min: 0, max: 60 }), (odd, shift) => {
        const value = shift > 40 ? odd : (odd % 1000) * 2 ** (shift % 31);
        expect(parseBytes(writeBytes(value))).toBe(value);
        expect(parseDuration(writeDuration(value))).toBe(value);
      }),
      { seed },
    );
  });
});
