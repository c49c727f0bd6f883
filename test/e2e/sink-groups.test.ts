/**
 * Goal: two HDFS clusters in one failover group: the first one lands; when it is gone the second takes over by itself, and gives way when
 * the first is back; through the engine's death in the middle of it, every event stands in one of the two, once.
 * Method: two real clusters, one real Kafka, the engine as a process; the NameNode of the first is killed and started again, once while a
 * file is on its way to its final name. The judge reads both clusters as one tree.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SinkStatusRow } from '../../shared/contract/control-status.ts';
import { startHdfs, type HdfsRig } from '../rig/hdfs-rig.ts';
import { judge, type Verdict } from '../rig/judge.ts';
import { webHdfsTree, type LandedTree } from '../rig/landed-tree.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { nginxHourDirectory, nginxIdOf } from '../rig/nginx-lines.ts';
import { gatewaySite } from './gateway-site.ts';
import type { TestGateway } from './test-gateway.ts';

const EVENTS = 6_000;
const CASE_LIMIT_MS = 240_000;

const byName = (sinks: readonly SinkStatusRow[], wanted: string): SinkStatusRow | undefined =>
  sinks.find(({ name }) => name === wanted);

/** Files of both, each from where it is. */
function together(...trees: readonly LandedTree[]): LandedTree {
  const owners = new Map<object, LandedTree>();
  return {
    files: async () => {
      const lists = await Promise.all(
        trees.map(async (tree) => {
          const files = await tree.files();
          for (const file of files) owners.set(file, tree);
          return files;
        }),
      );
      return lists.flat();
    },
    open: (file) => {
      const owner = owners.get(file);
      if (owner === undefined) throw new Error(`nobody has ${file.path}`);
      return owner.open(file);
    },
  };
}

describe.skipIf(skipsWithoutJava('sink groups'))('a failover group', () => {
  const site = gatewaySite();
  let far: HdfsRig;
  beforeAll(async () => {
    far = await startHdfs();
  });
  afterAll(() => far.stop());

  const sinkOf = (hdfs: HdfsRig) => ({
    type: 'hdfs',
    channel: 'disk',
    'hdfs.namenodes': [...hdfs.webhdfsUrls],
    'hdfs.user': 'headgate',
    'hdfs.path': '/logs/pair/%Y-%m-%d/%H',
    'hdfs.filePrefix': '%{topic}',
    'hdfs.fileSuffix': '.log',
    'hdfs.idleTimeout': '300ms',
    'hdfs.callTimeout': '3s',
  });

  const judged = (gateway: TestGateway): Promise<Verdict> =>
    judge({
      tree: together(
        webHdfsTree(site.rig.hdfs.directWebhdfs, gateway.root),
        webHdfsTree(far.directWebhdfs, gateway.root),
      ),
      produced: gateway.produced,
      identify: nginxIdOf,
      expectedDirectory: nginxHourDirectory,
    });

  async function filesBy(gateway: TestGateway): Promise<Record<string, number>> {
    const { sinks } = await gateway.status();
    return Object.fromEntries(sinks.map(({ name, files }) => [name, files]));
  }

  const dutyIs = (gateway: TestGateway, near: boolean, other: boolean) =>
    gateway.untilStatus(
      `on duty: near ${near}, far ${other}`,
      ({ sinks }) =>
        byName(sinks, 'near')?.group?.isOnDuty === near && byName(sinks, 'far')?.group?.isOnDuty === other,
      90_000,
    );

  it(
    'takes over, gives way again, and lands every event once, over the death of the engine and of a NameNode',
    async () => {
      const { hdfs } = site.rig;
      await using gateway = await site.gateway('pair', {
        more: {
          sinks: { near: sinkOf(hdfs), far: sinkOf(far) },
          sinkgroups: {
            hadoop: {
              sinks: ['near', 'far'],
              'processor.type': 'failover',
              'processor.priority.near': 10,
              'processor.priority.far': 5,
              'processor.maxpenalty': '2s',
            },
          },
        },
      });
      await gateway.startReady();
      await gateway.produce(EVENTS);
      await gateway.untilLanded();
      expect(await filesBy(gateway)).toMatchObject({ far: 0 });

      await hdfs.namenode.kill();
      await gateway.produce(EVENTS);
      await gateway.untilLanded();
      await gateway.untilStatus('far has landed', ({ sinks }) => (byName(sinks, 'far')?.files ?? 0) > 0);
      await dutyIs(gateway, true, true);
      await gateway.untilStatus('the operator is told', ({ alerts }) =>
        alerts.some(
          ({ code, place, clearedMs }) =>
            code === 'group-sink-down' && place === 'near' && clearedMs === undefined,
        ),
      );

      await gateway.engine.kill();
      await hdfs.namenode.start();
      await hdfs.waitForDataNodes(1);
      await gateway.startReady();
      await dutyIs(gateway, true, false);
      await gateway.produce(EVENTS);
      await gateway.untilLanded();
      expect(await filesBy(gateway)).toMatchObject({ far: 0 });
      await gateway.engine.stop();

      // It dies when its plan says that the rename may go out: from here on this file is near's alone.
      const dying = gateway.start('land.after-renaming-durable');
      await dying.ready();
      await gateway.produce(EVENTS);
      expect(await dying.ended).toMatchObject({ signal: 'SIGKILL' });
      await hdfs.namenode.kill();
      await gateway.startReady();
      await gateway.produce(EVENTS);
      await gateway.untilStatus(
        'far lands what comes in now',
        ({ sinks }) => (byName(sinks, 'far')?.files ?? 0) > 0,
        90_000,
      );
      expect(await gateway.landedEvents()).toBeLessThan(5 * EVENTS);
      await hdfs.namenode.start();
      await hdfs.waitForDataNodes(1);
      await gateway.untilLanded();
      expect(await judged(gateway)).toMatchObject({ isClean: true, found: 5 * EVENTS });
      expect(await gateway.audit('hdfs')).toMatchObject({ verdict: 'clean' });
      await dutyIs(gateway, true, false);
    },
    CASE_LIMIT_MS,
  );
});
