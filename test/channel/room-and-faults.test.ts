import type { PlannedChunk } from '../../shared/model/file-plan.ts';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  cpSync,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openForReading, openForWriting } from '../../main/channel/channel-database.ts';
import { PAGE_BYTES } from '../../main/channel/channel-limits.ts';
import { ChannelWriter } from '../../main/channel/channel-writer.ts';
import { openChannel } from '../../main/channel/channel.ts';
import { ChannelChunkReader } from '../../main/channel/chunk-reader.ts';
import { coverage } from '../../main/channel/coverage-reader.ts';
import { openStateDirectory } from '../../main/channel/state-directory.ts';
import {
  CHANNEL,
  fileRequest,
  land,
  openWriter,
  putOf,
  QUIET,
  range,
  settings,
  SINK,
} from './channel-fixture.ts';
import { STATE_ID, tenureStart, TestDirectory } from './channel-fixture.ts';

/**
 * Goal: limits, faults and damage stop what they must, say so, lose nothing, and let the rest go on.
 * Method: real databases; a full disk is SQLite's own `max_page_count` (a real SQLITE_FULL) or an injected free-disk figure, an
 * I/O error is thrown where the commit runs, damage is written into the closed file.
 */
let directory: TestDirectory;
let file: string;
beforeEach(() => {
  directory = new TestDirectory();
  file = join(directory.path, 'channel.sqlite');
});
afterEach(() => directory[Symbol.dispose]());

/** A put of incompressible bytes as one event. */
function bigPut(at: number, bytes: number) {
  const put = putOf({ tenure: 't1', first: at, next: at + 1 });
  const body = crypto.getRandomValues(new Uint8Array(65_536));
  const all = new Uint8Array(bytes);
  for (let from = 0; from < bytes; from += body.length)
    all.set(body.subarray(0, Math.min(body.length, bytes - from)), from);
  return { ...put, bytes: all.buffer, chunks: put.chunks.map((chunk) => ({ ...chunk, byteLength: bytes })) };
}
async function landAll(writer: ChannelWriter): Promise<void> {
  const [key] = await writer.perform('keys', SINK);
  const planned = key === undefined ? undefined : await writer.perform('plan', fileRequest(key.id));
  if (planned !== undefined) await land(writer, planned.plan.fileId);
}
async function codeOf(outcome: Promise<unknown>): Promise<unknown> {
  return outcome.then(
    () => 'done',
    (error: unknown) => Reflect.get(error as object, 'code') as unknown,
  );
}

