/**
 * Goal: a clock that is set, by seconds or by a day, forwards or backwards, gives no name twice, keeps names in order, and makes no
 * file wait longer than its rules. Method: random jumps on the real makers of names and decisions; and one engine whose clock is set
 * while it runs. fast-check prints its seed.
 */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { FileIdMaker } from '../../main/landing/file-id.ts';
import { CLOCK_SLACK_MS, IDLE_FALLBACK_MS, rollDecision } from '../../main/landing/roll-policy.ts';
import { DAY_MS, MINUTE_MS } from '../../shared/units.ts';
import { FileGateway, HURRIED_CLOCK } from '../engine/file-gateway.ts';

/** Each step has a limit of its own; a machine that runs other suites beside needs more than the default for the sum. */
vi.setConfig({ testTimeout: 240_000 });

const START_MS = Date.UTC(2026, 10, 21);
const jumps = fc.oneof(
  fc.constantFrom(0, 1, -1, DAY_MS, -DAY_MS, MINUTE_MS, -MINUTE_MS),
  fc.integer({ min: -2 * DAY_MS, max: 2 * DAY_MS }),
);

describe('file ids', () => {
  test('of one run only grow and never repeat, wherever the clock jumps', () => {
    fc.assert(
      fc.property(fc.array(jumps, { maxLength: 200 }), (steps) => {
        let nowMs = START_MS;
        const maker = new FileIdMaker('0f0f0f0f', { ...HURRIED_CLOCK, nowMs: () => nowMs }, () => 0.5);
        const ids = steps.map((step) => {
          nowMs += step;
          return maker.next();
        });
        expect(ids).toEqual([...ids].sort());
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });

  test('of a run after a restart under a clock that was set back are others', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: DAY_MS }),
        fc.double({ min: 0, max: 0.499, noNaN: true }),
        (back, chance) => {
          const made = (nowMs: number, random: number) => {
            const maker = new FileIdMaker('0f0f0f0f', { ...HURRIED_CLOCK, nowMs: () => nowMs }, () => random);
            return Array.from({ length: 20 }, () => maker.next());
          };
          const ids = [...made(START_MS, 0.5), ...made(START_MS - back, chance)];
          expect(new Set(ids).size).toBe(ids.length);
        },
      ),
    );
  });
});

describe('rolling', () => {
  test('waits no longer than its rules say, whatever the clock did since the events came in', () => {
    const limits = fc.constantFrom(0, 1_000, MINUTE_MS, 30 * MINUTE_MS);
    fc.assert(
      fc.property(jumps, limits, limits, fc.nat({ max: MINUTE_MS }), (jump, intervalMs, idleMs, ageMs) => {
        const oldestPutMs = START_MS;
        const newestPutMs = START_MS + ageMs;
        const nowMs = newestPutMs + jump;
        const decision = rollDecision(
          {
            events: 1,
            rawBytes: 1,
            storedBytes: 1,
            oldestPutMs,
            newestPutMs,
            bucketEndMs: undefined,
            key: { codec: 'none' },
          },
          { sizeBytes: 0, count: 0, intervalMs, idleMs, bucketGraceMs: MINUTE_MS, bucketQuietMs: 10_000 },
          { nowMs, isForced: false },
        );
        const rules = [intervalMs, idleMs].filter((ms) => ms > 0);
        const longestMs = (rules.length === 0 ? IDLE_FALLBACK_MS : Math.min(...rules)) + CLOCK_SLACK_MS;
        if (decision.isDue) return;
        expect(decision.atMs - nowMs).toBeLessThanOrEqual(longestMs);
        // And when that moment has come, it is due.
        expect(jump).toBeGreaterThanOrEqual(-CLOCK_SLACK_MS);
      }),
    );
  });
});

describe('an engine whose clock is set while it runs', () => {
  test.each([
    ['back', -DAY_MS],
    ['forward', DAY_MS],
  ])('a day %s goes on: events land, rates are shown, no alert comes of it', async (_name, jump) => {
    let shift = 0;
    await using gateway = new FileGateway({ sink: { idleTimeout: '100ms' } });
    await gateway.start({ clock: { ...HURRIED_CLOCK, nowMs: () => HURRIED_CLOCK.nowMs() + shift } });
    gateway.write(500);
    await gateway.allLanded();
    shift = jump;
    gateway.write(500);
    const status = await gateway.statusIs('the rate is shown', ({ sources }) => {
      // The rate is of the last seconds: something has to flow while they are looked at.
      gateway.write(1);
      return (sources[0]?.eventsPerSecond ?? 0) > 0;
    });
    expect(Math.abs(status.nowMs - Date.now() - jump)).toBeLessThan(60_000);
    await gateway.allLanded();
    const { lines, audit } = await gateway.verdict();
    expect(lines).toEqual([...gateway.written].sort());
    expect(audit.verdict).toBe('clean');
    expect((await gateway.status()).alerts).toEqual([]);
  });
});
