/** The engine as operators see it: implements the control contract over the flow, the queries and the configuration. */
import type { Output, ParsedInput, StreamEvent } from '../../shared/contract/control.ts';
import type { LogLine } from '../../shared/contract/control-history.ts';
import type { CompletenessRow } from '../../shared/contract/control-completeness.ts';
import type { RetirementRow } from '../../shared/contract/control-retire.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { GatewayError, toErrorReport } from '../../shared/errors.ts';
import { SECOND_MS } from '../../shared/units.ts';
import { ALL_SINKS, type WriteSwitch } from '../channel/switch-store.ts';
import type { LoadedConfig } from '../config/config-file.ts';
import { renderEffective } from '../config/config-render.ts';
import type { ConfigStore } from '../config/config-store.ts';
import type { EngineApi } from '../control/engine-api.ts';
import { AlertBoard, type RaisedAlert } from '../telemetry/alert-board.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import { flumeMetrics, MetricsExporter } from '../telemetry/metrics.ts';
import { ConfigApplier } from './config-applier.ts';
import { EngineAlerts } from './engine-alerts.ts';
import { EngineFigures } from './engine-figures.ts';
import type { EngineQueries } from './engine-queries.ts';
import { EngineSnapshot } from './engine-snapshot.ts';
import type { Flow } from './flow.ts';
import { Forecasts } from './forecast/forecasts.ts';
import { FlowReporter } from './flow-reporter.ts';
import type { HistoryKeeper } from './history-keeper.ts';
import { LIVE_INTERVAL_MS, LiveStream } from './live-stream.ts';

/** A sink in one of these states lands nothing. */
const NOTHING_LANDS: ReadonlySet<string> = new Set(['paused', 'waiting', 'failed']);
const LOOK_INTERVAL_MS = SECOND_MS;
const DRAIN_DEFAULT_MS = 30 * SECOND_MS;

export interface EngineControlOptions {
  readonly loaded: LoadedConfig;
  readonly flow: Flow;
  /** Starts the thread that answers questions; also again when it has gone. */
  readonly openQueries: () => Promise<EngineQueries>;
  readonly queries: EngineQueries;
  readonly history: ConfigStore;
  /** What the engine remembers for looking back. */
  readonly keeper: HistoryKeeper;
  /** Which directories are complete. */
  readonly completeness: () => readonly CompletenessRow[];
  readonly log: Logger;
  readonly clock: Clock;
  readonly stop: (drainMs: number) => void;
}

/** What this class answers itself; the rest of the contract is at the desks (`desks/`). */
type OwnCalls =
  | 'status'
  | 'pause'
  | 'resume'
  | 'backlogList'
  | 'backlogPeek'
  | 'backlogExport'
  | 'landNow'
  | 'landings'
  | 'landingRelease'
  | 'auditStart'
  | 'auditReport'
  | 'auditCancel'
  | 'quarantineList'
  | 'quarantineShow'
  | 'configShow'
  | 'stop';
type Faces = Pick<EngineApi, OwnCalls | 'subscribe' | 'prometheusMetrics' | 'flumeMetrics'>;

export class EngineControl implements Faces {
  /** How a configuration comes into force. */
  readonly applier: ConfigApplier;
  readonly #options: EngineControlOptions;
  readonly #stream: LiveStream;
  readonly #board: AlertBoard;
  readonly #alerts: EngineAlerts;
  readonly #reporter: FlowReporter;
  readonly #metrics = new MetricsExporter();
  readonly #figures: EngineFigures;
  readonly #snapshots: EngineSnapshot;
  readonly #forecasts: Forecasts;
  #state: EngineStatus['state'] = 'starting';
  #timer: NodeJS.Timeout | undefined;
  /** Runs while somebody follows the stream, and only then. */
  #liveTimer: NodeJS.Timeout | undefined;
  #look: Promise<void> | undefined;

