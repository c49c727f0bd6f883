/**
 * The main thread's end of a landing worker: starts it, passes orders, keeps its last status, and starts it again with backoff when
 * it dies. A plan is durable before anything happens at the target, so a worker that died goes on where the database says.
 */
import { Worker } from 'node:worker_threads';
import { isGatewayError, toErrorReport, type ErrorReport, type GatewayError } from '../../shared/errors.ts';
import type { WriterClient } from '../channel/writer-client.ts';
import type { KeyStanding } from '../landing/key-standing.ts';
import type { FileStatus, LanderStatus, LandingEvent } from '../landing/lander-status.ts';
import type { Clock, Random } from '../telemetry/clock.ts';
import type { FromLander, LandingWorkerData, ToLander } from './landing-messages.ts';
import type { SinkSettings } from './sink-mapping.ts';

const RESTART_FIRST_MS = 1_000;
const RESTART_MAX_MS = 60_000;
/** A worker that lived so long starts its backoff anew. */
const HEALTHY_MS = 120_000;
/** Beyond the drain limit a worker that does not answer is ended; everything it did is in the database. */
const STOP_GRACE_MS = 5_000;
/** A worker that does not say in this time where keys stand is not waited for: the list is shown without. */
const STANDINGS_LIMIT_MS = 500;
/** Questions that may wait for a worker; beyond it the list is shown without an answer. */
const STANDINGS_MAX = 64;

export interface LandingLinkOptions {
  readonly settings: SinkSettings;
  readonly stateDir: string;
  readonly writer: WriterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly onEvent: (sink: string, event: LandingEvent) => void;
  readonly onDied: (sink: string, error: ErrorReport, nextTryMs: number) => void;
}

export class LandingLink {
  readonly settings: SinkSettings;
  readonly #options: LandingLinkOptions;
  readonly #stop = new AbortController();
  #worker: Worker | undefined;
  #status: LanderStatus | undefined;
  #failure: { readonly error: ErrorReport; readonly nextTryMs: number } | undefined;
  #running: Promise<void> | undefined;
  /** When the first of the failures in a row was. */
  #failingSinceMs: number | undefined;
  readonly #asked = new Map<number, (standings: readonly KeyStanding[] | undefined) => void>();
  #lastAsked = 0;
  /** Who waits for the worker's next sign of life. */
  #pongs: (() => void)[] = [];
  /** Who waits for the file that stood still to go on. */
  readonly #moves = new Set<{ readonly still: ReadonlySet<string>; readonly go: () => void }>();
  /** Why the worker is being ended by us. */
  #endedWhy: ErrorReport | undefined;
  /** Landed before the present worker began. */
  #base = { files: 0, events: 0, bytes: 0 };

  constructor(options: LandingLinkOptions) {
    this.#options = options;
    this.settings = options.settings;
  }

  start(): void {
    this.#running = this.#supervise();
  }

  get status(): LanderStatus | undefined {
    return this.#status;
  }

  /** Why there is no worker now, and when the next is started. */
  get failure(): { readonly error: ErrorReport; readonly nextTryMs: number } | undefined {
    return this.#failure;
  }

  /** Since when something due has not landed, or no worker lived long enough to land it; epoch ms. */
  get stuckSinceMs(): number | undefined {
    return this.#status?.stuckSinceMs ?? (this.#status === undefined ? this.#failingSinceMs : undefined);
  }

  /** Landed since the engine started, over all workers. */
  get landed(): { readonly files: number; readonly events: number; readonly bytes: number } {
    const now = this.#status;
    return {
      files: this.#base.files + (now?.landedFiles ?? 0),
      events: this.#base.events + (now?.landedEvents ?? 0),
      bytes: this.#base.bytes + (now?.landedBytes ?? 0),
    };
  }

  /** To the worker that runs now; one that is started later reads everything anew, so nothing is kept for it. */
  order(message: ToLander): void {
    this.#worker?.postMessage(message);
  }

