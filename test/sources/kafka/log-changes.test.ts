/**
 * Goal: whatever happens to a partition's log (retention, a topic deleted and created again, a log that ends before us, hanging
 * transactions, record batches that do not fit), no offset is skipped silently and none of two logs are mixed.
 * Method: the real thing on a real broker; only a log that ends before us is shown by a database that claims more than there is.
 */
import { cp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseTenureMetadata } from '../../../main/sources/kafka/tenure-metadata.ts';
import { produceLines, produceTransaction } from '../../rig/produce.ts';
import { isWithoutKafka, kafkaSuite } from './kafka-suite.ts';
import { ids, until, type TestGateway } from './test-gateway.ts';

describe.skipIf(isWithoutKafka)('changes of the log', () => {
  const suite = kafkaSuite('log');

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

  it('a log that lost its end is waited for, then read as a new incarnation from where it diverges', async () => {
    const a = await acceptedThenCutBack();
    await suite.produce(1_000, 1_005);
    a.start({ timing: { beyondEndMs: 800 } });
    await until('it waits first', () => a.has('restarted', 'lies beyond the log'));
    await until('the new records are accepted', () => a.landable().length === 25);
    expect(a.landable()).toEqual([...ids(0, 20), ...ids(1_000, 1_005)]);
    expect(a.has('incarnation')).toBe(true);
    expect(a.store.puts.at(-1)).toMatchObject({ first: 10, next: 15 });
  });

  it('a log replaced and grown past us: the other records are found by their fingerprint, none is missed', async () => {
    const a = await acceptedThenCutBack();
    await suite.produce(1_000, 1_040);
    a.start();
    await until('the new records are accepted', () => a.landable().length === 60);
    expect(a.landable()).toEqual([...ids(0, 20), ...ids(1_000, 1_040)]);
    expect(new Set(a.store.puts.map((put) => put.ref.incarnation)).size).toBe(2);
    expect(a.has('incarnation', 'another one now')).toBe(true);
  });

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

  /** A gateway that has accepted 20 records of a log which then lost the last ten, as after an unclean election. */
  async function acceptedThenCutBack(): Promise<TestGateway> {
    await suite.newTopic();
    await suite.produce(0, 10);
    const directory = join(suite.kafka.dataDir, `${suite.topic}-0`);
    await suite.kafka.kill();
    await cp(directory, `${directory}.image`.replace(suite.kafka.dataDir, tmpdir()), { recursive: true });
    await suite.kafka.start();
    await suite.produce(10, 20);
    const a = suite.gateway().start();
    await until('all are accepted', () => a.landable().length === 20);
    await a.stop();
    await suite.kafka.kill();
    await rm(directory, { recursive: true });
    const image = `${directory}.image`.replace(suite.kafka.dataDir, tmpdir());
    await cp(image, directory, { recursive: true });
    await rm(image, { recursive: true });
    await suite.kafka.start();
    return a;
  }

  async function topicNames(): Promise<ReadonlySet<string>> {
    const view = await suite.newLink().metadata(undefined);
    return new Set(view.partitions.map((one) => one.topic));
  }

  function lines(from: number, to: number): { value: string }[] {
    return ids(from, to).map((value) => ({ value }));
  }
});
