/**
 * Goal: `headgate recover` needs no calm target: a NameNode pair may fail over in the middle of it, and HttpFS is as good a way to the files as
 * WebHDFS (exactly-once.md §5).
 * Method: a real pair and a real HttpFS; the disk of a gateway with files in HDFS and an accepted backlog is lost. The judge reads HDFS, the
 * engine audits every line.
 */
import { describe, expect, it } from 'vitest';
import { runRecover } from '../recovery/recover-process.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { gatewaySite } from './gateway-site.ts';
import { loseDisk, sumOf } from './lost-disk.ts';
import type { TestGateway } from './test-gateway.ts';

const EVENTS = 3_000;
const CASE_LIMIT_MS = 300_000;
const NOW = ['--declare-dead'];

async function goesOn(gateway: TestGateway): Promise<void> {
  await gateway.startReady();
  await gateway.produce(EVENTS);
  await gateway.untilLanded();
  await gateway.verdict({ level: 'deep' });
}

describe.skipIf(skipsWithoutJava('recovery from servers that change'))('headgate recover', () => {
  const site = gatewaySite({ kafka: {}, hdfs: { isHa: true, hasHttpfs: true } });

  it(
    'goes on where it was when the NameNodes fail over in the middle',
    async () => {
      await using gateway = await site.gateway('lost-failover');
      await loseDisk(gateway, EVENTS);
      const killed = await runRecover(gateway.configFile, NOW, 'recover.after-files');
      expect(killed.signal, killed.stderr).toBe('SIGKILL');
      // The one that was active answers as a standby from now on, and the pair is without an active one for a moment.
      const [end] = await Promise.all([runRecover(gateway.configFile, NOW), site.rig.hdfs.failover()]);
      const done = end.code === 0 ? end : await runRecover(gateway.configFile, NOW);
      expect(done.code, `${end.stderr}\n${done.stderr}`).toBe(0);
      expect({ landed: sumOf(done, 'landed'), claimed: sumOf(done, 'claimed') }).toEqual({
        landed: EVENTS,
        claimed: EVENTS,
      });
      await goesOn(gateway);
    },
    CASE_LIMIT_MS,
  );

  it(
    'reads the files over HttpFS',
    async () => {
      const server = { 'hdfs.namenodes': undefined, 'hdfs.httpfs': site.rig.hdfs.httpfs.url };
      await using gateway = await site.gateway('lost-httpfs', { sink: server });
      await loseDisk(gateway, EVENTS);
      const done = await runRecover(gateway.configFile, NOW);
      expect(done.code, done.stderr).toBe(0);
      expect({ landed: sumOf(done, 'landed'), claimed: sumOf(done, 'claimed') }).toEqual({
        landed: EVENTS,
        claimed: EVENTS,
      });
      await goesOn(gateway);
    },
    CASE_LIMIT_MS,
  );
});
