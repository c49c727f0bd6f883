/**
 * Goal: whatever lies in the channel and in the ledger, a list shows each matching row exactly once over all its pages, in its order, forwards
 * and backwards, by cursor and by offset; and its totals, the heat map and the figures of the status say the same.
 * Method: random contents of a real database, held against a filter and a sort over plain arrays. fast-check prints its seed.
 */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ChannelWriter } from '../../main/channel/channel-writer.ts';
import { CHANNEL_FILE, openForReading } from '../../main/channel/channel-database.ts';
import { queriesOn } from '../../main/engine/query-answers.ts';
import { LandingsQuery } from '../../main/engine/query-landings.ts';
import type { Queries } from '../../main/engine/query-messages.ts';
import { procedures, type Input, type Output } from '../../shared/contract/control.ts';
import {
  fileRequest,
  land,
  openWriter,
  partition,
  putOf,
  range,
  SINK,
  tenureStart,
  TestDirectory,
} from '../channel/channel-fixture.ts';

const TOPICS = ['www', 'shop'];
const DIRECTORIES = ['/logs', '/logs/08', '/logs/08/é', '/logs-2/08', '/x/www/09', '/x/www'];

/** Every page of a list by cursor, then by offset: each must give the same rows. */
function allPages<
  Row,
  Question extends { limit?: number | undefined; after?: string | undefined; offset?: number | undefined },
>(
  ask: (question: Question) => { readonly rows: readonly Row[]; readonly next?: string | undefined },
  question: Question,
  idOf: (row: Row) => unknown,
): Row[] {
  const byCursor: Row[] = [];
  for (let after: string | undefined; ;) {
    const page = ask(after === undefined ? question : { ...question, after });
    byCursor.push(...page.rows);
    after = page.next;
    if (after === undefined) break;
    expect(page.rows.length).toBe(question.limit);
  }
  const byOffset: Row[] = [];
  for (;;) {
    const { rows } = ask({ ...question, offset: byOffset.length });
    if (rows.length === 0) break;
    byOffset.push(...rows);
  }
  expect(byOffset.map(idOf)).toEqual(byCursor.map(idOf));
  return byCursor;
}

const compare = (a: number | string, b: number | string): number => (a < b ? -1 : a > b ? 1 : 0);

interface PutStep {
  readonly topic: number;
  readonly directory: number;
  readonly events: number;
  readonly then: 'nothing' | 'plan' | 'land';
}
const putStep: fc.Arbitrary<PutStep> = fc.record({
  topic: fc.nat({ max: TOPICS.length - 1 }),
  directory: fc.nat({ max: DIRECTORIES.length - 1 }),
  events: fc.integer({ min: 1, max: 9 }),
  /** What is done with the directory afterwards. */
  then: fc.constantFrom<PutStep['then']>('nothing', 'nothing', 'plan', 'land'),
});

async function fillBacklog(writer: ChannelWriter, steps: readonly PutStep[]): Promise<void> {
  const next = TOPICS.map(() => 0);
  for (const [at, topic] of TOPICS.entries())
    await writer.perform('beginTenure', tenureStart(topic, 0, { ref: { ...partition(at), topic } }));
  for (const step of steps) {
    const tenure = TOPICS[step.topic] ?? '';
    const first = next[step.topic] ?? 0;
    const end = first + step.events;
    next[step.topic] = end;
    const directory = DIRECTORIES[step.directory] ?? '';
    const ref = { ...partition(step.topic), topic: tenure };
    const chunks = [{ offsets: range(first, end), directory }];
    await writer.perform('put', putOf({ tenure, first, next: end, partition: ref, chunks }));
    await writer.perform('accept', tenure, end);
    if (step.then === 'nothing') continue;
    const key = (await writer.perform('keys', SINK)).find((one) => one.key.directory === directory);
    const made = await writer.perform('plan', fileRequest(key?.id ?? 0, { maxEvents: 5 }));
    if (made !== undefined && step.then === 'land') await land(writer, made.plan.fileId);
  }
}

type KeyRow = Output<'backlogList'>['rows'][number];

/** What the database holds, summed by hand. A key's newest event is the newest that came in since it was empty last. */
function backlogModel(path: string): (KeyRow & { topics: string[] })[] {
  const db = new Database(path, { readonly: true });
  const rows = db
    .prepare<[], KeyRow & { topics: string }>(
      `SELECT k.id, k.sink, k.channel, k.directory, k.prefix, sum(c.events) AS events, sum(c.raw_bytes) AS rawBytes,
      sum(c.stored_bytes) AS storedBytes, min(c.oldest_event_ms) AS oldestEventMs, max(max(c.newest_event_ms), iif(k.chunks > 0, k.newest_event_ms, 0)) AS newestEventMs,
      min(c.put_ms) AS oldestPutMs, max(max(c.put_ms), iif(k.chunks > 0, k.newest_put_ms, 0)) AS newestPutMs, group_concat(DISTINCT p.topic) AS topics
      FROM chunks c JOIN landing_keys k ON k.id = c.landing_key_id JOIN partitions p ON p.id = c.partition_id GROUP BY k.id`,
    )
    .all();
  db.close();
  return rows.map((row) => ({ ...row, topics: row.topics.split(',') }));
}

