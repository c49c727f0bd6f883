/**
 * Goal: what operators are told is told once, without secrets, and within bounds. Method: the real logger on a file, boards and
 * meters with a clock of the test's own.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACTIVE_ALERTS_MAX, AlertBoard } from '../../main/telemetry/alert-board.ts';
import { CRASH_POINTS, parseCrashOrder } from '../../main/telemetry/crash-point.ts';
import { createConsoleLogger } from '../../main/cli/console-logger.ts';
import { createLogger, listenedLogger, type LogFields } from '../../main/telemetry/logger.ts';
import { RATE_POINTS_MAX, RateMeter } from '../../main/telemetry/rate-meter.ts';
import type { Alert } from '../../shared/contract/control-status.ts';
import { GatewayError } from '../../shared/errors.ts';

describe('the log', () => {
  let folder: string;
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'headgate-log-'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  function written(message: string, fields: LogFields, name: string): Record<string, unknown> {
    const descriptor = openSync(join(folder, name), 'w');
    createLogger({ level: 'info', nowMs: () => 0, destination: descriptor }).info(message, fields);
    closeSync(descriptor);
    const text = readFileSync(join(folder, name), 'utf8');
    expect(text.split('\n').length).toBe(2);
    return JSON.parse(text) as Record<string, unknown>;
  }

  test('is one JSON object a line, with time and level', () => {
    expect(written('engine started\nsecond line', { gateway: 'gw-1' }, 'plain')).toEqual({
      level: 'info',
      time: '1970-01-01T00:00:00.000Z',
      gateway: 'gw-1',
      msg: 'engine started\nsecond line',
    });
  });

  test('shows no secret: by its key at any depth, or by its shape in any text', () => {
    const secret = 'hunter2hunter2';
    const line = written(
      `sent password=${secret} to http://joe:${secret}@nn1:9870/`,
      {
        password: secret,
        sasl: { username: 'joe', password: secret, deep: [{ authToken: secret }] },
        url: `https://joe:${secret}@nn1/`,
        error: new GatewayError({
          code: 'auth-failed',
          operation: 'log in',
          place: `kafka://joe:${secret}@k1`,
          message: `refused secret=${secret}`,
          retry: 'never',
          hint: '',
        }),
      },
      'secrets',
    );
    expect(JSON.stringify(line)).not.toContain(secret);
    expect(line['sasl']).toMatchObject({ username: 'joe', password: '…' });
    expect(line['error']).toMatchObject({ code: 'auth-failed' });
  });

  test('bounds what a field may bring: a cycle, a large buffer, a long list', () => {
    const cycle: Record<string, unknown> = { name: 'a' };
    cycle['self'] = cycle;
    const line = written(
      'odd',
      { cycle, body: Buffer.alloc(5000), list: Array.from({ length: 5000 }) },
      'odd',
    );
    expect(line['body']).toBe('5000 bytes');
    expect(JSON.stringify(line).length).toBeLessThan(10_000);
  });

  test('of either form is heard line by line, clean of secrets, and not below its level', () => {
    const descriptor = openSync(join(folder, 'listener'), 'w');
    const forms = [
      createLogger({ level: 'warn', nowMs: () => 0, destination: descriptor }),
      createConsoleLogger({ level: 'warn', nowMs: () => 0, write: () => undefined }),
    ];
    for (const form of forms) {
      const seen: unknown[] = [];
      const log = listenedLogger(
        form,
        () => 5,
        (line) => void seen.push(line),
      );
      log.info('not heard');
      log.warn('heard of http://joe:hunter2@nn1/', { token: 'abc', deep: { note: 'password=hunter2' } });
      const fields = { token: '…', deep: { note: 'password=***' } };
      expect(seen).toEqual([{ atMs: 5, level: 'warn', message: 'heard of http://joe:***@nn1/', fields }]);
      expect(JSON.stringify(seen)).not.toContain('hunter2');
    }
    closeSync(descriptor);
    const file = readFileSync(join(folder, 'listener'), 'utf8');
    expect(file).toContain('"msg":"heard of http://joe:***@nn1/"');
    expect(file).not.toContain('hunter2');
  });
});

describe('the alert board', () => {
  const told: Alert[] = [];
  let nowMs = 100;
  const board = () => {
    told.length = 0;
    nowMs = 100;
    return new AlertBoard(
      () => nowMs,
      (alert) => void told.push(alert),
    );
  };
  const raised = { code: 'disk', level: 'error', place: 'disk', message: 'full', hint: 'make room' } as const;

  test('an alert is raised once, counted while it lasts, and cleared once', () => {
    const alerts = board();
    alerts.set(true, raised);
    nowMs = 200;
    alerts.set(true, { ...raised, message: 'fuller' });
    expect(alerts.list()).toMatchObject([{ id: 'disk:disk', sinceMs: 100, count: 2, message: 'fuller' }]);
    alerts.set(false, raised);
    alerts.set(false, raised);
    expect(told.map(({ clearedMs }) => clearedMs)).toEqual([undefined, 200]);
    expect(alerts.list()).toMatchObject([{ clearedMs: 200 }]);
  });

  test('that it got worse is told, that it lasts in other words is not', () => {
    const alerts = board();
    for (const level of ['warn', 'warn', 'error', 'error', 'warn'] as const)
      alerts.raise({ ...raised, level, message: `${told.length}` });
    expect(told.map(({ level }) => level)).toEqual(['warn', 'error', 'warn']);
    expect(alerts.list()).toMatchObject([{ level: 'warn', count: 5, sinceMs: 100 }]);
  });

  test('a fact without duration is told and never active', () => {
    const alerts = board();
    alerts.tell(raised);
    expect(alerts.list().every((alert) => alert.clearedMs !== undefined)).toBe(true);
    expect(told.length).toBe(2);
  });

  test('more than the limit are not held, and the cut is said until there is room again', () => {
    const alerts = board();
    for (let i = 0; i < ACTIVE_ALERTS_MAX + 50; i++) alerts.raise({ ...raised, place: `p${i}` });
    const active = alerts.list().filter((alert) => alert.clearedMs === undefined);
    expect(active.length).toBe(ACTIVE_ALERTS_MAX + 1);
    expect(active.at(-1)?.code).toBe('alerts-left-out');
    for (let i = 0; i < 10; i++) alerts.clear('disk', `p${i}`);
    expect(
      alerts.list().some((alert) => alert.code === 'alerts-left-out' && alert.clearedMs === undefined),
    ).toBe(false);
  });
});

describe('a rate', () => {
  test('is that of the last seconds', () => {
    const meter = new RateMeter();
    for (let s = 0; s <= 60; s++) meter.sample(s * 100, s * 1000);
    expect(meter.sample(6000, 60_000)).toBeCloseTo(100);
    for (let s = 61; s <= 70; s++) meter.sample(6000, s * 1000);
    expect(meter.sample(6000, 70_000)).toBe(0);
  });

  test('of something that may shrink says so, over the window that was asked for', () => {
    const meter = new RateMeter(60_000);
    for (let s = 0; s <= 300; s++) meter.slope(s * 10, s * 1000);
    let slope = 0;
    for (let s = 301; s <= 330; s++) slope = meter.slope(3000 - (s - 300) * 30, s * 1000);
    expect(slope).toBeLessThan(0);
    expect(slope).toBeGreaterThan(-30);
    for (let s = 331; s <= 400; s++) slope = meter.slope(3000 - (s - 300) * 30, s * 1000);
    expect(slope).toBeCloseTo(-30);
    expect(meter.size).toBeLessThanOrEqual(RATE_POINTS_MAX);
  });

  test('survives a clock that is set back a day, and holds a bounded number of samples', () => {
    const meter = new RateMeter();
    for (let ms = 0; ms < 20_000; ms += 10) meter.sample(ms, 86_400_000 + ms);
    expect(meter.size).toBeLessThanOrEqual(RATE_POINTS_MAX);
    let rate = 0;
    for (let ms = 0; ms < 20_000; ms += 10) rate = meter.sample(20_000 + ms, ms);
    expect(rate).toBeCloseTo(1000, -1);
    expect(meter.size).toBeLessThanOrEqual(RATE_POINTS_MAX);
  });
});

describe('crash points', () => {
  test('each name is passed somewhere in the code', () => {
    const root = join(import.meta.dirname, '../../main');
    const uses = (name: string) =>
      execFileSync('grep', ['-rlF', `'${name}'`, root], { encoding: 'utf8' })
        .split('\n')
        .filter((path) => path !== '' && !path.endsWith('telemetry/crash-point.ts'));
    for (const name of CRASH_POINTS) {
      expect(uses(name), name).not.toEqual([]);
    }
    expect(new Set(CRASH_POINTS).size).toBe(CRASH_POINTS.length);
  });

  test('an order that nothing would ever pass is refused, so that no crash test passes by a typing error', () => {
    expect(parseCrashOrder('')).toBeUndefined();
    expect(parseCrashOrder('put.after-commit')).toEqual({ name: 'put.after-commit', pass: 1 });
    expect(parseCrashOrder('put.after-commit:7')).toEqual({ name: 'put.after-commit', pass: 7 });
    for (const wrong of ['put.after', 'put.after-commit:0', 'put.after-commit:x', 'put.after-commit:'])
      expect(() => parseCrashOrder(wrong)).toThrow(/not a crash point, or not a count/);
  });

  test('a process that is ordered to die at a point dies there, by SIGKILL', () => {
    const script = `const { crashPoint } = await import(${JSON.stringify(join(import.meta.dirname, '../../main/telemetry/crash-point.ts'))});
      crashPoint('put.after-commit'); console.log('passed once'); crashPoint('put.after-commit'); console.log('not reached');`;
    const run = () =>
      execFileSync(process.execPath, ['--input-type=module', '-e', script], {
        encoding: 'utf8',
        env: { ...process.env, HEADGATE_CRASH_AT: 'put.after-commit:2' },
      });
    expect(run).toThrow(expect.objectContaining({ signal: 'SIGKILL', stdout: 'passed once\n' }) as Error);
  });
});
