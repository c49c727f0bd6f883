/**
 * Goal: pulls from a broker are bounded: few at once after a failure, fewer and fewer after that, and none over a link or after a pause
 * that could hide another log before the log was compared.
 * Method: the real puller and a real session over a broker that is a double (failures at will) and a clock that only counts.
 */
import { describe, expect, it } from 'vitest';
import { NO_CLAIMS } from '../../../main/sources/claim-keeper.ts';
import { LinkWatch } from '../../../main/sources/kafka/link-watch.ts';
import { kafkaSourceSettings } from '../../../main/sources/kafka/kafka-source-settings.ts';
import { NodePuller } from '../../../main/sources/kafka/node-puller.ts';
import { PartitionSession } from '../../../main/sources/kafka/partition-session.ts';
import type { PartitionFence } from '../../../main/sources/kafka/fence.ts';
import { newCounters } from '../../../main/sources/kafka/source-counters.ts';
import type { SourceClock } from '../../../main/sources/kafka/source-clock.ts';
import type { FetchRequest, PartitionFetch } from '../../../main/sources/kafka/wire/pull-link.ts';
import type { SourceHost } from '../../../main/sources/source.ts';
import { GatewayError } from '../../../shared/errors.ts';
import { offset } from '../../../shared/model/brand.ts';
import { MemorySourceStore } from './memory-source-store.ts';

class CountingClock implements SourceClock {
  readonly waitsMs: number[] = [];
  elapsedMs = 0;

  now(): number {
    return 1_000_000 + this.elapsedMs;
  }

  steadyMs(): number {
    return this.elapsedMs;
  }

  async wait(ms: number): Promise<void> {
    this.waitsMs.push(ms);
    this.elapsedMs += ms;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const INFO = { topic: 't', partition: 0, topicId: 'id', leader: 1, leaderEpoch: 4 };
const settings = kafkaSourceSettings({
  name: 's',
  bootstrapServers: ['broker:9092'],
  topics: { kind: 'list', names: ['t'] },
  groupId: 'g',
  landingTargetId: 'x',
  repulls: 2,
});

function nothingNew({ partitions }: FetchRequest): PartitionFetch[] {
  return partitions.map(({ topic, partition, offset: fetchOffset }) => ({
    topic,
    partition,
    fetchOffset,
    error: undefined,
    highWatermark: fetchOffset,
    lastStableOffset: fetchOffset,
    logStartOffset: 0,
    abortedTransactions: [],
    records: Buffer.alloc(0),
  }));
}

const BROKEN = new GatewayError({
  code: 'transport',
  operation: 'fetch records',
  place: 'broker:9092',
  message: 'made up',
  retry: 'now',
  hint: '',
});

interface Scene {
  readonly clock: CountingClock;
  readonly puller: NodePuller;
  /** `fetch` and `compare`, in the order in which they happened. */
  readonly seen: string[];
  isConnected: boolean;
}

/** Runs a puller until it has fetched `fetches` times; `answer` gets the number of each. */
async function pull(
  fetches: number,
  answer: (request: FetchRequest, at: number, scene: Scene) => PartitionFetch[],
): Promise<Scene> {
  const clock = new CountingClock();
  const stop = new AbortController();
  const store = new MemorySourceStore();
  const host: SourceHost = { store, claims: NO_CLAIMS, report() {}, async whenOpen() {}, async deliver() {} };
  const counters = newCounters();
  const ref = { source: 's', topic: 't', partition: 0, incarnation: 'id' };
  const tenure = await store.beginTenure({
    ref,
    clusterId: 'c',
    group: 'g',
    topicId: 'id',
    nonce: 'nonce',
    sequence: 1,
    startOffset: offset(10),
    fingerprint: undefined,
    adopt: undefined,
  });
  const unused: PartitionFence = {
    kind: 'none',
    readStable: () => Promise.reject(new Error('unused')),
    commit: () => Promise.reject(new Error('unused')),
  };
  const session: PartitionSession = new PartitionSession(
    {
      ref,
      info: INFO,
      fence: unused,
      tenure,
      metadata: {
        target: 'x',
        incarnation: 'id',
        sequence: 1,
        gateways: {},
        entries: [],
        movedTo: undefined,
        fingerprint: undefined,
      },
      position: 10,
      committed: 10,
      fingerprint: undefined,
      skipped: undefined,
    },
    {
      settings,
      host,
      counters,
      clock,
      onWanting() {},
      // What the partition's worker does, without a broker to ask.
      onTrouble() {
        if (!session.needsLogCheck) return;
        scene.seen.push('compare');
        session.trustLog(INFO);
      },
    },
  );
  const linkWatch = new LinkWatch({ name: 's', linkDownMs: 3_600_000, host, clock });
  let count = 0;
  const puller = new NodePuller({
    node: 1,
    settings,
    host,
    clock,
    random: () => 1,
    counters,
    linkWatch,
    sessions: () => [session],
    onStaleMetadata() {},
    pull: {
      isConnected: () => scene.isConnected,
      async fetch(request) {
        scene.seen.push('fetch');
        count++;
        if (count === fetches) stop.abort();
        return answer(request, count, scene);
      },
    },
  });
  const scene: Scene = { clock, puller, seen: [], isConnected: true };
  await puller.run(stop.signal);
  return scene;
}

describe('the puller of a broker', () => {
  it('pulls a failed pull again at most `repulls` times at once, then waits twice as long each time, up to a minute', async () => {
    const { clock, puller } = await pull(12, () => {
      throw BROKEN;
    });
    // 12 pulls: the first and its two re-pulls without a wait between, then one after each wait.
    expect(clock.waitsMs).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect(puller.problem?.error.message).toBe('made up');
  });

  it('begins anew after an answer, and says nothing of the past', async () => {
    const { clock, puller } = await pull(6, (request, at) => {
      if (at < 5) throw BROKEN;
      return nothingNew(request);
    });
    expect(clock.waitsMs.filter((ms) => ms >= 1_000)).toEqual([1_000, 2_000]);
    expect(puller.problem).toBeUndefined();
  });

  it('compares the log before each pull over a new connection, the re-pull too', async () => {
    const { seen } = await pull(3, (request, at) => {
      if (at === 1) throw BROKEN;
      return nothingNew(request);
    });
    expect(seen).toEqual(['fetch', 'compare', 'fetch', 'fetch']);
  });

  it('compares the log when the connection broke while nothing was asked', async () => {
    const { seen } = await pull(3, (request, at, scene) => {
      scene.isConnected = at !== 1;
      return nothingNew(request);
    });
    expect(seen).toEqual(['fetch', 'compare', 'fetch', 'fetch']);
  });

  it('compares the log after a pause in which a topic could have been replaced', async () => {
    const { seen } = await pull(3, (request, at, { clock }) => {
      // The event loop, or the channel, stood still after the answer.
      if (at === 1) setImmediate(() => (clock.elapsedMs += 10_000));
      return nothingNew(request);
    });
    expect(seen).toEqual(['fetch', 'compare', 'fetch', 'fetch']);
  });

  it('never asks a broker that answers at once with nothing more than ten times a second', async () => {
    const { clock } = await pull(50, (request) => nothingNew(request));
    expect(clock.elapsedMs).toBeGreaterThanOrEqual(49 * 100);
  });
});
