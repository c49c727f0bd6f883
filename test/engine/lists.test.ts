/**
 * Goal: an operator who looks into the backlog sees its events as they will land, finds what is searched wherever it stands, and no event,
 * however large or odd, breaks the answer. Method: puts of chosen bytes in a real channel; every answer is parsed with the contract's schema
 * and made JSON.
 */
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ChannelWriter } from '../../main/channel/channel-writer.ts';
import { CHANNEL_FILE, openForReading, type ChannelDatabase } from '../../main/channel/channel-database.ts';
import { startQueries } from '../../main/engine/query-link.ts';
import type { Queries } from '../../main/engine/query-messages.ts';
import { queriesOn } from '../../main/engine/query-answers.ts';
import { HEAT_HOURS_MAX, HEAT_TOPICS_MAX } from '../../main/engine/query-backlog-heat.ts';
import { firstAtOrAfter, sortedByValue, withNewRows } from '../../main/engine/query-row-order.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import { procedures, type Input, type Output } from '../../shared/contract/control.ts';
import { offset } from '../../shared/model/brand.ts';
import { singleRun } from '../../shared/model/offset-runs.ts';
import type { Put } from '../../shared/model/put.ts';
import {
  CHANNEL,
  landingKey,
  openWriter,
  partition,
  putOf,
  tenureStart,
  TestDirectory,
} from '../channel/channel-fixture.ts';
import { until } from '../rig/until.ts';

const HOUR_MS = 3_600_000;

let directory: TestDirectory;
let writer: ChannelWriter;
let db: ChannelDatabase;
let queries: Queries;
let position = 0;
beforeEach(async () => {
  directory = new TestDirectory();
  writer = openWriter(directory.path);
  await writer.perform('beginTenure', tenureStart('t', 0));
  position = 0;
  db = openForReading(join(directory.path, CHANNEL_FILE));
  // Time stands still: nothing is remembered for a while.
  queries = queriesOn(db, { steadyMs: () => 0 });
});
afterEach(() => {
  db.close();
  writer.close();
  directory[Symbol.dispose]();
});

/** One chunk with these events, each with a line end. */
async function put(
  events: readonly Buffer[],
  change: { codec?: 'gzip'; eventMs?: number } = {},
): Promise<void> {
  const bytes = Buffer.concat(events.flatMap((event) => [event, Buffer.from('\n')]));
  const first = position;
  position += events.length;
  const eventMs = change.eventMs ?? 1_000_000;
  const made: Put = {
    ...putOf({ tenure: 't', first, next: position, chunks: [{ offsets: [first] }] }),
    chunks: [
      {
        channel: CHANNEL,
        landingKey: landingKey('/logs/08', { codec: change.codec ?? 'none' }),
        byteOffset: 0,
        byteLength: bytes.length,
        runs: singleRun(first, position),
        oldestEventMs: eventMs,
        newestEventMs: eventMs,
        bucketEndMs: undefined,
      },
    ],
    bytes: Uint8Array.from(bytes).buffer,
    fingerprint: { offset: offset(position - 1), crc: position, timestampMs: 1, leaderEpoch: 0 },
  };
  await writer.perform('put', made);
}

const textEvents = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text));

async function peek(question: Omit<Input<'backlogPeek'>, 'landingKeyId'>): Promise<Output<'backlogPeek'>> {
  const answer = await queries.backlogPeek(
    procedures.backlogPeek.input.parse({ ...question, landingKeyId: 1 }),
  );
  return procedures.backlogPeek.output.parse(JSON.parse(JSON.stringify(answer)));
}

/** Everything, by its cursor. */
async function peekAll(question: Omit<Input<'backlogPeek'>, 'landingKeyId'>) {
  const events: Output<'backlogPeek'>['events'] = [];
  let scanned = 0;
  for (let after: string | undefined; ;) {
    const answer = await peek(after === undefined ? question : { ...question, after });
    events.push(...answer.events);
    scanned += answer.scanned;
    after = answer.next;
    if (after === undefined) return { events, scanned };
  }
}