describe('room', () => {
  test('what is left of it is told while it shrinks, not only when it is gone', async () => {
    const told: number[] = [];
    const writer = new ChannelWriter(
      settings(directory.path, { capacityBytes: 64_000_000, compression: {} }),
      { ...QUIET, room: ({ usedBytes }) => told.push(usedBytes) },
      // That of the machine moves by what others write.
      { freeDisk: () => 1_000_000_000 },
    );
    await writer.perform('beginTenure', tenureStart('t1', 0));
    writer.tidy();
    const before = told.at(-1) ?? writer.room.usedBytes;
    for (let at = 0; at < 4; at++) await writer.perform('put', bigPut(at, 500_000));
    writer.tidy();
    expect(told.at(-1)).toBe(writer.room.usedBytes);
    expect(told.at(-1)).toBeGreaterThan(before + 1_500_000);
    const { length } = told;
    writer.tidy();
    expect(told, 'nothing is told when nothing has moved').toHaveLength(length);
    writer.close();
  });

  test('at the capacity intake stops, landing goes on, and intake starts again below the low mark', async () => {
    const rooms: boolean[] = [];
    const listener = {
      ...QUIET,
      room: ({ isOpen }: { isOpen: boolean }) => void (rooms.at(-1) !== isOpen && rooms.push(isOpen)),
    };
    const writer = new ChannelWriter(
      // Empty tables take 1.1 MB.
      settings(directory.path, { capacityBytes: 4_500_000, compression: {} }),
      listener,
    );
    await writer.perform('beginTenure', tenureStart('t1', 0));
    let at = 0;
    while (writer.room.isOpen) await writer.perform('put', bigPut(at++, 500_000));
    expect(writer.room).toMatchObject({ isOpen: false, reason: 'capacity' });
    expect(at).toBeGreaterThanOrEqual(7);
    await writer.perform('put', bigPut(at++, 500_000));
    expect((await writer.perform('keys', SINK))[0]?.events).toBe(at);
    await writer.perform('accept', 't1', at);
    await landAll(writer);
    writer.tidy();
    expect(writer.room.isOpen).toBe(true);
    expect(rooms).toEqual([false, true]);
    writer.close();
  });

  test('below the free-disk limit intake stops, and freed pages are given back to the disk', async () => {
    let free = 25_000_000;
    const writer = openWriter(
      directory.path,
      { minFreeDiskBytes: 20_000_000, compression: {} },
      { freeDisk: () => free },
    );
    await writer.perform('beginTenure', tenureStart('t1', 0));
    await writer.perform('put', bigPut(0, 8_000_000));
    await writer.perform('accept', 't1', 1);
    free = 19_999_999;
    writer.tidy();
    expect(writer.room).toMatchObject({ isOpen: false, reason: 'free-disk' });
    writer.tidy();
    const before = statSync(file).size;
    expect(before).toBeGreaterThan(8_000_000);
    await landAll(writer);
    for (let round = 0; round < 3; round++) writer.tidy();
    expect(statSync(file).size).toBeLessThan(before - 7_000_000);
    free = 20_000_001;
    writer.tidy();
    expect(writer.room.isOpen).toBe(false);
    free = 22_000_000;
    writer.tidy();
    expect(writer.room.isOpen).toBe(true);
    writer.close();
  });

  test('on a full disk the ballast is freed, puts are refused whole, and landing still writes its books', async () => {
    let free = 100_000_000;
    let pagesMax = 0;
    const beforeCommit = ({ db }: { db: Database.Database }) =>
      void (pagesMax > 0 && db.pragma(`max_page_count = ${pagesMax}`));
    const writer = openWriter(
      directory.path,
      { ballastBytes: 3_000_000, compression: {} },
      { freeDisk: () => free, beforeCommit },
    );
    writer.tidy();
    const ballast = join(directory.path, 'ballast');
    expect(statSync(ballast).size).toBe(3_000_000);
    await writer.perform('beginTenure', tenureStart('t1', 0));
    await writer.perform('put', bigPut(0, 500_000));
    pagesMax = 60;
    await writer.perform('accept', 't1', 1);
    free = 0;
    const outcomes = [
      codeOf(writer.perform('put', bigPut(1, 2_000_000))),
      codeOf(writer.perform('writeNote', 'a', 'b')),
    ];
    expect(await Promise.all(outcomes)).toEqual(['disk-full', 'done']);
    expect(writer.room).toMatchObject({ isOpen: false, reason: 'disk-full' });
    expect(existsSync(ballast)).toBe(false);
    await landAll(writer);
    expect((await writer.perform('totals'))['landed.events']).toBe(1);
    writer.tidy();
    expect(writer.room.isOpen).toBe(false);
    free = 100_000_000;
    writer.tidy();
    writer.tidy();
    expect([writer.room.isOpen, existsSync(ballast)]).toEqual([true, true]);
    pagesMax = 4_000_000;
    await writer.perform('writeNote', 'a', 'c');
    await writer.perform('put', bigPut(1, 2_000_000));
    writer.close();
  });
});

