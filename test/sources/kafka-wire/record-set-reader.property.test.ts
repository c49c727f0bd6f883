/**
 * Goal: every offset of a fetched range comes out of the reader exactly once and unchanged, and no damaged byte becomes an event.
 * Method: random record sets from an independent encoder (codecs, holes, transactions, oversized bodies, any slicing) against the
 * plain list they were made of; random damage, with and without a CRC made good again. Seeds are printed by fast-check.
 */
import { crc32c } from '@node-rs/crc32';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGatewayError } from '../../../shared/errors.ts';
import { encodeBatch, encodeMarker, type TestCodec, type TestRecord } from './record-batch-encoder.ts';
import { eventsOf, offsetsOfRuns, range, readerOf, slicesOf } from './reading.ts';

const MAX_EVENT_BYTES = 300;
const codecs: readonly TestCodec[] = ['none', 'gzip', 'snappy', 'snappy-raw', 'lz4', 'zstd'];
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

const record = fc.record({
  step: fc.constantFrom(1, 1, 1, 1, 2, 7, 200),
  timestampMs: fc.oneof(fc.constant(-1), fc.integer({ min: 1_600_000_000_000, max: 1_800_000_000_000 })),
  key: fc.option(bytes(20)),
  value: fc.option(fc.oneof(bytes(40), fc.constant(Buffer.alloc(MAX_EVENT_BYTES + 1, 'x')))),
  headers: fc.array(fc.tuple(fc.string({ maxLength: 5 }), fc.option(bytes(10))), { maxLength: 3 }),
});

const batch = fc.record({
  hole: fc.constantFrom(0, 0, 0, 1, 5),
  tail: fc.constantFrom(0, 0, 3),
  codec: fc.constantFrom(...codecs),
  leaderEpoch: fc.integer({ min: 0, max: 5 }),
  logAppendTimeMs: fc.option(fc.constant(1_700_000_000_123), { freq: 5 }),
  producerId: fc.constantFrom(undefined, undefined, 7, 9),
  records: fc.array(record, { maxLength: 30 }),
  end: fc.constantFrom(undefined, undefined, 'commit', 'abort'),
});

interface Expected {
  readonly offset: number;
  readonly body: string;
  readonly timestampMs: number;
  readonly key: string | undefined;
  readonly isOversized: boolean;
}

interface Log {
  readonly bytes: Buffer;
  readonly next: number;
  readonly expected: Expected[];
  readonly abortedTransactions: { producerId: number; firstOffset: number; markerOffset: number }[];
  readonly batchStarts: number[];
}

/** The log that the random batches describe, and what of it a consumer may see. */
function logOf(batches: readonly (typeof batch extends fc.Arbitrary<infer T> ? T : never)[]): Log {
  const parts: Buffer[] = [];
  const batchStarts: number[] = [];
  const open = new Map<number, { firstOffset: number; records: Expected[] }>();
  const abortedTransactions: Log['abortedTransactions'] = [];
  const hidden = new Set<Expected>();
  const expected: Expected[] = [];
  let next = 0;
  const push = (part: Buffer): void => {
    batchStarts.push(parts.reduce((sum, one) => sum + one.length, 0));
    parts.push(part);
  };
  for (const one of batches) {
    const baseOffset = next + one.hole;
    let delta = -1;
    const records: TestRecord[] = one.records.map((each) => {
      delta += each.step;
      return {
        offsetDelta: delta,
        timestampMs: each.timestampMs,
        key: each.key,
        value: each.value,
        headers: each.headers,
      };
    });
    const lastOffsetDelta = Math.max(0, delta) + one.tail;
    const { codec, leaderEpoch, producerId } = one;
    const isTransactional = producerId !== undefined;
    const logAppendTimeMs = one.logAppendTimeMs ?? undefined;
    push(
      encodeBatch({
        baseOffset,
        records,
        lastOffsetDelta,
        codec,
        leaderEpoch,
        isTransactional,
        ...(producerId === undefined ? {} : { producerId }),
        ...(logAppendTimeMs === undefined ? {} : { logAppendTimeMs }),
      }),
    );
    const seen = records.map((each): Expected => {
      const time = logAppendTimeMs ?? each.timestampMs;
      return {
        offset: baseOffset + each.offsetDelta,
        body: (each.value ?? Buffer.alloc(0)).toString('latin1'),
        timestampMs: time < 0 ? NaN : time,
        key: each.key?.toString('utf8'),
        isOversized: (each.value?.length ?? 0) > MAX_EVENT_BYTES,
      };
    });
    expected.push(...seen);
    next = baseOffset + lastOffsetDelta + 1;
    if (producerId === undefined) continue;
    const transaction = open.get(producerId) ?? { firstOffset: baseOffset, records: [] };
    transaction.records.push(...seen);
    open.set(producerId, transaction);
    if (one.end === undefined) continue;
    push(encodeMarker({ baseOffset: next, producerId, type: one.end }));
    next++;
    open.delete(producerId);
    if (one.end === 'commit') continue;
    abortedTransactions.push({ producerId, firstOffset: transaction.firstOffset, markerOffset: next - 1 });
    for (const each of transaction.records) hidden.add(each);
  }
  const visible = expected.filter((each) => !hidden.has(each));
  return {
    bytes: Buffer.concat(parts),
    next,
    expected: visible,
    abortedTransactions: abortedTransactions.reverse(),
    batchStarts,
  };
}

