import {
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { proveBooks } from '../../main/audit/books-proof.ts';
import { openForReading, openForWriting } from '../../main/channel/channel-database.ts';
import type { ChannelDatabase } from '../../main/channel/channel-database.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import { checkChannel } from '../../main/channel/doctor/channel-check.ts';
import type { CheckWatch } from '../../main/channel/doctor/channel-check.ts';
import { exportChannel } from '../../main/channel/doctor/channel-export.ts';
import { repairChannel, skipSegment } from '../../main/channel/doctor/channel-repair.ts';
import { coverage, knownPartitions, participation } from '../../main/channel/coverage-reader.ts';
import { SALVAGED_SUFFIX } from '../../main/channel/salvaged-database.ts';
import type { ChannelWriter } from '../../main/channel/channel-writer.ts';
import {
  CHANNEL,
  disposition,
  fileRequest,
  land,
  openWriter,
  partition,
  putOf,
  quarantined,
  range,
  SINK,
  STATE_ID,
  tenureStart,
  TestDirectory,
} from './channel-fixture.ts';

/**
 * Goal: whatever a bad disk did to the channel's database, the doctor says so, saves what can be read, claims what is proven not to have landed,
 * and changes nothing where that can't be proven.
 * Method: a real database with something of everything in it; its file is damaged by hand, page by page and body by body.
 */
let template: TestDirectory;
let directory: TestDirectory;
let file: string;
beforeAll(async () => {
  template = directory = new TestDirectory();
  await fill();
});
beforeEach(() => {
  directory = new TestDirectory();
  cpSync(template.path, directory.path, { recursive: true });
  file = join(directory.path, 'channel.sqlite');
});
afterEach(() => directory[Symbol.dispose]());
afterAll(() => template[Symbol.dispose]());

const WATCH: CheckWatch = {
  signal: new AbortController().signal,
  onProgress: () => undefined,
  turn: () => Promise.resolve(),
};
const stopped = () => ({ directory: directory.path, stateId: STATE_ID, nowMs: 1_700_000_000_000 });
const check = () => checkChannel({ directory: directory.path, isRunning: false }, WATCH);
const prove = (db: ChannelDatabase) =>
  proveBooks(db, { clock: systemClock, signal: new AbortController().signal });
const repair = () => repairChannel(stopped(), { ...WATCH, prove });

/** Bodies of some pages each, so that a database of a few megabytes has pages of everything. */
const LINE = `${'x'.repeat(400)}\n`;
const PUT_EVENTS = 100;
const PUTS = 24;

/** Two partitions, two directories, something landed, planned, renaming, filtered, quarantined and held. */
async function fill(): Promise<void> {
  const writer = openWriter(directory.path, { compression: {} });
  for (const p of [0, 1]) {
    await writer.perform('beginTenure', tenureStart(`t${p}`, 0, { ref: partition(p) }));
    for (let put = 0; put < PUTS; put++) await putOne(writer, p, put * PUT_EVENTS);
    await writer.perform('accept', `t${p}`, (PUTS - 2) * PUT_EVENTS);
  }
  for (const [index, key] of (await writer.perform('keys', SINK)).entries()) {
    for (const way of ['land', 'rename', 'plan'].slice(index === 0 ? 0 : 1)) {
      const planned = await writer.perform('plan', fileRequest(key.id, { maxEvents: 6 * PUT_EVENTS }));
      const id = planned?.plan.fileId;
      if (id === undefined) throw new Error('no plan');
      if (way === 'land') await land(writer, id);
      if (way === 'land') continue;
      await writer.perform('startAttempt', id, { number: 1, tempPath: `/logs/.${id}` });
      if (way === 'plan') continue;
      await writer.perform('attemptUploaded', id, { number: 1, inode: `inode-${id}` });
      await writer.perform('startRename', id, 1);
    }
  }
  writer.close();
}

async function putOne(writer: ChannelWriter, p: number, first: number): Promise<void> {
  const next = first + PUT_EVENTS;
  const told = [first + 3, first + 5];
  const offsets = range(first, next).filter((at) => !told.includes(at));
  const chunks = ['/logs/even', '/logs/odd'].map((path, odd) => ({
    directory: path,
    offsets: offsets.filter((at) => at % 2 === odd),
  }));
  const rest = {
    dispositions: [disposition('filtered', first + 3, first + 4)],
    quarantined: [quarantined(first + 5)],
  };
  const place = { tenure: `t${p}`, partition: partition(p), first, next, line: () => LINE };
  await writer.perform('put', putOf({ ...place, chunks, ...rest, channels: [CHANNEL] }));
}

function overwrite(at: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, at);
  closeSync(descriptor);
}

function query<T>(sql: string, ...values: unknown[]): T[] {
  const db = openForReading(file);
  try {
    return db.prepare<unknown[], T>(sql).all(...values);
  } finally {
    db.close();
  }
}

