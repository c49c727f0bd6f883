/**
 * The engine without a configuration: it holds its state directory, answers on its socket (and console), and offers just what a first
 * configuration takes. There is no channel and no flow, so nothing of it can lose an event.
 */
import {
  procedures,
  CONTRACT_VERSION,
  type Output,
  type StreamEvent,
} from '../../../shared/contract/control.ts';
import type { EngineStatus } from '../../../shared/contract/control-status.ts';
import { toErrorReport } from '../../../shared/errors.ts';
import { SECOND_MS } from '../../../shared/units.ts';
import packageFacts from '../../../package.json' with { type: 'json' };
import { openStateDirectory, type StateDirectory } from '../../channel/state-directory.ts';
import type { LoadedConfig } from '../../config/config-file.ts';
import { startConsoleServer } from '../../control/console-server.ts';
import { startControlServer } from '../../control/control-server.ts';
import type { EngineApi } from '../../control/engine-api.ts';
import { controlSocketPath } from '../../control/socket-path.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { DoctorDesk } from '../desks/doctor-desk.ts';
import { JobDesk } from '../desks/job-desk.ts';
import { trialConfigsOf } from '../desks/trial-config.ts';
import { WhatIfDesk } from '../desks/what-if-desk.ts';
import { SetupConfigDesk, setupNeeded } from './setup-config-desk.ts';
import type { ListenAddress } from './setup-template.ts';

/** As often as an engine that runs: who follows knows that it lives. */
const TELL_INTERVAL_MS = SECOND_MS;

export interface SetupOptions {
  readonly configFile: string;
  /** Where it listens; a configuration may name another for the engine. */
  readonly stateDir: string;
  readonly console: ListenAddress | undefined;
  readonly log: Logger;
  readonly clock: Clock;
}

interface Closable {
  close(): Promise<void> | void;
}

export class SetupEngine {
  readonly socketPath: string;
  readonly api: EngineApi;
  /** Resolves when a configuration has been applied and its file is there; undefined: closed without one. */
  readonly applied: Promise<LoadedConfig | undefined>;
  readonly #options: SetupOptions;
  readonly #directory: StateDirectory;
  readonly #applied = Promise.withResolvers<LoadedConfig | undefined>();
  readonly #listeners = new Set<(event: StreamEvent) => void>();
  readonly #startedMs: number;
  readonly #problems: readonly string[];
  readonly #onStop: () => void;
  /** In the order of their opening. */
  readonly #open: Closable[] = [];
  readonly #jobs: JobDesk;
  #closing: Promise<void> | undefined;

  private constructor(
    options: SetupOptions,
    directory: StateDirectory,
    more: { readonly fault: unknown; readonly onStop: () => void },
  ) {
    const { configFile, clock, log } = options;
    this.#options = options;
    this.#directory = directory;
    this.#open.push(directory);
    this.#startedMs = clock.nowMs();
    this.#onStop = more.onStop;
    this.#problems = more.fault === undefined ? [] : [faultText(more.fault)];
    this.socketPath = controlSocketPath(directory.path);
    this.applied = this.#applied.promise;
    const publish = (job: Output<'jobs'>['jobs'][number]): void => this.#publish({ type: 'job', job });
    this.#jobs = new JobDesk({ stateDir: directory.path, clock, log, publish });
    const configs = trialConfigsOf(
      () => configFile,
      () => undefined,
    );
    const { jobs, jobCancel, jobFile } = this.#jobs;
    this.api = {
      ...nothingYet(),
      ...new WhatIfDesk({ jobs: this.#jobs, configs, stateDir: undefined }),
      ...new DoctorDesk({ jobs: this.#jobs, configs, clock, pausedSinks: async () => new Set() }),
      ...new SetupConfigDesk({
        ...options,
        stateDir: directory.path,
        onApplied: (loaded) => setImmediate(() => this.#applied.resolve(loaded)),
      }),
      ...{ jobs, jobCancel, jobFile },
      status: async () => this.#status(),
      // After the answer is on its way: the socket closes with it.
      stop: async () => {
        setImmediate(() => this.#onStop());
        return {};
      },
      subscribe: this.#subscribe,
    };
  }

  /**
   * Opens everything, or throws and leaves nothing behind: `state-dir-locked`, `state-dir-unusable`. `fault`: why an engine with the
   * configuration that was applied could not start. `onStop` is called when a client asks it to stop.
   */
  static async start(
    options: SetupOptions,
    more: { readonly fault?: unknown; readonly onStop: () => void },
  ): Promise<SetupEngine> {
    const directory = openStateDirectory(options.stateDir, options.clock.nowMs());
    const setup = new SetupEngine(options, directory, { fault: undefined, ...more });
    try {
      await setup.#openParts();
    } catch (error) {
      await setup.close();
      throw error;
    }
    return setup;
  }

  async #openParts(): Promise<void> {
    const { console, log, clock, configFile } = this.#options;
    const { path: stateDir } = this.#directory;
    await this.#jobs.open();
    this.#open.push(this.#jobs, await startControlServer(this.socketPath, this.api, log));
    if (console !== undefined)
      this.#open.push(await startConsoleServer({ listen: console, stateDir, api: this.api, log, clock }));
    const timer = setInterval(() => this.#publish(this.#statusEvent()), TELL_INTERVAL_MS);
    this.#open.push({ close: () => clearInterval(timer) });
    log.info('there is no configuration yet: waiting for the first-run wizard', { configFile, stateDir });
  }

  /** Every part is closed, also after one that failed to. */
  close(): Promise<void> {
    this.#closing ??= this.#closeInOrder();
    return this.#closing;
  }

  async #closeInOrder(): Promise<void> {
    for (const part of this.#open.reverse()) {
      try {
        await part.close();
      } catch (error) {
        this.#options.log.error('a part of the setup could not be closed in order', {
          error: toErrorReport(error),
        });
      }
    }
    this.#applied.resolve(undefined);
  }

  readonly #subscribe = (listener: (event: StreamEvent) => void): (() => void) => {
    this.#listeners.add(listener);
    listener(this.#statusEvent());
    return () => this.#listeners.delete(listener);
  };

  #publish(event: StreamEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #statusEvent(): StreamEvent {
    return { type: 'status', status: this.#status() };
  }

  #status(): EngineStatus {
    const { identity, path } = this.#directory;
    return {
      contract: CONTRACT_VERSION,
      version: packageFacts.version,
      pid: process.pid,
      gateway: '',
      stateId: identity.stateId,
      stateDir: path,
      state: 'setup',
      startedMs: this.#startedMs,
      nowMs: this.#options.clock.nowMs(),
      configVersion: 0,
      configFile: this.#options.configFile,
      configProblems: [...this.#problems],
      memoryBytes: process.memoryUsage.rss(),
      sources: [],
      channels: [],
      sinks: [],
      alerts: [],
    };
  }
}

function faultText(fault: unknown): string {
  const { place, message, hint } = toErrorReport(fault);
  return [place, message, hint].filter((part) => part !== '').join(': ');
}

/** Every call of the contract, each refused with the way out. */
function nothingYet(): EngineApi {
  const calls = Object.keys(procedures).map((name) => [
    name,
    (): Promise<never> => Promise.reject(setupNeeded(name)),
  ]);
  return {
    ...(Object.fromEntries(calls) as EngineApi),
    prometheusMetrics: () => Promise.reject(setupNeeded('metrics')),
    flumeMetrics: () => ({}),
  };
}
