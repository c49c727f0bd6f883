/**
 * Goal: the fence keeps its promise on a real broker: accepted only when every call returned, and nothing of an older owner counts.
 * Method: two owners of one partition over real protocol calls; replies are lost in a TCP proxy.
 */
import { describe, expect, it, vi } from 'vitest';
import {
  openPlainPartition,
  openTransactionalPartition,
  type FenceParts,
  type PartitionFence,
} from '../../../main/sources/kafka/fence.ts';
import type { ProtocolLink } from '../../../main/sources/kafka/protocol-link.ts';
import { systemClock } from '../../../main/sources/kafka/source-clock.ts';
import { isWithoutKafka, kafkaSuite } from './kafka-suite.ts';

describe.skipIf(isWithoutKafka)('the fence', () => {
  const suite = kafkaSuite('fence', { isProxied: true });
  const { signal } = new AbortController();

  function parts(link: ProtocolLink): FenceParts {
    const place = { group: suite.group, topic: suite.topic, partition: 0 };
    return { link, clock: systemClock, place, transactionTimeoutMs: 20_000 };
  }

  function open(link: ProtocolLink): Promise<PartitionFence> {
    return openTransactionalPartition(parts(link), signal);
  }

  function value(offset: number, metadata = `meta ${offset}`) {
    return { offset, leaderEpoch: 0, metadata };
  }

  it('a commit that was accepted reads back with its metadata', async () => {
    await suite.newTopic();
    const owner = await open(suite.newLink());
    expect(await owner.commit(value(7), { signal, purpose: 'progress' })).toEqual({ kind: 'accepted' });
    expect(await suite.committed()).toMatchObject({ offset: 7, metadata: 'meta 7' });
    expect(await owner.commit(value(9), { signal, purpose: 'progress' })).toEqual({ kind: 'accepted' });
    expect(await suite.committed()).toMatchObject({ offset: 9, metadata: 'meta 9' });
  });

  it("a stale member's late commit is refused by name and changes nothing", async () => {
    await suite.newTopic();
    const first = await open(suite.newLink());
    await first.commit(value(3), { signal, purpose: 'progress' });
    const second = await open(suite.newLink());
    const late = await first.commit(value(50), { signal, purpose: 'progress' });
    expect(late.kind).toBe('refused');
    expect(late.kind === 'refused' ? late.error.code : '').toBe('fenced');
    expect(await second.readStable(signal)).toMatchObject({ offset: 3, metadata: 'meta 3' });
    expect((await second.commit(value(4), { signal, purpose: 'progress' })).kind).toBe('accepted');
  });

  it('an offset whose transaction was never ended is gone after the next opening', async () => {
    await suite.newTopic();
    const link = suite.newLink();
    const first = await open(link);
    await first.commit(value(3), { signal, purpose: 'progress' });
    vi.spyOn(link, 'endTxn').mockImplementationOnce(() => new Promise<never>(() => undefined));
    void first.commit(value(50), { signal, purpose: 'progress' });
    const place = { group: suite.group, topic: suite.topic, partition: 0 };
    await vi.waitFor(async () => {
      await expect(suite.newLink().offsetFetch(place, true)).rejects.toMatchObject({
        code: 'coordinator-unavailable',
      });
    });
    const second = await open(suite.newLink());
    expect(await second.readStable(signal)).toMatchObject({ offset: 3 });
  });

  it('a commit whose last reply was lost is unknown, although the broker took it', async () => {
    await suite.newTopic();
    const link = suite.newLink(suite.kafka.bootstrap);
    const owner = await open(link);
    const endTxn = link.endTxn.bind(link);
    vi.spyOn(link, 'endTxn').mockImplementationOnce((producer, outcome) => {
      suite.kafka.proxy.stall(true, 'down');
      return endTxn(producer, outcome);
    });
    const outcome = await owner.commit(value(11), { signal, purpose: 'progress' });
    expect(outcome.kind).toBe('unknown');
    await suite.kafka.proxy.heal();
    expect(await suite.committed()).toMatchObject({ offset: 11 });
  });

  it('a commit that was never sent is never accepted', async () => {
    await suite.newTopic();
    const link = suite.newLink(suite.kafka.bootstrap);
    const owner = await open(link);
    await suite.kafka.proxy.refuse(true);
    suite.kafka.proxy.cut();
    const outcome = await owner.commit(value(11), { signal, purpose: 'progress' });
    expect(outcome.kind).toBe('unknown');
    await suite.kafka.proxy.heal();
    expect(await suite.committed()).toMatchObject({ offset: -1 });
  });

  it('an opening commit over a value that changed meanwhile is abandoned', async () => {
    await suite.newTopic();
    const owner = await open(suite.newLink());
    const before = await owner.readStable(signal);
    await suite.resetByTool(5);
    const outcome = await owner.commit(value(0), { signal, purpose: 'tenure', expected: before });
    expect(outcome).toMatchObject({ kind: 'refused', name: 'VALUE_CHANGED' });
    expect(await suite.committed()).toMatchObject({ offset: 5, metadata: '' });
  });

  it('metadata beyond the limit of the broker is refused by name', async () => {
    await suite.newTopic();
    const owner = await open(suite.newLink());
    const outcome = await owner.commit(value(1, 'x'.repeat(5_000)), { signal, purpose: 'progress' });
    expect(outcome).toMatchObject({ kind: 'refused', name: 'OFFSET_METADATA_TOO_LARGE' });
  });

  it('without a fence a plain commit stores offset and metadata', async () => {
    await suite.newTopic();
    const owner = openPlainPartition(parts(suite.newLink()));
    expect(await owner.commit(value(2), { signal, purpose: 'progress' })).toEqual({ kind: 'accepted' });
    expect(await suite.committed()).toMatchObject({ offset: 2, metadata: 'meta 2' });
  });
});
