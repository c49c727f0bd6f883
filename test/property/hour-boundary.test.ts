/**
 * Goal: an event lands in the hour of its own time, in every zone, on days when clocks change too.
 * Method: random instants around the real changes of clocks of many zones and around full hours, compared with Intl, which is asked
 * for each instant anew; buckets must tile time and rounding must obey Flume's rule. fast-check prints its seed.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimeBuckets } from '../../main/landing/path-template-buckets.ts';
import type { RoundUnit, TimeBucket } from '../../main/landing/path-template-buckets.ts';
import { TimeZone } from '../../shared/time/time-zone.ts';

const HOUR_MS = 3_600_000;
const ZONES = [
  'UTC',
  'Asia/Shanghai',
  'America/New_York',
  'Europe/London',
  'Europe/Dublin',
  'Europe/Berlin',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'Pacific/Chatham',
  'America/St_Johns',
  'America/Sao_Paulo',
  'America/Havana',
  'Africa/Casablanca',
  'Asia/Pyongyang',
  'Asia/Kolkata',
  'America/Caracas',
  'Antarctica/Troll',
  'Asia/Tehran',
  '+05:45',
] as const;
const FIRST_MS = Date.UTC(1965, 0, 1);
const LAST_MS = Date.UTC(2037, 11, 31);

/** Changes of clocks, found by asking Intl each day; our own code is not asked. */
function changesOf(zone: string): number[] {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  const offsetAt = (ms: number): string => format.format(ms).split('GMT')[1] ?? '';
  const changes: number[] = [];
  for (let ms = FIRST_MS; ms < LAST_MS; ms += 24 * HOUR_MS) {
    if (offsetAt(ms) === offsetAt(ms + 24 * HOUR_MS)) continue;
    let [low, high] = [ms, ms + 24 * HOUR_MS];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetAt(middle) === offsetAt(low)) low = middle;
      else high = middle;
    }
    changes.push(high);
  }
  return changes;
}

const changes = new Map(ZONES.map((zone) => [zone, changesOf(zone)]));

const zoneAndInstant = fc.constantFrom(...ZONES).chain((zone) => {
  const known = changes.get(zone) ?? [];
  const nearChange = fc
    .tuple(
      fc.constantFrom(...(known.length === 0 ? [0] : known)),
      fc.integer({ min: -3 * HOUR_MS, max: 3 * HOUR_MS }),
    )
    .map(([change, shift]) => change + shift);
  const atChange = fc
    .tuple(fc.constantFrom(...(known.length === 0 ? [0] : known)), fc.constantFrom(-1, 0, 1))
    .map(([change, shift]) => change + shift);
  const anywhere = fc.integer({ min: FIRST_MS, max: LAST_MS });
  const nearHour = fc
    .tuple(anywhere, fc.constantFrom(-1, 0, 1), fc.constantFrom(0, 15, 30, 45))
    .map(([ms, shift, minutes]) => Math.floor(ms / HOUR_MS) * HOUR_MS + minutes * 60_000 + shift);
  return fc.record({ zone: fc.constant(zone), ms: fc.oneof(nearChange, atChange, nearHour, anywhere) });
});

const formats = new Map<string, Intl.DateTimeFormat>();

function intlParts(zone: string, ms: number): Record<string, string> {
  let format = formats.get(zone);
  if (format === undefined) {
    const numeric = {
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    } as const;
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', ...numeric });
    formats.set(zone, format);
  }
  return Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
}

function bucketsOf(
  letters: string,
  zone: string,
  rounding?: { unit: RoundUnit; value: number },
): TimeBuckets {
  return new TimeBuckets([...letters], { zone: TimeZone.of(zone), rounding });
}

function bucketAt(buckets: TimeBuckets, ms: number): TimeBucket {
  const bucket = buckets.bucketAt(ms);
  if (bucket === undefined) throw new Error(`no bucket at ${ms}`);
  return bucket;
}

const pathOf = ({ texts }: TimeBucket): string => [...texts.values()].join('/');

const RUNS = { numRuns: 3_000 };

