/**
 * The engine: from a configuration to running sources, channel, landing workers and control API, and back down in order.
 *
 * Order of starting: lock of the state directory, writer, query thread, landing workers, control socket, sources. So operators can
 * ask from the first moment on, and nothing is pulled before there is a place for it. Stopping goes the other way: sources first
 * (their last commits need the writer), then landing, then the writer. Every step may be cut off by SIGKILL: whatever is not in the
 * database then did not happen.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { LoadedConfig } from '../config/config-file.ts';
import { usableConfig } from '../config/config-file.ts';
import { ConfigStore } from '../config/config-store.ts';
import { watchConfig, type ConfigWatch } from '../config/config-watch.ts';
import type { EngineApi } from '../control/engine-api.ts';
import { controlSocketPath } from '../control/socket-path.ts';
import { startControlServer, type ControlServer } from '../control/control-server.ts';
import type { ConsoleServer } from '../control/console-server.ts';
import { refuseUnfinishedRecovery } from '../channel/recovery-note.ts';
import { openStateDirectory, type StateDirectory } from '../channel/state-directory.ts';
import type { WriterClient } from '../channel/writer-client.ts';
import type { ReplayWord } from '../sources/kafka/kafka-source-settings.ts';
import { systemClock, type Clock, type Random } from '../telemetry/clock.ts';
import { listenedLogger, type Logger } from '../telemetry/logger.ts';
import { LogBook } from '../telemetry/log-book.ts';
import { toErrorReport } from '../../shared/errors.ts';
import type { Job } from '../../shared/contract/control-job.ts';
import { AuditJobs } from './audit-jobs.ts';
import { refuseOrphans } from './config-at-start.ts';
import { openDesks, type OpenDesks } from './desks/desks.ts';
import { EngineControl } from './engine-control.ts';
import { startEngineConsole } from './engine-console.ts';
import type { EngineQueries } from './engine-queries.ts';
import { startWriter } from './engine-parts.ts';
import { CompletenessKeeper } from './completeness/completeness-keeper.ts';
import { FleetKeeper } from './fleet/fleet-keeper.ts';
import { Flow } from './flow.ts';
import { HistoryKeeper } from './history-keeper.ts';
import { startMetricsServer, type MetricsServer } from './metrics-server.ts';
import { startQueries } from './query-link.ts';
import { endHung, engineParts } from './supervision/engine-watch.ts';
import { Watchdog, WATCH_LIMITS, type WatchLimits } from './supervision/watchdog.ts';

export interface EngineOptions {
  readonly loaded: LoadedConfig;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  /**
   * Where partitions go on that are held because somebody moved the group's offset: at the position of the state directory, or
   * where the broker says, even back. It counts once for each partition, for this run alone.
   */
  readonly acceptReplay?: ReplayChoice | undefined;
  /** When a part that does nothing is told of and ended; tests are in more of a hurry. */
  readonly watch?: WatchLimits;
}

export type ReplayChoice = ReplayWord['choice'];

export interface RunningEngine {
  readonly api: EngineApi;
  /** Where it listens. */
  readonly socketPath: string;
  /** Ends intake, lets running uploads finish within the limit, and closes everything. */
  stop(drainLimitMs: number): Promise<void>;
  /** Resolves when the engine has ended: with an error when something failed that it can't live without. */
  readonly ended: Promise<Error | undefined>;
}

/**
 * Starts everything, or throws and leaves nothing behind: `state-dir-locked`, `state-dir-newer`, `database-damaged` and the like,
 * and what a configuration that can't work throws. Servers that can't be reached are no reason not to start.
 */
export async function startEngine(options: EngineOptions): Promise<RunningEngine> {
  const { loaded, clock = systemClock, random = Math.random, acceptReplay, watch = WATCH_LIMITS } = options;
  const book = new LogBook(clock.nowMs());
  const log = listenedLogger(options.log, () => clock.nowMs(), book.take);
  const config = usableConfig(loaded);
  refuseUnfinishedRecovery(config.gateway.stateDir);
  const directory = openStateDirectory(config.gateway.stateDir, clock.nowMs());
  const engine = new HeadlessEngine({ loaded, log, clock, random, acceptReplay, watch }, { directory, book });
  await engine.start();
  return engine;
}

