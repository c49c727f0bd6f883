/**
 * Goal: an older copy of a state directory lands nothing, whatever its backlog holds, and takes nothing from Kafka on a guess
 * (exactly-once.md §6: a restored image); a copy that is started on another machine does not land beside the original (a clone).
 * Method: real servers and engine processes; the state directory is copied as a backup tool would copy it, while no engine runs,
 * and the judge reads what stands in HDFS.
 */
import { cp, rename } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { gatewaySite } from './gateway-site.ts';

const EVENTS = 3_000;
const CASE_LIMIT_MS = 120_000;

describe.skipIf(skipsWithoutJava('copies of a state directory'))('a copy of the state directory', () => {
  const site = gatewaySite();

  it(
    'that was restored after its backlog had landed lands nothing, and says why',
    async () => {
      await using gateway = await site.gateway('restored');
      const engine = await gateway.startReady();
      await engine.client.call('pause', { by: 'test', why: 'a backlog for the image' });
      await gateway.produce(EVENTS);
      await gateway.untilStatus(
        'the backlog is accepted',
        ({ channels: [channel] }) => channel?.events === EVENTS && channel.heldEvents === 0,
      );
      await engine.stop();
      const image = `${gateway.stateDir}.image`;
      await cp(gateway.stateDir, image, { recursive: true });

      const { client } = await gateway.startReady();
      await client.call('resume', { by: 'test' });
      await gateway.produce(EVENTS);
      await gateway.untilLanded();
      const before = await gateway.verdict();
      await gateway.engine.stop();

      await rename(gateway.stateDir, `${gateway.stateDir}.newest`);
      await rename(image, gateway.stateDir);
      const restored = await gateway.startReady();
      await restored.client.call('resume', { by: 'test' });
      const status = await gateway.untilStatus(
        'landing is refused and the partitions are held',
        ({ sinks: [sink], sources: [source] }) =>
          sink?.cause?.includes('restored from an older copy') === true &&
          source?.partitions.every(({ state }) => state === 'held') === true,
      );
      expect(status.sinks[0]?.hint).toContain('newest copy');
      expect(status.channels[0]?.events, 'its backlog stays').toBe(EVENTS);
      const after = await gateway.judge();
      expect({ found: after.found, files: after.files }).toEqual({
        found: before.found,
        files: before.files,
      });
      await restored.stop();

      // What the hint says helps: the newest copy goes on.
      await rename(gateway.stateDir, image);
      await rename(`${gateway.stateDir}.newest`, gateway.stateDir);
      await gateway.startReady();
      await gateway.produce(EVENTS);
      await gateway.untilLanded();
      await gateway.verdict();
    },
    CASE_LIMIT_MS,
  );
});
