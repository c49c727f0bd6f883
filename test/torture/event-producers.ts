import { setTimeout as wait } from 'node:timers/promises';
import type { Codec } from '../rig/produce.ts';
import { numberedEvent, streamName, type EventStream, type StreamName } from './numbered-events.ts';
import { SeededRandom } from './seeded-random.ts';
import { PlainWriter, TransactionalWriter, type StreamWriter } from './stream-writer.ts';

const RECONNECT_MS = 300;
const LAST_ATTEMPTS_MAX = 20;

export interface ProducerOptions {
  readonly bootstrap: string;
  readonly seed: number;
  readonly streams: readonly EventStream[];
  /** Events a second, all streams together. */
  readonly rate: number;
  readonly codec: Codec;
  /** Some transactions are left open, and a run takes up to a minute longer. */
  readonly mayHang: boolean;
}

/**
 * Writes numbered events until it is stopped, one producer a stream. A request that failed is not made again: nobody knows how
 * much of it the broker wrote, so its numbers are never used again, and what the log holds in the end is read from the log.
 */
export class EventProducers {
  readonly #options: ProducerOptions;
  readonly #next = new Map<StreamName, number>();
  #isStopped = false;
  #failedRequests = 0;

  constructor(options: ProducerOptions) {
    this.#options = options;
  }

  get failedRequests(): number {
    return this.#failedRequests;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Until it is stopped; what is on its way then is finished. */
  async run(): Promise<void> {
    await Promise.all(this.#options.streams.map((stream) => this.#feed(stream)));
  }

  async #feed(stream: EventStream): Promise<void> {
    const { bootstrap, codec, seed, mayHang } = this.#options;
    const place = { bootstrap, codec, stream };
    const plain = new PlainWriter(place);
    if (stream.isTransactional !== true) {
      await this.#feedBy(plain, stream);
    } else {
      const transactional = new TransactionalWriter(place, new SeededRandom(seed), mayHang);
      await this.#feedBy(transactional, stream);
      await transactional.settle();
      // A log that ends with a transaction's marker has no last record by which a reader could know that it is through.
      for (let attempt = 1; !(await this.#write(plain, { stream, count: 1 })); attempt++)
        if (attempt === LAST_ATTEMPTS_MAX) throw new Error(`no last record for ${streamName(stream)}`);
    }
    await plain.close();
  }

  async #feedBy(writer: StreamWriter, stream: EventStream): Promise<void> {
    const perSecond = this.#perSecond(stream);
    let owed = 0;
    let lastMs = performance.now();
    while (!this.#isStopped) {
      await wait(writer.pauseMs);
      const nowMs = performance.now();
      // A stream that could not write for a while makes up for a few seconds of it: a burst.
      owed = Math.min(owed + ((nowMs - lastMs) / 1_000) * perSecond, perSecond * 5 + 1);
      lastMs = nowMs;
      const count = Math.floor(owed);
      if (count === 0) continue;
      owed -= count;
      await this.#write(writer, { stream, count });
    }
  }

  /** False: the numbers are burnt; how much of the request was written is read from the log at the end. */
  async #write(writer: StreamWriter, lot: { stream: EventStream; count: number }): Promise<boolean> {
    const { stream, count } = lot;
    const name = streamName(stream);
    const first = this.#next.get(name) ?? 0;
    this.#next.set(name, first + count);
    const place = { seed: this.#options.seed, stream, perSecond: this.#perSecond(stream) };
    const lines = Array.from({ length: count }, (_, index) =>
      numberedEvent({ ...place, sequence: first + index }),
    );
    try {
      await writer.write(lines.map(({ line }) => line));
      return true;
    } catch {
      this.#failedRequests++;
      await wait(RECONNECT_MS);
      return false;
    }
  }

  #perSecond({ weight }: EventStream): number {
    const weights = this.#options.streams.reduce((sum, stream) => sum + stream.weight, 0);
    return (this.#options.rate * weight) / weights;
  }
}
