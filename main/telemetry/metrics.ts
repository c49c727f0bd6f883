/**
 * Metric names and their values, from one snapshot of the engine: Prometheus' text, and the JSON that Flume's http monitoring
 * gives (all values are strings there, and its keys are Flume's own: flume-properties.md §8). One file owns all names.
 */
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type {
  ChannelStatusRow,
  EngineStatus,
  SinkStatusRow,
  SourceStatusRow,
} from '../../shared/contract/control-status.ts';

interface Measure<Row> {
  readonly name: string;
  readonly help: string;
  readonly of: (row: Row) => number;
}

const SOURCE_MEASURES: readonly Measure<SourceStatusRow>[] = [
  {
    name: 'headgate_source_events_total',
    help: 'Events that are durable in the channel.',
    of: (row) => row.events,
  },
  {
    name: 'headgate_source_bytes_total',
    help: 'Body bytes that are durable in the channel.',
    of: (row) => row.bytes,
  },
  {
    name: 'headgate_source_lag_events',
    help: 'Events at the brokers that are not pulled yet; -1: not known.',
    of: (row) => row.lag,
  },
  { name: 'headgate_source_pulls_total', help: 'Fetches that were answered.', of: (row) => row.pulls },
  {
    name: 'headgate_source_repulls_total',
    help: 'Failed pulls that were pulled again at once.',
    of: (row) => row.repulls,
  },
  {
    name: 'headgate_source_failed_pulls_total',
    help: 'Pulls that failed for good; the source waited.',
    of: (row) => row.failedPulls,
  },
  {
    name: 'headgate_source_waiting',
    help: '1 while the source waits or failed.',
    of: (row) => Number(row.state === 'waiting' || row.state === 'failed'),
  },
];

const CHANNEL_MEASURES: readonly Measure<ChannelStatusRow>[] = [
  { name: 'headgate_channel_backlog_events', help: 'Events in the channel.', of: (row) => row.events },
  {
    name: 'headgate_channel_held_events',
    help: 'Events whose offset is not committed in Kafka yet.',
    of: (row) => row.heldEvents,
  },
  {
    name: 'headgate_channel_backlog_raw_bytes',
    help: 'Bytes in the channel before compression.',
    of: (row) => row.rawBytes,
  },
  {
    name: 'headgate_channel_backlog_stored_bytes',
    help: 'Bytes in the channel as stored.',
    of: (row) => row.storedBytes,
  },
  {
    name: 'headgate_channel_capacity_bytes',
    help: 'The limit; one database holds all durable channels, so all of them show the same.',
    of: (row) => row.capacityBytes,
  },
  {
    name: 'headgate_channel_used_bytes',
    help: 'Bytes of the database that all durable channels share, and of its log.',
    of: (row) => row.usedBytes,
  },
  {
    name: 'headgate_channel_free_disk_bytes',
    help: 'Free bytes on the channel’s disk.',
    of: (row) => row.freeDiskBytes,
  },
  {
    name: 'headgate_channel_oldest_put_ms',
    help: 'Epoch ms when the oldest event in the channel came in; 0: empty.',
    of: (row) => row.oldestPutMs ?? 0,
  },
  {
    name: 'headgate_channel_quarantined_events',
    help: 'Events in quarantine.',
    of: (row) => row.quarantined,
  },
  {
    name: 'headgate_channel_damaged_chunks',
    help: 'Chunks set aside as damaged.',
    of: (row) => row.damagedChunks,
  },
  {
    name: 'headgate_channel_claimed_events',
    help: 'Events that were taken and are to be pulled again.',
    of: (row) => row.claims?.events ?? 0,
  },
  {
    name: 'headgate_channel_open',
    help: '1 while the channel takes events.',
    of: (row) => Number(row.state === 'open'),
  },
];

const SINK_MEASURES: readonly Measure<SinkStatusRow>[] = [
  {
    name: 'headgate_sink_events_total',
    help: 'Events landed since the engine started.',
    of: (row) => row.events,
  },
  {
    name: 'headgate_sink_bytes_total',
    help: 'Bytes of landed files since the engine started.',
    of: (row) => row.bytes,
  },
  {
    name: 'headgate_sink_files_total',
    help: 'Files landed since the engine started.',
    of: (row) => row.files,
  },
  {
    name: 'headgate_sink_held_files',
    help: 'Files that wait for an operator’s decision.',
    of: (row) => row.heldFiles,
  },
  { name: 'headgate_sink_open_keys', help: 'Directories that gather events now.', of: (row) => row.openKeys },
  {
    name: 'headgate_sink_paused',
    help: '1 while writing is paused.',
    of: (row) => Number(row.paused !== undefined),
  },
  {
    name: 'headgate_sink_waiting',
    help: '1 while the sink waits or failed.',
    of: (row) => Number(row.state === 'waiting' || row.state === 'failed'),
  },
];

export class MetricsExporter {
  readonly #registry = new Registry();
  /** Names that end in `_total` are counters: they only grow while the engine runs. */
  readonly #metrics = new Map<string, Counter | Gauge>();

