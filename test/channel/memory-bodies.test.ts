import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openForReading, openForWriting } from '../../main/channel/channel-database.ts';
import { MEMORY_BODY_OVERHEAD_BYTES } from '../../main/channel/channel-limits.ts';
import type { ChannelWriter, WriterSeams } from '../../main/channel/channel-writer.ts';
import { ChannelChunkReader } from '../../main/channel/chunk-reader.ts';
import { checkChannel } from '../../main/channel/doctor/channel-check.ts';
import type { MemoryUse } from '../../main/channel/memory-bodies.ts';
import type { FilePlan } from '../../shared/model/file-plan.ts';
import {
  CHANNEL,
  fatesIn,
  fileRequest,
  land,
  lineOf,
  offsetsOf,
  openWriter,
  putOf,
  range,
  redemptionOf,
  SINK,
  tenureStart,
  TestDirectory,
} from './channel-fixture.ts';

/**
 * Goal: events whose bodies are in memory land once whatever becomes of the process, and memory is never more than it may be.
 * Method: a real writer on a real database. A crash is a copy of the files as they lie, opened by another writer; a fault of the disk comes
 * through the writer's seam.
 */
const ROOMY: MemoryUse = { capacityBytes: 1024 * 1024, stopsIntake: true, spillAfterMs: undefined };
const KEY = { source: 'weblogs', topic: 'www', partition: 0 };
let directory: TestDirectory;
let writer: ChannelWriter;
let nowMs = 1_000_000;

function opened(use: MemoryUse | undefined = ROOMY, seams: WriterSeams = {}): ChannelWriter {
  const memory = use === undefined ? {} : { [CHANNEL]: use };
  return openWriter(directory.path, { memory, compression: {} }, { nowMs: () => nowMs, ...seams });
}

beforeEach(async () => {
  directory = new TestDirectory();
  writer = opened();
  await writer.perform('beginTenure', tenureStart('t1', 0));
});
afterEach(() => {
  writer.close();
  directory[Symbol.dispose]();
});

function ask<T>(sql: string): T[] {
  const db = openForReading(join(directory.path, 'channel.sqlite'));
  try {
    return db.prepare(sql).pluck().all() as T[];
  } finally {
    db.close();
  }
}
const bodiesOnDisk = (): number => ask<number>('SELECT count(*) FROM chunk_bodies')[0] ?? -1;
const inMemory = (): number => ask<number>('SELECT count(*) FROM chunks WHERE body_id < 0')[0] ?? -1;

const fates = (): string => fatesIn(directory.path);

async function put(first: number, next: number): Promise<void> {
  await writer.perform('put', putOf({ tenure: 't1', first, next }));
}
async function accepted(first: number, next: number): Promise<void> {
  await put(first, next);
  await writer.perform('accept', 't1', next);
}
async function plan(maxEvents = 0): Promise<FilePlan> {
  const [key] = await writer.perform('keys', SINK);
  const planned = await writer.perform('plan', fileRequest(key?.id ?? 0, { maxEvents }));
  if (planned === undefined) throw new Error('nothing to plan');
  return planned.plan;
}
async function claims() {
  return (await writer.perform('openClaims', 'weblogs', undefined)).claims;
}
async function claimed(): Promise<number[]> {
  return (await claims()).flatMap(({ runs }) => offsetsOf(runs));
}

/** Another process opens what lies on the disk now. */
function crash(use: MemoryUse | undefined = ROOMY): void {
  const elsewhere = new TestDirectory();
  cpSync(directory.path, elsewhere.path, { recursive: true });
  writer.close();
  directory[Symbol.dispose]();
  directory = elsewhere;
  writer = opened(use);
}

async function textOf({ chunks }: FilePlan): Promise<string> {
  const reader = new ChannelChunkReader(directory.path, (id) => writer.perform('chunkBody', id));
  try {
    let text = '';
    for (const chunk of chunks) text += Buffer.from(await reader.read(chunk)).toString();
    return text;
  } finally {
    reader.close();
  }
}
const lines = (from: number, to: number): string =>
  range(from, to)
    .map((at) => lineOf(0, at))
    .join('');

