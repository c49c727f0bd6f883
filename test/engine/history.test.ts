/**
 * Goal: what the engine remembers survives a restart and a SIGKILL, is never a reason not to start, and is as true as the clock lets it be.
 * Method: the keeper on real files with a clock of the test's own; a real `headgate run` that is killed.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HistoryBands, PAST_BANDS_MAX } from '../../main/engine/history-bands.ts';
import { DAMAGED_HISTORY_FILE, HISTORY_FILE, readHistory } from '../../main/engine/history-file.ts';
import { HistoryKeeper, SAVE_INTERVAL_MS } from '../../main/engine/history-keeper.ts';
import { PAST_ALERTS_MAX } from '../../main/telemetry/alert-history.ts';
import type { Logger } from '../../main/telemetry/logger.ts';
import { silentLogger } from '../../main/telemetry/logger.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../shared/units.ts';
import { EngineProcess } from '../e2e/engine-process.ts';
import { until } from '../rig/until.ts';
import { channelStatus, sinkStatus, sourceStatus, statusOf } from '../telemetry/status-fixture.ts';
import { FileGateway, SINK } from './file-gateway.ts';

vi.setConfig({ testTimeout: 120_000 });

const START_MS = Date.UTC(2026, 5, 1);
const PAUSED = { by: 'joe', why: 'maintenance', atMs: START_MS };

let stateDir: string;
let nowMs: number;
let steadyMs: number;
let logged: string[];
const clock = { nowMs: () => nowMs, steadyMs: () => steadyMs, sleep: () => Promise.resolve() };
const log: Logger = { ...silentLogger, warn: (message) => void logged.push(message) };

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'headgate-history-'));
  nowMs = START_MS;
  steadyMs = 0;
  logged = [];
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

const open = () => HistoryKeeper.open({ stateDir, clock, log });
const path = () => join(stateDir, HISTORY_FILE);
const saved = () => (existsSync(path()) ? statSync(path(), { bigint: true }).mtimeNs : 0n);
const written = (keeper: HistoryKeeper, before: bigint) =>
  until('the file is written', () => !keeper.isSaving && saved() !== before && saved());

interface Seen extends Partial<EngineStatus> {
  readonly events: number;
}

/** One look, `ms` after the one before. */
function look(keeper: HistoryKeeper, ms: number, { events, ...changes }: Seen): void {
  nowMs += ms;
  steadyMs += ms;
  keeper.look(
    statusOf({ nowMs, sources: [sourceStatus({ events })], sinks: [sinkStatus({ events: 0 })], ...changes }),
  );
}

function rates(keeper: HistoryKeeper, rangeMs = HOUR_MS): number[] {
  const answer = keeper.answer({ fromMs: nowMs - rangeMs, toMs: nowMs, points: 721 });
  return answer.series['intake.events'].filter((rate) => rate !== null);
}

function bands(keeper: HistoryKeeper, rangeMs = HOUR_MS): string[] {
  return keeper
    .answer({ fromMs: nowMs - rangeMs, toMs: nowMs, points: 10 })
    .bands.map(
      ({ kind, place, fromMs, toMs }) =>
        `${kind} ${place} ${fromMs - START_MS}-${toMs === undefined ? '' : toMs - START_MS}`,
    );
}

