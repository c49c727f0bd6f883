/**
 * Goal: a key's backlog becomes a file when Flume's limits say so, when its directory is complete, and always some day.
 * Method: single rules by example, the whole by property; fast-check prints the seed of what fails.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  AGE_FALLBACK_MS,
  BUCKET_TRICKLE_MAX_MS,
  BUCKET_WAIT_MAX_MS,
  CLOCK_SLACK_MS,
  IDLE_FALLBACK_MS,
  rollDecision,
} from '../../main/landing/roll-policy.ts';
import type { BacklogFacts, RollSettings } from '../../main/landing/roll-policy.ts';

const OFF: RollSettings = {
  sizeBytes: 0,
  intervalMs: 0,
  count: 0,
  idleMs: 0,
  bucketGraceMs: 60_000,
  bucketQuietMs: 5_000,
};
const T = 1_800_000_000_000;
const BACKLOG: BacklogFacts = {
  events: 10,
  rawBytes: 1_000,
  storedBytes: 100,
  oldestPutMs: T,
  newestPutMs: T + 2_000,
  bucketEndMs: undefined,
  key: { codec: 'none' },
};

function decide(
  backlog: Partial<BacklogFacts>,
  settings: Partial<RollSettings>,
  nowMs: number,
  isForced = false,
): string {
  const decision = rollDecision({ ...BACKLOG, ...backlog }, { ...OFF, ...settings }, { nowMs, isForced });
  return decision.isDue ? decision.reason : `${decision.reason} at +${decision.atMs - T}`;
}

describe('a landing key rolls', () => {
  test('by the bytes that will stand in the file, not by those at rest', () => {
    expect(decide({}, { sizeBytes: 1_000 }, T)).toBe('size');
    expect(decide({}, { sizeBytes: 1_001, idleMs: 9_000 }, T)).toBe('idle at +11000');
    expect(decide({ key: { codec: 'gzip' } }, { sizeBytes: 1_000, idleMs: 9_000 }, T)).toBe('idle at +11000');
    expect(decide({ key: { codec: 'gzip' } }, { sizeBytes: 100 }, T)).toBe('size');
  });

  test('by count, by the age of its oldest put and by the quiet since its newest', () => {
    expect(decide({}, { count: 10 }, T)).toBe('count');
    expect(decide({}, { intervalMs: 5_000, idleMs: 4_000 }, T + 4_999)).toBe('age at +5000');
    expect(decide({}, { intervalMs: 5_000, idleMs: 4_000 }, T + 5_000)).toBe('age');
    expect(decide({}, { intervalMs: 50_000, idleMs: 4_000 }, T + 6_000)).toBe('idle');
  });

  test('when its directory is complete and it was quiet for a moment, or trickles on for too long', () => {
    const interval = { intervalMs: 3_600_000 };
    expect(decide({ bucketEndMs: T + 10_000 }, interval, T + 69_999)).toBe('directory-complete at +70000');
    expect(decide({ bucketEndMs: T + 10_000 }, interval, T + 70_000)).toBe('directory-complete');
    expect(decide({ bucketEndMs: T - 3_600_000 }, interval, T + 6_999)).toBe('directory-complete at +7000');
    const busy = { bucketEndMs: T - 3_600_000, newestPutMs: T + BUCKET_TRICKLE_MAX_MS };
    expect(decide(busy, interval, T + BUCKET_TRICKLE_MAX_MS)).toBe('directory-complete');
  });

  test('with every rule off after ten quiet minutes, and after an hour if it is never quiet', () => {
    expect(decide({}, {}, T)).toBe(`fallback at +${2_000 + IDLE_FALLBACK_MS}`);
    expect(decide({ newestPutMs: T + AGE_FALLBACK_MS }, {}, T + AGE_FALLBACK_MS)).toBe('fallback');
  });

  test('without waiting for a directory that is complete in a far future', () => {
    expect(decide({ bucketEndMs: T + BUCKET_WAIT_MAX_MS + 1 }, {}, T)).toBe(
      `fallback at +${2_000 + IDLE_FALLBACK_MS}`,
    );
  });

  test('at once when it is forced, or when the clock was set back behind its puts', () => {
    expect(decide({}, {}, T, true)).toBe('forced');
    expect(decide({}, { intervalMs: 1 }, T + 2_000 - CLOCK_SLACK_MS - 1)).toBe('clock-set-back');
  });
});

describe('for any backlog and any settings', () => {
  const size = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 10_000 }));
  const settings = fc.record({
    sizeBytes: size,
    intervalMs: size,
    count: size,
    idleMs: size,
    bucketGraceMs: fc.integer({ min: 0, max: 100_000 }),
    bucketQuietMs: fc.integer({ min: 0, max: 10_000 }),
  });
  const backlog = fc
    .record({
      events: fc.integer({ min: 1, max: 20_000 }),
      rawBytes: fc.integer({ min: 0, max: 20_000 }),
      storedBytes: fc.integer({ min: 0, max: 20_000 }),
      oldestPutMs: fc.integer({ min: T, max: T + 100_000 }),
      length: fc.integer({ min: 0, max: 1_000_000 }),
      bucketEndMs: fc.option(fc.integer({ min: T - 1e9, max: T + 1e11 }), { nil: undefined }),
      codec: fc.constantFrom('none' as const, 'gzip' as const, 'zstd' as const),
    })
    .map(({ length, codec, ...facts }) => ({
      ...facts,
      newestPutMs: facts.oldestPutMs + length,
      key: { codec },
    }));
  const now = fc.integer({ min: T - 1e6, max: T + 1e9 });

  test('it becomes due exactly when the decision said, and stays due', () => {
    fc.assert(
      fc.property(backlog, settings, now, fc.nat({ max: 1e9 }), (facts, rules, nowMs, laterMs) => {
        const decision = rollDecision(facts, rules, { nowMs, isForced: false });
        if (decision.isDue) {
          if (decision.reason === 'clock-set-back') return;
          expect(rollDecision(facts, rules, { nowMs: nowMs + laterMs, isForced: false }).isDue).toBe(true);
          return;
        }
        expect(decision.atMs).toBeGreaterThan(nowMs);
        expect(rollDecision(facts, rules, { nowMs: decision.atMs, isForced: false }).isDue).toBe(true);
        const before = rollDecision(facts, rules, { nowMs: decision.atMs - 1, isForced: false });
        expect(before.isDue && before.reason !== 'clock-set-back').toBe(false);
      }),
    );
  });

  test('it lands some day: no wait is longer than the longest bucket and the longest rule', () => {
    fc.assert(
      fc.property(backlog, settings, now, (facts, rules, nowMs) => {
        const decision = rollDecision(facts, rules, { nowMs, isForced: false });
        const limitMs = facts.newestPutMs + BUCKET_WAIT_MAX_MS + AGE_FALLBACK_MS;
        expect(decision.isDue || decision.atMs <= limitMs).toBe(true);
      }),
    );
  });

  test('more bytes or events never make it wait', () => {
    fc.assert(
      fc.property(backlog, settings, now, fc.nat({ max: 9_999 }), (facts, rules, nowMs, more) => {
        const grown = {
          ...facts,
          rawBytes: facts.rawBytes + more,
          storedBytes: facts.storedBytes + more,
          events: facts.events + more,
        };
        const isDue = rollDecision(facts, rules, { nowMs, isForced: false }).isDue;
        expect(!isDue || rollDecision(grown, rules, { nowMs, isForced: false }).isDue).toBe(true);
      }),
    );
  });
});
