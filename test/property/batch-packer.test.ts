/**
 * Goal: packing a delivery loses and doubles nothing: per channel each offset is in one chunk, or accounted for otherwise; a chunk is
 * of one landing key, in offset order, at most 1 MiB unless one event alone is larger. Method: random deliveries with random fates,
 * keys, bodies and routes, against the sentence above; and every put is taken by a real channel, which checks its books itself.
 * fast-check prints its seed.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChannelWriter } from '../../main/channel/channel-writer.ts';
import { PackedBatch, type PackingChannel } from '../../main/engine/batch-packer.ts';
import { ByteBudget } from '../../main/engine/byte-budget.ts';
import { multiplexingRouter, replicatingRouter } from '../../main/engine/channel-router.ts';
import type { Delivery } from '../../main/sources/source.ts';
import { EventBatch } from '../../shared/event-batch.ts';
import { offset } from '../../shared/model/brand.ts';
import type { LandingKey } from '../../shared/model/landing-key.ts';
import { decodeRuns, type EncodedRuns } from '../../shared/model/offset-runs.ts';
import { CHUNK_RAW_BYTES_MAX, type Put } from '../../shared/model/put.ts';
import {
  landingKey,
  openWriter,
  partition,
  runsOf,
  tenureStart,
  TestDirectory,
} from '../channel/channel-fixture.ts';

const CHANNELS = ['left', 'right'] as const;
/** The test's keys: equal names give the same object, as the packer is promised. */
const KEYS = new Map(['a', 'b', 'c'].map((name) => [name, landingKey(`/logs/${name}`)]));

interface TestEvent {
  /** How many offsets before it hold no record. */
  readonly hole: number;
  readonly body: Uint8Array;
  readonly fate: 'live' | 'filtered' | 'quarantined';
  readonly key: 'a' | 'b' | 'c' | 'nowhere';
  readonly route: string;
  readonly bucketEndMs: number | undefined;
}

const bodies = fc.oneof(
  { weight: 20, arbitrary: fc.uint8Array({ maxLength: 60 }) },
  { weight: 1, arbitrary: fc.nat({ max: 3 }).map((size) => new Uint8Array(400_000 * size)) },
);
const events: fc.Arbitrary<TestEvent[]> = fc.array(
  fc.record({
    hole: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 9 }) }),
    body: bodies,
    fate: fc.oneof(
      { weight: 8, arbitrary: fc.constant('live' as const) },
      { weight: 1, arbitrary: fc.constantFrom('filtered' as const, 'quarantined' as const) },
    ),
    key: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom('a' as const, 'b' as const, 'c' as const) },
      { weight: 1, arbitrary: fc.constant('nowhere' as const) },
    ),
    route: fc.constantFrom('left', 'right', 'both', 'neither'),
    bucketEndMs: fc.constantFrom(undefined, 1_000, 2_000),
  }),
  { maxLength: 60 },
);

function deliveryOf(list: readonly TestEvent[], first: number): Delivery {
  const offsets: number[] = [];
  const absent: number[] = [];
  let at = first;
  for (const { hole } of list) {
    for (let i = 0; i < hole; i++) absent.push(at++);
    offsets.push(at++);
  }
  const source = Buffer.concat(list.map(({ body }) => body));
  let end = 0;
  const ends = list.map(({ body }) => (end += body.length));
  const batch = new EventBatch({
    count: list.length,
    offsets: Float64Array.from(offsets),
    sources: [source],
    sourceOf: new Uint16Array(list.length),
    starts: Int32Array.from(ends.map((to, index) => to - (list[index]?.body.length ?? 0))),
    ends: Int32Array.from(ends),
    timestamps: Float64Array.from(list, (_, index) => 1_000 + index),
    sharedHeaders: { topic: 'www' },
  });
  list.forEach(({ fate, route }, index) => {
    batch.setHeader(index, 'route', route);
    if (fate === 'filtered') batch.filter(index, `rule ${index % 2}`);
    if (fate === 'quarantined') batch.quarantine(index, 'no time');
  });
  return {
    partition: partition(),
    tenure: 't1',
    first: offset(first),
    next: offset(at),
    fingerprint: undefined,
    events: batch,
    dispositions:
      absent.length === 0
        ? []
        : [{ kind: 'absent', channel: undefined, runs: runsOf(absent), reason: 'compacted away' }],
    quarantined: [],
  };
}

function channelsFor(list: readonly TestEvent[], appendNewline: boolean): PackingChannel[] {
  return CHANNELS.map((name) => ({
    name,
    appendNewline,
    keys: {
      keyFor: (_batch, index) => {
        const key = KEYS.get(list[index]?.key ?? '');
        return key === undefined
          ? { unplaceable: 'no directory for it' }
          : { key, bucketEndMs: list[index]?.bucketEndMs };
      },
    },
  }));
}

const ROUTER = multiplexingRouter(
  {
    header: 'route',
    mapping: { left: ['left'], right: ['right'], neither: [] },
    defaultChannels: [...CHANNELS],
  },
  [...CHANNELS],
);

function offsetsOf({ first, bytes }: EncodedRuns): number[] {
  return [...decodeRuns(first, bytes)].flatMap(({ from, to }) =>
    Array.from({ length: to - from }, (_, at) => from + at),
  );
}

