import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Admin } from '@platformatic/kafka';
import { freePorts } from './free-port.ts';
import { ensureJars } from './jars.ts';
import { isPortOpen, JavaServer, runJavaOrThrow } from './java-process.ts';
import {
  formatKafka,
  KAFKA_HEAP_MB,
  kafkaCommand,
  propertiesText,
  serverProperties,
  usersOf,
  type KafkaOptions,
  type KafkaPorts,
} from './kafka-configuration.ts';
import { makeTlsMaterial, type SaslUser, type TlsMaterial } from './kafka-security.ts';
import { makeRunDirectory, removeRunDirectory } from './run-directory.ts';
import { startProxy, type TcpProxy } from './tcp-proxy.ts';
import { until } from './until.ts';

export type { KafkaOptions };

const ADMIN_TIMEOUT_MS = 20_000;
const GROUP_COORDINATOR = 0;
const TRANSACTION_COORDINATOR = 1;

export interface TopicOffsets {
  readonly earliest: bigint;
  readonly latest: bigint;
}

/** Starts a one-node Kafka (KRaft) on free ports; it dies with this process. About 4 s. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaRig> {
  const jars = await ensureJars('kafka', options);
  const directory = await makeRunDirectory('kafka');
  try {
    return await KafkaRig.create(jars, directory, options);
  } catch (error) {
    await removeRunDirectory(directory);
    throw error;
  }
}

interface KafkaParts {
  readonly directory: string;
  readonly jars: string;
  readonly ports: KafkaPorts;
  readonly proxy: TcpProxy | undefined;
  readonly tls: TlsMaterial | undefined;
  readonly options: KafkaOptions;
  readonly server: JavaServer;
}

export class KafkaRig {
  readonly #parts: KafkaParts;

  private constructor(parts: KafkaParts) {
    this.#parts = parts;
  }

  static async create(jars: string, directory: string, options: KafkaOptions): Promise<KafkaRig> {
    const [client, internal, controller] = await freePorts(3);
    if (client === undefined || internal === undefined || controller === undefined)
      throw new Error('no ports');
    const ports = { client, internal, controller };
    const proxy =
      options.isProxied === true
        ? await startProxy({ target: { host: '127.0.0.1', port: client } })
        : undefined;
    try {
      const tls = options.isTls === true ? await makeTlsMaterial(directory) : undefined;
      const advertised = options.advertised ?? `127.0.0.1:${proxy?.port ?? client}`;
      const properties = serverProperties({ directory, ports, advertised, options, tls });
      const file = join(directory, 'kafka.properties');
      await writeFile(file, propertiesText(properties));
      await formatKafka({ jars, directory, properties, options });
      const command = kafkaCommand(jars, options);
      const server = new JavaServer({
        ...command,
        mainClass: 'kafka.Kafka',
        args: [file],
        name: 'kafka',
        logDirectory: directory,
        // The broker opens its sockets when it serves; the internal listener opens with the clients' one.
        isReady: async () => (await isPortOpen(client)) && (await isServing(internal)),
      });
      await server.start();
      await createInternalTopics(`127.0.0.1:${internal}`);
      return new KafkaRig({ directory, jars, ports, proxy, tls, options, server });
    } catch (error) {
      await proxy?.stop();
      throw error;
    }
  }

  /** `host:port` for the system under test: through the proxy when there is one, with SASL and TLS as asked for. */
  get bootstrap(): string {
    return this.#parts.options.advertised ?? `127.0.0.1:${this.port}`;
  }

  get port(): number {
    return this.#parts.proxy?.port ?? this.#parts.ports.client;
  }

  /** Plain text, no SASL, never proxied: for producing and judging while the link of the system under test suffers. */
  get directBootstrap(): string {
    return `127.0.0.1:${this.#parts.ports.internal}`;
  }

  /** The broker's real client port, behind the proxy. */
  get brokerPort(): number {
    return this.#parts.ports.client;
  }

  get dataDir(): string {
    return join(this.#parts.directory, 'data');
  }

  get logFile(): string {
    return this.#parts.server.logFile;
  }

  /** Directory with Kafka's jars, for tools such as `org.apache.kafka.tools.ConsumerPerformance`. */
  get jarsDirectory(): string {
    return this.#parts.jars;
  }

  /** The proxy of `isProxied`; throws without it. */
  get proxy(): TcpProxy {
    if (this.#parts.proxy === undefined) throw new Error('this Kafka was started without isProxied');
    return this.#parts.proxy;
  }

  /** The certificate authority for `isTls`; undefined without it. */
  get caPem(): string | undefined {
    return this.#parts.tls?.caPem;
  }

  get users(): readonly SaslUser[] {
    return usersOf(this.#parts.options);
  }

  get pid(): number | undefined {
    return this.#parts.server.pid;
  }

  get isRunning(): boolean {
    return this.#parts.server.isRunning;
  }

  /** Runs one of Kafka's own tools to its end and answers its output. A JVM start: about 1 s. */
  runTool(mainClass: string, args: readonly string[], heapMb = KAFKA_HEAP_MB): Promise<string> {
    const command = { ...kafkaCommand(this.#parts.jars, { heapMb, tuning: 'throughput' }), mainClass, args };
    return runJavaOrThrow(mainClass, command);
  }

  /** Orderly stop and start, same ports and data. */
  restart(): Promise<void> {
    return this.#parts.server.restart();
  }

  /** SIGKILL; `start()` brings it back with the same ports and data. */
  kill(): Promise<void> {
    return this.#parts.server.kill();
  }

  start(): Promise<void> {
    return this.#parts.server.start();
  }

  /** Freezes the broker with its sockets open. */
  pause(): void {
    this.#parts.server.pause();
  }

  continue(): void {
    this.#parts.server.continue();
  }

  /** Ends the server and removes its data. */
  async stop(): Promise<void> {
    await this.#parts.server.kill();
    await this.#parts.proxy?.stop();
    await removeRunDirectory(this.#parts.directory);
  }

  async createTopic(
    name: string,
    partitions: number,
    config: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const configs = Object.entries(config).map(([key, value]) => ({ name: key, value }));
    await this.withAdmin((admin) => admin.createTopics({ topics: [name], partitions, replicas: 1, configs }));
  }

  async deleteTopic(name: string): Promise<void> {
    await this.withAdmin((admin) => admin.deleteTopics({ topics: [name] }));
  }

  /** Raises the number of partitions to `count`. */
  async addPartitions(topic: string, count: number): Promise<void> {
    await this.withAdmin((admin) => admin.createPartitions({ topics: [{ name: topic, count }] }));
  }

  /** What retention does, at once: the partition's earliest offset becomes `before`. */
  async deleteRecords(topic: string, partition: number, before: bigint): Promise<void> {
    await this.withAdmin((admin) =>
      admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition, offset: before }] }] }),
    );
  }

  /** Earliest offset and end (the next to be written) of each of the partitions 0 … count-1. */
  async offsets(topic: string, partitions: number): Promise<TopicOffsets[]> {
    const list = async (timestamp: bigint): Promise<Map<number, bigint>> => {
      const wanted = Array.from({ length: partitions }, (_, partitionIndex) => ({
        partitionIndex,
        timestamp,
      }));
      const answer = await this.withAdmin((admin) =>
        admin.listOffsets({ topics: [{ name: topic, partitions: wanted }] }),
      );
      const found = answer.flatMap((one) => one.partitions);
      return new Map(found.map((one) => [one.partitionIndex, one.offset]));
    };
    const [earliest, latest] = [await list(-2n), await list(-1n)];
    return Array.from({ length: partitions }, (_, index) => {
      const pair = { earliest: earliest.get(index), latest: latest.get(index) };
      if (pair.earliest === undefined || pair.latest === undefined)
        throw new Error(`no offsets for ${topic} ${index}`);
      return { earliest: pair.earliest, latest: pair.latest };
    });
  }

  /** Runs one admin call over the direct listener, with a connection of its own. */
  withAdmin<Answer>(call: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    return withAdminAt(this.directBootstrap, call);
  }
}