describe('the history', () => {
  test('of an engine that was stopped goes on after its restart, with the time between as a band', async () => {
    const first = await open();
    for (let at = 1; at <= 60; at++) look(first, SECOND_MS, { events: at * 10 });
    await first.close();
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    nowMs += 5 * MINUTE_MS;
    const second = await open();
    expect(bands(second)).toEqual([`down engine 60000-${60_000 + 5 * MINUTE_MS}`]);
    expect(second.answer({ fromMs: 0, toMs: nowMs, points: 9 }).bands[0]).toMatchObject({ level: 'info' });
    expect(rates(second)).toHaveLength(12);
    for (const rate of rates(second)) expect(rate).toBeCloseTo(10);
    // Counters begin at zero again; what they had before does not count twice.
    for (let at = 1; at <= 10; at++) look(second, SECOND_MS, { events: at * 10 });
    for (const rate of rates(second)) expect(rate).toBeCloseTo(10);
    expect(rates(second)).toHaveLength(14);
    expect(logged).toEqual([]);
    await second.close();
  });

  test('is written once a minute, and within seconds after a pause or an alert', async () => {
    const keeper = await open();
    look(keeper, SECOND_MS, { events: 0 });
    let last = await written(keeper, 0n);
    const writtenAt: number[] = [];
    for (let at = 2; at <= 200; at++) {
      const sinks = [sinkStatus({ events: 0, ...(at >= 90 ? { paused: PAUSED } : {}) })];
      const before = saved();
      look(keeper, SECOND_MS, { events: 0, sinks });
      if ([61, 90, 150].includes(at)) await written(keeper, before);
      if (saved() === last) continue;
      last = saved();
      writtenAt.push(at);
    }
    expect(writtenAt).toEqual([61, 90, 150]);
    await keeper.close();
  });

  test('that lost its last minute to a SIGKILL says when the engine was seen last, and ends its alerts there', async () => {
    const killed = await open();
    look(killed, SECOND_MS, { events: 100 });
    await written(killed, 0n);
    const alert = {
      id: 'disk:d',
      code: 'disk',
      level: 'error',
      place: 'd',
      message: 'full',
      count: 1,
    } as const;
    killed.alertChanged({ ...alert, sinceMs: nowMs });
    const paused = [sinkStatus({ events: 0, paused: PAUSED })];
    const before = saved();
    look(killed, SAVE_INTERVAL_MS, { events: 100, sinks: paused });
    await written(killed, before);
    look(killed, 3 * SECOND_MS, { events: 900 });
    nowMs += HOUR_MS / 2;
    const next = await open();
    expect(bands(next)).toEqual([
      'paused beijing 0-',
      'alert d 1000-61000',
      `down engine 61000-${64_000 + HOUR_MS / 2}`,
    ]);
    expect(next.pastAlerts(10)).toEqual([
      { ...alert, sinceMs: START_MS + 1000, clearedMs: START_MS + 61_000 },
    ]);
    // The switch holds over a restart; once it is off, so does the band.
    look(next, SECOND_MS, { events: 0, sinks: paused });
    expect(bands(next)[0]).toBe('paused beijing 0-');
    look(next, SECOND_MS, { events: 0 });
    expect(bands(next)[0]).toBe(`paused beijing 0-${nowMs - START_MS}`);
    await next.close();
  });

  test('that is damaged, foreign, or cut off is set aside, and begins anew', async () => {
    const first = await open();
    look(first, SECOND_MS, { events: 100 });
    await first.close();
    const whole = readFileSync(path());
    const flipped = Buffer.from(whole);
    flipped.writeUInt8(flipped.readUInt8(whole.length - 9) ^ 1, whole.length - 9);
    const older = Buffer.from(whole.toString('latin1').replace('"version":1', '"version":9'), 'latin1');
    for (const content of [
      flipped,
      older,
      whole.subarray(0, 150),
      Buffer.alloc(0),
      Buffer.from('{"a":1}\n'),
    ]) {
      logged = [];
      writeFileSync(path(), content);
      const next = await open();
      expect(logged).toEqual(['the history could not be read and begins anew']);
      expect(readFileSync(join(stateDir, DAMAGED_HISTORY_FILE))).toEqual(content);
      expect(rates(next)).toEqual([]);
      look(next, SECOND_MS, { events: 50 });
      await next.close();
    }
    writeFileSync(path(), whole);
    truncateSync(path(), 1024 * 1024 * 1024);
    await open();
    expect(logged).toHaveLength(2);
    writeFileSync(path(), whole);
    expect(rates(await open())).toHaveLength(1);
  });

  test('any bytes in its place keep no engine from starting', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        writeFileSync(path(), bytes);
        const keeper = await open();
        expect(rates(keeper)).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  test('that can’t be written goes on in memory, says so once, and is written again when it can be', async () => {
    const keeper = await open();
    mkdirSync(`${path()}.new/in-the-way`, { recursive: true });
    for (let at = 1; at <= 3; at++) {
      const fault = keeper.fault;
      look(keeper, SAVE_INTERVAL_MS, { events: at * 60 });
      await until('the failure is known', () => !keeper.isSaving && keeper.fault !== fault);
    }
    expect(logged).toEqual(['the history could not be written; it goes on in memory']);
    expect(keeper.fault).toMatchObject({ code: 'io-error', place: path() });
    expect(rates(keeper).every((rate) => Math.abs(rate - 1) < 1e-6)).toBe(true);
    rmSync(`${path()}.new`, { recursive: true });
    look(keeper, SAVE_INTERVAL_MS, { events: 240 });
    await until('it is written', () => !keeper.isSaving && keeper.fault === undefined);
    expect(rates(await open())).toHaveLength(48);
  });

  test('of a clock that is set back or ahead keeps its sums and rates, and no band ends before it begins', async () => {
    const keeper = await open();
    const alert = { id: 'x:p', code: 'x', level: 'warn', place: 'p', message: 'm', count: 1 } as const;
    for (let at = 1; at <= 30; at++) look(keeper, SECOND_MS, { events: at * 10 });
    keeper.alertChanged({ ...alert, sinceMs: nowMs });
    nowMs -= 10 * MINUTE_MS;
    for (let at = 31; at <= 60; at++) look(keeper, SECOND_MS, { events: at * 10 });
    keeper.alertChanged({ ...alert, sinceMs: START_MS + 30_000, clearedMs: nowMs });
    nowMs += 2 * HOUR_MS;
    for (let at = 61; at <= 90; at++) look(keeper, SECOND_MS, { events: at * 10 });
    for (const rate of rates(keeper, 24 * HOUR_MS)) expect(rate).toBeCloseTo(10);
    expect(bands(keeper, 24 * HOUR_MS)).toEqual(['alert p 30000-30000']);
    await keeper.close();
    nowMs -= 24 * HOUR_MS;
    const earlier = await open();
    expect(earlier.answer({ fromMs: 0, toMs: nowMs, points: 9 }).bands.map(({ kind }) => kind)).toEqual([]);
    look(earlier, SECOND_MS, { events: 10 });
    expect(rates(earlier)).toEqual([expect.closeTo(10)]);
    await earlier.close();
  });

  test('adds up sources and sinks that come and go', async () => {
    const keeper = await open();
    const two = (a: number, b: number | undefined): Partial<EngineStatus> => ({
      sources: [
        sourceStatus({ name: 'a', events: a, lag: 4 }),
        ...(b === undefined ? [] : [sourceStatus({ name: 'b', events: b, lag: 3 })]),
      ],
      channels: [channelStatus({ events: 7 }), channelStatus({ name: 'c2', events: 5 })],
    });
    const counts: readonly (readonly [number, number | undefined])[] = [
      [5, 5],
      [10, 10],
      [20, undefined],
      // A new source under an old name begins at zero.
      [30, 8],
      [0, 18],
    ];
    for (const [a, b] of counts) look(keeper, 5 * SECOND_MS, { events: 0, ...two(a, b) });
    expect(rates(keeper).map((rate) => Math.round(rate * 5))).toEqual([10, 10, 10, 18, 10]);
    const { series } = keeper.answer({ fromMs: nowMs - MINUTE_MS, toMs: nowMs, points: 100 });
    expect(series['backlog.events'].findLast((value) => value !== null)).toBe(12);
    expect(series.lag.findLast((value) => value !== null)).toBe(7);
    await keeper.close();
  });

  test('holds a bounded number of alerts and bands, and a fluttering alert is one band', async () => {
    const keeper = await open();
    for (let at = 0; at < PAST_ALERTS_MAX + 200; at++) {
      nowMs += 5 * MINUTE_MS;
      const alert = { code: 'gap', level: 'error', place: `p${at}`, message: 'm'.repeat(2_000) } as const;
      keeper.alertChanged({ ...alert, id: `gap:p${at}`, sinceMs: nowMs, count: 1 });
      keeper.alertChanged({ ...alert, id: `gap:p${at}`, sinceMs: nowMs, clearedMs: nowMs, count: 1 });
    }
    expect(keeper.pastAlerts(100_000)).toHaveLength(PAST_ALERTS_MAX);
    expect(keeper.pastAlerts(1)[0]?.place).toBe(`p${PAST_ALERTS_MAX + 199}`);
    expect(keeper.answer({ fromMs: 0, toMs: nowMs, points: 2 }).bands).toHaveLength(PAST_BANDS_MAX);
    await keeper.close();
    expect((await open()).pastAlerts(100_000)).toHaveLength(PAST_ALERTS_MAX);
    const fluttering = new HistoryBands();
    for (let at = 0; at < 1_000; at++) {
      fluttering.open('k', { kind: 'alert', level: 'warn', place: 'p', text: 't', fromMs: at * 20_000 });
      fluttering.close('k', at * 20_000 + 5_000);
    }
    expect(fluttering.within(0, Infinity)).toEqual([
      { kind: 'alert', level: 'warn', place: 'p', text: 't', fromMs: 0, toMs: 999 * 20_000 + 5_000 },
    ]);
  });
});

describe('a real engine', () => {
  test('that is killed by SIGKILL shows its history after the restart: what flowed, the pause, the time it was down', async () => {
    // Nothing lands before its file is closed, so the backlog stands when the next look at it is taken.
    await using gateway = new FileGateway({ sink: { idleTimeout: '1h' } });
    const run = { configFile: gateway.configFile, stateDir: gateway.stateDir };
    const first = new EngineProcess(run);
    await first.ready();
    gateway.write(500);
    await until(
      'they are in',
      async () => (await first.client.call('status', {})).sources[0]?.events === 500,
    );
    const beforePause = await until('the first writing', () =>
      statSync(join(gateway.stateDir, HISTORY_FILE), { throwIfNoEntry: false }),
    );
    const fromMs = beforePause.mtimeMs - HOUR_MS;
    const ask = (engine: EngineProcess) =>
      engine.client.call('history', { fromMs, toMs: fromMs + 2 * HOUR_MS, points: 2_000 });
    const flowed = await until('it is in the series', async () => {
      const { series, stepMs } = await ask(first);
      const sum = series['intake.events'].reduce<number>((all, rate) => all + (rate ?? 0), 0);
      return sum > 0 && series['backlog.events'].includes(500) ? { series, stepMs } : undefined;
    });
    expect(flowed.stepMs).toBe(5_000);
    await first.client.call('pause', { sink: SINK, by: 'joe', why: 'maintenance' });
    // A kill takes what was not written yet; the pause is written within seconds.
    await until('the pause is written', async () => {
      const kept = await readHistory(gateway.stateDir);
      return kept?.bands.some(({ kind }) => kind === 'paused') === true;
    });
    await first.kill();
    const second = new EngineProcess(run);
    await second.ready();
    const { series, bands: found, timesMs } = await ask(second);
    expect(timesMs.length).toBeGreaterThan(700);
    expect(Math.max(...series['intake.events'].map((rate) => rate ?? 0))).toBeGreaterThan(0);
    expect(Math.max(...series['backlog.events'].map((value) => value ?? 0))).toBe(500);
    expect(found.find(({ kind }) => kind === 'paused')).toMatchObject({
      place: SINK,
      text: 'joe: maintenance',
    });
    expect(found.find(({ kind }) => kind === 'paused')?.toMs).toBeUndefined();
    expect(found.find(({ kind }) => kind === 'down')).toMatchObject({ level: 'error' });
    await second.stop();
  });
});