describe('a look into the backlog', () => {
  test('pages through all events of a key, over the borders of chunks, each with its offset', async () => {
    await put(textEvents('a0', 'a1', 'a2'));
    await put(textEvents('b3'));
    await put(textEvents('c4', 'c5', 'c6', 'c7'));
    for (const limit of [1, 2, 3, 5, 100]) {
      const { events, scanned } = await peekAll({ limit });
      expect(events.map(({ offset: at, body }) => body.slice(1) === String(at))).toEqual(Array(8).fill(true));
      expect(scanned).toBe(8);
    }
    const [chunk] = queries.backlogChunks(
      procedures.backlogChunks.input.parse({ landingKeyId: 1, offset: 2 }),
    ).rows;
    const ofChunk = await peekAll({ chunkId: chunk?.id, limit: 3 });
    expect(ofChunk.events.map(({ body }) => body)).toEqual(['c4', 'c5', 'c6', 'c7']);
    const other = procedures.backlogPeek.input.parse({ landingKeyId: 2, chunkId: chunk?.id });
    expect((await queries.backlogPeek(other)).events, 'a chunk of another key').toEqual([]);
  });

  test('finds exactly the events that hold a text, whatever chunk they stand in, and never one across two events', async () => {
    await put(textEvents('GET /a', 'GET /needle', 'x'));
    await put(textEvents('nee', 'dle'), { codec: 'gzip' });
    await put(textEvents('nothing'));
    await put(textEvents('needle needle', 'é needle é', 'need', 'le'));
    for (const limit of [1, 2, 100]) {
      const { events } = await peekAll({ text: 'needle', limit });
      expect(events.map(({ body }) => body)).toEqual(['GET /needle', 'needle needle', 'é needle é']);
    }
    const { events, scanned } = await peekAll({ text: 'nowhere' });
    expect([events, scanned]).toEqual([[], 8]);
    expect((await peekAll({ text: 'need\nle' })).events).toEqual([]);
  });

  test('shows a search’s progress: a call ends after some chunks, with or without a find', async () => {
    const chunks = 1_001;
    const puts = Array.from({ length: chunks }, (_, at) =>
      put(textEvents(at === chunks - 1 ? 'needle' : 'hay')),
    );
    await Promise.all(puts);
    const first = await peek({ text: 'needle' });
    expect([first.events.length, first.scanned]).toEqual([0, 1_000]);
    const second = await peek({ text: 'needle', after: first.next });
    expect([second.events.length, second.scanned, second.next]).toEqual([1, 1, undefined]);
  });

  test('cuts an event of 10 MB, and never in the middle of a character', async () => {
    const large = Buffer.alloc(10_000_000, 'é');
    await put(textEvents('before'));
    await put([Buffer.concat([Buffer.from('x'), large])]);
    await put(textEvents('after'));
    const { events } = await peek({});
    expect(events.map(({ isCut, bodyBytes }) => [isCut, bodyBytes])).toEqual([
      [false, 6],
      [true, 10_000_001],
      [false, 5],
    ]);
    expect(events[1]?.body).toBe(`x${'é'.repeat(2_047)}`);
  });

  test('of any bytes is JSON, and valid UTF-8 comes out as it went in', () => {
    return fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 40 }),
            fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
          ),
          { minLength: 1, maxLength: 5 },
        ),
        async (bodies) => {
          const lines = bodies.map(
            (body) => Buffer.from(body).map((byte) => (byte === 10 ? 32 : byte)) as Buffer,
          );
          const from = position;
          await put(lines);
          const shown = (await peekAll({ limit: 3 })).events.filter(({ offset: at }) => at >= from);
          expect(shown.map(({ body }) => body)).toEqual(lines.map((line) => line.toString('utf8')));
          expect(shown.map(({ bodyBytes }) => bodyBytes)).toEqual(lines.map(({ length }) => length));
        },
      ),
      { numRuns: 20 },
    );
  });

  test('of events with line ends of their own shows lines, and owns up that it cannot tell offsets', async () => {
    await put(textEvents('one', 'two\nthree'));
    expect((await peek({})).events.map(({ body, offset: at }) => [body, at])).toEqual([
      ['one', -1],
      ['two', -1],
      ['three', -1],
    ]);
  });
});

