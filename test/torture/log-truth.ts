import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { withAdminAt } from '../rig/kafka-rig.ts';
import { javaCommand, jarsOf } from '../rig/jars.ts';
import { guardProcess, releaseProcess } from '../rig/orphan-guard.ts';
import { eventIdOf, kindOf, STREAMS, type EventKind, type StreamName } from './numbered-events.ts';

/** Longer than a transaction that nobody ends holds back what comes behind it. */
const IDLE_LIMIT_MS = 75_000;
/** What Kafka's ListOffsets calls the end of a log. */
const LATEST = -1n;
const LINE = /^Partition:(\d+)\tOffset:(\d+)\t(.*)$/;

/** One stream as the log holds it: what has to be found again, and where. */
export interface StreamTruth {
  /** The offset of each number, by number; undefined for one that was never written. */
  readonly offsets: readonly (number | undefined)[];
  /** By offset. */
  readonly kinds: ReadonlyMap<number, EventKind>;
  /** The offset after the last record. */
  readonly end: number;
}

export interface LogTruth {
  readonly streams: ReadonlyMap<StreamName, StreamTruth>;
  readonly counts: Readonly<Record<EventKind, number>>;
  /** Numbers that stand in the log more than once: the producer's fault, and the run proves nothing then. */
  readonly repeated: readonly string[];
}

/**
 * Reads the topics from their beginning with Kafka's own consumer, which shares no code with the engine: what stands in the log is
 * what has to land, whatever the producers were told.
 */
export async function readLog(options: {
  readonly jars: string;
  readonly bootstrap: string;
  readonly topics: readonly string[];
}): Promise<LogTruth> {
  const streams = new Map<StreamName, MutableTruth>();
  const counts = { plain: 0, noise: 0, oversize: 0 };
  const repeated: string[] = [];
  for (const topic of options.topics) {
    await eachRecord({ ...options, topic }, (partition, offset, value) => {
      const id = eventIdOf(value);
      const name: StreamName = `${topic}/${partition}`;
      if (id?.stream !== name)
        throw new Error(`a foreign record in ${name} at ${offset}: ${value.slice(0, 200)}`);
      let truth = streams.get(name);
      if (truth === undefined) streams.set(name, (truth = { offsets: [], kinds: new Map(), end: 0 }));
      if (truth.offsets[id.sequence] !== undefined) repeated.push(`${name}-${id.sequence}`);
      const kind = kindOf(value);
      counts[kind]++;
      truth.offsets[id.sequence] = offset;
      truth.kinds.set(offset, kind);
      truth.end = Math.max(truth.end, offset + 1);
    });
  }
  return { streams, counts, repeated };
}

interface MutableTruth {
  readonly offsets: (number | undefined)[];
  readonly kinds: Map<number, EventKind>;
  end: number;
}

/** Record by record until the end that every partition has now; the consumer is ended then. */
async function eachRecord(
  from: { readonly jars: string; readonly bootstrap: string; readonly topic: string },
  take: (partition: number, offset: number, value: string) => void,
): Promise<void> {
  const left = await endsOf(from.bootstrap, from.topic);
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
    take(partition, offset, found[3] ?? '');
    if (offset + 1 >= (left.get(partition) ?? 0)) left.delete(partition);
    if (left.size === 0) break;
  }
  child.kill('SIGKILL');
  await ended;
  if (pid !== undefined) releaseProcess(pid);
  if (left.size > 0)
    throw new Error(`the log of ${from.topic} could not be read to its end: ${complaints.slice(-2_000)}`);
}

function consumerWords(from: {
  readonly jars: string;
  readonly bootstrap: string;
  readonly topic: string;
}): string[] {
  return [
    ...['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Dfile.encoding=ISO-8859-1'],
    ...['-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', jarsOf(from.jars)],
    'org.apache.kafka.tools.consumer.ConsoleConsumer',
    ...['--bootstrap-server', from.bootstrap, '--topic', from.topic, '--from-beginning'],
    ...['--isolation-level', 'read_committed', '--timeout-ms', String(IDLE_LIMIT_MS)],
    ...['--property', 'print.partition=true', '--property', 'print.offset=true'],
  ];
}

/** The end of each partition that holds anything. */
async function endsOf(bootstrap: string, topic: string): Promise<Map<number, number>> {
  const partitions = STREAMS.filter((stream) => stream.topic === topic).map(({ partition }) => ({
    partitionIndex: partition,
    timestamp: LATEST,
  }));
  const answer = await withAdminAt(bootstrap, (admin) =>
    admin.listOffsets({ topics: [{ name: topic, partitions }] }),
  );
  const found = answer.flatMap((one) => one.partitions);
  return new Map(
    found.map((one) => [one.partitionIndex, Number(one.offset)] as const).filter(([, end]) => end > 0),
  );
}
