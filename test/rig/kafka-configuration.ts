import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { copyFormatted } from './formatted-store.ts';
import { jarsOf } from './jars.ts';
import { runJavaOrThrow, type JavaCommand } from './java-process.ts';
import {
  saslProperties,
  scramFormatArguments,
  type SaslKind,
  type SaslUser,
  type TlsMaterial,
} from './kafka-security.ts';

export const KAFKA_HEAP_MB = 512;
const CLUSTER_ID = 'headgate-rig-cluster-1';

export interface KafkaPorts {
  readonly client: number;
  readonly internal: number;
  readonly controller: number;
}

export interface KafkaOptions {
  readonly onProgress?: (message: string) => void;
  /** Puts a `TcpProxy` before the broker and advertises the proxy: `bootstrap` then leads through it. */
  readonly isProxied?: boolean;
  /** Advertises this `host:port` to clients of `bootstrap` instead, e.g. of a proxy of your own. */
  readonly advertised?: string;
  /** Further server properties, which win over the rig's. */
  readonly properties?: Readonly<Record<string, string>>;
  readonly sasl?: SaslKind;
  /** For `sasl`. Default: one user `headgate`, password `headgate-secret`. */
  readonly users?: readonly SaslUser[];
  readonly isTls?: boolean;
  /** Default 512. */
  readonly heapMb?: number;
  /** See `JavaCommand`; 'throughput' for the bench. */
  readonly tuning?: 'start-up' | 'throughput';
}

/** The users that may sign in. */
export function usersOf(options: KafkaOptions): readonly SaslUser[] {
  return options.users ?? [{ username: 'headgate', password: 'headgate-secret' }];
}

export function kafkaCommand(
  jars: string,
  options: Pick<KafkaOptions, 'heapMb' | 'tuning'>,
): Omit<JavaCommand, 'mainClass'> {
  return {
    classPath: [jarsOf(jars)],
    heapMb: options.heapMb ?? KAFKA_HEAP_MB,
    tuning: options.tuning ?? 'start-up',
    flags: ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-Dorg.slf4j.simpleLogger.showDateTime=true'],
  };
}

export interface FormatInputs {
  readonly jars: string;
  readonly directory: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly options: KafkaOptions;
}

/** Prepares `<directory>/data` for the first start. */
export async function formatKafka({ jars, directory, properties, options }: FormatInputs): Promise<void> {
  const formatTo = async (target: string): Promise<void> => {
    const file = join(directory, 'format.properties');
    await writeFile(file, propertiesText({ ...properties, 'log.dirs': target }));
    const args = ['format', '-t', CLUSTER_ID, '-c', file];
    if (options.sasl === 'scram') args.push(...scramFormatArguments(usersOf(options)));
    const command = { ...kafkaCommand(jars, options), mainClass: 'kafka.tools.StorageTool', args };
    await runJavaOrThrow('formatting the Kafka data directory', command);
  };
  const target = join(directory, 'data');
  // Users and a site's own properties may be written into the fresh log, so only the plain case is copied.
  const isPlain = options.sasl !== 'scram' && options.properties === undefined;
  if (isPlain) await copyFormatted('kafka', target, formatTo);
  else await formatTo(target);
}

export function propertiesText(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

export interface PropertyInputs {
  readonly directory: string;
  readonly ports: KafkaPorts;
  readonly advertised: string;
  readonly options: KafkaOptions;
  readonly tls: TlsMaterial | undefined;
}

export function serverProperties({
  directory,
  ports,
  advertised,
  options,
  tls,
}: PropertyInputs): Record<string, string> {
  const protocol = `${options.sasl === undefined ? '' : 'SASL_'}${options.isTls === true ? 'SSL' : 'PLAINTEXT'}`;
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${ports.controller}`,
    listeners: `CLIENT://127.0.0.1:${ports.client},INTERNAL://127.0.0.1:${ports.internal},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': `CLIENT://${advertised},INTERNAL://127.0.0.1:${ports.internal}`,
    'listener.security.protocol.map': `CLIENT:${protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    'inter.broker.listener.name': 'INTERNAL',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(directory, 'data'),
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    // After a SIGKILL the node waits until its own old registration has timed out.
    'broker.session.timeout.ms': '2000',
    'broker.heartbeat.interval.ms': '500',
    'group.min.session.timeout.ms': '1000',
    // Retention tests should not wait half a minute for the first look at the logs.
    'log.initial.task.delay.ms': '500',
    'log.retention.check.interval.ms': '1000',
    // Tests write events of long ago: with the usual seven days the broker would delete them within a second of its first check.
    'log.retention.ms': '-1',
    'log.cleaner.dedupe.buffer.size': '4194304',
    'num.network.threads': '2',
    'num.io.threads': '4',
    'message.max.bytes': '16777216',
    ...(options.sasl === undefined ? {} : saslProperties(options.sasl, usersOf(options))),
    ...tls?.properties,
    ...options.properties,
  };
}
