import { MAX_EVENT_BYTES, NOISE_MARK } from './numbered-events.ts';

/** What the adversary may edit; the rest of the file stays. */
export interface ConfigEdit {
  readonly source?: Readonly<Record<string, unknown>>;
  readonly channel?: Readonly<Record<string, unknown>>;
  readonly sink?: Readonly<Record<string, unknown>>;
  readonly interceptors?: readonly object[];
}

export interface GatewayPlace {
  readonly id: string;
  readonly directory: string;
  readonly group: string;
  readonly topics: readonly string[];
  readonly bootstrap: readonly string[];
  readonly namenodes: readonly string[];
  readonly root: string;
}

/** What an operator may edit while everything runs. None of it changes where or whether an event must land. */
export const EDITS: readonly ConfigEdit[] = [
  { sink: { 'hdfs.rollInterval': '1s' } },
  { sink: { 'hdfs.rollInterval': '20s', 'hdfs.idleTimeout': '10s' } },
  { sink: { 'hdfs.rollSize': '64KiB' } },
  { sink: { 'hdfs.rollCount': 200, uploads: 4 } },
  { sink: { uploads: 1 } },
  { sink: { 'hdfs.codeC': 'gzip', 'hdfs.fileType': 'CompressedStream', 'hdfs.fileSuffix': '.log.gz' } },
  { sink: { 'hdfs.codeC': 'zstd', 'hdfs.fileType': 'CompressedStream', 'hdfs.fileSuffix': '.log.zst' } },
  { sink: { 'hdfs.callTimeout': '1s' } },
  { source: { batchSize: 50 } },
  { source: { batchSize: 5_000 } },
  { source: { repulls: 0 } },
  { channel: { compression: 'none' } },
  { channel: { compression: 'gzip' } },
  { interceptors: [{ type: 'static', key: 'site', value: 'xian' }] },
  { interceptors: [{ type: 'host', useIP: false, hostHeader: 'host' }] },
];

/** No disk here has that much left: intake stops until it is taken back. */
export const NO_ROOM: ConfigEdit = { channel: { minFreeDiskBytes: '900TiB' } };

/** The whole file of one gateway. */
export function tortureConfig(place: GatewayPlace, stateDir: string, edit: ConfigEdit): object {
  const { id, bootstrap, topics, group, namenodes, root } = place;
  const { source, channel, sink, interceptors = [] } = edit;
  return {
    gateway: { id, stateDir: stateDir, timeZone: 'Asia/Shanghai' },
    sources: {
      logs: {
        type: 'kafka',
        'kafka.bootstrap.servers': bootstrap,
        'kafka.topics': topics,
        'kafka.consumer.group.id': group,
        'kafka.consumer.session.timeout.ms': '6s',
        'kafka.consumer.heartbeat.interval.ms': '1s',
        'kafka.consumer.request.timeout.ms': '6s',
        'kafka.consumer.socket.connection.setup.timeout.ms': '3s',
        batchSize: 1_000,
        maxEventBytes: MAX_EVENT_BYTES,
        interceptors: [
          { type: 'regex_filter', regex: NOISE_MARK, excludeEvents: true },
          {
            type: 'regex_extractor',
            regex: String.raw`\[([^\]]+)\]`,
            serializers: [{ type: 'millis', name: 'timestamp', pattern: 'dd/MMM/yyyy:HH:mm:ss Z' }],
          },
          ...interceptors,
        ],
        channels: ['disk'],
        ...source,
      },
    },
    channels: { disk: { type: 'file', capacityBytes: '1GiB', minFreeDiskBytes: '64MiB', ...channel } },
    sinks: {
      hadoop: {
        type: 'hdfs',
        channel: 'disk',
        'hdfs.namenodes': namenodes,
        'hdfs.user': 'headgate',
        'hdfs.path': `${root}/%{topic}/%Y-%m-%d/%H`,
        'hdfs.filePrefix': '%{topic}',
        'hdfs.fileSuffix': '.log',
        'hdfs.rollInterval': '3s',
        'hdfs.rollSize': '1MiB',
        'hdfs.idleTimeout': '1s',
        'hdfs.callTimeout': '4s',
        ...sink,
      },
    },
    alerts: { linkDown: '5s' },
  };
}
