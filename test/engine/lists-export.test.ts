/**
 * Goal: an export is byte for byte what lands, and nothing of it stays when it is cancelled or the disk has no room for it; each row of the
 * backlog says what it waits for; one directory can be landed alone.
 * Method: the whole engine with files in and a directory out; the job desk over a real channel, with a free-disk probe of the test's own.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { exportBacklog, type BacklogExport } from '../../main/engine/backlog-export.ts';
import { JobDesk } from '../../main/engine/desks/job-desk.ts';
import type { EngineQueries } from '../../main/engine/engine-queries.ts';
import { startQueries } from '../../main/engine/query-link.ts';
import { keyStanding, type StandingFacts } from '../../main/landing/key-standing.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import type { Output } from '../../shared/contract/control.ts';
import type { Job } from '../../shared/contract/control-job.ts';
import { toErrorReport } from '../../shared/errors.ts';
import { openWriter, putOf, tenureStart, TestDirectory } from '../channel/channel-fixture.ts';
import { LandingWorld, ROLL } from '../landing/landing-world.ts';
import { until } from '../rig/until.ts';
import { FileGateway } from './file-gateway.ts';

vi.setConfig({ testTimeout: 120_000 });

type BacklogRow = Output<'backlogList'>['rows'][number];

async function rowsOf(
  gateway: FileGateway,
  what: string,
  isSo: (rows: BacklogRow[]) => boolean,
): Promise<BacklogRow[]> {
  return until(what, async () => {
    const { rows } = await gateway.client.call('backlogList', { sort: 'directory' });
    return isSo(rows) ? rows : undefined;
  });
}

async function endOf(gateway: FileGateway, id: string): Promise<Job> {
  return until('the job is over', async () => {
    const { jobs } = await gateway.client.call('jobs', {});
    return jobs.find((job) => job.id === id && job.state !== 'running');
  });
}

async function fileOf(gateway: FileGateway, id: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let offset: number | undefined = 0; offset !== undefined;) {
    const part: Output<'jobFile'> = await gateway.client.call('jobFile', { id, offset });
    parts.push(Buffer.from(part.base64, 'base64'));
    offset = part.next;
  }
  return Buffer.concat(parts);
}

test('rows say what they wait for, an export is what lands, and one directory lands alone', async () => {
  await using gateway = new FileGateway({ sink: { idleTimeout: '1h' } });
  await gateway.start();
  await gateway.client.call('pause', { by: 'anna', why: 'maintenance' });
  gateway.write(3_000, 'a.log', ' é'.repeat(40));
  gateway.write(500, 'b.log');
  const has = (state: string) => (rows: BacklogRow[]) =>
    rows.reduce((sum, { events }) => sum + events, 0) === 3_500 && rows.every((row) => row.state === state);
  const rows = await rowsOf(gateway, 'all wait, paused', has('paused'));
  expect(rows.map(({ cause }) => cause)).toEqual(Array(2).fill('Writing was paused by anna: maintenance.'));

  const { jobId } = await gateway.client.call('backlogExportStart', {
    landingKeyIds: rows.map(({ id }) => id),
    by: 'anna',
  });
  const job = await endOf(gateway, jobId);
  expect(job).toMatchObject({ state: 'done', kind: 'export', by: 'anna', title: 'export 2 directories' });
  expect(job.summary).toMatch(/^3[,.\s]?500 events/);
  expect(job.progress.done).toBe(job.file?.bytes);
  const path = join(gateway.stateDir, 'jobs', jobId, job.file?.name ?? '');
  expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
  const copy = await fileOf(gateway, jobId);

  await gateway.client.call('resume', { by: 'anna' });
  await rowsOf(gateway, 'all collect', has('collecting'));
  expect(await gateway.client.call('landNow', { landingKeyId: rows[1]?.id })).toEqual({ keys: 1 });
  await rowsOf(gateway, 'one has landed', (left) => left.length === 1 && left[0]?.id === rows[0]?.id);
  expect(await gateway.client.call('landNow', { landingKeyId: rows[1]?.id }), 'it is gone').toEqual({
    keys: 0,
  });
  expect((await gateway.client.call('backlogList', {})).rows[0]?.state).toBe('collecting');
  await gateway.allLanded();
  const landed = rows.map(({ directory }) =>
    gateway
      .landedFiles()
      .filter((file) => file.startsWith(`${directory}/`))
      .map((file) => readFileSync(file)),
  );
  expect(copy.equals(Buffer.concat(landed.flat())), 'the copy and what landed').toBe(true);
  const again = await gateway.client.call('backlogExportStart', {
    landingKeyIds: [rows[0]?.id ?? 0],
    by: 'anna',
  });
  expect(await endOf(gateway, again.jobId)).toMatchObject({ state: 'failed', error: { code: 'usage' } });
});

test('a row whose files have something in their way says what', async () => {
  await using gateway = new FileGateway({ sink: { idleTimeout: '100ms' } });
  writeFileSync(gateway.output, 'a file where a directory should be');
  gateway.write(10);
  await gateway.start();
  const [row] = await rowsOf(gateway, 'it waits', (rows) => rows[0]?.state === 'waiting');
  expect(row?.cause).toMatch(/\w/);
});

describe('a landing key', () => {
  const why = toErrorReport(new Error('no right to write there'));
  const gate = { failures: 1, nextTryMs: 5, why: toErrorReport(new Error('no NameNode')) };
  const facts: StandingFacts = {
    landingKeyId: 1,
    files: [],
    schedule: 'rolling',
    gate: undefined,
    isPaused: false,
  };
  const cases: [string, Partial<StandingFacts>, string, string | undefined][] = [
    ['gathers', {}, 'collecting', undefined],
    ['gathers while the target is away', { gate }, 'collecting', undefined],
    ['just came in', { schedule: undefined }, 'collecting', undefined],
    ['is in the queue', { schedule: 'due' }, 'due', undefined],
    ['has a file in the queue', { files: [{ state: 'waiting', why: undefined }] }, 'due', undefined],
    ['is due while the target is away', { schedule: 'due', gate }, 'waiting', gate.why.message],
    [
      'is not accepted',
      { schedule: 'accepting' },
      'waiting',
      'Its events are not accepted yet: their commit in Kafka is still to come.',
    ],
    [
      'has a file that failed',
      { schedule: 'blocked', files: [{ state: 'waiting', why }] },
      'waiting',
      why.message,
    ],
    ['is uploaded', { files: [{ state: 'running', why }] }, 'landing', undefined],
    [
      'is uploaded while it is paused',
      { files: [{ state: 'running', why: undefined }], isPaused: true },
      'landing',
      undefined,
    ],
    ['is due while it is paused', { schedule: 'due', isPaused: true, gate }, 'paused', undefined],
    [
      'has a held file, whatever else moves',
      {
        files: [
          { state: 'running', why: undefined },
          { state: 'held', why },
        ],
        isPaused: true,
      },
      'held',
      why.message,
    ],
  ];
  test.each(cases)('that %s', (_, change, state, cause) => {
    const told = keyStanding({ ...facts, ...change });
    expect([told.state, told.why]).toEqual([state, cause]);
  });

  test('that somebody asked for lands alone, and what comes in for it afterwards collects again', async () => {
    const world = new LandingWorld();
    for (const id of [1, 2]) {
      world.store.addKey(id);
      world.store.put(id);
    }
    const life = world.live({ roll: { ...ROLL, idleMs: 3_600_000 } });
    const standings = () => life.lander.keyStandings([1, 2, 9]).map(({ state }) => state);
    await world.clock.until(() => life.lander.status().keyCount === 2);
    expect(standings()).toEqual(['collecting', 'collecting', 'collecting']);
    life.lander.landNow(2);
    expect(await world.clock.until(() => world.store.ledger.length === 1, 60_000)).toBe(true);
    expect(world.store.ledger.map(({ plan }) => plan.landingKeyId)).toEqual([2]);
    world.clock.advance(1);
    world.store.put(2);
    expect(await world.clock.until(() => world.store.ledger.length > 1, 60_000)).toBe(false);
    await world.stop(life);
  });
});

describe('an export', () => {
  interface Bench extends AsyncDisposable {
    readonly jobs: JobDesk;
    readonly queries: EngineQueries;
    readonly folder: string;
    job(): Job | undefined;
    start(change?: Partial<BacklogExport>): string;
    ended(): Promise<Job>;
  }

  async function bench(): Promise<Bench> {
    const directory = new TestDirectory();
    const writer = openWriter(directory.path);
    await writer.perform('beginTenure', tenureStart('t', 0));
    for (let at = 0; at < 20; at++)
      await writer.perform('put', putOf({ tenure: 't', first: at * 10, next: at * 10 + 10 }));
    const queries = await startQueries({
      ...{ stateDir: directory.path, gatewayId: 'gw', targets: () => ({}), clock: systemClock },
    });
    let last: Job | undefined;
    const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    const jobs = new JobDesk({
      ...{ stateDir: directory.path, clock: systemClock, log: quiet, publish: (job: Job) => (last = job) },
    });
    return {
      jobs,
      queries,
      folder: join(directory.path, 'jobs'),
      job: () => last,
      start: (change) =>
        jobs.start({ kind: 'export', title: 'export', by: 'anna' }, (run) =>
          exportBacklog(run, {
            landingKeyIds: [1],
            queries: () => queries,
            nowMs: 0,
            minFreeDiskBytes: 0,
            ...change,
          }),
        ),
      ended: () => until('the job is over', () => (last?.state === 'running' ? undefined : last)),
      [Symbol.asyncDispose]: async () => {
        await jobs.close();
        await queries.close();
        writer.close();
        directory[Symbol.dispose]();
      },
    };
  }

  test('that is cancelled in the middle leaves no file', async () => {
    await using site = await bench();
    const { jobs, queries } = site;
    let copied = 0;
    const cancelling: Pick<EngineQueries, 'exportSize' | 'exportedChunk'> = {
      exportSize: (ids) => queries.exportSize(ids),
      exportedChunk: async (input) => {
        if (++copied === 5) {
          expect(existsSync(join(site.folder, id, 'backlog-19700101T000000Z.txt'))).toBe(true);
          await jobs.jobCancel({ id });
        }
        return queries.exportedChunk(input);
      },
    };
    const id = site.start({ queries: () => cancelling });
    expect((await site.ended()).state).toBe('cancelled');
    expect(copied).toBe(5);
    await until('its folder is gone', () => !existsSync(join(site.folder, id)));
  });

  test('that the disk has no room for is not begun', async () => {
    await using site = await bench();
    const id = site.start({ minFreeDiskBytes: 1_000, freeDiskBytes: async () => 1_500 });
    const job = await site.ended();
    expect(job).toMatchObject({ state: 'failed', error: { code: 'disk-full' } });
    expect(job.error?.message).toMatch(/minFreeDiskBytes/);
    await until('its folder is gone', () => !existsSync(join(site.folder, id)));
  });

  test('takes nothing that came in after its start', async () => {
    await using site = await bench();
    const { queries } = site;
    const size = await queries.exportSize([1, 1, 99]);
    expect(size).toMatchObject({ keys: 1, events: 200 });
    const half = { ...size, lastChunkId: size.lastChunkId - 10 };
    site.start({
      queries: () => ({
        exportSize: async () => half,
        exportedChunk: (input) => queries.exportedChunk(input),
      }),
    });
    expect((await site.ended()).summary).toMatch(/^100 events.*; 100 more landed meanwhile$/);
  });
});
