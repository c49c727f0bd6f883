/**
 * Goal: on real servers hours are marked when they are complete, whenever the engine is killed, and late events say so; and the countdown
 * to a loss says in time when the broker deletes what a gateway that is cut off still needs.
 * Method: real engine processes, kills at the crash points of a marker, HDFS read past the engine; a topic of short retention.
 */
import { describe, expect, it } from 'vitest';
import { pointsOf } from '../crash/coverage.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { produceLines } from '../rig/produce.ts';
import { until } from '../rig/until.ts';
import { gatewaySite } from './gateway-site.ts';
import type { TestGateway } from './test-gateway.ts';

const CASE_LIMIT_MS = 240_000;
/** Three a second of event time: a bit less than two hours. */
const EVENTS = 20_000;
const SINK = { completeness: { marker: '_SUCCESS', grace: '1min' } };
/** Hours that are over by any clock. */
const LONG_AGO = { startMs: Date.UTC(2024, 1, 29, 0, 30) };
/** Facts of the fleet are looked at each second. */
const ALERTS = { alerts: { silentPeer: '10s', countdown: '1h' } };
const CRASH_POINTS = pointsOf('test/e2e/completeness.test.ts');

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

  it(
    'hours are marked through kills at each step of a marker, and late events land beside, with a further one',
    async () => {
      await using gateway = await site.gateway('complete', { sink: SINK, more: ALERTS, lines: LONG_AGO });
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

  it(
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
});
