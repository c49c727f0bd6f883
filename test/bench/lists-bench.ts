import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHANNEL_FILE, openForReading, openForWriting } from '../../main/channel/channel-database.ts';
import { startQueries } from '../../main/engine/query-link.ts';
import type { EngineQueries } from '../../main/engine/engine-queries.ts';
import { queriesOn } from '../../main/engine/query-answers.ts';
import type { Queries } from '../../main/engine/query-messages.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import type { Input } from '../../shared/contract/control.ts';
import { megabytes, progress, rounded, whole, type BenchResult } from './bench-output.ts';
import { fillLists, NEEDLE, SINK, START_MS } from './lists-filler.ts';

/** What a page, a sort or a filter may take (issue 4, Speed). */
const LIMIT_MS = 200;
const PAGE_ROWS = 100;
const FIGURES_ASKED = 5;

export interface ListsBenchOptions {
  readonly keys: number;
  readonly ledgerRows: number;
}

interface Timed {
  readonly what: string;
  readonly ms: number;
  /** Of all threads: tells on a busy machine what the answer itself took. */
  readonly cpuMs: number;
}

async function timedOf<Answer>(
  what: string,
  work: () => Promise<Answer>,
): Promise<{ readonly answer: Answer; readonly timed: Timed }> {
  const startMs = performance.now();
  const start = process.cpuUsage();
  const answer = await work();
  const { user, system } = process.cpuUsage(start);
  return { answer, timed: { what, ms: performance.now() - startMs, cpuMs: (user + system) / 1_000 } };
}

interface Page {
  readonly rows: readonly unknown[];
  readonly total: number;
  readonly next?: string | undefined;
}

type Ask<Question> = (question: Question) => Promise<Page>;

const BACKLOG_SORTS = ['id', 'directory', 'events', 'bytes', 'oldest', 'newest'] as const;
const LEDGER_SORTS = ['landed', 'path', 'events', 'bytes'] as const;
const BACKLOG_FILTERS: readonly Input<'backlogList'>[] = [
  {},
  { text: 'topic-3' },
  { text: NEEDLE },
  { text: 'no-such-text' },
  { topic: 'topic-5' },
  { sink: SINK },
];
const LEDGER_FILTERS: readonly Input<'landings'>[] = [
  {},
  { text: 'topic-3' },
  { text: NEEDLE },
  { text: 'no-such-text' },
  { text: '.log' },
  { text: 'www.2026' },
  { text: '7f3a/www.' },
  { topic: 'topic-5' },
  { path: '/logs/topic-7/' },
  { sinceMs: START_MS + 3_000_000_000 },
];

/** Every sort and filter at the first, middle and last page, by offset and by cursor, of the lists that the console lives on. */
export async function listsBench({ keys, ledgerRows }: ListsBenchOptions): Promise<BenchResult> {
  const directory = mkdtempSync(join(tmpdir(), 'headgate-lists-'));
  try {
    progress(`filling ${whole(keys)} landing keys and ${whole(ledgerRows)} rows of the ledger`);
    fillLists(directory, { keys, chunksAKey: 3, ledgerRows });
    const figures = figuresOf(directory);
    const queries = await startQueries({
      ...{ stateDir: directory, gatewayId: 'bench', targets: () => ({}), clock: systemClock },
    });
    try {
      return await measured(queries, directory, figures);
    } finally {
      await queries.close();
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function measured(
  queries: EngineQueries,
  directory: string,
  figures: FigureTimes,
): Promise<BenchResult> {
  const beforeBytes = process.memoryUsage.rss();
  const cold = await coldTimes(queries);
  progress('every sort and filter');
  const backlog = await timesOf(
    { sorts: BACKLOG_SORTS, filters: BACKLOG_FILTERS },
    async (question: Input<'backlogList'>) => {
      const { rows, totalKeys: total, next } = await queries.backlogList(question);
      return { rows, total, next };
    },
  );
  const ledger = await timesOf(
    { sorts: LEDGER_SORTS, filters: LEDGER_FILTERS },
    async (question: Input<'landings'>) => {
      const { rows, total = -1, next } = await queries.landings(question);
      return { rows, total, next };
    },
  );
  const afterBytes = process.memoryUsage.rss();
  const changing = await whileChanging(queries, directory);
  const all = { backlog: backlog.times, ledger: ledger.times, changing };
  const slow = Object.values(all)
    .flat()
    .filter(({ ms }) => ms > LIMIT_MS);
  return {
    bench: 'lists',
    table: [
      ['', 'questions', 'median ms', '95 % ms', 'longest ms', 'most CPU ms', 'longest was'],
      ...Object.entries(all).map(([name, times]) => row(name, times)),
      ...cold.map(({ what, ms, cpuMs }) => [
        `cold: ${what}`,
        '1',
        '',
        '',
        ms.toFixed(0),
        cpuMs.toFixed(0),
        '',
      ]),
      ['status, when nothing changed', '', '', '', figures.sameMs.toFixed(2), '', ''],
      ['status, after a change', '', '', '', figures.changedMs.toFixed(0), '', ''],
    ],
    figures: {
      ...Object.fromEntries(
        Object.entries(all).map(([name, times]) => [
          `${name}Ms`,
          rounded(Math.max(...times.map(({ ms }) => ms))),
        ]),
      ),
      coldMs: Object.fromEntries(cold.map(({ what, ms }) => [what, rounded(ms)])),
      memoryBytes: afterBytes - beforeBytes,
      ...figures,
    },
    problems: [...backlog.problems, ...ledger.problems],
    notes: [
      `resident memory grew by ${megabytes(afterBytes - beforeBytes)} while the lists were looked at`,
      `over ${LIMIT_MS} ms: ${slow.length === 0 ? 'none' : slow.map(({ what, ms }) => `${what} ${ms.toFixed(0)} ms`).join('; ')}`,
    ],
  };
}

function row(name: string, times: readonly Timed[]): string[] {
  const sorted = times.toSorted((a, b) => a.ms - b.ms);
  const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)];
  const last = sorted.at(-1);
  return [
    name,
    whole(times.length),
    ...[at(0.5), at(0.95), last].map((one) => (one?.ms ?? 0).toFixed(1)),
    Math.max(...times.map(({ cpuMs }) => cpuMs)).toFixed(1),
    last?.what ?? '',
  ];
}

/** The first page of Landings at once, then the wait until any other order can be had; the first look at Backlog; heat; a search. */
async function coldTimes(queries: EngineQueries): Promise<Timed[]> {
  const times: Timed[] = [];
  const timed = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    times.push((await timedOf(what, work)).timed);
  };
  await timed('the thread and the first page of Landings', () => queries.landings({}));
  await timed('the first sorted page of Landings', () => queries.landings({ sort: 'path' }));
  await timed('the first page of Backlog', () => queries.backlogList({}));
  await timed('the heat map', () => queries.backlogHeat({}));
  await timed('the heat map again', () => queries.backlogHeat({}));
  return times;
}

