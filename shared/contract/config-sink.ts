/** Sinks as the file names them (Flume's HDFS sink: `flume-properties.md` §6.1). */
import type * as z from 'zod';
import {
  anyText,
  baseUrl,
  baseUrls,
  checked,
  choice,
  duration,
  flag,
  integer,
  quotedText,
  size,
  text,
  textMap,
  timeZone,
} from './config-fields.ts';
import {
  defaulted,
  ignored,
  optional,
  refused,
  required,
  tableSchema,
  variantsSchema,
} from './config-table.ts';
import { certificateKeys } from './config-source.ts';
import { DAY_MS, MIB, SECOND_MS } from '../units.ts';

const SLASH_HINT = 'Put directories into the path.';
const namePart = checked(anyText, (part) => !part.includes('/'), [
  'part of a file name, with a slash',
  SLASH_HINT,
]);
const permission = checked(quotedText, (mode) => /^[0-7]{3,4}$/.test(mode), [
  'expected an octal permission',
  "For example '644'.",
]);
const codecs = {
  gzip: 'gzip',
  gzipcodec: 'gzip',
  gz: 'gzip',
  zstd: 'zstd',
  zstandard: 'zstd',
  zstandardcodec: 'zstd',
  none: 'none',
} as const;
const HADOOP_CODECS = 'org.apache.hadoop.io.compress.';
const codec = choice(['none', 'gzip', 'zstd'], {
  ...codecs,
  ...Object.fromEntries(Object.entries(codecs).map(([name, value]) => [`${HADOOP_CODECS}${name}`, value])),
});

const onlyText =
  'Hadoop writes SequenceFiles only through its Java library; Headgate writes text that every tool reads';

/** Keys of every sink that makes files; the HDFS sink has them under `hdfs.`, the directory sink bare. */
const fileKeys = {
  path: required('path', text),
  filePrefix: defaulted('filePrefix', namePart, 'FlumeData'),
  fileSuffix: defaulted('fileSuffix', namePart, ''),
  inUsePrefix: defaulted('inUsePrefix', namePart, ''),
  inUseSuffix: defaulted('inUseSuffix', namePart, '.tmp'),
  codeC: defaulted('codec', codec, 'none'),
  rollSize: defaulted('rollSizeBytes', size({ min: 0 }), '128MiB'),
  rollInterval: defaulted('rollIntervalMs', duration({ bareUnit: 's' }), '10min'),
  rollCount: defaulted('rollCount', integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), 0),
  idleTimeout: defaulted('idleTimeoutMs', duration({ bareUnit: 's' }), '60s'),
  permission: optional('permission', permission),
  round: defaulted('isRounded', flag, false),
  roundValue: defaulted('roundValue', integer({ min: 1, max: 60 }), 1),
  roundUnit: defaulted('roundUnit', choice(['second', 'minute', 'hour']), 'second'),
  timeZone: optional('timeZone', timeZone),
  useLocalTimeStamp: defaulted('usesLocalTime', flag, false),
  maxOpenFiles: ignored('a file is open only while it is uploaded, and uploads bounds those'),
  emptyInUseSuffix: ignored(
    'in-use files are hidden by a leading dot; set inUseSuffix to "" if you want no suffix',
  ),
  batchSize: ignored('landing takes whole chunks, not batches of events'),
  fileType: optional(
    'fileType',
    checked(choice(['DataStream', 'CompressedStream', 'SequenceFile']), (type) => type !== 'SequenceFile', [
      `SequenceFile is refused: ${onlyText}`,
      'Use DataStream, or CompressedStream with codeC.',
    ]),
  ),
  writeFormat: ignored('it is for SequenceFiles only'),
} as const;

/** Readers of a directory take names that begin so for no data. */
const markerName = checked(text, (name) => /^[._][^/\\:]{1,99}$/.test(name), [
  'expected the name of a file that readers ignore',
  'Begin it with _ or a dot, without slashes; for example _SUCCESS.',
]);
const completenessSchema = tableSchema(
  {
    marker: defaulted('marker', markerName, '_SUCCESS'),
    /** How long after a directory's end events may still come in time. */
    grace: defaulted('graceMs', duration({ maxMs: 30 * DAY_MS }), '10min'),
  } as const,
  { what: 'completeness' },
);

