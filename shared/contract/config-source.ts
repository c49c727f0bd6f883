/** Sources as the file names them (Flume's Kafka source: `flume-properties.md` §2.1; selectors §3). */
import * as z from 'zod';
import {
  anyText,
  checked,
  choice,
  duration,
  endpoints,
  flag,
  integer,
  size,
  startPoint,
  text,
  textMap,
  texts,
} from './config-fields.ts';
import { batchSize, interceptorsSchema } from './config-interceptor.ts';
import {
  alias,
  defaulted,
  family,
  ignored,
  optional,
  refused,
  required,
  secret,
  tableSchema,
  variantsSchema,
} from './config-table.ts';
import { MIB, SECOND_MS } from '../units.ts';

/** Paths of PEM files, and the passphrase of the key. */
export const certificateKeys = {
  ca: optional('caPath', text),
  cert: optional('certPath', text),
  key: optional('keyPath', text),
  passphrase: secret(optional('passphrase', text)),
} as const;
const tlsKeys = {
  ...certificateKeys,
  serverName: optional('serverName', text),
  verifyHostname: defaulted('isHostnameVerified', flag, true),
} as const;
const tlsSchema = tableSchema(tlsKeys, { what: 'tls' });
export type TlsConfig = z.output<typeof tlsSchema>;

const saslKeys = {
  mechanism: required('mechanism', choice(['plain', 'scram-sha-256', 'scram-sha-512'])),
  username: required('username', text),
  password: secret(required('password', text)),
} as const;
const saslSchema = tableSchema(saslKeys, { what: 'sasl' });

const securityKeys = {
  sasl: optional('sasl', saslSchema),
  tls: optional('tls', tlsSchema),
} as const;
export const securitySchema = tableSchema(securityKeys, { what: 'security' });
export type SecurityConfig = z.output<typeof securitySchema>;

const selectorKeys = {
  replicating: {
    optional: ignored(
      'all channels of a source are written in one transaction, so an optional channel is as sure as a required one',
    ),
  },
  multiplexing: {
    header: defaulted('header', text, 'flume.selector.header'),
    mapping: required('mapping', textMap(texts(), 'mapping')),
    default: defaulted('defaultChannels', texts({ isEmptyAllowed: true }), []),
    /** Channels added for a value; written in the same transaction as the others, so as sure as they are. */
    optional: defaulted('optional', textMap(texts(), 'optional'), {}),
  },
} as const;
const selectorSchema = variantsSchema(selectorKeys, {
  what: 'a selector',
  fallbackType: 'replicating',
  refusedTypes: {
    load_balancing:
      'it would send the offsets of one partition to channels at random; use several gateways or sinks instead',
  },
  aliases: {
    'org.apache.flume.channel.replicatingchannelselector': 'replicating',
    'org.apache.flume.channel.multiplexingchannelselector': 'multiplexing',
  },
});
export type SelectorConfig = z.output<typeof selectorSchema>;

const flowKeys = {
  interceptors: defaulted('interceptors', interceptorsSchema, []),
  selector: defaulted('selector', selectorSchema, { type: 'replicating' }),
  channels: required('channels', texts()),
} as const;

const useSecurity = 'Use "security: { sasl: …, tls: … }".';
const fixedByHeadgate =
  'Headgate sets it itself, for an offset must be committed only when its events are durable';