const KEY_VALUES: Record<string, (row: KeyRow) => number | string> = {
  id: ({ id }) => id,
  directory: ({ directory }) => directory,
  events: ({ events }) => events,
  bytes: ({ storedBytes }) => storedBytes,
  oldest: ({ oldestEventMs }) => oldestEventMs,
  newest: ({ newestEventMs }) => newestEventMs,
};

function checkBacklog(queries: Queries, model: ReturnType<typeof backlogModel>): void {
  const ask = (question: Input<'backlogList'>) =>
    procedures.backlogList.output.parse(queries.backlogList(procedures.backlogList.input.parse(question)));
  const filters = [
    {},
    { text: '08' },
    { text: '/www/' },
    { topic: 'www' },
    { sink: 'none' },
    { text: 'é', topic: 'shop' },
  ];
  for (const filter of filters) {
    const { text = '', topic, sink } = filter as { text?: string; topic?: string; sink?: string };
    const wanted = model.filter(
      (row) =>
        row.directory.includes(text) &&
        (topic === undefined || row.topics.includes(topic)) &&
        (sink === undefined || row.sink === sink),
    );
    for (const [sort, valueOf] of Object.entries(KEY_VALUES)) {
      const sorted = wanted.toSorted((a, b) => compare(valueOf(a), valueOf(b)) || a.id - b.id);
      for (const descending of [false, true]) {
        const question = { ...filter, sort: sort as 'id', descending, limit: 2 };
        const rows = allPages(ask, question, ({ id }: KeyRow) => id);
        const expected = (descending ? sorted.toReversed() : sorted).map(({ topics: _, ...row }) => row);
        expect(rows, JSON.stringify(question)).toEqual(expected);
      }
    }
    const sums = ask(filter);
    expect([sums.totalKeys, sums.totalEvents, sums.totalStoredBytes]).toEqual([
      wanted.length,
      wanted.reduce((sum, { events }) => sum + events, 0),
      wanted.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
    ]);
  }
  checkSums(queries, model);
}

/** Heat map, chunks and status add up to the list. */
function checkSums(queries: Queries, model: readonly KeyRow[]): void {
  const events = model.reduce((sum, row) => sum + row.events, 0);
  const bytes = model.reduce((sum, row) => sum + row.storedBytes, 0);
  const heat = procedures.backlogHeat.output.parse(queries.backlogHeat({}));
  const inCells = heat.cells.reduce((sum, cell) => sum + cell.events, heat.leftOut.events);
  const bytesInCells = heat.cells.reduce((sum, cell) => sum + cell.bytes, heat.leftOut.bytes);
  expect([inCells, bytesInCells]).toEqual([events, bytes]);
  const figures = queries.channelFigures(undefined)[0];
  expect([figures?.events ?? 0, figures?.storedBytes ?? 0]).toEqual([events, bytes]);
  if (model.length > 0) {
    const oldest = Math.min(...model.map(({ oldestEventMs }) => oldestEventMs));
    expect(figures?.oldestEventMs).toBe(oldest);
  }
  for (const { id, events: ofKey } of model) {
    const ask = (question: Omit<Input<'backlogChunks'>, 'landingKeyId'>) => {
      const input = procedures.backlogChunks.input.parse({ ...question, landingKeyId: id });
      return procedures.backlogChunks.output.parse(queries.backlogChunks(input));
    };
    const rows = allPages(ask, { limit: 2 }, (row: { id: number }) => row.id);
    expect(rows.reduce((sum, row) => sum + row.events, 0)).toBe(ofKey);
    expect(ask({}).total).toBe(rows.length);
  }
}

test('the backlog’s pages hold every key once, chunks in plans included, in every order and through every filter', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(putStep, { maxLength: 14 }),
      fc.array(putStep, { maxLength: 6 }),
      async (steps, more) => {
        using directory = new TestDirectory();
        const writer = openWriter(directory.path);
        const path = join(directory.path, CHANNEL_FILE);
        await fillBacklog(writer, steps);
        const db = openForReading(path);
        const queries = queriesOn(db, { steadyMs: () => 0 });
        try {
          checkBacklog(queries, backlogModel(path));
          // The same connection, which remembers its lists, after more came in and landed.
          for (const { directory: at } of more) {
            const key = (await writer.perform('keys', SINK)).find(
              (one) => one.key.directory === DIRECTORIES[at],
            );
            const made = key && (await writer.perform('plan', fileRequest(key.id, { maxEvents: 3 })));
            if (made !== undefined) await land(writer, made.plan.fileId);
          }
          if (more.length > 0) checkBacklog(queries, backlogModel(path));
        } finally {
          db.close();
          writer.close();
        }
      },
    ),
    { numRuns: 8 },
  );
}, 120_000);

