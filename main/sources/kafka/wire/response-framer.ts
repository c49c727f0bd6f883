const SIZE_BYTES = 4;
/** The largest answer that is taken in. A fetch answer holds `maxBytes`, or one record batch of any size: that needs room. */
export const RESPONSE_BYTES_MAX = 128 * 1024 * 1024;

export interface ResponseFramerOptions {
  /** A longer answer is refused: its size is all that is known of it, and it may be no Kafka broker that speaks. */
  readonly bytesMax: number;
  /** Gets each answer without its size: correlation id first. The buffer is the receiver's. */
  readonly onResponse: (frame: Buffer) => void;
  /** Told once, with the size claimed; everything after it is dropped, for the stream makes no sense any more. */
  readonly onExcess: (bytes: number) => void;
}

/**
 * Cuts a broker's byte stream into answers. Each answer gets a buffer of its own size as soon as its size is known, and chunks
 * are copied into it as they come: an answer is held once, not as chunks and then joined, and never keeps another one alive.
 */
export class ResponseFramer {
  readonly #options: ResponseFramerOptions;
  readonly #size = Buffer.alloc(SIZE_BYTES);
  #sizeFilled = 0;
  #frame: Buffer | undefined;
  #frameFilled = 0;
  #isOver = false;

  constructor(options: ResponseFramerOptions) {
    this.#options = options;
  }

  push(data: Buffer): void {
    let at = 0;
    while (at < data.length && !this.#isOver) {
      at = this.#frame === undefined ? this.#readSize(data, at) : this.#readFrame(this.#frame, data, at);
    }
  }

  #readSize(data: Buffer, at: number): number {
    const copied = data.copy(this.#size, this.#sizeFilled, at);
    this.#sizeFilled += copied;
    if (this.#sizeFilled === SIZE_BYTES) {
      this.#sizeFilled = 0;
      const bytes = this.#size.readInt32BE(0);
      // An answer holds at least its correlation id.
      if (bytes < SIZE_BYTES || bytes > this.#options.bytesMax) {
        this.#isOver = true;
        this.#options.onExcess(bytes >>> 0);
      } else {
        this.#frame = Buffer.allocUnsafeSlow(bytes);
        this.#frameFilled = 0;
      }
    }
    return at + copied;
  }

  #readFrame(frame: Buffer, data: Buffer, at: number): number {
    const copied = data.copy(frame, this.#frameFilled, at);
    this.#frameFilled += copied;
    if (this.#frameFilled === frame.length) {
      this.#frame = undefined;
      this.#options.onResponse(frame);
    }
    return at + copied;
  }
}
