/**
 * Goal: quarantine is cheap to look at however much it holds, its counts are right after everything that changes it, a database of an
 * earlier version keeps its events, and a retry never goes past a full channel. Method: the real writer and reader on real databases.
 */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openForReading } from '../../main/channel/channel-database.ts';
import {
  GROUPS_MAX,
  quarantinedEvent,
  quarantineGroupRows,
  quarantineRows,
  quarantineTotal,
  waitingByChannel,
} from '../../main/channel/quarantine-reader.ts';
import { quarantineSlice, quarantineTarget } from '../../main/channel/quarantine-target.ts';
import { reasonForm } from '../../main/channel/quarantine-reason.ts';
import { APPLICATION_ID, MIGRATIONS } from '../../main/channel/schema.ts';
import { startChannelWriter } from '../../main/channel/writer-client.ts';
import { offset } from '../../shared/model/brand.ts';
import type { QuarantineRetry } from '../../shared/model/quarantine-retry.ts';
import {
  CHANNEL,
  openWriter,
  partition,
  putOf,
  quarantined,
  range,
  runsOf,
  settings,
  tenureStart,
  TestDirectory,
} from './channel-fixture.ts';

let directory: TestDirectory;
beforeEach(() => {
  directory = new TestDirectory();
});
afterEach(() => directory[Symbol.dispose]());

const databasePath = () => join(directory.path, 'channel.sqlite');

/** A retry by which each event becomes a line of one chunk. */
function placed(events: readonly { readonly id: number; readonly offset: number }[]): QuarantineRetry {
  const offsets = events.map((one) => one.offset);
  const put = putOf({ tenure: '', first: 0, next: 0, chunks: [{ offsets, directory: '/logs/again' }] });
  return {
    events: events.map((one) => ({ id: one.id, offset: offset(one.offset) })),
    channel: undefined,
    channels: [CHANNEL],
    chunks: put.chunks,
    bytes: put.bytes,
    dispositions: [],
    stays: [],
    configVersion: 2,
    by: 'li',
  };
}

describe('a reason', () => {
  test.each([
    [
      'i1: "32/Nov/2026" is no time of the pattern dd/MMM/yyyy: the day is 32',
      'i1: "…" is no time of the pattern dd/MMM/yyyy: the day is #',
    ],
    ['body of 17000000 bytes is over the limit of 16777216', 'body of # bytes is over the limit of #'],
    [String.raw`e: "a \"quoted\" text"… is too long`, 'e: "…" is too long'],
    ['the event has no timestamp header, and the path of sink hdfs2 needs a time', undefined],
  ])('without what differs from event to event: %s', (reason, form) => {
    expect(reasonForm(reason)).toBe(form ?? reason);
  });
});