class HeadlessEngine implements RunningEngine {
  readonly socketPath: string;
  readonly ended: Promise<Error | undefined>;
  readonly #options: Required<EngineOptions>;
  readonly #directory: StateDirectory;
  readonly #book: LogBook;
  readonly #watching = new AbortController();
  readonly #end = Promise.withResolvers<Error | undefined>();
  #writer: WriterClient | undefined;
  #flow: Flow | undefined;
  #queries: EngineQueries | undefined;
  #keeper: HistoryKeeper | undefined;
  #control: EngineControl | undefined;
  #fleet: FleetKeeper | undefined;
  #completeness: CompletenessKeeper | undefined;
  #desks: OpenDesks | undefined;
  #server: ControlServer | undefined;
  #console: ConsoleServer | undefined;
  #metrics: MetricsServer | undefined;
  #watch: ConfigWatch | undefined;
  #watchdog: Watchdog | undefined;
  #isWriterClosing = false;
  #failure: Error | undefined;
  #stopping: Promise<void> | undefined;

  constructor(
    options: Required<EngineOptions>,
    { directory, book }: { readonly directory: StateDirectory; readonly book: LogBook },
  ) {
    this.#options = options;
    this.#directory = directory;
    this.#book = book;
    this.socketPath = controlSocketPath(directory.path);
    this.ended = this.#end.promise;
  }

  get api(): EngineApi {
    if (this.#desks === undefined) throw new Error('the engine is not started');
    return this.#desks.api;
  }

  async start(): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#startParts();
    } catch (error) {
      // Threads and sockets that were opened already would keep the process alive, and the directory locked.
      this.#stopping ??= this.#stopInOrder(0);
      await this.#stopping;
      throw error;
    }
    const { gateway } = usableConfig(this.#options.loaded);
    log.info('engine started', {
      gateway: gateway.id,
      stateId: this.#directory.identity.stateId,
      stateDir: this.#directory.path,
      configVersion: this.#flow?.configVersion,
    });
  }

  async #startParts(): Promise<void> {
    const { loaded, log, clock, random, acceptReplay } = this.#options;
    const config = usableConfig(loaded);
    const writer = (this.#writer = await startWriter(config, this.#directory));
    void writer.ended.then((error) => this.#writerEnded(error));
    const history = new ConfigStore(this.#directory.path);
    await refuseOrphans({ loaded, config, history, holdings: () => writer.perform('holdings') });
    const by = `file on ${hostname()}`;
    const version = await history.record({ text: loaded.text, by, nowMs: clock.nowMs() });
    const parts = { config, configVersion: version.number, directory: this.#directory, writer };
    const flow = (this.#flow = new Flow({
      ...parts,
      log,
      clock,
      random,
      acceptReplay: replayWord(acceptReplay),
    }));
    await flow.prepare();
    const completeness = (this.#completeness = new CompletenessKeeper({
      ...{ writer, clock, log, gatewayId: config.gateway.id, stateId: flow.stateId },
      config: () => flow.config,
      sourceStatus: (name) => flow.sources.get(name)?.source.status(),
      fleetView: (sink) => this.#fleet?.views.find((view) => view.sink === sink),
    }));
    await completeness.prepare();
    const publish = (job: Job) => this.#control?.publish({ type: 'job', job });
    const audits = new AuditJobs(publish, (isRaised, alert) => this.#control?.setAlert(isRaised, alert));
    const openQueries = () =>
      startQueries({
        stateDir: this.#directory.path,
        gatewayId: config.gateway.id,
        connectWriter: () => writer.connectPort(),
        targets: () => flow.targets,
        clock,
        onAudit: (news) => audits.take(news),
      });
    const queries = (this.#queries = await openQueries());
    const stop = (drainMs: number) => void this.stop(drainMs);
    const keeper = (this.#keeper = await HistoryKeeper.open({ stateDir: this.#directory.path, clock, log }));
    const control = new EngineControl({
      ...{ loaded, flow, queries, openQueries, history, keeper, log, clock, stop },
      completeness: () => completeness.rows,
    });
    this.#control = control;
    this.#book.listener = control.tellLog;
    const fleet = (this.#fleet = new FleetKeeper({
      ...{ flow, clock, random },
      queries: () => control.queries,
      setAlert: (isRaised, alert) => control.setAlert(isRaised, alert),
    }));
    const desks = (this.#desks = await openDesks({
      ...{ control, flow, keeper, fleet, audits, book: this.#book, config: () => flow.config },
      stateDir: this.#directory.path,
      log,
      clock,
      random,
      publish,
    }));
    // Before the socket: whoever is answered there finds the console's address noted.
    const common = { stateDir: this.#directory.path, api: desks.api, log, clock };
    this.#console = await startEngineConsole(config.console, { ...common, control });
    this.#server = await startControlServer(this.socketPath, desks.api, log);
    if (config.metrics !== undefined)
      this.#metrics = await startMetricsServer(config.metrics.listen, desks.api, log);
    control.start();
    flow.start();
    fleet.start();
    completeness.start();
    this.#watch = this.#watchConfig(control);
    this.#watchdog = this.#watchParts(flow, control);
  }