  constructor() {
    collectDefaultMetrics({ register: this.#registry, prefix: 'headgate_' });
    for (const [measures, label] of [
      [SOURCE_MEASURES, 'source'],
      [CHANNEL_MEASURES, 'channel'],
      [SINK_MEASURES, 'sink'],
    ] as const) {
      for (const { name, help } of measures) this.#define(name, help, [label]);
    }
    this.#define('headgate_alerts_active', 'Active alerts by code.', ['code', 'level']);
    this.#define('headgate_partition_position', 'Next offset to pull.', ['source', 'topic', 'partition']);
    this.#define('headgate_partition_accepted', 'Offset up to which our commits are accepted.', [
      'source',
      'topic',
      'partition',
    ]);
    this.#define('headgate_partition_lag', 'Offsets behind the end of the log; -1: not known.', [
      'source',
      'topic',
      'partition',
    ]);
  }

  async prometheus(status: EngineStatus): Promise<{ contentType: string; text: string }> {
    for (const metric of this.#metrics.values()) metric.reset();
    for (const row of status.sources) {
      for (const { name, of } of SOURCE_MEASURES) this.#put(name, { source: row.name }, of(row));
      for (const one of row.partitions) {
        const labels = { source: row.name, topic: one.topic, partition: String(one.partition) };
        this.#put('headgate_partition_position', labels, one.position);
        this.#put('headgate_partition_accepted', labels, one.acceptedTo);
        this.#put('headgate_partition_lag', labels, one.lag);
      }
    }
    for (const row of status.channels)
      for (const { name, of } of CHANNEL_MEASURES) this.#put(name, { channel: row.name }, of(row));
    for (const row of status.sinks)
      for (const { name, of } of SINK_MEASURES) this.#put(name, { sink: row.name }, of(row));
    for (const alert of status.alerts) {
      if (alert.clearedMs === undefined)
        this.#metrics.get('headgate_alerts_active')?.inc({ code: alert.code, level: alert.level });
    }
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #put(name: string, labels: Readonly<Record<string, string>>, value: number): void {
    // All were reset for this snapshot, so adding sets; the same row twice would show as twice the value, not as lost.
    this.#metrics.get(name)?.inc(labels, value);
  }

  #define(name: string, help: string, labelNames: string[]): void {
    const settings = { name, help, labelNames, registers: [this.#registry] };
    this.#metrics.set(name, name.endsWith('_total') ? new Counter(settings) : new Gauge(settings));
  }
}

/** `{ "SOURCE.r1": { "EventReceivedCount": "12", … }, … }` as Flume's `/metrics` answers; every value is a string. */
export function flumeMetrics(status: EngineStatus): Record<string, Record<string, string>> {
  const started = String(status.startedMs);
  const all = (type: string) => ({ Type: type, StartTime: started, StopTime: '0' });
  const answer: Record<string, Record<string, string>> = {};
  for (const row of status.sources)
    answer[`SOURCE.${row.name}`] = { ...all('SOURCE'), ...texts(flumeSource(row)) };
  for (const row of status.channels)
    answer[`CHANNEL.${row.name}`] = { ...all('CHANNEL'), ...flumeChannel(row, status) };
  for (const row of status.sinks) answer[`SINK.${row.name}`] = { ...all('SINK'), ...texts(flumeSink(row)) };
  return answer;
}

/** Flume's SourceCounter; its Kafka source has three timers more and lacks the three counts of failures. */
function flumeSource(row: SourceStatusRow): Record<string, number> {
  const common = {
    EventReceivedCount: row.events,
    EventAcceptedCount: row.events,
    AppendReceivedCount: 0,
    AppendAcceptedCount: 0,
    AppendBatchReceivedCount: row.pulls,
    AppendBatchAcceptedCount: row.pulls,
    OpenConnectionCount: 0,
  };
  if (row.type === 'kafka')
    return { ...common, KafkaEventGetTimer: 0, KafkaCommitTimer: 0, KafkaEmptyCount: 0 };
  return { ...common, EventReadFail: row.failedPulls, ChannelWriteFail: 0, GenericProcessingFail: 0 };
}

function flumeSink(row: SinkStatusRow): Record<string, number> {
  return {
    ConnectionCreatedCount: row.files,
    ConnectionClosedCount: row.files,
    ConnectionFailedCount: 0,
    BatchEmptyCount: 0,
    BatchUnderflowCount: 0,
    BatchCompleteCount: row.files,
    EventDrainAttemptCount: row.events,
    EventDrainSuccessCount: row.events,
    EventWriteFail: 0,
    ChannelReadFail: 0,
  };
}

/** Flume's FileChannelCounter. Headgate bounds a channel in bytes; the percentage means the same. */
function flumeChannel(row: ChannelStatusRow, status: EngineStatus): Record<string, string> {
  const taken = status.sinks
    .filter((sink) => sink.channel === row.name)
    .reduce((sum, sink) => sum + sink.events, 0);
  return {
    ...texts({
      ChannelSize: row.events,
      ChannelCapacity: row.capacityBytes,
      EventPutAttemptCount: row.events + taken,
      EventPutSuccessCount: row.events + taken,
      EventTakeAttemptCount: taken,
      EventTakeSuccessCount: taken,
      Closed: 0,
      Unhealthy: Number(row.state === 'failed'),
      EventPutErrorCount: 0,
      EventTakeErrorCount: 0,
      CheckpointWriteErrorCount: 0,
      CheckpointBackupWriteErrorCount: 0,
    }),
    ChannelFillPercentage: javaDouble(
      row.capacityBytes === 0 ? Number.MAX_VALUE : (100 * row.usedBytes) / row.capacityBytes,
    ),
    Open: String(row.state !== 'failed'),
  };
}

/** As Java prints a double: always with a point. */
function javaDouble(value: number): string {
  const text = String(value).replace('e+', 'E');
  return /[.E]/.test(text) ? text : `${text}.0`;
}

function texts(numbers: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)]));
}
