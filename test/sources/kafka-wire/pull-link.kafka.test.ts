/**
 * Goal: what a real broker stores is what comes out, for all codecs, transactions, compaction, sizes and errors; a bad link is
 * noticed in time and does not outlive its fault. Method: real Kafka through the rig's TCP proxy; records produced past it.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GatewayError } from '../../../shared/errors.ts';
import {
  PullLink,
  type FetchPartition,
  type LinkLogLine,
  type PullLinkOptions,
} from '../../../main/sources/kafka/wire/pull-link.ts';
import { fingerprintAt, RecordSetReader } from '../../../main/sources/kafka/wire/record-set-reader.ts';
import { startKafka, type KafkaRig } from '../../rig/kafka-rig.ts';
import { skipsWithoutJava } from '../../rig/needs-java.ts';
import { produceFile, produceLines, produceTransaction, type Codec } from '../../rig/produce.ts';
import { until } from '../../rig/until.ts';
import { ALL, eventsOf, offsetsOfRuns, range, slicesOf, type SeenEvent } from './reading.ts';

const never = new AbortController().signal;
const NODE = 1;
/** The broker's log cleaner looks every 15 s. */
const CLEANER_WAIT_MS = 90_000;

let kafka: KafkaRig;
let logLines: LinkLogLine[] = [];
const links: PullLink[] = [];

function linkTo(bootstrap: string, more: Partial<PullLinkOptions> = {}): PullLink {
  const link = new PullLink({
    bootstrapServers: [bootstrap],
    clientId: 'headgate-test',
    connectTimeoutMs: 5_000,
    requestTimeoutMs: 5_000,
    log: (line) => logLines.push(line),
    ...more,
  });
  links.push(link);
  return link;
}

function from(topic: string, offset: number, more: Partial<FetchPartition> = {}): FetchPartition {
  return { topic, partition: 0, offset, maxBytes: 4 * 1024 * 1024, ...more };
}

function fetchOf(partitions: readonly FetchPartition[], maxWaitMs = 200) {
  return { node: NODE, partitions, maxBytes: 32 * 1024 * 1024, minBytes: 1, maxWaitMs };
}

async function fetchOne(link: PullLink, partition: FetchPartition, maxWaitMs?: number) {
  const [fetched] = await link.fetch(fetchOf([partition], maxWaitMs), never);
  if (fetched === undefined) throw new Error('no partition');
  return fetched;
}

function reader(fetched: Awaited<ReturnType<typeof fetchOne>>): RecordSetReader {
  return new RecordSetReader({
    fetched,
    maxEventBytes: 100_000_000,
    topicHeader: 'topic',
    recordHeaders: { site: 'x-site' },
    knownEpochs: [],
  });
}

/** Everything of partition 0 from `offset` to `end`, over as many fetches as it takes. */
async function readAll(link: PullLink, topic: string, offset: number, end: number, maxBytes?: number) {
  const events: SeenEvent[] = [];
  const absent: number[] = [];
  let position = offset;
  while (position < end) {
    const fetched = await fetchOne(link, from(topic, position, maxBytes === undefined ? {} : { maxBytes }));
    expect(fetched.error).toBeUndefined();
    const set = reader(fetched);
    const slices = slicesOf(set, { maxEvents: 1_000, maxBytes: 1_000_000 });
    events.push(...eventsOf(slices));
    absent.push(...slices.flatMap((slice) => offsetsOfRuns(slice.absent)));
    position = set.nextOffset;
  }
  return { events, absent, position };
}

const rejection = (promise: Promise<unknown>): Promise<GatewayError> =>
  promise.then(
    () => {
      throw new Error('it resolved');
    },
    (error: GatewayError) => error,
  );

