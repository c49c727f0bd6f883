// Goal: the rig's Kafka is a real one that does what tests need: topics, all codecs, transactions, retention, crashes, SASL and TLS, a proxied link.
// Method: start it, write with the rig's helpers, read back with @platformatic/kafka and, for the Java frames, with Kafka's own tool.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Consumer, type ConsumerOptions } from '@platformatic/kafka';
import { Kafka, logLevel, type SASLOptions } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startKafka, type KafkaRig } from '../rig/kafka-rig.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { writePayloadFile } from '../rig/nginx-lines.ts';
import { produceFile, produceLines, produceTransaction, type Codec } from '../rig/produce.ts';
import { until } from '../rig/until.ts';

type Options = Partial<ConsumerOptions<Buffer, Buffer, Buffer, Buffer>>;

interface Seen {
  readonly partition: number;
  readonly offset: bigint;
  readonly value: string;
  readonly key: string | undefined;
  readonly timestamp: bigint;
  readonly headers: Record<string, string>;
}

const READ_LIMIT_MS = 20_000;

/** Reads until `count` records have come, in the order of each partition. */
async function read(bootstrap: string, topic: string, count: number, options: Options = {}): Promise<Seen[]> {
  const consumer = new Consumer({
    groupId: randomUUID(),
    clientId: 'selftest',
    bootstrapBrokers: [bootstrap],
    ...options,
  });
  const seen: Seen[] = [];
  const reading = async (): Promise<void> => {
    const stream = await consumer.consume({
      topics: [topic],
      mode: 'earliest',
      autocommit: false,
      maxWaitTime: 200,
    });
    for await (const message of stream) {
      const { partition, offset, timestamp } = message;
      const headers = Object.fromEntries(
        [...message.headers].map(([name, value]) => [name.toString(), value.toString()]),
      );
      // A record without a key carries null, whatever the type says.
      const key = (message.key as Buffer | null)?.toString();
      seen.push({ partition, offset, timestamp, value: message.value.toString(), key, headers });
      if (seen.length === count) break;
    }
  };
  const limit = new AbortController();
  try {
    const late = wait(READ_LIMIT_MS, undefined, { signal: limit.signal }).catch(() => undefined);
    await Promise.race([reading(), late]);
  } finally {
    limit.abort();
    await consumer.close(true);
  }
  if (seen.length !== count) throw new Error(`${seen.length} of ${count} records came from ${topic}`);
  return seen;
}

