/**
 * What the engine remembers for looking back: how much flowed and waited, pauses, alerts, and when it did not run. In memory, bounded, and in
 * a file of the state directory that is replaced about once a minute and when the engine stops.
 *
 * Promise: it never stands in the way. It is fed with the snapshots that are made anyway, asks no database, and writes off the main thread. A
 * file that can't be read is set aside and the history begins anew; one that can't be written is told once, and it goes on in memory.
 * A SIGKILL costs what came after the last writing: a minute at most, a few seconds after a pause or an alert.
 */
import type { HistoryAnswer } from '../../shared/contract/control-history.ts';
import type { Alert, EngineStatus } from '../../shared/contract/control-status.ts';
import { toErrorReport, type ErrorReport } from '../../shared/errors.ts';
import { MINUTE_MS, SECOND_MS } from '../../shared/units.ts';
import { AlertHistory } from '../telemetry/alert-history.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import { HISTORY_SPAN_MS, MetricsHistory, type FlowName } from '../telemetry/metrics-history.ts';
import { HistoryBands } from './history-bands.ts';
import { readHistory, setHistoryAside, writeHistory, type KeptHistory } from './history-file.ts';

export const SAVE_INTERVAL_MS = MINUTE_MS;
/** After a pause or an alert began or ended it is written sooner, and never more often than this. */
const SAVE_SPACING_MS = 5 * SECOND_MS;
/** A lag that a source can't tell. */
const LAG_NOT_KNOWN = -1;

export interface HistoryKeeperOptions {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export class HistoryKeeper {
  readonly #options: HistoryKeeperOptions;
  readonly #metrics = new MetricsHistory();
  readonly #bands = new HistoryBands();
  readonly #alerts = new AlertHistory();
  /** Each counter as it was seen last: sources and sinks come and go, and begin at zero. */
  #counters: ReadonlyMap<string, number> = new Map();
  #sampledMs: number;
  #savedMs = -Infinity;
  #savedChanges = 0;
  #saving: Promise<void> | undefined;
  #fault: ErrorReport | undefined;

  private constructor(options: HistoryKeeperOptions) {
    this.#options = options;
    this.#sampledMs = options.clock.steadyMs();
  }

  /** Reads what an earlier run kept. Never throws. */
  static async open(options: HistoryKeeperOptions): Promise<HistoryKeeper> {
    const keeper = new HistoryKeeper(options);
    await keeper.#restore();
    return keeper;
  }

  /** Why the file could not be written the last time. */
  get fault(): ErrorReport | undefined {
    return this.#fault;
  }

  /** Whether the file is being written now. */
  get isSaving(): boolean {
    return this.#saving !== undefined;
  }

  /** Takes a snapshot; called about once a second. */
  look(status: EngineStatus): void {
    this.#sample(status);
    this.#lookAtPauses(status);
    const { clock } = this.#options;
    const waitedMs = clock.steadyMs() - this.#savedMs;
    const isChanged = this.#bands.changes !== this.#savedChanges;
    if (waitedMs >= (isChanged ? SAVE_SPACING_MS : SAVE_INTERVAL_MS))
      this.#saving ??= this.#save(false).finally(() => (this.#saving = undefined));
  }

  /** An alert was raised, changed its level, or is over. */
  alertChanged(alert: Alert): void {
    const { id, level, place, message: text, sinceMs: fromMs, clearedMs } = alert;
    this.#alerts.take(alert);
    const key = `alert ${id}`;
    this.#bands.open(key, { kind: 'alert', level, place, text, fromMs });
    if (clearedMs !== undefined) this.#bands.close(key, clearedMs);
  }

