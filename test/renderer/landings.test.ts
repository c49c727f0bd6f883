/** Goal: the reckoning behind the landings page. Method: known values, and properties where the space is large. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hexOf } from '../../renderer/pages/landings/landing-details.tsx';
import { matching } from '../../renderer/pages/landings/finding-table.tsx';
import { topicsOf } from '../../renderer/pages/landings/ledger-columns.tsx';
import { filterOf, isFiltered, spanOf } from '../../renderer/pages/landings/ledger-filter.ts';
import { filesOf, nameOfStep } from '../../renderer/pages/landings/uploads.ts';
import { msOfWallTime, wallTimeOf } from '../../renderer/pages/landings/wall-time.ts';
import type { UploadStatusRow } from '../../shared/contract/control-status.ts';

const HOUR_MS = 3_600_000;
const NOON_MS = Date.UTC(2026, 10, 21, 12);

describe('filters of the ledger', () => {
  test('the last hour ends now, and two pages fetched in one minute are of the same list', () => {
    const filter = filterOf(new URLSearchParams('range=hour'));
    expect(spanOf(filter, NOON_MS + 1)).toEqual({ sinceMs: NOON_MS - HOUR_MS });
    expect(spanOf(filter, NOON_MS + 59_999)).toEqual(spanOf(filter, NOON_MS));
  });

  test('a range of one’s own takes the ends that are given', () => {
    const span = (query: string) => spanOf(filterOf(new URLSearchParams(query)), NOON_MS);
    expect(span('range=custom&from=5&to=9')).toEqual({ sinceMs: 5, untilMs: 9 });
    expect(span('range=custom&from=5')).toEqual({ sinceMs: 5 });
    expect(span('range=custom&from=x')).toEqual({});
    expect(span('from=5&to=9')).toEqual({});
  });

  test('the newest stand first unless the address says otherwise', () => {
    expect(filterOf(new URLSearchParams())).toMatchObject({
      sort: 'landed',
      isDescending: true,
      range: 'all',
    });
    expect(filterOf(new URLSearchParams('sort=path'))).toMatchObject({ sort: 'path', isDescending: false });
    expect(filterOf(new URLSearchParams('sort=x&range=y'))).toMatchObject({ sort: 'landed', range: 'all' });
    expect(isFiltered(filterOf(new URLSearchParams('tab=audit')))).toBe(false);
    expect(isFiltered(filterOf(new URLSearchParams('range=day')))).toBe(true);
  });
});

describe('times in fields', () => {
  test('a time is of the zone that is shown, also in summer', () => {
    expect(msOfWallTime('2026-11-21T20:00', 'Asia/Shanghai')).toBe(NOON_MS);
    expect(msOfWallTime('2026-07-01T14:00', 'Europe/Berlin')).toBe(Date.UTC(2026, 6, 1, 12));
    expect(msOfWallTime('2026-12-01T13:00', 'Europe/Berlin')).toBe(Date.UTC(2026, 11, 1, 12));
    expect(msOfWallTime('', 'UTC')).toBeUndefined();
    expect(msOfWallTime('yesterday', 'UTC')).toBeUndefined();
    expect(wallTimeOf(undefined, 'UTC')).toBe('');
  });

  test('what a field shows is read back as the same minute', () => {
    const minutes = fc.integer({ min: 0, max: 33_000_000 }).map((minute) => minute * 60_000);
    const zones = fc.constantFrom('UTC', 'Asia/Shanghai', 'Asia/Kathmandu', 'America/Caracas');
    fc.assert(
      fc.property(minutes, zones, (ms, zone) => {
        // Where clocks were set back, a wall time is two times; both read the same.
        const read = msOfWallTime(wallTimeOf(ms, zone), zone);
        expect(wallTimeOf(read, zone)).toBe(wallTimeOf(ms, zone));
      }),
    );
  });
});

describe('details of a landing', () => {
  test('a checksum has eight digits', () => {
    expect(hexOf(42)).toBe('0x0000002a');
    expect(hexOf(0xffffffff)).toBe('0xffffffff');
  });

  test('topics are named once', () => {
    expect(topicsOf([{ topic: 'b' }, { topic: 'a' }, { topic: 'b' }])).toBe('b, a');
  });
});

describe('files on their way', () => {
  const upload = (fileId: string, step: string): UploadStatusRow => ({
    fileId,
    path: `/${fileId}`,
    step,
    attempt: 1,
    sentBytes: 0,
    totalBytes: 1,
  });

  test('held ones come first, and those that are not listed are counted', () => {
    const { files, heldElsewhere } = filesOf([
      { name: 'a', heldFiles: 0, uploads: [upload('1', 'create')] },
      { name: 'b', heldFiles: 3, uploads: [upload('2', 'waiting'), upload('3', 'held')] },
    ]);
    expect(files.map(({ upload: { fileId }, isHeld }) => [fileId, isHeld])).toEqual([
      ['3', true],
      ['1', false],
      ['2', false],
    ]);
    expect(heldElsewhere).toBe(2);
  });

  test('a step that this page does not know keeps the engine’s name', () => {
    expect(nameOfStep('look-for-renamed')).toBe('look');
    expect(nameOfStep('constructor')).toBeUndefined();
  });
});

describe('findings', () => {
  const findings = [
    { kind: 'missing', place: 'Topic/1', what: '5-9' },
    { kind: 'file-missing', place: '/logs/a', what: 'gone' },
  ] as const;

  test('they are filtered by kind and by text in place and words, and keep their number', () => {
    expect(matching(findings, { text: 'topic', kind: undefined }).map(({ number }) => number)).toEqual([0]);
    expect(matching(findings, { text: '', kind: 'file-missing' }).map(({ number }) => number)).toEqual([1]);
    expect(matching(findings, { text: 'GONE', kind: 'missing' })).toEqual([]);
  });
});