/** Settings of Kafka's consumer that Flume passes through; the rest has no meaning here. */
const consumerKeys = {
  'kafka.consumer.group.id': optional(
    'consumerGroupId',
    checked(text, (id) => id.length <= 200, ['a group id longer than 200 characters', 'Shorten it.']),
  ),
  'kafka.consumer.auto.offset.reset': alias('startAt', startPoint),
  'kafka.consumer.session.timeout.ms': defaulted(
    'sessionTimeoutMs',
    duration({ bareUnit: 'ms', minMs: SECOND_MS }),
    '30s',
  ),
  'kafka.consumer.heartbeat.interval.ms': defaulted(
    'heartbeatIntervalMs',
    duration({ bareUnit: 'ms', minMs: 100 }),
    '3s',
  ),
  'kafka.consumer.max.poll.interval.ms': defaulted(
    'rebalanceTimeoutMs',
    duration({ bareUnit: 'ms', minMs: SECOND_MS }),
    '60s',
  ),
  'kafka.consumer.request.timeout.ms': defaulted(
    'requestTimeoutMs',
    duration({ bareUnit: 'ms', minMs: SECOND_MS }),
    '30s',
  ),
  'kafka.consumer.socket.connection.setup.timeout.ms': defaulted(
    'connectionTimeoutMs',
    duration({ bareUnit: 'ms', minMs: 100 }),
    '10s',
  ),
  'kafka.consumer.metadata.max.age.ms': defaulted(
    'metadataMaxAgeMs',
    duration({ bareUnit: 'ms', minMs: SECOND_MS }),
    '10s',
  ),
  'kafka.consumer.max.partition.fetch.bytes': alias('maxPartitionBytes', size({ min: 1024, max: 64 * MIB })),
  'kafka.consumer.fetch.max.bytes': alias('maxFetchBytes', size({ min: 1024, max: 256 * MIB })),
  'kafka.consumer.fetch.min.bytes': ignored('a fetch is answered as soon as there is anything'),
  'kafka.consumer.fetch.max.wait.ms': ignored('batchDurationMillis says how long a fetch waits'),
  'kafka.consumer.isolation.level': defaulted(
    'isolationLevel',
    checked(
      choice(['read_committed', 'read_uncommitted']),
      (level): level is 'read_committed' => level === 'read_committed',
      ['read_uncommitted is refused: events of aborted transactions would land', 'Remove the line.'],
    ),
    'read_committed',
  ),
  'kafka.consumer.client.id': optional('clientId', text),
  'kafka.consumer.max.poll.records': ignored('batchSize bounds a pull'),
  'kafka.consumer.key.deserializer': ignored('keys and values are taken as bytes'),
  'kafka.consumer.value.deserializer': ignored('keys and values are taken as bytes'),
  'kafka.consumer.partition.assignment.strategy': ignored('partitions are shared out evenly'),
  'kafka.consumer.enable.auto.commit': refused(fixedByHeadgate, 'Remove the line.'),
  'kafka.consumer.auto.commit.interval.ms': refused(fixedByHeadgate, 'Remove the line.'),
  'kafka.consumer.bootstrap.servers': refused('Flume overwrites it too', 'Use "kafka.bootstrap.servers".'),
  'kafka.consumer.client.rack': refused(
    'reading from a follower can skip records with this client',
    'Remove the line.',
  ),
  'kafka.consumer.security.protocol': refused('security has a section of its own', useSecurity),
  'kafka.consumer.sasl.*': refused('security has a section of its own', useSecurity),
  'kafka.consumer.ssl.*': refused('security has a section of its own', useSecurity),
  'kafka.consumer.*': refused(
    'this consumer setting has no counterpart here',
    'Remove the line; `examples/full.yaml` shows the settings that have one.',
  ),
} as const;

const TOPIC = /^[A-Za-z0-9._-]{1,249}$/;
const topicNames = checked(
  texts({ separator: /\s*,\s*|\s+/ }),
  (names) => names.every((name) => TOPIC.test(name) && name !== '.' && name !== '..'),
  [
    'a name that no Kafka topic can have',
    'Letters, digits, dot, _ and -, at most 249. For a pattern use "kafka.topics.regex".',
  ],
);

export const MAX_FIXED_PARTITION = 100_000;
/** Only scalars: a map of the file has no prototype, and so no text. */
function itemText(item: unknown): string {
  return typeof item === 'string' || typeof item === 'number' ? String(item) : '';
}

const partitionNumbers = z.unknown().transform((raw, context): readonly number[] => {
  const items = Array.isArray(raw)
    ? raw.map(itemText)
    : typeof raw === 'string' || typeof raw === 'number'
      ? String(raw).split(/[\s,]+/)
      : [];
  const numbers = new Set<number>();
  for (const item of items) {
    const match = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(item);
    const from = Number(match?.[1] ?? Number.NaN);
    const to = Number(match?.[2] ?? from);
    const isGood = match !== null && from <= to && to <= MAX_FIXED_PARTITION;
    if (!isGood) {
      context.addIssue({
        code: 'custom',
        message: 'expected partition numbers',
        params: { hint: 'For example [0, 1, 2] or "0-11".', at: 'value' },
      });
      return z.NEVER;
    }
    for (let partition = from; partition <= to; partition++) numbers.add(partition);
  }
  if (numbers.size === 0)
    context.addIssue({
      code: 'custom',
      message: 'expected partition numbers',
      params: { hint: 'For example [0, 1, 2] or "0-11".', at: 'value' },
    });
  return [...numbers].sort((left, right) => left - right);
});