export async function withAdminAt<Answer>(
  bootstrap: string,
  call: (admin: Admin) => Promise<Answer>,
): Promise<Answer> {
  const admin = new Admin({
    clientId: 'headgate-rig',
    bootstrapBrokers: bootstrap.split(','),
    timeout: ADMIN_TIMEOUT_MS,
    retries: 5,
    retryDelay: 200,
  });
  try {
    return await call(admin);
  } finally {
    await admin.close();
  }
}

async function isServing(port: number): Promise<boolean> {
  if (!(await isPortOpen(port))) return false;
  const metadata = await withAdminAt(`127.0.0.1:${port}`, (admin) => admin.metadata({ topics: [] }));
  return metadata.brokers.size > 0;
}

/**
 * The first question for a coordinator makes the broker create the topic behind it, and some clients don't survive the
 * "not available" meanwhile. Sites have these topics; so has the rig before anyone uses it.
 */
export async function createInternalTopics(bootstrap: string): Promise<void> {
  for (const keyType of [GROUP_COORDINATOR, TRANSACTION_COORDINATOR] as const) {
    await until('Kafka finds its coordinators', () =>
      withAdminAt(bootstrap, (admin) => admin.findCoordinator({ keyType, keys: ['headgate-rig'] })).then(
        (found) => found.length > 0,
        () => false,
      ),
    );
  }
}
