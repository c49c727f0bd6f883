/**
 * Goal: on real servers hours are marked when they are complete, whenever the engine is killed, and late events say so; and the countdown
 * to a loss says in time when the broker deletes what a gateway that is cut off still needs, as the forecast does when the channel is full.
 * Method: real engine processes, kills at the crash points of a marker, HDFS read past the engine; a topic of short retention; for the
 * forecast the real engine with a steady clock that runs faster. The tests run beside each other: most of each is waiting.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { readConfigFile } from '../../main/config/config-file.ts';
import { ControlClient } from '../../main/control/control-client.ts';
import { startEngine } from '../../main/engine/engine.ts';
import { SETTLING_MS } from '../../main/engine/forecast/fill-forecast.ts';
import { WATCH_LIMITS, type WatchLimits } from '../../main/engine/supervision/watchdog.ts';
import { systemClock, type Clock } from '../../main/telemetry/clock.ts';
import { createLogger } from '../../main/telemetry/logger.ts';
import type { Alert } from '../../shared/contract/control-status.ts';
import { HOUR_MS, MIB, MINUTE_MS, SECOND_MS } from '../../shared/units.ts';
import { pointsOf } from '../crash/coverage.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { nginxLines } from '../rig/nginx-lines.ts';
import { produceLines } from '../rig/produce.ts';
import { until } from '../rig/until.ts';
import { gatewaySite } from './gateway-site.ts';
import { CHANNEL, type TestGateway } from './test-gateway.ts';

const CASE_LIMIT_MS = 240_000;
/** Three a second of event time: a bit less than two hours. */
const EVENTS = 20_000;
const SINK = { completeness: { marker: '_SUCCESS', grace: '1min' } };
/** Hours that are over by any clock. */
const LONG_AGO = { startMs: Date.UTC(2024, 1, 29, 0, 30) };
/** Facts of the fleet are looked at each second. */
const ALERTS = { alerts: { silentPeer: '10s', countdown: '1h' } };
const CRASH_POINTS = pointsOf('test/e2e/completeness.test.ts');

/** A minute of the forecast's clock in six seconds: it has settled after three, and the channel is full after some more. */
const HASTE = 10;
const HASTY_CLOCK: Clock = { ...systemClock, steadyMs: () => systemClock.steadyMs() * HASTE };
/** By that clock each round of the watchdog would come too late. */
const NO_WATCH: WatchLimits = { ...WATCH_LIMITS, intervalMs: HOUR_MS };
const CAPACITY_BYTES = 26 * MIB;
/** Small and often: the forecast looks at the last twelve seconds, of which a lot must be a small part. */
const LOT_EVENTS = 440;
const LOT_EVERY_MS = 200;
/** At the pace of the lots a bit more than a minute; each lot that comes late adds to it. */
const FULL_LIMIT_MS = 200_000;
const WITHIN = 0.2;
/** The shorter look of the forecast. */
const PACE_MS = 2 * MINUTE_MS;
/** The engine looks once a second, and so does who asks it. */
const LOOK_MS = 2 * HASTE * SECOND_MS;

