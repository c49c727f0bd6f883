/**
 * Goal: topics and sample events are found before there is a source, without a trace at the brokers, and what keeps brokers from answering is named with what to do.
 * Method: real brokers: a plain listener, one with SASL, one with TLS that advertises a name nobody can reach; ports of other servers.
 */
import { createServer, type Server } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kafkaSample, kafkaTopics, type LookContext } from '../../main/engine/what-if/topic-look.ts';
import { runWhatIf } from '../../main/engine/what-if/what-if-run.ts';
import { KafkaSurvey, sharesOf } from '../../main/sources/kafka/kafka-survey.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import type { GatewayConfig, KafkaSourceConfig } from '../../shared/contract/config.ts';
import { freePort } from '../rig/free-port.ts';
import { startKafka, type KafkaRig } from '../rig/kafka-rig.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { produceLines, produceTransaction, type LineToProduce } from '../rig/produce.ts';
import { lineRules } from './what-if-rules.ts';

const HOUR_MS = 3_600_000;
const calm = new AbortController().signal;

describe('shares of a sample', () => {
  test('are alike, never more than there is, and what small partitions leave goes to the others', () => {
    expect(sharesOf(10, [100, 100])).toEqual([5, 5]);
    expect(sharesOf(10, [100, 2, 100])).toEqual([4, 2, 4]);
    expect(sharesOf(10, [1, 0, 3])).toEqual([1, 0, 3]);
    expect(sharesOf(1, [5, 5, 5]).reduce((sum, share) => sum + share)).toBe(1);
  });
});

