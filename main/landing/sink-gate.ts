import { toErrorReport } from '../../shared/errors.ts';
import type { GatewayError } from '../../shared/errors.ts';
import type { Random } from '../telemetry/clock.ts';
import { BACKOFF_MAX_MS, backoffMs, isTimeFor } from './backoff.ts';
import type { GateStatus } from './lander-status.ts';

/** So many different files must fail in a row, with no success between, before the whole target is taken for gone. */
export const FAILURES_TO_CLOSE = 2;

/**
 * Holds back all starts while the target as a whole does not answer, so that a dead NameNode costs one try per backoff and not
 * one per waiting directory. When its time is over, one file at a time probes; the first sign of life opens it.
 */
export class SinkGate {
  readonly #random: Random;
  readonly #penaltyMaxMs: number;
  readonly #failing = new Set<string>();
  /** Failures before a probe that carried no file: they count until one lands. */
  #failuresBefore = 0;
  #closed: { failures: number; nextTryMs: number; error: GatewayError } | undefined;

  /** `penaltyMaxMs`: the longest wait for a probe; undefined: as long as other waits. */
  constructor(random: Random, penaltyMaxMs: number = BACKOFF_MAX_MS) {
    this.#random = random;
    this.#penaltyMaxMs = penaltyMaxMs;
  }

  /** May a file begin now, with so many running? */
  mayStart(nowMs: number, running: number): boolean {
    if (this.#closed === undefined) return true;
    return running === 0 && isTimeFor(this.#closed.nextTryMs, nowMs, BACKOFF_MAX_MS);
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** When a probe may begin; undefined while the gate is open. */
  get nextTryMs(): number | undefined {
    return this.#closed?.nextTryMs;
  }

  /** The target answered: a file landed, or was refused for a reason of its own. */
  answered(): void {
    this.#failing.clear();
    this.#closed = undefined;
    this.#failuresBefore = 0;
  }

  /** A probe without a file was answered: files may begin, but if they fail again the next wait is a longer one. */
  probed(): void {
    this.#failing.clear();
    this.#failuresBefore = this.#closed?.failures ?? this.#failuresBefore;
    this.#closed = undefined;
  }

  /** A file met a failure that others would meet too. Returns the time of the next probe when this closed the gate. */
  failed(who: string, error: GatewayError, nowMs: number): number | undefined {
    this.#failing.add(who);
    if (this.#closed === undefined && this.#failing.size < FAILURES_TO_CLOSE) return undefined;
    return this.close(error, nowMs);
  }

  /** The target as a whole is known to be out of reach. Returns the time of the next probe. */
  close(error: GatewayError, nowMs: number): number {
    this.#failing.clear();
    const failures = (this.#closed?.failures ?? this.#failuresBefore) + 1;
    const waitMs = Math.min(this.#penaltyMaxMs, backoffMs(failures, error.retry, this.#random));
    this.#closed = { failures, nextTryMs: nowMs + waitMs, error };
    return this.#closed.nextTryMs;
  }

  status(): GateStatus | undefined {
    if (this.#closed === undefined) return undefined;
    const { failures, nextTryMs, error } = this.#closed;
    return { failures, nextTryMs, why: toErrorReport(error) };
  }
}