describe.skipIf(skipsWithoutJava('pull link'))('a pull link', () => {
  beforeAll(async () => {
    // Records with old times must stay.
    kafka = await startKafka({ isProxied: true, properties: { 'log.retention.ms': '-1' } });
  });
  afterAll(async () => {
    await Promise.all(links.map((link) => link.close()));
    await kafka?.stop();
  });

  it.each<Codec>(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
    'reads back what was produced with %s',
    async (codec) => {
      const topic = `codec-${codec}`;
      await kafka.createTopic(topic, 1);
      const lines = range(0, 5_000).map((index) => ({
        partition: 0,
        key: `k${index}`,
        value: `line ${index} ${'é'.repeat(index % 60)}`,
        timestampMs: 1_700_000_000_000 + index,
        headers: { 'x-site': `s${index % 3}` },
      }));
      await produceLines({ bootstrap: kafka.directBootstrap, topic, codec, lines, batch: 700 });
      const link = linkTo(kafka.bootstrap);
      const { events, absent } = await readAll(link, topic, 0, 5_000, 50_000);
      expect(absent).toEqual([]);
      expect(events).toEqual(
        lines.map(({ value, key, timestampMs }, offset) => ({
          offset,
          body: Buffer.from(value).toString('latin1'),
          timestampMs,
          key,
        })),
      );
      const [slice] = slicesOf(reader(await fetchOne(link, from(topic, 17))), ALL);
      expect(slice?.events.headers(0)).toEqual({
        topic,
        partition: '0',
        offset: '17',
        key: 'k17',
        timestamp: '1700000000017',
        'kafka.timestamp': '1700000000017',
        site: 's2',
      });
    },
  );

  it('reads Java’s own frames of every codec', { timeout: 240_000 }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'headgate-wire-'));
    const lines = range(0, 20_000).map((index) => `${index} ${'GET /a/b?c=d '.repeat(index % 15)}`);
    await writeFile(join(directory, 'lines'), `${lines.join('\n')}\n`);
    const link = linkTo(kafka.bootstrap);
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] satisfies Codec[]) {
      const topic = `java-${codec}`;
      await kafka.createTopic(topic, 1);
      await produceFile({
        bootstrap: kafka.directBootstrap,
        topic,
        codec,
        file: join(directory, 'lines'),
        partitions: 1,
      });
      const { events } = await readAll(link, topic, 0, lines.length, 300_000);
      expect(events.map(({ body }) => body)).toEqual(lines);
    }
    await rm(directory, { recursive: true });
  });

  it('hides aborted transactions and markers, and accounts for their offsets', async () => {
    const topic = 'transactions';
    await kafka.createTopic(topic, 1);
    const target = { bootstrap: kafka.directBootstrap, topic };
    const lines = (name: string) => range(0, 10).map((index) => ({ partition: 0, value: `${name}${index}` }));
    await produceLines({ ...target, lines: lines('plain') });
    await produceTransaction({
      ...target,
      lines: lines('bad'),
      transactionalId: 't1',
      end: 'abort',
      batch: 3,
    });
    await produceTransaction({
      ...target,
      lines: lines('good'),
      transactionalId: 't1',
      end: 'commit',
      batch: 3,
    });
    await produceLines({ ...target, lines: lines('last') });
    const { events, absent } = await readAll(linkTo(kafka.bootstrap), topic, 0, 42);
    expect(events.map(({ body }) => body)).toEqual(
      [...lines('plain'), ...lines('good'), ...lines('last')].map(({ value }) => value),
    );
    expect(absent).toEqual([...range(10, 21), 31]);
    // From the middle of the aborted transaction the answer is the same.
    const middle = await readAll(linkTo(kafka.bootstrap), topic, 15, 42);
    expect(middle.events[0]?.body).toBe('good0');
    expect(middle.absent).toEqual([...range(15, 21), 31]);
  });

  it('does not give what an open transaction holds back', async () => {
    const topic = 'open-transaction';
    await kafka.createTopic(topic, 1);
    const target = { bootstrap: kafka.directBootstrap, topic, lines: [{ partition: 0, value: 'x' }] };
    await produceLines(target);
    await produceTransaction({ ...target, transactionalId: 't2', end: 'leave-open' });
    const fetched = await fetchOne(linkTo(kafka.bootstrap), from(topic, 0));
    expect(reader(fetched).nextOffset).toBe(1);
    expect(fetched).toMatchObject({ lastStableOffset: 1, highWatermark: 2, logStartOffset: 0 });
  });

  it('accounts for the holes of a compacted topic', { timeout: 120_000 }, async () => {
    const topic = 'compacted';
    const config = {
      'cleanup.policy': 'compact',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.01',
      'max.compaction.lag.ms': '100',
    };
    await kafka.createTopic(topic, 1, config);
    const lines = range(0, 200).map((index) => ({ partition: 0, key: `k${index % 7}`, value: `v${index}` }));
    await produceLines({ bootstrap: kafka.directBootstrap, topic, lines, batch: 20, codec: 'lz4' });
    const link = linkTo(kafka.bootstrap);
    let end = 200;
    const compacted = await until(
      'the topic is compacted',
      async () => {
        const roll = { partition: 0, key: 'roll', value: 'roll' };
        await produceLines({ bootstrap: kafka.directBootstrap, topic, lines: [roll] });
        end++;
        const seen = await readAll(link, topic, 0, end);
        // The broker cleans segment by segment: done is when each key is there once.
        return seen.events.filter(({ key }) => key !== 'roll').length === 7 && seen;
      },
      CLEANER_WAIT_MS,
    );
    const known = compacted.events.filter(({ key }) => key !== 'roll');
    expect(known.map(({ key }) => key).sort()).toEqual(range(0, 7).map((index) => `k${index}`));
    for (const event of known) {
      expect(event.body).toBe(`v${event.offset}`);
      expect(event.offset).toBeGreaterThanOrEqual(193);
    }
    expect(
      [...compacted.absent, ...compacted.events.map(({ offset }) => offset)].sort((a, b) => a - b),
    ).toEqual(range(0, compacted.position));
  });

  it('gives the broker’s time in a LogAppendTime topic', async () => {
    const topic = 'append-time';
    await kafka.createTopic(topic, 1, { 'message.timestamp.type': 'LogAppendTime' });
    const before = Date.now();
    await produceLines({
      bootstrap: kafka.directBootstrap,
      topic,
      lines: [{ partition: 0, value: 'x', timestampMs: 1 }],
    });
    const { events } = await readAll(linkTo(kafka.bootstrap), topic, 0, 1);
    expect(events[0]?.timestampMs).toBeGreaterThanOrEqual(before - 1_000);
  });

  it('takes a record of 10 MB with a small byte limit, and bodies of 0 bytes', async () => {
    const topic = 'large';
    await kafka.createTopic(topic, 1, { 'max.message.bytes': '16000000' });
    const large = Buffer.alloc(10 * 1024 * 1024, 'ab');
    for (const value of ['', large, 'small']) {
      await produceLines({ bootstrap: kafka.directBootstrap, topic, lines: [{ partition: 0, value }] });
    }
    const { events } = await readAll(linkTo(kafka.bootstrap), topic, 0, 3, 1_000);
    expect(events.map(({ body }) => body.length)).toEqual([0, large.length, 5]);
    expect(events[1]?.body).toBe(large.toString('latin1'));
  });

  it('gives each partition its own error and the others their records', async () => {
    await kafka.createTopic('healthy', 1);
    await kafka.createTopic('doomed', 1);
    await produceLines({
      bootstrap: kafka.directBootstrap,
      topic: 'healthy',
      lines: [{ partition: 0, value: 'fine' }],
    });
    await kafka.deleteTopic('doomed');
    const link = linkTo(kafka.bootstrap);
    const partitions = [from('doomed', 0), from('healthy', 99), from('healthy', 0, { partition: 5 })];
    const fetched = await until('the topic is gone', async () => {
      const answer = await link.fetch(fetchOf(partitions), never);
      return answer[0]?.error !== undefined && answer;
    });
    expect(fetched.map(({ error }) => error)).toEqual([
      'UNKNOWN_TOPIC_OR_PARTITION',
      'OFFSET_OUT_OF_RANGE',
      'UNKNOWN_TOPIC_OR_PARTITION',
    ]);
    const [bad, good] = await link.fetch(fetchOf([from('doomed', 0), from('healthy', 0)]), never);
    expect(bad?.error).toBe('UNKNOWN_TOPIC_OR_PARTITION');
    expect(good?.records.length).toBeGreaterThan(0);
    const epochs = await link.fetch(fetchOf([from('healthy', 0, { leaderEpoch: 77 })]), never);
    expect(epochs[0]?.error).toBe('UNKNOWN_LEADER_EPOCH');
  });

  it('lists offsets by end, start and time, with each partition’s own error', async () => {
    const topic = 'offsets';
    await kafka.createTopic(topic, 1);
    const lines = range(0, 10).map((index) => ({ partition: 0, value: 'x', timestampMs: 1_000 + index }));
    await produceLines({ bootstrap: kafka.directBootstrap, topic, lines });
    await kafka.deleteRecords(topic, 0, 4n);
    const asked = [-1, -2, 1_007, 9_999].map((timestampMs) => ({ topic, partition: 0, timestampMs }));
    const link = linkTo(kafka.bootstrap);
    for (const [index, offset] of [10, 4, 7, -1].entries()) {
      const one = asked[index];
      if (one === undefined) continue;
      const missing = { topic: 'nowhere', partition: 0, timestampMs: -1 };
      const answer = await link.listOffsets({ node: NODE, partitions: [missing, one] }, never);
      expect(answer).toEqual([
        expect.objectContaining({ topic: 'nowhere', error: 'UNKNOWN_TOPIC_OR_PARTITION' }),
        expect.objectContaining({ topic, error: undefined, offset }),
      ]);
    }
    const gone = await fetchOne(link, from(topic, 0));
    expect(gone).toMatchObject({ error: 'OFFSET_OUT_OF_RANGE' });
  });

  it('makes the same fingerprint again from the same record, and another one in a log that was replaced', async () => {
    const topic = 'fingerprints';
    const target = { bootstrap: kafka.directBootstrap, topic, codec: 'zstd' as const, batch: 10 };
    const lines = (name: string) =>
      range(0, 30).map((index) => ({ partition: 0, value: `${name}${index}`, timestampMs: 5_000 + index }));
    await kafka.createTopic(topic, 1);
    await produceLines({ ...target, lines: lines('a') });
    const link = linkTo(kafka.bootstrap);
    const slices = slicesOf(reader(await fetchOne(link, from(topic, 0))), { maxEvents: 7, maxBytes: 1_000 });
    for (const { fingerprint } of slices) {
      if (fingerprint === undefined) throw new Error('no fingerprint');
      expect(
        fingerprintAt(
          await fetchOne(link, from(topic, fingerprint.offset, { maxBytes: 1 })),
          fingerprint.offset,
        ),
      ).toEqual(fingerprint);
    }
    await kafka.deleteTopic(topic);
    await until('the topic is made again', () =>
      kafka.createTopic(topic, 1).then(
        () => true,
        () => false,
      ),
    );
    await produceLines({ ...target, lines: lines('b') });
    const last = slices.at(-1)?.fingerprint;
    expect(last?.offset).toBe(29);
    const now = fingerprintAt(await fetchOne(link, from(topic, 29)), 29);
    expect(now).toMatchObject({ offset: 29, timestampMs: 5_029 });
    expect(now?.crc).not.toBe(last?.crc);
  });

  it('keeps two fetches to one broker under way, and answers both', async () => {
    await kafka.createTopic('two', 1);
    const link = linkTo(kafka.bootstrap);
    const { accepted } = kafka.proxy.counts;
    const both = [fetchOne(link, from('two', 0), 300), fetchOne(link, from('two', 0), 300)];
    for (const fetched of await Promise.all(both)) expect(fetched.records.length).toBe(0);
    // One for the brokers' addresses, one for both fetches, though neither was there when they began.
    expect(kafka.proxy.counts.accepted - accepted).toBe(2);
  });

  it('has no timer and sends nothing while it is idle', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    await kafka.createTopic('idle', 1);
    const before = timers();
    const link = linkTo(kafka.bootstrap);
    await fetchOne(link, from('idle', 0), 1);
    await link.listOffsets(
      { node: NODE, partitions: [{ topic: 'idle', partition: 0, timestampMs: -1 }] },
      never,
    );
    expect(timers()).toBeLessThanOrEqual(before);
  });

  describe('over a bad network', () => {
    const topic = 'bad-network';
    beforeAll(async () => {
      await kafka.createTopic(topic, 1);
      await produceLines({
        bootstrap: kafka.directBootstrap,
        topic,
        lines: range(0, 3_000).map(() => ({ partition: 0, value: 'x'.repeat(1_000) })),
      });
    });

    it('breaks off a stalled fetch at its time limit, and goes on over a new connection', async () => {
      const link = linkTo(kafka.bootstrap, { requestTimeoutMs: 400 });
      await fetchOne(link, from(topic, 0));
      kafka.proxy.stall(true);
      const started = Date.now();
      const pending = fetchOne(link, from(topic, 0), 100);
      const second = rejection(fetchOne(link, from(topic, 0), 100));
      expect(await rejection(pending)).toMatchObject({ code: 'timeout', place: kafka.bootstrap });
      expect(await second).toMatchObject({ code: 'timeout' });
      expect(Date.now() - started).toBeLessThan(3_000);
      await kafka.proxy.heal();
      expect((await fetchOne(link, from(topic, 0))).records.length).toBeGreaterThan(0);
    });

    it('notices a half-open link by the time limit', async () => {
      const link = linkTo(kafka.bootstrap, { requestTimeoutMs: 400 });
      await fetchOne(link, from(topic, 0));
      kafka.proxy.halfOpen(true);
      expect(await rejection(fetchOne(link, from(topic, 0), 50))).toMatchObject({ code: 'timeout' });
      await kafka.proxy.heal();
      expect((await fetchOne(link, from(topic, 0))).records.length).toBeGreaterThan(0);
    });

    it('reads whole answers after a connection was cut, or reset, in the middle of one', async () => {
      const link = linkTo(kafka.bootstrap);
      await fetchOne(link, from(topic, 0));
      for (const fault of ['cut', 'reset'] as const) {
        kafka.proxy.limit(500_000, 'down');
        const before = kafka.proxy.counts.bytesDown;
        const pending = rejection(fetchOne(link, from(topic, 0)));
        await until('the answer has begun', () => kafka.proxy.counts.bytesDown > before + 100_000);
        kafka.proxy[fault]();
        expect(await pending).toMatchObject({ code: 'transport' });
        await kafka.proxy.heal();
        expect(eventsOf(slicesOf(reader(await fetchOne(link, from(topic, 0))))).length).toBeGreaterThan(
          2_000,
        );
      }
    });

    it('rejects at once when its signal aborts, and the connection stays usable', async () => {
      const link = linkTo(kafka.bootstrap);
      const accepted = kafka.proxy.counts.accepted;
      await fetchOne(link, from(topic, 3_000), 50);
      const controller = new AbortController();
      const started = Date.now();
      const pending = rejection(link.fetch(fetchOf([from(topic, 3_000)], 2_000), controller.signal));
      controller.abort();
      expect(await pending).toMatchObject({ code: 'aborted' });
      expect(Date.now() - started).toBeLessThan(500);
      expect((await fetchOne(link, from(topic, 0))).records.length).toBeGreaterThan(0);
      expect(kafka.proxy.counts.accepted - accepted).toBe(2);
    });

    it('says that no broker can be reached, and reaches it when it is there again', async () => {
      const link = linkTo(kafka.bootstrap, { connectTimeoutMs: 1_000 });
      await kafka.proxy.refuse(true);
      expect(await rejection(link.connect(never))).toMatchObject({
        code: 'broker-unreachable',
        place: kafka.bootstrap,
      });
      await kafka.proxy.heal();
      await link.connect(never);
      await fetchOne(link, from(topic, 0));
      await kafka.proxy.refuse(true);
      kafka.proxy.cut();
      await until('the cut is noticed', () =>
        fetchOne(link, from(topic, 0)).then(
          () => false,
          () => true,
        ),
      );
      expect(await rejection(fetchOne(link, from(topic, 0)))).toMatchObject({ code: 'broker-unreachable' });
      await kafka.proxy.heal();
      expect((await fetchOne(link, from(topic, 0))).records.length).toBeGreaterThan(0);
    });

    it('comes back after the broker was killed and started again', async () => {
      const link = linkTo(kafka.bootstrap, { requestTimeoutMs: 2_000 });
      await fetchOne(link, from(topic, 0));
      await kafka.kill();
      const error = await rejection(fetchOne(link, from(topic, 0)));
      expect(['transport', 'timeout', 'broker-unreachable']).toContain(error.code);
      await kafka.start();
      const fetched = await until('the broker answers', () =>
        fetchOne(link, from(topic, 0)).catch(() => undefined),
      );
      expect(fetched.records.length).toBeGreaterThan(0);
    });

    it('rejects what is under way, and what comes later, when it is closed', async () => {
      const link = linkTo(kafka.bootstrap);
      await fetchOne(link, from(topic, 0));
      const pending = rejection(fetchOne(link, from(topic, 3_000), 5_000));
      await link.close();
      expect(await pending).toMatchObject({ code: 'aborted' });
      expect(await rejection(fetchOne(link, from(topic, 0)))).toMatchObject({ code: 'aborted' });
      await until('no connection is left', () => kafka.proxy.counts.open === 0 || links.length > 1);
    });
  });

  it('logs what kafkajs says, with the place, and no secret', () => {
    expect(logLines.length).toBeGreaterThan(0);
    for (const { message } of logLines) expect(message).not.toMatch(/secret/);
    logLines = [];
  });
});
