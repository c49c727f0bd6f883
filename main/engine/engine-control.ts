/** The engine as operators see it: implements the control contract over the flow, the queries and the configuration. */
import {
  CONTRACT_VERSION,
  type EngineStatus,
  type Output,
  type ParsedInput,
  type StreamEvent,
} from '../../shared/contract/control.ts';
import { GatewayError, toErrorReport } from '../../shared/errors.ts';
import { SECOND_MS } from '../../shared/units.ts';
import { ALL_SINKS, type WriteSwitch } from '../channel/switch-store.ts';
import { compareConfigs } from '../config/config-change.ts';
import type { LoadedConfig } from '../config/config-file.ts';
import { renderEffective, plainProblems } from '../config/config-render.ts';
import type { ConfigStore } from '../config/config-store.ts';
import type { EngineApi } from '../control/engine-api.ts';
import { AlertBoard } from '../telemetry/alert-board.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import { flumeMetrics, MetricsExporter } from '../telemetry/metrics.ts';
import { RateMeter } from '../telemetry/rate-meter.ts';
import { EngineAlerts } from './engine-alerts.ts';
import type { ChannelFigures, EngineQueries } from './engine-queries.ts';
import { channelRow, sinkRow, sourceRow } from './engine-status.ts';
import type { Flow } from './flow.ts';
import { FlowReporter } from './flow-reporter.ts';

const LOOK_INTERVAL_MS = SECOND_MS;
const DRAIN_DEFAULT_MS = 30 * SECOND_MS;
/** How long a landing worker may finish uploads when its sink's settings changed. */
const RELOAD_DRAIN_MS = 10 * SECOND_MS;
const VERSION = '0.1.0';

export interface EngineControlOptions {
  readonly loaded: LoadedConfig;
  readonly flow: Flow;
  readonly queries: EngineQueries;
  readonly history: ConfigStore;
  readonly log: Logger;
  readonly clock: Clock;
  readonly stop: (drainMs: number) => void;
}

export class EngineControl implements EngineApi {
  readonly #options: EngineControlOptions;
  readonly #listeners = new Set<(event: StreamEvent) => void>();
  readonly #board: AlertBoard;
  readonly #alerts: EngineAlerts;
  readonly #reporter: FlowReporter;
  readonly #metrics = new MetricsExporter();
  readonly #sinkRates = new Map<string, { readonly events: RateMeter; readonly bytes: RateMeter }>();
  readonly #growth = new RateMeter();
  readonly #startedMs: number;
  #loaded: LoadedConfig;
  #configProblems: string[] = [];
  #applying: Promise<void> = Promise.resolve();
  #figures: readonly ChannelFigures[] = [];
  #switches: readonly WriteSwitch[] = [];
  #status: EngineStatus | undefined;
  #state: EngineStatus['state'] = 'starting';
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<void> | undefined;