describe.skipIf(skipsWithoutJava('looking at Kafka'))('a look at Kafka', () => {
  let kafka: KafkaRig;
  let hidden: KafkaRig;
  let http: Server;
  let folder: string;
  let context: LookContext;

  beforeAll(async () => {
    [kafka, hidden] = await Promise.all([
      startKafka({ sasl: 'plain' }),
      startKafka({ isTls: true, advertised: 'kafka.invalid:9094' }),
    ]);
    folder = await mkdtemp(join(tmpdir(), 'headgate-look-'));
    await writeFile(join(folder, 'kafka.pw'), 'headgate-secret\n');
    await writeFile(join(folder, 'ca.pem'), hidden.caPem ?? '');
    context = { path: join(folder, 'headgate.yaml'), running: undefined };
    http = createServer((_, response) => response.end('no broker'));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await Promise.all([kafka.stop(), hidden.stop()]);
    http.close();
    await rm(folder, { recursive: true });
  });

  const direct = (): { bootstrapServers: string[] } => ({ bootstrapServers: [kafka.directBootstrap] });
  async function filled(topic: string, lines: readonly LineToProduce[], partitions = 1): Promise<void> {
    await kafka.createTopic(topic, partitions);
    await produceLines({
      bootstrap: kafka.directBootstrap,
      topic,
      partitions,
      lines: [...lines],
      codec: 'zstd',
    });
  }

  test('finds topics with their sizes, Kafka’s own apart', async () => {
    await filled(
      'sizes',
      Array.from({ length: 30 }, (_, at) => ({ value: `line ${at}` })),
      3,
    );
    const { clusterId, brokers, topics } = await kafkaTopics(direct(), context);
    expect(clusterId).not.toBe('');
    expect(brokers).toEqual([kafka.directBootstrap]);
    expect(topics).toContainEqual({ name: 'sizes', partitions: 3, records: 30, isInternal: false });
    expect(topics.find(({ name }) => name === '__consumer_offsets')?.isInternal).toBe(true);
  });

  test('shows the last events of all partitions, with headers, cut bodies, and bytes that are no text', async () => {
    const value = (at: number): string | Buffer =>
      at === 99 ? Buffer.from([0xff, 0x00, 0x41]) : at === 98 ? 'x'.repeat(10_000) : `line ${at}`;
    await filled(
      'last',
      Array.from({ length: 100 }, (_, at) => ({
        value: value(at),
        partition: at % 2,
        timestampMs: 1_795_000_000_000 + at,
        headers: { trace: `t-${at}`, constructor: 'c', ['__proto__']: 'p' },
      })),
      2,
    );
    const { events } = await kafkaSample({ ...direct(), topic: 'last', last: 6 }, context);
    expect(events.map(({ timestampMs }) => timestampMs % 1_000)).toEqual([94, 95, 96, 97, 98, 99]);
    expect(events.map(({ partition, offset }) => [partition, offset])).toEqual([
      [0, 47],
      [1, 47],
      [0, 48],
      [1, 48],
      [0, 49],
      [1, 49],
    ]);
    expect(events[0]).toMatchObject({
      body: 'line 94',
      bodyBytes: 7,
      headers: { trace: 't-94', constructor: 'c' },
    });
    expect(events[4]).toMatchObject({ bodyBytes: 10_000 });
    expect(events[4]?.body.length).toBe(4_096);
    expect(events[5]).toMatchObject({ body: '\ufffd\u0000A', bodyBytes: 3 });
  });

  test('goes back over offsets of transactions that hold no event', async () => {
    await filled('markers', [{ value: 'first' }, { value: 'second' }]);
    const target = { bootstrap: kafka.directBootstrap, topic: 'markers' };
    for (const at of [0, 1, 2])
      await produceTransaction({
        ...target,
        lines: [{ value: `aborted ${at}` }],
        transactionalId: `t-${at}`,
        end: 'abort',
      });
    const { events } = await kafkaSample({ ...direct(), topic: 'markers', last: 2 }, context);
    expect(events.map(({ body }) => body)).toEqual(['first', 'second']);
  });

  test('leaves no group, no offset and no transactional id behind', async () => {
    await filled('traces', [{ value: 'one' }]);
    const before = await kafka.withAdmin((admin) => admin.listGroups());
    await kafkaTopics(direct(), context);
    await kafkaSample({ ...direct(), topic: 'traces', last: 5 }, context);
    expect(await kafka.withAdmin((admin) => admin.listGroups())).toEqual(before);
    const { topics } = await kafkaTopics(direct(), context);
    expect(topics.find(({ name }) => name === '__consumer_offsets')?.records).toBe(0);
  });

  test('ends at its limit of bytes, however many events are wanted', async () => {
    await filled(
      'large',
      Array.from({ length: 40 }, (_, at) => ({ value: Buffer.alloc(200_000, at) })),
    );
    const survey = new KafkaSurvey({ ...direct(), clientId: 'test', tls: undefined, sasl: undefined });
    let events = 0;
    const request = {
      topics: ['large'],
      last: 40,
      maxEventBytes: 1_000_000,
      topicHeader: undefined,
      recordHeaders: {},
    };
    // Compressed on the wire: the limit is on what is fetched.
    for await (const slice of survey.sample({ ...request, bytesMax: 1, sliceEvents: () => 4 }, calm))
      events += slice.events.count;
    await survey.close();
    expect(survey.hasReached(1)).toBe(true);
    expect(events).toBeGreaterThan(0);
  });

  describe('says what is wrong:', () => {
    const sasl = (password: string): object => ({
      sasl: { mechanism: 'plain', username: 'headgate', password },
    });
    const failing = async (address: { bootstrapServers: string[]; security?: object }): Promise<unknown> => {
      const { security, ...servers } = address;
      return kafkaTopics(
        { ...servers, ...(security === undefined ? {} : { security: { ...security } }) },
        context,
      ).then(
        () => 'it answered',
        (error: unknown) => error,
      );
    };

    test('nothing listens there', async () => {
      const error = await failing({ bootstrapServers: [`127.0.0.1:${await freePort()}`] });
      expect(error).toMatchObject({
        code: 'broker-unreachable',
        hint: expect.stringMatching(/running/) as unknown,
      });
    });

    test('another server’s port', async () => {
      const { port } = http.address() as AddressInfo;
      const error = await failing({ bootstrapServers: [`127.0.0.1:${port}`] });
      expect(error).toMatchObject({
        code: 'transport',
        hint: expect.stringMatching(/port of a Kafka broker/) as unknown,
      });
    });

    test('no password where one is wanted', async () => {
      const error = await failing({ bootstrapServers: [kafka.bootstrap] });
      expect(error).toMatchObject({ hint: expect.stringMatching(/security\.sasl/) as unknown });
    });

    test('a wrong password, and the right one by reference to a file', async () => {
      const bootstrapServers = [kafka.bootstrap];
      expect(await failing({ bootstrapServers, security: sasl('wrong') })).toMatchObject({
        code: 'auth-failed',
      });
      expect(await failing({ bootstrapServers, security: sasl('${file:kafka.pw}') })).toBe('it answered');
      const missing = await failing({ bootstrapServers, security: sasl('${file:none.pw}') });
      expect(missing).toMatchObject({
        code: 'config-invalid',
        message: expect.stringMatching(/referenced file/) as unknown,
      });
    });

    test('a kept password is the running source’s for the same brokers only', async () => {
      const source = {
        type: 'kafka',
        bootstrapServers: [kafka.bootstrap],
        security: sasl('headgate-secret'),
      };
      const running = { sources: { a: source } } as unknown as GatewayConfig;
      const security = { ...sasl('********') };
      const same = await kafkaTopics(
        { bootstrapServers: [kafka.bootstrap], security },
        { ...context, running },
      );
      expect(same.topics.length).toBeGreaterThan(0);
      const other = kafkaTopics({ bootstrapServers: ['127.0.0.1:1'], security }, { ...context, running });
      await expect(other).rejects.toMatchObject({ code: 'config-invalid' });
    });

    test('plain text to a port with TLS, and TLS to a plain one', async () => {
      const plain = await failing({ bootstrapServers: [`127.0.0.1:${hidden.brokerPort}`] });
      expect(plain).toMatchObject({
        code: 'tls-failed',
        message: expect.stringMatching(/speaks TLS/) as unknown,
      });
      const tls = await failing({ ...direct(), security: { tls: { ca: join(folder, 'ca.pem') } } });
      expect(tls).toMatchObject({
        code: 'tls-failed',
        message: expect.stringMatching(/does not answer in TLS/) as unknown,
      });
    });

    test('a broker that advertises a name nobody can reach', async () => {
      const security = { tls: { ca: join(folder, 'ca.pem') } };
      const error = await failing({ bootstrapServers: [`127.0.0.1:${hidden.brokerPort}`], security });
      expect(error).toMatchObject({
        code: 'name-unresolved',
        place: 'kafka.invalid:9094',
        message: expect.stringMatching(/the cluster answers, but sends clients to broker/) as unknown,
        hint: expect.stringMatching(/advertised\.listeners/) as unknown,
      });
    });

    test('a topic that is not there', async () => {
      const looking = kafkaSample({ ...direct(), topic: 'nowhere', last: 3 }, context);
      await expect(looking).rejects.toMatchObject({ code: 'topic-missing' });
    });
  });

  test('rules are tried on the last events of a topic, and a zone that is wrong by hours is told', async () => {
    const timeText = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
    const startMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOUR_MS;
    const lines = Array.from({ length: 200 }, (_, at) => {
      const timestampMs = startMs + at * 1_000;
      // Written in Shanghai's time, read as UTC.
      return {
        value: at % 10 === 9 ? 'no time' : `${timeText(timestampMs + 8 * HOUR_MS)} line ${at}`,
        timestampMs,
      };
    });
    await filled('zone', lines, 2);
    const rules = { regex: '^(\\d+-\\S+ \\S+)', pattern: 'yyyy-MM-dd HH:mm:ss' };
    const at = (config: GatewayConfig): GatewayConfig => {
      const web = {
        ...(config.sources['web'] as KafkaSourceConfig),
        bootstrapServers: [kafka.directBootstrap],
      };
      return { ...config, sources: { web } };
    };
    const result = await runWhatIf(
      {
        config: at(lineRules(rules)),
        running: at(lineRules({ ...rules, timeZone: 'Asia/Shanghai' })),
        source: 'web',
        sample: { kind: 'topic', topic: 'zone', last: 100 },
        stateDir: undefined,
      },
      { clock: systemClock, signal: calm, onProgress: () => undefined },
    );
    expect(result).toMatchObject({ events: 100, placed: 100, quarantined: 0 });
    const trap = (kind: string) => result.traps.find((one) => one.kind === kind);
    expect(trap('no-zone')).toMatchObject({
      events: 90,
      message: expect.stringMatching(/8 h later than the records/) as unknown,
    });
    expect(trap('record-time')).toMatchObject({
      events: 10,
      message: expect.stringMatching(/record’s time in Kafka/) as unknown,
    });
    // Under the right zone each line keeps its hour's name; lines that take the record's time are named in another zone.
    expect(result.difference).toMatchObject({ same: 90, moved: 10, nowPlaced: 0, nowNotPlaced: 0 });
  });
});
