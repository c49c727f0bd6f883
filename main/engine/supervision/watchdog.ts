/**
 * Finds parts that are there and do nothing: a thread that died is somebody's `exit` event, one that hangs is nobody's. Each round every part
 * is asked for an answer that costs it nothing; one that owes its answer for too many rounds is `stuck`: told, and then ended, so that
 * whoever supervises it begins it anew.
 *
 * Silence is counted in rounds, not in time: when the whole process was stopped, or the machine slept, the parts had no chance to answer
 * either. What the watchdog can't see is its own thread; that it stood still it says afterwards.
 */
import { GatewayError } from '../../../shared/errors.ts';
import { formatDuration, SECOND_MS } from '../../../shared/units.ts';
import type { RaisedAlert } from '../../telemetry/alert-board.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { Logger } from '../../telemetry/logger.ts';

export interface WatchedPart {
  /** In an operator's words, such as `landing worker of beijing`: the alert's place. */
  readonly name: string;
  /** Resolves as soon as the part has answered, or there is nobody who could; rejects when the part ended. */
  readonly answer: () => Promise<unknown>;
  /** Rounds without an answer until it is told; default: the limits' `toldAfter`. */
  readonly toldAfter?: number;
  /** It owes an answer for so many rounds: it is ended. */
  readonly roundsMax: number;
  /** What happens then, for the alert's hint. */
  readonly remedy: string;
  readonly end: (why: GatewayError) => void;
}

export interface WatchLimits {
  readonly intervalMs: number;
  /** Rounds without an answer until it is told. */
  readonly toldAfter: number;
  readonly landingRoundsMax: number;
  readonly writerRoundsMax: number;
  /** A file at one step of landing that neither sends a byte nor fails for so many rounds. */
  readonly stepRoundsMax: number;
  /** A source that should ask for events and gets no answer, not even a refusal, for so many rounds; told after half of them. */
  readonly sourceRoundsMax: number;
  /** A question to the database that is not answered for so many rounds. */
  readonly queryRoundsMax: number;
}

/**
 * Half a minute until it is told. A landing worker is ended after a minute: everything it did is in the database. The writer after five: it may
 * wait for a disk, and a new process would wait for the same one. A step after thirty: every call of it has a limit far below that. A source after ten,
 * told after five: it asks its broker all the time. A question after five: those of large lists take a minute.
 */
export const WATCH_LIMITS: WatchLimits = {
  intervalMs: 5 * SECOND_MS,
  toldAfter: 6,
  landingRoundsMax: 12,
  writerRoundsMax: 60,
  stepRoundsMax: 360,
  sourceRoundsMax: 120,
  queryRoundsMax: 60,
};

/** A round that comes so much too late says that this thread stood still. */
const LATE_MS = 10 * SECOND_MS;
const MAIN_THREAD = 'main thread';

export interface WatchdogOptions {
  readonly parts: () => readonly WatchedPart[];
  readonly limits: WatchLimits;
  readonly setAlert: (isRaised: boolean, alert: RaisedAlert) => void;
  readonly clock: Pick<Clock, 'steadyMs'>;
  readonly log: Logger;
}

interface Watch {
  isAsked: boolean;
  /** Rounds since it was asked. */
  silent: number;
  isTold: boolean;
}

export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #watches = new Map<string, Watch>();
  #timer: NodeJS.Timeout | undefined;
  #roundAtMs = 0;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  start(): void {
    this.#roundAtMs = this.#options.clock.steadyMs();
    this.#timer = setInterval(() => this.round(), this.#options.limits.intervalMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** One look at everything; the timer calls it. */
  round(): void {
    this.#lookAtItself();
    const parts = this.#options.parts();
    const names = new Set(parts.map(({ name }) => name));
    for (const [name, watch] of this.#watches)
      if (!names.has(name)) {
        this.#watches.delete(name);
        this.#cleared(name, watch);
      }
    for (const part of parts) this.#lookAt(part);
  }

  #lookAtItself(): void {
    const { clock, limits, log, setAlert } = this.#options;
    const lateMs = clock.steadyMs() - this.#roundAtMs - limits.intervalMs;
    this.#roundAtMs = clock.steadyMs();
    if (lateMs < LATE_MS) return;
    log.warn('the main thread stood still', { lateMs: Math.round(lateMs) });
    const alert = stuck(MAIN_THREAD, {
      message: `the engine stood still for ${formatDuration(Math.round(lateMs))}: busy, stopped, or the machine slept`,
      hint: 'once is nothing; again and again: is the machine overloaded, or short of memory?',
    });
    // It is over as soon as it can be told.
    setAlert(true, alert);
    setAlert(false, alert);
  }

  #lookAt(part: WatchedPart): void {
    const { limits, log, setAlert } = this.#options;
    const watch = this.#watches.get(part.name) ?? { isAsked: false, silent: 0, isTold: false };
    this.#watches.set(part.name, watch);
    if (!watch.isAsked) return this.#ask(part, watch);
    watch.silent++;
    const sinceMs = watch.silent * limits.intervalMs;
    if (watch.silent >= (part.toldAfter ?? limits.toldAfter)) {
      if (!watch.isTold) log.error('a part does not answer', { part: part.name, sinceMs });
      watch.isTold = true;
      setAlert(
        true,
        stuck(part.name, {
          message: `the ${part.name} has not answered for ${formatDuration(sinceMs)}`,
          hint: part.remedy,
        }),
      );
    }
    if (watch.silent !== part.roundsMax) return;
    log.error('a part that does not answer is ended', { part: part.name, sinceMs });
    part.end(
      new GatewayError({
        code: 'timeout',
        operation: 'wait for an answer',
        place: part.name,
        message: `The ${part.name} has not answered for ${formatDuration(sinceMs)}.`,
        retry: 'backoff',
        hint: part.remedy,
      }),
    );
  }

  #ask(part: WatchedPart, watch: Watch): void {
    watch.isAsked = true;
    watch.silent = 0;
    const answered = (): void => {
      watch.isAsked = false;
      this.#cleared(part.name, watch);
    };
    // A part that ended is not stuck any more either; that it ended is its supervisor's to tell.
    part.answer().then(answered, answered);
  }

  #cleared(name: string, watch: Watch): void {
    if (!watch.isTold) return;
    watch.isTold = false;
    this.#options.log.info('a part answers again, or is begun anew', { part: name });
    this.#options.setAlert(false, stuck(name, { message: '', hint: '' }));
  }
}

function stuck(place: string, said: { readonly message: string; readonly hint: string }): RaisedAlert {
  return { code: 'stuck', level: 'error', place, ...said };
}
