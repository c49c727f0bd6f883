interface Waiter {
  readonly bytes: number;
  /** Whose room in memory it waits for. */
  readonly channels: readonly string[];
  readonly enter: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets puts through in order while the channel is open and the bytes under way stay below a bound. A put larger than the bound
 * goes alone. Who only waits to take more in waits for the memory of its channels as well; a put that is made does not, and nobody waits
 * behind another one's memory.
 */
export class PutGate {
  readonly #bytesMax: number;
  readonly #waiters: Waiter[] = [];
  #bytes = 0;
  #isOpen = true;
  #full: ReadonlySet<string> = new Set();
  #failure: Error | undefined;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    this.#admit();
  }

  /** Channels whose memory is full. */
  setFull(channels: readonly string[]): void {
    this.#full = new Set(channels);
    this.#admit();
  }

  /** Waits for its turn; every `enter` that resolved needs one `leave`. */
  enter(bytes: number, signal?: AbortSignal): Promise<void> {
    return this.#wait({ bytes, channels: [] }, signal);
  }

  leave(bytes: number): void {
    this.#bytes -= bytes;
    this.#admit();
  }

  /** Resolves when the database is open for intake and these channels have room in memory; takes nobody's turn. */
  async whenOpen(channels: readonly string[], signal: AbortSignal): Promise<void> {
    if (!this.#isOpen || this.#isFull(channels)) await this.#wait({ bytes: 0, channels }, signal);
    else signal.throwIfAborted();
  }

  /** Nobody gets in any more. */
  fail(error: Error): void {
    this.#failure = error;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  #isFull(channels: readonly string[]): boolean {
    return channels.some((channel) => this.#full.has(channel));
  }

  #wait(
    { bytes, channels }: Pick<Waiter, 'bytes' | 'channels'>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
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
      const waiter: Waiter = { bytes, channels, enter, reject };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiters.push(waiter);
      this.#admit();
    });
  }

  #admit(): void {
    for (;;) {
      const at = this.#waiters.findIndex(({ channels }) => !this.#isFull(channels));
      const next = this.#waiters[at];
      if (next === undefined || !this.#isOpen) return;
      if (this.#bytes > 0 && this.#bytes + next.bytes > this.#bytesMax) return;
      this.#waiters.splice(at, 1);
      this.#bytes += next.bytes;
      next.enter();
    }
  }
}
