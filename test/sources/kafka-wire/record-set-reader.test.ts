/**
 * Goal: the reader's promises one by one: what is reported beside the events, and what is refused. Method: batches from the
 * independent encoder, one situation each; sizes that a random test would not reach.
 */
import { describe, expect, it } from 'vitest';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import {
  compress,
  encodeBatch,
  encodeMarker,
  type TestBatch,
  type TestRecord,
} from './record-batch-encoder.ts';
import { ALL, eventsOf, fetchedOf, offsetsOfRuns, range, readerOf, slicesOf } from './reading.ts';
import { fingerprintAt } from '../../../main/sources/kafka/wire/record-set-reader.ts';
import { decompressRecords } from '../../../main/sources/kafka/wire/record-decompressor.ts';

const TIME = 1_700_000_000_000;

function record(offsetDelta: number, value: string | null, more: Partial<TestRecord> = {}): TestRecord {
  return {
    offsetDelta,
    timestampMs: TIME + offsetDelta,
    key: null,
    value: value === null ? null : Buffer.from(value),
    ...more,
  };
}

function batch(baseOffset: number, values: readonly string[], more: Partial<TestBatch> = {}): Buffer {
  return encodeBatch({ baseOffset, records: values.map((value, index) => record(index, value)), ...more });
}

const coded = (code: string): unknown => expect.objectContaining({ name: 'GatewayError', code });

describe('what stands beside the events', () => {
  it('an event over the limit is set aside whole, with its headers, in its place among the others', () => {
    const large = 'L'.repeat(50);
    const records = [
      record(0, 'a'),
      record(1, large, { key: Buffer.from('k'), headers: [['h', Buffer.from('v')]] }),
      record(2, 'c'),
    ];
    const reader = readerOf(
      encodeBatch({ baseOffset: 10, records }),
      { fetchOffset: 10 },
      { maxEventBytes: 49, recordHeaders: { site: 'h' } },
    );
    const [slice] = slicesOf(reader);
    expect(slice?.events.count).toBe(2);
    expect(slice?.absent).toBeUndefined();
    expect(slice?.oversized).toEqual([
      {
        offset: 11,
        channel: undefined,
        reason: 'body of 50 bytes is over the limit of 49',
        timestampMs: TIME + 1,
        headers: {
          topic: 'access',
          partition: '3',
          offset: '11',
          key: 'k',
          site: 'v',
          timestamp: `${TIME + 1}`,
          'kafka.timestamp': `${TIME + 1}`,
        },
        key: Buffer.from('k'),
        body: Buffer.from(large),
      },
    ]);
  });

  it('a slice of nothing but oversized events has their fingerprint', () => {
    const [slice] = slicesOf(readerOf(batch(0, ['aaa', 'bbb']), {}, { maxEventBytes: 2 }));
    expect(slice?.events.count).toBe(0);
    expect(slice?.fingerprint).toEqual(fingerprintAt(fetchedOf(batch(0, ['aaa', 'bbb'])), 1));
  });

  it('missing offsets are absent from the fetch offset on, and a gap when the log’s start had passed it or is not known', () => {
    const records = Buffer.concat([batch(5, ['a']), batch(8, ['b'])]);
    const [absent] = slicesOf(readerOf(records, { fetchOffset: 3, logStartOffset: 3 }));
    expect(offsetsOfRuns(absent?.absent)).toEqual([3, 4, 6, 7]);
    expect(absent?.gap).toBeUndefined();
    for (const logStartOffset of [5, -1]) {
      const [gap] = slicesOf(readerOf(records, { fetchOffset: 3, logStartOffset }));
      expect(offsetsOfRuns(gap?.gap)).toEqual([3, 4, 6, 7]);
      expect(gap?.absent).toBeUndefined();
    }
  });

  it('a range without any record is a slice without events', () => {
    const records = Buffer.concat([
      batch(0, ['x', 'y'], { producerId: 4, isTransactional: true }),
      encodeMarker({ baseOffset: 2, producerId: 4, type: 'abort' }),
    ]);
    const slices = slicesOf(readerOf(records, { abortedTransactions: [{ producerId: 4, firstOffset: 0 }] }));
    expect(slices).toHaveLength(1);
    expect(slices[0]).toMatchObject({ first: 0, next: 3, fingerprint: undefined, events: { count: 0 } });
    expect(offsetsOfRuns(slices[0]?.absent)).toEqual([0, 1, 2]);
  });

  it('an aborted producer hides neither others’ records between, nor its own ones outside of a transaction', () => {
    const own = { producerId: 4, isTransactional: true };
    const records = Buffer.concat([
      batch(0, ['bad'], own),
      batch(1, ['other'], { producerId: 5, isTransactional: true }),
      batch(2, ['plain']),
      batch(3, ['idempotent'], { producerId: 4 }),
      encodeMarker({ baseOffset: 4, producerId: 4, type: 'abort' }),
      batch(5, ['good'], own),
    ]);
    const slices = slicesOf(readerOf(records, { abortedTransactions: [{ producerId: 4, firstOffset: 0 }] }));
    expect(eventsOf(slices).map(({ body }) => body)).toEqual(['other', 'plain', 'idempotent', 'good']);
  });

  it('a set with nothing complete says how many bytes it needs; an empty set needs none', () => {
    const records = batch(0, ['a'.repeat(1_000)]);
    expect(readerOf(records.subarray(0, 100)).needsBytes).toBe(records.length);
    expect(readerOf(records.subarray(0, 5)).needsBytes).toBeGreaterThan(records.length);
    expect(readerOf(Buffer.alloc(0))).toMatchObject({ needsBytes: undefined, nextOffset: 0 });
    expect(readerOf(Buffer.concat([records, batch(1, ['b']).subarray(0, 20)]))).toMatchObject({
      needsBytes: undefined,
      nextOffset: 1,
    });
  });
});

