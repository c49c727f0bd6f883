import { join } from 'node:path';
import { Producer, type MessageToProduce, type ProduceResult } from '@platformatic/kafka';
import { runJavaOrThrow } from './java-process.ts';
import { setTimeout as wait } from 'node:timers/promises';
import { ensureJars, jarsOf } from './jars.ts';

export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** One record. Without `partition` the records go round the partitions in turn, in the order they come. */
export interface LineToProduce {
  readonly partition?: number;
  readonly key?: string | Buffer;
  readonly value: string | Buffer;
  readonly timestampMs?: number;
  readonly headers?: Readonly<Record<string, string | Buffer>>;
}

export interface ProduceTarget {
  readonly bootstrap: string;
  readonly topic: string;
  /** How many partitions the topic has, for records without one of their own. Default 1. */
  readonly partitions?: number;
  readonly codec?: Codec;
  /** Records a request, which makes one record batch for each of its partitions. Default 1000. */
  readonly batch?: number;
}

/** First and last offset written to each partition. */
export type WrittenOffsets = ReadonlyMap<
  number,
  { readonly first: bigint; readonly last: bigint; readonly count: number }
>;

type MutableOffsets = Map<number, { first: bigint; last: bigint; count: number }>;
type Records = Iterable<LineToProduce> | AsyncIterable<LineToProduce>;
type Message = MessageToProduce;
type Begun = Awaited<ReturnType<Producer['beginTransaction']>>;

const BATCH = 1_000;
const TIMEOUT_MS = 30_000;
const BEGIN_ATTEMPTS_MAX = 30;
const BEGIN_RETRY_MS = 100;
/** Without it the client claims to be producer 0 in epoch 0, and a transactional id that was used before answers PRODUCER_FENCED. */
const FRESH_PRODUCER = { producerId: -1n, producerEpoch: -1 };

/** Produces records in order, acks=all, with an idempotent producer; answers the offsets they got. About 150,000 lines a second. */
export async function produceLines(
  target: ProduceTarget & { readonly lines: Records },
): Promise<WrittenOffsets> {
  const producer = newProducer(target.bootstrap, undefined);
  const written: MutableOffsets = new Map();
  try {
    for await (const messages of batchesOf(target)) {
      const result = await producer.send({ messages, compression: target.codec ?? 'none', acks: -1 });
      note(written, messages, result);
    }
  } finally {
    await producer.close();
  }
  return written;
}

/**
 * Produces records in one transaction and ends it as told. 'leave-open' closes the connection without an end: the transaction
 * hangs, and holds back the last stable offset, until the broker aborts it after its timeout of 30 s.
 */
export async function produceTransaction(
  target: ProduceTarget & {
    readonly lines: Records;
    readonly transactionalId: string;
    readonly end: 'commit' | 'abort' | 'leave-open';
  },
): Promise<WrittenOffsets> {
  const { producer, transaction } = await beginTransaction(target.bootstrap, target.transactionalId);
  const written: MutableOffsets = new Map();
  try {
    for await (const messages of batchesOf(target)) {
      const result = await transaction.send({ messages, compression: target.codec ?? 'none' });
      note(written, messages, result);
    }
    if (target.end === 'commit') await transaction.commit();
    if (target.end === 'abort') await transaction.abort();
  } finally {
    await producer.close(true);
  }
  return written;
}

/**
 * Produces each line of a file with Kafka's own Java producer, for the bench: 5 million lines in some 10 s, real Java codec frames.
 * `partitionOf`: 'round-robin' sends line n to partition n mod `partitions`. Answers the number of lines.
 */
export async function produceFile(
  target: ProduceTarget & { readonly file: string; readonly heapMb?: number },
): Promise<number> {
  const jars = await ensureJars('kafka');
  const { bootstrap, topic, file, partitions = 1, codec = 'none' } = target;
  const source = join(import.meta.dirname, 'java', 'ProduceFile.java');
  const output = await runJavaOrThrow('producing a file', {
    classPath: [jarsOf(jars)],
    // Given a source file instead of a class, the JDK compiles it in memory.
    mainClass: source,
    args: [bootstrap, topic, file, String(partitions), codec],
    heapMb: target.heapMb ?? 512,
    tuning: 'throughput',
    flags: ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'],
  });
  const count = /^lines (\d+)$/m.exec(output)?.[1];
  if (count === undefined) throw new Error(`the producer did not tell how many lines it sent: ${output}`);
  return Number(count);
}

/**
 * Right after an end of the same transactional id the broker still writes its markers and answers CONCURRENT_TRANSACTIONS. A
 * producer that retries by itself then is told that it is fenced, so every attempt takes a new one.
 */
async function beginTransaction(
  bootstrap: string,
  transactionalId: string,
): Promise<{ producer: Producer; transaction: Begun }> {
  for (let attempt = 1; ; attempt++) {
    const producer = newProducer(bootstrap, transactionalId);
    try {
      return { producer, transaction: await producer.beginTransaction(FRESH_PRODUCER) };
    } catch (error) {
      await producer.close(true);
      if (attempt === BEGIN_ATTEMPTS_MAX) throw error;
      await wait(BEGIN_RETRY_MS);
    }
  }
}

function newProducer(bootstrap: string, transactionalId: string | undefined): Producer {
  return new Producer({
    clientId: 'headgate-rig-producer',
    bootstrapBrokers: bootstrap.split(','),
    idempotent: true,
    timeout: TIMEOUT_MS,
    retries: transactionalId === undefined ? 5 : 0,
    ...(transactionalId === undefined ? {} : { transactionalId }),
  });
}

async function* batchesOf(target: ProduceTarget & { readonly lines: Records }): AsyncGenerator<Message[]> {
  const { topic, partitions = 1, batch = BATCH } = target;
  let messages: Message[] = [];
  let turn = 0;
  for await (const line of target.lines) {
    const partition = line.partition ?? turn++ % partitions;
    messages.push(toMessage(topic, partition, line));
    if (messages.length < batch) continue;
    yield messages;
    messages = [];
  }
  if (messages.length > 0) yield messages;
}

function toMessage(topic: string, partition: number, line: LineToProduce): Message {
  const headers = new Map(
    Object.entries(line.headers ?? {}).map(([name, value]) => [Buffer.from(name), toBuffer(value)]),
  );
  return {
    topic,
    partition,
    value: toBuffer(line.value),
    ...(line.key === undefined ? {} : { key: toBuffer(line.key) }),
    ...(line.timestampMs === undefined ? {} : { timestamp: BigInt(line.timestampMs) }),
    ...(headers.size === 0 ? {} : { headers }),
  };
}

function toBuffer(content: string | Buffer): Buffer {
  return typeof content === 'string' ? Buffer.from(content) : content;
}

function note(written: MutableOffsets, messages: readonly Message[], result: ProduceResult): void {
  const counts = new Map<number, number>();
  for (const { partition = 0 } of messages) counts.set(partition, (counts.get(partition) ?? 0) + 1);
  for (const { partition, offset } of result.offsets ?? []) {
    const count = counts.get(partition) ?? 0;
    const last = offset + BigInt(count) - 1n;
    const known = written.get(partition);
    written.set(partition, { first: known?.first ?? offset, last, count: (known?.count ?? 0) + count });
  }
}
