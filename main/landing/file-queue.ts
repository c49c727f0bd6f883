import { toErrorReport } from '../../shared/errors.ts';
import type { ErrorReport, GatewayError } from '../../shared/errors.ts';
import type { FileId } from '../../shared/model/brand.ts';
import type { Random } from '../telemetry/clock.ts';
import { BACKOFF_MAX_MS, backoffMs, isTimeFor } from './backoff.ts';
import type { FileStatus } from './lander-status.ts';
import type { FileLanding } from './landing-protocol.ts';

/** One file on its way, with its history of failures. */
export interface LandingFile {
  readonly landing: FileLanding;
  state: 'running' | 'waiting' | 'held';
  failures: number;
  /** Since when it fails without getting further. */
  failingSinceMs: number | undefined;
  nextTryMs: number;
  why: ErrorReport | undefined;
  /** The durable state when it failed last: when that moves on, the count of failures begins anew. */
  reached: string;
  /** It counts among the failing files of its key, until a run ends well. */
  isBlocking: boolean;
  /** The present run is not the first one. */
  isRetry: boolean;
}

/** The files of one lander: running, waiting for their next try, or held. */
export class FileQueue {
  readonly #random: Random;
  readonly #files = new Map<FileId, LandingFile>();
  #running = 0;
  #retrying = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get running(): number {
    return this.#running;
  }

  /** Running files that had failed before. */
  get retrying(): number {
    return this.#retrying;
  }

  get(fileId: FileId): LandingFile | undefined {
    return this.#files.get(fileId);
  }

  ids(): readonly FileId[] {
    return [...this.#files.keys()];
  }

  waiting(): readonly LandingFile[] {
    return [...this.#files.values()].filter(({ state }) => state === 'waiting');
  }

  count(state: LandingFile['state']): number {
    let count = 0;
    for (const file of this.#files.values()) if (file.state === state) count++;
    return count;
  }

  add(landing: FileLanding, nextTryMs: number): LandingFile {
    const state = landing.plan.state === 'held' ? 'held' : 'waiting';
    const reached = reachedBy(landing);
    const calm = {
      failures: 0,
      failingSinceMs: undefined,
      why: undefined,
      isBlocking: false,
      isRetry: false,
    };
    const file: LandingFile = { landing, state, nextTryMs, reached, ...calm };
    this.#files.set(landing.plan.fileId, file);
    return file;
  }

  remove(fileId: FileId): void {
    this.#files.delete(fileId);
  }

  started(file: LandingFile): void {
    file.state = 'running';
    this.#running++;
    if (file.failures > 0) this.#retrying++;
    file.isRetry = file.failures > 0;
  }

  /** The file's run is over; what became of it is set by the caller. */
  stopped(file: LandingFile, state: 'waiting' | 'held', nextTryMs: number): void {
    this.#running--;
    if (file.isRetry) this.#retrying--;
    file.state = state;
    file.nextTryMs = nextTryMs;
  }

  /** Counts a failure and says when the file is tried again. Progress since the last failure starts the count anew. */
  failed(file: LandingFile, error: GatewayError, nowMs: number): number {
    const reached = reachedBy(file.landing);
    file.failures = reached === file.reached ? file.failures + 1 : 1;
    file.reached = reached;
    file.failingSinceMs ??= nowMs;
    file.why = toErrorReport(error);
    return nowMs + backoffMs(file.failures, error.retry, this.#random);
  }

  /** The waiting file with the earliest try; with `isAnyTime`, also one whose time has not come. */
  next(nowMs: number, isAnyTime: boolean): LandingFile | undefined {
    const first = this.#firstWaiting();
    if (first === undefined) return undefined;
    return isAnyTime || isTimeFor(first.nextTryMs, nowMs, BACKOFF_MAX_MS) ? first : undefined;
  }

  get nextTryMs(): number | undefined {
    return this.#firstWaiting()?.nextTryMs;
  }

  /** Since when the longest failing file gets no further, or the oldest held one was planned. */
  get failingSinceMs(): number | undefined {
    let sinceMs: number | undefined;
    for (const file of this.#files.values()) {
      const fileSinceMs =
        file.failingSinceMs ?? (file.state === 'held' ? file.landing.plan.plannedAtMs : undefined);
      if (fileSinceMs !== undefined && (sinceMs === undefined || fileSinceMs < sinceMs))
        sinceMs = fileSinceMs;
    }
    return sinceMs;
  }

  /** Running files first, then waiting ones, then held ones; at most `limit`. */
  status(limit: number): readonly FileStatus[] {
    const order = { running: 0, waiting: 1, held: 2 };
    const files = [...this.#files.values()].sort((a, b) => order[a.state] - order[b.state]);
    return files.slice(0, limit).map(fileStatus);
  }

  /** Files of these landing keys, by key. */
  ofKeys(landingKeyIds: ReadonlySet<number>): ReadonlyMap<number, readonly FileStatus[]> {
    const found = new Map<number, FileStatus[]>();
    for (const file of this.#files.values()) {
      const id = file.landing.plan.landingKeyId;
      if (!landingKeyIds.has(id)) continue;
      const files = found.get(id);
      if (files === undefined) found.set(id, [fileStatus(file)]);
      else files.push(fileStatus(file));
    }
    return found;
  }

  /** There are at most `waiting-files-max` files, so looking at each is cheap beside one try of one of them. */
  #firstWaiting(): LandingFile | undefined {
    let first: LandingFile | undefined;
    for (const file of this.#files.values()) {
      if (file.state !== 'waiting') continue;
      if (first === undefined || file.nextTryMs < first.nextTryMs) first = file;
    }
    return first;
  }
}

/** How far the durable plan is: attempts that failed do not count, or a file would never be taken for failing. */
function reachedBy(landing: FileLanding): string {
  const { plan } = landing;
  return `${plan.state} ${plan.attempts.some(({ state }) => state === 'uploaded')}`;
}

function fileStatus(file: LandingFile): FileStatus {
  const { plan, progress, heldWhy } = file.landing;
  const why = file.state === 'held' ? (heldWhy ?? heldReport(plan.heldReason, plan.finalPath)) : file.why;
  return {
    fileId: plan.fileId,
    finalPath: plan.finalPath,
    state: file.state,
    step: progress.step,
    attempt: progress.attempt,
    events: plan.events,
    bytes: plan.expectedBytes,
    bytesSent: progress.bytesSent,
    plannedAtMs: plan.plannedAtMs,
    failures: file.failures,
    nextTryMs: file.state === 'waiting' ? file.nextTryMs : undefined,
    why,
  };
}

/** A file that an earlier process held: the store knows the reason as text only. */
function heldReport(reason: string | undefined, place: string): ErrorReport {
  return {
    code: 'rename-uncertain',
    operation: 'land a file',
    place,
    message: reason ?? 'The file is held; the reason was not noted.',
    retry: 'never',
    hint: 'Look at the final name, then release the file as landed or to be sent again.',
    causes: [],
  };
}