test('the heat map shows the latest hours of the topics that hold most, and sums the rest', async () => {
  const topics = HEAT_TOPICS_MAX + 3;
  const addTopic = async (at: number): Promise<void> => {
    const ref = { ...partition(at), topic: `topic-${at}` };
    await writer.perform('beginTenure', tenureStart(`n${at}`, 0, { ref }));
    // The first topics hold least.
    const offsets = Array.from({ length: at + 1 }, (_, event) => event);
    await writer.perform(
      'put',
      putOf({ tenure: `n${at}`, first: 0, next: at + 1, partition: ref, chunks: [{ offsets }] }),
    );
  };
  await Promise.all([...Array(topics).keys()].map(addTopic));
  const hours = [...Array(HEAT_HOURS_MAX + 5).keys()];
  await Promise.all(hours.map((hour) => put(textEvents('x'), { eventMs: hour * HOUR_MS })));
  const heat = procedures.backlogHeat.output.parse(queries.backlogHeat({}));
  expect([heat.topics.length, heat.hoursMs.length]).toEqual([HEAT_TOPICS_MAX, HEAT_HOURS_MAX]);
  expect(heat.topics).not.toContain('topic-0');
  expect(heat.hoursMs[0]).toBe(5 * HOUR_MS);
  expect(heat.hoursMs.at(-1)).toBe((HEAT_HOURS_MAX + 4) * HOUR_MS);
  const shown = heat.cells.reduce((sum, cell) => sum + cell.events, 0);
  const all = (topics * (topics + 1)) / 2 + HEAT_HOURS_MAX + 5;
  expect(shown + heat.leftOut.events).toBe(all);
  expect(queries.backlogHeat({ sink: 'none' })).toMatchObject({ cells: [], leftOut: { events: 0 } });
  await put([Buffer.from('before 1970')], { eventMs: -1 });
  expect(queries.backlogHeat({}).leftOut.events, 'the oldest hour').toBe(heat.leftOut.events + 1);
});

test('a list that takes long to make is shown a little old, rows as they are now, and made anew behind the answer', async () => {
  let nowMs = 0;
  const slow = queriesOn(db, { steadyMs: () => (nowMs += 30) });
  const list = () => slow.backlogList(procedures.backlogList.input.parse({ sort: 'events' }));
  await put(textEvents('a', 'b'));
  expect(list()).toMatchObject({ totalEvents: 2, rows: [{ events: 2 }] });
  await put(textEvents('c'));
  expect(list()).toMatchObject({ totalEvents: 2, rows: [{ events: 3 }] });
  await until('the list was made anew', () => list().totalEvents === 3);
  await put(textEvents('d'));
  nowMs += 15_000;
  expect(list(), 'after seconds it is too old to be shown').toMatchObject({ totalEvents: 4 });
  const figures = () => slow.channelFigures(undefined)[0];
  expect(figures()).toMatchObject({ events: 4, oldestEventMs: 1_000_000 });
  await put(textEvents('e'), { eventMs: 5 });
  expect(figures(), 'counts are of now, the oldest of a moment ago').toMatchObject({
    events: 5,
    oldestEventMs: 1_000_000,
  });
  nowMs += 30_000;
  await put(textEvents('f'));
  expect(figures()).toMatchObject({ events: 6, oldestEventMs: 5 });
});

test('an order that rows are put into is the one that sorting all gives', () => {
  const values = fc.array(fc.oneof(fc.nat({ max: 9 }), fc.nat(), fc.integer({ min: 0, max: 2 ** 53 - 1 })), {
    minLength: 1,
    maxLength: 80,
  });
  fc.assert(
    fc.property(values, fc.nat({ max: 4 }), (list, added) => {
      const column = Float64Array.from(list);
      const compare = (a: number, b: number) => (column[a] ?? 0) - (column[b] ?? 0) || a - b;
      const wanted = [...list.keys()].sort(compare);
      const all = sortedByValue(column, list.length);
      expect([...all]).toEqual(wanted);
      const before = sortedByValue(column, Math.max(0, list.length - added));
      const joined = withNewRows(before, list.length, compare);
      if (joined !== undefined) expect([...joined]).toEqual(wanted);
      const last = wanted.at(-1) ?? 0;
      expect(firstAtOrAfter(all, (row) => compare(row, last))).toBe(list.length - 1);
    }),
    { numRuns: 100 },
  );
});

test('the thread of the lists begins with the first question and ends when nobody looks any more', async () => {
  const names: string[] = [];
  const live = new Set<string>();
  const onWorker = (worker: Worker): void => {
    const name = worker.threadName ?? '';
    names.push(name);
    live.add(name);
    worker.once('exit', () => live.delete(name));
  };
  process.on('worker', onWorker);
  const link = await startQueries({
    ...{
      stateDir: directory.path,
      gatewayId: 'gw',
      targets: () => ({}),
      clock: systemClock,
      listsIdleMs: 50,
    },
  });
  try {
    await link.channelFigures();
    expect(names).toEqual(['queries']);
    await Promise.all([link.landings({}), link.backlogList({})]);
    expect(names).toEqual(['queries', 'lists']);
    await until('the thread of the lists has ended', () => !live.has('lists'));
    expect((await link.landings({})).rows).toEqual([]);
    expect(names).toEqual(['queries', 'lists', 'lists']);
  } finally {
    await link.close();
    process.off('worker', onWorker);
  }
  expect(live.size).toBe(0);
});
