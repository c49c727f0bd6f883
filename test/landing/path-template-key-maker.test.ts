/**
 * Goal: each event gets the key of its own time and headers, equal keys are one object, and what cannot be placed says why.
 * Method: real batches, a fixed clock; counts how often a batch is asked for headers to see that the fast path is taken.
 */
import { describe, expect, it } from 'vitest';
import { makeLandingKeyMaker } from '../../main/landing/landing-key-maker.ts';
import type { LandingKeyResult, LandingKeySettings } from '../../main/landing/landing-key-maker.ts';
import { EventBatch } from '../../shared/event-batch.ts';
import type { HeaderColumn } from '../../shared/event-batch.ts';

const HOUR_MS = 3_600_000;
const NINE_MS = Date.UTC(2026, 10, 21, 1);
const NOW_MS = Date.UTC(2027, 0, 1);
const HOST = { hostName: 'gw1', ipAddress: '10.0.0.1', canonicalHostName: 'gw1.example' };

function batchOf(
  times: readonly number[],
  lazyHeaders: Readonly<Record<string, HeaderColumn>> = {},
  topic = 'www',
): EventBatch {
  const count = times.length;
  return new EventBatch({
    count,
    offsets: Float64Array.from(times, (_, index) => index),
    sources: [Buffer.alloc(0)],
    sourceOf: new Uint16Array(count),
    starts: new Int32Array(count),
    ends: new Int32Array(count),
    timestamps: Float64Array.from(times),
    sharedHeaders: { topic },
    lazyHeaders,
  });
}

function makerOf(changes: Partial<LandingKeySettings> = {}) {
  const settings: LandingKeySettings = {
    sink: 'beijing',
    path: 'hdfs://nn/logs/%{topic}/%Y-%m-%d/%H',
    filePrefix: '%{topic}',
    suffix: '.log',
    codec: 'gzip',
    serializer: 'text',
    version: 1,
    timeZone: 'Asia/Shanghai',
    rounding: undefined,
    usesLocalTime: false,
    onMissingTime: 'quarantine',
    ...changes,
  };
  return makeLandingKeyMaker(settings, { host: HOST, nowMs: () => NOW_MS });
}

const directoryOf = (result: LandingKeyResult): string =>
  'key' in result ? result.key.directory : `unplaceable: ${result.unplaceable}`;

describe('an event with a time', () => {
  it('gets the directory of its own hour, to the last millisecond', () => {
    const maker = makerOf();
    const batch = batchOf([NINE_MS - 1, NINE_MS, NINE_MS + HOUR_MS - 1, NINE_MS + HOUR_MS, NINE_MS - 1]);
    expect([0, 1, 2, 3, 4].map((index) => directoryOf(maker.keyFor(batch, index)))).toEqual([
      '/logs/www/2026-11-21/08',
      '/logs/www/2026-11-21/09',
      '/logs/www/2026-11-21/09',
      '/logs/www/2026-11-21/10',
      '/logs/www/2026-11-21/08',
    ]);
  });

  it('gets all of the key, and the end of its bucket', () => {
    expect(makerOf().keyFor(batchOf([NINE_MS]), 0)).toEqual({
      key: {
        sink: 'beijing',
        directory: '/logs/www/2026-11-21/09',
        prefix: 'www',
        suffix: '.log',
        codec: 'gzip',
        serializer: 'text',
        version: 1,
      },
      bucketEndMs: NINE_MS + HOUR_MS,
    });
  });
});

describe('equal keys', () => {
  it('are one object, over batches and buckets', () => {
    const maker = makerOf({ path: '/logs/%{topic}', filePrefix: '%H' });
    const keyAt = (ms: number): unknown => {
      const result = maker.keyFor(batchOf([ms]), 0);
      return 'key' in result ? result.key : undefined;
    };
    const key = keyAt(NINE_MS);
    expect(key).toBeDefined();
    expect(keyAt(NINE_MS + 1)).toBe(key);
    // The same hour of another day: another bucket, the same key.
    expect(keyAt(NINE_MS + 24 * HOUR_MS)).toBe(key);
    expect(keyAt(NINE_MS + HOUR_MS)).not.toBe(key);
  });
});

