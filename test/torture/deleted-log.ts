import { withAdminAt } from '../rig/kafka-rig.ts';
import { edgesOf, eachRecord, type LogPlace, type LogRecord } from './log-truth.ts';
import { streamName, type EventStream } from './numbered-events.ts';

/** As long as a burst and a restart of Java take; a stream that nobody writes to is left alone. */
const IDLE_LIMIT_MS = 15_000;

/**
 * What retention does, at a moment that the adversary chooses: the oldest records of a partition go, whether a gateway has them or not. They
 * are read first, with Kafka's own consumer, so that the judge knows what every one of them was.
 */
export class DeletedLog {
  readonly #place: () => LogPlace;
  readonly #group: string;
  readonly #records: LogRecord[] = [];

  constructor(place: () => LogPlace, group: string) {
    this.#place = place;
    this.#group = group;
  }

  /** Everything that may be gone; a deletion that failed leaves some that is still there. */
  get records(): readonly LogRecord[] {
    return this.#records;
  }

  /** Keeps about `keep` offsets at the end. Rejects when the log can't be read, or deleted from, now. */
  async deleteAllBut(keep: number, stream: EventStream): Promise<void> {
    const { topic, partition } = stream;
    const place = this.#place();
    // What was deleted before anybody took the partition was never promised: a group begins where the log does.
    if (!(await this.#isTaken(place.bootstrap, stream)))
      throw new Error(`${streamName(stream)} is not taken yet`);
    const start = (await edgesOf(place.bootstrap, topic, 'earliest')).get(partition) ?? 0;
    const end = (await edgesOf(place.bootstrap, topic, 'latest')).get(partition) ?? 0;
    const wanted = end - keep;
    if (wanted <= start) throw new Error(`${streamName(stream)} holds ${end - start} offsets only`);
    const read: LogRecord[] = [];
    const words = ['--partition', String(partition), '--offset', String(start)];
    // One record beyond it must be seen: then all before it were, with the holes that transactions leave.
    await eachRecord(
      { ...place, topic, words, idleMs: IDLE_LIMIT_MS },
      new Map([[partition, wanted + 1]]),
      (record) => {
        read.push(record);
      },
    );
    this.#records.push(...read);
    await withAdminAt(place.bootstrap, (admin) =>
      admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition, offset: BigInt(wanted) }] }] }),
    );
  }

  async #isTaken(bootstrap: string, { topic, partition }: EventStream): Promise<boolean> {
    const groups = await withAdminAt(bootstrap, (admin) =>
      admin.listConsumerGroupOffsets({ groups: [this.#group] }),
    );
    return groups
      .flatMap(({ topics }) => topics.filter(({ name }) => name === topic))
      .flatMap(({ partitions }) => partitions)
      .some((one) => one.partitionIndex === partition && one.committedOffset >= 0n);
  }
}