describe.skipIf(skipsWithoutJava('the Kafka rig'))('a Kafka of the rig', () => {
  let kafka: KafkaRig;
  beforeAll(async () => {
    kafka = await startKafka({ isProxied: true });
  });
  afterAll(() => kafka.stop());

  test.each<Codec>(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
    'takes and gives records in codec %s',
    async (codec) => {
      const topic = `codec-${codec}-${randomUUID()}`;
      await kafka.createTopic(topic, 2);
      const lines = Array.from({ length: 500 }, (_, index) => ({
        value: `line ${index}`,
        key: `k${index}`,
        timestampMs: 1_700_000_000_000 + index,
        headers: { host: `h${index}` },
      }));
      const written = await produceLines({
        bootstrap: kafka.directBootstrap,
        topic,
        partitions: 2,
        codec,
        batch: 120,
        lines,
      });
      expect(written).toEqual(
        new Map([0, 1].map((partition) => [partition, { first: 0n, last: 249n, count: 250 }])),
      );
      const seen = await read(kafka.bootstrap, topic, 500);
      for (const partition of [0, 1]) {
        const own = seen.filter((one) => one.partition === partition);
        expect(own.map((one) => one.offset)).toEqual(own.map((_, index) => BigInt(index)));
        expect(own[7]).toMatchObject({
          value: `line ${14 + partition}`,
          key: `k${14 + partition}`,
          timestamp: BigInt(1_700_000_000_014 + partition),
          headers: { host: `h${14 + partition}` },
        });
      }
    },
  );

  test.each<Codec>(['none', 'snappy', 'zstd'])(
    'takes a payload file from the Java producer in codec %s',
    async (codec) => {
      const topic = `file-${codec}`;
      const directory = mkdtempSync(join(tmpdir(), 'headgate-file-'));
      try {
        const file = join(directory, 'lines.txt');
        writePayloadFile(file, 5_000);
        await kafka.createTopic(topic, 3);
        expect(
          await produceFile({ bootstrap: kafka.directBootstrap, topic, file, partitions: 3, codec }),
        ).toBe(5_000);
        expect((await kafka.offsets(topic, 3)).map(({ latest }) => latest)).toEqual([1667n, 1667n, 1666n]);
        const seen = await read(kafka.directBootstrap, topic, 5_000);
        expect(seen.every((one) => one.value.includes(`id=${one.partition}-${one.offset} `))).toBe(true);
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );

  test('hides aborted transactions, and an open one holds back what follows', async () => {
    const topic = 'transactions';
    await kafka.createTopic(topic, 1);
    const common = { bootstrap: kafka.directBootstrap, topic, transactionalId: 'selftest' };
    await produceTransaction({ ...common, end: 'commit', lines: [{ value: 'a' }, { value: 'b' }] });
    await produceTransaction({ ...common, end: 'abort', lines: [{ value: 'never' }] });
    const last = await produceTransaction({ ...common, end: 'commit', lines: [{ value: 'c' }] });
    // Two records and a marker, one record and a marker: the third transaction begins at 5.
    expect(last.get(0)?.first).toBe(5n);
    await produceTransaction({ ...common, end: 'leave-open', lines: [{ value: 'hangs' }] });
    expect((await kafka.offsets(topic, 1))[0]?.latest).toBe(8n);
    const seen = await read(kafka.bootstrap, topic, 3);
    expect(seen.map((one) => one.value)).toEqual(['a', 'b', 'c']);
  });

  test('forgets records before an offset, replaces a topic, and adds partitions', async () => {
    const common = { bootstrap: kafka.directBootstrap, topic: 'mortal' };
    await kafka.createTopic('mortal', 1);
    await produceLines({
      ...common,
      lines: Array.from({ length: 10 }, (_, index) => ({ value: `${index}` })),
    });
    await kafka.deleteRecords('mortal', 0, 6n);
    expect(await kafka.offsets('mortal', 1)).toEqual([{ earliest: 6n, latest: 10n }]);
    await kafka.deleteTopic('mortal');
    await kafka.createTopic('mortal', 1);
    expect(await kafka.offsets('mortal', 1)).toEqual([{ earliest: 0n, latest: 0n }]);
    await kafka.addPartitions('mortal', 3);
    expect(await kafka.offsets('mortal', 3)).toHaveLength(3);
  });

  test('keeps its records over SIGKILL and over an orderly restart', async () => {
    await kafka.createTopic('durable', 1);
    await produceLines({ bootstrap: kafka.directBootstrap, topic: 'durable', lines: [{ value: 'one' }] });
    await kafka.kill();
    expect(kafka.isRunning).toBe(false);
    await kafka.start();
    await kafka.restart();
    expect((await read(kafka.bootstrap, 'durable', 1))[0]?.value).toBe('one');
  });

  test.runIf(process.platform === 'linux')(
    'stands still while it is frozen and answers afterwards',
    async () => {
      const state = (): string | undefined =>
        /\) (\w) /.exec(readFileSync(`/proc/${kafka.pid}/stat`, 'utf8'))?.[1];
      kafka.pause();
      await until('the process is stopped', () => state() === 'T');
      const answer = kafka.offsets('durable', 1);
      kafka.continue();
      expect(await answer).toEqual([{ earliest: 0n, latest: 1n }]);
      expect(state()).not.toBe('T');
    },
  );

  test('the proxied link carries the bytes of the system under test and not those of the rig', async () => {
    const before = kafka.proxy.counts;
    await produceLines({ bootstrap: kafka.directBootstrap, topic: 'durable', lines: [{ value: 'two' }] });
    expect(kafka.proxy.counts.accepted).toBe(before.accepted);
    await read(kafka.bootstrap, 'durable', 2);
    expect(kafka.proxy.counts.accepted).toBeGreaterThan(before.accepted);
  });
});

describe.skipIf(skipsWithoutJava('the Kafka rig with SASL and TLS'))('sign-in', () => {
  const users = [{ username: 'alice', password: 'alice-secret' }];

  async function topicsSeenBy(
    kafka: KafkaRig,
    mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512',
    password: string,
  ): Promise<string[]> {
    const client = new Kafka({
      brokers: [kafka.bootstrap],
      logLevel: logLevel.NOTHING,
      sasl: { mechanism, username: 'alice', password } as SASLOptions,
      retry: { retries: 0 },
      ...(kafka.caPem === undefined ? {} : { ssl: { ca: [kafka.caPem] } }),
    });
    const admin = client.admin();
    try {
      await admin.connect();
      return await admin.listTopics();
    } finally {
      await admin.disconnect();
    }
  }

  test('by SCRAM over TLS works with the right password only', async () => {
    const kafka = await startKafka({ sasl: 'scram', users, isTls: true });
    try {
      await kafka.createTopic('secret', 1);
      expect(await topicsSeenBy(kafka, 'scram-sha-256', 'alice-secret')).toContain('secret');
      expect(await topicsSeenBy(kafka, 'scram-sha-512', 'alice-secret')).toContain('secret');
      await expect(topicsSeenBy(kafka, 'scram-sha-256', 'wrong')).rejects.toThrow(/[Aa]uthentication/);
    } finally {
      await kafka.stop();
    }
  });

  test('by PLAIN works with the right password only', async () => {
    const kafka = await startKafka({ sasl: 'plain', users });
    try {
      await kafka.createTopic('secret', 1);
      expect(await topicsSeenBy(kafka, 'plain', 'alice-secret')).toContain('secret');
      await expect(topicsSeenBy(kafka, 'plain', 'wrong')).rejects.toThrow(/[Aa]uthentication/);
    } finally {
      await kafka.stop();
    }
  });
});
