import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openForReading } from '../../main/channel/channel-database.ts';
import { ChannelChunkReader } from '../../main/channel/chunk-reader.ts';
import type { ChannelWriter } from '../../main/channel/channel-writer.ts';
import { decodeRuns } from '../../shared/model/offset-runs.ts';
import {
  CHANNEL,
  disposition,
  fileRequest,
  land,
  lineOf,
  newFileId,
  openWriter,
  partition,
  putOf,
} from './channel-fixture.ts';
import { quarantined, range, SINK, tenureStart, TestDirectory } from './channel-fixture.ts';

/**
 * Goal: every operation of the writer does what sources and landing are promised, on a real database.
 * Method: one writer in this process over a directory of its own; what it says is compared with what it was told.
 */
let directory: TestDirectory;
let writer: ChannelWriter;

beforeEach(() => {
  directory = new TestDirectory();
  writer = openWriter(directory.path);
});
afterEach(() => {
  writer.close();
  directory[Symbol.dispose]();
});

const KEY = { source: 'weblogs', topic: 'www', partition: 0 };
const state = async () => {
  const found = await writer.perform('partitionState', KEY);
  if (found === undefined) throw new Error('the partition is not known');
  return found;
};
const onlyKey = async () => {
  const [key] = await writer.perform('keys', SINK);
  if (key === undefined) throw new Error('nothing waits');
  return key;
};

