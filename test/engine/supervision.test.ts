/**
 * Goal: a part that hangs is found, told and begun anew, and so is one that dies again and again; every line still lands once. A part that is only
 * slow, or whose whole process was stopped, is left alone.
 * Method: a whole engine without servers, whose threads are made to stand still at a named point (HEADGATE_STALL_AT) or are terminated; the
 * watchdog's own counting with parts that answer when the test says so.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EngineSourceHost } from '../../main/engine/source-host.ts';
import { SourceRunner } from '../../main/engine/source-runner.ts';
import { engineParts } from '../../main/engine/supervision/engine-watch.ts';
import { WATCH_LIMITS, Watchdog, type WatchedPart } from '../../main/engine/supervision/watchdog.ts';
import type { Source, SourceStatus } from '../../main/sources/source.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import type { RaisedAlert } from '../../main/telemetry/alert-board.ts';
import type { CrashPoint } from '../../main/telemetry/crash-point.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { FakeClock } from '../landing/fake-clock.ts';
import { partitionRow } from '../telemetry/status-fixture.ts';
import { FileGateway, SINK } from './file-gateway.ts';

const NEVER = Number.MAX_SAFE_INTEGER;
const HURRIED = {
  intervalMs: 100,
  toldAfter: 5,
  landingRoundsMax: NEVER,
  writerRoundsMax: NEVER,
  stepRoundsMax: NEVER,
  sourceRoundsMax: NEVER,
  queryRoundsMax: NEVER,
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

  test(
    'hangs while it is asked for figures is told, ended and begun anew',
    { timeout: LIMIT_MS },
    async () => {
      await gateway.start({ watch: { ...HURRIED, queryRoundsMax: 20 } });
      const hung = await gateway.thread('queries');
      // As one that waits for a disk which never answers: it hears nothing any more.
      vi.spyOn(hung, 'postMessage').mockImplementation(() => undefined);
      gateway.write(100);
      // It was told, and is over: the status itself goes on with old figures meanwhile.
      await gateway.statusIs('it was told, and is over', isStuck('thread of queries', true), LIMIT_MS / 2);
      expect(gateway.logged('a part that does not answer is ended')).toMatchObject([
        { fields: { part: 'thread of queries' } },
      ]);
      expect(await gateway.thread('queries')).not.toBe(hung);
      await gateway.allLanded();
      await gateway.statusIs('nothing is wrong any more', ({ alerts }) =>
        alerts.every(({ clearedMs }) => clearedMs !== undefined),
      );
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

describe('a source that', () => {
  /** Asks every now and then, until the test makes it hang; `isDeaf`: it does not end either when it is told to. */
  class TestSource implements Source {
    readonly name = 'lines';
    readonly isDeaf: boolean;
    state: SourceStatus['state'] = 'idle';
    cause: string | undefined;
    pulls = 0;

    constructor(isDeaf: boolean) {
      this.isDeaf = isDeaf;
    }

    run(signal: AbortSignal): Promise<void> {
      return new Promise((resolve) => {
        if (!this.isDeaf) signal.addEventListener('abort', () => resolve());
      });
    }

    status(): SourceStatus {
      const counters = { ...NO_COUNTS, emptyPulls: this.pulls };
      const partitions = [partitionRow({ state: 'caught-up' }) as SourceStatus['partitions'][number]];
      const { name, state, cause } = this;
      const rest = { type: 'test', hint: undefined, nextTryMs: undefined, fence: 'none' as const };
      return { name, state, cause, counters, partitions, ...rest };
    }
  }
  const NO_COUNTS = {
    ...{
      events: 0,
      bytes: 0,
      pulls: 0,
      repulls: 0,
      failedPulls: 0,
      emptyPulls: 0,
      commits: 0,
      rebalances: 0,
    },
  };

  function site(isDeaf: boolean) {
    const made: TestSource[] = [];
    const failures: string[] = [];
    const clock = new FakeClock();
    const runner = new SourceRunner({
      ...{ name: 'lines', host: {} as EngineSourceHost, clock, random: () => 0.5 },
      create: () => {
        made.push(new TestSource(isDeaf));
        return made.at(-1) as TestSource;
      },
      onFailed: (_name, { code }) => failures.push(code),
    });
    const told: string[] = [];
    const limits = { ...WATCH_LIMITS, sourceRoundsMax: 6 };
    const parts = { writer: { perform: () => Promise.resolve() } as never, landings: new Map() };
    const watchdog = new Watchdog({
      parts: () =>
        engineParts(
          { ...parts, sources: new Map([['lines', runner]]), queries: { threads: () => [] } },
          limits,
        ),
      limits,
      setAlert: (isRaised, { code, place }) =>
        told.push(`${isRaised ? 'raised' : 'cleared'} ${code} ${place}`),
      clock,
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    });
    return {
      ...{ made, failures, told, runner, clock },
      rounds: async (count: number, before: (source: TestSource) => void = () => undefined) => {
        for (let at = 0; at < count; at++) {
          const source = made.at(-1);
          if (source !== undefined) before(source);
          watchdog.round();
          await settle();
        }
      },
    };
  }
  const quiet = (): void => undefined;
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  test.each([
    ['asks and is answered', (source: TestSource) => void source.pulls++],
    ['waits for its broker, and says so', (source: TestSource) => void (source.cause = 'the broker is away')],
    ['is paused', (source: TestSource) => void (source.state = 'paused')],
  ])('%s is left alone', async (_what, before) => {
    const { runner, told, failures, rounds } = site(false);
    runner.start();
    await rounds(20, before);
    expect([told, failures]).toEqual([[], []]);
    await runner.stop();
  });

  test.each([
    ['ends when it is told to', false],
    ['does not even end', true],
  ])('asks no more is told, ended and begun anew after a wait: one that %s', async (_what, isDeaf) => {
    const { runner, told, failures, made, clock, rounds } = site(isDeaf);
    runner.start();
    await rounds(4, (source) => source.pulls++);
    await rounds(4);
    expect([told[0], failures]).toEqual(['raised stuck source lines', []]);
    await rounds(4);
    clock.advance(10_000);
    await settle();
    expect(failures).toEqual(['timeout']);
    clock.advance(1_000);
    await settle();
    expect(made).toHaveLength(2);
    await rounds(4, (source) => source.pulls++);
    expect(told.at(-1)).toBe('cleared stuck source lines');
    if (!isDeaf) await runner.stop();
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
