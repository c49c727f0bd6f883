/**
 * Goal: the plain path of the Kafka source on a real broker: open, pull, deliver, commit, accept, restart.
 * Method: a real Kafka, the real source, a store in memory that asserts the contract of puts. Waits on conditions only.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasJava } from '../../rig/jars.ts';
import { startKafka, type KafkaRig } from '../../rig/kafka-rig.ts';
import { produceLines } from '../../rig/produce.ts';
import { ids, TestGateway, until, type GatewayOptions } from './test-gateway.ts';

describe.skipIf(!hasJava() && process.env['CI'] === undefined)('the plain path', () => {
  let kafka: KafkaRig;
  let serial = 0;
  let topic = '';
  const gateways: TestGateway[] = [];

  beforeAll(async () => {
    kafka = await startKafka();
  });
  afterAll(() => kafka.stop());
  afterEach(async () => {
    await Promise.all(gateways.splice(0).map((one) => one.stop()));
  });

  async function newTopic(partitions = 1): Promise<string> {
    topic = `plain-${++serial}`;
    await kafka.createTopic(topic, partitions);
    return topic;
  }

  function gateway(options: Partial<GatewayOptions> = {}, store?: TestGateway['store']): TestGateway {
    const one = new TestGateway(
      { bootstrap: kafka.bootstrap, topicNames: [topic], groupId: `group-${serial}`, ...options },
      store,
    );
    gateways.push(one);
    return one;
  }

  function produce(from: number, to: number, partitions = 1): Promise<unknown> {
    const lines = ids(from, to).map((value) => ({ value }));
    return produceLines({ bootstrap: kafka.directBootstrap, topic, partitions, lines });
  }

  it('every record of a topic becomes landable once, in the order of offsets', async () => {
    await newTopic(3);
    await produce(0, 3_000, 3);
    const one = gateway().start();
    await until('all are accepted', () => one.landable().length >= 3_000);
    await produce(3_000, 3_300, 3);
    await until('the later ones too', () => one.landable().length >= 3_300);
    expect(one.landable().sort()).toEqual(ids(0, 3_300).sort());
    for (const partition of [0, 1, 2]) {
      const offsets = one.store.accepted
        .filter((put) => put.ref.partition === partition)
        .flatMap((put) => put.bodies.map((body) => body.offset));
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
    }
    const status = one.source?.status();
    expect(status?.fence).toBe('transactions');
    expect(status?.partitions.map((each) => each.lag)).toEqual([0, 0, 0]);
  });

  it('a restart goes on where the last run ended', async () => {
    await newTopic();
    await produce(0, 100);
    const first = gateway().start();
    await until('the first run has them', () => first.landable().length >= 100);
    await first.stop();
    await produce(100, 200);
    const second = gateway({}, first.store).start();
    await until('the second run has the rest', () => second.landable().length >= 200);
    expect(second.landable()).toEqual(ids(0, 200));
    expect(new Set(second.store.puts.map((put) => put.tenure)).size).toBe(2);
  });
});