describe('putting', () => {
  test('a put moves position, fingerprint and counters, and gives its bytes back', async () => {
    await writer.perform('beginTenure', tenureStart('t1', 100));
    const put = putOf({ tenure: 't1', first: 100, next: 110, fingerprintCrc: 42 });
    const receipt = await writer.perform('put', put);
    expect(receipt.bytes).toBe(put.bytes);
    expect(await state()).toMatchObject({ position: 110, fingerprint: { offset: 109, crc: 42 } });
    expect(await onlyKey()).toMatchObject({
      events: 10,
      rawBytes: put.bytes.byteLength,
      channel: CHANNEL,
      storedBytes: receipt.storedBytes,
    });
    expect(await writer.perform('totals')).toMatchObject({ 'put.events': 10, 'put.puts': 1 });
  });

  test('a put of a stale tenure is refused alone, and its neighbours in the same transaction stay', async () => {
    await writer.perform('beginTenure', tenureStart('t1', 0));
    const outcomes = await Promise.allSettled([
      writer.perform('put', putOf({ tenure: 't1', first: 0, next: 5 })),
      writer.perform('put', putOf({ tenure: 'unknown', first: 5, next: 9 })),
      writer.perform('put', putOf({ tenure: 't1', first: 7, next: 9 })),
      writer.perform('put', putOf({ tenure: 't1', first: 5, next: 8 })),
    ]);
    expect(
      outcomes.map((outcome) =>
        outcome.status === 'rejected' ? (outcome.reason as { code: string }).code : 'stored',
      ),
    ).toEqual(['stored', 'stale-tenure', 'position-mismatch', 'stored']);
    expect((await state()).position).toBe(8);
    expect((await onlyKey()).events).toBe(8);
    await writer.perform('endTenure', 't1');
    await expect(writer.perform('put', putOf({ tenure: 't1', first: 8, next: 9 }))).rejects.toMatchObject({
      code: 'stale-tenure',
    });
  });

  test.each([
    ['an offset is missing', { first: 0, next: 4, chunks: [{ offsets: [0, 1, 3] }] }],
    [
      'an offset is there twice',
      { first: 0, next: 3, chunks: [{ offsets: [0, 1, 2] }, { offsets: [2], directory: '/other' }] },
    ],
    [
      'an offset is in a chunk and filtered',
      { first: 0, next: 3, dispositions: [disposition('filtered', 1, 2)] },
    ],
    ['an offset lies outside', { first: 0, next: 3, chunks: [{ offsets: [0, 1, 2, 3] }] }],
    [
      'one of two channels misses an offset',
      { first: 0, next: 2, chunks: [{ offsets: [0, 1] }, { offsets: [0], channel: 'other' }] },
    ],
    ['a channel that takes part has nothing', { first: 0, next: 2, channels: [CHANNEL, 'other'] }],
    [
      'a long gap leaves one out',
      { first: 0, next: 9_000_000, chunks: [], dispositions: [disposition('gap', 0, 8_999_999)] },
    ],
  ])('a put whose books do not balance is refused: %s', async (_, test) => {
    await writer.perform('beginTenure', tenureStart('t1', 0));
    await expect(writer.perform('put', putOf({ tenure: 't1', ...test }))).rejects.toThrow(
      /accounted for|outside|twice/,
    );
    expect((await state()).position).toBe(0);
  });

  test('chunks, dispositions of one channel and of all, and quarantine make up a put', async () => {
    await writer.perform('beginTenure', tenureStart('t1', 0));
    await writer.perform(
      'put',
      putOf({
        tenure: 't1',
        first: 0,
        next: 9_000_000,
        chunks: [{ offsets: [0, 1] }, { offsets: [0, 1, 3], channel: 'other' }],
        dispositions: [
          disposition('not-routed', 3, 4, { channel: CHANNEL }),
          disposition('gap', 4, 9_000_000),
        ],
        quarantined: [quarantined(2)],
      }),
    );
    expect((await state()).position).toBe(9_000_000);
  });

  test('channels that hold the same bytes share one body until the last lets go', async () => {
    await writer.perform('beginTenure', tenureStart('t1', 0));
    const put = putOf({ tenure: 't1', first: 0, next: 50, chunks: [{ offsets: range(0, 50) }] });
    const [chunk] = put.chunks;
    if (chunk === undefined) throw new Error('no chunk');
    await writer.perform('put', { ...put, chunks: [chunk, { ...chunk, channel: 'copy' }] });
    await writer.perform('accept', 't1', 50);
    const keys = await writer.perform('keys', SINK);
    expect(keys.map((key) => [key.channel, key.events])).toEqual([
      [CHANNEL, 50],
      ['copy', 50],
    ]);
    const [first, second] = await Promise.all(keys.map((key) => writer.perform('plan', fileRequest(key.id))));
    if (first === undefined || second === undefined) throw new Error('no plan');
    await land(writer, first.plan.fileId);
    const reader = new ChannelChunkReader(directory.path);
    for (const planned of second.plan.chunks)
      expect((await reader.read(planned)).byteLength).toBe(planned.storedBytes);
    reader.close();
    await land(writer, second.plan.fileId);
    expect(await writer.perform('keys', SINK)).toEqual([]);
  });

  test('bodies of 0 bytes and one event beyond the chunk size go in and come out as they were', async () => {
    await writer.perform('beginTenure', tenureStart('t1', 0));
    const huge = putOf({ tenure: 't1', first: 0, next: 1 });
    const bytes = new Uint8Array(3 * 1024 * 1024).fill(97).buffer;
    const [chunk] = huge.chunks;
    if (chunk === undefined) throw new Error('no chunk');
    await writer.perform('put', { ...huge, bytes, chunks: [{ ...chunk, byteLength: bytes.byteLength }] });
    const empty = putOf({ tenure: 't1', first: 1, next: 3 });
    await writer.perform('put', {
      ...empty,
      chunks: empty.chunks.map((one) => ({ ...one, byteLength: 0 })),
    });
    const tooMany = putOf({ tenure: 't1', first: 3, next: 5 });
    const refused = {
      ...tooMany,
      bytes: new ArrayBuffer(3_000_000),
      chunks: tooMany.chunks.map((one) => ({ ...one, byteLength: 3_000_000 })),
    };
    await expect(writer.perform('put', refused)).rejects.toThrow(/holds 2 events/);
    await writer.perform('accept', 't1', 3);
    const planned = await writer.perform('plan', fileRequest((await onlyKey()).id));
    expect(planned?.plan).toMatchObject({
      rawBytes: 3 * 1024 * 1024,
      expectedBytes: 3 * 1024 * 1024,
      events: 3,
    });
    const reader = new ChannelChunkReader(directory.path);
    const read: number[] = [];
    for (const one of planned?.plan.chunks ?? []) {
      const stored = await reader.read(one);
      read.push(one.codec === 'zstd' ? zstdDecompressSync(stored).length : stored.length);
    }
    reader.close();
    expect(read).toEqual([3 * 1024 * 1024, 0]);
  });
});