interface NewLedgerRow {
  readonly directory: number;
  readonly name: string;
  readonly events: number;
  readonly bytes: number;
  readonly landedMs: number;
  readonly topics: readonly number[];
}
type LedgerRow = NewLedgerRow & { readonly id: number };

const ledgerRow: fc.Arbitrary<NewLedgerRow> = fc.record({
  directory: fc.nat({ max: DIRECTORIES.length - 1 }),
  name: fc.stringMatching(/^[a-cé./-]{1,6}$/).map((text) => text.replaceAll('/', '~')),
  events: fc.nat({ max: 6 }),
  bytes: fc.oneof(fc.nat({ max: 6 }), fc.nat(), fc.integer({ min: 2 ** 32, max: 2 ** 45 })),
  landedMs: fc.nat({ max: 20 }),
  topics: fc.subarray([0, 1]),
});

function addLedger(path: string, rows: readonly NewLedgerRow[], from: number): LedgerRow[] {
  const db = new Database(path);
  db.pragma('foreign_keys = OFF');
  for (const [at, topic] of TOPICS.entries())
    db.prepare(
      `INSERT OR IGNORE INTO partitions (id, source, topic, partition, incarnation, cluster_id, consumer_group, topic_id, is_current,
      position) VALUES (?, 's', ?, 0, 'a', 'c', 'g', 't', 1, 0)`,
    ).run(at + 1, topic);
  const insert =
    db.prepare(`INSERT INTO ledger (id, file_id, sink, channel, directory, prefix, suffix, codec, serializer, version,
    final_path, namespace, bytes, raw_bytes, events, lines, crc32c, attempts, planned_at_ms, landed_at_ms) VALUES (@id, @fileId, 'hdfs',
    'disk', '', '', '', 'none', 'text', 1, @path, 'ns', @bytes, 1, @events, 1, 1, 1, 1, @landedMs)`);
  const part =
    db.prepare(`INSERT INTO ledger_parts (file_id, partition_id, channel, first, next, events, runs)
    VALUES (?, ?, 'disk', 0, 1, 1, x'0001')`);
  const made = rows.map((row, at) => ({ ...row, id: from + at }));
  db.transaction(() => {
    for (const { id, directory, name, events, bytes, landedMs, topics } of made) {
      insert.run({
        id,
        fileId: `f${id}`,
        path: `${DIRECTORIES[directory]}/${name}`,
        events,
        bytes,
        landedMs,
      });
      for (const topic of topics) part.run(`f${id}`, topic + 1);
    }
  })();
  db.close();
  return made;
}

const pathOf = ({ directory, name }: LedgerRow): string => `${DIRECTORIES[directory]}/${name}`;
const LEDGER_ORDERS: Record<string, (a: LedgerRow, b: LedgerRow) => number> = {
  landed: (a, b) => a.landedMs - b.landedMs,
  path: (a, b) =>
    compare(DIRECTORIES[a.directory] ?? '', DIRECTORIES[b.directory] ?? '') ||
    Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  events: (a, b) => a.events - b.events,
  bytes: (a, b) => a.bytes - b.bytes,
};
const LEDGER_FILTERS: readonly Input<'landings'>[] = [
  {},
  { text: 'a' },
  { text: '/a' },
  { text: '08/' },
  { text: 's/0' },
  { text: 'é' },
  { text: '8/é/b' },
  { text: 'nowhere' },
  { path: '/logs' },
  { path: '/logs/08/' },
  { path: '/logs/08/a' },
  { topic: 'shop' },
  { sinceMs: 5, untilMs: 12 },
  { topic: 'www', text: '.', sinceMs: 3 },
];

function matches(
  row: LedgerRow,
  { text = '', path = '', topic, sinceMs = 0, untilMs = Infinity }: Input<'landings'>,
): boolean {
  return (
    pathOf(row).includes(text) &&
    pathOf(row).startsWith(path) &&
    (topic === undefined || row.topics.some((at) => TOPICS[at] === topic)) &&
    row.landedMs >= sinceMs &&
    row.landedMs < untilMs
  );
}