describe('headers', () => {
  it('are Flume’s: mapped ones first, the key above all, the last of repeated names, none for null', () => {
    const headers: TestRecord['headers'] = [
      ['a', Buffer.from('first')],
      ['a', Buffer.from('last')],
      ['n', null],
      ['p', Buffer.from('mapped partition')],
      ['k', Buffer.from('mapped key')],
      ['t', Buffer.from('1234')],
    ];
    const records = [record(0, 'x', { headers, key: Buffer.from('own key') }), record(1, null)];
    const recordHeaders = { a: 'a', n: 'n', missing: 'm', partition: 'p', key: 'k', timestamp: 't' };
    const [slice] = slicesOf(
      readerOf(encodeBatch({ baseOffset: 0, records }), {}, { recordHeaders, topicHeader: undefined }),
    );
    expect(slice?.events.headers(0)).toEqual({
      a: 'last',
      partition: 'mapped partition',
      offset: '0',
      key: 'own key',
      timestamp: '1234',
      'kafka.timestamp': String(TIME),
    });
    expect(slice?.events.headers(1)).toEqual({
      partition: '3',
      offset: '1',
      timestamp: String(TIME + 1),
      'kafka.timestamp': String(TIME + 1),
    });
    expect(slice?.events.bodyLength(1)).toBe(0);
  });

  it('keep the record’s own time when an interceptor sets another', () => {
    const [slice] = slicesOf(readerOf(batch(0, ['x'])));
    slice?.events.setTimestamp(0, 5);
    expect(slice?.events.getHeader(0, 'timestamp')).toBe('5');
    expect(slice?.events.getHeader(0, 'kafka.timestamp')).toBe(String(TIME));
  });

  it('leave out a time that is none', () => {
    // Nanoseconds instead of milliseconds are a common mistake; the partition must not stop for it.
    const times = [-1, 9e15, 1_700_000_000_000_000_000, -8e18, TIME];
    for (const [baseIndex, baseTimestampMs] of times.entries()) {
      const records = times.map((timestampMs, index) => record(index, 'x', { timestampMs }));
      const [slice] = slicesOf(readerOf(encodeBatch({ baseOffset: 0, records, baseTimestampMs })));
      const seen = range(0, 5).map((index) => slice?.events.getHeader(index, 'timestamp'));
      const isBaseUsable = baseIndex === 0 || baseIndex === 4;
      expect(seen).toEqual([
        undefined,
        undefined,
        undefined,
        undefined,
        isBaseUsable ? String(TIME) : undefined,
      ]);
    }
  });
});