describe('tenures', () => {
  test('only ends of puts can be accepted, acceptance never steps back, and held puts do not land', async () => {
    await writer.perform('beginTenure', tenureStart('t1', 0));
    await writer.perform('put', putOf({ tenure: 't1', first: 0, next: 5 }));
    await writer.perform('put', putOf({ tenure: 't1', first: 5, next: 9 }));
    expect(await writer.perform('plan', fileRequest((await onlyKey()).id))).toBeUndefined();
    await expect(writer.perform('accept', 't1', 6)).rejects.toThrow(/not the end of a put/);
    await writer.perform('accept', 't1', 5);
    await writer.perform('accept', 't1', 0);
    const planned = await writer.perform('plan', fileRequest((await onlyKey()).id));
    expect(planned).toMatchObject({ more: false, plan: { events: 5 } });
    expect((await state()).tenures).toMatchObject([{ nonce: 't1', acceptedTo: 5, putTo: 9, state: 'open' }]);
  });

  test('a rejected doubt takes everything with it and sets position and fingerprint back', async () => {
    await writer.perform('beginTenure', tenureStart('t1', 0));
    await writer.perform('put', putOf({ tenure: 't1', first: 0, next: 5, fingerprintCrc: 55 }));
    await writer.perform('accept', 't1', 5);
    const put = {
      first: 5,
      next: 20,
      chunks: [{ offsets: range(5, 10) }],
      quarantined: [quarantined(10)],
      fingerprintCrc: 66,
    };
    await writer.perform('put', putOf({ tenure: 't1', ...put, dispositions: [disposition('gap', 11, 20)] }));
    expect(await writer.perform('endTenure', 't1')).toMatchObject({ state: 'doubt' });
    await writer.perform('resolveDoubt', 't1', 'rejected');
    expect(await state()).toMatchObject({
      position: 5,
      fingerprint: { crc: 55 },
      tenures: [{ state: 'ended', putTo: 5, acceptedTo: 5 }],
    });
    expect((await onlyKey()).events).toBe(5);
    await writer.perform('beginTenure', tenureStart('t2', 5));
    await writer.perform('put', putOf({ tenure: 't2', first: 5, next: 20 }));
    await writer.perform('accept', 't2', 20);
    const planned = await writer.perform('plan', fileRequest((await onlyKey()).id));
    expect(planned?.plan.parts.map(({ runs }) => [...decodeRuns(runs.first, runs.bytes)])).toEqual([
      [{ from: 0, to: 20 }],
    ]);
  });

  test('a doubt that a later tenure overtook is rejected without touching that tenure’s position', async () => {
    await writer.perform('beginTenure', tenureStart('t1', 0));
    await writer.perform('put', putOf({ tenure: 't1', first: 0, next: 5 }));
    await writer.perform('endTenure', 't1');
    await writer.perform('beginTenure', tenureStart('t2', 0));
    await writer.perform('put', putOf({ tenure: 't2', first: 0, next: 7 }));
    await writer.perform('accept', 't2', 7);
    // Until the doubt is resolved, what comes after the held chunk in its partition waits.
    expect(await writer.perform('plan', fileRequest((await onlyKey()).id))).toBeUndefined();
    await writer.perform('resolveDoubt', 't1', 'rejected');
    expect((await state()).position).toBe(7);
    expect((await writer.perform('plan', fileRequest((await onlyKey()).id)))?.plan.events).toBe(7);
  });

  test('a new tenure adopts the doubt of the one before instead of pulling again', async () => {
    await writer.perform('beginTenure', tenureStart('t1', 0));
    await writer.perform('put', putOf({ tenure: 't1', first: 0, next: 5 }));
    await writer.perform('accept', 't1', 5);
    await writer.perform('put', putOf({ tenure: 't1', first: 5, next: 9, fingerprintCrc: 99 }));
    await writer.perform('endTenure', 't1');
    await expect(writer.perform('beginTenure', tenureStart('t2', 6, { adopt: 't1' }))).rejects.toThrow(
      /does not begin where/,
    );
    const begun = await writer.perform('beginTenure', tenureStart('t2', 5, { adopt: 't1' }));
    expect(begun).toMatchObject({ startOffset: 5, putTo: 9, acceptedTo: 5, state: 'open' });
    expect(await state()).toMatchObject({ position: 9, fingerprint: { crc: 99 } });
    await writer.perform('put', putOf({ tenure: 't2', first: 9, next: 12 }));
    await writer.perform('accept', 't2', 9);
    expect((await writer.perform('plan', fileRequest((await onlyKey()).id)))?.plan.events).toBe(9);
  });

  test('an incarnation has its own books, and the doubt of the old one stays in sight', async () => {
    await writer.perform('beginTenure', tenureStart('t1', 0));
    await writer.perform('put', putOf({ tenure: 't1', first: 0, next: 5 }));
    await writer.perform('endTenure', 't1');
    await writer.perform('beginTenure', tenureStart('t2', 2, { ref: partition(0, 'b') }));
    expect(await state()).toMatchObject({
      ref: { incarnation: 'b' },
      position: 2,
      tenures: [{ nonce: 't1' }, { nonce: 't2' }],
    });
    await writer.perform('put', putOf({ tenure: 't2', partition: partition(0, 'b'), first: 2, next: 4 }));
    await writer.perform('resolveDoubt', 't1', 'accepted');
    await writer.perform('accept', 't2', 4);
    const planned = await writer.perform('plan', fileRequest((await onlyKey()).id));
    expect(planned?.plan.parts.map((part) => [part.incarnation, part.runs.count])).toEqual([
      ['a', 5],
      ['b', 2],
    ]);
  });
});

