/**
 * Goal: a gateway leaves its group for good while another one goes on: every event stands in HDFS once, also when it is killed in the
 * middle with commits in doubt, and the one that stays knows that nothing is to be waited for.
 * Method: two gateways as processes on one group, real Kafka and HDFS; the one that leaves is killed while the broker does not answer its
 * commit. The judge reads what both have landed.
 */
import { describe, expect, it } from 'vitest';
import { headgate } from '../cli/command-line.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { until } from '../rig/until.ts';
import { gatewaySite } from './gateway-site.ts';
import type { GatewayOptions } from './test-gateway.ts';

const EVENTS = 6_000;
const CASE_LIMIT_MS = 180_000;

describe.skipIf(skipsWithoutJava('retire'))('retiring', () => {
  const site = gatewaySite();

  it(
    'drains a gateway that was killed with commits open, while another one of its group goes on',
    async () => {
      const shared: GatewayOptions = {
        source: { 'kafka.topics': ['leaver'], 'kafka.consumer.group.id': 'retirees' },
        sink: { 'hdfs.path': '/logs/leaver/%Y-%m-%d/%H' },
      };
      await using leaver = await site.gateway('leaver', shared);
      await using stayer = await site.gateway('stayer', { ...shared, isTopicMissing: true });
      await leaver.startReady();
      await leaver.produce(EVENTS);
      await leaver.untilLanded();
      await leaver.engine.client.call('pause', { by: 'test', why: 'hold a backlog' });
      await leaver.produce(EVENTS);
      await leaver.untilStatus('it holds a backlog', ({ channels: [channel] }) => channel?.events === EVENTS);

      await until('puts are stored whose commit is not answered', async () => {
        await leaver.produce(30);
        site.rig.kafka.pause();
        const { channels } = await leaver.status();
        if ((channels[0]?.heldEvents ?? 0) > 0) return true;
        site.rig.kafka.continue();
        return undefined;
      });
      await leaver.engine.client.call('retireStart', { by: 'test' });
      await leaver.engine.kill();
      site.rig.kafka.continue();

      await leaver.startReady();
      const { retirements } = await leaver.status();
      expect(retirements).toMatchObject([{ state: 'retiring', by: 'test' }]);
      await leaver.untilStatus(
        'what was in doubt is settled without taking anything new',
        ({ channels: [channel], retirements: [row] = [] }) =>
          channel?.heldEvents === 0 && row?.step?.endsWith('left; writing is paused') === true,
        90_000,
      );
      await stayer.startReady();
      await leaver.produce(EVENTS);
      await stayer.untilLanded(EVENTS);
      await leaver.engine.client.call('resume', { by: 'test' });
      const outcome = await headgate('retire', '--state-dir', leaver.stateDir, '--yes');
      expect(outcome).toMatchObject({ status: 0 });
      expect(outcome.stdout).toContain('may be removed');
      expect(await leaver.audit('hdfs')).toMatchObject({ verdict: 'clean' });
      await leaver.engine.stop();

      await leaver.produce(EVENTS);
      await until(
        'everything has landed',
        async () => ((await leaver.judge()).found === leaver.producedEvents ? true : undefined),
        60_000,
      );
      expect(await leaver.judge()).toMatchObject({ isClean: true, found: leaver.producedEvents });
      const { sources, alerts } = await stayer.status();
      expect(sources[0]?.partitions.length).toBe(3);
      expect(alerts.filter(({ code }) => code === 'silent-peer')).toEqual([]);
      expect(await stayer.audit('hdfs')).toMatchObject({ verdict: 'clean' });
    },
    CASE_LIMIT_MS,
  );
});
