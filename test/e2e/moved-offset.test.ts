/**
 * Goal: an offset that somebody moved with Kafka's tool is never followed on a guess: the partition is held, says so, and goes on
 * where the operator says (exactly-once.md §4, "Others at the group").
 * Method: Kafka's own kafka-consumer-groups against a stopped gateway, real engine processes, the judge.
 */
import { Kafka, logLevel } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { gatewaySite } from './gateway-site.ts';

const EVENTS = 2_000;
const CASE_LIMIT_MS = 240_000;

describe.skipIf(skipsWithoutJava('moved offsets'))('an offset that somebody moved', () => {
  const site = gatewaySite();

  it.concurrent.each([
    { choice: 'stored', copies: 1 },
    { choice: 'broker', copies: 2 },
  ] as const)(
    'holds the partition until the operator says $choice, then each event is there $copies time(s)',
    async ({ choice, copies }) => {
      await using gateway = await site.gateway(`moved-${choice}`, { partitions: 1 });
      const engine = await gateway.startReady();
      await gateway.produce(EVENTS);
      await gateway.verdict();
      await engine.stop();
      const admin = new Kafka({
        brokers: [site.rig.kafka.directBootstrap],
        logLevel: logLevel.NOTHING,
      }).admin();
      await admin.connect();
      try {
        const groupId = `headgate.${gateway.name}`;
        await admin.setOffsets({
          groupId,
          topic: gateway.topic,
          partitions: [{ partition: 0, offset: '0' }],
        });
      } finally {
        await admin.disconnect();
      }

      const cautious = await gateway.startReady();
      const held = await gateway.untilStatus(
        'the partition is held, with an alert',
        ({ sources: [source], alerts }) =>
          source?.partitions[0]?.state === 'held' && alerts.some(({ code }) => code === 'held'),
      );
      expect(held.alerts.find(({ code }) => code === 'held')?.hint).toContain('--accept-replay');
      expect((await gateway.judge()).found).toBe(EVENTS);
      await cautious.stop();

      await gateway.startReady('--accept-replay', choice);
      await gateway.produce(EVENTS);
      await gateway.untilLanded(EVENTS * (copies + 1));
      const { duplicates, missing } = await gateway.judge({ isTimed: false });
      expect({ duplicates: duplicates.count, missing: missing.count }).toEqual({
        duplicates: (copies - 1) * EVENTS,
        missing: 0,
      });
    },
    CASE_LIMIT_MS,
  );
});
