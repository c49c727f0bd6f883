/**
 * A month for the charts of a gateway that has run for a minute: the engine's own history file, made with the engine's own code. Traffic with
 * the rhythm of days, an evening when the cluster was away, and a pause that still lasts. Only this is prepared; all else on the pictures is live.
 */
import { HistoryBands } from '../../main/engine/history-bands.ts';
import { writeHistory } from '../../main/engine/history-file.ts';
import { MetricsHistory, RESOLUTIONS, HISTORY_SPAN_MS } from '../../main/telemetry/metrics-history.ts';
import type { Alert } from '../../shared/contract/control-status.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../shared/units.ts';

/** Bytes of a stored event beside those that it has on the way. */
const STORED_SHARE = 0.12;
const EVENT_BYTES = 178;
/** The cluster was away: how long before now, and for how long. */
const OUTAGES = [
  { agoMs: 19 * DAY_MS + 4 * HOUR_MS, lengthMs: 26 * MINUTE_MS },
  { agoMs: 6 * DAY_MS + 9 * HOUR_MS, lengthMs: 12 * MINUTE_MS },
  { agoMs: 5 * HOUR_MS + 20 * MINUTE_MS, lengthMs: 75 * MINUTE_MS },
] as const;
type Outage = (typeof OUTAGES)[number];
/** How fast the backlog of an outage is landed after it. */
const DRAIN_FACTOR = 3.2;

export interface PastMonth {
  readonly stateDir: string;
  readonly nowMs: number;
  /** Events a second at the end, which the live traffic goes on with. */
  readonly eventsPerSecond: number;
  /** Since when writing to one sink is paused, and what waits there now. */
  readonly paused: { readonly fromMs: number; readonly events: number; readonly storedBytes: number };
  /** Alerts as the engine worded them when it had this fault, laid over the outage. */
  readonly alerts: readonly Alert[];
}

export async function writePastMonth(month: PastMonth): Promise<void> {
  const { stateDir, nowMs } = month;
  const [alert] = month.alerts;
  const alerts = alert === undefined ? [] : OUTAGES.map((outage) => during(outage, alert, nowMs));
  await writeHistory(stateDir, {
    savedMs: nowMs,
    isLast: true,
    rowWidth: MetricsHistory.rowWidth,
    resolutions: metrics(month).rows(),
    bands: bands(alerts),
    alerts,
  });
}

function metrics({ nowMs, eventsPerSecond, paused }: PastMonth): MetricsHistory {
  const history = new MetricsHistory();
  const steps = [...RESOLUTIONS].sort((a, b) => b.stepMs - a.stepMs);
  let waiting = 0;
  let atMs = nowMs - HISTORY_SPAN_MS + DAY_MS;
  while (atMs < nowMs) {
    // As fine as the history keeps what is so old.
    const { stepMs } = steps.findLast(({ spanMs }) => atMs >= nowMs - spanMs) ?? { stepMs: MINUTE_MS };
    const lastedMs = Math.min(stepMs, nowMs - atMs);
    const seconds = lastedMs / SECOND_MS;
    const came = rate(atMs, { nowMs, eventsPerSecond }) * seconds;
    const agoMs = nowMs - atMs;
    const isAway = OUTAGES.some((outage) => agoMs <= outage.agoMs && agoMs > outage.agoMs - outage.lengthMs);
    const went = isAway ? 0 : Math.min(waiting + came, came * (waiting > came ? DRAIN_FACTOR : 1));
    waiting = Math.max(0, waiting + came - went);
    const pausedShare = Math.max(0, (atMs + lastedMs - paused.fromMs) / (nowMs - paused.fromMs));
    history.add({
      nowMs: atMs + lastedMs,
      lastedMs,
      flows: {
        'intake.events': came,
        'intake.bytes': came * EVENT_BYTES,
        'landed.events': went,
        'landed.bytes': went * EVENT_BYTES,
      },
      gauges: {
        'backlog.events': Math.round(waiting + pausedShare * paused.events),
        'backlog.bytes': Math.round(waiting * EVENT_BYTES * STORED_SHARE + pausedShare * paused.storedBytes),
        lag: 0,
        'disk.free': undefined,
      },
    });
    atMs += lastedMs;
  }
  return history;
}

/** Few at night, most in the evening, fewer on Sundays, and never quite even. At `nowMs` it is what was asked for. */
function rate(
  atMs: number,
  { nowMs, eventsPerSecond }: Pick<PastMonth, 'nowMs' | 'eventsPerSecond'>,
): number {
  const wave = (ms: number): number => {
    const day = Math.sin(((ms % DAY_MS) / DAY_MS) * 2 * Math.PI - 0.9);
    const lunch = Math.sin(((ms % DAY_MS) / DAY_MS) * 4 * Math.PI);
    return 1 + 0.55 * day + 0.15 * lunch;
  };
  const uneven =
    1 + 0.05 * Math.sin(atMs / 41_000) + 0.04 * Math.sin(atMs / 17_300) + 0.03 * Math.sin(atMs / 7_100);
  const isSunday = new Date(atMs).getUTCDay() === 0;
  return (
    (eventsPerSecond * uneven * wave(atMs) * (isSunday && nowMs - atMs > DAY_MS ? 0.7 : 1)) / wave(nowMs)
  );
}

function during({ agoMs, lengthMs }: Outage, alert: Alert, nowMs: number): Alert {
  const sinceMs = nowMs - agoMs + MINUTE_MS;
  return {
    ...alert,
    id: `${alert.id}-${agoMs}`,
    sinceMs,
    clearedMs: sinceMs + lengthMs,
    count: Math.round(lengthMs / 15_000),
  };
}

function bands(alerts: readonly Alert[]): ReturnType<HistoryBands['all']> {
  const kept = new HistoryBands();
  for (const { id, level, place, message: text, sinceMs: fromMs, clearedMs } of alerts) {
    if (clearedMs !== undefined)
      kept.add(`alert ${id}`, { kind: 'alert', level, place, text, fromMs, toMs: clearedMs });
  }
  return kept.all();
}
