/**
 * What flowed and what waited over the last hour, day and month: for charts. Bounded and without any timer of its own.
 *
 * 1. A step holds amounts (what flowed within it), how much of it was observed, and the last value of each gauge. A rate is an amount
 *    divided by the observed time, so a step that is observed in part has the rate of that part.
 * 2. Every resolution gets every sample itself, split over the steps that it spans: the sums of all resolutions are the same.
 * 3. Which step is meant is told by the wall clock, how long a sample lasts by the steady one. A clock that is set forwards leaves
 *    steps without data, one that is set backwards adds to steps that have data already; neither makes a rate wrong. A place of the ring
 *    says which step it holds, so one that was written under a wrong clock is never taken for another.
 */
import type { HistorySeriesName } from '../../shared/contract/control-history.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../shared/units.ts';
import { HistoryRing, type HistoryRow } from './metrics-history-ring.ts';

/** What flows: counted within each step. */
export const FLOW_SERIES = ['intake.events', 'intake.bytes', 'landed.events', 'landed.bytes'] as const;
/** What stands: its last value in each step. */
export const GAUGE_SERIES = ['backlog.events', 'backlog.bytes', 'lag', 'disk.free'] as const;

/** Finest first. Together about 5,300 rows of 80 bytes. A little more than an hour, a day, a month: who asks for just that gets it whole. */
export const RESOLUTIONS: readonly { readonly stepMs: number; readonly spanMs: number }[] = [
  { stepMs: 5 * SECOND_MS, spanMs: HOUR_MS + 5 * MINUTE_MS },
  { stepMs: MINUTE_MS, spanMs: DAY_MS + HOUR_MS },
  { stepMs: 15 * MINUTE_MS, spanMs: 31 * DAY_MS },
];
export const HISTORY_SPAN_MS = Math.max(...RESOLUTIONS.map(({ spanMs }) => spanMs));
/** A sample that claims to have lasted longer is taken for one of this length. */
const SAMPLE_MS_MAX = HOUR_MS;

export type FlowName = (typeof FLOW_SERIES)[number];
export type GaugeName = (typeof GAUGE_SERIES)[number];

/** What was seen since the sample before. */
export interface HistorySample {
  /** Wall clock at its end, epoch ms. */
  readonly nowMs: number;
  /** How long it lasted by the steady clock. */
  readonly lastedMs: number;
  readonly flows: Readonly<Record<FlowName, number>>;
  /** Undefined: not known at present. */
  readonly gauges: Readonly<Record<GaugeName, number | undefined>>;
}

export interface HistoryQuestion {
  readonly fromMs: number;
  readonly toMs: number;
  /** At most so many steps are answered. */
  readonly points: number;
  readonly nowMs: number;
}

export interface HistorySeries {
  readonly stepMs: number;
  readonly timesMs: number[];
  readonly series: Record<HistorySeriesName, (number | null)[]>;
}

export class MetricsHistory {
  readonly #rings = RESOLUTIONS.map(
    ({ stepMs, spanMs }) =>
      new HistoryRing({
        stepMs,
        length: spanMs / stepMs,
        flows: FLOW_SERIES.length,
        gauges: GAUGE_SERIES.length,
      }),
  );

  /** A sample that did not last is not taken: its flows belong to the next one. */
  add({ nowMs, lastedMs, flows, gauges }: HistorySample): void {
    if (!(lastedMs > 0)) return;
    const span = { endMs: nowMs, lastedMs: Math.min(lastedMs, SAMPLE_MS_MAX) };
    const flowed = FLOW_SERIES.map((name) => flows[name]);
    const stood = GAUGE_SERIES.map((name) => gauges[name] ?? NaN);
    for (const ring of this.#rings) ring.add(span, flowed, stood);
  }

  /** Steps from `fromMs` on, up to the one that holds `toMs`, as fine as `points` allows and as the history still has it. */
  read({ fromMs, toMs, points, nowMs }: HistoryQuestion): HistorySeries {
    const from = Math.max(fromMs, nowMs - HISTORY_SPAN_MS);
    const to = Math.max(from, Math.min(toMs, nowMs));
    // One step more than the range holds, because it may begin and end in the middle of one.
    const finestMs = (to - from) / Math.max(1, points - 1);
    const reaching = this.#rings.filter((ring) => from >= nowMs - ring.spanMs);
    const wanted = reaching.length > 0 ? reaching : this.#rings.slice(-1);
    const ring = wanted.findLast(({ stepMs }) => stepMs <= finestMs) ?? wanted[0];
    if (ring === undefined) throw new Error('a history has at least one resolution');
    return this.#gather(ring, { from, to, finestMs });
  }

  /** All rows in use, by resolution, for the file. */
  rows(): { readonly stepMs: number; readonly rows: Float64Array }[] {
    return this.#rings.map((ring) => ({ stepMs: ring.stepMs, rows: ring.rows() }));
  }

  /** Takes rows back that `rows` gave; those of a resolution that is no more are left. */
  restore(stepMs: number, rows: Float64Array): void {
    this.#rings.find((ring) => ring.stepMs === stepMs)?.restore(rows);
  }

  static get rowWidth(): number {
    return HistoryRing.widthOf({ flows: FLOW_SERIES.length, gauges: GAUGE_SERIES.length });
  }

  #gather(
    ring: HistoryRing,
    range: { readonly from: number; readonly to: number; readonly finestMs: number },
  ): HistorySeries {
    const count = Math.max(1, Math.ceil(range.finestMs / ring.stepMs));
    const stepMs = count * ring.stepMs;
    const timesMs: number[] = [];
    const names = [...FLOW_SERIES, ...GAUGE_SERIES];
    const lists = names.map((): (number | null)[] => []);
    for (let at = Math.floor(range.from / stepMs) * stepMs; at <= range.to; at += stepMs) {
      timesMs.push(at);
      const row = ring.gather(at / ring.stepMs, count);
      lists.forEach((list, series) => list.push(row === undefined ? null : valueOf(row, series)));
    }
    const series = Object.fromEntries(names.map((name, at) => [name, lists[at] ?? []]));
    return { stepMs, timesMs, series: series as HistorySeries['series'] };
  }
}

/** The value of a series in a step: a rate per second, or what a gauge showed last. */
function valueOf(row: HistoryRow, series: number): number | null {
  if (series < FLOW_SERIES.length) {
    return row.observedMs > 0 ? ((row.flows[series] ?? 0) * SECOND_MS) / row.observedMs : null;
  }
  const value = row.gauges[series - FLOW_SERIES.length] ?? NaN;
  return Number.isNaN(value) ? null : value;
}
