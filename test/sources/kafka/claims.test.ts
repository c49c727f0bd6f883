/**
 * Goal: claimed events are pulled again from the very log they were taken from and from no other; what that log has not any more is a gap only by
 * proof; and whatever can't be told yet waits aloud (exactly-once.md §2, "Claims").
 * Method: a real source on a real broker, whose log is cut by retention, compacted, replaced or too short; the claims are kept in memory by a desk
 * that refuses books which do not balance.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { offset } from '../../../shared/model/brand.ts';
import type { SourceStatus } from '../../../main/sources/source.ts';
import { TopicCatalog } from '../../../main/sources/kafka/topic-catalog.ts';
import { produceLines, produceTransaction } from '../../rig/produce.ts';
import { ClaimDesk } from './claim-desk.ts';
import { COMPACTED_SOON, isWithoutKafka, kafkaSuite } from './kafka-suite.ts';
import { ids, until, type TestGateway } from './test-gateway.ts';

describe.skipIf(isWithoutKafka)('claims of a Kafka source', () => {
  const suite = kafkaSuite('claim', { properties: { 'log.cleaner.backoff.ms': '100' } });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  async function taken(count: number, gateway = suite.gateway()): Promise<TestGateway> {
    gateway.start();
    await until('all is accepted', () => gateway.landable().length === count);
    await gateway.stop();
    return gateway;
  }

  /** `count` events in record batches of ten; accepted, and the gateway is stopped. */
  async function takenInTens(count: number): Promise<TestGateway> {
    await suite.newTopic();
    const target = { bootstrap: suite.kafka.directBootstrap, topic: suite.topic, batch: 10 };
    await produceLines({ ...target, lines: ids(0, count).map((value) => ({ value })) });
    return taken(count);
  }

  function repullOf(gateway: TestGateway): SourceStatus['repull'] {
    return gateway.source?.status().repull;
  }

  async function saysWhy(gateway: TestGateway, words: string): Promise<void> {
    await until(`it says: ${words}`, () => {
      const { state, cause, nextTryMs } = repullOf(gateway) ?? {};
      return state === 'waiting' && nextTryMs !== undefined && cause?.includes(words) === true;
    });
    expect(repullOf(gateway)?.hint).toMatch(/./);
  }

  async function recreateTopic(): Promise<void> {
    const isThere = async (): Promise<boolean> =>
      (await suite.newLink().metadata(undefined)).partitions.some(({ topic }) => topic === suite.topic);
    await suite.kafka.deleteTopic(suite.topic);
    await until('it is gone', async () => !(await isThere()));
    await suite.kafka.createTopic(suite.topic, 1);
  }

  it('that retention has partly overtaken: exactly what is gone is a gap, the rest is here again', async () => {
    const a = await takenInTens(100);
    const desk = (a.claims = new ClaimDesk());
    await desk.claim(a, [5, 15]);
    await desk.claim(a, [18, 38]);
    await desk.claim(a, [70, 80]);
    // Within a record batch: the broker still sends all of it.
    await suite.kafka.deleteRecords(suite.topic, 0, 25n);
    a.start();
    await until('nothing is claimed any more', () => desk.left === 0);
    expect(desk.story()).toBe('5-14 gap, 18-24 gap, 25-37 event, 70-79 event');
    expect(desk.bodies()).toEqual([...ids(25, 38), ...ids(70, 80)]);
    expect(desk.gapReasons()).toEqual([
      'gap the broker has deleted them (retention): its log starts at 25; claimed before: chunk 1',
    ]);
    expect(a.has('claim-lost', '10 offsets from 5 to 14')).toBe(true);
    expect(a.has('claim-lost', '7 offsets from 18 to 24')).toBe(true);
    await until('it is told that all is done', () => a.has('claims-redeemed', '17 of them were lost'));
    expect(a.landable()).toEqual(ids(0, 100));
  });

  it('that retention overtook wholly, with the record that proves the log: a gap', async () => {
    const a = await takenInTens(30);
    const desk = (a.claims = new ClaimDesk());
    await desk.claim(a, [10, 20]);
    await suite.produce(30, 40);
    await suite.kafka.deleteRecords(suite.topic, 0, 35n);
    a.start();
    await until('nothing is claimed any more', () => desk.left === 0);
    expect(desk.story()).toBe('10-19 gap');
  });

  it('in a compacted log: a record that is gone was an event where that is known, and else is absent', async () => {
    await suite.newTopic(1, COMPACTED_SOON);
    const target = { bootstrap: suite.kafka.directBootstrap, topic: suite.topic, batch: 10 };
    await produceLines({
      ...target,
      lines: ids(0, 60).map((value, index) => ({ key: `k${index % 5}`, value })),
    });
    const cleaned = join(suite.kafka.dataDir, `${suite.topic}-0`, '00000000000000000000.log');
    const written = (await stat(cleaned)).size;
    const a = suite.gateway().start();
    await until('all is accepted', () => a.landable().length >= 60);
    await a.stop();
    const desk = (a.claims = new ClaimDesk());
    await desk.claim(a, [10, 20]);
    await desk.claim(a, [50, 60]);
    await desk.claim(a, [30, 40], { wereEvents: false, cause: 'lost-disk', detail: 'disk of gw-1' });
    await until('the first segment is cleaned', async () => {
      await produceLines({ ...target, lines: [{ key: 'roll', value: 'roll' }] });
      return (await stat(cleaned)).size < written / 2;
    });
    a.start();
    await until('nothing is claimed any more', () => desk.left === 0);
    expect(desk.story()).toBe('10-19 gap, 30-39 absent, 50-54 gap, 55-59 event');
    expect(desk.bodies()).toEqual(ids(55, 60));
    expect(desk.gapReasons()).toEqual([
      'gap the source has no such record any more (compaction); claimed before: chunk 1',
    ]);
  });

  it('over transactions: what was committed is here again, aborted records and markers are absent', async () => {
    await suite.newTopic();
    const base = { bootstrap: suite.kafka.directBootstrap, topic: suite.topic, batch: 5 };
    const transaction = (from: number, to: number, end: 'abort' | 'commit'): Promise<unknown> => {
      const lines = ids(from, to).map((value) => ({ value }));
      return produceTransaction({ ...base, transactionalId: `${suite.topic}-t`, lines, end });
    };
    await suite.produce(0, 5);
    // Offsets: 5-24 and a marker, 26-35 and a marker, 37-46 and a marker.
    await transaction(5, 25, 'abort');
    await transaction(25, 35, 'commit');
    await transaction(35, 45, 'abort');
    await suite.produce(45, 50);
    const a = await taken(20);
    const desk = (a.claims = new ClaimDesk());
    const ofDisk = { wereEvents: false, cause: 'lost-disk' } as const;
    await desk.claim(a, [0, 3]);
    // Begins and ends within an aborted one.
    await desk.claim(a, [13, 18], ofDisk);
    await desk.claim(a, [23, 32], ofDisk);
    await desk.claim(a, [32, 36]);
    await desk.claim(a, [40, 53], ofDisk);
    a.start();
    await until('nothing is claimed any more', () => desk.left === 0);
    expect(desk.story()).toBe(
      '0-2 event, 13-17 absent, 23-25 absent, 26-35 event, 40-47 absent, 48-52 event',
    );
    expect(desk.bodies()).toEqual([...ids(0, 3), ...ids(25, 35), ...ids(45, 50)]);
  });

  it.each(['knows', 'does not know yet'])(
    'whose topic was deleted and created again, which the source %s: gaps, and nothing of the new log',
    async (knowledge) => {
      const a = await takenInTens(30);
      const desk = (a.claims = new ClaimDesk());
      const before = await suite.newLink().metadata([suite.topic]);
      await recreateTopic();
      await suite.produce(1_000, 1_060);
      // Nothing in the log itself could tell, as after a lost disk.
      await desk.claim(a, [10, 20], { fingerprint: undefined });
      if (knowledge !== 'knows')
        vi.spyOn(TopicCatalog.prototype, 'info').mockReturnValue(before.partitions[0]);
      a.start();
      await until('nothing is claimed any more', () => desk.left === 0);
      expect(desk.story()).toBe('10-19 gap');
      expect(desk.gapReasons()[0]).toContain('the topic was deleted and created again');
      expect(a.has('claim-lost', 'deleted and created again')).toBe(true);
    },
  );

  it('of another cluster wait, and say so; live events go on', async () => {
    const a = await takenInTens(20);
    const desk = (a.claims = new ClaimDesk());
    await desk.claim(a, [0, 10], { clusterId: 'the-cluster-before' });
    a.start();
    await saysWhy(a, 'the events were taken from cluster the-cluster-before');
    await suite.produce(20, 30);
    await until('live events come', () => a.landable().length === 30);
    expect([desk.left, desk.fates.size]).toEqual([10, 0]);
  });

  it('of a topic that is not there, or that the source does not read any more, wait and say so', async () => {
    const a = await takenInTens(20);
    const desk = (a.claims = new ClaimDesk());
    const state = await a.store.partitionState({ source: 'logs', topic: suite.topic, partition: 0 });
    if (state === undefined) throw new Error('nothing is known');
    await desk.claim(a, [0, 10], { partition: { ...state.ref, topic: 'read-no-more' } });
    a.start();
    await saysWhy(a, 'the topic is not there');
    expect(repullOf(a)?.hint).toContain('channel skip');
    expect(desk.left).toBe(10);
  });

  it('of a log that ends before them wait; once it has grown into another one, they are gaps', async () => {
    const a = await takenInTens(20);
    const desk = (a.claims = new ClaimDesk());
    const fingerprint = { offset: offset(39), crc: 1, timestampMs: 1, leaderEpoch: 0 };
    await desk.claim(a, [5, 15], { acceptedTo: 40, fingerprint });
    a.start();
    await saysWhy(a, 'the log ends at 20, the events were taken up to 40');
    expect([desk.left, desk.fates.size]).toEqual([10, 0]);
    await suite.produce(20, 45);
    await until('nothing is claimed any more', () => desk.left === 0);
    expect(desk.story()).toBe('5-14 gap');
    expect(desk.gapReasons()[0]).toContain('is another one now');
  });

  it('of an earlier log that nothing proves wait: it may be another one', async () => {
    const a = await takenInTens(20);
    const desk = (a.claims = new ClaimDesk());
    const state = await a.store.partitionState({ source: 'logs', topic: suite.topic, partition: 0 });
    if (state === undefined) throw new Error('nothing is known');
    const partition = { ...state.ref, incarnation: `${state.ref.incarnation}~7` };
    await desk.claim(a, [0, 10], { partition, isCurrent: false, fingerprint: undefined });
    a.start();
    await saysWhy(a, 'nothing proves that the log is the one');
    expect(desk.left).toBe(10);
  });

  it('of a channel that nothing feeds wait aloud; their neighbours do not, and they go on when it is fed again', async () => {
    const a = await takenInTens(40);
    const desk = (a.claims = new ClaimDesk());
    await desk.claim(a, [0, 10], { channel: 'gone' });
    await desk.claim(a, [10, 20]);
    await desk.claim(a, [20, 30], { channel: 'gone' });
    await desk.claim(a, [30, 40]);
    desk.unfed.add('gone');
    a.start();
    await until('the others are here', () => desk.left === 20);
    // Of the other channel it is asked no more often than its waits allow, and what was redeemed beside it silences nothing.
    await saysWhy(a, 'the source logs does not feed the channel gone any more');
    expect(desk.asked.get('gone')).toBeLessThanOrEqual(2);
    desk.unfed.clear();
    await until('all are here', () => desk.left === 0);
    expect(desk.bodies()).toEqual(ids(0, 40));
    expect(a.has('claim-lost')).toBe(false);
  });

  it('of an event over the limit go to quarantine, as they did at first', async () => {
    await suite.newTopic();
    const values = ['small', 'y'.repeat(2_000), 'after'];
    const target = { bootstrap: suite.kafka.directBootstrap, topic: suite.topic };
    await produceLines({ ...target, lines: values.map((value) => ({ value })) });
    const a = await taken(3);
    const desk = (a.claims = new ClaimDesk());
    await desk.claim(a, [0, 3]);
    a.start({ maxEventBytes: 1_000 });
    await until('nothing is claimed any more', () => desk.left === 0);
    expect(desk.story()).toBe('0-0 event, 1-1 quarantined, 2-2 event');
  });
});
