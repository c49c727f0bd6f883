/**
 * Goal: what a gateway publishes is what its books say: accepted, landed, waiting, claimed, by partition; and of what is below
 * `acceptedTo` nothing that waits is left out, also while puts and landings go on between the readings.
 * Method: a real channel; the facts are read over the connection and in the slices that the engine reads them with.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openForReading } from '../../main/channel/channel-database.ts';
import type { ChannelWriter } from '../../main/channel/channel-writer.ts';
import type { EngineQueries } from '../../main/engine/engine-queries.ts';
import { FleetBooks, mergedRanges } from '../../main/engine/fleet/fleet-books.ts';
import { LogEnds, ownFacts, type OwnFactsParts } from '../../main/engine/fleet/own-facts.ts';
import type { PartitionStatus } from '../../main/sources/source.ts';
import {
  CHANNEL,
  fileRequest,
  land,
  openWriter,
  partition,
  putOf,
  SINK,
  tenureStart,
  TestDirectory,
} from '../channel/channel-fixture.ts';

const INPUT = {
  ...{ gatewayId: 'gw', stateId: 'state', sink: SINK, channel: CHANNEL, sources: ['weblogs'] },
  ...{ nonce: 'run', startedMs: 1, isPaused: false, backlogs: [SINK], ended: undefined },
};

/** Answers as the engine's thread does; `between` runs after what is accepted was read. */
function partsOn(books: FleetBooks, between: () => Promise<void> = () => Promise.resolve()): OwnFactsParts {
  const queries: Pick<EngineQueries, 'fleetAccepted' | 'fleetWaiting'> = {
    fleetAccepted: async (input) => {
      const rows = books.accepted(input);
      await between();
      return rows;
    },
    fleetWaiting: async (input) => Promise.resolve(books.waiting(input)),
  };
  return { queries, ends: new LogEnds(), nowMs: () => 9 };
}

async function landOldest(writer: ChannelWriter): Promise<void> {
  const [key] = await writer.perform('keys', SINK);
  const planned = await writer.perform('plan', fileRequest(key?.id ?? 0, { maxEvents: 10 }));
  if (planned === undefined) throw new Error('nothing to land');
  await land(writer, planned.plan.fileId);
}

test('accepted, held, landed, waiting and claimed, by partition', async () => {
  using directory = new TestDirectory();
  const writer = openWriter(directory.path);
  await writer.perform('beginTenure', tenureStart('t1', 0));
  for (let at = 0; at < 3; at++)
    await writer.perform('put', putOf({ tenure: 't1', first: at * 10, next: at * 10 + 10 }));
  await writer.perform('accept', 't1', 20);
  const db = openForReading(join(directory.path, 'channel.sqlite'));
  const books = new FleetBooks(db);
  const facts = () => ownFacts(INPUT, partsOn(books));
  const before = await facts();
  expect(before).toMatchObject({ waitingEvents: 30, oldestEventMs: 1_000_000, claimedEvents: 0 });
  expect(before.partitions).toMatchObject([
    {
      ...{ group: 'group', topic: 'www', partition: 0, incarnation: 'a', isCurrent: true },
      ...{ acceptedTo: 20, landedTo: 0, heldTo: 30, waitingEvents: 30, landedEvents: 0 },
      ...{ ranges: [[0, 20]], rangesFrom: 0, tenure: { nonce: 't1', start: 0 }, recordMs: 1 },
    },
  ]);
  await landOldest(writer);
  expect((await facts()).partitions).toMatchObject([
    { landedTo: 10, waitingEvents: 20, landedEvents: 10, oldestEventMs: 1_000_010 },
  ]);
  // Another gateway has 20 to 50 in between: the ranges stay apart.
  await writer.perform('endTenure', 't1');
  await writer.perform('resolveDoubt', 't1', 'rejected');
  await writer.perform('beginTenure', tenureStart('t2', 50));
  await writer.perform('put', putOf({ tenure: 't2', first: 50, next: 55 }));
  await writer.perform('accept', 't2', 55);
  await landOldest(writer);
  expect((await facts()).partitions).toMatchObject([
    {
      acceptedTo: 55,
      heldTo: 55,
      waitingEvents: 5,
      landedTo: 50,
      landedEvents: 20,
      ranges: [
        [0, 20],
        [50, 55],
      ],
    },
  ]);
  const chunk = db.prepare<[], { id: number }>('SELECT id FROM chunks').get();
  await writer.perform('setAsideWaiting', chunk?.id ?? 0, 'a test');
  const claimed = await facts();
  expect(claimed).toMatchObject({ waitingEvents: 0, claimedEvents: 5, oldestEventMs: undefined });
  expect(claimed.partitions).toMatchObject([{ landedTo: 50, acceptedTo: 55 }]);
  db.close();
  writer.close();
});

