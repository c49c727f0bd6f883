/**
 * Goal: the operator's write switch and the channel's limit: nothing reaches the target while it is off, nothing is lost, and
 * intake that stopped for want of room goes on by itself.
 * Method: real servers, a real engine process with restarts; what "nothing landed" means is read in the ledger and in HDFS.
 */
import { describe, expect, it } from 'vitest';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { gatewaySite } from './gateway-site.ts';
import type { TestGateway } from './test-gateway.ts';

const EVENTS = 200_000;
const CASE_LIMIT_MS = 180_000;

describe.skipIf(skipsWithoutJava('write switch'))('the write switch', () => {
  const site = gatewaySite();

  async function expectNothingLanded(gateway: TestGateway): Promise<void> {
    expect(await gateway.landings(), 'rows of the ledger').toEqual([]);
    const { files, hidden } = await gateway.judge();
    expect({ files, hidden }, 'files in HDFS').toEqual({ files: 0, hidden: [] });
  }

  it.concurrent(
    'keeps 200,000 events in the channel over a restart, and lands them all when it is on again',
    async () => {
      await using gateway = await site.gateway('switch');
      const engine = await gateway.startReady();
      await engine.client.call('pause', { by: 'test', why: 'the cluster is being moved' });
      await gateway.produceMany(EVENTS);
      await gateway.untilStatus(
        'all events are in the channel and accepted',
        ({ channels: [channel] }) => channel?.events === EVENTS && channel.heldEvents === 0,
        60_000,
      );
      await expectNothingLanded(gateway);
      expect(await engine.stop()).toEqual({ code: 0, signal: null });

      const { client } = await gateway.startReady();
      const again = await gateway.untilStatus(
        'the restarted engine looks at its backlog',
        ({ sinks: [sink], sources: [source] }) =>
          sink?.state === 'paused' && sink.openKeys > 0 && source?.state === 'idle',
      );
      expect(again.sinks[0]?.paused).toMatchObject({ by: 'test', why: 'the cluster is being moved' });
      expect(again.channels[0]?.events).toBe(EVENTS);
      await expectNothingLanded(gateway);

      await client.call('resume', { by: 'test' });
      const { found } = await gateway.verdict();
      expect(found).toBe(EVENTS);
      expect((await gateway.status()).channels[0]?.events).toBe(0);
    },
    CASE_LIMIT_MS,
  );

  it.concurrent(
    'fills the channel to its limit: intake stops, says why, leaves the rest in Kafka, and goes on by itself',
    async () => {
      const capacityBytes = 16 * 1024 * 1024;
      await using gateway = await site.gateway('full', {
        source: { maxEventBytes: '1MiB' },
        channel: { capacityBytes, compression: 'none', minFreeDiskBytes: '1MiB' },
      });
      const { client } = await gateway.startReady();
      await client.call('pause', { by: 'test', why: 'nobody writes' });
      await gateway.produceMany(EVENTS);
      const full = await gateway.untilStatus(
        'the channel is full and the operator is told',
        ({ channels: [channel], alerts, sources: [source] }) =>
          channel?.state === 'full' &&
          source?.state === 'paused' &&
          alerts.some(({ code, clearedMs }) => code === 'channel-full' && clearedMs === undefined),
        60_000,
      );
      const [channel] = full.channels;
      expect(channel?.cause).toContain('Kafka keeps the data');
      expect(channel?.hint).toContain('goes on by itself');
      expect(channel?.usedBytes).toBeLessThan(capacityBytes * 1.5);
      expect(channel?.events, 'a good part stays in Kafka').toBeLessThan(EVENTS * 0.75);
      await gateway.untilStatus(
        'the lag counts what stays in Kafka, although nothing is fetched',
        ({ sources: [source] }) =>
          (source?.lag ?? 0) > EVENTS * 0.2 &&
          source?.partitions.reduce((sum, { logEnd }) => sum + logEnd, 0) === EVENTS,
      );
      await expectNothingLanded(gateway);

      await client.call('resume', { by: 'test' });
      const { found } = await gateway.verdict();
      expect(found).toBe(EVENTS);
      const after = await gateway.untilStatus('the alert is over', ({ alerts }) =>
        alerts.every(({ code, clearedMs }) => code !== 'channel-full' || clearedMs !== undefined),
      );
      expect(after.channels[0]?.state).toBe('open');
    },
    CASE_LIMIT_MS,
  );
});
