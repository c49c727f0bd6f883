/**
 * Goal: the interleavings of exactly-once.md §4 and §6 that concern owners of a partition: no event lands twice or never.
 * Method: real gateways' sources, two at a time where needed, on a real broker with fixed assignment; `held` gateways never commit,
 * so that their puts stay in doubt. What may land is the union of what the stores call accepted.
 */
import { Consumer } from '@platformatic/kafka';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { GroupMembership } from '../../../main/sources/kafka/membership.ts';
import { ProtocolLink } from '../../../main/sources/kafka/protocol-link.ts';
import { parseTenureMetadata } from '../../../main/sources/kafka/tenure-metadata.ts';
import { isWithoutKafka, kafkaSuite } from './kafka-suite.ts';
import { MemorySourceStore } from './memory-source-store.ts';
import { ids, until, type TestGateway } from './test-gateway.ts';

const NEVER_COMMIT = { timing: { commitIntervalMs: 3_600_000 } };

describe.skipIf(isWithoutKafka)('ownership', () => {
  const suite = kafkaSuite('own', {
    properties: { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': '200' },
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("a stale member's late commit: its puts are removed, the new owner's land", async () => {
    await suite.newTopic();
    await suite.produce(0, 100);
    const a = suite.gateway(NEVER_COMMIT, new MemorySourceStore('gw-a')).start();
    await until('a holds them', () => a.store.held.flatMap((put) => put.bodies).length === 100);
    const b = suite.gateway({}, new MemorySourceStore('gw-b')).start();
    await until('b has them accepted', () => b.landable().length === 100);
    await a.stop();
    expect(a.has('fenced')).toBe(true);
    expect(a.landable()).toEqual([]);
    await b.stop();
    a.start({ timing: { commitIntervalMs: 100 } });
    await until('a knows', () => a.has('doubt-resolved', 'rejected'));
    expect(a.store.puts).toEqual([]);
    await suite.produce(100, 120);
    await until('a goes on after b', () => a.landable().length === 20);
    expect(a.landable()).toEqual(ids(100, 120));
  });

  it('this gateway, restarted while its old process hung: the old tenure’s late commit is refused and changes nothing', async () => {
    await suite.newTopic();
    await suite.produce(0, 30);
    const hung = suite.gateway(NEVER_COMMIT).start();
    await until(
      'the old process holds them',
      () => hung.store.held.flatMap((put) => put.bodies).length === 30,
    );
    const after = suite.gateway({}, hung.store.clone()).start();
    await until('the new process has them accepted', () => after.landable().length === 30);
    await suite.produce(30, 40);
    await until('and what came since', () => after.landable().length === 40);
    const before = await suite.committed();
    // Its last act is a commit of what it holds.
    await hung.stop();
    expect(hung.has('fenced', 'was not accepted')).toBe(true);
    expect(hung.landable()).toEqual([]);
    expect(await suite.committed()).toEqual(before);
    expect(after.landable()).toEqual(ids(0, 40));
  });

  it('our own transaction timed out: the fence is taken again only after a heartbeat was answered', async () => {
    await suite.newTopic();
    await suite.produce(0, 10);
    const a = suite.gateway({ assignment: 'group', timing: { transactionTimeoutMs: 1_000 } }).start();
    await until('the first are accepted', () => a.landable().length === 10);
    const seen: string[] = [];
    const gate = Promise.withResolvers<undefined>();
    const confirm: GroupMembership['confirm'] = Reflect.get(GroupMembership.prototype, 'confirm');
    vi.spyOn(GroupMembership.prototype, 'confirm').mockImplementation(async function (
      this: GroupMembership,
      signal,
    ) {
      seen.push('refused');
      await gate.promise;
      await confirm.call(this, signal);
      seen.push('confirmed');
    });
    const init: ProtocolLink['initProducerId'] = Reflect.get(ProtocolLink.prototype, 'initProducerId');
    vi.spyOn(ProtocolLink.prototype, 'initProducerId').mockImplementation(function (
      this: ProtocolLink,
      ...rest
    ) {
      seen.push('taken');
      return init.call(this, ...rest);
    });
    const endTxn: ProtocolLink['endTxn'] = Reflect.get(ProtocolLink.prototype, 'endTxn');
    vi.spyOn(ProtocolLink.prototype, 'endTxn').mockImplementationOnce(async function (
      this: ProtocolLink,
      ...rest
    ) {
      // Until the broker has aborted it: then the offset is stable again.
      await until('the transaction timed out', async () => (await suite.committed()).offset === 10);
      return endTxn.call(this, ...rest);
    });
    await suite.produce(10, 20);
    await until('the commit is refused', () => a.has('fenced'));
    await until('it waits for its group', () => seen.length > 0);
    await suite.produce(20, 25);
    expect(seen).toEqual(['refused']);
    gate.resolve(undefined);
    await until('all are accepted', () => a.landable().length === 25);
    expect(seen).toEqual(['refused', 'confirmed', 'taken']);
    expect(a.landable()).toEqual(ids(0, 25));
  });

  it('offsets never go through a consumer group: none of its own, none of the members’ group', async () => {
    await suite.newTopic();
    await suite.produce(0, 20);
    const plain = vi.spyOn(ProtocolLink.prototype, 'offsetCommit');
    const a = suite.gateway({ assignment: 'group' }).start();
    await until('they are accepted', () => a.landable().length === 20);
    const link = suite.newLink();
    expect(await link.groupMembers(suite.group)).toEqual([]);
    expect(await link.groupMembers(`${suite.group}.members`)).toHaveLength(1);
    await a.stop();
    const place = { group: `${suite.group}.members`, topic: suite.topic, partition: 0 };
    expect((await link.offsetFetch(place, true)).offset).toBe(-1);
    expect(plain).not.toHaveBeenCalled();
    expect(parseTenureMetadata((await suite.committed()).metadata)).toMatchObject({ kind: 'ours' });
  });

  it('A -> B -> A: what A had accepted before B stays accepted, the rest comes from B', async () => {
    await suite.newTopic();
    await suite.produce(0, 50);
    const a = suite.gateway({}, new MemorySourceStore('gw-a')).start();
    await until('a has the first', () => a.landable().length === 50);
    await a.stop();
    const b = suite.gateway({}, new MemorySourceStore('gw-b')).start();
    await suite.produce(50, 80);
    await until('b has the next', () => b.landable().length === 30);
    await b.stop();
    a.start();
    await suite.produce(80, 100);
    await until('a has the last', () => a.landable().length === 70);
    expect([...a.landable(), ...b.landable()].sort()).toEqual(ids(0, 100).sort());
  });

  it('puts in doubt after a crash are adopted by the next tenure, not pulled again', async () => {
    await suite.newTopic();
    await suite.produce(0, 100);
    const a = suite.gateway(NEVER_COMMIT).start();
    await until('a holds them', () => a.store.held.flatMap((put) => put.bodies).length === 100);
    // The image of the disk at this moment is what a SIGKILL leaves.
    const after = suite.gateway({}, a.store.clone()).start();
    await until('they are accepted', () => after.landable().length === 100);
    expect(after.has('doubt-resolved', 'adopt')).toBe(true);
    expect(after.landable()).toEqual(ids(0, 100));
    expect(after.source?.status().counters.events).toBe(0);
  });

  it('a restored image: the broker accepted more than the database knows, so it holds', async () => {
    await suite.newTopic();
    await suite.produce(0, 10);
    const a = suite.gateway().start();
    await until('the first are accepted', () => a.landable().length === 10);
    const image = a.store.clone();
    await suite.produce(10, 20);
    await until('more are accepted', () => a.landable().length === 20);
    await a.stop();
    const restored = suite.gateway({}, image).start();
    await until('it holds', () => restored.has('held'));
    expect(restored.source?.status().partitions[0]?.state).toBe('held');
    expect(restored.store.puts.flatMap((put) => put.bodies)).toHaveLength(10);
  });

  it('a group moved back by a tool is held, and --accept-replay chooses', async () => {
    await suite.newTopic();
    await suite.produce(0, 50);
    const a = suite.gateway().start();
    await until('all are accepted', () => a.landable().length === 50);
    await a.stop();
    await suite.resetByTool(10);
    a.start();
    await until('it holds', () => a.has('held', 'moved the offset from 50 back to 10'));
    await a.stop();
    a.start({ acceptReplay: { choice: 'stored', word: 'one' } });
    await suite.produce(50, 60);
    await until('it goes on from the stored position', () => a.landable().length === 60);
    expect(a.landable()).toEqual(ids(0, 60));
  });

  it('a replay that the operator asked for reads again under an incarnation of its own', async () => {
    await suite.newTopic();
    await suite.produce(0, 50);
    const a = suite.gateway().start();
    await until('all are accepted', () => a.landable().length === 50);
    await a.stop();
    await suite.resetByTool(40);
    a.start({ acceptReplay: { choice: 'broker', word: 'one' } });
    await until('ten come again', () => a.landable().length === 60);
    expect(new Set(a.store.puts.map((put) => put.ref.incarnation)).size).toBe(2);
    await a.stop();
    await suite.resetByTool(0);
    a.start({ acceptReplay: { choice: 'broker', word: 'one' } });
    await until('the same word does not count twice', () => a.has('held', 'back to 0'));
  });

  it('a reset under a running idle gateway is noticed', async () => {
    await suite.newTopic();
    await suite.produce(0, 10);
    const a = suite.gateway({ timing: { idleCheckMs: 200 } }).start();
    await until('all are accepted', () => a.landable().length === 10);
    await suite.resetByTool(3);
    await until('it holds', () => a.source?.status().partitions[0]?.state === 'held');
    expect(a.has('held', 'not ours')).toBe(true);
  });

  it('a group moved forward by a tool leaves a gap with a name', async () => {
    await suite.newTopic();
    await suite.produce(0, 50);
    const a = suite.gateway().start();
    await until('all are accepted', () => a.landable().length === 50);
    await a.stop();
    await suite.produce(50, 100);
    await suite.resetByTool(70);
    a.start();
    await until('the rest is accepted', () => a.landable().length === 80);
    expect(a.store.puts.flatMap((put) => put.gaps)).toEqual([{ from: 50, to: 70 }]);
    expect(a.has('gap', 'moved by an operator')).toBe(true);
  });

  it('offsets expired: with an earlier life known here it holds', async () => {
    await suite.newTopic();
    await suite.produce(0, 50);
    const a = suite.gateway().start();
    await until('all are accepted', () => a.landable().length === 50);
    await a.stop();
    await suite.kafka.withAdmin((admin) => admin.deleteGroups({ groups: [suite.group] }));
    a.start();
    await until('it holds', () => a.has('held', "group's offset is gone"));
    expect(a.landable()).toHaveLength(50);
  });

  it('members in the group: it refuses to open and says who', async () => {
    await suite.newTopic();
    await suite.produce(0, 5);
    const stranger = new Consumer({
      groupId: suite.group,
      clientId: 'somebody-else',
      bootstrapBrokers: [suite.kafka.directBootstrap],
    });
    stranger.topics.trackAll(suite.topic);
    await stranger.joinGroup({});
    const a = suite.gateway().start();
    try {
      await until('it is held', () => a.has('held', 'somebody-else'));
      expect(a.store.puts).toEqual([]);
    } finally {
      await stranger.close(true);
    }
    await until('it opens when they are gone', () => a.landable().length === 5);
  });

  it('a gateway with another landing target refuses the group', async () => {
    await suite.newTopic();
    await suite.produce(0, 5);
    const a = suite.gateway().start();
    await until('all are accepted', () => a.landable().length === 5);
    await a.stop();
    a.start();
    await until('the first one works', () => a.source?.status().partitions[0]?.state === 'caught-up');
    const other = suite.gateway({ landingTargetId: 'shanghai' }, new MemorySourceStore('gw-x')).start();
    await until('it is held', () => other.has('held', 'lands in beijing'));
    await suite.produce(5, 10);
    await until('the first one was not fenced out', () => a.landable().length === 10);
    expect(a.has('fenced')).toBe(false);
  });

  it('a gateway whose own target was changed by its operator goes on', async () => {
    await suite.newTopic();
    await suite.produce(0, 5);
    const a = suite.gateway().start();
    await until('all are accepted', () => a.landable().length === 5);
    await a.stop();
    a.start({ landingTargetId: 'beijing-new-namenode' });
    await suite.produce(5, 10);
    await until('it goes on', () => a.landable().length === 10);
    const { metadata } = await suite.committed();
    expect(parseTenureMetadata(metadata)).toMatchObject({ metadata: { target: 'beijing-new-namenode' } });
  });

  it('a migrated group: an offset without metadata and without an earlier life is adopted', async () => {
    await suite.newTopic();
    await suite.produce(0, 20);
    await suite.resetByTool(15);
    const a = suite.gateway().start();
    await until('it goes on from there', () => a.landable().length === 5);
    expect(a.landable()).toEqual(ids(15, 20));
  });

  it('a new group id on topics that this state directory knows needs the word', async () => {
    await suite.newTopic();
    await suite.produce(0, 20);
    const a = suite.gateway().start();
    await until('all are accepted', () => a.landable().length === 20);
    await a.stop();
    a.start({ groupId: `${suite.group}-new` });
    await until('it is held', () => a.has('held', 'under group'));
  });

  it('without a fence one gateway works all the same, and status says so', async () => {
    await suite.newTopic();
    await suite.produce(0, 20);
    const a = suite.gateway({ fence: 'none' }).start();
    await until('all are accepted', () => a.landable().length === 20);
    expect(a.source?.status().fence).toBe('none');
    await a.stop();
    a.start();
    await suite.produce(20, 30);
    await until('the rest too', () => a.landable().length === 30);
    expect(a.landable()).toEqual(ids(0, 30));
  });

  it('doubts about a partition that another gateway has now are settled without opening it', async () => {
    await suite.newTopic();
    await suite.produce(0, 30);
    const a = suite.gateway({ ...NEVER_COMMIT }, new MemorySourceStore('gw-a')).start();
    await until('a holds them', () => a.store.held.flatMap((put) => put.bodies).length === 30);
    const image = a.store.clone();
    const b = suite.gateway({ assignment: 'group' }, new MemorySourceStore('gw-b')).start();
    await until('b has them accepted', () => b.landable().length === 30);
    const back = suite.gateway({ assignment: 'group', timing: { idleCheckMs: 300 } }, image).start();
    await until('a knows', () => back.has('doubt-resolved', 'rejected'));
    expect(back.source?.status().partitions).toEqual([]);
    expect(back.store.puts).toEqual([]);
    expect(b.landable()).toEqual(ids(0, 30));
  });

  it('a topic deleted for good while puts are held: they land', async () => {
    await suite.newTopic();
    await suite.produce(0, 30);
    const timing = { commitIntervalMs: 3_600_000, idleCheckMs: 300, topicRefreshMs: 300 };
    const a = suite.gateway({ timing }).start();
    await until('a holds them', () => a.store.held.flatMap((put) => put.bodies).length === 30);
    await suite.kafka.deleteTopic(suite.topic);
    await until('they may land', () => a.landable().length === 30);
    expect(a.has('topic-missing')).toBe(true);
  });

  it('two gateways of a group share the partitions, and one takes all when the other leaves', async () => {
    await suite.newTopic(4);
    await suite.produce(0, 400, 4);
    const a = suite.gateway({ assignment: 'group' }, new MemorySourceStore('gw-a')).start();
    await until('a has all', () => a.landable().length === 400);
    const b = suite.gateway({ assignment: 'group' }, new MemorySourceStore('gw-b')).start();
    await until(
      'they share',
      () => b.source?.status().partitions.length === 2 && a.source?.status().partitions.length === 2,
    );
    const opened = (one: TestGateway): number => one.events.filter(({ code }) => code === 'opened').length;
    await until('b has opened its two', () => opened(b) === 2);
    await suite.produce(400, 800, 4);
    await until('both bring theirs', () => a.landable().length + b.landable().length === 800);
    // The two that stayed with it were not opened again: a partition that stays keeps its tenure.
    expect(opened(a)).toBe(4);
    await a.stop();
    await suite.produce(800, 900, 4);
    await until('b brings all', () => a.landable().length + b.landable().length === 900);
    expect([...a.landable(), ...b.landable()].sort()).toEqual(ids(0, 900).sort());
  });
});