/** What a broker sends for an offset: from the batch on that reaches beyond it. */
function bytesFrom({ bytes, batchStarts }: Log, fetchOffset: number): Buffer {
  const nextOf = (start: number): number =>
    Number(bytes.readBigInt64BE(start)) + bytes.readInt32BE(start + 23) + 1;
  return bytes.subarray(batchStarts.find((start) => nextOf(start) > fetchOffset) ?? bytes.length);
}

describe('record sets', () => {
  it('give every offset of the range exactly once, whatever the codec, the holes, the transactions and the slices', () => {
    fc.assert(
      fc.property(
        fc.array(batch, { maxLength: 8 }),
        fc.record({
          maxEvents: fc.integer({ min: 1, max: 40 }),
          maxBytes: fc.integer({ min: 1, max: 2_000 }),
        }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (batches, limits, where) => {
          const log = logOf(batches);
          const fetchOffset = Math.floor(where * log.next);
          // A broker leaves out transactions that ended before the fetch offset, and batches before it.
          const abortedTransactions = log.abortedTransactions.filter(
            ({ markerOffset }) => markerOffset >= fetchOffset,
          );
          const reader = readerOf(
            bytesFrom(log, fetchOffset),
            { fetchOffset, abortedTransactions },
            { maxEventBytes: MAX_EVENT_BYTES },
          );
          const slices = slicesOf(reader, limits);
          const expected = log.expected.filter(({ offset }) => offset >= fetchOffset);
          const oversized = slices.flatMap((slice) => slice.oversized);

          const plain = ({ offset, body, timestampMs, key }: Expected) => ({
            offset,
            body,
            timestampMs,
            key,
          });
          expect(eventsOf(slices)).toEqual(expected.filter((each) => !each.isOversized).map(plain));
          expect(oversized.map(({ offset }) => offset)).toEqual(
            expected.filter((each) => each.isOversized).map(({ offset }) => offset),
          );
          expect(reader.nextOffset).toBe(Math.max(fetchOffset, log.next));
          let position = fetchOffset;
          for (const slice of slices) {
            expect(slice.first).toBe(position);
            expect(slice.next).toBeGreaterThan(slice.first);
            position = slice.next;
            expect(slice.gap).toBeUndefined();
            expect(slice.events.count).toBeLessThanOrEqual(limits.maxEvents);
            const all = [
              ...offsetsOfRuns(slice.absent),
              ...slice.events.offsets.subarray(0, slice.events.count),
              ...slice.oversized.map(({ offset }) => Number(offset)),
            ];
            expect(all.sort((a, b) => a - b)).toEqual(range(slice.first, slice.next));
          }
          expect(position).toBe(reader.nextOffset);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('never yield an event from a set with a damaged byte that the CRC covers', () => {
    fc.assert(
      fc.property(
        fc.array(batch, { minLength: 1, maxLength: 3 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (batches, where, flip) => {
          const log = logOf(batches);
          const at = where % log.bytes.length;
          const start = log.batchStarts.findLast((each) => each <= at) ?? 0;
          fc.pre(at - start >= 16);
          log.bytes[at] = (log.bytes[at] ?? 0) ^ flip;
          expect(() => readerOf(log.bytes)).toThrow(expect.objectContaining({ name: 'GatewayError' }));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('never yield an unproven offset or epoch from a set with a damaged byte that no CRC covers', () => {
    const plain = fc.record({
      values: fc.array(bytes(20), { minLength: 1, maxLength: 20 }),
      codec: fc.constantFrom(...codecs),
    });
    fc.assert(
      fc.property(
        fc.array(plain, { minLength: 1, maxLength: 5 }),
        fc.nat(),
        fc.integer({ min: 0, max: 15 }),
        fc.integer({ min: 1, max: 255 }),
        (parts, which, at, change) => {
          const log: Buffer[] = [];
          let next = 1_000;
          for (const { values, codec } of parts) {
            const records = values.map((value, offsetDelta) => ({
              offsetDelta,
              timestampMs: 1,
              key: null,
              value,
            }));
            log.push(encodeBatch({ baseOffset: next, records, codec, leaderEpoch: 3 }));
            next += values.length;
          }
          const facts = { fetchOffset: 1_000, logStartOffset: 0, highWatermark: next };
          const read = (records: Buffer) => {
            const reader = readerOf(records, facts, { knownEpochs: [3] });
            return { claims: reader.claims, next: reader.nextOffset, events: eventsOf(slicesOf(reader)) };
          };
          const good = read(Buffer.concat(log));
          expect(good.claims).toEqual([]);
          const damaged = Buffer.concat(log);
          const start = log.slice(0, which % log.length).reduce((sum, one) => sum + one.length, 0);
          damaged[start + at] = (damaged[start + at] ?? 0) ^ change;
          let seen: ReturnType<typeof read>;
          try {
            seen = read(damaged);
          } catch (error) {
            if (isGatewayError(error)) return;
            throw error;
          }
          // A length that reaches beyond the set is one cut off: what stands before it is all there is.
          if (seen.claims.length === 0)
            expect(seen.events).toEqual(good.events.filter(({ offset }) => offset < seen.next));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('fail with a GatewayError or read on, but never hang or crash, whatever stands in a batch whose CRC is right', () => {
    fc.assert(
      fc.property(
        batch,
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
        (one, damage) => {
          const log = logOf([one]);
          const end = log.batchStarts[1] ?? log.bytes.length;
          const bytes = Buffer.from(log.bytes.subarray(0, end));
          for (const [where, value] of damage) bytes[21 + (where % (bytes.length - 21))] = value;
          bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
          try {
            const reader = readerOf(bytes);
            const slices = slicesOf(reader, { maxEvents: 7, maxBytes: 100 });
            for (const { events } of slices)
              for (const index of range(0, events.count)) events.headers(index);
          } catch (error) {
            expect(isGatewayError(error) ? error.code : error).toMatch(
              /^(?:batch-undecodable|codec-unknown|crc-mismatch)$/,
            );
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('fail with a GatewayError or give nothing for random bytes', () => {
    fc.assert(
      fc.property(bytes(300), (random) => {
        if (random.length > 16) random[16] = 2;
        try {
          expect(slicesOf(readerOf(random))).toEqual([]);
        } catch (error) {
          expect(isGatewayError(error)).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('cut off anywhere give the complete batches before the cut', () => {
    fc.assert(
      fc.property(
        fc.array(batch, { minLength: 1, maxLength: 4 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (batches, where) => {
          const log = logOf(batches.map((one) => ({ ...one, producerId: undefined })));
          const cut = Math.floor(where * log.bytes.length);
          const whole = log.batchStarts.filter(
            (_, index) => (log.batchStarts[index + 1] ?? log.bytes.length) <= cut,
          );
          const reader = readerOf(log.bytes.subarray(0, cut));
          const whatIsThere = readerOf(
            log.bytes.subarray(0, log.batchStarts[whole.length] ?? log.bytes.length),
          );
          expect(eventsOf(slicesOf(reader))).toEqual(eventsOf(slicesOf(whatIsThere)));
          expect(reader.nextOffset).toBe(whatIsThere.nextOffset);
          const isCutInFirst = whole.length === 0 && cut > 0;
          expect(reader.needsBytes === undefined).toBe(!isCutInFirst);
          if (isCutInFirst && cut >= 12)
            expect(reader.needsBytes).toBe(log.batchStarts[1] ?? log.bytes.length);
        },
      ),
      { numRuns: 200 },
    );
  });
});
