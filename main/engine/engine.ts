/**
 * The engine: from a configuration to running sources, channel, landing workers and control API, and back down in order.
 *
 * Order of starting: lock of the state directory, writer, query thread, landing workers, control socket, sources. So operators can
 * ask from the first moment on, and nothing is pulled before there is a place for it. Stopping goes the other way: sources first
 * (their last commits need the writer), then landing, then the writer. Every step may be cut off by SIGKILL: whatever is not in the
 * database then did not happen.
 */
import { hostname } from 'node:os';
import type { LoadedConfig } from '../config/config-file.ts';
import { usableConfig } from '../config/config-file.ts';
import { ConfigStore } from '../config/config-store.ts';
import { watchConfig } from '../config/config-watch.ts';
import type { EngineApi } from '../control/engine-api.ts';
import { controlSocketPath } from '../control/socket-path.ts';
import { startControlServer, type ControlServer } from '../control/control-server.ts';
import { openStateDirectory, type StateDirectory } from '../channel/state-directory.ts';
import { systemClock, type Clock, type Random } from '../telemetry/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import { toErrorReport } from '../../shared/errors.ts';
import { EngineControl } from './engine-control.ts';
import { startWriter } from './engine-parts.ts';
import { Flow } from './flow.ts';
import { startMetricsServer, type MetricsServer } from './metrics-server.ts';
import { startQueries } from './query-link.ts';

export interface EngineOptions {
  readonly loaded: LoadedConfig;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface RunningEngine {
  readonly api: EngineApi;
  /** Where it listens. */
  readonly socketPath: string;
  /** Ends intake, lets running uploads finish within the limit, and closes everything. */
  stop(drainLimitMs: number): Promise<void>;
  /** Resolves when the engine has ended: with an error when something failed that it can't live without. */
  readonly ended: Promise<Error | undefined>;
}

export async function startEngine(options: EngineOptions): Promise<RunningEngine> {
  const { loaded, log, clock = systemClock, random = Math.random } = options;
  const config = usableConfig(loaded);
  const directory = openStateDirectory(config.gateway.stateDir, clock.nowMs());
  try {
    const engine = new HeadlessEngine({ loaded, log, clock, random }, directory);
    await engine.start();
    return engine;
  } catch (error) {
    directory.close();
    throw error;
  }
}

class HeadlessEngine implements RunningEngine {
  readonly socketPath: string;
  readonly ended: Promise<Error | undefined>;
  readonly #options: Required<EngineOptions>;
  readonly #directory: StateDirectory;
  readonly #watching = new AbortController();
  readonly #end = Promise.withResolvers<Error | undefined>();
  #flow: Flow | undefined;
  #control: EngineControl | undefined;
  #server: ControlServer | undefined;
  #metrics: MetricsServer | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: Required<EngineOptions>, directory: StateDirectory) {
    this.#options = options;
    this.#directory = directory;
    this.socketPath = controlSocketPath(directory.path);
    this.ended = this.#end.promise;
  }

  get api(): EngineApi {
    if (this.#control === undefined) throw new Error('the engine is not started');
    return this.#control;
  }

  async start(): Promise<void> {
    const { loaded, log, clock, random } = this.#options;
    const config = usableConfig(loaded);
    const writer = await startWriter(config, this.#directory);
    void writer.ended.then((error) => this.#fail(error));
    const history = new ConfigStore(this.#directory.path);
    const version = await history.record({
      text: loaded.text,
      by: `file on ${hostname()}`,
      nowMs: clock.nowMs(),
    });
    const flow = new Flow({
      config,
      configVersion: version.number,
      directory: this.#directory,
      writer,
      log,
      clock,
      random,
    });
    this.#flow = flow;
    await flow.prepare();
    const queries = await startQueries({
      stateDir: this.#directory.path,
      gatewayId: config.gateway.id,
      targets: () => flow.targets,
      clock,
    });
    this.#control = new EngineControl({
      loaded,
      flow,
      queries,
      history,
      log,
      clock,
      stop: (drainMs) => void this.stop(drainMs),
    });
    this.#server = await startControlServer(this.socketPath, this.#control);
    if (config.metrics !== undefined)
      this.#metrics = await startMetricsServer(config.metrics.listen, this.#control, log);
    this.#control.start();
    flow.start();
    this.#watch();
    log.info('engine started', {
      gateway: config.gateway.id,
      stateId: this.#directory.identity.stateId,
      stateDir: this.#directory.path,
      configVersion: version.number,
    });
  }

  stop(drainLimitMs: number): Promise<void> {
    this.#stopping ??= this.#stopInOrder(drainLimitMs);
    return this.#stopping;
  }

  async #stopInOrder(drainLimitMs: number): Promise<void> {
    const { log } = this.#options;
    log.info('engine stopping', { drainLimitMs });
    this.#watching.abort();
    this.#control?.draining();
    try {
      await this.#flow?.stop(drainLimitMs);
      await this.#control?.close();
      await this.#metrics?.close();
      await this.#server?.close();
      await this.#flow?.writer.close();
      log.info('engine stopped');
      this.#end.resolve(undefined);
    } catch (error) {
      this.#end.resolve(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#directory.close();
    }
  }

  /** What the engine can't live without has failed: it ends, and the service manager starts it again. */
  #fail(error: unknown): void {
    if (this.#stopping !== undefined) return;
    this.#options.log.error('the channel writer failed; the engine ends', { error: toErrorReport(error) });
    this.#end.resolve(error instanceof Error ? error : new Error('the channel writer ended'));
  }

  #watch(): void {
    const { loaded, log } = this.#options;
    watchConfig({
      path: loaded.path,
      current: loaded,
      signal: this.#watching.signal,
      onChange: (fresh) => {
        this.#control
          ?.configChanged(fresh)
          .catch((error: unknown) =>
            log.error('the new configuration could not be applied', { error: toErrorReport(error) }),
          );
      },
      onFault: (error) =>
        log.warn('the configuration file can’t be watched', { error: toErrorReport(error) }),
    });
  }
}
