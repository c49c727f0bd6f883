/**
 * Goal: each trap of kafkajs is guarded, and this suite fails loudly when kafkajs changes under a guard. Method: hashes of the
 * sources that the guards replace or lean on; the trap itself, shown on an unguarded copy of the module where that is possible.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { decodeFetchResponse } from '../../../main/sources/kafka/wire/fetch-response.ts';
import {
  assertKafkajsAsExpected,
  assertOffset,
  brokersRequest,
  fetchRequest,
  kafkajsLogger,
  KAFKAJS_VERSION,
  listOffsetsRequest,
} from '../../../main/sources/kafka/wire/kafkajs-guards.ts';
import type { KafkajsRequestQueue } from '../../../main/sources/kafka/wire/kafkajs-internals.ts';
import { fetchArguments } from '../../../main/sources/kafka/wire/pull-call.ts';
import type { LinkLogLine } from '../../../main/sources/kafka/wire/pull-link.ts';
import { ResponseFramer } from '../../../main/sources/kafka/wire/response-framer.ts';
import { encodeFetchResponse } from './fetch-response-encoder.ts';

const require = createRequire(import.meta.url);

interface Queue extends KafkajsRequestQueue {
  pending: unknown[];
  throttledUntil: number;
  checkPendingRequests(): void;
}

type QueueClass = new (options: object) => Queue;

const QUEUE_MODULE = 'kafkajs/src/network/requestQueue/index.js';

function newQueue(Class: QueueClass): Queue {
  return new Class({
    logger: { debug: () => undefined },
    clientId: 'c',
    broker: 'b',
    requestTimeout: 1,
    enforceRequestTimeout: false,
  });
}

/** The module as it is on disk, without our guard on its prototype. */
function unguardedQueue(): QueueClass {
  const path = require.resolve(QUEUE_MODULE);
  const cached = require.cache[path];
  delete require.cache[path];
  try {
    return require(QUEUE_MODULE) as QueueClass;
  } finally {
    if (cached !== undefined) require.cache[path] = cached;
  }
}

function hashOf(module: string): string {
  return createHash('sha256')
    .update(readFileSync(require.resolve(module)))
    .digest('hex')
    .slice(0, 16);
}

describe('kafkajs is the one that the guards were written for', () => {
  it.each([
    ['network/connection.js', '2a993b2e74421ca6'],
    ['network/requestQueue/index.js', 'b55986089c14f8f7'],
    ['network/requestQueue/socketRequest.js', 'dde28f8e26c6d17f'],
    ['broker/index.js', '9cbea8898528c439'],
    ['broker/saslAuthenticator/index.js', '535765470e117239'],
    ['protocol/encoder.js', '9977889e184a9e91'],
    ['protocol/request.js', '2270900ca6474026'],
    ['protocol/requests/fetch/index.js', 'b0961e16fca52023'],
    ['protocol/requests/fetch/v4/request.js', '34e01d8a9a53b34d'],
    ['protocol/requests/fetch/v11/request.js', 'e652bb05ffab315d'],
    ['protocol/requests/listOffsets/v2/request.js', '6fb3b04f2495bc32'],
    ['protocol/requests/listOffsets/v3/response.js', '754ca5e16ab57879'],
    ['protocol/requests/metadata/v6/response.js', '08626a1a2f73fbb4'],
    ['loggers/index.js', '86c9e625c9310dca'],
    ['utils/long.js', 'c85b8ecea7cf0752'],
  ])('%s', (module, hash) => {
    expect(
      hashOf(`kafkajs/src/${module}`),
      `${module} changed: look at every guard that leans on it again`,
    ).toBe(hash);
  });

  it('another version, or a part that is missing, is refused at load', () => {
    expect(() => assertKafkajsAsExpected(KAFKAJS_VERSION, { Connection: true })).not.toThrow();
    expect(() => assertKafkajsAsExpected('2.3.0', { Connection: true })).toThrow(
      /kafkajs 2\.3\.0 is not the 2\.2\.4/,
    );
    expect(() => assertKafkajsAsExpected(KAFKAJS_VERSION, { Connection: false })).toThrow(
      /Connection changed/,
    );
  });
});