describe('fingerprints', () => {
  const records = range(0, 6).map((index) => record(index, `v${index}`, { key: Buffer.from('k') }));

  it('are those of the slice’s last record, also when compaction wrote its batch anew', () => {
    const log = encodeBatch({ baseOffset: 100, records, leaderEpoch: 3, codec: 'zstd' });
    const rewritten = encodeBatch({
      baseOffset: 100,
      records: records.slice(3, 4),
      lastOffsetDelta: 5,
      baseTimestampMs: TIME + 77,
      leaderEpoch: 3,
    });
    const [slice] = slicesOf(readerOf(log, { fetchOffset: 100 }), { maxEvents: 4, maxBytes: 1_000 });
    expect(slice?.fingerprint).toMatchObject({ offset: 103, timestampMs: TIME + 3, leaderEpoch: 3 });
    expect(fingerprintAt(fetchedOf(rewritten), 103)).toEqual(slice?.fingerprint);
    expect(fingerprintAt(fetchedOf(rewritten), 102)).toBeUndefined();
    expect(fingerprintAt(fetchedOf(Buffer.alloc(0)), 103)).toBeUndefined();
  });

  it('differ with the body, the key, the headers, the time and the leader epoch', () => {
    const prints = [
      record(0, 'a'),
      record(0, 'b'),
      record(0, 'a', { key: Buffer.from('k') }),
      record(0, 'a', { headers: [['h', null]] }),
      record(0, 'a', { timestampMs: 1 }),
    ].map((one) => fingerprintAt(fetchedOf(encodeBatch({ baseOffset: 0, records: [one] })), 0));
    prints.push(
      fingerprintAt(fetchedOf(encodeBatch({ baseOffset: 0, records: [record(0, 'a')], leaderEpoch: 1 })), 0),
    );
    expect(new Set(prints.map((print) => JSON.stringify(print))).size).toBe(6);
  });
});

describe('a set is refused whole', () => {
  it.each([
    ['a CRC that does not match', 'crc-mismatch', () => batch(0, ['a']).fill(0xff, 17, 21)],
    ['a message of a format before 0.11', 'batch-undecodable', () => batch(0, ['a']).fill(1, 16, 17)],
    ['an unknown format', 'batch-undecodable', () => batch(0, ['a']).fill(3, 16, 17)],
    ['a length below a header’s', 'batch-undecodable', () => batch(0, ['a']).fill(0, 8, 12)],
    ['a length of gigabytes', 'batch-undecodable', () => batch(0, ['a']).fill(0x7f, 8, 12)],
    [
      'offsets that step back',
      'batch-undecodable',
      () => Buffer.concat([batch(5, ['a', 'b']), batch(6, ['c'])]),
    ],
    ['a negative offset', 'batch-undecodable', () => batch(-5, ['a'])],
    ['more records than offsets', 'batch-undecodable', () => batch(0, ['a'], { count: 2 })],
  ])('for %s', (_, code, bytes) => {
    expect(() => readerOf(Buffer.concat([bytes(), batch(20, ['later'])]))).toThrow(coded(code));
  });

  it.each([
    [
      'fewer records than it says',
      'batch-undecodable',
      batch(2, ['a', 'b'], { count: 3, lastOffsetDelta: 9 }),
    ],
    ['bytes after its last record', 'batch-undecodable', batch(2, ['a', 'b'], { count: 1 })],
    [
      'two billion records',
      'batch-undecodable',
      batch(2, ['a'], { count: 2 ** 31 - 1, lastOffsetDelta: 2 ** 31 - 1 }),
    ],
    [
      'records out of order',
      'batch-undecodable',
      encodeBatch({ baseOffset: 2, records: [record(1, 'a'), record(0, 'b')], lastOffsetDelta: 1 }),
    ],
    ['an unknown codec', 'codec-unknown', batch(2, ['a'], { codecBits: 5 })],
    ['compressed data that is none', 'batch-undecodable', batch(2, ['a'], { codecBits: 4 })],
  ])('a batch with %s ends the set, and the slices before stay good', (_, code, bytes) => {
    const reader = readerOf(Buffer.concat([batch(0, ['x', 'y']), bytes]));
    expect(reader.next({ maxEvents: 2, maxBytes: 1_000 })?.events.count).toBe(2);
    expect(() => reader.next(ALL)).toThrow(coded(code));
  });
});