function checkLedger(landings: LandingsQuery, model: readonly LedgerRow[]): void {
  const ask = (question: Input<'landings'>) =>
    procedures.landings.output.parse(landings.page(procedures.landings.input.parse(question)));
  for (const filter of LEDGER_FILTERS) {
    const wanted = model.filter((row) => matches(row, filter));
    for (const [sort, order] of Object.entries(LEDGER_ORDERS)) {
      const sorted = wanted.toSorted((a, b) => order(a, b) || a.id - b.id).map(({ id }) => `f${id}`);
      for (const descending of [false, true]) {
        const question = { ...filter, sort: sort as 'path', descending, limit: 3 };
        const rows = allPages(ask, question, ({ fileId }: { fileId: string }) => fileId);
        const expected = descending ? sorted.toReversed() : sorted;
        expect(
          rows.map(({ fileId }) => fileId),
          JSON.stringify(question),
        ).toEqual(expected);
        expect(ask(question).total).toBe(wanted.length);
      }
    }
  }
}

test('the ledger’s pages hold every landing once, in every order and through every filter, also of what landed since', () => {
  using directory = new TestDirectory();
  openWriter(directory.path).close();
  const path = join(directory.path, CHANNEL_FILE);
  fc.assert(
    fc.property(
      fc.array(ledgerRow, { maxLength: 25 }),
      fc.array(ledgerRow, { maxLength: 3 }),
      (rows, more) => {
        const clean = new Database(path);
        clean.exec('DELETE FROM ledger_parts; DELETE FROM ledger;');
        clean.close();
        const db = openForReading(path);
        try {
          const landings = new LandingsQuery(db);
          const model = addLedger(path, rows, 1);
          checkLedger(landings, model);
          model.push(...addLedger(path, more, rows.length + 1));
          if (more.length > 0) checkLedger(landings, model);
        } finally {
          db.close();
        }
      },
    ),
    { numRuns: 12 },
  );
}, 120_000);

test('a ledger beyond the bound is sorted and searched in its newest rows, and says how many it left out', () => {
  using directory = new TestDirectory();
  openWriter(directory.path).close();
  const path = join(directory.path, CHANNEL_FILE);
  const row = (at: number) => ({
    directory: 0,
    name: `n${at}`,
    events: at % 7,
    bytes: at,
    landedMs: at,
    topics: [0],
  });
  const db = openForReading(path);
  const landings = new LandingsQuery(db, { rowsMax: 30, rowsKept: 20 });
  const ask = (question: Input<'landings'>) => landings.page(procedures.landings.input.parse(question));
  addLedger(
    path,
    Array.from({ length: 25 }, (_, at) => row(at)),
    1,
  );
  expect(ask({ sort: 'bytes', limit: 1 })).toMatchObject({ leftOut: 5, rows: [{ bytes: 24 }] });
  addLedger(
    path,
    Array.from({ length: 25 }, (_, at) => row(25 + at)),
    26,
  );
  const sorted = ask({ sort: 'bytes', descending: false, limit: 100 });
  expect(sorted.rows.map(({ bytes }) => bytes)).toEqual(Array.from({ length: 20 }, (_, at) => 30 + at));
  expect([sorted.leftOut, sorted.total]).toEqual([30, undefined]);
  // The plain list has no bound.
  const plain = allPages(ask, { limit: 7 }, ({ fileId }: { fileId: string }) => fileId);
  expect(plain.map(({ bytes }) => bytes)).toEqual(Array.from({ length: 50 }, (_, at) => 49 - at));
  expect(ask({}).total).toBe(50);
  db.close();
});

test('a cursor of another list or order is refused', async () => {
  using directory = new TestDirectory();
  openWriter(directory.path).close();
  const db = openForReading(join(directory.path, CHANNEL_FILE));
  const queries = queriesOn(db, { steadyMs: () => 0 });
  const refused = { code: 'usage' };
  for (const after of ['x', '', '1.2.3', '~.1', '12.', '-', '1'.repeat(30)]) {
    const landings = { ...procedures.landings.input.parse({ sort: 'events' }), after };
    expect(() => queries.landings(landings), after).toThrow(expect.objectContaining(refused) as Error);
    const backlog = procedures.backlogList.input.parse({ after });
    expect(() => queries.backlogList(backlog), after).toThrow(expect.objectContaining(refused) as Error);
    const peek = procedures.backlogPeek.input.parse({ landingKeyId: 1, after });
    if (after !== '12.')
      await expect(queries.backlogPeek(peek), after).rejects.toThrow(
        expect.objectContaining(refused) as Error,
      );
  }
  const byPath = procedures.landings.input.parse({ sort: 'path', after: '5.1' });
  expect(() => queries.landings(byPath)).toThrow(expect.objectContaining(refused) as Error);
  db.close();
});
