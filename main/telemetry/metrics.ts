/**
 * Metric names and their values, from one snapshot of the engine: Prometheus' text, and the JSON that Flume's http monitoring
 * gives (all values are strings there, and its keys are Flume's own: flume-properties.md §8). One file owns all names.
 */
import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type {
  ChannelStatusRow,
  EngineStatus,
  SinkStatusRow,
  SourceStatusRow,
} from '../../shared/contract/control.ts';

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
  { name: 'headgate_channel_capacity_bytes', help: 'The channel’s limit.', of: (row) => row.capacityBytes },
  {
    name: 'headgate_channel_used_bytes',
    help: 'Bytes of the database and its log.',
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
  readonly #gauges = new Map<string, Gauge>();

  constructor() {
    collectDefaultMetrics({ register: this.#registry, prefix: 'headgate_' });
    for (const [measures, label] of [
      [SOURCE_MEASURES, 'source'],
      [CHANNEL_MEASURES, 'channel'],
      [SINK_MEASURES, 'sink'],
    ] as const) {
      for (const { name, help } of measures) this.#gauge(name, help, [label]);
    }
    this.#gauge('headgate_alerts_active', 'Active alerts by code.', ['code', 'level']);
    this.#gauge('headgate_partition_position', 'Next offset to pull.', ['source', 'topic', 'partition']);
    this.#gauge('headgate_partition_accepted', 'Offset up to which our commits are accepted.', [
      'source',
      'topic',
      'partition',
    ]);
    this.#gauge('headgate_partition_lag', 'Offsets behind the end of the log; -1: not known.', [
      'source',
      'topic',
      'partition',
    ]);
  }

  async prometheus(status: EngineStatus): Promise<{ contentType: string; text: string }> {
    for (const gauge of this.#gauges.values()) gauge.reset();
    for (const row of status.sources) {
      for (const { name, of } of SOURCE_MEASURES) this.#gauges.get(name)?.set({ source: row.name }, of(row));
      for (const one of row.partitions) {
        const labels = { source: row.name, topic: one.topic, partition: String(one.partition) };
        this.#gauges.get('headgate_partition_position')?.set(labels, one.position);
        this.#gauges.get('headgate_partition_accepted')?.set(labels, one.acceptedTo);
        this.#gauges.get('headgate_partition_lag')?.set(labels, one.lag);
      }
    }
    for (const row of status.channels)
      for (const { name, of } of CHANNEL_MEASURES)
        this.#gauges.get(name)?.set({ channel: row.name }, of(row));
    for (const row of status.sinks)
      for (const { name, of } of SINK_MEASURES) this.#gauges.get(name)?.set({ sink: row.name }, of(row));
    for (const alert of status.alerts) {
      if (alert.clearedMs === undefined)
        this.#gauges.get('headgate_alerts_active')?.inc({ code: alert.code, level: alert.level });
    }
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #gauge(name: string, help: string, labelNames: string[]): void {
    this.#gauges.set(name, new Gauge({ name, help, labelNames, registers: [this.#registry] }));
  }
}

/** `{ "SOURCE.r1": { "EventReceivedCount": "12", … }, … }` as Flume's `/metrics` answers. */
export function flumeMetrics(status: EngineStatus): Record<string, Record<string, string>> {
  const started = String(status.startedMs);
  const all = (type: string) => ({ Type: type, StartTime: started, StopTime: '0' });
  const answer: Record<string, Record<string, string>> = {};
  for (const row of status.sources) {
    answer[`SOURCE.${row.name}`] = {
      ...all('SOURCE'),
      ...texts({
        EventReceivedCount: row.events,
        EventAcceptedCount: row.events,
        AppendReceivedCount: 0,
        AppendAcceptedCount: 0,
        AppendBatchReceivedCount: row.pulls,
        AppendBatchAcceptedCount: row.pulls,
        OpenConnectionCount: 0,
        EventReadFail: row.failedPulls,
        ChannelWriteFail: 0,
        GenericProcessingFail: 0,
        KafkaEventGetTimer: 0,
        KafkaCommitTimer: 0,
        KafkaEmptyCount: 0,
      }),
    };
  }
  for (const row of status.channels)
    answer[`CHANNEL.${row.name}`] = { ...all('CHANNEL'), ...flumeChannel(row, status) };
  for (const row of status.sinks) {
    answer[`SINK.${row.name}`] = {
      ...all('SINK'),
      ...texts({
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
      }),
    };
  }
  return answer;
}

function flumeChannel(row: ChannelStatusRow, status: EngineStatus): Record<string, string> {
  const taken = status.sinks
    .filter((sink) => sink.channel === row.name)
    .reduce((sum, sink) => sum + sink.events, 0);
  return {
    ...texts({
      ChannelSize: row.events,
      // Headgate bounds a channel in bytes; Flume's consumers look at the percentage.
      ChannelCapacity: row.capacityBytes,
      ChannelFillPercentage: row.capacityBytes === 0 ? 0 : (100 * row.usedBytes) / row.capacityBytes,
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
    Open: String(row.state !== 'failed'),
  };
}

function texts(numbers: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)]));
}