describe('events in memory', () => {
  test('are no bytes on the disk, are read as they were put, and land like others', async () => {
    await accepted(0, 10);
    await accepted(10, 20);
    expect([bodiesOnDisk(), inMemory()]).toEqual([0, 2]);
    expect(fates()).toBe('0-9 in-channel, 10-19 in-channel');
    const file = await plan();
    expect(await textOf(file)).toBe(lines(0, 20));
    await land(writer, file.fileId);
    expect(fates()).toBe('0-19 landed');
    expect((await writer.perform('room')).memory).toMatchObject([{ channel: CHANNEL, usedBytes: 0 }]);
  });

  test('are not offered to be pulled again while their process lives; the broker must have them all the same', async () => {
    await accepted(0, 10);
    expect(await claimed()).toEqual([]);
    expect(await writer.perform('oldestClaimedOffset', KEY)).toBe(0);
  });

  test('go to the disk at a stop in order, and nothing is pulled again', async () => {
    await accepted(0, 10);
    writer.close();
    writer = opened();
    expect([bodiesOnDisk(), inMemory(), await claimed()]).toEqual([1, 0, []]);
    expect(await textOf(await plan())).toBe(lines(0, 10));
  });

  test('become claims with the next process, one for what lies together, and land once when they were pulled again', async () => {
    await accepted(0, 10);
    await accepted(10, 20);
    crash();
    expect(fates()).toBe('0-19 claimed');
    const [claim, ...others] = await claims();
    expect(others).toEqual([]);
    expect(claim).toMatchObject({ cause: 'memory', wereEvents: true, acceptedTo: 20 });
    if (claim === undefined) throw new Error('nothing is claimed');
    const redemption = redemptionOf({ claim, chunks: [{ offsets: range(0, 20) }] });
    expect(await writer.perform('redeemClaim', redemption)).toMatchObject({ isDone: true });
    expect([bodiesOnDisk(), inMemory()], 'what was pulled again is on the disk').toEqual([1, 0]);
    crash();
    expect(await claimed(), 'a second crash costs nothing again').toEqual([]);
    await land(writer, (await plan()).fileId);
    expect(fates()).toBe('0-19 landed');
  });

  test('of puts that are held go away or change hands with them', async () => {
    await put(0, 10);
    await put(10, 20);
    crash();
    expect(fates()).toBe('0-9 claimed held, 10-19 claimed held');
    expect(await claimed(), 'nobody may pull them before they are accepted').toEqual([]);
    await writer.perform('endTenure', 't1');
    await writer.perform('beginTenure', tenureStart('t2', 0, { adopt: 't1' }));
    await writer.perform('accept', 't2', 10);
    expect(await claimed()).toEqual(range(0, 10));
    await writer.perform('endTenure', 't2');
    await writer.perform('resolveDoubt', 't2', 'rejected');
    expect(fates()).toBe('0-9 claimed');
  });
});