describe('guard 1: an idle queue', () => {
  afterEach(() => void vi.useRealTimers());

  it('would wake again and again without the guard', () => {
    vi.useFakeTimers();
    newQueue(unguardedQueue()).checkPendingRequests();
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(100);
    expect(vi.getTimerCount()).toBe(1);
  });

  it('sleeps', () => {
    vi.useFakeTimers();
    newQueue(require(QUEUE_MODULE) as QueueClass).checkPendingRequests();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('still sends what the broker’s quota held back, when its time has come', () => {
    vi.useFakeTimers();
    const queue = newQueue(require(QUEUE_MODULE) as QueueClass);
    queue.throttledUntil = Date.now() + 500;
    const sendRequest = vi.fn();
    const push: unknown = Reflect.get(queue, 'push');
    if (typeof push !== 'function') throw new Error('no push');
    push.call(queue, { entry: { correlationId: 1 }, expectResponse: true, sendRequest });
    vi.advanceTimersByTime(499);
    expect(sendRequest).not.toHaveBeenCalled();
    vi.advanceTimersByTime(10);
    expect(sendRequest).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('guard 2: a fetch answer', () => {
  const partition = {
    topic: 't',
    partition: 1,
    errorCode: 0,
    highWatermark: 10,
    lastStableOffset: 9,
    logStartOffset: 2,
    abortedTransactions: [{ producerId: 5, firstOffset: 3 }],
    records: Buffer.from('raw records'),
  };
  const refused = {
    ...partition,
    partition: 2,
    errorCode: 6,
    abortedTransactions: [],
    records: Buffer.alloc(0),
  };

  it.each([4, 5, 6, 7, 8, 9, 10, 11])(
    'of version %i keeps the raw records, and an error beside them',
    (version) => {
      const raw = encodeFetchResponse(version, [partition, refused, { ...partition, topic: 'u' }]);
      const logStartOffset = version >= 5 ? 2 : -1;
      expect(decodeFetchResponse(raw, version)).toEqual({
        clientSideThrottleTime: version >= 8 ? 42 : 0,
        errorCode: 0,
        partitions: [
          { ...partition, logStartOffset },
          { ...refused, logStartOffset },
          { ...partition, topic: 'u', logStartOffset },
        ],
      });
    },
  );

  it('that is cut off or damaged anywhere is a RangeError or decodes, and never hangs', () => {
    const raw = encodeFetchResponse(11, [partition, refused]);
    for (let length = 0; length < raw.length; length++) {
      expect(() => decodeFetchResponse(raw.subarray(0, length), 11)).toThrow(RangeError);
    }
    fc.assert(
      fc.property(fc.nat({ max: raw.length - 1 }), fc.nat({ max: 255 }), (at, value) => {
        const damaged = Buffer.from(raw);
        damaged[at] = value;
        try {
          decodeFetchResponse(damaged, 11);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });

  it('is asked for committed records only, without a rack', async () => {
    const args = fetchArguments({
      node: 1,
      partitions: [{ topic: 't', partition: 1, offset: 7, maxBytes: 100, leaderEpoch: 4 }],
      maxBytes: 200,
      minBytes: 1,
      maxWaitMs: 50,
    });
    const built = fetchRequest({ 1: { minVersion: 4, maxVersion: 18 } }, args);
    expect(built?.request.apiVersion).toBe(11);
    const encoded = (await built?.request.encode()) as { buffer: Buffer };
    const body = [-1, 50, 1, 200].flatMap((value) => [...int32(value)]);
    const rest = [
      1,
      ...int32(0),
      ...int32(-1),
      ...int32(1),
      0,
      1,
      0x74,
      ...int32(1),
      ...int32(1),
      ...int32(4),
    ];
    const offsets = [...int64(7), ...int64(-1), ...int32(100), ...int32(0), 0, 0];
    expect([...encoded.buffer]).toEqual([...body, ...rest, ...offsets]);
  });
});

describe('guard 3: requests', () => {
  it('for brokers ask for no topic at all, where kafkajs’ own would ask for all', async () => {
    const built = brokersRequest({ 3: { minVersion: 0, maxVersion: 13 } });
    const encoded = (await built?.request.encode()) as { buffer: Buffer };
    expect([...encoded.buffer]).toEqual([0, 0, 0, 0, 0]);
  });

  it('are not made in a version that the broker does not speak', () => {
    const args = { isolationLevel: 1, topics: [] };
    expect(brokersRequest({})).toBeUndefined();
    expect(brokersRequest({ 3: { minVersion: 0, maxVersion: 3 } })).toBeUndefined();
    expect(listOffsetsRequest({ 2: { minVersion: 4, maxVersion: 9 } }, args)).toBeUndefined();
    expect(
      fetchRequest(
        { 1: { minVersion: 12, maxVersion: 18 } },
        { ...args, maxWaitTime: 1, minBytes: 1, maxBytes: 1, rackId: '' },
      ),
    ).toBeUndefined();
  });
});

describe('guard 6: a stream of answers', () => {
  const frames = fc.array(fc.uint8Array({ minLength: 4, maxLength: 50 }), { maxLength: 6 });

  it('is cut at the same places whatever the chunks', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (sent, sizes) => {
        const stream = Buffer.concat(sent.flatMap((frame) => [Buffer.from(int32(frame.length)), frame]));
        const got: Buffer[] = [];
        const framer = new ResponseFramer({
          bytesMax: 50,
          onResponse: (frame) => got.push(frame),
          onExcess: () => expect.unreachable(),
        });
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const end = at + (sizes[turn % sizes.length] ?? 1);
          framer.push(stream.subarray(at, end));
          at = end;
        }
        expect(got).toEqual(sent.map((frame) => Buffer.from(frame)));
      }),
    );
  });

  it.each([51, 3, -1, 0x48545450])(
    'with an answer of %i bytes is refused, once, and read no further',
    (size) => {
      const excess: number[] = [];
      const framer = new ResponseFramer({
        bytesMax: 50,
        onResponse: () => expect.unreachable(),
        onExcess: (bytes) => excess.push(bytes),
      });
      framer.push(Buffer.concat([Buffer.from(int32(size)), Buffer.alloc(100)]));
      framer.push(Buffer.alloc(100));
      expect(excess).toEqual([size >>> 0]);
    },
  );
});

describe('guards 8 and 9', () => {
  it('an offset that is no number is an error here, and not offset 0 at the broker', () => {
    expect(() => assertOffset(NaN, 'offset')).toThrow(RangeError);
    const partitions = [{ topic: 't', partition: 0, offset: NaN, maxBytes: 1 }];
    expect(() => fetchArguments({ node: 1, partitions, maxBytes: 1, minBytes: 1, maxWaitMs: 1 })).toThrow(
      RangeError,
    );
  });

  it('a log line of kafkajs comes without secrets and stacks', () => {
    const lines: LinkLogLine[] = [];
    const logger = kafkajsLogger((line) => lines.push(line)) as unknown as Record<
      'error' | 'debug',
      (message: string, extra: object) => void
    >;
    logger.error('Failed: password=hunter2', { broker: 'b:1', stack: 'Error: at x' });
    logger.debug('not wanted', {});
    expect(lines).toEqual([{ level: 'error', message: 'Failed: password=***', place: 'b:1' }]);
  });
});

function int32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return new Uint8Array(bytes);
}

function int64(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return new Uint8Array(bytes);
}
