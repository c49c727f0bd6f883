/**
 * Goal: a table of a long list fetches what is looked at and nothing else, and never shows rows of another question as new. Method: a
 * list of numbers behind promises that the test answers one by one.
 */
import { describe, expect, test } from 'vitest';
import { PAGE_ROWS, RowPages, type PageAnswer } from '../../renderer/widgets/row-pages.ts';

interface Asked {
  readonly offset: number;
  readonly signal: AbortSignal;
  readonly answer: (answer: PageAnswer<number>) => Promise<void>;
  readonly fail: (error: Error) => Promise<void>;
}

function list() {
  const asked: Asked[] = [];
  const fetch = (offset: number, _limit: number, signal: AbortSignal) =>
    new Promise<PageAnswer<number>>((resolve, reject) => {
      const settled = async (settle: () => void) => {
        settle();
        // The chain behind it has two links.
        await Promise.resolve();
        await Promise.resolve();
      };
      asked.push({
        offset,
        signal,
        answer: (answer) => settled(() => resolve(answer)),
        fail: (error) => settled(() => reject(error)),
      });
    });
  const pages = new RowPages<number>(fetch);
  pages.ask(fetch);
  return { pages, asked, fetch };
}

const rowsFrom = (offset: number, count = PAGE_ROWS) =>
  Array.from({ length: count }, (_, place) => offset + place);

describe('rows in windows', () => {
  test('rows that are looked at are fetched once, and those that were scrolled past are given up', async () => {
    const { pages, asked } = list();
    await asked[0]?.answer({ rows: rowsFrom(0), total: 100_000 });
    pages.source().ensure(0, 40);
    expect(asked.length).toBe(1);
    pages.source().ensure(5_000, 5_040);
    pages.source().ensure(5_001, 5_041);
    expect(asked.map(({ offset }) => offset)).toEqual([0, 5_000]);
    pages.source().ensure(90_000, 90_040);
    expect(asked[1]?.signal.aborted).toBe(true);
    await asked[2]?.answer({ rows: rowsFrom(90_000), total: 100_000 });
    expect(pages.source().rowAt(90_040)).toBe(90_040);
    expect(pages.source().rowAt(5_000)).toBeUndefined();
  });

  test('the rows of the question before stay, marked as old, until the new answer is here', async () => {
    const { pages, asked, fetch } = list();
    await asked[0]?.answer({ rows: rowsFrom(0, 3), total: 3 });
    pages.ask(fetch);
    expect(pages.source()).toMatchObject({ total: 3, isStale: true, isLoading: true });
    await asked[1]?.answer({ rows: [7], total: 1 });
    expect(pages.source()).toMatchObject({ total: 1, isStale: false });
    expect(pages.source().rowAt(0)).toBe(7);
  });

  test('an answer to the question before changes nothing', async () => {
    const { pages, asked, fetch } = list();
    pages.ask(fetch);
    await asked[0]?.answer({ rows: [1], total: 1 });
    expect(pages.source().total).toBe(0);
  });

  test('a list that does not say how long it is grows while there is more', async () => {
    const { pages, asked } = list();
    await asked[0]?.answer({ rows: rowsFrom(0), hasMore: true });
    expect(pages.source().total).toBe(2 * PAGE_ROWS);
    pages.source().ensure(PAGE_ROWS, PAGE_ROWS + 10);
    await asked[1]?.answer({ rows: rowsFrom(PAGE_ROWS, 5), hasMore: false });
    expect(pages.source().total).toBe(PAGE_ROWS + 5);
  });

  test('an error is told and a reload asks again', async () => {
    const { pages, asked } = list();
    await asked[0]?.fail(new Error('the engine is away'));
    expect(pages.source().error?.message).toBe('the engine is away');
    pages.source().reload();
    await asked[1]?.answer({ rows: [1], total: 1 });
    expect(pages.source().error).toBeUndefined();
  });

  test('windows that were looked at longest ago are forgotten', async () => {
    const { pages, asked } = list();
    await asked[0]?.answer({ rows: rowsFrom(0), total: 1_000_000 });
    for (let page = 1; page <= 60; page++) {
      pages.source().ensure(page * PAGE_ROWS, page * PAGE_ROWS + 30);
      await asked[page]?.answer({ rows: rowsFrom(page * PAGE_ROWS), total: 1_000_000 });
    }
    expect(pages.source().rowAt(0)).toBeUndefined();
    expect(pages.source().rowAt(6_000)).toBe(6_000);
  });
});