describe.skipIf(skipsWithoutJava('completeness'))('on real servers', () => {
  const site = gatewaySite({ kafka: { isProxied: true }, hdfs: {} });

  async function list(path: string): Promise<string[]> {
    const url = `${site.rig.hdfs.directWebhdfs}/webhdfs/v1${path}?op=LISTSTATUS&user.name=hdfs`;
    const answer = await fetch(url);
    if (answer.status === 404) return [];
    const body = (await answer.json()) as { FileStatuses: { FileStatus: { pathSuffix: string }[] } };
    return body.FileStatuses.FileStatus.map(({ pathSuffix }) => pathSuffix).sort();
  }

  async function read(path: string): Promise<string> {
    const url = `${site.rig.hdfs.directWebhdfs}/webhdfs/v1${path}?op=OPEN&user.name=hdfs`;
    return (await fetch(url)).text();
  }

  /** Landing directories, the first hour first. */
  async function hours(gateway: TestGateway): Promise<string[]> {
    const rows = await gateway.landings();
    return [...new Set(rows.map(({ path }) => path.slice(0, path.lastIndexOf('/'))))].sort();
  }

  it.concurrent(
    'hours are marked through kills at each step of a marker, and late events land beside, with a further one',
    async () => {
      await using gateway = await site.gateway('complete', {
        ...{ sink: SINK, more: ALERTS, lines: LONG_AGO },
        // The link of the countdown is cut meanwhile.
        source: { 'kafka.bootstrap.servers': [site.rig.kafka.directBootstrap] },
      });
      await gateway.produce(EVENTS);
      for (const point of CRASH_POINTS) {
        const engine = gateway.start(point);
        expect(await engine.ended, point).toMatchObject({ signal: 'SIGKILL' });
      }
      await gateway.startReady();
      await gateway.untilLanded();
      const [first = '', ...later] = await hours(gateway);
      expect(later.length).toBeGreaterThan(0);
      // All of them are over by the clock, and the partitions stand at their ends.
      for (const hour of [first, ...later])
        await until(`${hour} is marked`, async () => (await list(hour)).includes('_SUCCESS'), 60_000);
      const { duplicates, missing, hidden } = await gateway.judge();
      expect({ duplicates: duplicates.count, missing: missing.count }).toEqual({ duplicates: 0, missing: 0 });
      expect(hidden.filter((name) => !name.endsWith('/_SUCCESS'))).toEqual([]);
      const marker = JSON.parse(await read(`${first}/_SUCCESS`)) as { events: number; files: number };
      const rows = (await gateway.landings()).filter(({ path }) => path.startsWith(`${first}/`));
      expect(marker).toMatchObject({
        ...{ headgate: 'completeness', revision: 1, gateways: [gateway.name], partitionCount: 3 },
        files: rows.length,
        events: rows.reduce((sum, row) => sum + row.events, 0),
      });

      const [line] = gateway.producedLines();
      await produceLines({
        ...{ bootstrap: site.rig.kafka.directBootstrap, topic: gateway.topic, partitions: 3, codec: 'none' },
        lines: [{ value: String(line), partition: 0 }],
      });
      await until(
        `${first} is marked again`,
        async () => (await list(first)).includes('_SUCCESS.r2'),
        120_000,
      );
      const names = await list(first);
      expect(names.filter((name) => name.startsWith(`${gateway.topic}-late.${gateway.name}.`))).toHaveLength(
        1,
      );
      expect(JSON.parse(await read(`${first}/_SUCCESS.r2`))).toMatchObject({
        revision: 2,
        events: marker.events + 1,
        late: { files: 1, events: 1 },
      });
      expect((await gateway.audit('deep')).verdict).toBe('clean');
    },
    CASE_LIMIT_MS,
  );

  it.concurrent(
    'the countdown of a gateway that is cut off ends before the broker deletes what it needs, and not long before',
    async () => {
      const retentionMs = 90_000;
      const topic = { 'retention.ms': String(retentionMs), 'segment.ms': '5000' };
      await using gateway = await site.gateway('countdown', {
        partitions: 1,
        more: ALERTS,
        isTopicMissing: true,
      });
      await site.rig.kafka.createTopic(gateway.topic, 1, topic);
      await gateway.startReady();
      await gateway.produce(300);
      await gateway.untilLanded();
      const { position } = (await gateway.status()).sources[0]?.partitions[0] ?? { position: -1 };
      expect(position).toBe(300);
      const { proxy } = site.rig.kafka;
      await proxy.refuse(true);
      proxy.cut();
      try {
        // What the gateway can’t see: the first record that it needs.
        await gateway.produce(1);
        const told = await gateway.untilStatus(
          'the countdown is told',
          ({ alerts }) =>
            alerts.some(({ code, clearedMs }) => code === 'countdown' && clearedMs === undefined),
          90_000,
        );
        const row = told.sources[0]?.partitions[0];
        expect(row).toMatchObject({ lossBy: 'time' });
        const lossAtMs = told.nowMs + (row?.secondsToLoss ?? 0) * 1_000;
        expect(row?.secondsToLoss).toBeLessThanOrEqual(retentionMs / 2_000);
        const deletedMs = await until(
          'the broker deletes what is needed',
          async () => {
            await gateway.produce(1);
            const [offsets] = await site.rig.kafka.offsets(gateway.topic, 1);
            return Number(offsets?.earliest ?? 0) > position ? Date.now() : undefined;
          },
          180_000,
        );
        expect(deletedMs, 'never late').toBeGreaterThanOrEqual(lossAtMs - 2_000);
        // Whole segments go, and the broker looks at them now and then.
        expect(deletedMs - lossAtMs, 'not long before').toBeLessThan(45_000);
      } finally {
        await proxy.heal();
      }
    },
    CASE_LIMIT_MS,
  );

  it.concurrent(
    'while writing is paused the time until the channel is full is told in time and right, and no more once all has landed',
    async () => {
      await using gateway = await site.gateway('forecast', {
        source: { 'kafka.bootstrap.servers': [site.rig.kafka.directBootstrap], maxEventBytes: '1MiB' },
        channel: { capacityBytes: CAPACITY_BYTES, compression: 'none', minFreeDiskBytes: '1MiB' },
        more: { alerts: { timeToFull: '10min' } },
      });
      await using engine = await hastyEngine(gateway.configFile);
      const { client } = engine;
      await client.call('pause', { by: 'test', why: 'the cluster is moved' });
      const stop = new AbortController();
      const traffic = produceSteadily(gateway, site.rig.kafka.directBootstrap, stop.signal);
      const looks: Look[] = [];
      let alert: Alert | undefined;
      let start: Omit<Look, 'leftMs'> | undefined;
      const full = await until(
        'intake stops',
        async () => {
          const atMs = HASTY_CLOCK.steadyMs();
          const { channels, alerts } = await client.call('status', {});
          const [channel] = channels;
          const { events = 0, secondsToFull = Infinity } = channel ?? {};
          if (channel?.state === 'full') return { atMs, untilMs: HASTY_CLOCK.steadyMs(), events };
          const untilMs = HASTY_CLOCK.steadyMs();
          if (events > 0) start ??= { atMs, untilMs, events };
          alert ??= alerts.find(({ code }) => code === 'time-to-full');
          looks.push({ atMs, untilMs, events, leftMs: secondsToFull * SECOND_MS });
          return undefined;
        },
        FULL_LIMIT_MS,
      ).finally(() => stop.abort());
      await traffic;

      const first = start ?? full;
      const judged = looks.filter(({ atMs }) => atMs >= first.atMs + SETTLING_MS);
      expect(judged.length).toBeGreaterThan(20);
      for (const { atMs, untilMs, events, leftMs } of judged) {
        // On a busy machine the traffic is not quite steady: what would have happened at the paces that were seen until then.
        // Its shorter look began at one of the engine's own looks, not at one of ours.
        const began = looks.filter((one) => Math.abs(one.atMs - (atMs - PACE_MS)) <= LOOK_MS);
        const seen = [first, ...began.filter((one) => one.events < events)];
        const truthsMs = seen.flatMap((since) =>
          [untilMs - since.atMs, atMs - since.untilMs].map(
            (spanMs) => ((full.events - events) * spanMs) / (events - since.events),
          ),
        );
        const what = `${Math.round((atMs - first.atMs) / SECOND_MS)} s after the first event`;
        expect(leftMs, `never late, ${what}`).toBeLessThanOrEqual(Math.max(...truthsMs) + LOOK_MS);
        expect(leftMs, `within 20 %, ${what}`).toBeGreaterThanOrEqual(
          Math.min(...truthsMs) * (1 - WITHIN) - LOOK_MS,
        );
      }
      expect(alert).toMatchObject({ level: 'warn', place: CHANNEL });
      expect(alert?.message).toMatch(/the channel is full in .* and nothing lands/);

      await client.call('resume', { by: 'test' });
      await until(
        'all has landed and nothing is told any more',
        async () => {
          const { channels, alerts, sources } = await client.call('status', {});
          const isTold = alerts.some(
            ({ code, clearedMs }) => code === 'time-to-full' && clearedMs === undefined,
          );
          const isThrough = channels[0]?.events === 0 && sources[0]?.lag === 0;
          return isThrough && !isTold;
        },
        120_000,
      );
      expect(await gateway.judge()).toMatchObject({ isClean: true, found: gateway.producedEvents });
    },
    CASE_LIMIT_MS,
  );
});