describe('a file on its way when the process dies', () => {
  test('is given up before its rename: what is on the disk is planned anew, the rest is pulled again', async () => {
    await accepted(0, 10);
    await writer.perform('spill', 'all');
    await accepted(10, 20);
    const { fileId } = await plan();
    await writer.perform('startAttempt', fileId, { number: 1, tempPath: '/logs/.tmp1' });
    await writer.perform('attemptUploaded', fileId, { number: 1, inode: undefined });
    crash();
    expect(await writer.perform('openPlans', SINK)).toEqual([]);
    expect(fates()).toBe('0-9 in-channel, 10-19 claimed');
    const left = await writer.perform('abandonedNames', SINK, Number.MAX_SAFE_INTEGER);
    expect(left.map(({ tempPath }) => tempPath)).toEqual(['/logs/.tmp1']);
    expect(await textOf(await plan())).toBe(lines(0, 10));
  });

  test('is given up as well when an operator’s decision about it was open', async () => {
    await accepted(0, 10);
    const { fileId } = await plan();
    await writer.perform('hold', fileId, 'test');
    crash();
    expect(fates()).toBe('0-9 claimed');
  });

  test('that may stand in the target is booked without its bytes, and nothing of it is pulled again', async () => {
    await accepted(0, 10);
    const { fileId } = await plan();
    await writer.perform('startAttempt', fileId, { number: 1, tempPath: '/logs/.tmp1' });
    await writer.perform('attemptUploaded', fileId, { number: 1, inode: undefined });
    await writer.perform('startRename', fileId, 1);
    crash();
    expect(fates()).toBe('0-9 in-channel');
    expect(await claimed()).toEqual([]);
    expect(await writer.perform('oldestClaimedOffset', KEY), 'until it is booked').toBe(0);
    // New bodies never take the place of those that the file names.
    await accepted(10, 20);
    const [file] = await writer.perform('openPlans', SINK);
    if (file === undefined) throw new Error('its plan is gone');
    await expect(textOf(file)).rejects.toMatchObject({ code: 'chunk-damaged' });
    const facts = { finalPath: '/logs/a', inode: undefined, crc32c: 1, attempts: 1, landedAtMs: 5 };
    await writer.perform(
      'landed',
      fileId,
      { ...facts, checksum: undefined, checksumNote: 'test' },
      Number.MAX_SAFE_INTEGER,
    );
    expect(fates()).toBe('0-9 landed, 10-19 in-channel');
    expect(ask('SELECT count(*) FROM retained_chunks'), 'there is nothing to keep').toEqual([0]);
    expect(await textOf(await plan())).toBe(lines(10, 20));
  });

  test('and is to be sent again by an operator’s word, is pulled again', async () => {
    await accepted(0, 10);
    await accepted(10, 20);
    const { fileId } = await plan();
    await writer.perform('startAttempt', fileId, { number: 1, tempPath: '/logs/.tmp1' });
    await writer.perform('attemptUploaded', fileId, { number: 1, inode: undefined });
    await writer.perform('startRename', fileId, 1);
    crash();
    const db = openForWriting(join(directory.path, 'channel.sqlite'));
    db.exec("UPDATE plans SET state = 'planned', renaming_attempt = NULL");
    db.close();
    const [file] = await writer.perform('openPlans', SINK);
    const first = file?.chunks[0]?.chunkId ?? 0;
    expect(await writer.perform('damagedChunk', fileId, first, 'no body'), 'all at once').toBeUndefined();
    expect(await claimed()).toEqual(range(0, 20));
    expect(ask('SELECT count(*) FROM damaged_chunks'), 'no bytes are there to be looked at').toEqual([0]);
  });
});

