import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasJava, javaProblem } from '../rig/jars.ts';
import { writePayloadFile } from '../rig/nginx-lines.ts';
import { produceFile, type Codec } from '../rig/produce.ts';
import { startRig, type Rig } from '../rig/rig.ts';
import { megabytes, progress, whole } from './bench-output.ts';

export const PARTITIONS = 3;
const INTERRUPTED = 130;
/** Real servers under load get what the JVM chooses by itself, and room for their caches. */
const KAFKA_HEAP_MB = 1_024;
const HDFS_HEAP_MB = 512;

/** A topic that is filled before anything is measured. */
export interface FilledTopic {
  readonly name: string;
  readonly events: number;
  /** Of the lines, line ends included: what plain files of them have. */
  readonly bytes: number;
  /** Records in each partition, for the judge. */
  readonly produced: ReadonlyMap<number, number>;
}

/** Kafka and HDFS of this run, with a directory for everything else; both go at the end of the `await using` block. */
export class BenchSite implements AsyncDisposable {
  readonly rig: Rig;
  readonly directory: string;

  private constructor(rig: Rig, directory: string) {
    this.rig = rig;
    this.directory = directory;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void this.#interrupted());
  }

  static async start(): Promise<BenchSite> {
    if (!hasJava()) throw new Error(`the benches need real servers: ${javaProblem()}`);
    progress('starting Kafka and HDFS');
    const directory = await mkdtemp(join(tmpdir(), 'headgate-bench-'));
    try {
      const rig = await startRig({
        kafka: { tuning: 'throughput', heapMb: KAFKA_HEAP_MB, onProgress: progress },
        hdfs: { tuning: 'throughput', heapMb: HDFS_HEAP_MB, onProgress: progress },
      });
      return new BenchSite(rig, directory);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Makes a topic and fills it with the first `events` nginx lines, over Kafka's own producer. */
  async fillTopic(name: string, events: number, codec: Codec = 'none'): Promise<FilledTopic> {
    progress(`${name}: producing ${whole(events)} lines (${codec})`);
    const file = join(this.directory, `${name}.txt`);
    const bytes = writePayloadFile(file, events, { partitions: PARTITIONS });
    await this.rig.kafka.createTopic(name, PARTITIONS);
    const bootstrap = this.rig.kafka.directBootstrap;
    const sent = await produceFile({ bootstrap, topic: name, file, partitions: PARTITIONS, codec });
    await rm(file);
    if (sent !== events) throw new Error(`${sent} lines were produced instead of ${events}`);
    progress(`${name}: ${megabytes(bytes)} of lines are in Kafka`);
    return { name, events, bytes, produced: recordsByPartition(events) };
  }

  /** The engine and Flume die with this process; the servers' data would stay. */
  async #interrupted(): Promise<void> {
    try {
      await this[Symbol.asyncDispose]();
    } finally {
      process.exit(INTERRUPTED);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    progress('stopping the servers');
    await this.rig.stop();
    if (process.env['HEADGATE_RIG_KEEP'] !== '1')
      await rm(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Line n goes to partition n mod partitions. */
function recordsByPartition(events: number): Map<number, number> {
  const produced = new Map<number, number>();
  for (let partition = 0; partition < PARTITIONS; partition++)
    produced.set(partition, Math.ceil((events - partition) / PARTITIONS));
  return produced;
}
