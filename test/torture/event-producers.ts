import { setTimeout as wait } from 'node:timers/promises';
import { Producer } from '@platformatic/kafka';
import { numberedEvent, streamName, type EventStream, type StreamName } from './numbered-events.ts';

const TICK_MS = 100;
const SEND_TIMEOUT_MS = 15_000;
const RECONNECT_MS = 300;

export interface ProducerOptions {
  readonly bootstrap: string;
  readonly seed: number;
  readonly streams: readonly EventStream[];
  /** Events a second, all streams together. */
  readonly rate: number;
  readonly codec: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
}

/**
 * Writes numbered events until it is stopped, one producer a stream. A request that failed is not made again: nobody knows how
 * much of it the broker wrote, so its numbers are never used again, and what the log holds in the end is read from the log.
 */
export class EventProducers {
  readonly #options: ProducerOptions;
  readonly #next = new Map<StreamName, number>();
  readonly #acknowledged = new Map<StreamName, number[]>();
  #isStopped = false;
  #failedRequests = 0;

  constructor(options: ProducerOptions) {
    this.#options = options;
  }

  /** Numbers that were used, by stream. */
  get used(): ReadonlyMap<StreamName, number> {
    return this.#next;
  }

  /** First and last number, in turn, of every request that Kafka acknowledged. */
  acknowledged(stream: StreamName): readonly number[] {
    return this.#acknowledged.get(stream) ?? [];
  }

  get failedRequests(): number {
    return this.#failedRequests;
  }

  get events(): number {
    return [...this.#next.values()].reduce((sum, count) => sum + count, 0);
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Until it is stopped; what is on its way then is finished. */
  async run(): Promise<void> {
    await Promise.all(this.#options.streams.map((stream) => this.#feed(stream)));
  }

  async #feed(stream: EventStream): Promise<void> {
    const name = streamName(stream);
    const weights = this.#options.streams.reduce((sum, { weight }) => sum + weight, 0);
    const perSecond = (this.#options.rate * stream.weight) / weights;
    let producer: Producer | undefined;
    let owed = 0;
    let lastMs = performance.now();
    while (!this.#isStopped) {
      await wait(TICK_MS);
      const nowMs = performance.now();
      // A stream that could not write for a while makes up for a few seconds of it: a burst.
      owed = Math.min(owed + ((nowMs - lastMs) / 1_000) * perSecond, perSecond * 5 + 1);
      lastMs = nowMs;
      const count = Math.floor(owed);
      if (count === 0) continue;
      owed -= count;
      producer ??= this.#connect();
      try {
        await this.#send(producer, { stream, name, count, perSecond });
      } catch {
        // The numbers are burnt; how much of the request was written is read from the log at the end.
        this.#failedRequests++;
        await producer.close(true).catch(() => undefined);
        producer = undefined;
        await wait(RECONNECT_MS);
      }
    }
    await producer?.close(true);
  }

  #connect(): Producer {
    return new Producer({
      clientId: 'headgate-torture',
      bootstrapBrokers: this.#options.bootstrap.split(','),
      // The client itself may send a request again when a broker goes; the broker must know it for the same one.
      idempotent: true,
      timeout: SEND_TIMEOUT_MS,
      retries: 0,
    });
  }

  async #send(
    producer: Producer,
    lot: { stream: EventStream; name: StreamName; count: number; perSecond: number },
  ): Promise<void> {
    const { stream, name, count, perSecond } = lot;
    const first = this.#next.get(name) ?? 0;
    this.#next.set(name, first + count);
    const { topic, partition } = stream;
    const { seed, codec } = this.#options;
    const messages = Array.from({ length: count }, (_, index) => {
      const { line } = numberedEvent({ seed, stream, sequence: first + index, perSecond });
      return { topic, partition, value: Buffer.from(line, 'latin1') };
    });
    await producer.send({ messages, compression: codec, acks: -1 });
    const noted = this.#acknowledged.get(name) ?? [];
    noted.push(first, first + count - 1);
    this.#acknowledged.set(name, noted);
  }
}
