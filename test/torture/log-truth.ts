import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { withAdminAt } from '../rig/kafka-rig.ts';
import { javaCommand, jarsOf } from '../rig/jars.ts';
import { guardProcess, releaseProcess } from '../rig/orphan-guard.ts';
import { eventIdOf, kindOf, STREAMS, type EventKind, type StreamName } from './numbered-events.ts';

/** Longer than a transaction that nobody ends holds back what comes behind it. */
const IDLE_LIMIT_MS = 75_000;
/** What Kafka's ListOffsets calls the two ends of a log. */
const EDGES = { latest: -1n, earliest: -2n } as const;
const LINE = /^Partition:(\d+)\tOffset:(\d+)\t(.*)$/;

/** One stream as the log holds it: what has to be found again, and where. */
export interface StreamTruth {
  /** The offset of each number, by number; undefined for one that was never written. */
  readonly offsets: readonly (number | undefined)[];
  /** By offset. */
  readonly kinds: ReadonlyMap<number, EventKind>;
  /** The first offset that the broker still has: what is before it was deleted, and may be a gap. */
  readonly start: number;
  /** The offset after the last record. */
  readonly end: number;
}

export interface LogTruth {
  readonly streams: ReadonlyMap<StreamName, StreamTruth>;
  readonly counts: Readonly<Record<EventKind, number>>;
  /** Numbers that stand in the log more than once: the producer's fault, and the run proves nothing then. */
  readonly repeated: readonly string[];
}

/** A record as Kafka's own consumer printed it. */
export interface LogRecord {
  readonly stream: StreamName;
  readonly offset: number;
  readonly value: string;
}

export interface LogPlace {
  readonly jars: string;
  readonly bootstrap: string;
}

/**
 * Reads the topics from their beginning with Kafka's own consumer, which shares no code with the engine: what stands in the log is
 * what has to land, whatever the producers were told. `deleted` are records that stood there and were read before they were deleted.
 */
export async function readLog(
  from: LogPlace & { readonly topics: readonly string[] },
  deleted: readonly LogRecord[] = [],
): Promise<LogTruth> {
  const tally = new Tally();
  for (const record of deleted) tally.take(record);
  for (const topic of from.topics) {
    const left = await edgesOf(from.bootstrap, topic, 'latest');
    for (const [partition, end] of left) if (end === 0) left.delete(partition);
    await eachRecord({ ...from, topic, words: ['--from-beginning'], idleMs: IDLE_LIMIT_MS }, left, (record) =>
      tally.take(record),
    );
    for (const [partition, start] of await edgesOf(from.bootstrap, topic, 'earliest'))
      tally.startsAt(`${topic}/${partition}`, start);
  }
  return tally.truth();
}

/** Gathers records into what the judge knows; one that is told of twice is one. */
class Tally {
  readonly #streams = new Map<
    StreamName,
    { offsets: (number | undefined)[]; kinds: Map<number, EventKind>; start: number; end: number }
  >();
  readonly #counts = { plain: 0, noise: 0, oversize: 0 };
  readonly #repeated: string[] = [];

  take({ stream, offset, value }: LogRecord): void {
    const id = eventIdOf(value);
    if (id?.stream !== stream)
      throw new Error(`a foreign record in ${stream} at ${offset}: ${value.slice(0, 200)}`);
    const truth = this.#of(stream);
    if (truth.kinds.has(offset)) return;
    if (truth.offsets[id.sequence] !== undefined) this.#repeated.push(`${stream}-${id.sequence}`);
    const kind = kindOf(value);
    this.#counts[kind]++;
    truth.offsets[id.sequence] = offset;
    truth.kinds.set(offset, kind);
    truth.end = Math.max(truth.end, offset + 1);
  }

  startsAt(stream: StreamName, start: number): void {
    this.#of(stream).start = start;
  }

  truth(): LogTruth {
    return { streams: this.#streams, counts: this.#counts, repeated: this.#repeated };
  }

  #of(stream: StreamName) {
    let truth = this.#streams.get(stream);
    if (truth === undefined)
      this.#streams.set(stream, (truth = { offsets: [], kinds: new Map(), start: 0, end: 0 }));
    return truth;
  }
}

interface Reading extends LogPlace {
  readonly topic: string;
  /** Where the consumer begins. */
  readonly words: readonly string[];
  /** Without a record for so long it gives up. */
  readonly idleMs: number;
}

/** Record by record until every partition has reached its end in `left`; the consumer is ended then. */
export async function eachRecord(
  from: Reading,
  left: Map<number, number>,
  take: (record: LogRecord) => void,
): Promise<void> {
  if (left.size === 0) return;
  const child = spawn(javaCommand(), consumerWords(from), { stdio: ['ignore', 'pipe', 'pipe'] });
  const { pid } = child;
  if (pid !== undefined) guardProcess(pid);
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  child.stdout.setEncoding('latin1');
  for await (const line of createInterface({ input: child.stdout })) {
    const found = LINE.exec(line);
    if (found === null) throw new Error(`the consumer printed ${JSON.stringify(line.slice(0, 200))}`);
    const [partition, offset] = [Number(found[1]), Number(found[2])];
    take({ stream: `${from.topic}/${partition}`, offset, value: found[3] ?? '' });
    if (offset + 1 >= (left.get(partition) ?? 0)) left.delete(partition);
    if (left.size === 0) break;
  }
  child.kill('SIGKILL');
  await ended;
  if (pid !== undefined) releaseProcess(pid);
  if (left.size > 0)
    throw new Error(`the log of ${from.topic} could not be read to its end: ${complaints.slice(-2_000)}`);
}

function consumerWords({ jars, bootstrap, topic, words, idleMs }: Reading): string[] {
  return [
    ...['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Dfile.encoding=ISO-8859-1'],
    ...['-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', jarsOf(jars)],
    'org.apache.kafka.tools.consumer.ConsoleConsumer',
    ...['--bootstrap-server', bootstrap, '--topic', topic, ...words],
    ...['--isolation-level', 'read_committed', '--timeout-ms', String(idleMs)],
    ...['--property', 'print.partition=true', '--property', 'print.offset=true'],
  ];
}

/** The first offset of each partition, or the one after the last. */
export async function edgesOf(
  bootstrap: string,
  topic: string,
  edge: keyof typeof EDGES,
): Promise<Map<number, number>> {
  const partitions = STREAMS.filter((stream) => stream.topic === topic).map(({ partition }) => ({
    partitionIndex: partition,
    timestamp: EDGES[edge],
  }));
  const answer = await withAdminAt(bootstrap, (admin) =>
    admin.listOffsets({ topics: [{ name: topic, partitions }] }),
  );
  const found = answer.flatMap((one) => one.partitions);
  return new Map(found.map((one) => [one.partitionIndex, Number(one.offset)] as const));
}
