import { afterAll, afterEach, beforeAll } from 'vitest';
import { BrokerConnections } from '../../../main/sources/kafka/broker-connections.ts';
import { ProtocolLink, type CommittedValue } from '../../../main/sources/kafka/protocol-link.ts';
import { readStableValue } from '../../../main/sources/kafka/fence.ts';
import { systemClock } from '../../../main/sources/kafka/source-clock.ts';
import type { KafkaSourceInput } from '../../../main/sources/kafka/kafka-source-settings.ts';
import { hasJava } from '../../rig/jars.ts';
import { startKafka, type KafkaOptions, type KafkaRig } from '../../rig/kafka-rig.ts';
import { produceLines } from '../../rig/produce.ts';
import type { MemorySourceStore } from './memory-source-store.ts';
import { ids, TestGateway } from './test-gateway.ts';

export const isWithoutKafka = !hasJava() && process.env['CI'] === undefined;

/** A topic whose older records of a key go away within the time that a test has. */
export const COMPACTED_SOON = {
  'cleanup.policy': 'compact',
  'segment.ms': '100',
  'min.cleanable.dirty.ratio': '0.01',
  'max.compaction.lag.ms': '100',
} as const;

/** One broker for a file's tests, a new topic and group for each, and gateways that are stopped after each. */
export interface KafkaSuite {
  readonly kafka: KafkaRig;
  readonly topic: string;
  readonly group: string;
  newTopic(partitions?: number, config?: Readonly<Record<string, string>>): Promise<void>;
  gateway(options?: Partial<KafkaSourceInput>, store?: MemorySourceStore): TestGateway;
  produce(from: number, to: number, partitions?: number): Promise<void>;
  /** What the group has for the topic's partition 0. */
  committed(): Promise<CommittedValue>;
  /** What Kafka's own tool does: a plain commit with empty metadata. */
  resetByTool(offset: number): Promise<void>;
  /** Protocol calls of their own connections, past the proxy. */
  newLink(bootstrap?: string): ProtocolLink;
}

export function kafkaSuite(name: string, options: KafkaOptions = {}): KafkaSuite {
  let rig: KafkaRig | undefined;
  let serial = 0;
  const gateways: TestGateway[] = [];
  const links: ProtocolLink[] = [];
  const kafka = (): KafkaRig => {
    if (rig === undefined) throw new Error('Kafka does not run');
    return rig;
  };

  beforeAll(async () => {
    rig = await startKafka(options);
  });
  afterEach(async () => {
    if (options.isProxied === true) await kafka().proxy.heal();
    await Promise.all(gateways.splice(0).map((one) => one.stop()));
    await Promise.all(links.splice(0).map((one) => one.close()));
  });
  afterAll(() => rig?.stop());

  const suite: KafkaSuite = {
    get kafka() {
      return kafka();
    },
    get topic() {
      return `${name}-${serial}`;
    },
    get group() {
      return `group-${name}-${serial}`;
    },
    async newTopic(partitions = 1, config = {}) {
      serial++;
      await kafka().createTopic(suite.topic, partitions, config);
    },
    gateway(change = {}, store) {
      const one = new TestGateway(
        {
          bootstrap: kafka().bootstrap,
          topicNames: [suite.topic],
          groupId: suite.group,
          assignment: 'fixed',
          ...change,
        },
        store,
      );
      gateways.push(one);
      return one;
    },
    async produce(from, to, partitions = 1) {
      const lines = ids(from, to).map((value) => ({ value }));
      await produceLines({ bootstrap: kafka().directBootstrap, topic: suite.topic, partitions, lines });
    },
    async committed() {
      const place = { group: suite.group, topic: suite.topic, partition: 0 };
      const { signal } = new AbortController();
      return readStableValue({ link: suite.newLink(), clock: systemClock, place }, signal);
    },
    async resetByTool(offset) {
      const value = { offset, leaderEpoch: -1, metadata: '' };
      await suite.newLink().offsetCommit({ group: suite.group, topic: suite.topic, partition: 0 }, value);
    },
    newLink(bootstrap = kafka().directBootstrap) {
      const connections = new BrokerConnections({
        clientId: 'test',
        tls: undefined,
        sasl: undefined,
        connectTimeoutMs: 2_000,
        requestTimeoutMs: 2_000,
      });
      const link = new ProtocolLink(connections, [bootstrap]);
      links.push(link);
      return link;
    },
  };
  return suite;
}
