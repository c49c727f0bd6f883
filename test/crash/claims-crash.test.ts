/**
 * Goal: events of a damaged chunk, and events that were in the memory of an engine that died, land once also when the engine dies while the
 * chunk becomes a claim, or the claim is redeemed, or memory goes to the disk, on either side of the commit (exactly-once.md §6).
 * Method: real Kafka, HDFS and engine process; bytes of chunk bodies are flipped while the engine is stopped; it kills itself (SIGKILL) at the
 * crash point and is started again. The judge reads HDFS, the engine audits itself.
 */
import { describe, expect, it } from 'vitest';
import { damageChunks } from '../e2e/damaged-chunks.ts';
import { gatewaySite } from '../e2e/gateway-site.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';

const EVENTS = 4_000;
const CASE_LIMIT_MS = 240_000;
const KILLED = { code: null, signal: 'SIGKILL' };

describe.skipIf(skipsWithoutJava('claims'))('events of damaged chunks', () => {
  const site = gatewaySite();

  it.concurrent.each([
    'claim.before-commit',
    'claim.after-commit',
    'redeem.before-commit',
    'redeem.after-commit',
  ])(
    'land once, also when the engine dies at %s',
    async (point) => {
      const name = `claimed-${point.replaceAll(/[.:]/g, '-')}`;
      await using gateway = await site.gateway(name, { sink: { paused: true } });
      await gateway.startReady();
      await gateway.produce(EVENTS);
      await gateway.untilStatus('all is in the channel and accepted', ({ channels, sources }) => {
        const [source] = sources;
        const isAccepted = source?.partitions.every((one) => one.position === one.acceptedTo) === true;
        return channels[0]?.events === EVENTS && isAccepted;
      });
      await gateway.engine.stop();
      expect(damageChunks(gateway.stateDir).length).toBeGreaterThanOrEqual(2);

      const engine = gateway.start(point);
      await engine.ready();
      await engine.client.call('resume', { by: 'test' });
      expect(await engine.end(), 'it was killed at the point').toEqual(KILLED);

      await gateway.startReady();
      const between = await gateway.audit('ledger');
      expect(between).toMatchObject({ verdict: 'clean', findings: [] });
      await gateway.verdict({ level: 'deep' });
    },
    CASE_LIMIT_MS,
  );

  it.concurrent.each(['memory-lost.before-commit', 'memory-lost.after-commit'])(
    'and those of a memory that is gone land once, also when the next engine dies at %s',
    async (point) => {
      const name = `lost-${point.replaceAll(/[.:]/g, '-')}`;
      await using gateway = await site.gateway(name, {
        channel: { type: 'memory' },
        sink: { paused: true },
      });
      await gateway.startReady();
      await gateway.produce(EVENTS);
      await gateway.untilStatus(
        'all of it is in memory',
        ({ channels }) => channels[0]?.events === EVENTS && channels[0].memory?.usedBytes !== 0,
      );
      await gateway.engine.kill();
      expect(await gateway.start(point).end(), 'it was killed at the point').toEqual(KILLED);

      await gateway.startReady();
      await gateway.engine.client.call('resume', { by: 'test' });
      await gateway.verdict({ level: 'deep' });
    },
    CASE_LIMIT_MS,
  );

  it.concurrent.each(['spill.before-commit', 'spill.after-commit'])(
    'and those that go from memory to the disk land once, also when the engine dies at %s',
    async (point) => {
      await using gateway = await site.gateway(point.replaceAll('.', '-'), {
        channel: { type: 'spillable', spillAfter: '1s' },
        sink: { paused: true },
      });
      const engine = gateway.start(point);
      await engine.ready();
      await gateway.produce(EVENTS);
      expect(await engine.end(), 'it was killed at the point').toEqual(KILLED);

      await gateway.startReady();
      await gateway.engine.client.call('resume', { by: 'test' });
      await gateway.verdict({ level: 'deep' });
    },
    CASE_LIMIT_MS,
  );
});