describe('faults', () => {
  test('a database whose making a power cut ended is made again', async () => {
    // SQLite had written into the file, and not yet said so: its journal has the file emptied when it is opened again.
    writeFileSync(file, randomBytes(PAGE_BYTES));
    const journal = Buffer.alloc(512);
    Buffer.from('d9d505f920a163d7', 'hex').copy(journal);
    journal.writeUInt32BE(512, 20);
    journal.writeUInt32BE(PAGE_BYTES, 24);
    writeFileSync(`${file}-journal`, journal);
    const writer = openWriter(directory.path);
    await writer.perform('beginTenure', tenureStart('t1', 0));
    await writer.perform('put', bigPut(0, 500_000));
    writer.close();
    expect(existsSync(`${file}-journal`)).toBe(false);
  });

  test('after an I/O error at the commit nothing of it is stored, the database is opened anew, and work goes on', async () => {
    let faults = 0;
    const opened = new Set<unknown>();
    const beforeCommit = ({ db }: { db: Database.Database }) => {
      opened.add(db);
      if (faults-- > 0) throw new Database.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC');
    };
    const writer = openWriter(directory.path, {}, { beforeCommit });
    await writer.perform('beginTenure', tenureStart('t1', 0));
    faults = 1;
    expect(await codeOf(writer.perform('put', putOf({ tenure: 't1', first: 0, next: 5 })))).toBe('io-error');
    expect(writer.room).toMatchObject({ isOpen: false, reason: 'io-error' });
    faults = 1;
    expect(await codeOf(writer.perform('writeNote', 'a', 'b'))).toBe('io-error');
    writer.tidy();
    expect(writer.room.isOpen).toBe(true);
    expect(await codeOf(writer.perform('put', putOf({ tenure: 't1', first: 0, next: 5 })))).toBe('done');
    expect(opened.size).toBe(3);
    writer.close();
  });

  test('synchronous is FULL on the writing connection after every open', () => {
    for (let round = 0; round < 2; round++) {
      const { db } = openChannel(directory.path, STATE_ID);
      db.prepare('SELECT count(*) FROM chunks').get();
      expect(db.pragma('synchronous', { simple: true })).toBe(2);
      db.close();
    }
    const plain = new Database(file);
    plain.prepare('SELECT count(*) FROM chunks').get();
    // What the assertion is for: without the pragma this build falls to NORMAL.
    expect(plain.pragma('synchronous', { simple: true })).toBe(1);
    plain.close();
  });

  test('opening refuses a database of a newer version and of another identity, and leaves both as they are', () => {
    const { db } = openChannel(directory.path, STATE_ID);
    db.close();
    expect(() => openChannel(directory.path, 'another')).toThrow(
      expect.objectContaining({ code: 'state-dir-unusable' }),
    );
    const newer = openForWriting(file);
    newer.pragma('user_version = 99');
    newer.close();
    const bytes = readFileSync(file);
    expect(() => openChannel(directory.path, STATE_ID)).toThrow(
      expect.objectContaining({ code: 'state-dir-newer' }),
    );
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  test('a second engine is refused with the first one’s process, and may come when that has gone', () => {
    const first = openStateDirectory(directory.path, 1);
    expect(() => openStateDirectory(directory.path, 2)).toThrow(
      expect.objectContaining({
        code: 'state-dir-locked',
        message: expect.stringContaining(`process ${process.pid}`) as string,
      }),
    );
    first.close();
    const second = openStateDirectory(directory.path, 3);
    expect(second.identity).toEqual(first.identity);
    second.close();
  });
});

describe('damage', () => {
  async function filled(): Promise<void> {
    const writer = openWriter(directory.path, { compression: {} });
    await writer.perform('beginTenure', tenureStart('t1', 0));
    for (let at = 0; at < 3; at++) await writer.perform('put', bigPut(at, 300_000));
    await writer.perform('accept', 't1', 3);
    writer.close();
  }
  /** Bytes in the middle of the body of a chunk. */
  function overwriteBody(chunkId: number): void {
    const db = openForReading(file);
    const row = db
      .prepare<[number], { bytes: Buffer }>(
        'SELECT substr(b.bytes, 100000, 64) AS bytes FROM chunks c JOIN chunk_bodies b ON b.id = c.body_id WHERE c.id = ?',
      )
      .get(chunkId);
    db.close();
    const at = readFileSync(file).indexOf(row?.bytes ?? '');
    expect(at).toBeGreaterThan(0);
    overwrite(at);
  }
  function overwrite(at: number): void {
    const descriptor = openSync(file, 'r+');
    writeSync(descriptor, Buffer.alloc(2_000, 0xee), 0, 2_000, at);
    closeSync(descriptor);
  }

  test('a damaged body is found by its CRC and set aside with its offsets; the rest of the file lands', async () => {
    await filled();
    overwriteBody(2);
    const writer = openWriter(directory.path, { compression: {} });
    const [key] = await writer.perform('keys', SINK);
    const planned = await writer.perform('plan', fileRequest(key?.id ?? 0));
    const reader = new ChannelChunkReader(directory.path);
    const bad: PlannedChunk[] = [];
    for (const chunk of planned?.plan.chunks ?? []) {
      try {
        await reader.read(chunk);
      } catch (error) {
        expect(error).toMatchObject({ code: 'chunk-damaged' });
        bad.push(chunk);
      }
    }
    reader.close();
    expect(bad).toHaveLength(1);
    const id = planned?.plan.fileId;
    if (id === undefined || bad[0] === undefined) throw new Error('nothing was found');
    const rest = await writer.perform('damagedChunk', id, bad[0].chunkId, 'CRC');
    expect(rest).toMatchObject({ events: 2, expectedBytes: 600_000 });
    await writer.perform('damagedChunk', id, bad[0].chunkId, 'CRC');
    await land(writer, id);
    const db = openForReading(file);
    const fates = [...coverage(db, 1, CHANNEL)].flatMap(({ from, to, kind }) =>
      range(from, to).map((at) => [at, kind]),
    );
    expect(fates.map(([at]) => at)).toEqual([0, 1, 2]);
    expect(fates.map(([, kind]) => kind).toSorted()).toEqual(['claimed', 'landed', 'landed']);
    db.close();
    writer.close();
  });

  test('a plan whose every chunk is damaged goes, and its attempts are left to the janitor', async () => {
    await filled();
    const writer = openWriter(directory.path);
    const [key] = await writer.perform('keys', SINK);
    const planned = await writer.perform('plan', fileRequest(key?.id ?? 0, { maxEvents: 1 }));
    const id = planned?.plan.fileId;
    const [chunk] = planned?.plan.chunks ?? [];
    if (id === undefined || chunk === undefined) throw new Error('no plan');
    await writer.perform('startAttempt', id, { number: 1, tempPath: '/.a' });
    expect(await writer.perform('damagedChunk', id, chunk.chunkId, 'CRC')).toBeUndefined();
    expect(await writer.perform('abandonedNames', SINK, 0)).toMatchObject([{ tempPath: '/.a' }]);
    writer.close();
  });

  test('a damaged page is reported, intake holds, and nothing is deleted', async () => {
    await filled();
    const db = new Database(file);
    const root = db
      .prepare<[], { rootpage: number }>("SELECT rootpage FROM sqlite_schema WHERE name = 'landing_keys'")
      .get();
    const pageBytes = Number(db.pragma('page_size', { simple: true }));
    db.close();
    const writer = openWriter(directory.path);
    // A second copy shows what a start after a crash says; this one is damaged while it is open.
    overwrite(((root?.rootpage ?? 1) - 1) * pageBytes);
    expect(await codeOf(writer.perform('keys', SINK))).toBe('database-damaged');
    expect(writer.room).toMatchObject({ isOpen: false, reason: 'database-damaged' });
    const copy = new TestDirectory();
    cpSync(directory.path, copy.path, { recursive: true });
    expect(() => openChannel(copy.path, STATE_ID)).toThrow(
      expect.objectContaining({ code: 'database-damaged' }),
    );
    expect(statSync(join(copy.path, 'channel.sqlite')).size).toBe(statSync(file).size);
    copy[Symbol.dispose]();
    writer.close();
  });
});

test('opening takes no longer with 200,000 chunks than with none', async () => {
  const writer = openWriter(directory.path);
  await writer.perform('beginTenure', tenureStart('t1', 0));
  await writer.perform('put', putOf({ tenure: 't1', first: 0, next: 1, chunks: [{ offsets: range(0, 1) }] }));
  writer.close();
  const { db } = openChannel(directory.path, STATE_ID);
  db.exec(`WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
    INSERT INTO chunks (body_id, landing_key_id, partition_id, tenure_id, channel, first, next, events, lines, raw_bytes, stored_bytes,
      codec, crc32c, put_ms, oldest_event_ms, newest_event_ms, runs)
    SELECT body_id, landing_key_id, partition_id, tenure_id, channel, i, i + 1, 1, 1, 1, 1, codec, crc32c, put_ms, i, i, runs FROM chunks, n`);
  db.close();
  const started = performance.now();
  openChannel(directory.path, STATE_ID).db.close();
  // Reading the rows would take far longer than the design's two seconds on a 10 GiB file; a seek takes milliseconds.
  expect(performance.now() - started).toBeLessThan(2_000);
});
