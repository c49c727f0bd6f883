import type http from 'node:http';
import { LimitError } from './connection-error.ts';

/** One limit at a time on the progress of a request: when it is reached, the request is destroyed. */
export class ProgressLimit {
  readonly #request: http.ClientRequest;
  #timer: NodeJS.Timeout | undefined;
  #reached: LimitError | undefined;

  constructor(request: http.ClientRequest) {
    this.#request = request;
  }

  /** Replaces the limit that was set before. `what` reads on with the time: `no answer within`. */
  arm(what: string, ms: number): void {
    this.disarm();
    this.#timer = setTimeout(() => {
      this.#reached = new LimitError(`${what} ${ms / 1000} s`, false);
      this.#request.destroy(this.#reached);
    }, ms);
  }

  disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The limit when one was reached: a response that had begun reports our own ending of it as a reset by the server. */
  reasonFor(error: unknown): unknown {
    return this.#reached ?? error;
  }
}
