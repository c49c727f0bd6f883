/**
 * Goal: an operator finds damage, saves what is good and has the rest pulled again, with the engine running or stopped, and gives nothing up by
 * a slip of the finger. Method: a real engine process on files and a directory; its database is damaged while it is stopped; the tests
 * follow one another.
 */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { channelCheck, channelExport, channelRepair } from '../../shared/contract/control-channel.ts';
import { openForReading } from '../../main/channel/channel-database.ts';
import { damageChunks } from '../e2e/damaged-chunks.ts';
import type { EngineProcess } from '../e2e/engine-process.ts';
import { until } from '../rig/until.ts';
import { headgate } from './command-line.ts';
import { accessLine, appendLines, makeSite, removeSite, startEngineOf, type Site } from './site.ts';

vi.setConfig({ testTimeout: 120_000 });

const ROUNDS = 6;
const LINES = 40;
let site: Site;
let engine: EngineProcess;

beforeAll(async () => {
  site = await makeSite();
  engine = await startEngineOf(site);
  for (let round = 0; round < ROUNDS; round++) {
    const lines = Array.from({ length: LINES }, (_, at) => accessLine(round * LINES + at, 8 + (at % 2)));
    await appendLines(site, 'www', lines);
    await until('they are in the channel', async () => (await events()) === (round + 1) * LINES);
  }
}, 120_000);
afterAll(async () => {
  await engine.kill();
  await removeSite(site);
});

async function events(): Promise<number> {
  return (await engine.client.call('status', {})).channels[0]?.events ?? 0;
}
const ask = (...argv: string[]) => headgate('channel', ...argv, '-d', site.stateDir);
const away = () => join(site.input, 'www.away');

test('a running engine’s sound channel is called sound', async () => {
  const { status, stdout } = await ask('check');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^sound: .*channel\.sqlite/);
  expect(stdout).toContain('240 events match their checksums, and nothing is to be pulled again.');
  expect((await ask('repair')).stdout).toBe('Nothing is damaged, nothing was changed.\n');
});

test('on a stopped engine damaged chunks are named with their offsets, and the exit status says so', async () => {
  await engine.stop();
  const damaged = damageChunks(site.stateDir, 4);
  const { status, stdout } = await ask('check', '--json');
  expect(status).toBe(1);
  const check = channelCheck.parse(JSON.parse(stdout));
  expect(check).toMatchObject({ verdict: 'damaged', pages: { state: 'sound' } });
  expect(check.damaged.map(({ id, events: count }) => [id, count])).toEqual(
    damaged.map((one) => [one.id, one.events]),
  );
  const text = await ask('check');
  expect(text.stdout).toContain('its body does not match its CRC-32C');
  expect(text.stdout).toContain('`headgate channel repair` sets them aside');
});

test('export writes the good events into files, of a running engine too, and damaged bodies when asked', async () => {
  const to = join(site.directory, 'rescue');
  const { status, stdout } = await ask('export', '--to', to, '--damaged', '--json');
  expect(status).toBe(0);
  const done = channelExport.parse(JSON.parse(stdout));
  const check = channelCheck.parse(JSON.parse((await ask('check', '--json')).stdout));
  const lost = check.damaged.reduce((sum, one) => sum + one.events, 0);
  expect(done).toMatchObject({ events: ROUNDS * LINES - lost, damagedBodies: check.damaged.length });
  const files = readdirSync(to, { recursive: true, withFileTypes: true }).filter((one) =>
    one.name.endsWith('.log'),
  );
  const lines = files.flatMap((one) =>
    readFileSync(join(one.parentPath, one.name), 'utf8').trim().split('\n'),
  );
  expect(new Set(lines).size).toBe(done.events);
  expect((await ask('export', '--to', to)).status).toBe(2);
});

test('nothing is given up without --yes, and what is given up is a gap', async () => {
  const { damaged } = channelCheck.parse(JSON.parse((await ask('check', '--json')).stdout));
  const [one] = damaged;
  const skip = ['skip', '--chunk', String(one?.id), '--why', 'disk died'];
  expect((await ask(...skip)).status).toBe(2);
  expect((await ask('skip', '--why', 'x', '--yes')).status).toBe(2);
  expect((await ask(...skip, '--yes')).stdout).toBe(
    `${one?.events} offsets are a gap now; \`headgate audit\` lists them\n`,
  );
  const again = channelCheck.parse(JSON.parse((await ask('check', '--json')).stdout));
  expect(again.damaged.length).toBe(damaged.length - 1);
});

