/**
 * Goal: servers that are away, refuse, or come back cost time and nothing else, and while the engine waits it names the cause.
 * Method: real Kafka and HDFS on which the real thing is done (kill, safe mode, quota, rights), a real engine process beside it. What only
 * an operator can mend is tried again after up to a minute: these tests wait on servers of their own while the others kill theirs.
 */
import { describe, expect, it } from 'vitest';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { gatewaySite } from './gateway-site.ts';
import type { TestGateway } from './test-gateway.ts';

const EVENTS = 6_000;
const CASE_LIMIT_MS = 240_000;
/** One after the other: each does something to all servers of its site. */
const IN_TURN = { concurrent: false, timeout: CASE_LIMIT_MS };
/** What only an operator can mend is tried again after a minute at the latest. */
const MENDED_LIMIT_MS = 120_000;

/** The sink or one of its files waits for this reason, says so with a hint, and knows when it tries again. */
function waitsFor(cause: RegExp): (status: EngineStatus) => boolean {
  return ({ sinks: [sink] }) =>
    sink !== undefined &&
    [sink, ...sink.uploads].some((one) => cause.test(one.cause ?? '') && (one.hint ?? '') !== '') &&
    [sink, ...sink.uploads].some(({ nextTryMs }) => nextTryMs !== undefined);
}

describe.skipIf(skipsWithoutJava('server faults'))('servers fail or refuse', () => {
  describe.concurrent('until an operator mends it', () => {
    const site = gatewaySite();

    async function withRoot(name: string): Promise<TestGateway> {
      const gateway = await site.gateway(name, { partitions: 1 });
      const { hdfs } = site.rig;
      await hdfs.superuserCall('PUT', gateway.root, { op: 'MKDIRS' });
      await hdfs.superuserCall('PUT', '/logs', { op: 'SETPERMISSION', permission: '777' });
      await hdfs.superuserCall('PUT', gateway.root, { op: 'SETOWNER', owner: 'headgate' });
      await gateway.produce(EVENTS);
      return gateway;
    }

    it(
      'a quota of names is used up, then raised',
      async () => {
        await using gateway = await withRoot('quota-names');
        await site.rig.hdfs.setQuota(gateway.root, { names: 2 });
        await gateway.startReady();
        await gateway.untilStatus('it names the quota', waitsFor(/NSQuotaExceededException/));
        expect(await gateway.landedEvents()).toBe(0);
        await site.rig.hdfs.setQuota(gateway.root, 'none');
        await gateway.verdict({ limitMs: MENDED_LIMIT_MS });
      },
      CASE_LIMIT_MS,
    );

    it(
      'a quota of space is used up, then raised',
      async () => {
        await using gateway = await withRoot('quota-space');
        await site.rig.hdfs.setQuota(gateway.root, { bytes: 1_000 });
        await gateway.startReady();
        await gateway.untilStatus('it names the quota', waitsFor(/DSQuotaExceededException|DiskSpace quota/));
        await site.rig.hdfs.setQuota(gateway.root, 'none');
        await gateway.verdict({ limitMs: MENDED_LIMIT_MS });
      },
      CASE_LIMIT_MS,
    );

    it(
      'the directory may not be written, then it may',
      async () => {
        await using gateway = await withRoot('permission');
        const { hdfs } = site.rig;
        await hdfs.superuserCall('PUT', gateway.root, { op: 'SETPERMISSION', permission: '555' });
        await gateway.startReady();
        await gateway.untilStatus('it names the refusal', waitsFor(/AccessControlException/));
        await hdfs.superuserCall('PUT', gateway.root, { op: 'SETPERMISSION', permission: '755' });
        await gateway.verdict({ limitMs: MENDED_LIMIT_MS });
      },
      CASE_LIMIT_MS,
    );
  });

  describe.concurrent('and come back', () => {
    const site = gatewaySite();

    it('the broker is killed in the middle of pulls and comes back', IN_TURN, async () => {
      await using gateway = await site.gateway('broker-gone', { source: { batchSize: 200 } });
      await gateway.produce(10 * EVENTS);
      await gateway.startReady();
      await gateway.untilStatus('a part has come in', ({ sources: [source] }) => (source?.events ?? 0) > 0);
      await site.rig.kafka.kill();
      await gateway.untilStatus(
        'the source says why it waits',
        ({ sources: [source] }) => source?.state === 'waiting' && (source.cause ?? '') !== '',
        60_000,
      );
      await site.rig.kafka.start();
      await gateway.verdict({ limitMs: MENDED_LIMIT_MS });
    });

    it('the NameNode is killed while files land and comes back', IN_TURN, async () => {
      await using gateway = await site.gateway('namenode-gone', { sink: { 'hdfs.rollSize': '64KiB' } });
      await gateway.produce(10 * EVENTS);
      await gateway.startReady();
      await gateway.untilStatus('a file has landed', ({ sinks: [sink] }) => (sink?.files ?? 0) > 0);
      await site.rig.hdfs.namenode.kill();
      await gateway.untilStatus(
        'the sink says why it waits',
        waitsFor(/ECONNREFUSED|ECONNRESET|socket|connect/i),
        60_000,
      );
      await site.rig.hdfs.namenode.start();
      await site.rig.hdfs.waitForDataNodes(1);
      await gateway.verdict({ limitMs: MENDED_LIMIT_MS });
    });

    it('safe mode is switched on and off', IN_TURN, async () => {
      await using gateway = await site.gateway('safe-mode');
      await site.rig.hdfs.safeMode('enter');
      await gateway.produce(EVENTS);
      await gateway.startReady();
      await gateway.untilStatus('it names safe mode', waitsFor(/SafeModeException|safe mode/));
      expect(await gateway.landedEvents()).toBe(0);
      await site.rig.hdfs.safeMode('leave');
      await gateway.verdict({ limitMs: MENDED_LIMIT_MS });
    });

    it('the only DataNode is killed and comes back', IN_TURN, async () => {
      await using gateway = await site.gateway('datanode-gone');
      const [datanode] = site.rig.hdfs.datanodes;
      await datanode?.kill();
      await gateway.produce(EVENTS);
      await gateway.startReady();
      await gateway.untilStatus('it says that no DataNode takes the file', ({ sinks: [sink] }) =>
        /datanode|ECONNREFUSED/i.test(
          [sink, ...(sink?.uploads ?? [])].map((one) => one?.cause ?? '').join(' '),
        ),
      );
      await datanode?.start();
      await site.rig.hdfs.waitForDataNodes(1);
      await gateway.verdict({ limitMs: MENDED_LIMIT_MS });
    });
  });
});
