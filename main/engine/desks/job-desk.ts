/**
 * Long work that operators ask for: it runs here, in the engine, so that it outlives the window that asked. Everybody sees its progress, anybody
 * may cancel it. Jobs are kept in memory and end with the engine; none of them is part of the promise to land each event once: work
 * that changes the channel does so in whole steps of the writer, and can be begun again.
 */
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Output, ParsedInput } from '../../../shared/contract/control.ts';
import type { Job, JobKind } from '../../../shared/contract/control-job.ts';
import { GatewayError, isGatewayError, toErrorReport } from '../../../shared/errors.ts';
import { MIB } from '../../../shared/units.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { Logger } from '../../telemetry/logger.ts';

/** Jobs at a time; more are refused. */
const RUNNING_MAX = 8;
/** Of these kinds one runs at a time: two would work on the same events. */
const ONE_AT_A_TIME: ReadonlySet<JobKind> = new Set<JobKind>([
  'quarantine-retry',
  'support-bundle',
  'doctor',
  'channel-check',
  'channel-repair',
  'replay',
]);
/** Finished jobs that are remembered; older ones go, and their files with them. */
const FINISHED_MAX = 40;
/** Progress is told at most this often. */
const TELL_INTERVAL_MS = 250;
const FILE_PART_BYTES = 4 * MIB;
const FOLDER = 'jobs';

/** What a job's work gets. */
export interface JobRun {
  readonly id: string;
  /** Aborts when the job is cancelled or the engine stops. */
  readonly signal: AbortSignal;
  /** Says how far it is; `total` 0 while that is not known. */
  progress(step: string, done: number, total: number): void;
  /** A path for a file of this name that the job may make for the operator; its folder exists. */
  filePath(name: string): Promise<string>;
}

export interface JobOutcome {
  /** What `resultOf` gives. */
  readonly result?: unknown;
  /** A path from `filePath`. */
  readonly file?: string;
  readonly summary?: string;
}

interface Entry {
  job: Job;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
  result: unknown;
  path: string | undefined;
  toldMs: number;
}

export interface JobDeskOptions {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly publish: (job: Job) => void;
}

export class JobDesk {
  readonly #options: JobDeskOptions;
  readonly #folder: string;
  /** In the order in which they were started. */
  readonly #entries = new Map<string, Entry>();
  #lastNumber = 0;
  #isClosed = false;

  constructor(options: JobDeskOptions) {
    this.#options = options;
    this.#folder = join(options.stateDir, FOLDER);
  }