interface Look {
  /** By HASTY_CLOCK, before it was asked; after it was answered. On a busy machine that is not the same. */
  readonly atMs: number;
  readonly untilMs: number;
  /** In the channel by then. */
  readonly events: number;
  /** What the status said; Infinity: nothing. */
  readonly leftMs: number;
}

/** The engine of a configuration, within this process: only so it takes another clock. */
async function hastyEngine(
  configFile: string,
): Promise<AsyncDisposable & { readonly client: ControlClient }> {
  const engine = await startEngine({
    loaded: await readConfigFile(configFile),
    log: createLogger({ level: 'error', nowMs: () => HASTY_CLOCK.nowMs() }),
    clock: HASTY_CLOCK,
    watch: NO_WATCH,
  });
  return {
    client: new ControlClient(engine.socketPath),
    [Symbol.asyncDispose]: () => engine.stop(1_000),
  };
}

/**
 * The same number of events for each moment until `signal`; a moment that this process slept through is not made up for, which would be a
 * burst.
 */
async function produceSteadily(gateway: TestGateway, bootstrap: string, signal: AbortSignal): Promise<void> {
  const { topic, partitions, produced } = gateway;
  const lines = nginxLines(Infinity, { partitions, eventsPerSecond: LOT_EVENTS });
  async function* lots() {
    for (let nextMs = systemClock.steadyMs(); !signal.aborted;) {
      for (let count = 0; count < LOT_EVENTS; count++) {
        const { value: line } = lines.next();
        if (line === undefined) return;
        produced.set(line.partition, line.sequence + 1);
        yield line;
      }
      const nowMs = systemClock.steadyMs();
      nextMs = Math.max(nextMs + LOT_EVERY_MS, nowMs);
      await wait(nextMs - nowMs);
    }
  }
  await produceLines({ bootstrap, topic, partitions, batch: LOT_EVENTS, lines: lots() });
}