  answer(question: {
    readonly fromMs: number;
    readonly toMs: number;
    readonly points: number;
  }): HistoryAnswer {
    const nowMs = this.#options.clock.nowMs();
    const { fromMs, toMs } = question;
    return { ...this.#metrics.read({ ...question, nowMs }), bands: this.#bands.within(fromMs, toMs) };
  }

  /** Alerts that are over, newest first. */
  pastAlerts(limit: number): Alert[] {
    return this.#alerts.past(limit);
  }

  /** Writes the file a last time. */
  async close(): Promise<void> {
    await this.#saving;
    await this.#save(true);
  }

  #sample(status: EngineStatus): void {
    const steadyMs = this.#options.clock.steadyMs();
    const lastedMs = steadyMs - this.#sampledMs;
    if (lastedMs <= 0) return;
    this.#sampledMs = steadyMs;
    const counters = new Map<string, number>();
    const grown = (kind: string, parts: readonly CountingPart[], counter: 'events' | 'bytes'): number =>
      sum(parts.map((part) => this.#grown(counters, `${kind} ${counter} ${part.name}`, part[counter])));
    const flows: Record<FlowName, number> = {
      'intake.events': grown('source', status.sources, 'events'),
      'intake.bytes': grown('source', status.sources, 'bytes'),
      'landed.events': grown('sink', status.sinks, 'events'),
      'landed.bytes': grown('sink', status.sinks, 'bytes'),
    };
    this.#counters = counters;
    const lags = status.sources.map(({ lag }) => lag).filter((lag) => lag !== LAG_NOT_KNOWN);
    const gauges = {
      'backlog.events': sum(status.channels.map(({ events }) => events)),
      'backlog.bytes': sum(status.channels.map(({ storedBytes }) => storedBytes)),
      lag: lags.length === 0 ? undefined : sum(lags),
      'disk.free': status.channels[0]?.freeDiskBytes,
    };
    this.#metrics.add({ nowMs: status.nowMs, lastedMs, flows, gauges });
  }

  /** How much a counter grew; one that fell began anew. */
  #grown(counters: Map<string, number>, key: string, now: number): number {
    const before = this.#counters.get(key) ?? 0;
    counters.set(key, now);
    return now >= before ? now - before : now;
  }

  #lookAtPauses({ sinks, nowMs }: EngineStatus): void {
    const lasting = new Set<string>();
    for (const { name, paused } of sinks) {
      if (paused === undefined) continue;
      const key = `paused ${name} ${paused.atMs}`;
      lasting.add(key);
      const text = paused.why === '' ? paused.by : `${paused.by}: ${paused.why}`;
      this.#bands.open(key, { kind: 'paused', level: 'info', place: name, text, fromMs: paused.atMs });
    }
    for (const key of this.#bands.openKeys())
      if (key.startsWith('paused ') && !lasting.has(key)) this.#bands.close(key, nowMs);
  }

  async #restore(): Promise<void> {
    const { stateDir, log } = this.#options;
    let kept: KeptHistory | undefined;
    try {
      kept = await readHistory(stateDir);
      if (kept === undefined) return;
      if (kept.rowWidth !== MetricsHistory.rowWidth) throw new Error('its rows have other columns');
    } catch (error) {
      const report = toErrorReport(error);
      try {
        const aside = await setHistoryAside(stateDir);
        log.warn('the history could not be read and begins anew', { error: report, aside });
      } catch (cause) {
        log.warn('the history could not be read nor set aside', {
          error: report,
          cause: toErrorReport(cause),
        });
      }
      return;
    }
    this.#take(kept);
  }

  #take(kept: KeptHistory): void {
    const nowMs = this.#options.clock.nowMs();
    for (const { stepMs, rows } of kept.resolutions) this.#metrics.restore(stepMs, rows);
    this.#alerts.restore(kept.alerts, kept.savedMs);
    const oldestMs = nowMs - HISTORY_SPAN_MS;
    this.#bands.restore(kept.bands.filter(({ toMs }) => toMs === undefined || toMs >= oldestMs));
    // Alerts are raised anew if they still hold; a pause holds over a restart, and the first snapshot says whether it does.
    for (const key of this.#bands.openKeys())
      if (key.startsWith('alert ')) this.#bands.close(key, kept.savedMs);
    if (kept.savedMs >= nowMs) return;
    this.#bands.add('down', {
      kind: 'down',
      level: kept.isLast ? 'info' : 'error',
      place: 'engine',
      text: kept.isLast ? 'the engine was stopped' : 'the engine ended without being stopped',
      fromMs: kept.savedMs,
      toMs: nowMs,
    });
  }

  async #save(isLast: boolean): Promise<void> {
    const { stateDir, clock, log } = this.#options;
    this.#savedMs = clock.steadyMs();
    this.#savedChanges = this.#bands.changes;
    try {
      await writeHistory(stateDir, {
        savedMs: clock.nowMs(),
        isLast,
        rowWidth: MetricsHistory.rowWidth,
        resolutions: this.#metrics.rows(),
        bands: this.#bands.all(),
        alerts: this.#alerts.all(),
      });
      if (this.#fault !== undefined) log.info('the history is written to its file again');
      this.#fault = undefined;
    } catch (error) {
      const report = toErrorReport(error);
      if (this.#fault === undefined)
        log.warn('the history could not be written; it goes on in memory', { error: report });
      this.#fault = report;
    }
  }
}

interface CountingPart {
  readonly name: string;
  readonly events: number;
  readonly bytes: number;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
