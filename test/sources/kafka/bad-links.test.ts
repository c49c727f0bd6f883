/**
 * Goal: the link and the broker fail in every way a site knows, and the source goes on by itself, says why, and doubles nothing.
 * Method: a real broker behind the rig's TCP proxy; SASL on a broker of its own.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PullLink, type FetchRequest } from '../../../main/sources/kafka/wire/pull-link.ts';
import { ProtocolLink } from '../../../main/sources/kafka/protocol-link.ts';
import { GatewayError } from '../../../shared/errors.ts';
import { produceLines } from '../../rig/produce.ts';
import { isWithoutKafka, kafkaSuite } from './kafka-suite.ts';
import { ids, until } from './test-gateway.ts';

const NODE = 1;

describe.skipIf(isWithoutKafka)('bad links', () => {
  const suite = kafkaSuite('link', { isProxied: true });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('a link cut, reset and stalled in the middle of pulls loses and doubles nothing', async () => {
    await suite.newTopic(2);
    const a = suite.gateway({ batchSize: 50 }).start();
    const producing = (async () => {
      for (let at = 0; at < 4_000; at += 200) {
        await suite.produce(at, at + 200, 2);
        await wait(30);
      }
    })();
    const { proxy } = suite.kafka;
    for (let round = 0; round < 3; round++) {
      await until('something flows', () => a.landable().length > round * 500);
      proxy.cut();
      await until('a bit more', () => a.landable().length > round * 500 + 200);
      proxy.reset();
      proxy.stall(true);
      await wait(300);
      proxy.stall(false);
    }
    await producing;
    await until('all are accepted', () => a.landable().length >= 4_000, 40_000);
    expect(a.landable().sort()).toEqual(ids(0, 4_000).sort());
  });

  it('the reply to a commit is lost: in doubt, then found accepted, each event once', async () => {
    await suite.newTopic();
    const a = suite.gateway().start();
    await suite.produce(0, 20);
    await until('the first are accepted', () => a.landable().length === 20);
    const endTxn: ProtocolLink['endTxn'] = Reflect.get(ProtocolLink.prototype, 'endTxn');
    let isLost = false;
    vi.spyOn(ProtocolLink.prototype, 'endTxn').mockImplementation(async function (
      this: ProtocolLink,
      producer,
      outcome,
    ) {
      if (isLost) return endTxn.call(this, producer, outcome);
      isLost = true;
      suite.kafka.proxy.stall(true, 'down');
      const ending = endTxn.call(this, producer, outcome);
      await wait(100);
      suite.kafka.proxy.reset();
      suite.kafka.proxy.stall(false, 'down');
      return ending;
    });
    await suite.produce(20, 40);
    await until('all are accepted', () => a.landable().length === 40);
    expect(isLost).toBe(true);
    expect(a.has('doubt')).toBe(true);
    expect(a.has('doubt-resolved', 'accepted')).toBe(true);
    expect(a.has('doubt-resolved', 'adopt')).toBe(false);
    expect(a.landable()).toEqual(ids(0, 40));
    expect(a.store.held).toEqual([]);
  });

  it('the request of a commit is lost: in doubt, not accepted, then adopted and committed again', async () => {
    await suite.newTopic();
    const a = suite.gateway().start();
    await suite.produce(0, 20);
    await until('the first are accepted', () => a.landable().length === 20);
    let isLost = false;
    const commit: ProtocolLink['txnOffsetCommit'] = Reflect.get(ProtocolLink.prototype, 'txnOffsetCommit');
    vi.spyOn(ProtocolLink.prototype, 'txnOffsetCommit').mockImplementation(async function (
      this: ProtocolLink,
      ...rest
    ) {
      if (isLost) return commit.call(this, ...rest);
      isLost = true;
      suite.kafka.proxy.stall(true, 'up');
      const calling = commit.call(this, ...rest);
      await wait(50);
      suite.kafka.proxy.reset();
      suite.kafka.proxy.stall(false, 'up');
      return calling;
    });
    await suite.produce(20, 40);
    await until('all are accepted', () => a.landable().length === 40);
    expect(a.has('doubt-resolved', 'adopt')).toBe(true);
    expect(a.landable()).toEqual(ids(0, 40));
  });

  it('an idle or refusing broker is not asked in a tight loop', async () => {
    await suite.newTopic();
    const a = suite.gateway({ batchDurationMs: 1 }).start();
    await until('it is caught up', () => a.source?.status().partitions[0]?.state === 'caught-up');
    const before = a.source?.status().counters.pulls ?? 0;
    await wait(1_000);
    const idle = (a.source?.status().counters.pulls ?? 0) - before;
    // The broker answers after 1 ms; the guard lets ten a second through.
    expect(idle).toBeGreaterThan(2);
    expect(idle).toBeLessThanOrEqual(12);
    await suite.kafka.proxy.refuse(true);
    suite.kafka.proxy.cut();
    await wait(1_000);
    expect((a.source?.status().counters.pulls ?? 0) - before - idle).toBeLessThanOrEqual(15);
    expect(a.source?.status().cause).toBeDefined();
  });

  it('many partitions of one broker, far away: all open at the first go after a restart', async () => {
    const partitions = 16;
    await suite.newTopic(partitions);
    await suite.produce(0, 200, partitions);
    const a = suite.gateway().start();
    await until('the first land', () => a.landable().length === 200);
    await a.stop();
    await suite.produce(200, 400, partitions);
    suite.kafka.proxy.delay(50);
    a.start();
    await until('the rest lands', () => a.landable().length === 400, 40_000);
    expect(a.landable().sort()).toEqual(ids(0, 400).sort());
    expect(a.events.filter(({ code }) => code === 'restarted')).toEqual([]);
  });

  /** The connections over which a source pulls, without a source. */
  const pullLink = (): PullLink =>
    new PullLink({
      ...{ bootstrapServers: [suite.kafka.bootstrap], clientId: 'headgate-test', log: () => undefined },
      ...{ connectTimeoutMs: 5_000, requestTimeoutMs: 5_000 },
    });
  const fetch = (): FetchRequest => ({
    ...{ node: NODE, maxBytes: 1_000_000, minBytes: 1, maxWaitMs: 50 },
    partitions: [{ topic: suite.topic, partition: 0, offset: 0, maxBytes: 1_000_000 }],
  });
  const never = new AbortController().signal;
  const rejected = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );

  it('many questions at once are answered in their order, and who leaves while he waits takes nobody’s place', async () => {
    await suite.newTopic();
    const link = pullLink();
    const question = { node: NODE, partitions: [{ topic: suite.topic, partition: 0, timestampMs: -1 }] };
    await link.listOffsets(question, never);
    const leaving = new AbortController();
    const ended: number[] = [];
    const asked = Array.from({ length: 30 }, async (_, at) => {
      await link.listOffsets(question, at === 20 ? leaving.signal : never);
      ended.push(at);
    });
    leaving.abort();
    const outcomes = await Promise.allSettled(asked);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(outcomes[20]).toMatchObject({ reason: { code: 'aborted' } });
    expect(ended).toEqual(Array.from({ length: 30 }, (_, at) => at).filter((at) => at !== 20));
    await link.close();
  });

  it('several who leave at once take the connection with them, and to the others it is a link that broke', async () => {
    await suite.newTopic();
    const link = pullLink();
    await link.fetch(fetch(), never);
    suite.kafka.proxy.stall(true);
    const leaving = new AbortController();
    const left = Array.from({ length: 3 }, () => rejected(link.fetch(fetch(), leaving.signal)));
    const other = rejected(link.fetch(fetch(), never));
    // All four are sent: who leaves before that leaves nothing behind.
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    leaving.abort();
    for (const error of await Promise.all(left)) expect(error).toMatchObject({ code: 'aborted' });
    // Never “aborted”: a partition whose opening is told so would be held as if somebody had asked for it.
    expect(await other).toMatchObject({ code: 'transport', retry: 'now' });
    await suite.kafka.proxy.heal();
    expect(await link.fetch(fetch(), never)).toHaveLength(1);
    await link.close();
  });

  it('no broker for a while: link-down is alarmed once, with the cause in status, and link-up follows', async () => {
    await suite.newTopic();
    await suite.produce(0, 5);
    const a = suite.gateway({ linkDownMs: 700 }).start();
    await until('they land', () => a.landable().length === 5);
    await suite.kafka.proxy.refuse(true);
    suite.kafka.proxy.cut();
    await until('it is alarmed', () => a.has('link-down'));
    expect(a.source?.status().state).toBe('waiting');
    await suite.kafka.proxy.refuse(false);
    await suite.produce(5, 10);
    await until('the rest lands', () => a.landable().length === 10);
    expect(a.events.filter((event) => event.code === 'link-down')).toHaveLength(1);
    expect(a.has('link-up')).toBe(true);
  });

  it('a broker restart in the middle: on by itself', async () => {
    await suite.newTopic();
    await suite.produce(0, 50);
    const a = suite.gateway().start();
    await until('the first land', () => a.landable().length === 50);
    await suite.kafka.restart();
    await suite.produce(50, 100);
    await until('the rest lands', () => a.landable().length === 100, 40_000);
    expect(a.landable()).toEqual(ids(0, 100));
  });

  it('a wrong host at the start: it waits, says why, and stops when told to', async () => {
    await suite.newTopic();
    const a = suite.gateway({ bootstrapServers: ['no-such-host.invalid:9092'] }).start();
    await until('it says so', () => a.has('restarted'));
    expect(a.source?.status().state).toBe('waiting');
    expect(a.source?.status().cause).toMatch(/no-such-host|reach|resolve|address/i);
    await a.stop();
  });

  it('puts that fail are delivered again, and a put refused for its position is sought again', async () => {
    await suite.newTopic();
    const a = suite.gateway({ batchSize: 10 });
    let failures = 0;
    a.beforePut = async () => {
      if (++failures % 3 !== 0) return;
      const code = failures % 2 === 0 ? 'io-error' : 'position-mismatch';
      throw new GatewayError({
        code,
        operation: 'put',
        place: 'test',
        message: 'made up',
        retry: 'backoff',
        hint: '',
      });
    };
    a.start();
    await suite.produce(0, 100);
    await until('all are accepted', () => a.landable().length === 100, 30_000);
    expect(a.landable()).toEqual(ids(0, 100));
  });

  it('a part that crashes with an unknown error restarts the source, with the cause', async () => {
    await suite.newTopic();
    await suite.produce(0, 10);
    vi.spyOn(ProtocolLink.prototype, 'initProducerId').mockRejectedValueOnce(new TypeError('made up'));
    const a = suite.gateway().start();
    await until('it says so', () => a.has('restarted', 'made up'));
    await until('it works again', () => a.landable().length === 10);
  });

  it('topics by a regex, one created later, and a listed one that is missing', async () => {
    await suite.newTopic();
    await suite.produce(0, 5);
    const prefix = suite.topic;
    const a = suite.gateway({ topics: { kind: 'regex', pattern: `${prefix}.*` }, startAt: 'latest' }).start();
    await until('it runs', () => a.source?.status().partitions.length === 1);
    await until('it is open', () => a.has('opened'));
    await suite.kafka.createTopic(`${prefix}-later`, 1);
    const values = ids(50, 55).map((value) => ({ value }));
    await produceLines({ bootstrap: suite.kafka.directBootstrap, topic: `${prefix}-later`, lines: values });
    await until('a topic created later is read from its start', () => a.landable().length === 5);
    expect(a.landable()).toEqual(ids(50, 55));
    const b = suite
      .gateway({ topics: { kind: 'list', names: [prefix, `${prefix}-none`] }, groupId: 'group-b' })
      .start();
    await until('the other one is read', () => b.landable().length === 5);
    expect(b.has('topic-missing', `${prefix}-none`)).toBe(true);
  });
});