  /** Removes what jobs of an earlier run left behind. */
  async open(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  /**
   * Starts work and answers its job's id. The work's errors are the job's; it must end soon after its signal aborts. Throws `usage` when too
   * many jobs run, or one of a kind that runs alone.
   */
  start(
    what: { readonly kind: JobKind; readonly title: string; readonly by: string },
    work: (run: JobRun) => Promise<JobOutcome>,
  ): string {
    const running = [...this.#entries.values()].filter(({ job }) => job.state === 'running');
    if (this.#isClosed) throw refused('the engine is stopping', 'ask again when it runs');
    if (running.length >= RUNNING_MAX)
      throw refused(`${RUNNING_MAX} jobs run already`, 'wait for one of them, or cancel one');
    if (ONE_AT_A_TIME.has(what.kind) && running.some(({ job }) => job.kind === what.kind))
      throw refused('such a job runs already', 'wait for it, or cancel it');
    const { clock } = this.#options;
    const id = `${clock.nowMs().toString(36)}-${++this.#lastNumber}`;
    const job: Job = {
      id,
      ...what,
      state: 'running',
      startedMs: clock.nowMs(),
      progress: { step: 'starting', done: 0, total: 0 },
    };
    const abort = new AbortController();
    const end = Promise.withResolvers<void>();
    const entry: Entry = {
      job,
      abort,
      ended: end.promise,
      result: undefined,
      path: undefined,
      toldMs: -Infinity,
    };
    this.#entries.set(id, entry);
    this.#forgetOldest();
    this.#tell(entry);
    void this.#work(entry, work).then(end.resolve);
    return id;
  }

  /** What the work answered. Throws `usage` for a job that is of another kind or not done, and its own error when it failed. */
  resultOf(id: string, kind: JobKind): unknown {
    const { job, result } = this.#entry(id);
    if (job.kind !== kind)
      throw refused(`the job ${id} is of the kind ${job.kind}`, 'ask for its own result');
    if (job.state === 'running') throw refused(`the job ${id} is not done yet`, 'wait for it');
    if (job.state !== 'done' || result === undefined)
      throw refused(`the job ${id} has no result: ${job.error?.message ?? job.state}`, 'start it again');
    return result;
  }

  /** Cancels what runs and waits for its end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { abort } of this.#entries.values()) abort.abort();
    await Promise.all([...this.#entries.values()].map(({ ended }) => ended));
  }

  readonly jobs = async (): Promise<Output<'jobs'>> => ({
    jobs: [...this.#entries.values()].map(({ job }) => job).reverse(),
  });

  readonly jobCancel = async ({ id }: ParsedInput<'jobCancel'>): Promise<Output<'jobCancel'>> => {
    this.#entry(id).abort.abort();
    return {};
  };

  readonly jobFile = async ({ id, offset }: ParsedInput<'jobFile'>): Promise<Output<'jobFile'>> => {
    const { job, path } = this.#entry(id);
    if (job.file === undefined || path === undefined)
      throw refused(`the job ${id} has no file`, 'wait until it is done');
    const handle = await open(path, 'r');
    try {
      const buffer = Buffer.alloc(Math.max(0, Math.min(FILE_PART_BYTES, job.file.bytes - offset)));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
      const next = offset + bytesRead;
      return {
        ...job.file,
        base64: buffer.toString('base64', 0, bytesRead),
        ...(bytesRead > 0 && next < job.file.bytes ? { next } : {}),
      };
    } finally {
      await handle.close();
    }
  };

  async #work(entry: Entry, work: (run: JobRun) => Promise<JobOutcome>): Promise<void> {
    const { abort } = entry;
    const { id } = entry.job;
    const run: JobRun = {
      id,
      signal: abort.signal,
      progress: (step, done, total) => this.#progress(entry, { step, done, total }),
      filePath: async (name) => {
        await mkdir(join(this.#folder, id), { recursive: true, mode: 0o700 });
        return join(this.#folder, id, basename(name));
      },
    };
    try {
      const outcome = await work(run);
      abort.signal.throwIfAborted();
      entry.result = outcome.result;
      if (outcome.file !== undefined) {
        const { size } = await stat(outcome.file);
        entry.path = outcome.file;
        this.#change(entry, { file: { name: basename(outcome.file), bytes: size } });
      }
      const { summary } = outcome;
      this.#end(entry, { state: 'done', ...(summary === undefined ? {} : { summary }) });
    } catch (error) {
      await this.#failed(entry, error);
    }
  }

  async #failed(entry: Entry, error: unknown): Promise<void> {
    const { log } = this.#options;
    const { job, abort } = entry;
    if (abort.signal.aborted) this.#end(entry, { state: 'cancelled' });
    else {
      const { code, message, hint } = toErrorReport(error);
      if (!isGatewayError(error)) log.error('a job failed', { job: job.kind, error: toErrorReport(error) });
      this.#end(entry, { state: 'failed', error: { code, message, hint } });
    }
    try {
      await rm(join(this.#folder, job.id), { recursive: true, force: true });
    } catch (cause) {
      log.warn('what a job left behind could not be removed', { job: job.id, error: toErrorReport(cause) });
    }
  }

  #progress(entry: Entry, progress: Job['progress']): void {
    this.#change(entry, { progress });
    if (this.#options.clock.steadyMs() - entry.toldMs >= TELL_INTERVAL_MS) this.#tell(entry);
  }

  #end(entry: Entry, change: Partial<Job>): void {
    this.#change(entry, { ...change, finishedMs: this.#options.clock.nowMs() });
    const { kind, title, by, state, error } = entry.job;
    this.#options.log.info('a job ended', {
      kind,
      title,
      by,
      state,
      ...(error === undefined ? {} : { error }),
    });
    this.#tell(entry);
  }

  #change(entry: Entry, change: Partial<Job>): void {
    entry.job = { ...entry.job, ...change };
  }

  #tell(entry: Entry): void {
    entry.toldMs = this.#options.clock.steadyMs();
    this.#options.publish(entry.job);
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined)
      throw refused(`there is no job ${JSON.stringify(id)}`, 'the engine forgets jobs when it ends');
    return entry;
  }

  #forgetOldest(): void {
    const finished = [...this.#entries.values()].filter(({ job }) => job.state !== 'running');
    for (const { job } of finished.slice(0, Math.max(0, finished.length - FINISHED_MAX))) {
      this.#entries.delete(job.id);
      rm(join(this.#folder, job.id), { recursive: true, force: true }).catch((error: unknown) =>
        this.#options.log.warn('the file of an old job could not be removed', {
          error: toErrorReport(error),
        }),
      );
    }
  }
}

function refused(message: string, hint: string): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'work for an operator',
    place: '',
    message,
    retry: 'never',
    hint,
  });
}
