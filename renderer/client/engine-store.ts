/**
 * What the page knows of the engine, as it was last told. Parts that did not change stay identical, so a component that selects a part is
 * drawn again only when that part changed.
 */
import type { StreamEvent } from '../../shared/contract/control.ts';
import type { LogLine } from '../../shared/contract/control-history.ts';
import type { Job } from '../../shared/contract/control-job.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import type { ClientMessage, LinkState } from './engine-client.ts';
import { EngineClock } from './engine-clock.ts';
import { shareUnchanged } from './structural-sharing.ts';

/** The engine keeps as many finished ones. */
const JOBS_MAX = 60;
/** Of the log's end; the rest is asked for with `logTail`. */
const LOG_LINES_MAX = 1_000;
/** A busy engine writes many lines a second; the page is drawn for all that came in this time at once. */
const LOG_GATHERED_MS = 250;

export interface EngineView {
  readonly link: LinkState;
  /** The last one that came, also while the connection is lost. */
  readonly status: EngineStatus | undefined;
  /** Newest first. */
  readonly jobs: readonly Job[];
  /** What came since the page opened, newest last. */
  readonly log: readonly LogLine[];
  /** When the last status came, in this machine's time. */
  readonly lastDataMs: number | undefined;
}

const NOTHING = { status: undefined, jobs: [], log: [], lastDataMs: undefined } as const;

export class EngineStore {
  readonly clock = new EngineClock();
  readonly #watchers = new Set<() => void>();
  /** Came in and are not in the view yet. */
  readonly #lines: LogLine[] = [];
  #linesTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #eventListeners = new Set<(event: StreamEvent) => void>();
  #view: EngineView = { ...NOTHING, link: { state: 'connecting' } };

  readonly view = (): EngineView => this.#view;

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  /** Every event of the stream as it comes, for what refetches on it. */
  readonly onEvent = (listener: (event: StreamEvent) => void): (() => void) => {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  };

  readonly take = (message: ClientMessage): void => {
    if (message.type === 'link') {
      const { link } = message;
      const isLeft = link.state === 'signed-out' && !link.wasSignedIn;
      this.#change({ ...(isLeft ? NOTHING : {}), link: shareUnchanged(this.#view.link, link) });
      return;
    }
    const { event } = message;
    if (event.type === 'status') this.#takeStatus(event.status);
    else if (event.type === 'job') this.takeJobs([event.job]);
    else if (event.type === 'log') this.#takeLine(event.line);
    for (const listener of this.#eventListeners) listener(event);
  };

  /** Jobs as a call told them, beside those that the stream tells. */
  readonly takeJobs = (jobs: readonly Job[]): void => {
    const byId = new Map(this.#view.jobs.map((known) => [known.id, known]));
    for (const job of jobs) byId.set(job.id, shareUnchanged(byId.get(job.id), job));
    const list = [...byId.values()].sort((a, b) => b.startedMs - a.startedMs).slice(0, JOBS_MAX);
    this.#change({ jobs: shareUnchanged(this.#view.jobs, list) });
  };

  #takeLine(line: LogLine): void {
    this.#lines.push(line);
    if (this.#linesTimer !== undefined) return;
    this.#linesTimer = setTimeout(() => {
      this.#linesTimer = undefined;
      const lines = this.#lines.splice(0);
      if (lines.length > 0) this.#change({ log: [...this.#view.log, ...lines].slice(-LOG_LINES_MAX) });
    }, LOG_GATHERED_MS);
  }

  #takeStatus(status: EngineStatus): void {
    const before = this.#view.status;
    const isAnotherRun = before !== undefined && before.startedMs !== status.startedMs;
    if (isAnotherRun) {
      this.clock.forget();
      this.#lines.length = 0;
    }
    const now = Date.now();
    this.clock.hear(status.nowMs, now);
    // Jobs and the log's numbering end with the engine's run.
    const ofThisRun = isAnotherRun ? { jobs: [], log: [] } : {};
    this.#change({ status: shareUnchanged(before, status), lastDataMs: now, ...ofThisRun });
  }

  #change(part: Partial<EngineView>): void {
    this.#view = { ...this.#view, ...part };
    for (const watcher of this.#watchers) watcher();
  }
}