/** By `partition kind`, how many offsets; and each accepted offset has one fate. */
function fates(): Record<string, number> {
  const db = openForReading(file);
  const sums: Record<string, number> = {};
  try {
    for (const known of knownPartitions(db)) {
      let covered = 0;
      let end = -1;
      for (const { from, to, kind, isHeld } of coverage(db, known.id, CHANNEL)) {
        expect(from, 'no offset has two fates').toBeGreaterThanOrEqual(end);
        end = to;
        const name = `${known.partition} ${isHeld ? 'held' : kind}`;
        sums[name] = (sums[name] ?? 0) + to - from;
        if (!isHeld) covered += to - from;
      }
      const owed = participation(db, known.id, CHANNEL).reduce((sum, { from, to }) => sum + to - from, 0);
      expect(covered, 'each accepted offset has a fate').toBe(owed);
    }
  } finally {
    db.close();
  }
  return sums;
}

function pagesOf(table: string): number[] {
  const pages = query<{ pageno: number; pagetype: string }>(
    "SELECT pageno, pagetype FROM dbstat WHERE name = ? AND pagetype <> 'internal'",
    table,
  );
  return pages.map(({ pageno }) => pageno);
}

const PAGE_BYTES = 16 * 1024;
const damagePage = (page: number) => overwrite((page - 1) * PAGE_BYTES, Buffer.alloc(600, 0xa5));

async function finishPlans(writer: ChannelWriter): Promise<void> {
  for (const { fileId: id, state, attempts, finalPath } of await writer.perform('openPlans', SINK)) {
    const number = attempts.length + 1;
    if (state === 'planned') {
      await writer.perform('startAttempt', id, { number, tempPath: `/logs/.${id}.${number}` });
      await writer.perform('attemptUploaded', id, { number, inode: `inode-${id}-${number}` });
      await writer.perform('startRename', id, number);
    }
    const facts = { finalPath, inode: 'i', checksum: undefined, checksumNote: '', crc32c: 7 };
    await writer.perform('landed', id, { ...facts, attempts: number, landedAtMs: 1 }, undefined);
  }
}

async function landsAndGoesOn(): Promise<void> {
  const writer = openWriter(directory.path, { compression: {} });
  await finishPlans(writer);
  for (let [key] = await writer.perform('keys', SINK); key !== undefined;) {
    const planned = await writer.perform('plan', fileRequest(key.id));
    if (planned === undefined) break;
    await land(writer, planned.plan.fileId);
    [key] = await writer.perform('keys', SINK);
  }
  const { position } =
    (await writer.perform('partitionState', { source: 'weblogs', topic: 'www', partition: 0 })) ?? {};
  expect(position).toBe(PUTS * PUT_EVENTS);
  await putOne(writer, 0, PUTS * PUT_EVENTS);
  writer.close();
}

describe('a sound channel', () => {
  test('is called sound, and a repair of it changes nothing', async () => {
    const before = readFileSync(file);
    expect(await check()).toMatchObject({
      verdict: 'sound',
      pages: { state: 'sound', faults: [] },
      damaged: [],
      claims: [],
    });
    expect(readFileSync(file).equals(before), 'looking changes nothing').toBe(true);
    expect(await repair()).toMatchObject({
      isRepaired: true,
      setAside: 0,
      summary: ['Nothing is damaged, nothing was changed.'],
    });
  });
});