interface Combinations<Question> {
  readonly sorts: readonly string[];
  readonly filters: readonly Question[];
}

async function timesOf<Question extends object>(
  { sorts, filters }: Combinations<Question>,
  ask: Ask<Question>,
): Promise<{ readonly times: Timed[]; readonly problems: string[] }> {
  const times: Timed[] = [];
  const problems: string[] = [];
  for (const sort of sorts) {
    for (const descending of [false, true]) {
      for (const filter of filters) {
        const question = { ...filter, sort, descending, limit: PAGE_ROWS };
        const name = `${sort}${descending ? ' down' : ''} ${JSON.stringify(filter)}`;
        const timed = async (place: string, change: object): Promise<Page> => {
          const { answer, timed: one } = await timedOf(`${name} ${place}`, () =>
            ask({ ...question, ...change }),
          );
          times.push(one);
          return answer;
        };
        const first = await timed('first', {});
        const middle = await timed('middle', { offset: first.total >> 1 });
        const last = await timed('last', { offset: Math.max(0, first.total - PAGE_ROWS) });
        if (middle.next !== undefined) await timed('next', { after: middle.next });
        const wanted = Math.min(PAGE_ROWS, first.total);
        if (last.next !== undefined || last.rows.length !== wanted)
          problems.push(`${name}: the last page has ${last.rows.length} rows of ${wanted}`);
      }
    }
  }
  return { times, problems };
}

/** The same questions while the writer changes the database before each of them. */
async function whileChanging(queries: EngineQueries, directory: string): Promise<Timed[]> {
  const db = openForWriting(join(directory, CHANNEL_FILE));
  const change = db.prepare('UPDATE landing_keys SET events = events + 1 WHERE id = ?');
  const times: Timed[] = [];
  try {
    for (let turn = 0; turn < 60; turn++) {
      change.run(1 + turn);
      const sort = BACKLOG_SORTS[turn % BACKLOG_SORTS.length] ?? 'id';
      const text = turn % 2 === 0 ? undefined : 'topic-3';
      const ask = () => queries.backlogList({ sort, offset: turn * 1_000, text });
      times.push((await timedOf(`${sort} after a change`, ask)).timed);
    }
  } finally {
    db.close();
  }
  return times;
}

interface FigureTimes {
  readonly sameMs: number;
  readonly changedMs: number;
}

/** What the status costs its thread. */
function figuresOf(directory: string): FigureTimes {
  const path = join(directory, CHANNEL_FILE);
  const db = openForReading(path);
  const other = openForWriting(path);
  const queries: Queries = queriesOn(db, { steadyMs: () => performance.now() });
  const timed = (): number => {
    const startMs = performance.now();
    queries.channelFigures(undefined);
    return performance.now() - startMs;
  };
  timed();
  const sameMs = Math.min(...Array.from({ length: FIGURES_ASKED }, timed));
  const changed = Array.from({ length: FIGURES_ASKED }, (_, at) => {
    other.prepare('UPDATE landing_keys SET events = events + 0 WHERE id = ?').run(at + 1);
    return timed();
  });
  other.close();
  db.close();
  return {
    sameMs: rounded(sameMs),
    changedMs: rounded(changed.reduce((sum, ms) => sum + ms, 0) / FIGURES_ASKED),
  };
}