describe('planning and landing', () => {
  const fill = async (puts: number, partitions = 1) => {
    for (let number = 0; number < partitions; number++) {
      const ref = partition(number);
      await writer.perform('beginTenure', tenureStart(`t${number}`, 0, { ref }));
    }
    for (let at = 0; at < puts; at++) {
      for (let number = 0; number < partitions; number++) {
        await writer.perform(
          'put',
          putOf({ tenure: `t${number}`, partition: partition(number), first: at * 10, next: at * 10 + 10 }),
        );
      }
    }
    for (let number = 0; number < partitions; number++)
      await writer.perform('accept', `t${number}`, puts * 10);
  };

  test('limits of events and bytes cut files between chunks, at least one chunk each, oldest first', async () => {
    await fill(4, 2);
    const { id } = await onlyKey();
    const byEvents = await writer.perform('plan', fileRequest(id, { maxEvents: 35 }));
    expect(byEvents).toMatchObject({ more: true, plan: { events: 30 } });
    const byBytes = await writer.perform('plan', fileRequest(id, { maxBytes: 1 }));
    expect(byBytes).toMatchObject({ more: true, plan: { events: 10 } });
    const rest = await writer.perform('plan', fileRequest(id));
    expect(rest).toMatchObject({ more: false, plan: { events: 40 } });
    expect(await writer.perform('keys', SINK)).toEqual([]);
    const all = [byEvents, byBytes, rest].flatMap(
      (planned) => planned?.plan.chunks.map((chunk) => chunk.chunkId) ?? [],
    );
    expect(all).toEqual(all.toSorted((a, b) => a - b));
  });

  test('the bytes of a plan are the events of its runs, in offset order for each partition', async () => {
    await fill(3, 2);
    const planned = await writer.perform('plan', fileRequest((await onlyKey()).id));
    if (planned === undefined) throw new Error('no plan');
    const reader = new ChannelChunkReader(directory.path);
    let text = '';
    for (const chunk of planned.plan.chunks) {
      const stored = await reader.read(chunk);
      text += Buffer.from(chunk.codec === 'zstd' ? zstdDecompressSync(stored) : stored).toString();
    }
    reader.close();
    for (const number of [0, 1]) {
      const lines = text.split('\n').filter((line) => line.startsWith(`${number}:`));
      expect(lines.map((line) => `${line}\n`)).toEqual(range(0, 30).map((at) => lineOf(number, at)));
    }
    expect(planned.plan.expectedBytes).toBe(text.length);
  });

  test('landing books the file and takes its chunks out at once, and booking again changes nothing', async () => {
    await fill(2);
    const planned = await writer.perform('plan', fileRequest((await onlyKey()).id));
    if (planned === undefined) throw new Error('no plan');
    const { fileId } = planned.plan;
    await expect(writer.perform('landed', fileId, { ...FACTS }, undefined)).rejects.toThrow(
      /cannot be in place/,
    );
    await land(writer, fileId);
    await writer.perform('landed', fileId, { ...FACTS }, undefined);
    expect(await writer.perform('openPlans', SINK)).toEqual([]);
    expect(await writer.perform('totals')).toMatchObject({ 'landed.files': 1, 'landed.events': 20 });
    await expect(writer.perform('plan', fileRequest(1, { fileId }))).resolves.toBeUndefined();
  });

  test('an abandoned name is offered until it was removed twice, a day apart, and never when its inode landed', async () => {
    await fill(1);
    const planned = await writer.perform('plan', fileRequest((await onlyKey()).id));
    if (planned === undefined) throw new Error('no plan');
    const { fileId } = planned.plan;
    await writer.perform('startAttempt', fileId, { number: 1, tempPath: '/logs/.one' });
    await expect(
      writer.perform('startAttempt', fileId, { number: 2, tempPath: '/logs/.one' }),
    ).rejects.toThrow(/used before/);
    await writer.perform('abandonAttempt', fileId, { number: 1, inode: undefined });
    await writer.perform('startAttempt', fileId, { number: 2, tempPath: '/logs/.two' });
    await writer.perform('abandonAttempt', fileId, { number: 2, inode: '22' });
    await writer.perform('startAttempt', fileId, { number: 3, tempPath: '/logs/.three' });
    await writer.perform('attemptUploaded', fileId, { number: 3, inode: '22' });
    await writer.perform('startRename', fileId, 3);
    await writer.perform('landed', fileId, { ...FACTS, inode: '22' }, undefined);
    expect(await writer.perform('landedInodes', SINK, ['22', '23'])).toEqual(['22']);
    expect(await writer.perform('landedInodes', 'another', ['22'])).toEqual([]);
    const day = 24 * 3_600_000;
    const now = Date.now();
    const [name, ...others] = await writer.perform('abandonedNames', SINK, 0);
    expect(others).toEqual([]);
    expect(name).toMatchObject({ tempPath: '/logs/.one', removedAtMs: undefined });
    await writer.perform('abandonedRemoved', [{ fileId, number: 1, atMs: now }]);
    expect(await writer.perform('abandonedNames', SINK, now - day)).toEqual([]);
    expect(await writer.perform('abandonedNames', SINK, now + 1)).toMatchObject([{ removedAtMs: now }]);
    await writer.perform('abandonedRemoved', [{ fileId, number: 1, atMs: now + day }]);
    expect(await writer.perform('abandonedNames', SINK, now + 2 * day)).toEqual([]);
  });

  test('a held plan keeps its chunks over a reopen and goes on when it is released', async () => {
    await fill(1);
    const planned = await writer.perform('plan', fileRequest((await onlyKey()).id));
    if (planned === undefined) throw new Error('no plan');
    await writer.perform('hold', planned.plan.fileId, 'somebody’s file stands there');
    writer.close();
    writer = openWriter(directory.path);
    expect(await writer.perform('openPlans', SINK)).toMatchObject([
      { state: 'held', heldReason: 'somebody’s file stands there', events: 10 },
    ]);
    await writer.perform('release', planned.plan.fileId);
    await land(writer, planned.plan.fileId);
    expect(await writer.perform('openPlans', SINK)).toEqual([]);
  });

  test('a replay that steps back begins a file of its own', async () => {
    await fill(1);
    await writer.perform('endTenure', 't0');
    await writer.perform('beginTenure', tenureStart('replay', 0));
    await writer.perform('put', putOf({ tenure: 'replay', first: 0, next: 4 }));
    await writer.perform('accept', 'replay', 4);
    const { id } = await onlyKey();
    expect(await writer.perform('plan', fileRequest(id))).toMatchObject({ more: true, plan: { events: 10 } });
    expect(await writer.perform('plan', fileRequest(id))).toMatchObject({ more: false, plan: { events: 4 } });
  });

  test('bodies that are kept after landing go when their time is over', async () => {
    await fill(1);
    const planned = await writer.perform('plan', fileRequest((await onlyKey()).id, { fileId: newFileId() }));
    if (planned === undefined) throw new Error('no plan');
    await land(writer, planned.plan.fileId, {}, Date.now() + 3_600_000);
    const bodies = () => {
      const db = openForReading(join(directory.path, 'channel.sqlite'));
      const row = db.prepare<[], { count: number }>('SELECT count(*) AS count FROM chunk_bodies').get();
      db.close();
      return row?.count;
    };
    writer.tidy();
    expect(bodies()).toBe(1);
    writer.close();
    writer = openWriter(directory.path, {}, { nowMs: () => Date.now() + 7_200_000 });
    writer.tidy();
    expect(bodies()).toBe(0);
  });
});