describe('damaged bodies', () => {
  /** A chunk that waits, one of a file that is planned, one of a file that is being renamed, and one that is held. */
  function damageFour() {
    const [waiting] = query<{ id: number }>(
      'SELECT c.id FROM chunks c WHERE plan_id IS NULL AND next <= 2200 ORDER BY id',
    );
    const ofPlan = (state: string) =>
      query<{ id: number }>(
        'SELECT c.id FROM chunks c JOIN plans p ON p.id = c.plan_id WHERE p.state = ?',
        state,
      )[0];
    const [held] = query<{ id: number }>('SELECT id FROM chunks WHERE first >= 2200');
    const ids = [waiting, ofPlan('planned'), ofPlan('renaming'), held].map((row) => row?.id ?? 0);
    const events = ids.map(
      (id) => query<{ events: number }>('SELECT events FROM chunks WHERE id = ?', id)[0]?.events ?? 0,
    );
    const db = new Database(file);
    for (const id of ids)
      db.prepare(
        'UPDATE chunk_bodies SET bytes = zeroblob(length(bytes)) WHERE id = (SELECT body_id FROM chunks WHERE id = ?)',
      ).run(id);
    db.pragma('wal_checkpoint(TRUNCATE)');
    db.close();
    return { ids, events };
  }

  test('are named with their offsets; those that wait or are only planned are claimed, the others left', async () => {
    const { ids, events } = damageFour();
    const claimed = (events[0] ?? 0) + (events[1] ?? 0);
    const found = await check();
    expect(found.verdict).toBe('damaged');
    expect(found.damaged.map(({ id, state }) => [id, state]).toSorted()).toEqual(
      [
        [ids[0], 'waiting'],
        [ids[1], 'on-its-way'],
        [ids[2], 'on-its-way'],
        [ids[3], 'held'],
      ].toSorted(),
    );
    expect(found.damaged[0]?.what).toBe('its body does not match its CRC-32C');
    expect(found.summary.join(' ')).toContain('4 of');
    const done = await repair();
    expect(done).toMatchObject({ isRepaired: false, setAside: 2, claimedEvents: claimed });
    expect(done.salvage).toBeUndefined();
    const after = fates();
    expect((after['0 claimed'] ?? 0) + (after['1 claimed'] ?? 0)).toBe(claimed);
    expect((await check()).claims.map(({ cause }) => cause)).toEqual(['damaged-chunk', 'damaged-chunk']);
    await landsAndGoesOn();
  });

  test('can be given up one by one, and what is sound can’t', async () => {
    const { ids, events } = damageFour();
    const [id = 0] = ids;
    const word = { by: 'li', why: 'expired' };
    expect(skipSegment(stopped(), { chunkId: id }, word)).toBe(events[0]);
    expect(() => skipSegment(stopped(), { chunkId: id }, word)).toThrow(/no damaged chunk/);
    const sound = query<{ id: number }>(
      'SELECT id FROM chunks WHERE plan_id IS NULL AND id <> ? ORDER BY id DESC',
      id,
    )[0];
    expect(() => skipSegment(stopped(), { chunkId: sound?.id ?? 0 }, word)).toThrow(/is sound/);
    expect(() => skipSegment(stopped(), { claimId: 99 }, word)).toThrow(/no open claim/);
    await repair();
    const [claim] = query<{ id: number }>('SELECT id FROM claims');
    expect(skipSegment(stopped(), { claimId: claim?.id ?? 0 }, word)).toBe(events[1]);
    const after = fates();
    expect((after['0 gap'] ?? 0) + (after['1 gap'] ?? 0)).toBe((events[0] ?? 0) + (events[1] ?? 0));
  });

  test('are exported as they are when asked for, the good ones as files', async () => {
    const { events } = damageFour();
    const to = join(directory.path, 'rescue');
    const done = await exportChannel({ directory: directory.path, to, isDamagedIncluded: true }, WATCH);
    const chunks = query<{ n: number; events: number }>(
      'SELECT count(*) AS n, sum(events) AS events FROM chunks',
    )[0];
    expect(done).toMatchObject({
      chunks: (chunks?.n ?? 0) - 4,
      damagedBodies: 4,
      events: (chunks?.events ?? 0) - events.reduce((sum, one) => sum + one, 0),
    });
    const manifest = readFileSync(join(to, 'manifest.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(manifest.length).toBe(chunks?.n);
    const good = manifest.filter(({ fault }) => fault === undefined);
    expect(new Set(good.map(({ file: path }) => path)).size).toBe(done.files);
    const path = join(to, String(good[0]?.['file']));
    expect(readFileSync(path, 'utf8').replaceAll(LINE, '')).toBe('');
    expect(readdirSync(join(to, 'damaged')).length).toBe(4);
    const again = exportChannel({ directory: directory.path, to, isDamagedIncluded: true }, WATCH);
    await expect(again).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('damaged pages', () => {
  test.each([
    ['the list of chunks', 'chunks'],
    ['an index', 'chunks_by_partition'],
    ['bodies', 'chunk_bodies'],
    ['what was filtered', 'dispositions'],
    ['the quarantine', 'quarantine'],
    ['the bodies of quarantined events', 'quarantine_bodies'],
  ])(
    'of %s: the rest is saved, what is missing is claimed, and the old database is kept',
    async (_, table) => {
      if (table === 'chunks') {
        // Of a file that is being renamed no row may be missing.
        const writer = openWriter(directory.path);
        await finishPlans(writer);
        writer.close();
      }
      const before = fates();
      const pages = pagesOf(table);
      // Of the list of chunks one of the last: of a file that is being renamed no row may be missing.
      damagePage(pages[Math.floor(pages.length / 2)] ?? 0);
      const found = await check();
      expect(found.verdict).toBe('damaged');
      const done = await repair();
      expect(done, JSON.stringify(done, null, 1)).toMatchObject({ isRepaired: true });
      const after = fates();
      for (const p of [0, 1])
        expect(after[`${p} landed`], 'what has landed stays landed').toBe(before[`${p} landed`]);
      const claimed = (after['0 claimed'] ?? 0) + (after['1 claimed'] ?? 0);
      expect(done.claimedEvents).toBeGreaterThanOrEqual(claimed);
      if (table !== 'chunks_by_partition') expect(claimed).toBeGreaterThan(0);
      else expect(claimed).toBe(0);
      expect(existsSync(done.salvage?.keptFile ?? '')).toBe(true);
      expect((await check()).pages.state).toBe('sound');
      await landsAndGoesOn();
      fates();
    },
  );

  test.each([
    ['the ledger', 'ledger_parts'],
    ['the positions', 'partitions'],
    ['the tenures', 'tenures'],
    ['the files on their way', 'plans'],
  ])('of %s: nothing is changed, for it can’t be told what has landed', async (_, table) => {
    damagePage(pagesOf(table)[0] ?? 0);
    const bytes = readFileSync(file);
    await expect(repair()).rejects.toMatchObject({
      code: 'database-damaged',
      message: expect.stringContaining('Nothing was changed') as string,
    });
    expect(readFileSync(file).equals(bytes)).toBe(true);
    expect(readdirSync(directory.path).filter((name) => name.includes('salvag'))).toEqual([]);
  });

  test('beside chunks that were in the memory of the engine that died: these are claimed, and a file on its way keeps its rows', async () => {
    const db = openForWriting(file);
    db.exec(`DELETE FROM chunk_bodies WHERE id IN (SELECT body_id FROM chunks WHERE id % 2 = 0);
      UPDATE chunks SET body_id = -body_id WHERE id % 2 = 0`);
    db.close();
    const before = fates();
    damagePage(pagesOf('chunks_by_event_time')[0] ?? 0);
    expect(await repair()).toMatchObject({ isRepaired: true });
    const after = fates();
    for (const p of [0, 1]) expect(after[`${p} landed`]).toBe(before[`${p} landed`]);
    expect(query('SELECT DISTINCT cause FROM claims')).toContainEqual({ cause: 'memory' });
    const left = query(
      'SELECT DISTINCT p.state FROM chunks c LEFT JOIN plans p ON p.id = c.plan_id WHERE c.body_id < 0',
    );
    expect(left).toEqual([{ state: 'renaming' }]);
    expect((await check()).verdict).toBe('sound');
    await landsAndGoesOn();
    fates();
  });

  test('of one kind or another, wherever: all is accounted for and nothing that landed is claimed, or nothing is changed', async () => {
    const before = fates();
    const landed = new Set(
      query<{ first: number; p: number }>('SELECT first, partition_id AS p FROM ledger_parts').map(
        ({ first, p }) => `${p} ${first}`,
      ),
    );
    const whole = join(directory.path, 'whole.sqlite');
    copyFileSync(file, whole);
    const pages = statSync(file).size / PAGE_BYTES;
    let saved = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 2, max: pages }), { minLength: 1, maxLength: 3 }),
        fc.nat(PAGE_BYTES - 700),
        async (some, at) => {
          for (const name of readdirSync(directory.path))
            if (name.startsWith('channel.sqlite'))
              renameSync(join(directory.path, name), join(directory.path, 'old'));
          copyFileSync(whole, file);
          for (const page of some) overwrite((page - 1) * PAGE_BYTES + at, Buffer.alloc(600, 0x5a));
          const bytes = readFileSync(file);
          let isSaved: boolean;
          try {
            await repair();
            isSaved = true;
          } catch (error) {
            expect(error).toMatchObject({ code: 'database-damaged' });
            expect(readFileSync(file).equals(bytes)).toBe(true);
            isSaved = false;
          }
          if (!isSaved) return;
          saved++;
          const after = fates();
          for (const p of [0, 1]) expect(after[`${p} landed`]).toBe(before[`${p} landed`]);
          const claims = query<{ first: number; p: number }>('SELECT first, partition_id AS p FROM claims');
          expect(claims.some(({ first, p }) => landed.has(`${p} ${first}`))).toBe(false);
        },
      ),
      { numRuns: 12 },
    );
    expect(saved).toBeGreaterThan(0);
  });

  test('and a kill in the middle of the exchange: whoever opens the channel next finishes it', async () => {
    const pages = pagesOf('chunk_bodies');
    damagePage(pages[Math.floor(pages.length / 2)] ?? 0);
    const old = readFileSync(file);
    await repair();
    // As it lies after the last rename but one: the new database waits, the old log is still there.
    renameSync(file, join(directory.path, `channel.sqlite${SALVAGED_SUFFIX}`));
    writeFileSync(file, old);
    writeFileSync(`${file}-wal`, 'the old log');
    const writer = openWriter(directory.path);
    expect((await writer.perform('openClaims', 'weblogs', undefined)).claims.length).toBeGreaterThan(0);
    writer.close();
    expect(existsSync(`${file}${SALVAGED_SUFFIX}`)).toBe(false);
    fates();
  });
});
