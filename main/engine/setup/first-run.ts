/**
 * A process that begins without a configuration and goes on as the engine when there is one: same process, same socket. If the engine
 * can't start with what was applied (a port that is taken, a certificate that is gone), the setup is back and says why, and the file can be
 * mended there.
 */
import type { EngineApi } from '../../control/engine-api.ts';
import { startControlServer } from '../../control/control-server.ts';
import { openStateDirectory } from '../../channel/state-directory.ts';
import type { LoadedConfig } from '../../config/config-file.ts';
import { toErrorReport } from '../../../shared/errors.ts';
import { startEngine, type EngineOptions, type RunningEngine } from '../engine.ts';
import { SetupEngine, type SetupOptions } from './setup-engine.ts';

export interface FirstRunOptions extends SetupOptions {
  /** What the engine gets besides its configuration. */
  readonly engine?: Pick<EngineOptions, 'acceptReplay' | 'random'>;
}

/** Throws what keeps the setup from starting: `state-dir-locked`, `state-dir-unusable`. */
export async function startFirstRun(options: FirstRunOptions): Promise<RunningEngine> {
  const first = new FirstRun(options);
  await first.start();
  return first;
}

class FirstRun implements RunningEngine {
  readonly ended: Promise<Error | undefined>;
  readonly #options: FirstRunOptions;
  readonly #end = Promise.withResolvers<Error | undefined>();
  #setup: SetupEngine | undefined;
  #engine: RunningEngine | undefined;
  #socketPath = '';
  #running: Promise<void> | undefined;
  #stopDrainMs: number | undefined;

  constructor(options: FirstRunOptions) {
    this.#options = options;
    this.ended = this.#end.promise;
  }

  get socketPath(): string {
    return this.#socketPath;
  }

  get api(): EngineApi {
    const part = this.#engine ?? this.#setup;
    if (part === undefined) throw new Error('the first run is not started');
    return part.api;
  }

  async start(): Promise<void> {
    await this.#openSetup();
    this.#running = this.#run();
  }

  async stop(drainLimitMs: number): Promise<void> {
    this.#stopDrainMs ??= drainLimitMs;
    await this.#setup?.close();
    await this.#engine?.stop(drainLimitMs);
    await this.#running;
  }

  async #openSetup(fault?: unknown): Promise<void> {
    const onStop = (): void => void this.stop(0);
    this.#setup = await SetupEngine.start(this.#options, { fault, onStop });
    this.#socketPath = this.#setup.socketPath;
  }

  async #run(): Promise<void> {
    try {
      this.#end.resolve(await this.#untilEnded());
    } catch (error) {
      this.#end.resolve(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #untilEnded(): Promise<Error | undefined> {
    for (;;) {
      const loaded = await this.#setup?.applied;
      await this.#setup?.close();
      if (loaded === undefined || this.#stopDrainMs !== undefined) return undefined;
      try {
        await this.#startEngine(loaded);
      } catch (error) {
        this.#options.log.error('the engine could not start with the new configuration', {
          error: toErrorReport(error),
        });
        await this.#openSetup(error);
        continue;
      }
      return this.#engineEnded();
    }
  }

  async #startEngine(loaded: LoadedConfig): Promise<void> {
    const { log, clock, engine } = this.#options;
    this.#engine = await startEngine({ loaded, log, clock, ...engine });
    // Asked while it was starting.
    if (this.#stopDrainMs !== undefined) await this.#engine.stop(this.#stopDrainMs);
  }

  /** Whoever found the setup finds the engine in the same place, also when the engine's own is another. */
  async #engineEnded(): Promise<Error | undefined> {
    const engine = this.#engine;
    if (engine === undefined) return undefined;
    if (engine.socketPath === this.#socketPath) return engine.ended;
    const alias = await this.#openAlias(engine);
    try {
      return await engine.ended;
    } finally {
      await alias?.close();
    }
  }

  async #openAlias(engine: RunningEngine): Promise<{ close(): Promise<void> } | undefined> {
    const { stateDir, log, clock } = this.#options;
    const directory = openStateDirectory(stateDir, clock.nowMs());
    try {
      const server = await startControlServer(this.#socketPath, engine.api, log);
      return {
        close: async () => {
          await server.close();
          directory.close();
        },
      };
    } catch (error) {
      directory.close();
      // The engine runs and is found by its own directory: no reason to end it.
      log.warn('the engine is not reachable where the setup was', {
        place: this.#socketPath,
        error: toErrorReport(error),
      });
      return undefined;
    }
  }
}
