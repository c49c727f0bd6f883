import type { GatewayError } from '../../../shared/errors.ts';
import { formatDuration } from '../../../shared/units.ts';
import type { SourceHost } from '../source.ts';
import type { SourceClock } from './source-clock.ts';

/** Notices that no broker answers, and says so once after `linkDownMs`, and once more when one answers again. */
export class LinkWatch {
  readonly #parts: {
    readonly name: string;
    readonly linkDownMs: number;
    readonly host: Pick<SourceHost, 'report'>;
    readonly clock: SourceClock;
  };
  #downSinceMs: number | undefined;
  #isReported = false;
  #lastError: GatewayError | undefined;

  constructor(parts: {
    readonly name: string;
    readonly linkDownMs: number;
    readonly host: Pick<SourceHost, 'report'>;
    readonly clock: SourceClock;
  }) {
    this.#parts = parts;
  }

  /** The last failure, while nothing has answered since. */
  get problem(): GatewayError | undefined {
    return this.#lastError;
  }

  answered(): void {
    const { name, host, clock } = this.#parts;
    if (this.#isReported && this.#downSinceMs !== undefined) {
      const message = `a broker answers again after ${formatDuration(clock.steadyMs() - this.#downSinceMs)}`;
      host.report({ code: 'link-up', level: 'info', source: name, place: '', message, hint: undefined });
    }
    this.#downSinceMs = undefined;
    this.#isReported = false;
    this.#lastError = undefined;
  }

  failed(error: GatewayError): void {
    this.#downSinceMs ??= this.#parts.clock.steadyMs();
    this.#lastError = error;
    this.check();
  }

  /** To be called from time to time, so that the alarm does not wait for the next failure. */
  check(): void {
    const { name, host, clock, linkDownMs } = this.#parts;
    if (this.#isReported || this.#downSinceMs === undefined || this.#lastError === undefined) return;
    if (clock.steadyMs() - this.#downSinceMs < linkDownMs) return;
    this.#isReported = true;
    const { message, hint, place } = this.#lastError;
    const text = `no broker has answered for ${formatDuration(linkDownMs)}: ${message}`;
    host.report({ code: 'link-down', level: 'error', source: name, place, message: text, hint });
  }
}
