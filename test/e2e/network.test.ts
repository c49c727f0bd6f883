/**
 * Goal: whatever the network does between the gateway, Kafka and HDFS, each event lands once, and while the gateway waits it says
 * why and when it tries again.
 * Method: real servers behind the rig's TCP proxies, a real engine process; each fault is applied while bytes are on their way and
 * taken back once its effect was seen. Tests that share proxies run one after the other; the two links have servers of their own and run
 * beside each other, because most of such a test is waiting.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import type { TcpProxy } from '../rig/tcp-proxy.ts';
import { until } from '../rig/until.ts';
import { gatewaySite, type GatewaySite } from './gateway-site.ts';
import type { GatewayOptions, TestGateway } from './test-gateway.ts';

/** 3.4 MB in Kafka. */
const EVENTS = 20_000;
/** One after the other within its link. */
const IN_TURN = { concurrent: false, timeout: 180_000 };
/** Slow enough that a fault hits bytes on their way, fast enough to be waited for. */
const SLOW_BYTES_PER_SECOND = 1_000_000;

const isWaiting = ({ sources: [source] }: EngineStatus): boolean =>
  source?.state === 'waiting' &&
  (source.cause ?? '') !== '' &&
  (source.hint ?? '') !== '' &&
  source.nextTryMs !== undefined;

const isLinkDown = ({ alerts }: EngineStatus): boolean =>
  alerts.some(({ code, clearedMs }) => code === 'link-down' && clearedMs === undefined);

const sinkSaysWhy = ({ sinks: [sink] }: EngineStatus): boolean =>
  (sink?.cause ?? '') !== '' &&
  (sink?.nextTryMs !== undefined || sink?.uploads.some(({ nextTryMs }) => nextTryMs !== undefined) === true);

async function withEvents(
  site: GatewaySite,
  name: string,
  options: GatewayOptions = {},
): Promise<TestGateway> {
  const gateway = await site.gateway(name, { more: { alerts: { linkDown: '1s' } }, ...options });
  await gateway.produce(EVENTS);
  return gateway;
}

