/** One running source: started, supervised, stopped. A source supervises itself; this is the fence behind it. */
import { toErrorReport, type ErrorReport } from '../../shared/errors.ts';
import type { Source } from '../sources/source.ts';
import type { Clock, Random } from '../telemetry/clock.ts';
import { RateMeter } from '../telemetry/rate-meter.ts';
import type { EngineSourceHost } from './source-host.ts';

const RESTART_FIRST_MS = 1_000;
const RESTART_MAX_MS = 60_000;
const HEALTHY_MS = 120_000;

export interface SourceRunnerOptions {
  readonly name: string;
  readonly host: EngineSourceHost;
  /** Makes a fresh source; called again after one that failed. */
  readonly create: () => Source;
  readonly clock: Clock;
  readonly random: Random;
  readonly onFailed: (name: string, error: ErrorReport, nextTryMs: number) => void;
}

export class SourceRunner {
  readonly name: string;
  readonly host: EngineSourceHost;
  readonly eventRate = new RateMeter();
  readonly byteRate = new RateMeter();
  readonly #options: SourceRunnerOptions;
  readonly #stop = new AbortController();
  #source: Source;
  #isNewNeeded = false;
  #failure: { readonly error: ErrorReport; readonly nextTryMs: number } | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: SourceRunnerOptions) {
    this.name = options.name;
    this.host = options.host;
    this.#options = options;
    this.#source = options.create();
  }

  get source(): Source {
    return this.#source;
  }

  /** Why no source runs now, and when the next is started. */
  get failure(): { readonly error: ErrorReport; readonly nextTryMs: number } | undefined {
    return this.#failure;
  }

  start(): void {
    this.#running = this.#supervise();
  }

  /** Ends the source; resolves when its last delivery and commit are done or given up. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the source is stopping'));
    await this.#running;
  }

  async #supervise(): Promise<void> {
    const { clock, random, onFailed } = this.#options;
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const startedMs = clock.steadyMs();
      const error = await this.#runOnce();
      if (error === undefined || this.#stop.signal.aborted) return;
      failures = clock.steadyMs() - startedMs > HEALTHY_MS ? 1 : failures + 1;
      const waitMs = Math.round(random() * Math.min(RESTART_MAX_MS, RESTART_FIRST_MS * 2 ** (failures - 1)));
      this.#failure = { error, nextTryMs: clock.nowMs() + waitMs };
      onFailed(this.name, error, this.#failure.nextTryMs);
      try {
        await clock.sleep(waitMs, this.#stop.signal);
      } catch (reason) {
        if (!this.#stop.signal.aborted) throw reason;
        return;
      }
      this.#failure = undefined;
      this.#isNewNeeded = true;
    }
  }

  async #runOnce(): Promise<ErrorReport | undefined> {
    try {
      // Making it may fail too (a certificate file that is gone): that is a failure like any other, told and tried again.
      if (this.#isNewNeeded) this.#source = this.#options.create();
      this.#isNewNeeded = false;
      await this.#source.run(this.#stop.signal);
      // A source runs until it is told to stop; one that just ended would be a silent stop.
      return this.#stop.signal.aborted ? undefined : toErrorReport(new Error('the source ended by itself'));
    } catch (error) {
      return toErrorReport(error);
    }
  }
}
