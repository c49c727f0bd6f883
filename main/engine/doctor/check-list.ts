/** The checks of a doctor's run: each under its own limit, none able to hold up another, and each with an outcome, whatever happens to it. */
import type { DoctorCheck } from '../../../shared/contract/control-what-if.ts';
import { isGatewayError, toErrorReport } from '../../../shared/errors.ts';
import { formatDuration, SECOND_MS } from '../../../shared/units.ts';
import type { Clock } from '../../telemetry/clock.ts';

export const CHECK_LIMIT_MS = 12 * SECOND_MS;

export interface CheckName {
  readonly area: string;
  /** The host, path or topic. */
  readonly place: string;
}

export interface Outcome {
  readonly state: DoctorCheck['state'];
  readonly message: string;
  readonly hint?: string | undefined;
}

export interface CheckListOptions {
  readonly clock: Clock;
  /** Aborts when the run is cancelled, and when its time is over: whatever runs then fails. */
  readonly signal: AbortSignal;
  readonly onCheck: (checks: readonly DoctorCheck[]) => void;
}

export class CheckList {
  readonly #options: CheckListOptions;
  readonly #checks: DoctorCheck[] = [];

  constructor(options: CheckListOptions) {
    this.#options = options;
  }

  get checks(): readonly DoctorCheck[] {
    return this.#checks;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  get signal(): AbortSignal {
    return this.#options.signal;
  }

  /** What needs no work. */
  add(name: CheckName, { state, message, hint }: Outcome, tookMs = 0): void {
    this.#checks.push({
      ...name,
      state,
      message,
      tookMs,
      ...(hint === undefined || hint === '' ? {} : { hint }),
    });
    this.#options.onCheck(this.#checks);
  }

  /**
   * Runs a check and answers what it found beside its outcome; undefined: it failed. Its work gets a signal that aborts at its limit; work
   * that does not heed it is left behind.
   */
  async run<Found>(
    name: CheckName,
    work: (signal: AbortSignal) => Promise<Outcome & { readonly found?: Found }>,
    limitMs = CHECK_LIMIT_MS,
  ): Promise<Found | undefined> {
    const { clock, signal } = this.#options;
    const startedMs = clock.steadyMs();
    if (signal.aborted)
      return void this.add(name, {
        state: 'skipped',
        message: 'there was no time left for it',
        hint: 'See above what took the time.',
      });
    const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
    try {
      const { found, ...outcome } = await untilAbort(work(limit), limit);
      this.add(name, outcome, clock.steadyMs() - startedMs);
      return found;
    } catch (error) {
      const isLate = limit.aborted && (!isGatewayError(error) || error.code === 'aborted');
      const tookMs = clock.steadyMs() - startedMs;
      this.add(name, isLate ? tooLate(tookMs) : failed(error), tookMs);
      return undefined;
    }
  }
}

function failed(error: unknown): Outcome {
  const { message, hint, place } = toErrorReport(error);
  return { state: 'failed', message: place === '' ? message : `${message} (${place})`, hint };
}

function tooLate(tookMs: number): Outcome {
  return {
    state: 'failed',
    message: `no answer within ${formatDuration(tookMs)}`,
    hint: 'Network, firewall, or a server that hangs.',
  };
}

/** Settles with the work, or rejects when the signal aborts. */
function untilAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** Runs work for each item, so many at a time. */
export async function eachOf<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const left = [...items];
  const lane = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
}
