/**
 * Goal: whoever kills the doctor in the middle of a repair finds, after the next one or the next opening, what an undisturbed repair leaves: nothing
 * lost, nothing twice, the old database kept.
 * Method: a real database with chunks whose bytes are others (repair), or pages that are garbage (salvage); a child process repairs it and dies by
 * SIGKILL at a crash point. Then it is repaired again, or opened first; the books are compared with those of a repair that nobody disturbed.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, cpSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { proveBooks } from '../../main/audit/books-proof.ts';
import { openForReading, type ChannelDatabase } from '../../main/channel/channel-database.ts';
import { coverage, knownPartitions } from '../../main/channel/coverage-reader.ts';
import { checkChannel } from '../../main/channel/doctor/channel-check.ts';
import { repairChannel } from '../../main/channel/doctor/channel-repair.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import type { CrashPoint } from '../../main/telemetry/crash-point.ts';
import {
  CHANNEL,
  fileRequest,
  land,
  openWriter,
  putOf,
  range,
  SINK,
  STATE_ID,
  tenureStart,
  TestDirectory,
} from '../channel/channel-fixture.ts';
import { damageChunks } from '../e2e/damaged-chunks.ts';
import { pointsOf } from './coverage.ts';

const PUTS = 12;
const PUT_EVENTS = 100;
const POINTS = pointsOf('test/crash/doctor-crash.test.ts');
const WATCH = {
  signal: new AbortController().signal,
  onProgress: () => undefined,
  turn: () => Promise.resolve(),
};
const isOfRepair = (point: CrashPoint): boolean => point.startsWith('repair.');

type Damage = (directory: string) => void;
const DAMAGES: Readonly<Record<'chunks' | 'pages', Damage>> = {
  chunks: (directory) => expect(damageChunks(directory, 3).length).toBeGreaterThanOrEqual(3),
  pages: damagePages,
};

let template: TestDirectory;
let directory: TestDirectory;
const wanted = new Map<string, string>();

beforeAll(async () => {
  template = new TestDirectory();
  await fill(template.path);
  for (const [name, damage] of Object.entries(DAMAGES)) {
    using one = new TestDirectory();
    cpSync(template.path, one.path, { recursive: true });
    damage(one.path);
    await repairHere(one.path);
    wanted.set(name, await books(one.path));
  }
}, 60_000);
beforeEach(() => {
  directory = new TestDirectory();
  cpSync(template.path, directory.path, { recursive: true });
});
afterEach(() => directory[Symbol.dispose]());
afterAll(() => template[Symbol.dispose]());

describe.each(['repaired again', 'opened before that'])(
  'a doctor that was killed, and the channel %s',
  (next) => {
    test.each(POINTS)('%s', { timeout: 60_000 }, async (point) => {
      const kind = isOfRepair(point) ? 'chunks' : 'pages';
      DAMAGES[kind](directory.path);
      const damaged = readFileSync(join(directory.path, 'channel.sqlite'));
      expect(await repair(directory.path, point), 'it was killed at the point').toBe('killed by SIGKILL');
      if (next !== 'repaired again') {
        openWriter(directory.path, { compression: {} }).close();
        expect(readdirSync(directory.path).filter((name) => /salvag/.test(name))).toEqual([]);
      }
      await repairHere(directory.path);
      expect(await books(directory.path)).toBe(wanted.get(kind));
      expect(await verdict(directory.path)).toBe('sound');
      if (kind === 'chunks') return;
      const names = readdirSync(directory.path);
      expect(names.filter((name) => /salvag/.test(name))).toEqual([]);
      const kept = names.filter((name) => /\.damaged-[^-]+$/.test(name));
      expect(kept).toHaveLength(1);
      expect(readFileSync(join(directory.path, kept[0] ?? '')).equals(damaged)).toBe(true);
    });
  },
);

/** Something waits, something has landed, something is planned; a put is not accepted. */
async function fill(path: string): Promise<void> {
  const writer = openWriter(path, { compression: {} });
  await writer.perform('beginTenure', tenureStart('t1', 0));
  for (let first = 0; first < PUTS * PUT_EVENTS; first += PUT_EVENTS) {
    const chunks = ['/logs/even', '/logs/odd'].map((to, odd) => ({
      directory: to,
      offsets: range(first, first + PUT_EVENTS).filter((at) => at % 2 === odd),
    }));
    // No two pieces of it are alike: a chunk's bytes must be found in one place.
    const line = (_partition: number, at: number): string =>
      `${at} ${[1, 2, 3].map((part) => createHash('sha256').update(`${at} ${part}`).digest('hex')).join('')}\n`;
    await writer.perform('put', putOf({ tenure: 't1', first, next: first + PUT_EVENTS, chunks, line }));
  }
  await writer.perform('accept', 't1', (PUTS - 1) * PUT_EVENTS);
  const [key] = await writer.perform('keys', SINK);
  for (const way of ['land', 'plan']) {
    const planned = await writer.perform('plan', fileRequest(key?.id ?? 0, { maxEvents: PUT_EVENTS }));
    if (planned === undefined) throw new Error('no plan');
    if (way === 'land') await land(writer, planned.plan.fileId);
  }
  writer.close();
}

/** A leaf of an index and a leaf of the bodies are garbage. */
function damagePages(path: string): void {
  const file = join(path, 'channel.sqlite');
  const db = openForReading(file);
  const leaf = db
    .prepare<[string], number>("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf'")
    .pluck();
  const pages = ['chunks_by_event_time', 'chunk_bodies'].map((tree) => leaf.get(tree) ?? 0);
  const pageBytes = Number(db.pragma('page_size', { simple: true }));
  db.close();
  const descriptor = openSync(file, 'r+');
  for (const page of pages) writeSync(descriptor, Buffer.alloc(900, 0xa5), 0, 900, (page - 1) * pageBytes);
  closeSync(descriptor);
}

async function repairHere(directory: string): Promise<void> {
  const prove = (db: ChannelDatabase) =>
    proveBooks(db, { clock: systemClock, signal: new AbortController().signal });
  const stopped = { directory, stateId: STATE_ID, nowMs: 1_700_000_000_000 };
  await repairChannel(stopped, { ...WATCH, prove });
}

function repair(path: string, crashAt: CrashPoint): Promise<string> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'doctor-child.ts'), path], {
    env: { ...process.env, HEADGATE_CRASH_AT: crashAt },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve(signal === null ? `ended ${String(code)}` : `killed by ${signal}`),
    );
  });
}

/** What became of each offset, in the channel's own words; and how many claims and damaged chunks there are. */
async function books(path: string): Promise<string> {
  const db = openForReading(join(path, 'channel.sqlite'));
  try {
    const faults = await proveBooks(db, { clock: systemClock, signal: new AbortController().signal });
    expect(faults).toEqual([]);
    const fates = knownPartitions(db).flatMap(({ id }) =>
      [...coverage(db, id, CHANNEL)].flatMap(({ from, to, kind }) =>
        range(from, to).map((at) => `${String(at).padStart(6, '0')} ${kind}`),
      ),
    );
    expect(new Set(fates.map((fate) => fate.slice(0, 6))).size).toBe(fates.length);
    const counts = ['claims', 'damaged_chunks', 'chunks', 'chunk_bodies', 'ledger'].map(
      (table) => `${table}: ${String(db.prepare(`SELECT count(*) FROM ${table}`).pluck().get())}`,
    );
    return [...counts, ...fates.sort()].join('\n');
  } finally {
    db.close();
  }
}

async function verdict(path: string): Promise<string> {
  return (await checkChannel({ directory: path, isRunning: false }, WATCH)).pages.state;
}