describe('headers', () => {
  it('that differ from event to event are looked at for each', () => {
    const values = ['a', 'b', undefined, 'a'];
    const maker = makerOf({ path: '/%{site}/%{topic}', filePrefix: 'x' });
    const batch = batchOf([1, 1, 1, 1], { site: { get: (index) => values[index] } });
    expect(values.map((_, index) => directoryOf(maker.keyFor(batch, index)))).toEqual([
      '/a/www',
      '/b/www',
      '/none/www',
      '/a/www',
    ]);
    expect(maker.keyFor(batch, 3)).toBe(maker.keyFor(batch, 0));
  });

  it('that a batch shares are read anew with the next batch', () => {
    const maker = makerOf();
    expect(directoryOf(maker.keyFor(batchOf([NINE_MS], {}, 'www'), 0))).toBe('/logs/www/2026-11-21/09');
    expect(directoryOf(maker.keyFor(batchOf([NINE_MS], {}, 'order'), 0))).toBe('/logs/order/2026-11-21/09');
    expect(directoryOf(maker.keyFor(batchOf([NINE_MS], {}, 'www'), 0))).toBe('/logs/www/2026-11-21/09');
  });

  it('are not taken for others that read the same side by side', () => {
    const maker = makerOf({ path: '/%{a}%{b}x', filePrefix: '%{a}' });
    const [ab, aTail] = [batchOf([1], column('a', 'b')), batchOf([1], column('ab', ''))];
    const [one, other] = [maker.keyFor(ab, 0), maker.keyFor(aTail, 0)];
    expect('key' in one && one.key.prefix).toBe('a');
    expect('key' in other && other.key.prefix).toBe('ab');
  });
});

function column(a: string, b: string): Record<string, HeaderColumn> {
  return { a: { get: () => a }, b: { get: () => b } };
}

describe('an event without a time', () => {
  it('is unplaceable, with the reason', () => {
    const batch = batchOf([NaN, NaN]);
    batch.setHeader(1, 'timestamp', 'yesterday');
    expect(makerOf().keyFor(batch, 0)).toEqual({
      unplaceable: 'the event has no timestamp header, and the path of sink beijing needs a time',
    });
    expect(makerOf().keyFor(batch, 1)).toEqual({
      unplaceable:
        'its timestamp header "yesterday" is no time in ms, and the path of sink beijing needs a time',
    });
  });

  it('does not stop the next one from being placed', () => {
    const maker = makerOf();
    const batch = batchOf([NINE_MS, NaN, NINE_MS]);
    expect(maker.keyFor(batch, 0)).toBe(maker.keyFor(batch, 2));
    expect('unplaceable' in maker.keyFor(batch, 1)).toBe(true);
    expect(directoryOf(maker.keyFor(batch, 2))).toBe('/logs/www/2026-11-21/09');
  });

  it('lands by the record or by the clock where that is asked for', () => {
    const batch = batchOf([NaN, NaN], {
      'kafka.timestamp': { get: (index) => (index === 0 ? String(NINE_MS) : undefined) },
    });
    const byRecord = makerOf({ onMissingTime: 'recordTime' });
    expect(directoryOf(byRecord.keyFor(batch, 0))).toBe('/logs/www/2026-11-21/09');
    expect(directoryOf(byRecord.keyFor(batch, 1))).toContain('the record has no time either');
    expect(directoryOf(makerOf({ onMissingTime: 'now' }).keyFor(batch, 0))).toBe('/logs/www/2027-01-01/08');
  });

  it('is placed where the path needs none', () => {
    const result = makerOf({ path: '/%{topic}' }).keyFor(batchOf([NaN]), 0);
    expect(directoryOf(result)).toBe('/www');
    expect('key' in result && result.bucketEndMs).toBeUndefined();
  });

  it('is placed by the clock under useLocalTimeStamp', () => {
    expect(directoryOf(makerOf({ usesLocalTime: true }).keyFor(batchOf([NaN]), 0))).toBe(
      '/logs/www/2027-01-01/08',
    );
  });
});

describe('an absurd time', () => {
  it.each([8.64e15, -8e14, Infinity, -Infinity])('%d is unplaceable', (ms) => {
    expect(directoryOf(makerOf().keyFor(batchOf([ms]), 0))).toContain('outside the years 1 to 9999');
  });
});