test('switches hold one sink or all and survive a restart', async () => {
  await writer.perform('setSwitchInitially', {
    sink: SINK,
    isPaused: false,
    who: 'config',
    why: '',
    atMs: 1,
  });
  await writer.perform('setSwitch', { sink: '*', isPaused: true, who: 'anna', why: 'maintenance', atMs: 2 });
  writer.close();
  writer = openWriter(directory.path);
  await writer.perform('setSwitchInitially', { sink: SINK, isPaused: true, who: 'config', why: '', atMs: 3 });
  expect(await writer.perform('isPaused', SINK)).toBe(true);
  await writer.perform('setSwitch', { sink: '*', isPaused: false, who: 'anna', why: 'done', atMs: 4 });
  expect(await writer.perform('isPaused', SINK)).toBe(false);
  expect(await writer.perform('switches')).toMatchObject([
    { sink: '*', who: 'anna', why: 'done' },
    { sink: SINK, who: 'config' },
  ]);
});

test('the files of the channel are for their owner only', () => {
  for (const name of readdirSync(directory.path))
    expect([name, statSync(join(directory.path, name)).mode & 0o077]).toEqual([name, 0]);
});

const FACTS = {
  finalPath: '/logs/final',
  inode: undefined,
  checksum: undefined,
  checksumNote: undefined,
  crc32c: 7,
  attempts: 1,
  landedAtMs: 10,
};
