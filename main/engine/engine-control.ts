/** The engine as operators see it: implements the control contract over the flow, the queries and the configuration. */
import type { GatewayConfig } from '../../shared/contract/config.ts';
import {
  CONTRACT_VERSION,
  type Output,
  type ParsedInput,
  type StreamEvent,
} from '../../shared/contract/control.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { GatewayError, toErrorReport } from '../../shared/errors.ts';
import { SECOND_MS } from '../../shared/units.ts';
import { ALL_SINKS, type WriteSwitch } from '../channel/switch-store.ts';
import { compareConfigs, type ConfigChange } from '../config/config-change.ts';
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
/** So many looks in a row without an answer, and the thread that answers questions is started anew. */
const SILENT_LOOKS_MAX = 10;
const VERSION = '0.1.0';

export interface EngineControlOptions {
  readonly loaded: LoadedConfig;
  readonly flow: Flow;
  /** Starts the thread that answers questions; also again when it has gone. */
  readonly openQueries: () => Promise<EngineQueries>;
  readonly queries: EngineQueries;
  readonly history: ConfigStore;
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
  #queries: EngineQueries;
  #silentLooks = 0;
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<void> | undefined;

  constructor(options: EngineControlOptions) {
    this.#options = options;
    this.#loaded = options.loaded;
    this.#queries = options.queries;
    this.#startedMs = options.clock.nowMs();
    this.#board = new AlertBoard(
      () => options.clock.nowMs(),
      (alert) => this.publish({ type: 'alert', alert }),
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

  draining(): void {
    this.#state = 'draining';
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#look;
    await this.#applying;
    // From here on the status is the last one: the thread that could say more is going.
    this.#state = 'stopped';
    await this.#queries.close();
  }

  readonly status = async (): Promise<EngineStatus> => {
    await this.#tryRefresh();
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

  readonly backlogList = (input: ParsedInput<'backlogList'>) => this.#queries.backlogList(input);
  readonly backlogPeek = (input: ParsedInput<'backlogPeek'>) => this.#queries.backlogPeek(input);
  readonly backlogExport = (input: ParsedInput<'backlogExport'>) =>
    this.#options.queries.backlogExport(input);
  readonly landings = (input: ParsedInput<'landings'>) => this.#queries.landings(input);
  readonly auditStart = (input: ParsedInput<'auditStart'>) => this.#queries.auditStart(input);
  readonly auditReport = (input: ParsedInput<'auditReport'>) => this.#queries.auditReport(input);
  readonly auditCancel = (input: ParsedInput<'auditCancel'>) => this.#queries.auditCancel(input);
  readonly quarantineList = (input: ParsedInput<'quarantineList'>) => this.#queries.quarantineList(input);
  readonly quarantineShow = (input: ParsedInput<'quarantineShow'>) => this.#queries.quarantineShow(input);

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
    this.#listeners.add(listener);
    listener({ type: 'status', status: this.#snapshot() });
    return () => this.#listeners.delete(listener);
  };

  readonly prometheusMetrics = async () => this.#metrics.prometheus(this.#snapshot());
  readonly flumeMetrics = () => flumeMetrics(this.#snapshot());

  /** A new version of the file: taken over whole, or reported and ignored. One after the other; never rejects. */
  configChanged(fresh: LoadedConfig): Promise<void> {
    this.#applying = this.#applying.then(async () => {
      try {
        await this.#apply(fresh);
      } catch (error) {
        const { place, message, hint } = toErrorReport(error);
        this.#refuse([[place, message, hint].filter((part) => part !== '').join(': ')]);
      }
    });
    return this.#applying;
  }

  async #apply(fresh: LoadedConfig): Promise<void> {
    const { flow, log, history, clock } = this.#options;
    const { config } = fresh;
    if (config === undefined) return this.#refuse(errorTexts(fresh));
    const change = await this.#compare(config);
    const refusals = refusalTexts(change);
    if (refusals.length > 0) return this.#refuse(refusals);
    flow.tryOut(config);
    const version = await history.record({ text: fresh.text, by: 'file', nowMs: clock.nowMs() });
    await flow.apply(config, change, {
      configVersion: version.number,
      drainMs: RELOAD_DRAIN_MS,
      refusals: async () => refusalTexts(await this.#compare(config)),
    });
    this.#loaded = fresh;
    this.#configProblems = [];
    this.#board.clear('config-invalid', fresh.path);
    for (const name of this.#sinkRates.keys()) if (!flow.landings.has(name)) this.#sinkRates.delete(name);
    log.info('configuration applied', {
      version: version.number,
      parts: change.components.map((one) => `${one.change} ${one.kind} ${one.name}`),
      notes: change.notes,
      afterRestart: [
        ...change.needsRestart.map((key) => `gateway.${key}`),
        ...change.components.filter((one) => one.kind === 'channel').map((one) => `channel ${one.name}`),
        ...change.sections.filter((one) => one !== 'alerts'),
      ],
    });
  }

  /** What a configuration would change, and what speaks against it with what is held now. */
  async #compare(config: GatewayConfig): Promise<ConfigChange> {
    const { flow } = this.#options;
    const held = new Map<string, number>();
    for (const [name, sink] of Object.entries(flow.config.sinks)) {
      const keys = await flow.writer.keys(name);
      const plans = await flow.writer.openPlans(name);
      const bytes =
        keys.reduce((sum, key) => sum + key.storedBytes, 0) +
        plans.reduce((sum, plan) => sum + plan.expectedBytes, 0);
      held.set(`${sink.channel}\n${name}`, bytes);
    }
    return compareConfigs(flow.config, config, (channel, sink) => held.get(`${channel}\n${sink}`) ?? 0);
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
    await this.#tryRefresh();
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
    await this.#tryRefresh();
    const { flow, clock, log } = this.#options;
    try {
      const stuckSinceMs = new Map<string, number>();
      for (const [name, { stuckSinceMs: since }] of flow.landings)
        if (since !== undefined) stuckSinceMs.set(name, since);
      const facts = { limits: flow.config.alerts, steadyMs: clock.steadyMs(), stuckSinceMs };
      this.#alerts.look({ status: this.#snapshot(), ...facts });
      // What was just raised is part of it.
      this.#status = undefined;
      this.publish({ type: 'status', status: this.#snapshot() });
    } catch (error) {
      log.error('the status could not be gathered', { error: toErrorReport(error) });
    }
  }

  /** The figures of the database and the switches. When they can't be had the old ones stay, and an alert says that they are old. */
  async #tryRefresh(): Promise<void> {
    const { flow, log } = this.#options;
    if (this.#state === 'stopped') return;
    try {
      [this.#figures, this.#switches] = await Promise.all([
        this.#queries.channelFigures(),
        flow.writer.perform('switches'),
      ]);
      this.#silentLooks = 0;
      this.#board.clear('status-old', 'status');
    } catch (error) {
      const report = toErrorReport(error);
      if (this.#silentLooks === 0) log.warn('the database’s figures could not be read', { error: report });
      this.#board.raise({
        code: 'status-old',
        level: 'warn',
        place: 'status',
        message: `backlog figures and switches are not up to date: ${report.message}`,
        hint: report.hint,
      });
      if (++this.#silentLooks % SILENT_LOOKS_MAX === 0) await this.#reopenQueries();
    }
    this.#status = undefined;
  }

  /** The thread that answers questions is gone or hangs; nothing depends on it but what operators see. */
  async #reopenQueries(): Promise<void> {
    const { openQueries, log } = this.#options;
    const old = this.#queries;
    try {
      this.#queries = await openQueries();
      await old.close();
      log.warn('the thread that answers questions was started anew');
    } catch (error) {
      log.error('the thread that answers questions could not be started anew', {
        error: toErrorReport(error),
      });
    }
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

  /** Tells everybody who follows the stream. */
  publish(event: StreamEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function errorTexts(loaded: LoadedConfig): string[] {
  return plainProblems(loaded.problems)
    .filter((problem) => problem.severity === 'error')
    .map(({ line, column, message }) => (line > 0 ? `line ${line}, column ${column}: ${message}` : message));
}

function refusalTexts(change: ConfigChange): string[] {
  return change.refused.map(({ kind, name, reason, hint }) => `${kind} ${name}: ${reason}. ${hint}`);
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