describe.skipIf(skipsWithoutJava('network faults'))('the network fails', () => {
  describe.concurrent('between gateway and Kafka, in the middle of a pull', () => {
    const site = gatewaySite({ kafka: { isProxied: true }, hdfs: {} });
    const kafka = (): TcpProxy => site.rig.kafka.proxy;
    afterEach(() => kafka().heal());

    /** A gateway in the middle of its pulls over a slow link. */
    async function pulling(name: string, options: GatewayOptions = {}): Promise<TestGateway> {
      const gateway = await withEvents(site, name, options);
      kafka().limit(SLOW_BYTES_PER_SECOND, 'down');
      await gateway.startReady();
      await gateway.untilStatus('a part has come in', ({ sources: [source] }) => (source?.events ?? 0) > 0);
      expect((await gateway.status()).sources[0]?.events).toBeLessThan(EVENTS);
      return gateway;
    }

    it(
      'connections are cut and reset again and again: it pulls again from the same offsets',
      IN_TURN,
      async () => {
        await using gateway = await pulling('kafka-cut');
        for (let round = 0; round < 6; round++) {
          const { bytesDown } = kafka().counts;
          // Right after the round before, the gateway may have none for a moment.
          await until('connections break', () => (round % 2 === 0 ? kafka().cut() : kafka().reset()) > 0);
          await until('it pulls again', () => kafka().counts.bytesDown > bytesDown + 20_000);
        }
        await kafka().heal();
        await gateway.verdict();
        const [source] = (await gateway.status()).sources;
        expect((source?.failedPulls ?? 0) + (source?.repulls ?? 0), 'pulls that failed').toBeGreaterThan(0);
      },
    );

    it.each([
      ['stall', 'stalls', (proxy: TcpProxy): Promise<void> => Promise.resolve(proxy.stall(true))],
      [
        'half-open',
        'looks alive and swallows everything',
        (proxy: TcpProxy): Promise<void> => Promise.resolve(proxy.halfOpen(true)),
      ],
      [
        'refuse',
        'is refused',
        async (proxy: TcpProxy): Promise<void> => {
          await proxy.refuse(true);
          proxy.cut();
        },
      ],
    ])(
      '(%s) the link %s: it waits and says why, raises link-down, and goes on',
      IN_TURN,
      async (name, _what, fault) => {
        await using gateway = await pulling(`kafka-${name}`);
        await fault(kafka());
        await gateway.untilStatus(
          'the source waits, with a cause, a hint and the time of the next try',
          isWaiting,
          60_000,
        );
        await gateway.untilStatus('the link-down alert is there', isLinkDown, 60_000);
        await kafka().heal();
        await gateway.verdict();
        await gateway.untilStatus('the alert is over', (status) => !isLinkDown(status));
      },
    );

    it('the link is slow and far: it takes its time, without a failed pull', IN_TURN, async () => {
      // The limit of a site, not the short one that makes the faults above quick to see: three pulls share this link.
      await using gateway = await pulling('kafka-slow', {
        source: { 'kafka.consumer.request.timeout.ms': '30s' },
      });
      kafka().delay(150);
      await gateway.verdict();
      expect((await gateway.status()).sources[0]?.failedPulls).toBe(0);
    });
  });

  describe.concurrent('between gateway and HDFS', () => {
    const site = gatewaySite({ kafka: {}, hdfs: { isProxied: true } });
    const namenode = (): TcpProxy => site.rig.hdfs.namenode.proxy;
    const datanode = (): TcpProxy => {
      const [node] = site.rig.hdfs.datanodes;
      if (node === undefined) throw new Error('no DataNode');
      return node.proxy;
    };
    afterEach(() => Promise.all([namenode(), datanode()].map((proxy) => proxy.heal())));

    /** A gateway with a file on its way through a slow DataNode. */
    async function uploading(name: string): Promise<TestGateway> {
      const gateway = await withEvents(site, name, { channel: { compression: 'none' } });
      datanode().limit(SLOW_BYTES_PER_SECOND / 2, 'up');
      const before = datanode().counts.bytesUp;
      await gateway.startReady();
      await until('a file is on its way', () => datanode().counts.bytesUp > before + 50_000);
      return gateway;
    }

    it.each([
      ['is reset', (proxy: TcpProxy): number => proxy.reset()],
      ['is cut', (proxy: TcpProxy): number => proxy.cut()],
    ])(
      'the DataNode’s connection %s in the middle of an upload: the attempt is given up, another one lands',
      IN_TURN,
      async (what, fault) => {
        await using gateway = await uploading(`datanode-${what.split(' ')[1] ?? ''}`);
        expect(fault(datanode()), 'uploads that broke').toBeGreaterThan(0);
        await gateway.untilStatus('the sink says why it waits', sinkSaysWhy);
        await datanode().heal();
        await gateway.verdict();
        await expectSecondAttempt(gateway);
      },
    );

    it(
      'the DataNode stalls in the middle of an upload and comes back: the upload goes on where it stood',
      IN_TURN,
      async () => {
        await using gateway = await uploading('datanode-stalled');
        datanode().stall(true);
        const { bytesUp } = datanode().counts;
        const stalled = await untilUploadStands(gateway);
        expect(datanode().counts.bytesUp).toBeLessThan(bytesUp + 100_000);
        expect(stalled.sinks[0]?.state).toBe('flowing');
        await datanode().heal();
        await gateway.verdict();
      },
    );

    it(
      'the DataNode’s host vanishes in the middle of an upload: what was sent is never trusted',
      IN_TURN,
      async () => {
        await using gateway = await uploading('datanode-vanished');
        datanode().halfOpen(true);
        await untilUploadStands(gateway);
        await datanode().heal();
        await gateway.verdict();
        await expectSecondAttempt(gateway);
      },
    );

    it(
      'the NameNode stalls, then is refused: the sink waits with a cause and a time, and goes on',
      IN_TURN,
      async () => {
        await using gateway = await uploading('namenode-gone');
        namenode().stall(true);
        await gateway.untilStatus('the sink waits with a cause', sinkSaysWhy, 60_000);
        await namenode().refuse(true);
        namenode().cut();
        namenode().stall(false);
        const waiting = await gateway.untilStatus(
          'the sink waits for a NameNode that refuses',
          (status) => sinkSaysWhy(status) && /ECONNREFUSED|refused/i.test(JSON.stringify(status.sinks[0])),
          60_000,
        );
        expect(waiting.sinks[0]?.heldFiles).toBe(0);
        await Promise.all([namenode().heal(), datanode().heal()]);
        await gateway.verdict();
      },
    );

    describe('a reply is lost', () => {
      it.each([
        ['a', 'CREATE', 'the NameNode', 'reset-after-forward', namenode],
        ['b', 'CREATE', 'the DataNode', 'reset-after-forward', datanode],
        ['c', 'RENAME', 'the NameNode', 'reset-after-forward', namenode],
        ['d', 'RENAME', 'the NameNode', 'swallow-reply', namenode],
      ] as const)(
        '(%s) of %s at %s (%s): the file is there once',
        IN_TURN,
        async (letter, operation, server, action, proxy) => {
          await using gateway = await withEvents(site, `lost-reply-${letter}`);
          const fault = proxy().onRequest((head) => head.includes(`op=${operation}`), action);
          await gateway.startReady();
          await fault.hit;
          await gateway.verdict();
          expect(fault.hits).toBe(1);
          // The NameNode only names a DataNode, and a rename is looked for; but bytes of an unknown end are sent again, elsewhere.
          const attempts = (await gateway.landings()).map((row) => row.attempts);
          expect(
            attempts.some((count) => count > 1),
            'uploaded again',
          ).toBe(server === 'the DataNode');
        },
      );

      it(
        'of RENAME, and somebody moves the file before the gateway looks: found by its inode, landed where it is now',
        IN_TURN,
        async () => {
          await using gateway = await withEvents(site, 'lost-rename-moved');
          let renamed: string | undefined;
          const fault = namenode().onRequest((head) => {
            const path = /^PUT \/webhdfs\/v1(\S*?)\?\S*op=RENAME\S*destination=([^& ]+)/.exec(head)?.[2];
            if (path !== undefined) renamed = decodeURIComponent(path);
            return path !== undefined;
          }, 'swallow-reply');
          await gateway.startReady();
          await fault.hit;
          if (renamed === undefined) throw new Error('the request named no destination');
          const { hdfs } = site.rig;
          const from = renamed;
          // In its own directory, so that the judge still finds it where its time belongs.
          const to = from.replace(/[^/]+$/, 'moved-by-somebody.log');
          await until('the file has its final name', () =>
            hdfs.superuserCall('GET', from, { op: 'GETFILESTATUS' }).then(
              () => true,
              () => false,
            ),
          );
          expect(await hdfs.superuserCall('PUT', from, { op: 'RENAME', destination: to })).toEqual({
            boolean: true,
          });
          await gateway.verdict();
          expect((await gateway.landings()).map(({ path }) => path)).toContain(to);
        },
      );
    });
  });
});

function untilUploadStands(gateway: TestGateway): Promise<EngineStatus> {
  return gateway.untilStatus(
    'the upload is seen to stand',
    ({ sinks: [sink] }) => sink?.uploads.some(({ step }) => step === 'create') === true,
  );
}

async function expectSecondAttempt(gateway: TestGateway): Promise<void> {
  const rows = await gateway.landings();
  expect(
    rows.some(({ attempts }) => attempts > 1),
    'a second attempt',
  ).toBe(true);
}