test('what is put and landed while they are read makes them no better than the truth', async () => {
  using directory = new TestDirectory();
  const writer = openWriter(directory.path);
  await writer.perform('beginTenure', tenureStart('t1', 0));
  await writer.perform('put', putOf({ tenure: 't1', first: 0, next: 10 }));
  await writer.perform('accept', 't1', 10);
  const db = openForReading(join(directory.path, 'channel.sqlite'));
  const meanwhile = async (): Promise<void> => {
    await landOldest(writer);
    await writer.perform('put', putOf({ tenure: 't1', first: 10, next: 20 }));
    await writer.perform('accept', 't1', 20);
  };
  const facts = await ownFacts(INPUT, partsOn(new FleetBooks(db), meanwhile));
  // Accepted is of before, waiting of after: 10 is not called accepted, and is not missing among what waits either.
  expect(facts.partitions).toMatchObject([{ acceptedTo: 10, landedTo: 10, waitingEvents: 10 }]);
  expect(facts.oldestEventMs).toBe(1_000_010);
  db.close();
  writer.close();
});

test('only what waits for the sink counts, and partitions of other sources that hold nothing are left out', async () => {
  using directory = new TestDirectory();
  const writer = openWriter(directory.path);
  await writer.perform('beginTenure', tenureStart('t1', 0));
  await writer.perform('put', putOf({ tenure: 't1', first: 0, next: 10 }));
  const other = { ...partition(3), source: 'orders' };
  await writer.perform('beginTenure', tenureStart('t2', 0, { ref: other }));
  const db = openForReading(join(directory.path, 'channel.sqlite'));
  const books = new FleetBooks(db);
  const own = await ownFacts(INPUT, partsOn(books));
  expect(own.partitions.map(({ source }) => source)).toEqual(['weblogs']);
  const elsewhere = await ownFacts(
    { ...INPUT, sink: 'other', backlogs: ['other'], channel: 'other', sources: ['orders'] },
    partsOn(books),
  );
  expect(elsewhere).toMatchObject({ waitingEvents: 0, partitions: [{ source: 'orders', partition: 3 }] });
  db.close();
  writer.close();
});

test('ranges that touch are one; those that overlap stay, for the audit to see', () => {
  const tenures = [
    { start: 50, acceptedTo: 60 },
    { start: 0, acceptedTo: 20 },
    { start: 20, acceptedTo: 20 },
    { start: 20, acceptedTo: 30 },
    { start: 55, acceptedTo: 70 },
  ];
  expect(mergedRanges(tenures)).toEqual([
    [0, 30],
    [50, 60],
    [55, 70],
  ]);
});

test('the end of a log is as old as the question that was answered, however long the link stands still', () => {
  const ends = new LogEnds();
  const place = { ...{ source: 's', topic: 'www', partition: 0, incarnation: 'a' }, isCurrent: true };
  const row = {
    ...{ topic: 'www', partition: 0, state: 'caught-up' as const, cause: undefined, position: 10 },
    ...{ acceptedTo: 10, logEnd: 10, logStart: 0, lag: 0, leader: 1 },
  };
  const look = (change: Partial<PartitionStatus>): void =>
    ends.look('s', { partitions: [{ ...row, ...change }] });
  look({});
  expect(ends.lastSeenMs(place)).toBeUndefined();
  look({ endSeenMs: 1_000 });
  look({ endSeenMs: 2_000, acceptedTo: 9 });
  look({ endSeenMs: 3_000, state: 'flowing' });
  look({ endSeenMs: 4_000, logEnd: -1 });
  expect(ends.lastSeenMs(place)).toBe(1_000);
  expect(ends.lastSeenMs({ ...place, isCurrent: false })).toBeUndefined();
});