  constructor(options: EngineControlOptions) {
    const { loaded, flow, clock, log, history, keeper, queries, openQueries } = options;
    this.#options = options;
    this.#stream = new LiveStream(() => clock.steadyMs());
    const nowMs = (): number => clock.nowMs();
    const board = new AlertBoard(nowMs, (alert) => {
      keeper.alertChanged(alert);
      this.publish({ type: 'alert', alert });
    });
    this.#board = board;
    this.#alerts = new EngineAlerts(board);
    this.#reporter = new FlowReporter({ log, alerts: this.#alerts, board, nowMs });
    this.#figures = new EngineFigures({ writer: flow.writer, queries, openQueries, board, log, clock });
    this.#forecasts = new Forecasts((place) => flow.writer.perform('oldestClaimedOffset', place));
    this.#snapshots = new EngineSnapshot({
      ...{ flow, clock, board },
      figures: this.#figures,
      reporter: this.#reporter,
      completeness: options.completeness,
      forecasts: this.#forecasts,
    });
    this.applier = new ConfigApplier({
      ...{ loaded, flow, history, board, log, clock },
      onApplied: () => this.#snapshots.forgetEnded(),
    });
    flow.listener = this.#reporter;
  }

  start(): void {
    this.#state = 'running';
    this.#timer = setInterval(() => {
      this.#look ??= this.#lookAround().finally(() => (this.#look = undefined));
    }, LOOK_INTERVAL_MS);
  }

  /** The calls it answers, bound to it. */
  faces(): Faces {
    const { status, pause, resume, landNow, landings, landingRelease, stop, configShow } = this;
    const { backlogList, backlogPeek, backlogExport, quarantineList, quarantineShow } = this;
    const { auditStart, auditReport, auditCancel, subscribe, prometheusMetrics, flumeMetrics } = this;
    return {
      ...{ status, pause, resume, landNow, landings, landingRelease, stop, configShow },
      ...{ backlogList, backlogPeek, backlogExport, quarantineList, quarantineShow },
      ...{ auditStart, auditReport, auditCancel, subscribe, prometheusMetrics, flumeMetrics },
    };
  }

  /** The thread that answers questions now: another one after the first was lost. */
  get queries(): EngineQueries {
    return this.#figures.queries;
  }

  draining(): void {
    this.#state = 'draining';
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    clearInterval(this.#liveTimer);
    await this.#look;
    await this.applier.close();
    // From here on the status is the last one: the thread that could say more is going.
    this.#state = 'stopped';
    await this.#figures.close();
  }

  readonly status = async (): Promise<EngineStatus> => {
    await this.#refresh();
    return this.#snapshot();
  };

  readonly pause = async ({ sink, by, why }: ParsedInput<'pause'>): Promise<Output<'pause'>> => {
    const name = this.#sinkOrAll(sink);
    await this.#switch({ sink: name, isPaused: true, who: by, why, atMs: this.#options.clock.nowMs() });
    return { paused: this.#named(name) };
  };

  /** Resuming all also lifts the switches of single sinks: what an operator who says "all" means. */
  readonly resume = async ({ sink, by }: ParsedInput<'resume'>): Promise<Output<'resume'>> => {
    const name = this.#sinkOrAll(sink);
    const known = await this.#options.flow.writer.perform('switches');
    const off = known.filter((one) => one.isPaused && (name === ALL_SINKS || one.sink === name));
    const isAllPaused = known.some((one) => one.isPaused && one.sink === ALL_SINKS);
    if (name !== ALL_SINKS && isAllPaused)
      throw usage(`writing is paused for all sinks`, 'resume all with `headgate resume`');
    for (const one of off)
      await this.#switch({ ...one, isPaused: false, who: by, why: '', atMs: this.#options.clock.nowMs() });
    return { resumed: this.#named(name) };
  };

  readonly backlogList = (input: ParsedInput<'backlogList'>) => this.queries.backlogList(input);
  readonly backlogPeek = (input: ParsedInput<'backlogPeek'>) => this.queries.backlogPeek(input);
  readonly backlogExport = (input: ParsedInput<'backlogExport'>) => this.queries.backlogExport(input);
  readonly landings = (input: ParsedInput<'landings'>) => this.queries.landings(input);
  readonly auditStart = (input: ParsedInput<'auditStart'>) => this.queries.auditStart(input);
  readonly auditReport = (input: ParsedInput<'auditReport'>) => this.queries.auditReport(input);
  readonly auditCancel = (input: ParsedInput<'auditCancel'>) => this.queries.auditCancel(input);
  readonly quarantineList = (input: ParsedInput<'quarantineList'>) => this.queries.quarantineList(input);
  readonly quarantineShow = (input: ParsedInput<'quarantineShow'>) => this.queries.quarantineShow(input);

  readonly configShow = async (): Promise<Output<'configShow'>> => ({
    version: this.applier.runningVersion,
    file: this.applier.loaded.path,
    yaml: renderEffective(this.applier.loaded) ?? '',
  });

  readonly landNow = async ({ sink, landingKeyId }: ParsedInput<'landNow'>): Promise<Output<'landNow'>> => {
    const names = this.#named(this.#sinkOrAll(sink));
    if (landingKeyId !== undefined) {
      const owner = (await this.queries.sinkOfKey(landingKeyId)) ?? '';
      const links = this.#options.flow
        .landersOf(owner)
        .filter(({ settings }) => names.includes(settings.name));
      for (const link of links) link.order({ kind: 'land-now', landingKeyId });
      return { keys: links.length === 0 ? 0 : 1 };
    }
    let keys = 0;
    for (const name of names) {
      const link = this.#options.flow.landings.get(name);
      keys += link?.status?.keyCount ?? 0;
      link?.order({ kind: 'land-now' });
    }
    return { keys };
  };

  readonly landingRelease = async ({
    fileId,
    by,
  }: ParsedInput<'landingRelease'>): Promise<Output<'landingRelease'>> => {
    const { flow, log } = this.#options;
    for (const [sink, link] of flow.landings) {
      const plan = (await flow.writer.openPlans(sink)).find((one) => one.fileId === fileId);
      if (plan === undefined) continue;
      if (plan.state !== 'held') throw usage(`the file ${fileId} is not held`, 'there is nothing to release');
      await flow.writer.perform('release', plan.fileId);
      link.order({ kind: 'plans-changed' });
      log.info('a held file is released', { sink, fileId, by });
      return { sink };
    }
    throw usage(
      `there is no unfinished file ${JSON.stringify(fileId)}`,
      '`headgate status` shows held files',
    );
  };

  readonly stop = async ({ drainLimitMs }: ParsedInput<'stop'>): Promise<Output<'stop'>> => {
    // After the answer is on its way: the socket closes with the engine.
    setImmediate(() => this.#options.stop(drainLimitMs ?? DRAIN_DEFAULT_MS));
    return {};
  };

  readonly subscribe = (listener: (event: StreamEvent) => void): (() => void) => {
    this.#stream.add(listener);
    this.#liveTimer ??= setInterval(() => this.#stream.offer(this.#snapshot()), LIVE_INTERVAL_MS);
    listener({ type: 'status', status: this.#snapshot() });
    return () => {
      this.#stream.delete(listener);
      if (this.#stream.isFollowed) return;
      clearInterval(this.#liveTimer);
      this.#liveTimer = undefined;
    };
  };

  readonly prometheusMetrics = async () => this.#metrics.prometheus(this.#snapshot());
  readonly flumeMetrics = () => flumeMetrics(this.#snapshot());

  /** A new version of the file: taken over whole, or reported and ignored. */
  configChanged(fresh: LoadedConfig): Promise<void> {
    return this.applier.fileChanged(fresh);
  }

  async #switch(value: WriteSwitch): Promise<void> {
    const { flow, log } = this.#options;
    await flow.writer.perform('setSwitch', value);
    for (const link of flow.landings.values()) link.order({ kind: 'wake' });
    log.info(value.isPaused ? 'writing paused' : 'writing resumed', {
      sink: value.sink,
      by: value.who,
      why: value.why,
    });
    await this.#refresh();
  }

  #sinkOrAll(sink: string | undefined): string {
    if (sink === undefined) return ALL_SINKS;
    if (!this.#options.flow.landings.has(sink)) {
      throw usage(
        `there is no sink ${JSON.stringify(sink)}`,
        `the sinks are ${[...this.#options.flow.landings.keys()].join(', ')}`,
      );
    }
    return sink;
  }

  #named(sink: string): string[] {
    return sink === ALL_SINKS ? [...this.#options.flow.landings.keys()] : [sink];
  }

  async #lookAround(): Promise<void> {
    const { flow, clock, log, keeper } = this.#options;
    await this.#figures.readIfDue();
    await this.#lookAhead();
    this.#snapshots.outdate();
    try {
      const stuckSinceMs = new Map<string, number>();
      for (const [name, { stuckSinceMs: since }] of flow.landings)
        if (since !== undefined) stuckSinceMs.set(name, since);
      const facts = { limits: flow.config.alerts, steadyMs: clock.steadyMs(), stuckSinceMs };
      const status = this.#snapshot();
      this.#alerts.look({ status, ...facts });
      // Before the switches are known nobody can say that a pause is over.
      if (this.#figures.isKnown) keeper.look(status);
      this.#tellUnsaved();
      this.#tellGroups(status);
    } catch (error) {
      log.error('the status could not be gathered', { error: toErrorReport(error) });
    }
    // What was just raised is part of the next one.
    this.#snapshots.outdate();
  }

  async #lookAhead(): Promise<void> {
    const { flow, clock, log } = this.#options;
    const { rawBytes, storedBytes } = this.#figures.sums;
    const { sources: rows, sinks } = this.#snapshot();
    const steadyMs = clock.steadyMs();
    this.#forecasts.look({
      sources: [...flow.sources.values()].map(({ source }) => source.status()),
      room: flow.writer.room,
      intakeBytes: rows.reduce((sum, { bytes }) => sum + bytes, 0),
      storedPerRaw: rawBytes > 0 ? storedBytes / rawBytes : 1,
      stopped: new Map(sinks.map(({ name, state }) => [name, NOTHING_LANDS.has(state)])),
      nowMs: clock.nowMs(),
      steadyMs,
    });
    try {
      await this.#forecasts.lookAtClaims(steadyMs);
    } catch (error) {
      log.warn('the oldest claims could not be asked for', { error: toErrorReport(error) });
    }
  }

  /** While others of its group land, nothing else would say that a sink is gone. */
  #tellGroups({ sinks }: EngineStatus): void {
    for (const { name, group, state, cause, hint } of sinks) {
      if (group === undefined) continue;
      this.#board.set(group.isOnDuty && (state === 'waiting' || state === 'failed'), {
        code: 'group-sink-down',
        level: 'warn',
        place: name,
        message: `${name} can’t land for the group ${group.name}: ${cause ?? state}; the others take its share`,
        hint,
      });
    }
  }

  #tellUnsaved(): void {
    const { fault } = this.#options.keeper;
    this.#board.set(fault !== undefined, {
      code: 'history-unsaved',
      level: 'warn',
      place: 'history',
      message: `what the charts show is kept in memory only: ${fault?.message ?? ''}`,
      hint: fault?.hint,
    });
  }

  async #refresh(): Promise<void> {
    if (this.#state === 'stopped') return;
    await this.#figures.read();
    this.#snapshots.outdate();
  }

  #snapshot(): EngineStatus {
    const { runningVersion, loaded, problems } = this.applier;
    return this.#snapshots.take({
      state: this.#state,
      configVersion: runningVersion,
      configFile: loaded.path,
      configProblems: [...problems],
    });
  }

  /** Raises or clears the alert of a part that the flow doesn't know. */
  setAlert(isRaised: boolean, raised: RaisedAlert): void {
    this.#board.set(isRaised, raised);
  }

  /** Asked for each status from here on. */
  showRetirements(rows: () => readonly RetirementRow[]): void {
    this.#snapshots.retirements = rows;
  }

  /** Tells everybody who follows the stream. */
  publish(event: StreamEvent): void {
    this.#stream.publish(event);
  }

  /** A line of the log, for those who follow; in a storm not each of them. */
  readonly tellLog = (line: LogLine): void => this.#stream.log(line);
}

function usage(message: string, hint: string): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'do what was asked',
    place: '',
    message,
    retry: 'never',
    hint,
  });
}