  #watchParts(flow: Flow, control: EngineControl): Watchdog {
    const { watch, clock, log } = this.#options;
    const watchdog = new Watchdog({
      parts: () => {
        const { writer, landings, sources } = flow;
        return engineParts({ writer, landings, sources, queries: control.queries }, watch);
      },
      limits: watch,
      setAlert: (isRaised, alert) => control.setAlert(isRaised, alert),
      ...{ clock, log },
    });
    watchdog.start();
    return watchdog;
  }

  stop(drainLimitMs: number): Promise<void> {
    this.#stopping ??= this.#stopInOrder(drainLimitMs);
    return this.#stopping;
  }

  /** Every step is made, also after one that failed; the first failure is what `ended` tells. */
  async #stopInOrder(drainLimitMs: number): Promise<void> {
    const { log } = this.#options;
    log.info('engine stopping', { drainLimitMs });
    this.#watching.abort();
    // What is being stopped need not answer.
    this.#watchdog?.close();
    this.#control?.draining();
    endHung(this.#control?.queries ?? this.#queries);
    const steps: (() => Promise<void> | undefined)[] = [
      () => this.#watch?.closed,
      () => this.#desks?.close(),
      () => this.#flow?.stop(drainLimitMs),
      () => this.#completeness?.close(),
      () => this.#fleet?.close(),
      () => (this.#control === undefined ? this.#queries?.close() : this.#control.close()),
      () => this.#keeper?.close(),
      () => this.#metrics?.close(),
      () => this.#console?.close(),
      () => this.#server?.close(),
      () => {
        this.#isWriterClosing = true;
        return this.#writer?.close();
      },
      async () => this.#directory.close(),
    ];
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
        log.error('a part could not be stopped in order', { error: toErrorReport(error) });
      }
    }
    if (this.#failure === undefined) log.info('engine stopped');
    this.#end.resolve(this.#failure);
  }

  /** The engine can't live without its writer: it ends, and the service manager starts it again. */
  #writerEnded(error: Error): void {
    if (this.#isWriterClosing) return;
    this.#failure ??= error;
    this.#options.log.error('the channel writer ended; the engine ends too', { error: toErrorReport(error) });
    // Whoever runs the engine may end the process at once; if it lives on, nothing of this engine does.
    this.#end.resolve(error);
    void this.stop(0);
  }

  #watchConfig(control: EngineControl): ConfigWatch {
    const { loaded, log } = this.#options;
    return watchConfig({
      path: loaded.path,
      current: loaded,
      running: () => control.applier.loaded,
      signal: this.#watching.signal,
      onChange: (fresh) => void control.configChanged(fresh),
      onFault: (error) =>
        log.warn('the configuration file can’t be watched', { error: toErrorReport(error) }),
    });
  }
}

/** A word of its own for each run, so that what it answered once it does not answer again after a restart without it. */
function replayWord(choice: ReplayChoice | undefined): ReplayWord | undefined {
  return choice === undefined ? undefined : { choice, word: randomUUID() };
}