describe('the hour of an event', () => {
  it('is the one that Intl says', () => {
    fc.assert(
      fc.property(zoneAndInstant, ({ zone, ms }) => {
        const { year, month, day, hour, minute } = intlParts(zone, ms);
        expect(pathOf(bucketAt(bucketsOf('YmdHM', zone), ms))).toBe(
          `${year}/${month}/${day}/${hour}/${minute}`,
        );
        expect(pathOf(bucketAt(bucketsOf('YmdH', zone), ms))).toBe(`${year}/${month}/${day}/${hour}`);
      }),
      RUNS,
    );
  });

  it('never takes 08:59:59.999 to 09', () => {
    fc.assert(
      fc.property(zoneAndInstant, ({ zone, ms }) => {
        const buckets = bucketsOf('YmdH', zone);
        const { startMs, endMs } = bucketAt(buckets, ms);
        const [before, last, next] = [startMs - 1, endMs - 1, endMs].map((at) => intlParts(zone, at));
        const own = intlParts(zone, ms);
        expect(`${last?.['day']} ${last?.['hour']}`).toBe(`${own['day']} ${own['hour']}`);
        expect(`${next?.['day']} ${next?.['hour']}`).not.toBe(`${own['day']} ${own['hour']}`);
        expect(`${before?.['day']} ${before?.['hour']}`).not.toBe(`${own['day']} ${own['hour']}`);
      }),
      RUNS,
    );
  });
});

describe('buckets', () => {
  const letterSets = fc.constantFrom('YmdH', 'Ymd', 'Ym', 'Y', 'YmdHM', 'Ymdp', 'jH', 'Ymdz', 'HS', 'YmdHs');
  const roundings = fc.option(
    fc.record({
      unit: fc.constantFrom<RoundUnit>('second', 'minute', 'hour'),
      value: fc.integer({ min: 1, max: 60 }),
    }),
    { nil: undefined },
  );

  it('tile time: each begins where the one before ends, whichever instant is asked about', () => {
    fc.assert(
      fc.property(
        zoneAndInstant,
        letterSets,
        roundings,
        fc.double({ min: 0, max: 1, noNaN: true }),
        ({ zone, ms }, letters, rounding, part) => {
          const buckets = bucketsOf(letters, zone, rounding);
          const bucket = bucketAt(buckets, ms);
          expect(bucket.startMs).toBeLessThanOrEqual(ms);
          expect(bucket.endMs).toBeGreaterThan(ms);
          expect(bucketAt(buckets, bucket.startMs - 1).endMs).toBe(bucket.startMs);
          expect(bucketAt(buckets, bucket.endMs).startMs).toBe(bucket.endMs);
          const inside = Math.min(
            bucket.endMs - 1,
            Math.floor(bucket.startMs + part * (bucket.endMs - bucket.startMs)),
          );
          expect(bucketAt(bucketsOf(letters, zone, rounding), inside)).toEqual(bucket);
        },
      ),
      RUNS,
    );
  });
});

describe('rounding', () => {
  it('has a bucket for what it lowers into skipped time, and the same one for each of its instants', () => {
    const firstAfterSkipMs = Date.parse('1991-04-07T03:31:00Z');
    const rounding = { unit: 'minute', value: 2 } as const;
    const hours = [0, 30_000, 59_999, 60_000].map((later) =>
      bucketAt(bucketsOf('YmdH', 'America/St_Johns', rounding), firstAfterSkipMs + later).texts.get('H'),
    );
    // As Flume does it: 01:01 is lowered to 01:00, which did not exist and is 02:00.
    expect(hours).toEqual(['02', '02', '02', '01']);
  });

  it('lowers the unit to a multiple within its own minute, hour or day, and zeroes what is finer', () => {
    const units = fc.constantFrom<RoundUnit>('second', 'minute', 'hour');
    fc.assert(
      fc.property(zoneAndInstant, units, fc.integer({ min: 1, max: 60 }), ({ zone, ms }, unit, value) => {
        const own = intlParts(zone, ms);
        const lower = (name: RoundUnit): number => {
          const field = Number(own[name]);
          const rank = ['hour', 'minute', 'second'];
          if (rank.indexOf(name) < rank.indexOf(unit)) return field;
          return name === unit ? field - (field % value) : 0;
        };
        const expected = [lower('hour'), lower('minute'), lower('second')].map((field) =>
          String(field).padStart(2, '0'),
        );
        const { texts } = bucketAt(bucketsOf('YmdHMS', zone, { unit, value }), ms);
        expect([texts.get('Y'), texts.get('m'), texts.get('d')]).toEqual([
          own['year'],
          own['month'],
          own['day'],
        ]);
        const rounded = [texts.get('H'), texts.get('M'), texts.get('S')];
        // A lowered time that the clocks skipped is moved on by what they skipped, as Java does it.
        const isSkipped = TimeZone.of(zone).localTime(wallMs(own, expected)).kind === 'gap';
        if (isSkipped) expect(rounded.join(':') > expected.join(':')).toBe(true);
        else expect(rounded).toEqual(expected);
      }),
      RUNS,
    );
  });
});

function wallMs(date: Record<string, string>, [hour, minute, second]: readonly string[]): number {
  return Date.parse(`${date['year']}-${date['month']}-${date['day']}T${hour}:${minute}:${second}Z`);
}
