/** One running source: started, supervised, stopped. A source supervises itself; this is the fence behind it. */
import { toErrorReport, type ErrorReport, type GatewayError } from '../../shared/errors.ts';
import type { Source } from '../sources/source.ts';
import type { Clock, Random } from '../telemetry/clock.ts';
import { RateMeter } from '../telemetry/rate-meter.ts';
import type { EngineSourceHost } from './source-host.ts';

const RESTART_FIRST_MS = 1_000;
const RESTART_MAX_MS = 60_000;
const HEALTHY_MS = 120_000;
/** A source that was ended because it hung may finish in order for so long; then it is left behind. */
const LEFT_BEHIND_MS = 10_000;

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
  #endRun: ((why: GatewayError) => void) | undefined;
  /** Who waits for a sign of life, and what the source had done when he began to. */
  #moves: { readonly from: number; readonly go: () => void }[] = [];

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

  /** Resolves when the source has asked for events and got an answer, also a refusal; at once when it need not ask now. `look` is what finds it out. */
  progress(): Promise<void> {
    const from = this.#steps();
    if (from === undefined) return Promise.resolve();
    return new Promise((go) => this.#moves.push({ from, go }));
  }

  look(): void {
    const now = this.#steps();
    this.#moves = this.#moves.filter(({ from, go }) => {
      if (from === now) return true;
      go();
      return false;
    });
  }

  /**
   * Ends a source that hangs; another one is begun as after any failure. One that does not even end is left behind: what it might still deliver
   * the store refuses, for its tenures are not current any more.
   */
  endSource(why: GatewayError): void {
    this.#endRun?.(why);
  }

  /** Undefined: it does not run, waits for something that it names, or has nothing to ask for. */
  #steps(): number | undefined {
    if (this.#endRun === undefined || this.#failure !== undefined) return undefined;
    const { state, cause, partitions, counters } = this.#source.status();
    if ((state !== 'flowing' && state !== 'idle') || cause !== undefined || partitions.length === 0)
      return undefined;
    const { pulls, emptyPulls, failedPulls, repulls } = counters;
    return pulls + emptyPulls + failedPulls + repulls;
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
      const ended = await this.#runUntilEnded(this.#source);
      if (ended !== undefined) return toErrorReport(ended);
      // A source runs until it is told to stop; one that just ended would be a silent stop.
      return this.#stop.signal.aborted ? undefined : toErrorReport(new Error('the source ended by itself'));
    } catch (error) {
      return toErrorReport(error);
    }
  }

  /** Why it was ended by the watchdog; undefined: it was not. */
  async #runUntilEnded(source: Source): Promise<GatewayError | undefined> {
    const isOver = new AbortController();
    const isLate = new AbortController();
    const leftBehind = Promise.withResolvers<void>();
    let ended: GatewayError | undefined;
    this.#endRun = (why) => {
      if (ended !== undefined) return;
      ended = why;
      isOver.abort(why);
      this.#options.clock.sleep(LEFT_BEHIND_MS, isLate.signal).then(leftBehind.resolve, leftBehind.resolve);
    };
    const running = source.run(AbortSignal.any([this.#stop.signal, isOver.signal]));
    try {
      // How one ends that was left behind nobody needs to know; the race hears it and keeps it.
      await Promise.race([running, leftBehind.promise]);
    } catch (error) {
      if (ended === undefined) throw error;
    } finally {
      this.#endRun = undefined;
      isLate.abort();
      this.look();
    }
    return ended;
  }
}
