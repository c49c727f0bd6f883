interface Waiter {
  readonly bytes: number;
  readonly enter: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets puts through in order while the channel is open and the bytes under way stay below a bound. A put larger than the bound
 * goes alone.
 */
export class PutGate {
  readonly #bytesMax: number;
  readonly #waiters: Waiter[] = [];
  #bytes = 0;
  #isOpen = true;
  #failure: Error | undefined;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    this.#admit();
  }

  /** Waits for its turn; every `enter` that resolved needs one `leave`. */
  enter(bytes: number, signal?: AbortSignal): Promise<void> {
    return this.#wait(bytes, signal);
  }

  leave(bytes: number): void {
    this.#bytes -= bytes;
    this.#admit();
  }

  /** Resolves when the channel is open; takes nobody's turn. */
  async whenOpen(signal: AbortSignal): Promise<void> {
    if (!this.#isOpen) await this.#wait(0, signal);
    else signal.throwIfAborted();
  }

  /** Nobody gets in any more. */
  fail(error: Error): void {
    this.#failure = error;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  #wait(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        const at = this.#waiters.indexOf(waiter);
        if (at >= 0) this.#waiters.splice(at, 1);
        reject(signal?.reason as Error);
        this.#admit();
      };
      const enter = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const waiter: Waiter = { bytes, enter, reject };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiters.push(waiter);
      this.#admit();
    });
  }

  #admit(): void {
    for (;;) {
      const next = this.#waiters[0];
      if (next === undefined || !this.#isOpen) return;
      if (this.#bytes > 0 && this.#bytes + next.bytes > this.#bytesMax) return;
      this.#waiters.shift();
      this.#bytes += next.bytes;
      next.enter();
    }
  }
}