describe('a database of version 1', () => {
  test('keeps its events, which can be shown, retried and dropped', async () => {
    const old = new Database(databasePath());
    old.pragma('auto_vacuum = INCREMENTAL');
    old.pragma('journal_mode = WAL');
    old.exec(MIGRATIONS[0] ?? '');
    old.pragma(`application_id = ${APPLICATION_ID}`);
    old.pragma('user_version = 1');
    old.exec(`INSERT INTO partitions VALUES (1, 'weblogs', 'www', 0, 'a', 'c', 'g', 't', 1, 3, 1, NULL, NULL, NULL, NULL);
      INSERT INTO tenures VALUES (1, 't1', 1, 1, 0, 3, 2, 'doubt', 1, NULL, NULL, NULL, NULL);
      INSERT INTO held_puts VALUES (1, 3, 2, 1, NULL, NULL, NULL, NULL);
      INSERT INTO tenure_channels VALUES (1, 1, '${CHANNEL}', 0, 3);`);
    const insert =
      old.prepare(`INSERT INTO quarantine (partition_id, tenure_id, channel, first, reason, config_version, put_ms,
      timestamp_ms, body_bytes, state, headers, key, body) VALUES (1, 1, NULL, ?, 'no time', 1, 5, NULL, ?, 'waiting', '{"a":"b"}', NULL, ?)`);
    for (const at of range(0, 3)) insert.run(at, 300, Buffer.alloc(300, `${at}`));
    old.close();

    const writer = openWriter(directory.path);
    const db = openForReading(databasePath());
    expect(quarantineTotal(db, {})).toBe(3);
    expect(waitingByChannel(db)).toEqual(new Map([[null, 3]]));
    const rows = quarantineRows(db, { state: 'waiting' }, { limit: 10 });
    expect(rows.map((row) => row.preview.toString())).toEqual(['2', '1', '0'].map((one) => one.repeat(160)));
    const [, second] = rows;
    const shown = quarantinedEvent(db, second?.id ?? 0, 1_000);
    expect(shown?.content).toMatchObject({ headers: '{"a":"b"}', body: Buffer.alloc(300, '1') });
    const target = { selection: { reason: 'no time' }, upTo: 99 };
    const { events } = quarantineSlice(db, target, undefined);
    expect(events.map((one) => one.offset)).toEqual([0, 1]);
    expect(quarantineTarget(db, target.selection)).toMatchObject({ events: 2, held: 1 });
    expect(await writer.perform('retryQuarantined', placed(events.slice(0, 1)))).toMatchObject({
      isDone: true,
    });
    const drop = { ids: rows.map(({ id }) => id), by: 'li', why: 'old' };
    expect(await writer.perform('dropQuarantined', drop)).toEqual({ dropped: 1 });
    // The held one goes with its put.
    await writer.perform('resolveDoubt', 't1', 'rejected');
    expect(quarantineGroupRows(db)).toMatchObject({
      groups: [{ reason: 'no time', source: 'weblogs', topic: 'www', waiting: 0, retried: 1, dropped: 1 }],
      leftOut: 0,
    });
    expect([...waitingByChannel(db).values()]).toEqual([0]);
    const bodies = db.prepare<[], { rows: number }>('SELECT count(*) AS rows FROM quarantine_bodies').get();
    expect(bodies).toEqual({ rows: 0 });
    db.close();
    writer.close();
  });
});

describe('a hundred thousand events', () => {
  test('are grouped, filtered, counted and paged without a look at a body', async () => {
    const writer = openWriter(directory.path);
    await writer.perform('beginTenure', tenureStart('t1', 0));
    await writer.perform('put', putOf({ tenure: 't1', first: 0, next: 10 }));
    await writer.perform('accept', 't1', 10);
    writer.close();
    const filled = new Database(databasePath());
    filled.exec(`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
      INSERT INTO quarantine (partition_id, tenure_id, channel, first, reason, reason_form, config_version, put_ms, body_bytes,
        state, preview) SELECT 1, 1, CASE i % 2 WHEN 0 THEN 'disk' END, 10 + i, 'no time "' || i || '"',
        'no time in ' || (i % 2000), 1, 1000 + i, 10000000, CASE i % 10 WHEN 0 THEN 'dropped' ELSE 'waiting' END, x'61' FROM n;
      ALTER TABLE quarantine_bodies RENAME TO nobody_may_look_here;`);
    filled.close();
    const db = openForReading(databasePath());
    const { groups, leftOut } = quarantineGroupRows(db);
    expect([groups.length, leftOut]).toEqual([GROUPS_MAX, 1_000]);
    expect(groups.every(({ waiting }) => waiting > 0)).toBe(true);
    expect(quarantineTotal(db, { state: 'dropped' })).toBe(10_000);
    expect(quarantineTotal(db, { reason: '"77777"' })).toBe(1);
    expect(quarantineTotal(db, { reason: 'no time in 7' })).toBe(50);
    expect(quarantineRows(db, { reason: 'no time in 7' }, { limit: 100 })).toHaveLength(50);
    expect(quarantineRows(db, {}, { limit: 2, offset: 50_000 }).map((row) => row.offset)).toEqual([
      50_009, 50_008,
    ]);
    expect(waitingByChannel(db)).toEqual(
      new Map([
        [null, 50_000],
        ['disk', 40_000],
      ]),
    );
    db.close();
  });
});

