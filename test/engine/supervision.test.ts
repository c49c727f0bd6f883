/**
 * Goal: a part that hangs is found, told and begun anew, and so is one that dies again and again; every line still lands once. A part that is only
 * slow, or whose whole process was stopped, is left alone.
 * Method: a whole engine without servers, whose threads are made to stand still at a named point (HEADGATE_STALL_AT) or are terminated; the
 * watchdog's own counting with parts that answer when the test says so.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WATCH_LIMITS, Watchdog, type WatchedPart } from '../../main/engine/supervision/watchdog.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import type { RaisedAlert } from '../../main/telemetry/alert-board.ts';
import type { CrashPoint } from '../../main/telemetry/crash-point.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { FileGateway, SINK } from './file-gateway.ts';

const NEVER = Number.MAX_SAFE_INTEGER;
const HURRIED = {
  intervalMs: 100,
  toldAfter: 5,
  landingRoundsMax: NEVER,
  writerRoundsMax: NEVER,
  stepRoundsMax: NEVER,
};
const LIMIT_MS = 120_000;

describe('a thread that', () => {
  let gateway: FileGateway;
  beforeEach(() => {
    gateway = new FileGateway({ source: { batchSize: 50 }, sink: { idleTimeout: '50ms' } });
  });
  afterEach(async () => {
    delete process.env['HEADGATE_STALL_AT'];
    await gateway[Symbol.asyncDispose]();
  });

  /** Threads that are started from here on stand still at the point; until `free` is called. */
  function stallAt(point: CrashPoint): () => void {
    process.env['HEADGATE_STALL_AT'] = point;
    return () => delete process.env['HEADGATE_STALL_AT'];
  }

  function isStuck(place: string, isOver: boolean) {
    return ({ alerts }: EngineStatus): boolean =>
      alerts.some(
        (one) => one.code === 'stuck' && one.place === place && (one.clearedMs !== undefined) === isOver,
      );
  }

  async function expectEachOnce(): Promise<void> {
    const { lines, audit } = await gateway.verdict();
    expect(lines).toEqual([...gateway.written].sort());
    expect(audit).toMatchObject({ verdict: 'clean', findings: [] });
  }

  test('hangs while it lands is told, ended and begun anew', { timeout: LIMIT_MS }, async () => {
    const free = stallAt('land.after-create');
    gateway.write(200);
    await gateway.start({ watch: { ...HURRIED, landingRoundsMax: 20 } });
    const place = `landing worker of ${SINK}`;
    await gateway.statusIs('it is told', isStuck(place, false));
    free();
    await gateway.statusIs('it is begun anew', isStuck(place, true));
    await gateway.allLanded();
    const [ended] = gateway.logged('a landing worker died and is started again');
    expect(ended).toMatchObject({ fields: { sink: SINK, error: { code: 'timeout' } } });
    await expectEachOnce();
  });

  test(
    'hangs while it writes ends the engine with the reason; the next one loses nothing',
    { timeout: LIMIT_MS },
    async () => {
      const free = stallAt('put.after-commit');
      gateway.write(200);
      const engine = await gateway.start({ watch: { ...HURRIED, writerRoundsMax: 20 } });
      await expect(engine.ended).resolves.toMatchObject({ code: 'timeout', place: 'channel writer' });
      free();
      await gateway.stop(0);
      expect(gateway.threads).toEqual([]);
      await gateway.start();
      await gateway.allLanded();
      await expectEachOnce();
    },
  );

  test('dies again and again, whichever it is, is begun anew each time', { timeout: LIMIT_MS }, async () => {
    await gateway.start();
    for (let round = 0; round < 3; round++) {
      gateway.write(100);
      await (await gateway.thread(`landing ${SINK}`)).terminate();
      if (round === 0) await (await gateway.thread('queries')).terminate();
      await gateway.statusIs(
        'the sink works again',
        ({ sinks, alerts }) =>
          sinks.every(({ cause }) => cause === undefined) && alerts.some(({ code }) => code === 'restarted'),
      );
    }
    await gateway.allLanded();
    await gateway.statusIs('nothing is wrong any more', ({ alerts }) =>
      alerts.every(({ clearedMs }) => clearedMs !== undefined),
    );
    await expectEachOnce();
  });
});

describe('the watchdog', () => {
  const QUIET = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  function ignore(): void {
    // Nobody reads this log.
  }

  function watch(parts: readonly WatchedPart[]) {
    const told: string[] = [];
    let steadyMs = 0;
    const watchdog = new Watchdog({
      parts: () => parts,
      limits: { ...WATCH_LIMITS, toldAfter: 2 },
      setAlert: (isRaised: boolean, { code, place }: RaisedAlert) =>
        told.push(`${isRaised ? 'raised' : 'cleared'} ${code} ${place}`),
      clock: { ...systemClock, steadyMs: () => steadyMs },
      log: QUIET,
    });
    return {
      told,
      /** `ms`: how long after the last one. */
      round: async (ms = WATCH_LIMITS.intervalMs): Promise<void> => {
        steadyMs += ms;
        watchdog.round();
        await Promise.resolve();
      },
    };
  }

  function part(): WatchedPart & { answers: () => void; ends: number; asked: number } {
    let tell: () => void = ignore;
    const own = {
      name: 'a part',
      asked: 0,
      ends: 0,
      answers: () => tell(),
      answer: () => {
        own.asked++;
        return new Promise<void>((resolve) => (tell = resolve));
      },
      roundsMax: 4,
      remedy: 'none',
      end: () => void own.ends++,
    };
    return own;
  }

  test('tells of a silence after some rounds, ends it once, and clears it with the first answer', async () => {
    const one = part();
    const { told, round } = watch([one]);
    for (let at = 0; at < 2; at++) await round();
    expect(told).toEqual([]);
    await round();
    expect([...told, one.ends]).toEqual(['raised stuck a part', 0]);
    for (let at = 0; at < 6; at++) await round();
    expect([one.ends, one.asked]).toEqual([1, 1]);
    one.answers();
    await round();
    expect(told.at(-1)).toBe('cleared stuck a part');
    await round();
    expect(one.asked).toBe(2);
  });

  test('counts rounds, not time: a process that was stopped for an hour has no stuck part, and says that it stood still', async () => {
    const one = part();
    const { told, round } = watch([one]);
    await round();
    await round(3_600_000);
    expect([...told, one.ends]).toEqual(['raised stuck main thread', 'cleared stuck main thread', 0]);
  });
});