/** What became of each offset in one channel, by the put. */
function fatesIn(put: Put, channel: string): Map<number, string[]> {
  const fates = new Map<number, string[]>();
  const note = (at: number, fate: string): void => void fates.set(at, [...(fates.get(at) ?? []), fate]);
  for (const chunk of put.chunks)
    if (chunk.channel === channel) for (const at of offsetsOf(chunk.runs)) note(at, 'chunk');
  for (const one of put.dispositions)
    if ((one.channel ?? channel) === channel) for (const at of offsetsOf(one.runs)) note(at, one.kind);
  for (const one of put.quarantined)
    if ((one.channel ?? channel) === channel) note(one.offset, 'quarantined');
  return fates;
}

describe('a packed delivery', () => {
  let directory: TestDirectory;
  let writer: ChannelWriter;
  let position = 0;
  beforeAll(async () => {
    directory = new TestDirectory();
    writer = openWriter(directory.path);
    await writer.perform('beginTenure', tenureStart('t1', 0));
  });
  afterAll(() => {
    writer.close();
    directory[Symbol.dispose]();
  });

  test('has each offset exactly once in each channel, in chunks of one key, in order, within the size', async () => {
    await fc.assert(
      fc.asyncProperty(events, fc.boolean(), fc.boolean(), async (list, routesAll, appendNewline) => {
        const delivery = deliveryOf(list, position);
        if (delivery.next === delivery.first) return;
        const packed = new PackedBatch(
          delivery,
          channelsFor(list, appendNewline),
          routesAll ? replicatingRouter : ROUTER,
        );
        const put = packed.fill(new ArrayBuffer(packed.totalBytes + 13), 7);
        for (const channel of CHANNELS) expectBooks(put, { list, delivery, channel, routesAll });
        for (const chunk of put.chunks) expectChunk(put, chunk, { list, delivery, appendNewline });
        expect(put.chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)).toBe(packed.totalBytes);
        // The channel checks the same again before it stores anything, and throws when the books don't balance.
        await writer.perform('put', put);
        position = delivery.next;
      }),
      { numRuns: 250 },
    );
  });
});

interface Packed {
  readonly list: readonly TestEvent[];
  readonly delivery: Delivery;
}

function expectBooks(
  put: Put,
  { list, delivery, channel, routesAll }: Packed & { readonly channel: string; readonly routesAll: boolean },
): void {
  const fates = fatesIn(put, channel);
  const expected = new Map<number, string[]>();
  for (let at = delivery.first as number; at < delivery.next; at++) expected.set(at, ['absent']);
  list.forEach(({ fate, key, route }, index) => {
    const at = delivery.events.offsets[index] ?? -1;
    const isRouted = routesAll || route === channel || route === 'both';
    let wanted = 'chunk';
    if (fate !== 'live') wanted = fate;
    else if (!isRouted) wanted = 'not-routed';
    else if (key === 'nowhere') wanted = 'quarantined';
    expected.set(at, [wanted]);
  });
  expect(new Map([...fates].sort(([left], [right]) => left - right))).toEqual(expected);
}

function expectChunk(
  put: Put,
  chunk: Put['chunks'][number],
  { list, delivery, appendNewline }: Packed & { readonly appendNewline: boolean },
): void {
  const indexes = offsetsOf(chunk.runs).map((at) => delivery.events.offsets.indexOf(at));
  expect(chunk.byteLength <= CHUNK_RAW_BYTES_MAX || indexes.length === 1).toBe(true);
  const keys = new Set<LandingKey | undefined>(indexes.map((index) => KEYS.get(list[index]?.key ?? '')));
  expect([...keys]).toEqual([chunk.landingKey]);
  const newline = Buffer.from(appendNewline ? '\n' : '');
  const bytes = Buffer.concat(indexes.flatMap((index) => [Buffer.from(list[index]?.body ?? []), newline]));
  expect(Buffer.from(put.bytes, chunk.byteOffset, chunk.byteLength).equals(bytes)).toBe(true);
  expect([chunk.oldestEventMs, chunk.newestEventMs]).toEqual([
    1_000 + (indexes[0] ?? 0),
    1_000 + (indexes.at(-1) ?? 0),
  ]);
  const ends = indexes.map((index) => list[index]?.bucketEndMs).filter((ms) => ms !== undefined);
  expect(chunk.bucketEndMs).toBe(ends.length === 0 ? undefined : Math.max(...ends));
}

describe('the budget of bytes under way', () => {
  test('is never overdrawn but by one that is alone, serves in order, and forgets who gave up', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ bytes: fc.nat({ max: 150 }), givesUp: fc.boolean() }), { maxLength: 40 }),
        async (takers) => {
          const budget = new ByteBudget(100);
          const entered: number[] = [];
          const inside: number[] = [];
          const waits = takers.map(({ bytes, givesUp }, index) => {
            const signal = new AbortController();
            const taking = budget.take(bytes, signal.signal).then(
              () => {
                entered.push(index);
                inside.push(bytes);
              },
              // Who gave up has no place any more; whether that was so is seen in what is used at the end.
              (error: unknown) => expect(error).toMatchObject({ message: 'gave up' }),
            );
            if (givesUp) signal.abort(new Error('gave up'));
            return taking;
          });
          for (let round = 0; round < 2 * takers.length + 2; round++) {
            await new Promise((resolve) => setImmediate(resolve));
            const used = inside.reduce((sum, bytes) => sum + bytes, 0);
            expect(budget.usedBytes).toBe(used);
            expect(used <= 100 || inside.filter((bytes) => bytes > 0).length === 1).toBe(true);
            const leaving = inside.shift();
            if (leaving !== undefined) budget.give(leaving);
          }
          await Promise.all(waits);
          expect(entered).toEqual([...entered].sort((left, right) => left - right));
          expect(budget.usedBytes).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });
});