const kafkaKeys = {
  'kafka.bootstrap.servers': required('bootstrapServers', endpoints),
  'kafka.topics': optional('topics', topicNames),
  /** A Java regular expression that must match the whole name; wins over `kafka.topics`, as in Flume. */
  'kafka.topics.regex': optional('topicsRegex', text),
  startAt: defaulted('startAt', startPoint, 'earliest'),
  batchSize: defaulted('batchSize', batchSize, 10_000),
  batchDurationMillis: defaulted(
    'batchDurationMs',
    duration({ bareUnit: 'ms', minMs: 1, maxMs: 600 * SECOND_MS }),
    '1s',
  ),
  maxEventBytes: defaulted('maxEventBytes', size({ min: 1024, max: 256 * MIB }), '16MiB'),
  maxPartitionBytes: defaulted('maxPartitionBytes', size({ min: 1024, max: 64 * MIB }), '1MiB'),
  maxFetchBytes: defaulted('maxFetchBytes', size({ min: 1024, max: 256 * MIB }), '8MiB'),
  repulls: defaulted('repulls', integer({ min: 0, max: 10 }), 1),
  fence: defaulted('fence', choice(['auto', 'transactions', 'none']), 'auto'),
  assignment: defaulted('assignment', choice(['group', 'fixed']), 'group'),
  /** With `assignment: fixed`: topic → partitions. */
  partitions: defaulted('partitions', textMap(partitionNumbers, 'partitions'), {}),
  security: defaulted('security', securitySchema, {}),
  setTopicHeader: defaulted('isTopicHeaderSet', flag, true),
  topicHeader: defaulted('topicHeader', text, 'topic'),
  /** Event header `NAME` from the record header named by the value. */
  'header.*': family('recordHeaders', text),
  ...consumerKeys,
  ...flowKeys,
  useFlumeEventFormat: refused(
    'events wrapped in Avro by Flume are not unwrapped yet',
    'Remove the line if the records are plain; otherwise keep Flume for this topic.',
  ),
  backoffSleepIncrement: ignored('an idle source waits at the broker, not in a sleep'),
  maxBackoffSleep: ignored('an idle source waits at the broker, not in a sleep'),
  timestampHeader: ignored(
    'Flume’s guide names it but its code does not read it; the record’s time goes to "timestamp"',
  ),
  topic: refused('it is the name of Flume 1.6', 'Use "kafka.topics".'),
  groupId: refused('it is the name of Flume 1.6', 'Use "kafka.consumer.group.id".'),
  zookeeperConnect: refused('Kafka is reached through its brokers', 'Use "kafka.bootstrap.servers".'),
  migrateZookeeperOffsets: ignored('offsets are no longer kept in ZooKeeper'),
} as const;

/** `*` and `?` as in a shell; the file's name only. */
const fileGlob = checked(text, (glob) => !/[\\/]/.test(glob), [
  'a pattern with a slash',
  'It is for the file’s name only; folders are not searched.',
]).transform(
  (glob) =>
    `^${glob
      .replace(/[.+^${}()|[\]]/g, String.raw`\$&`)
      .replace(/\*/g, '.*')
      .replace(/\?/g, '.')}$`,
);

/** Complete lines of the files in one local directory: for the demonstration without Kafka. */
const filesKeys = {
  directory: required('directory', text),
  /** In the file a glob; resolved to the source of an anchored regular expression. */
  pattern: defaulted('fileNameRegex', fileGlob, '*'),
  /** Value of the header `topic`, so that the same paths work as with Kafka; default the file's name without its ending. */
  topic: optional('topic', anyText),
  batchSize: defaulted('batchSize', batchSize, 10_000),
  maxEventBytes: defaulted('maxEventBytes', size({ min: 1024, max: 256 * MIB }), '16MiB'),
  pollInterval: defaulted('pollIntervalMs', duration({ minMs: 10 }), '500ms'),
  ...flowKeys,
} as const;

const notYet = 'Headgate does not have this source yet';
export const sourceSchema = variantsSchema(
  { kafka: kafkaKeys, files: filesKeys },
  {
    what: 'a source',
    aliases: { 'org.apache.flume.source.kafka.kafkasource': 'kafka' },
    refusedTypes: Object.fromEntries(
      [
        'seq',
        'netcat',
        'netcatudp',
        'exec',
        'avro',
        'thrift',
        'syslogtcp',
        'multiport_syslogtcp',
        'syslogudp',
        'spooldir',
        'http',
        'jms',
        'taildir',
      ].map((type) => [type, notYet]),
    ),
  },
);
export type SourceFileConfig = z.output<typeof sourceSchema>;