  constructor(options: EngineControlOptions) {
    this.#options = options;
    this.#loaded = options.loaded;
    this.#startedMs = options.clock.nowMs();
    this.#board = new AlertBoard(
      () => options.clock.nowMs(),
      (alert) => this.#publish({ type: 'alert', alert }),
    );
    this.#alerts = new EngineAlerts(this.#board);
    this.#reporter = new FlowReporter({
      log: options.log,
      alerts: this.#alerts,
      board: this.#board,
      nowMs: () => options.clock.nowMs(),
    });
    options.flow.listener = this.#reporter;
  }

  start(): void {
    this.#state = 'running';
    this.#timer = setInterval(() => {
      this.#look ??= this.#lookAround().finally(() => (this.#look = undefined));
    }, LOOK_INTERVAL_MS);
  }

  draining(): void {
    this.#state = 'draining';
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#look;
    await this.#applying;
    await this.#options.queries.close();
    this.#state = 'stopped';
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

  readonly backlogList = (input: ParsedInput<'backlogList'>) => this.#options.queries.backlogList(input);
  readonly backlogPeek = (input: ParsedInput<'backlogPeek'>) => this.#options.queries.backlogPeek(input);
  readonly landings = (input: ParsedInput<'landings'>) => this.#options.queries.landings(input);
  readonly auditStart = (input: ParsedInput<'auditStart'>) => this.#options.queries.auditStart(input);
  readonly auditReport = (input: ParsedInput<'auditReport'>) => this.#options.queries.auditReport(input);
  readonly auditCancel = (input: ParsedInput<'auditCancel'>) => this.#options.queries.auditCancel(input);
  readonly quarantineList = (input: ParsedInput<'quarantineList'>) =>
    this.#options.queries.quarantineList(input);
  readonly quarantineShow = (input: ParsedInput<'quarantineShow'>) =>
    this.#options.queries.quarantineShow(input);

  readonly configShow = async (): Promise<Output<'configShow'>> => ({
    version: this.#options.flow.configVersion,
    file: this.#loaded.path,
    yaml: renderEffective(this.#loaded) ?? '',
  });

  readonly landNow = async ({ sink }: ParsedInput<'landNow'>): Promise<Output<'landNow'>> => {
    const names = this.#named(this.#sinkOrAll(sink));
    let keys = 0;
    for (const name of names) {
      const link = this.#options.flow.landings.get(name);
      keys += link?.status?.keyCount ?? 0;
      link?.order({ kind: 'land-now' });
    }
    return { keys };
  };

  readonly stop = async ({ drainLimitMs }: ParsedInput<'stop'>): Promise<Output<'stop'>> => {
    // After the answer is on its way: the socket closes with the engine.
    setImmediate(() => this.#options.stop(drainLimitMs ?? DRAIN_DEFAULT_MS));
    return {};
  };

  readonly subscribe = (listener: (event: StreamEvent) => void): (() => void) => {
    this.#listeners.add(listener);
    listener({ type: 'status', status: this.#snapshot() });
    return () => this.#listeners.delete(listener);
  };

  readonly prometheusMetrics = async () => this.#metrics.prometheus(this.#snapshot());
  readonly flumeMetrics = () => flumeMetrics(this.#snapshot());

  /** A new version of the file: taken over part by part, or reported and ignored. One after the other. */
  configChanged(fresh: LoadedConfig): Promise<void> {
    this.#applying = this.#applying.then(() => this.#apply(fresh));
    return this.#applying;
  }

  async #apply(fresh: LoadedConfig): Promise<void> {
    const { flow, log, history, clock } = this.#options;
    if (fresh.config === undefined) {
      const problems = plainProblems(fresh.problems).filter((problem) => problem.severity === 'error');
      this.#refuse(
        problems.map((problem) => `line ${problem.line}, column ${problem.column}: ${problem.message}`),
      );
      return;
    }
    const held = new Map<string, number>();
    for (const [name, sink] of Object.entries(flow.config.sinks)) {
      const keys = await flow.writer.keys(name);
      const plans = await flow.writer.openPlans(name);
      const bytes =
        keys.reduce((sum, key) => sum + key.storedBytes, 0) +
        plans.reduce((sum, plan) => sum + plan.expectedBytes, 0);
      held.set(`${sink.channel}\n${name}`, bytes);
    }
    const change = compareConfigs(
      flow.config,
      fresh.config,
      (channel, sink) => held.get(`${channel}\n${sink}`) ?? 0,
    );
    if (change.refused.length > 0) {
      this.#refuse(
        change.refused.map(({ kind, name, reason, hint }) => `${kind} ${name}: ${reason}. ${hint}`),
      );
      return;
    }
    try {
      const version = await history.record({ text: fresh.text, by: 'file', nowMs: clock.nowMs() });
      await flow.apply(fresh.config, change, { configVersion: version.number, drainMs: RELOAD_DRAIN_MS });
      this.#loaded = fresh;
      this.#configProblems = [];
      this.#board.clear('config-invalid', fresh.path);
      const later = [
        ...change.needsRestart.map((key) => `gateway.${key}`),
        ...change.components.filter((one) => one.kind === 'channel').map((one) => `channel ${one.name}`),
        ...change.sections.filter((one) => one !== 'alerts'),
      ];
      log.info('configuration applied', {
        version: version.number,
        parts: change.components.map((one) => `${one.change} ${one.kind} ${one.name}`),
        notes: change.notes,
        afterRestart: later,
      });
    } catch (error) {
      this.#refuse([toErrorReport(error).message]);
    }
  }

  /** The running configuration stays; everybody who looks is told why. */
  #refuse(problems: string[]): void {
    this.#configProblems = problems;
    this.#options.log.warn('the edited configuration is not taken', { problems });
    this.#board.raise({
      code: 'config-invalid',
      level: 'warn',
      place: this.#loaded.path,
      message: problems[0] ?? 'it can’t be used',
      hint: 'the running configuration stays; `headgate config check` lists everything',
    });
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
    try {
      await this.#refresh();
      const status = this.#snapshot();
      const stuckSinceMs = new Map<string, number>();
      for (const [name, link] of this.#options.flow.landings) {
        if (link.status?.stuckSinceMs !== undefined) stuckSinceMs.set(name, link.status.stuckSinceMs);
      }
      this.#alerts.look({ status, limits: this.#options.flow.config.alerts, stuckSinceMs });
      this.#publish({ type: 'status', status: this.#snapshot() });
    } catch (error) {
      if (this.#state === 'running')
        this.#options.log.warn('the status could not be gathered', { error: toErrorReport(error) });
    }
  }

  async #refresh(): Promise<void> {
    const { flow, queries } = this.#options;
    if (this.#state === 'stopped') return;
    [this.#figures, this.#switches] = await Promise.all([
      queries.channelFigures(),
      flow.writer.perform('switches'),
    ]);
    this.#status = undefined;
  }

  #snapshot(): EngineStatus {
    const { flow, clock } = this.#options;
    if (this.#status !== undefined && clock.nowMs() - this.#status.nowMs < LOOK_INTERVAL_MS / 2)
      return this.#status;
    const nowMs = clock.nowMs();
    const { config } = flow;
    this.#status = {
      contract: CONTRACT_VERSION,
      version: VERSION,
      pid: process.pid,
      gateway: config.gateway.id,
      stateId: flow.stateId,
      stateDir: flow.stateDir,
      state: this.#state,
      startedMs: this.#startedMs,
      nowMs,
      configVersion: flow.configVersion,
      configFile: this.#loaded.path,
      configProblems: this.#configProblems,
      memoryBytes: process.memoryUsage.rss(),
      sources: [...flow.sources.values()].map((runner) => sourceRow(runner, nowMs)),
      channels: Object.keys(config.channels).map((name) =>
        channelRow({
          name,
          room: flow.writer.room,
          figures: this.#figures.find((one) => one.channel === name),
          growth: this.#growth,
          nowMs,
        }),
      ),
      sinks: [...flow.landings].map(([name, link]) => {
        const rates = this.#ratesOf(name);
        return sinkRow({
          link,
          type: config.sinks[name]?.type ?? '',
          switches: this.#switches,
          ...rates,
          last: this.#reporter.lastLanded.get(name),
          nowMs,
        });
      }),
      alerts: this.#board.list(),
    };
    return this.#status;
  }

  #ratesOf(sink: string) {
    let rates = this.#sinkRates.get(sink);
    if (rates === undefined)
      this.#sinkRates.set(sink, (rates = { events: new RateMeter(), bytes: new RateMeter() }));
    return rates;
  }

  #publish(event: StreamEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
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
