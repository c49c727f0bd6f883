/**
 * Goal: whatever happens to a partition's log (retention, a topic deleted and created again, a log that ends before us, hanging
 * transactions, record batches that do not fit), no offset is skipped silently and none of two logs are mixed.
 * Method: the real thing on a real broker; only a log that ends before us is shown by a database that claims more than there is.
 */
import { cp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ProtocolLink } from '../../../main/sources/kafka/protocol-link.ts';
import { parseTenureMetadata } from '../../../main/sources/kafka/tenure-metadata.ts';
import { PullLink } from '../../../main/sources/kafka/wire/pull-link.ts';
import { produceLines, produceTransaction } from '../../rig/produce.ts';
import { COMPACTED_SOON, isWithoutKafka, kafkaSuite } from './kafka-suite.ts';
import { ids, SkippingClock, until } from './test-gateway.ts';

describe.skipIf(isWithoutKafka)('changes of the log', () => {
  const suite = kafkaSuite('log', { properties: { 'log.cleaner.backoff.ms': '100' } });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('retention overtook us: a gap with an alarm, then on from the earliest, and never -2 in the group', async () => {
    await suite.newTopic();
    await suite.produce(0, 50);
    const a = suite.gateway().start();
    await until('the first are accepted', () => a.landable().length === 50);
    await a.stop();
    await suite.produce(50, 100);
    await suite.kafka.deleteRecords(suite.topic, 0, 80n);
    a.start();
    await until('the rest is accepted', () => a.landable().length === 70);
    expect(a.landable()).toEqual([...ids(0, 50), ...ids(80, 100)]);
    expect(a.store.accepted.flatMap((put) => put.gaps)).toEqual([{ from: 50, to: 80 }]);
    expect(a.has('gap', 'retention')).toBe(true);
    await until('the group has it', async () => (await suite.committed()).offset === 100);
    expect(parseTenureMetadata((await suite.committed()).metadata).kind).toBe('ours');
  });

  it('retention while running and paused: the same', async () => {
    await suite.newTopic();
    await suite.produce(0, 10);
    const a = suite.gateway().start();
    await until('the first are accepted', () => a.landable().length === 10);
    a.isOpen = false;
    await until('it is paused', () => a.source?.status().state === 'paused');
    await suite.produce(10, 60);
    await suite.kafka.deleteRecords(suite.topic, 0, 40n);
    a.isOpen = true;
    await until('the rest is accepted', () => a.landable().length >= 30);
    await until('gap', () =>
      a.store.accepted.some((put) => put.gaps.length > 0 || put.bodies.some((one) => one.offset === 59)),
    );
    expect(a.store.puts.flatMap((put) => put.gaps)).toEqual([{ from: 10, to: 40 }]);
    expect(a.has('gap', 'offsets 10 to 39 were not pulled')).toBe(true);
    await until('the group has it', async () => (await suite.committed()).offset === 60);
  });

  it('a topic deleted and created again, grown past our position, is another incarnation read from its start', async () => {
    await suite.newTopic();
    await suite.produce(0, 30);
    const a = suite.gateway().start();
    await until('the first are accepted', () => a.landable().length === 30);
    await a.stop();
    await suite.kafka.deleteTopic(suite.topic);
    await until('it is gone', async () => !(await topicNames()).has(suite.topic));
    await suite.kafka.createTopic(suite.topic, 1);
    await suite.produce(1_000, 1_080);
    a.start();
    await until('the new log is accepted', () => a.landable().length === 110);
    expect(a.landable()).toEqual([...ids(0, 30), ...ids(1_000, 1_080)]);
    expect(new Set(a.store.puts.map((put) => put.ref.incarnation)).size).toBe(2);
    expect(a.has('incarnation')).toBe(true);
  });

  it('a topic deleted and created again under a running gateway: held puts of the old log land', async () => {
    await suite.newTopic();
    await suite.produce(0, 30);
    const a = suite.gateway({ timing: { commitIntervalMs: 3_600_000, topicRefreshMs: 300 } }).start();
    await until('they are held', () => a.store.held.flatMap((put) => put.bodies).length === 30);
    await suite.kafka.deleteTopic(suite.topic);
    await until('it says that it is gone', () => a.has('topic-missing'));
    await suite.kafka.createTopic(suite.topic, 1);
    await suite.produce(500, 510);
    await until('the new ones come', () =>
      a.store.puts.some((put) => put.bodies.some((one) => one.body === 'id-509')),
    );
    await a.stop();
    expect(a.landable()).toEqual([...ids(0, 30), ...ids(500, 510)]);
  });

  it(
    'a log that lost its end, as after an unclean election, is another incarnation from where it diverges',
    { timeout: 90_000 },
    async () => {
      await suite.newTopic();
      const [grown, short] = [suite.topic, `${suite.topic}-short`];
      await suite.kafka.createTopic(short, 1);
      const produce = async (topic: string, from: number, to: number): Promise<unknown> =>
        produceLines({ bootstrap: suite.kafka.directBootstrap, topic, lines: lines(from, to) });
      for (const topic of [grown, short]) await produce(topic, 0, 10);
      const a = suite.gateway({ topics: { kind: 'list', names: [grown, short] } });
      await cutBackTo([grown, short], async () => {
        for (const topic of [grown, short]) await produce(topic, 10, 20);
        a.start();
        await until('all are accepted', () => a.landable().length === 40);
        await a.stop();
      });
      const landed = (topic: string): string[] =>
        a.store.accepted.flatMap((put) => (put.ref.topic === topic ? put.bodies.map((one) => one.body) : []));
      const incarnations = (topic: string): number =>
        new Set(a.store.puts.flatMap((put) => (put.ref.topic === topic ? put.ref.incarnation : []))).size;

      // Grown past us: the other record at our fingerprint's offset tells.
      await produce(grown, 1_000, 1_040);
      // Still short: for a minute a stale leader could be the reason.
      await produce(short, 1_000, 1_005);
      const clock = new SkippingClock();
      a.environment = { clock };
      a.start();
      await until('the grown one is read', () => landed(grown).length === 60);
      expect(landed(grown)).toEqual([...ids(0, 20), ...ids(1_000, 1_040)]);
      expect(a.has('incarnation', 'another one now')).toBe(true);
      await until('the short one is waited for', () => a.has('restarted', 'lies beyond the log'));
      clock.skippedMs = 50_000;
      const looks = vi.spyOn(ProtocolLink.prototype, 'initProducerId');
      await until('it looked again', () => looks.mock.calls.length >= 2);
      expect(incarnations(short)).toBe(1);
      clock.skippedMs = 61_000;
      await until('the short one is read', () => landed(short).length === 25);
      expect(landed(short)).toEqual([...ids(0, 20), ...ids(1_000, 1_005)]);
      expect([incarnations(grown), incarnations(short)]).toEqual([2, 2]);
      expect(a.store.puts.at(-1)).toMatchObject({ first: 10, next: 15 });
    },
  );

  it('a damaged record batch holds its partition, with its name, and no other; mended, it goes on', async () => {
    await suite.newTopic(2);
    await suite.produce(0, 20, 2);
    const file = join(suite.kafka.dataDir, `${suite.topic}-0`, '00000000000000000000.log');
    const flip = async (): Promise<void> => {
      const handle = await open(file, 'r+');
      const byte = Buffer.alloc(1);
      await handle.read(byte, 0, 1, 100);
      await handle.write(Buffer.from([(byte[0] ?? 0) ^ 0xff]), 0, 1, 100);
      await handle.close();
    };
    await flip();
    const a = suite.gateway().start();
    await until('the other partition lands', () => a.landable().length === 10);
    await until('it is held', () => a.has('undecodable'));
    expect(a.source?.status().partitions.map((one) => one.state)).toContain('held');
    expect(a.source?.status().counters.repulls).toBeGreaterThanOrEqual(1);
    await flip();
    await until('all land', () => a.landable().length === 20);
    expect(a.landable().sort()).toEqual(ids(0, 20).sort());
  });

  it('aborted transactions and markers are absent; what is committed lands', async () => {
    await suite.newTopic();
    const base = { bootstrap: suite.kafka.directBootstrap, topic: suite.topic };
    await suite.produce(0, 5);
    await produceTransaction({
      ...base,
      transactionalId: `${suite.topic}-t`,
      lines: lines(5, 10),
      end: 'abort',
    });
    await produceTransaction({
      ...base,
      transactionalId: `${suite.topic}-t`,
      lines: lines(10, 15),
      end: 'commit',
    });
    const a = suite.gateway().start();
    await until('they are accepted', () => a.landable().length === 10);
    expect(a.landable()).toEqual([...ids(0, 5), ...ids(10, 15)]);
    expect(a.store.puts.reduce((sum, put) => sum + put.absent, 0)).toBeGreaterThanOrEqual(6);
  });

  it('a hanging transaction: what is before it lands, and the stuck stable offset is alarmed', async () => {
    await suite.newTopic();
    const base = { bootstrap: suite.kafka.directBootstrap, topic: suite.topic };
    await suite.produce(0, 5);
    await produceTransaction({
      ...base,
      transactionalId: `${suite.topic}-h`,
      lines: lines(5, 8),
      end: 'leave-open',
    });
    await suite.produce(8, 10);
    const a = suite.gateway({ timing: { stableStuckMs: 500 } }).start();
    await until('the first land', () => a.landable().length === 5);
    await until('it is alarmed', () => a.has('stable-offset-stuck'));
    expect(a.landable()).toEqual(ids(0, 5));
    expect(a.source?.status().partitions[0]?.state).toBe('caught-up');
  });

  it('a record batch larger than the fetch size is pulled all the same', async () => {
    await suite.newTopic(1, { 'max.message.bytes': '8000000' });
    const big = 'x'.repeat(3_000_000);
    await produceLines({
      bootstrap: suite.kafka.directBootstrap,
      topic: suite.topic,
      lines: [{ value: 'small' }, { value: big }, { value: 'after' }],
      batch: 1,
    });
    const a = suite.gateway({ partitionBytes: 64 * 1024, fetchBytes: 64 * 1024 }).start();
    await until('all three land', () => a.landable().length === 3);
    expect(a.landable().map((body) => body.length)).toEqual([5, 3_000_000, 5]);
  });

  it('an event over the limit goes to quarantine and counts', async () => {
    await suite.newTopic();
    const values = ['small', 'y'.repeat(2_000), 'after'];
    await produceLines({
      bootstrap: suite.kafka.directBootstrap,
      topic: suite.topic,
      lines: values.map((value) => ({ value })),
    });
    const a = suite.gateway({ maxEventBytes: 1_000 }).start();
    await until('the others land', () => a.landable().length === 2);
    expect(a.store.accepted.reduce((sum, put) => sum + put.quarantined, 0)).toBe(1);
  });

  it('startAt latest is resolved once: what came while the gateway was away is not skipped', async () => {
    await suite.newTopic();
    await suite.produce(0, 10);
    const a = suite.gateway({ startAt: 'latest' }).start();
    await until('it is caught up', () => a.source?.status().partitions[0]?.state === 'caught-up');
    expect(a.store.puts).toEqual([]);
    await a.stop();
    await suite.produce(10, 15);
    a.start();
    await until('they land', () => a.landable().length === 5);
    expect(a.landable()).toEqual(ids(10, 15));
  });

  it('a compacted topic: what is gone is absent at the broker, no hole is believed on one answer', async () => {
    await suite.newTopic(1, COMPACTED_SOON);
    const target = { bootstrap: suite.kafka.directBootstrap, topic: suite.topic, batch: 10 };
    const keyed = ids(0, 60).map((value, index) => ({ key: `k${index % 5}`, value }));
    await produceLines({ ...target, lines: keyed });
    let end = 60;
    const cleaned = join(suite.kafka.dataDir, `${suite.topic}-0`, '00000000000000000000.log');
    const written = (await stat(cleaned)).size;
    await until('the first segment is cleaned', async () => {
      await produceLines({ ...target, lines: [{ key: 'roll', value: 'roll' }] });
      end++;
      return (await stat(cleaned)).size < written / 2;
    });
    const a = suite.gateway().start();
    await until('all is accounted for', () => a.source?.status().partitions[0]?.position === end);
    await until('it is accepted', () => a.store.held.length === 0);
    const bodies = a.landable().filter((body) => body !== 'roll');
    expect(bodies).toEqual(expect.arrayContaining(ids(55, 60)));
    expect(a.store.puts.reduce((sum, put) => sum + put.absent, 0)).toBe(end - a.landable().length);
    expect(a.store.puts.flatMap((put) => put.gaps)).toEqual([]);
    expect(a.source?.status().counters.repulls).toBeGreaterThanOrEqual(1);
  });

  it('a base offset damaged on its way, which no CRC covers: pulled again, no hole, no event elsewhere', async () => {
    await suite.newTopic();
    const target = { bootstrap: suite.kafka.directBootstrap, topic: suite.topic, batch: 10 };
    await produceLines({ ...target, lines: lines(0, 60) });
    const fetch: PullLink['fetch'] = Reflect.get(PullLink.prototype, 'fetch');
    let damaged = 0;
    vi.spyOn(PullLink.prototype, 'fetch').mockImplementation(async function (
      this: PullLink,
      request,
      signal,
    ) {
      const answers = await fetch.call(this, request, signal);
      return answers.map((answer) => {
        if (damaged > 0 || answer.records.length < 1_000) return answer;
        damaged++;
        const records = Buffer.from(answer.records);
        const second = 12 + records.readInt32BE(8);
        // The second batch claims to begin at 26 instead of 10, and all after it would be out of order: cut them off.
        records.writeBigInt64BE(26n, second);
        return { ...answer, records: records.subarray(0, second + 12 + records.readInt32BE(second + 8)) };
      });
    });
    const a = suite.gateway().start();
    await until('all are accepted', () => a.landable().length === 60);
    expect(damaged).toBe(1);
    expect(a.landable()).toEqual(ids(0, 60));
    expect(a.store.puts.reduce((sum, put) => sum + put.absent, 0)).toBe(0);
    expect(a.source?.status().counters.repulls).toBe(1);
  });

  it('a topic that vanishes is said so, and the others go on', async () => {
    await suite.newTopic();
    const other = `${suite.topic}-vanishing`;
    await suite.kafka.createTopic(other, 1);
    await suite.produce(0, 5);
    const a = suite.gateway({ topics: { kind: 'regex', pattern: `${suite.topic}.*` } });
    a.start({ timing: { topicRefreshMs: 200 } });
    await until('both are open', () => a.events.filter((event) => event.code === 'opened').length === 2);
    await suite.kafka.deleteTopic(other);
    await until('it is said', () => a.has('topic-missing', other));
    await suite.produce(5, 10);
    await until('the other one goes on', () => a.landable().length === 10);
    await until('it is given up', () => a.source?.status().partitions.length === 1);
  });

  it('a partition without a leader waits with its cause and never stops the others', async () => {
    await suite.newTopic(2);
    await suite.produce(0, 20, 2);
    const metadata: ProtocolLink['metadata'] = Reflect.get(ProtocolLink.prototype, 'metadata');
    let isLeaderless = true;
    vi.spyOn(ProtocolLink.prototype, 'metadata').mockImplementation(async function (
      this: ProtocolLink,
      topics,
    ) {
      const view = await metadata.call(this, topics);
      const partitions = view.partitions.map((info) =>
        isLeaderless && info.partition === 1 ? { ...info, leader: -1 } : info,
      );
      return { ...view, partitions };
    });
    const a = suite.gateway().start();
    await until('the other one lands', () => a.landable().length === 10);
    expect(a.has('leader-missing')).toBe(true);
    expect(a.source?.status().partitions.find((one) => one.partition === 1)).toMatchObject({
      state: 'waiting',
      cause: 'the partition has no leader',
      leader: -1,
    });
    isLeaderless = false;
    await until('it goes on by itself', () => a.landable().length === 20);
  });

  /** Takes the topics back to what they were before `meanwhile`. */
  async function cutBackTo(topics: readonly string[], meanwhile: () => Promise<void>): Promise<void> {
    const directory = (topic: string): string => join(suite.kafka.dataDir, `${topic}-0`);
    const image = (topic: string): string => join(tmpdir(), `${suite.kafka.pid}-${topic}.image`);
    const images = new Map(topics.map((topic) => [directory(topic), image(topic)]));
    await suite.kafka.kill();
    for (const [from, to] of images) await cp(from, to, { recursive: true });
    await suite.kafka.start();
    await meanwhile();
    await suite.kafka.kill();
    for (const [to, from] of images) {
      await rm(to, { recursive: true });
      await cp(from, to, { recursive: true });
      await rm(from, { recursive: true });
    }
    await suite.kafka.start();
  }

  async function topicNames(): Promise<ReadonlySet<string>> {
    const view = await suite.newLink().metadata(undefined);
    return new Set(view.partitions.map((one) => one.topic));
  }

  function lines(from: number, to: number): { value: string }[] {
    return ids(from, to).map((value) => ({ value }));
  }
});
