/** Goal: the reckoning behind the backlog page. Method: known values, and properties where the space is large. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backlogMark } from '../../renderer/pages/backlog/backlog-news.ts';
import { filterOf, isFiltered } from '../../renderer/pages/backlog/key-filter.ts';
import {
  canGoOn,
  NOT_LOOKED,
  PEEK_EVENTS_MAX,
  placed,
  prettyJson,
  withAnswer,
} from '../../renderer/pages/backlog/peek-pages.ts';
import {
  columnsOf,
  fillOf,
  scaleOf,
  stepOf,
  stepPaths,
  STEPS,
  ticksOf,
  type HeatCell,
} from '../../renderer/widgets/heat-map-layout.ts';
import { pathParts } from '../../renderer/widgets/path-text.tsx';
import type { PeekedEvent } from '../../shared/contract/control-rows.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';

const HOUR_MS = 3_600_000;

describe('columns of the heat map', () => {
  test('a few empty hours are drawn, many become one gap', () => {
    expect(columnsOf([0, 3 * HOUR_MS]).map(({ kind }) => kind)).toEqual(['hour', 'hour', 'hour', 'hour']);
    expect(columnsOf([0, 9 * HOUR_MS])).toEqual([
      { kind: 'hour', hourMs: 0 },
      { kind: 'gap', fromMs: HOUR_MS, toMs: 9 * HOUR_MS },
      { kind: 'hour', hourMs: 9 * HOUR_MS },
    ]);
  });

  test('every hour with data has exactly one column, in order, however far apart they are', () => {
    const hours = fc.uniqueArray(fc.integer({ min: -500_000, max: 500_000 }), { maxLength: 240 });
    fc.assert(
      fc.property(hours, (numbers) => {
        const hoursMs = numbers.sort((a, b) => a - b).map((hour) => hour * HOUR_MS);
        const columns = columnsOf(hoursMs);
        const drawn = columns.flatMap((column) => (column.kind === 'hour' ? [column.hourMs] : []));
        expect(drawn.filter((hourMs) => hoursMs.includes(hourMs))).toEqual(hoursMs);
        expect(new Set(drawn).size).toBe(drawn.length);
        expect(columns.length).toBeLessThanOrEqual(4 * Math.max(1, hoursMs.length));
      }),
    );
  });

  test('days are named first, hours where there is room', () => {
    const hoursMs = Array.from({ length: 30 }, (_, hour) => hour * HOUR_MS);
    const at = (ms: number) => new Date(ms).toISOString();
    const ticks = ticksOf(columnsOf(hoursMs), {
      columnPx: 15,
      monthDay: (ms) => at(ms).slice(5, 10),
      hourMinute: (ms) => at(ms).slice(11, 16),
    });
    expect(ticks.filter(({ isDay }) => isDay).map(({ column, text }) => [column, text])).toEqual([
      [0, '01-01'],
      [24, '01-02'],
    ]);
    const places = ticks.map(({ column }) => column * 15);
    expect(places.slice(1).every((x, before) => x - (places[before] ?? 0) >= 44)).toBe(true);
  });
});

describe('scale of the heat map', () => {
  const cell = (bytes: number): HeatCell => ({ hourMs: 0, topic: 'a', bytes, events: 1 });

  test('steps are powers of four, and the largest cell is in the last', () => {
    expect(scaleOf([cell(1), cell(1024 ** 2)])).toEqual([4 ** 7, 4 ** 8, 4 ** 9, 4 ** 10]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 2 ** 50 }), { minLength: 1 }), (sizes) => {
        const scale = scaleOf(sizes.map(cell));
        const most = Math.max(...sizes);
        if (most >= 4 ** (STEPS - 1)) expect(stepOf(most, scale)).toBe(STEPS - 1);
        for (const bytes of sizes) {
          expect(stepOf(bytes, scale)).toBeLessThanOrEqual(stepOf(most, scale));
          expect(stepOf(bytes, scale)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  test('each step is higher than the one before: it is read without its colour', () => {
    const heights = Array.from({ length: STEPS }, (_, step) => Math.round(18 * fillOf(step)));
    expect([...heights].sort((a, b) => a - b)).toEqual(heights);
    expect(new Set(heights).size).toBe(STEPS);
    expect(heights.at(-1)).toBe(18);
  });

  test('every cell that has a place is drawn once, others not at all', () => {
    const cells = [cell(5), { ...cell(1e9), hourMs: HOUR_MS }, { ...cell(7), topic: 'not shown' }];
    const paths = stepPaths(cells, {
      columns: columnsOf([0, HOUR_MS]),
      topics: ['a'],
      size: { columnPx: 10, rowPx: 20 },
    });
    expect(paths.join('').match(/M/g)).toHaveLength(2);
    expect(paths[0]).toMatch(/^M0 /);
    expect(paths[STEPS - 1]).toBe('M10 1h9v18h-9z');
  });
});

describe('paths in one line', () => {
  test('head and tail are the path, and the tail begins at a directory where one is near', () => {
    expect(pathParts('/warehouse/www/dt=2026-11-22/hh=03')).toEqual([
      '/warehouse',
      '/www/dt=2026-11-22/hh=03',
    ]);
    expect(pathParts('/short')).toEqual(['', '/short']);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (path) => {
        expect(pathParts(path).join('')).toBe(path);
      }),
    );
  });
});

describe('filters in the address', () => {
  test('without any, the largest stand first', () => {
    expect(filterOf(new URLSearchParams())).toEqual({
      text: '',
      sink: undefined,
      topic: undefined,
      sort: 'bytes',
      isDescending: true,
    });
    expect(isFiltered(filterOf(new URLSearchParams('sort=directory')))).toBe(false);
  });

  test('what somebody typed there is taken as far as it makes sense', () => {
    expect(filterOf(new URLSearchParams('sort=-oldest&topic=a&text=b'))).toMatchObject({
      sort: 'oldest',
      isDescending: true,
      topic: 'a',
      text: 'b',
    });
    expect(filterOf(new URLSearchParams('sort=directory'))).toMatchObject({ isDescending: false });
    expect(filterOf(new URLSearchParams('sort=nonsense'))).toMatchObject({
      sort: 'bytes',
      isDescending: true,
    });
  });
});

describe('when lists are fetched again', () => {
  const status = (events: number, state: string, memoryBytes: number): EngineStatus =>
    ({
      memoryBytes,
      channels: [{ name: 'disk', events, storedBytes: events }],
      sinks: [{ name: 'a', state, files: 0 }],
    }) as unknown as EngineStatus;

  test('what waits and what it waits for counts, what passes by does not', () => {
    const before = backlogMark(status(1, 'idle', 1));
    expect(backlogMark(status(1, 'idle', 2))).toBe(before);
    expect(backlogMark(status(2, 'idle', 1))).not.toBe(before);
    expect(backlogMark(status(1, 'waiting', 1))).not.toBe(before);
  });
});

describe('a look at events', () => {
  const event = (offset: number): PeekedEvent => ({
    chunkId: 1,
    topic: 'a',
    partition: 0,
    offset,
    body: '',
    bodyBytes: 0,
    isCut: false,
  });

  test('pages are gathered, and what was looked at is added up', () => {
    const first = withAnswer(NOT_LOOKED, { events: [event(1)], scanned: 1_000, next: '7.3' });
    expect(canGoOn(first)).toBe(true);
    const all = withAnswer(first, { events: [event(2)], scanned: 50 });
    expect(all).toMatchObject({ scanned: 1_050, next: undefined });
    expect(all.events.map(({ offset }) => offset)).toEqual([1, 2]);
    expect(canGoOn(all)).toBe(false);
  });

  test('a search that found nothing so far can go on; nothing is kept without end', () => {
    expect(canGoOn(withAnswer(NOT_LOOKED, { events: [], scanned: 9, next: '8.0' }))).toBe(true);
    const many = Array.from({ length: PEEK_EVENTS_MAX + 5 }, (_, offset) => event(offset));
    const full = withAnswer(NOT_LOOKED, { events: many, scanned: many.length, next: '9.0' });
    expect(full.events).toHaveLength(PEEK_EVENTS_MAX);
    expect(canGoOn(full)).toBe(false);
  });

  test('events without a known offset are told apart', () => {
    const places = placed([event(-1), event(-1)]).map(({ place }) => place);
    expect(new Set(places).size).toBe(2);
  });

  test('only whole JSON is laid out', () => {
    expect(prettyJson('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}');
    expect(prettyJson('{"a":')).toBeUndefined();
    expect(prettyJson('plain')).toBeUndefined();
    expect(prettyJson('12')).toBeUndefined();
  });
});
