/**
 * Goal: a delivery that waits for room ends with its signal and gives back what it held, so that stopping never hangs on a full channel;
 * and memory under way is what is counted. Method: the real host and buffers; the writer is a port that never has room.
 */
import { describe, expect, test } from 'vitest';
import type { PutPort } from '../../main/engine/source-host.ts';
import { EngineSourceHost, PutBuffers, PUT_BYTES_IN_FLIGHT_MAX } from '../../main/engine/source-host.ts';
import { replicatingRouter } from '../../main/engine/channel-router.ts';
import type { Delivery, SourceStore } from '../../main/sources/source.ts';
import { EventBatch } from '../../shared/event-batch.ts';
import { offset } from '../../shared/model/brand.ts';
import type { Put } from '../../shared/model/put.ts';
import { landingKey, partition } from '../channel/channel-fixture.ts';

function deliveryOf(bytes: number): Delivery {
  const events = new EventBatch({
    count: 1,
    offsets: Float64Array.of(0),
    sources: [Buffer.alloc(bytes)],
    sourceOf: new Uint16Array(1),
    starts: Int32Array.of(0),
    ends: Int32Array.of(bytes),
    timestamps: Float64Array.of(1),
    sharedHeaders: {},
  });
  const range = { first: offset(0), next: offset(1), fingerprint: undefined };
  return { partition: partition(), tenure: 't', ...range, events, dispositions: [], quarantined: [] };
}

function hostOn(put: PutPort['put'], buffers: PutBuffers, channels = ['disk']): EngineSourceHost {
  const key = landingKey();
  return new EngineSourceHost({
    store: {} as SourceStore,
    port: { put, whenOpen: () => Promise.resolve() },
    buffers,
    rules: {
      configVersion: 1,
      interceptors: [],
      router: replicatingRouter,
      channels: channels.map((name) => ({
        name,
        appendNewline: false,
        keys: { keyFor: () => ({ key, bucketEndMs: undefined }) },
      })),
    },
    report: () => undefined,
  });
}

test('a source’s bytes count once, however many channels they go to', async () => {
  const take = (put: Put) => Promise.resolve({ bytes: put.bytes, storedBytes: 0 });
  const host = hostOn(take, new PutBuffers(), ['disk', 'archive']);
  await host.deliver(deliveryOf(100), new AbortController().signal);
  expect(host.counters).toEqual({ deliveredEvents: 1, deliveredBytes: 100 });
});

/** A channel that is full: a put waits until its signal ends. */
const full: PutPort['put'] = (_put, signal) =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });

describe('deliveries', () => {
  test('that wait for room end with their signal, in the channel’s line and in the budget’s', async () => {
    const buffers = new PutBuffers();
    const host = hostOn(full, buffers);
    const stop = new AbortController();
    const size = PUT_BYTES_IN_FLIGHT_MAX / 2;
    const deliveries = [1, 2, 3, 4].map(() => host.deliver(deliveryOf(size), stop.signal));
    const ends = Promise.allSettled(deliveries);
    await new Promise((resolve) => setImmediate(resolve));
    expect(buffers.budget.usedBytes).toBe(2 * size);
    const settled = host.settled();
    stop.abort(new Error('the source is stopping'));
    expect((await ends).map((end) => end.status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected']);
    await settled;
    expect(buffers.budget.usedBytes).toBe(0);
    expect(host.counters).toEqual({ deliveredEvents: 0, deliveredBytes: 0 });
  });

  test('count what they really take, and buffers that come back are used again', async () => {
    const buffers = new PutBuffers();
    const seen: ArrayBuffer[] = [];
    const used: number[] = [];
    const take = (put: Put) => {
      seen.push(put.bytes);
      used.push(buffers.budget.usedBytes);
      return Promise.resolve({ bytes: put.bytes, storedBytes: 0 });
    };
    const host = hostOn(take, buffers);
    const { signal } = new AbortController();
    for (const bytes of [100, 600_000, 1_900_000, 3_000_000, 9_000_000])
      await host.deliver(deliveryOf(bytes), signal);
    expect(used).toEqual(seen.map(({ byteLength }) => byteLength));
    expect(used).toEqual([100, 2 * 1024 * 1024, 2 * 1024 * 1024, 4 * 1024 * 1024, 9_000_000]);
    expect(seen[2]).toBe(seen[1]);
    expect(host.counters).toEqual({ deliveredEvents: 5, deliveredBytes: 14_500_100 });
  });
});