const sinkKeys = {
  channel: required('channel', text),
  onMissingTime: defaulted('onMissingTime', choice(['quarantine', 'recordTime', 'now']), 'quarantine'),
  /** The start value only; the operator's switch is in the state directory. */
  paused: defaulted('isPausedAtStart', flag, false),
  /** Parallel uploads. */
  uploads: defaulted('uploads', integer({ min: 1, max: 32 }), 2),
  /** Marks directories that are complete; absent: none are marked. */
  completeness: optional('completeness', completenessSchema),
  /** How long chunks stay in the channel after their file landed; for clusters with one replica. */
  retainAfterLanding: defaulted('retainAfterLandingMs', duration(), '0s'),
  serializer: defaulted(
    'serializer',
    checked(
      choice(['text', 'header_and_text', 'avro_event'], {
        'org.apache.flume.serialization.bodytexteventserializer$builder': 'text',
      }),
      (name): name is 'text' => name === 'text',
      ['only the serializer text is there yet', 'Use "text".'],
    ),
    'text',
  ),
  'serializer.appendNewline': defaulted('isNewlineAppended', flag, true),
  'serializer.*': ignored('it is for Avro serializers'),
} as const;

type Prefixed<T> = { readonly [K in keyof T & string as `hdfs.${K}`]: T[K] };

function underHdfs<const T extends object>(keys: T): Prefixed<T> {
  return Object.fromEntries(
    Object.entries(keys).map(([key, entry]) => [`hdfs.${key}`, entry]),
  ) as Prefixed<T>;
}

const noKerberos =
  'Kerberos is not there yet, and landing under another identity than the one you asked for would be wrong';

const noProxyUser =
  'acting for another user is not there yet, and landing under another identity than the one you asked for would be wrong';

/** A cluster has many servers, each with a name of its own: there is no one name to expect, and none is taken unseen. */
const hdfsTlsSchema = tableSchema(
  {
    ...certificateKeys,
    serverName: refused('each NameNode and DataNode proves its own name', 'Remove the line.'),
    verifyHostname: refused('the servers’ names are always checked', 'Remove the line.'),
  } as const,
  { what: 'hdfs.tls' },
);

const hdfsOnlyKeys = {
  'hdfs.namenodes': optional('namenodes', baseUrls),
  'hdfs.httpfs': optional('httpfs', baseUrl),
  /** Authority of `hdfs.path` → web addresses of its NameNodes. */
  'hdfs.nameservices': defaulted('nameservices', textMap(baseUrls, 'hdfs.nameservices'), {}),
  'hdfs.user': defaulted('user', text, 'headgate'),
  'hdfs.proxyUser': refused(noProxyUser, 'Set hdfs.user to the identity that shall own the files.'),
  'hdfs.tls': optional('tls', hdfsTlsSchema),
  /** DataNode name as the NameNode says it → address as it is reached from here. */
  'hdfs.hostMap': defaulted('hostMap', textMap(text, 'hdfs.hostMap'), {}),
  'hdfs.replication': optional('replication', integer({ min: 1, max: 512 })),
  'hdfs.blockSize': optional('blockSizeBytes', size({ min: MIB })),
  'hdfs.callTimeout': defaulted('callTimeoutMs', duration({ bareUnit: 'ms', minMs: SECOND_MS }), '30s'),
  'hdfs.minBlockReplicas': ignored('a file is checked after it is written, and a bad one is written again'),
  'hdfs.threadsPoolSize': ignored('uploads bounds the parallel work'),
  'hdfs.rollTimerPoolSize': ignored('rolling needs no threads'),
  'hdfs.closeTries': ignored('a file is tried until it has landed'),
  'hdfs.retryInterval': ignored(
    'waiting grows from a second to a minute, and status says when the next try is',
  ),
  'hdfs.useRawLocalFileSystem': ignored('a local path is a sink of type directory'),
  'hdfs.kerberosPrincipal': refused(
    noKerberos,
    'Remove the line and use a cluster (or HttpFS) with simple authentication.',
  ),
  'hdfs.kerberosKeytab': refused(
    noKerberos,
    'Remove the line and use a cluster (or HttpFS) with simple authentication.',
  ),
} as const;

export const sinkSchema = variantsSchema(
  {
    hdfs: { ...sinkKeys, ...underHdfs(fileKeys), ...hdfsOnlyKeys },
    directory: { ...sinkKeys, ...fileKeys },
  },
  {
    what: 'a sink',
    aliases: { 'org.apache.flume.sink.hdfs.hdfseventsink': 'hdfs' },
    refusedTypes: {
      file_roll: 'the sink of type directory takes its place',
      ...Object.fromEntries(
        [
          'null',
          'logger',
          'avro',
          'thrift',
          'irc',
          'http',
          'hive',
          'hbase',
          'hbase2',
          'asynchbase',
          'elasticsearch',
          'morphline_solr',
          'kafka',
        ].map((type) => [type, 'Headgate does not have this sink yet']),
      ),
    },
  },
);
export type SinkFileConfig = z.output<typeof sinkSchema>;
