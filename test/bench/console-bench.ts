/** What a browser needs for the console: until the first paint and the first figures, and tasks that hold the page while updates arrive. */
import { setTimeout as wait } from 'node:timers/promises';
import { loadavg } from 'node:os';
import type { Page } from 'playwright-core';
import { ConsoleSite } from '../renderer/console-site.ts';
import { progress, whole, type BenchResult } from './bench-output.ts';

const PAGES = ['overview', 'backlog', 'landings'] as const;
const FEED_MS = 100;
const FEED_LINES = 50;
/** Where the first figures of a page stand. */
const FIGURES = {
  overview: '[data-node^="sink:"]',
  backlog: 'main dd',
  landings: '[role=row][aria-rowindex="2"]',
};

export interface ConsoleBenchOptions {
  /** How often each page is loaded. */
  readonly loads: number;
  /** How long updates are watched on each page. */
  readonly seconds: number;
}

/** Times of one load since the navigation began, ms. */
interface Load {
  readonly paintMs: number;
  readonly figuresMs: number;
}

export async function consoleBench({ loads, seconds }: ConsoleBenchOptions): Promise<BenchResult> {
  await using site = await ConsoleSite.start();
  const stop = new AbortController();
  const fed = feed(site, stop.signal);
  const page = await site.open('overview');
  await page.addInitScript(WATCH_TASKS);
  const table: string[][] = [
    ['page', 'paint best', 'median', 'figures best', 'median', 'tasks > 50 ms', 'longest'],
  ];
  const figures: Record<string, unknown> = { load: loadavg()[0] };
  for (const name of PAGES) {
    progress(`${name}: ${loads} loads, then ${seconds} s of updates`);
    const taken: Load[] = [];
    for (let load = 0; load < loads; load++)
      taken.push(await loadOf(page, `${site.url}#/${name}`, FIGURES[name]));
    const tasks = await tasksOf(page, seconds);
    const [paints, firsts] = [taken.map(({ paintMs }) => paintMs), taken.map(({ figuresMs }) => figuresMs)];
    table.push([
      name,
      ...[paints, firsts].flatMap((all) => [ms(Math.min(...all)), ms(median(all))]),
      whole(tasks.length),
      ms(Math.max(0, ...tasks)),
    ]);
    figures[name] = { paintMs: paints, figuresMs: firsts, longTasksMs: tasks };
  }
  stop.abort();
  await fed;
  return {
    bench: 'the console in Chromium',
    table,
    figures,
    problems: [],
    notes: [
      `load of the machine when it began: ${(loadavg()[0] ?? 0).toFixed(1)}; nothing of the pages is in the browser’s cache but code`,
    ],
  };
}

/** So that every status differs from the one before. */
async function feed(site: ConsoleSite, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await site.writeLines('www', FEED_LINES);
    await wait(FEED_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function loadOf(page: Page, address: string, figures: string): Promise<Load> {
  await page.goto(address);
  await page.reload({ waitUntil: 'commit' });
  // In the page: the time until a test hears of it would count too.
  return page.evaluate<Load>(`(async () => {
    while (document.querySelector(${JSON.stringify(figures)}) === null) await new Promise(requestAnimationFrame);
    const figuresMs = performance.now();
    const paintMs = performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? figuresMs;
    return { paintMs, figuresMs };
  })()`);
}

/** Runs in the page, before its own scripts. */
const WATCH_TASKS = `
  globalThis.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) globalThis.longTasks.push(duration);
  }).observe({ type: 'longtask' });
`;

async function tasksOf(page: Page, seconds: number): Promise<number[]> {
  await page.evaluate(() => (Reflect.get(globalThis, 'longTasks') as number[]).splice(0));
  await wait(seconds * 1_000);
  return page.evaluate(() => Reflect.get(globalThis, 'longTasks') as number[]);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function ms(value: number): string {
  return `${whole(value)} ms`;
}
