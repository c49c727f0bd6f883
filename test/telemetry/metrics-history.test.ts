/**
 * Goal: every resolution of the history tells the same sums, whatever the clock does, and memory stays bounded.
 * Method: samples on a clock of the test's own; a property test over cadences, gaps and clocks that are set.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  FLOW_SERIES,
  GAUGE_SERIES,
  HISTORY_SPAN_MS,
  MetricsHistory,
  RESOLUTIONS,
  type HistorySample,
} from '../../main/telemetry/metrics-history.ts';
import { historyAnswer } from '../../shared/contract/control-history.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../shared/units.ts';

const START_MS = Date.UTC(2026, 5, 1);

function sample(nowMs: number, lastedMs: number, amount: number): HistorySample {
  const flows = {
    'intake.events': amount,
    'intake.bytes': amount * 100,
    'landed.events': 0,
    'landed.bytes': 0,
  };
  const gauges = { 'backlog.events': amount, 'backlog.bytes': undefined, lag: nowMs, 'disk.free': 7 };
  return { nowMs, lastedMs, flows, gauges };
}

/** What flowed within the steps of an answer: rates times the time that was observed, which is whole steps here. */
function sumOf(history: MetricsHistory, stepMs: number): number {
  const found = history.rows().find((one) => one.stepMs === stepMs);
  const rows = found?.rows ?? new Float64Array();
  let sum = 0;
  for (let at = 2; at < rows.length; at += MetricsHistory.rowWidth) sum += rows[at] ?? 0;
  return sum;
}

describe('the history of the metrics', () => {
  test('keeps sums over all resolutions, and rates are those of the time that was observed', () => {
    const steps = fc.array(
      fc.record({
        lastedMs: fc.integer({ min: 1, max: 120_000 }),
        amount: fc.integer({ min: 0, max: 1_000_000 }),
        // The wall clock is set, now and then, by hours.
        setMs: fc.oneof(
          { arbitrary: fc.constant(0), weight: 20 },
          fc.integer({ min: -3_600_000, max: 3_600_000 }),
        ),
      }),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(steps, (samples) => {
        const history = new MetricsHistory();
        let nowMs = START_MS;
        let total = 0;
        let lowest = Infinity;
        let highest = 0;
        for (const { lastedMs, amount, setMs } of samples) {
          nowMs += lastedMs + setMs;
          history.add(sample(nowMs, lastedMs, amount));
          total += amount;
          const rate = (amount * 1000) / lastedMs;
          lowest = Math.min(lowest, rate);
          highest = Math.max(highest, rate);
        }
        // The two coarse ones reach over all of it; the fine one forgets what is older than an hour.
        for (const { stepMs } of RESOLUTIONS.slice(1)) expect(sumOf(history, stepMs)).toBeCloseTo(total, 4);
        const answer = history.read({ fromMs: nowMs - 3 * HOUR_MS, toMs: nowMs, points: 300, nowMs });
        for (const rate of answer.series['intake.events']) {
          if (rate === null) continue;
          expect(rate).toBeGreaterThanOrEqual(lowest - 1e-6);
          expect(rate).toBeLessThanOrEqual(highest + 1e-6);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('a steady flow has the same rate at every range, its gauges their last value, and what was not seen is null', () => {
    const history = new MetricsHistory();
    const endMs = START_MS + 30 * HOUR_MS;
    for (let nowMs = START_MS + SECOND_MS; nowMs <= endMs; nowMs += SECOND_MS) {
      const isAway = nowMs > endMs - 20 * MINUTE_MS && nowMs <= endMs - 10 * MINUTE_MS;
      if (!isAway) history.add(sample(nowMs, SECOND_MS, 250));
    }
    for (const rangeMs of [10 * MINUTE_MS, HOUR_MS, DAY_MS, HISTORY_SPAN_MS]) {
      const answer = history.read({ fromMs: endMs - rangeMs, toMs: endMs, points: 300, nowMs: endMs });
      expect(() => historyAnswer.parse({ ...answer, bands: [] })).not.toThrow();
      expect(answer.timesMs.length).toBeLessThanOrEqual(300);
      expect(answer.timesMs.length).toBeGreaterThan(100);
      answer.timesMs.forEach(
        (at, i) => i === 0 || expect(at - (answer.timesMs[i - 1] ?? 0)).toBe(answer.stepMs),
      );
      const rates = answer.series['intake.events'].filter((rate) => rate !== null);
      expect(rates.length).toBeGreaterThan(10);
      for (const rate of rates) expect(rate).toBeCloseTo(250);
      for (const name of [...FLOW_SERIES, ...GAUGE_SERIES])
        expect(answer.series[name].length).toBe(answer.timesMs.length);
      expect(answer.series['backlog.bytes'].every((value) => value === null)).toBe(true);
      expect(answer.series.lag.findLast((value) => value !== null)).toBe(endMs);
    }
    const hour = history.read({ fromMs: endMs - HOUR_MS, toMs: endMs, points: 721, nowMs: endMs });
    const holes = hour.timesMs.filter((_, at) => hour.series['disk.free'][at] === null);
    expect(hour.stepMs).toBe(5 * SECOND_MS);
    // Ten minutes, and the step that begins at the end.
    expect(holes.length).toBe(121);
    expect(holes[0]).toBe(endMs - 20 * MINUTE_MS);
  });

  test('a clock that was wrong for years leaves nothing behind where the right time is', () => {
    const history = new MetricsHistory();
    const wrongMs = Date.UTC(2036, 0, 1);
    history.add(sample(wrongMs, 10 * SECOND_MS, 1_000_000));
    history.add(sample(0, 10 * SECOND_MS, 1_000_000));
    const nowMs = START_MS;
    const day = { fromMs: nowMs - DAY_MS, toMs: nowMs, points: 100, nowMs };
    expect(history.read(day).series['intake.events'].every((rate) => rate === null)).toBe(true);
    history.add(sample(nowMs, 10 * SECOND_MS, 50));
    expect(history.read(day).series['intake.events'].filter((rate) => rate !== null)).toEqual([5]);
  });

  test('asks for all time or for the future are answered within bounds', () => {
    const history = new MetricsHistory();
    history.add(sample(START_MS, SECOND_MS, 1));
    for (const [fromMs, toMs] of [
      [0, 1e14],
      [-1e15, 1e15],
      [START_MS + DAY_MS, START_MS - DAY_MS],
      [START_MS - HISTORY_SPAN_MS, START_MS],
    ] as const) {
      for (const points of [2, 3, 2000]) {
        const answer = history.read({ fromMs, toMs, points, nowMs: START_MS });
        expect(answer.timesMs.length).toBeLessThanOrEqual(points);
        expect(answer.timesMs.length).toBeGreaterThan(0);
      }
    }
  });

  test('rows that are taken back are the same, and stay within their number however long it runs', () => {
    const history = new MetricsHistory();
    for (let at = 1; at <= 1_500; at++) history.add(sample(START_MS + at * HOUR_MS, HOUR_MS, at));
    const copy = new MetricsHistory();
    for (const { stepMs, rows } of history.rows()) {
      const { spanMs = 0 } = RESOLUTIONS.find((one) => one.stepMs === stepMs) ?? {};
      expect(rows.length / MetricsHistory.rowWidth).toBeLessThanOrEqual(spanMs / stepMs);
      copy.restore(stepMs, rows);
      copy.restore(stepMs, Float64Array.of(NaN, 1, 2));
    }
    expect(copy.rows()).toEqual(history.rows());
    expect(copy.rows().length).toBe(RESOLUTIONS.length);
  });
});
