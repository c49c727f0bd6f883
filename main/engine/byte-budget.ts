/** Bytes on their way between threads, bounded: who finds no room waits in line, first come first served. */
export class ByteBudget {
  readonly #maxBytes: number;
  #usedBytes = 0;
  readonly #line: { readonly bytes: number; readonly enter: () => void }[] = [];

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /**
   * Takes bytes from the budget, waiting until they are there. One request larger than the whole budget gets in when nothing else
   * is under way. Rejects with the signal's reason when it aborts first.
   */
  take(bytes: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (this.#line.length === 0 && this.#fits(bytes)) {
      this.#usedBytes += bytes;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const waiter = {
        bytes,
        enter: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      const leave = () => {
        this.#line.splice(this.#line.indexOf(waiter), 1);
        this.#admit();
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#line.push(waiter);
    });
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
    this.#admit();
  }

  #fits(bytes: number): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + bytes <= this.#maxBytes;
  }

  #admit(): void {
    for (let next = this.#line[0]; next !== undefined && this.#fits(next.bytes); next = this.#line[0]) {
      this.#line.shift();
      this.#usedBytes += next.bytes;
      next.enter();
    }
  }
}