describe('a full channel', () => {
  test('makes a retry wait until its signal ends, and it goes through once there is room; a drop goes at once', async () => {
    const client = await startChannelWriter(settings(directory.path, { capacityBytes: 3_000_000 }), 'gw-1');
    try {
      await client.beginTenure(tenureStart('t1', 0));
      const held = [0, 1, 2].map((at) => quarantined(at, `${at}`.repeat(500_000)));
      await client.put(
        putOf({ tenure: 't1', first: 0, next: 3, chunks: [], quarantined: held, channels: [CHANNEL] }),
      );
      let at = 3;
      while (client.room.isOpen) {
        const put = putOf({ tenure: 't1', first: at, next: at + 1, partition: partition() });
        at++;
        const bytes = crypto.getRandomValues(new Uint32Array(16_000)).buffer;
        const chunks = put.chunks.map((chunk) => ({ ...chunk, byteLength: bytes.byteLength }));
        await client.put({ ...put, bytes, chunks });
      }
      await client.accept('t1', at);
      const db = openForReading(databasePath());
      const target = { selection: { all: true as const }, upTo: 99 };
      const { events } = quarantineSlice(db, target, undefined);
      expect(events).toHaveLength(3);
      const stop = new AbortController();
      const waiting = client.retryQuarantined(placed(events.slice(0, 1)), stop.signal);
      stop.abort(new Error('cancelled'));
      await expect(waiting).rejects.toThrow('cancelled');
      expect(quarantineTotal(db, { state: 'waiting' })).toBe(3);
      const going = client.retryQuarantined(placed(events.slice(0, 1)));
      const ids = events.slice(1).map(({ id }) => id);
      expect(await client.perform('dropQuarantined', { ids, by: 'li', why: 'room' })).toEqual({ dropped: 2 });
      // Their bodies made room.
      expect(await going).toMatchObject({ isDone: true });
      expect(quarantineTotal(db, { state: 'waiting' })).toBe(0);
      db.close();
    } finally {
      await client.close();
    }
  });
});

test('a retry whose books do not balance is refused, and changes nothing', async () => {
  const writer = openWriter(directory.path);
  await writer.perform('beginTenure', tenureStart('t1', 0));
  const events = [0, 1].map((at) => quarantined(at));
  await writer.perform(
    'put',
    putOf({ tenure: 't1', first: 0, next: 2, chunks: [], quarantined: events, channels: [CHANNEL] }),
  );
  await writer.perform('accept', 't1', 2);
  const db = openForReading(databasePath());
  const rows = quarantineSlice(db, { selection: { all: true }, upTo: 99 }, undefined).events;
  const good = placed(rows);
  const wrong: readonly (readonly [string, QuarantineRetry, RegExp])[] = [
    ['an offset nowhere', { ...good, chunks: [] }, /2 offsets of a retry are not accounted for/],
    [
      'an offset twice',
      { ...good, dispositions: [{ kind: 'filtered', channel: undefined, runs: runsOf([1]), reason: 'r' }] },
      /offset 1 is accounted for twice/,
    ],
    [
      'of another channel',
      { ...good, channel: 'x', channels: ['x'] },
      /is of another channel|which has no part/,
    ],
    [
      'another offset',
      { ...good, events: good.events.map(({ id }) => ({ id, offset: offset(7) })) },
      /the retry says 7/,
    ],
  ];
  for (const [what, retry, message] of wrong)
    await expect(writer.perform('retryQuarantined', retry), what).rejects.toThrow(message);
  expect(quarantineTotal(db, { state: 'waiting' })).toBe(2);
  expect(db.prepare('SELECT count(*) AS rows FROM chunks').get()).toEqual({ rows: 0 });
  expect(await writer.perform('retryQuarantined', good)).toMatchObject({ isDone: true });
  db.close();
  writer.close();
});
