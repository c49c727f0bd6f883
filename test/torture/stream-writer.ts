import { Producer } from '@platformatic/kafka';
import { produceTransaction, type Codec } from '../rig/produce.ts';
import type { EventStream } from './numbered-events.ts';
import type { SeededRandom } from './seeded-random.ts';

const SEND_TIMEOUT_MS = 15_000;
const PLAIN_PAUSE_MS = 100;
/** Each transaction takes a connection of its own, and several round trips. */
const TRANSACTION_PAUSE_MS = 700;
const TRANSACTION_ENDS = [
  { weight: 14, end: 'commit' },
  { weight: 5, end: 'abort' },
] as const;
/** Holds back the last stable offset until the broker aborts it: half a minute, and what comes later waits behind it. */
const HANGING = { weight: 1, end: 'leave-open' } as const;

/** How the events of a stream get into the log. */
export interface StreamWriter {
  /** Between two writes. */
  readonly pauseMs: number;
  /** Rejects when nobody knows how much of it was written. */
  write(lines: readonly string[]): Promise<void>;
}

export interface WriterPlace {
  readonly bootstrap: string;
  readonly stream: EventStream;
  readonly codec: Codec;
}

/** Request by request, by an idempotent producer; after a failure by a new one. */
export class PlainWriter implements StreamWriter {
  readonly pauseMs = PLAIN_PAUSE_MS;
  readonly #place: WriterPlace;
  #producer: Producer | undefined;

  constructor(place: WriterPlace) {
    this.#place = place;
  }

  async write(lines: readonly string[]): Promise<void> {
    const { codec, stream } = this.#place;
    const { topic, partition } = stream;
    const producer = (this.#producer ??= this.#connect());
    const messages = lines.map((line) => ({ topic, partition, value: Buffer.from(line, 'latin1') }));
    try {
      await producer.send({ messages, compression: codec, acks: -1 });
    } catch (error) {
      this.#producer = undefined;
      await producer.close(true).catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#producer?.close(true);
  }

  #connect(): Producer {
    return new Producer({
      clientId: 'headgate-torture',
      bootstrapBrokers: this.#place.bootstrap.split(','),
      // The client itself may send a request again when a broker goes; the broker must know it for the same one.
      idempotent: true,
      timeout: SEND_TIMEOUT_MS,
      retries: 0,
    });
  }
}

/** In transactions of two requests; some are aborted, and of some nobody ever says how they end. */
export class TransactionalWriter implements StreamWriter {
  readonly pauseMs = TRANSACTION_PAUSE_MS;
  readonly #place: WriterPlace;
  readonly #random: SeededRandom;
  readonly #ends: readonly ((typeof TRANSACTION_ENDS)[number] | typeof HANGING)[];
  readonly #ids = new Set<string>();

  constructor(place: WriterPlace, random: SeededRandom, mayHang: boolean) {
    this.#place = place;
    this.#random = random;
    this.#ends = mayHang ? [...TRANSACTION_ENDS, HANGING] : TRANSACTION_ENDS;
  }

  async write(lines: readonly string[]): Promise<void> {
    const { bootstrap, codec, stream } = this.#place;
    const { topic, partition } = stream;
    const { end } = this.#random.weighted(this.#ends);
    // The next transaction of the same id would end one that is open.
    const id = end === 'leave-open' ? `torture-${topic}-${this.#ids.size}` : `torture-${topic}`;
    this.#ids.add(id);
    await produceTransaction({
      ...{ bootstrap, topic, codec, end, transactionalId: id, batch: Math.ceil(lines.length / 2) },
      lines: lines.map((line) => ({ partition, value: Buffer.from(line, 'latin1') })),
    });
  }

  /** Nothing is left open: whoever begins anew under an id ends what was begun under it. */
  async settle(): Promise<void> {
    const { bootstrap, stream } = this.#place;
    for (const transactionalId of this.#ids)
      await produceTransaction({
        bootstrap,
        topic: stream.topic,
        transactionalId,
        end: 'leave-open',
        lines: [],
      });
  }
}