describe('memory', () => {
  const weight = (from: number, to: number): number => lines(from, to).length + MEMORY_BODY_OVERHEAD_BYTES;

  test('is never more than it may be: what finds no room is on the disk, in the same files and in order', async () => {
    writer.close();
    writer = opened({ ...ROOMY, capacityBytes: 2 * weight(10, 20), stopsIntake: false });
    for (const at of [0, 10, 20, 30]) await accepted(at, at + 10);
    expect([bodiesOnDisk(), inMemory()]).toEqual([2, 2]);
    const file = await plan();
    expect(await textOf(file)).toBe(lines(0, 40));
    expect((await writer.perform('room')).memory).toMatchObject([{ isFull: false, isFilling: false }]);
    crash();
    expect(fates()).toBe('0-19 claimed, 20-29 in-channel, 30-39 in-channel');
  });

  test('that is full stops intake where the channel is a memory one, and lets it in again when something landed', async () => {
    writer.close();
    writer = opened({ ...ROOMY, capacityBytes: 2 * weight(10, 20) });
    await accepted(0, 10);
    await accepted(10, 20);
    expect((await writer.perform('room')).memory).toMatchObject([{ isFull: true, isFilling: true }]);
    expect(writer.room, 'the others may go on').toMatchObject({ isOpen: true });
    await accepted(20, 30);
    expect([bodiesOnDisk(), inMemory()], 'what was on its way is on the disk').toEqual([1, 2]);
    await land(writer, (await plan(10)).fileId);
    expect((await writer.perform('room')).memory).toMatchObject([{ isFull: false }]);
  });

  test('of a spillable channel goes to the disk when its time has come, the oldest first, while a file is being read', async () => {
    writer.close();
    writer = opened({ ...ROOMY, stopsIntake: false, spillAfterMs: 1_000 });
    await accepted(0, 10);
    nowMs += 600;
    await accepted(10, 20);
    const file = await plan();
    expect(await writer.perform('spill', 'old')).toEqual({ more: false });
    expect(inMemory()).toBe(2);
    nowMs += 600;
    writer.tidy();
    await writer.perform('room');
    expect([bodiesOnDisk(), inMemory()]).toEqual([1, 1]);
    expect(await textOf(file)).toBe(lines(0, 20));
    crash();
    expect(fates(), 'what was on the disk is not pulled again').toBe('0-9 in-channel, 10-19 claimed');
  });

  test('gives up its bodies with a connection that failed; a file that was read already lands', async () => {
    let fails = false;
    writer.close();
    writer = opened(ROOMY, {
      beforeCommit: () => {
        if (!fails) return;
        fails = false;
        throw Object.assign(new Error('a fault of the disk'), { code: 'EIO', syscall: 'fsync' });
      },
    });
    await accepted(0, 10);
    const file = await plan();
    await accepted(10, 20);
    fails = true;
    await expect(put(20, 30)).rejects.toMatchObject({ code: 'io-error' });
    await writer.perform('room');
    expect(fates(), 'its lander knows the plan, and says itself when it needs bytes').toBe(
      '0-9 in-channel, 10-19 claimed',
    );
    expect(await claimed()).toEqual(range(10, 20));
    await land(writer, file.fileId);
    expect(fates()).toBe('0-9 landed, 10-19 claimed');
  });

  test('that a refused put had taken is free again', async () => {
    await accepted(0, 10);
    const before = (await writer.perform('room')).memory;
    await expect(writer.perform('put', putOf({ tenure: 't1', first: 5, next: 9 }))).rejects.toThrow();
    expect((await writer.perform('room')).memory).toEqual(before);
  });

  test('is shared by channels that have the same body there; one that has it on the disk has it for both', async () => {
    writer.close();
    const memory = { [CHANNEL]: ROOMY, other: ROOMY };
    writer = openWriter(directory.path, { memory, compression: {} });
    const shared = (first: number, channels: readonly string[]) => {
      const wanted = putOf({ tenure: 't1', first, next: first + 10, channels });
      const [chunk] = wanted.chunks;
      if (chunk === undefined) throw new Error('no chunk');
      return { ...wanted, chunks: channels.map((channel) => ({ ...chunk, channel })) };
    };
    await writer.perform('put', shared(0, [CHANNEL, 'other']));
    expect([bodiesOnDisk(), inMemory()]).toEqual([0, 2]);
    await writer.perform('put', shared(10, [CHANNEL, 'disk-only']));
    expect([bodiesOnDisk(), inMemory()]).toEqual([1, 2]);
    await writer.perform('accept', 't1', 20);
    await writer.perform('spill', 'all');
    expect([bodiesOnDisk(), inMemory()]).toEqual([2, 0]);
    for (const { id } of await writer.perform('keys', SINK)) {
      const planned = await writer.perform('plan', fileRequest(id));
      if (planned !== undefined) await land(writer, planned.plan.fileId);
    }
    expect(bodiesOnDisk()).toBe(0);
    expect(ask('SELECT count(*) FROM shared_bodies')).toEqual([0]);
  });
});

test('the doctor finds nothing wrong with what is in memory, and says how much it is', async () => {
  await accepted(0, 10);
  const watch = { signal: new AbortController().signal, onProgress: () => undefined, turn: async () => {} };
  const found = await checkChannel({ directory: directory.path, isRunning: true }, watch);
  expect(found).toMatchObject({ verdict: 'sound', damaged: [] });
  expect(found.summary[0]).toMatch(/^10 events are in the engine’s memory/);
  const skip = writer.perform('giveUpSegment', { chunkId: 1 }, { by: 'li', why: 'test' });
  await expect(skip).rejects.toThrow(/chunk 1 is sound/);
});