test('repair sets the others aside; while their source is away they are claims, and can be given up one by one', async () => {
  const { stdout } = await ask('repair', '--json');
  const done = channelRepair.parse(JSON.parse(stdout));
  expect(done).toMatchObject({ isRepaired: true });
  expect(done.salvage).toBeUndefined();
  renameSync(join(site.input, 'www.log'), away());
  engine = await startEngineOf(site);
  const check = channelCheck.parse(JSON.parse((await ask('check', '--json')).stdout));
  expect(check).toMatchObject({ verdict: 'sound', damaged: [] });
  expect(check.claims.length).toBe(done.setAside);
  const [claim] = check.claims;
  const { stdout: text } = await ask('skip', '--claim', String(claim?.id), '--why', 'no use', '--yes');
  expect(text).toContain(`${claim?.events} offsets are a gap now`);
  const to = join(site.directory, 'rescue-2');
  expect((await ask('export', '--to', to, '--json')).status).toBe(0);
});

test('a database with damaged pages is written anew, the old one is kept, and everything else lands once', async () => {
  await engine.stop();
  const file = join(site.stateDir, 'channel.sqlite');
  const db = openForReading(file);
  const pages = db
    .prepare<[], number>("SELECT pageno FROM dbstat WHERE name = 'chunks_by_partition' AND pagetype = 'leaf'")
    .pluck()
    .all();
  const [bodyPage = 0] = db
    .prepare<[], number>("SELECT pageno FROM dbstat WHERE name = 'chunk_bodies' AND pagetype = 'leaf'")
    .pluck()
    .all();
  db.close();
  const descriptor = openSync(file, 'r+');
  for (const page of [pages[0] ?? 0, bodyPage])
    writeSync(descriptor, Buffer.alloc(900, 0xa5), 0, 900, (page - 1) * 16_384);
  closeSync(descriptor);
  const broken = await ask('check');
  expect(broken.status).toBe(1);
  expect(broken.stdout).toContain(
    'saves everything that can be read into a new database and keeps the old one',
  );
  expect(broken.stdout).toMatch(/(the list|the bodies) of chunks/);
  const { status, stdout, stderr } = await ask('repair', '--json');
  expect(status, stderr).toBe(0);
  const done = channelRepair.parse(JSON.parse(stdout));
  expect(existsSync(done.salvage?.keptFile ?? '')).toBe(true);
  expect((await ask('check', '--json')).status).toBe(0);
  renameSync(away(), join(site.input, 'www.log'));
  engine = await startEngineOf(site);
  await engine.client.call('resume', { by: 'test' });
  const { status: verdict, stdout: said } = await headgate('audit', '-d', site.stateDir, '--json');
  expect(verdict, said).toBe(0);
  await until('nothing is claimed and nothing waits', async () => {
    const { channels } = await engine.client.call('status', {});
    return channels[0]?.claims === undefined && channels[0]?.events === 0;
  });
  const landed = readdirSync(site.output, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile() && one.name.endsWith('.log') && !one.name.startsWith('.'))
    .flatMap((one) => readFileSync(join(one.parentPath, one.name), 'utf8').trim().split('\n'));
  expect(new Set(landed).size, 'each line once').toBe(landed.length);
  const report = JSON.parse((await headgate('audit', '-d', site.stateDir, '--json')).stdout) as {
    verdict: string;
    coverage: { landed: number; gap: number }[];
    gaps: { from: number; to: number; reason: string }[];
  };
  expect(report.verdict).toBe('clean');
  const sum = (name: 'landed' | 'gap') => report.coverage.reduce((total, row) => total + row[name], 0);
  expect(sum('landed')).toBe(landed.length);
  expect(sum('landed') + sum('gap')).toBe(ROUNDS * LINES);
  expect(
    report.gaps.reduce((total, { from, to }) => total + to - from, 0),
    'each gap is listed',
  ).toBe(sum('gap'));
});

test('a directory without a channel is no engine, and a foreign one is refused', async () => {
  const { status, stderr } = await headgate('channel', 'check', '-d', join(site.directory, 'nobody'));
  expect(status).toBe(3);
  expect(stderr).toContain('there is no channel in that directory');
});