describe('decompression', () => {
  const place = { topic: 't', partition: 0 };
  const zeros = Buffer.alloc(3_000_000);

  it.each([
    ['gzip', 1, 'gzip'],
    ['snappy', 2, 'snappy'],
    ['snappy without frames', 2, 'snappy-raw'],
    ['lz4', 3, 'lz4'],
    ['zstd', 4, 'zstd'],
  ] as const)('%s is bounded', (_, codec, name) => {
    const compressed = compress(zeros, name);
    expect(decompressRecords(place, { codec, compressed }).equals(zeros)).toBe(true);
    expect(() => decompressRecords(place, { codec, compressed, bytesMax: 1_000_000 })).toThrow(
      coded('batch-undecodable'),
    );
    for (const cut of [0, 3, 10, compressed.length - 1]) {
      expect(() => decompressRecords(place, { codec, compressed: compressed.subarray(0, cut) })).toThrow(
        coded('batch-undecodable'),
      );
    }
  });

  it('reads several gzip members and zstd frames, as some producers write', () => {
    const parts = [zeros.subarray(0, 100_000), Buffer.from('abc')];
    expect(
      decompressRecords(place, { codec: 1, compressed: Buffer.concat(parts.map((part) => gzipSync(part))) })
        .length,
    ).toBe(100_003);
    expect(
      decompressRecords(place, {
        codec: 4,
        compressed: Buffer.concat(parts.map((part) => zstdCompressSync(part))),
      }).length,
    ).toBe(100_003);
  });
});

describe('long sets', () => {
  it('of more compressed batches than a column can number are read to their end', () => {
    const count = 66_000;
    const records = Buffer.concat(
      range(0, count).map((offset) => batch(offset, [`${offset}`], { codec: 'snappy-raw' })),
    );
    const events = eventsOf(slicesOf(readerOf(records), { maxEvents: 100_000, maxBytes: 1e9 }));
    expect(events.length).toBe(count);
    expect(events.every(({ offset, body }) => body === String(offset))).toBe(true);
  });

  it('of zstd are decompressed batch by batch: memory does not grow with what a fetch unpacks to', () => {
    const batchBytes = 500_000;
    const records = Buffer.concat(
      range(0, 60).map((offset) => batch(offset, ['z'.repeat(batchBytes)], { codec: 'zstd' })),
    );
    expect(records.length).toBeLessThan(batchBytes);
    const reader = readerOf(records);
    const before = process.memoryUsage().arrayBuffers;
    for (let taken = 1; taken <= 3; taken++) {
      expect(reader.next({ maxEvents: 1, maxBytes: 100_000 })?.events.count).toBe(1);
      // Nothing is unpacked before a slice asks for it, not even by the decompressor's own buffers; all would be 60 batches.
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan((4 * taken + 4) * batchBytes);
    }
  });

  it('with one huge batch are sliced without copying it', () => {
    const records = batch(0, range(0, 50_000).map(String), { codec: 'lz4' });
    const slices = slicesOf(readerOf(records), { maxEvents: 1_000, maxBytes: 1e9 });
    expect(slices).toHaveLength(50);
    expect(new Set(slices.map(({ events }) => events.body(0).buffer)).size).toBe(1);
    expect(eventsOf(slices).map(({ body }) => body)).toEqual(range(0, 50_000).map(String));
  });
});