  /** What each of these keys waits for; undefined: there is no worker now, or it does not answer. */
  async standings(landingKeyIds: readonly number[]): Promise<readonly KeyStanding[] | undefined> {
    if (this.#worker === undefined || this.#asked.size >= STANDINGS_MAX) return undefined;
    const id = ++this.#lastAsked;
    const { promise, resolve } = Promise.withResolvers<readonly KeyStanding[] | undefined>();
    this.#asked.set(id, resolve);
    const limit = setTimeout(() => resolve(undefined), STANDINGS_LIMIT_MS);
    this.order({ kind: 'standings', id, landingKeyIds });
    const standings = await promise;
    clearTimeout(limit);
    this.#asked.delete(id);
    return standings;
  }

  /** Resolves when the worker's thread answers, or there is none that could. */
  answer(): Promise<void> {
    if (this.#worker === undefined) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pongs.push(resolve);
    this.order({ kind: 'ping' });
    return promise;
  }

  /** Resolves when each file that is under way now has taken a step, sent bytes, failed or ended: at once when there is none. */
  progress(): Promise<void> {
    const still = new Set((this.#status?.files ?? []).flatMap((file) => mark(file)));
    if (still.size === 0) return Promise.resolve();
    return new Promise((go) => this.#moves.add({ still, go }));
  }

  /** Ends the worker's thread, wherever it stands; another one is begun as after any death. */
  endWorker(why: GatewayError): void {
    this.#endedWhy = toErrorReport(why);
    void this.#worker?.terminate();
  }

  #tellMoves(): void {
    const now = new Set((this.#status?.files ?? []).flatMap((file) => mark(file)));
    for (const waiting of this.#moves) {
      if ([...waiting.still].some((one) => now.has(one))) continue;
      this.#moves.delete(waiting);
      waiting.go();
    }
  }

  /** Lets running uploads finish within the limit, then ends the worker. */
  async stop(drainMs: number): Promise<void> {
    this.#stop.abort(new Error('the lander is stopping'));
    const worker = this.#worker;
    if (worker !== undefined) {
      this.order({ kind: 'stop', drainMs });
      const limit = setTimeout(() => void worker.terminate(), drainMs + STOP_GRACE_MS);
      await this.#running;
      clearTimeout(limit);
    }
    await this.#running;
  }

  async #supervise(): Promise<void> {
    const { clock, random, onDied } = this.#options;
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const startedMs = clock.steadyMs();
      const error = await this.#runWorker();
      this.#base = this.landed;
      this.#status = undefined;
      if (error === undefined || this.#stop.signal.aborted) return;
      failures = clock.steadyMs() - startedMs > HEALTHY_MS ? 1 : failures + 1;
      if (failures === 1) this.#failingSinceMs = clock.nowMs();
      const waitMs = Math.round(random() * Math.min(RESTART_MAX_MS, RESTART_FIRST_MS * 2 ** (failures - 1)));
      this.#failure = { error, nextTryMs: clock.nowMs() + waitMs };
      onDied(this.settings.name, error, this.#failure.nextTryMs);
      try {
        await clock.sleep(waitMs, this.#stop.signal);
      } catch (reason) {
        if (!this.#stop.signal.aborted) throw reason;
      }
      this.#failure = undefined;
    }
  }

  /** Resolves when the worker ended: undefined when it was asked to, else why it died. */
  #runWorker(): Promise<ErrorReport | undefined> {
    const port = this.#options.writer.connectPort();
    const data: LandingWorkerData = {
      settings: this.settings,
      stateDir: this.#options.stateDir,
      writer: port,
    };
    const worker = new Worker(new URL('./landing-worker.ts', import.meta.url), {
      workerData: data,
      transferList: [port],
      name: `landing ${this.settings.name}`,
    });
    this.#worker = worker;
    return new Promise((resolve) => {
      let outcome: ErrorReport | undefined;
      let isDone = false;
      worker.on('message', (message: FromLander) => {
        if (message.kind === 'status') {
          this.#status = message.status;
          this.#tellMoves();
        } else if (message.kind === 'pong') for (const tell of this.#pongs.splice(0)) tell();
        else if (message.kind === 'event') this.#options.onEvent(this.settings.name, message.event);
        else if (message.kind === 'failed') outcome = message.error;
        else if (message.kind === 'standings') this.#asked.get(message.id)?.(message.standings);
        else isDone = true;
      });
      worker.on(
        'error',
        (error) => (outcome = toErrorReport(isGatewayError(error) ? error : new Error(String(error)))),
      );
      worker.on('exit', (code) => {
        this.#worker = undefined;
        for (const tell of this.#asked.values()) tell(undefined);
        for (const tell of this.#pongs.splice(0)) tell();
        for (const { go } of this.#moves) go();
        this.#moves.clear();
        outcome ??= this.#endedWhy;
        this.#endedWhy = undefined;
        resolve(
          outcome ??
            (isDone ? undefined : toErrorReport(new Error(`the landing worker ended with status ${code}`))),
        );
      });
    });
  }
}

/** Where a file stands that is being worked on; none for one that waits or is held. */
function mark({ state, fileId, step, attempt, bytesSent, failures }: FileStatus): readonly string[] {
  return state === 'running' ? [`${fileId} ${step} ${attempt} ${bytesSent} ${failures}`] : [];
}
