import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BacklogChunks } from '../../main/channel/backlog-chunks.ts';
import * as backlog from '../../main/channel/backlog-reader.ts';
import { openForReading } from '../../main/channel/channel-database.ts';
import { coverage, knownPartitions, participation } from '../../main/channel/coverage-reader.ts';
import {
  CHANNEL,
  disposition,
  fileRequest,
  land,
  openWriter,
  putOf,
  quarantined,
} from './channel-fixture.ts';
import { SINK, tenureStart, TestDirectory } from './channel-fixture.ts';

/** Goal: what operators ask is answered from a reading connection, without taking anything, and joined rows stay exact. */
test('lists, peeks, landings, quarantine and figures tell what is there', async () => {
  using directory = new TestDirectory();
  const writer = openWriter(directory.path);
  await writer.perform('beginTenure', tenureStart('t1', 0));
  for (let at = 0; at < 3; at++)
    await writer.perform('put', putOf({ tenure: 't1', first: at * 10, next: at * 10 + 10 }));
  await writer.perform('accept', 't1', 20);
  const [key] = await writer.perform('keys', SINK);
  const planned = await writer.perform('plan', fileRequest(key?.id ?? 0, { maxEvents: 10 }));
  if (planned === undefined) throw new Error('no plan');
  await land(writer, planned.plan.fileId);
  const event = quarantined(30, 'broken');
  await writer.perform(
    'put',
    putOf({ tenure: 't1', first: 30, next: 31, chunks: [], quarantined: [event], channels: [CHANNEL] }),
  );

  const db = openForReading(join(directory.path, 'channel.sqlite'));
  expect(backlog.backlogKeys(db)).toMatchObject([{ events: 20, channel: CHANNEL, oldestEventMs: 1_000_010 }]);
  const chunks = new BacklogChunks(db);
  const ids = chunks.ids(key?.id ?? 0, { limit: 10 });
  expect(ids.map((id) => chunks.get(id))).toMatchObject([
    { first: 10, isHeld: false, isPlanned: false },
    { first: 20, isHeld: true },
  ]);
  expect(chunks.ids(key?.id ?? 0, { limit: 10, after: ids[0] ?? 0 })).toEqual(ids.slice(1));
  expect(chunks.ids(key?.id ?? 0, { limit: 10, upTo: ids[0] ?? 0 })).toEqual(ids.slice(0, 1));
  expect(chunks.ids(key?.id ?? 0, { limit: 1, offset: 1 })).toEqual(ids.slice(1));
  const text = await chunks.text(ids[0] ?? 0);
  expect(text?.toString().slice(0, 10)).toBe('0:10\n0:11\n');
  expect(chunks.sums(key?.id ?? 0)).toMatchObject({ events: 20, lastChunkId: ids[1] });
  const next = await writer.perform('plan', fileRequest(key?.id ?? 0, { maxEvents: 10 }));
  expect(next?.plan.events).toBe(10);
  expect(chunks.ids(key?.id ?? 0, { limit: 10 }), 'chunks in plans are there until they landed').toEqual(ids);
  expect([chunks.count(key?.id ?? 0), chunks.get(ids[0] ?? 0)?.isPlanned]).toEqual([2, true]);
  const [landing] = backlog.landings(db, { limit: 5, sink: SINK, directory: '/logs' });
  expect(landing).toMatchObject({ fileId: planned.plan.fileId, events: 10, lines: 10 });
  expect(backlog.landings(db, { limit: 5, before: landing?.id ?? 0 })).toEqual([]);
  expect(backlog.landings(db, { limit: 5, directory: '/log' })).toEqual([]);
  expect(backlog.landingParts(db, planned.plan.fileId)).toMatchObject([{ topic: 'www', first: 0, next: 10 }]);
  const id = knownPartitions(db)[0]?.id ?? 0;
  expect(participation(db, id, CHANNEL)).toEqual([{ from: 0, to: 20 }]);
  db.close();
  writer.close();
});

test('dispositions of a thousand puts are joined into few rows once accepted, and cover the same offsets', async () => {
  using directory = new TestDirectory();
  const writer = openWriter(directory.path);
  await writer.perform('beginTenure', tenureStart('t1', 0));
  const puts = Array.from({ length: 1_000 }, (_, at) => {
    const holes = [disposition('filtered', at * 3 + 1, at * 3 + 2, { reason: 'rule 1' })];
    const test = {
      tenure: 't1',
      first: at * 3,
      next: at * 3 + 3,
      chunks: [{ offsets: [at * 3, at * 3 + 2] }],
    };
    return writer.perform('put', putOf({ ...test, dispositions: holes }));
  });
  await Promise.all(puts);
  await writer.perform('accept', 't1', 300);
  await writer.perform('accept', 't1', 3_000);
  const db = openForReading(join(directory.path, 'channel.sqlite'));
  const rows = db.prepare<[], { count: number }>('SELECT count(*) AS count FROM dispositions').get();
  expect(rows?.count).toBeLessThanOrEqual(2);
  let next = 0;
  for (const { from, to, kind } of coverage(db, 1, CHANNEL)) {
    expect(from).toBe(next);
    if (kind === 'filtered') expect(from % 3).toBe(1);
    next = to;
  }
  expect(next).toBe(3_000);
  db.close();
  writer.close();
});
