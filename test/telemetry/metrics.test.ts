/**
 * Goal: Prometheus and Flume's consumers can read what we tell them. Method: a strict parser of Prometheus' text of our own, and the
 * keys of Flume 1.11's counter classes (Flume: SourceCounter, ChannelCounter, FileChannelCounter, SinkCounter).
 */
import { describe, expect, test } from 'vitest';
import { flumeMetrics, MetricsExporter } from '../../main/telemetry/metrics.ts';
import { parsePrometheus } from './prometheus-text.ts';
import { channelStatus, sinkStatus, sourceStatus, statusOf } from './status-fixture.ts';

const ALERT = {
  id: 'disk:disk',
  code: 'disk',
  level: 'error',
  place: 'disk',
  message: 'full',
  sinceMs: 1,
  count: 3,
} as const;

describe('the text for Prometheus', () => {
  test('is valid, with counters typed as counters, and gives the snapshot’s numbers', async () => {
    const { contentType, text } = await new MetricsExporter().prometheus(statusOf({ alerts: [ALERT] }));
    expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
    const { types, samples } = parsePrometheus(text);
    for (const [name, type] of types)
      if (/^headgate_(source|sink)_\w+_total$/.test(name)) expect(`${name} ${type}`).toBe(`${name} counter`);
    const value = (name: string) => samples.find((sample) => sample.name === name)?.value;
    expect(value('headgate_source_events_total')).toBe(1200);
    expect(value('headgate_source_lag_events')).toBe(-1);
    expect(value('headgate_channel_backlog_events')).toBe(30);
    expect(value('headgate_sink_files_total')).toBe(3);
    expect(samples).toContainEqual({
      name: 'headgate_partition_position',
      labels: { source: 'weblogs', topic: 'www', partition: '0' },
      value: 100,
    });
    expect(samples).toContainEqual({
      name: 'headgate_alerts_active',
      labels: { code: 'disk', level: 'error' },
      value: 1,
    });
  });

  test('shows the newest snapshot only: a part that is gone leaves no series, a number does not add up', async () => {
    const exporter = new MetricsExporter();
    await exporter.prometheus(statusOf({ sinks: [sinkStatus(), sinkStatus({ name: 'old' })] }));
    const { samples } = parsePrometheus((await exporter.prometheus(statusOf())).text);
    expect(samples.filter(({ labels }) => labels['sink'] === 'old')).toEqual([]);
    expect(samples.find(({ name }) => name === 'headgate_sink_events_total')?.value).toBe(1170);
  });

  test('stays valid with any name an operator or a topic may have', async () => {
    const name = 'a"b\\c\nd é';
    const status = statusOf({ sources: [sourceStatus({ name })] });
    const { samples } = parsePrometheus((await new MetricsExporter().prometheus(status)).text);
    expect(samples.find((sample) => sample.name === 'headgate_source_events_total')?.labels['source']).toBe(
      name,
    );
  });
});

const COMMON = ['StartTime', 'StopTime', 'Type'];
const SOURCE = [
  'AppendAcceptedCount',
  'AppendBatchAcceptedCount',
  'AppendBatchReceivedCount',
  'AppendReceivedCount',
  'EventAcceptedCount',
  'EventReceivedCount',
  'OpenConnectionCount',
];

describe('the JSON of Flume', () => {
  test('has Flume’s keys for a Kafka source, a file channel and an HDFS sink, and strings as values', () => {
    const metrics = flumeMetrics(statusOf());
    expect(Object.keys(metrics)).toEqual(['SOURCE.weblogs', 'CHANNEL.disk', 'SINK.beijing']);
    const keys = (name: string) => Object.keys(metrics[name] ?? {}).sort();
    expect(keys('SOURCE.weblogs')).toEqual(
      [...COMMON, ...SOURCE, 'KafkaCommitTimer', 'KafkaEmptyCount', 'KafkaEventGetTimer'].sort(),
    );
    expect(keys('CHANNEL.disk')).toEqual(
      [
        ...COMMON,
        'ChannelCapacity',
        'ChannelFillPercentage',
        'ChannelSize',
        'CheckpointBackupWriteErrorCount',
        'CheckpointWriteErrorCount',
        'Closed',
        'EventPutAttemptCount',
        'EventPutErrorCount',
        'EventPutSuccessCount',
        'EventTakeAttemptCount',
        'EventTakeErrorCount',
        'EventTakeSuccessCount',
        'Open',
        'Unhealthy',
      ].sort(),
    );
    expect(keys('SINK.beijing')).toEqual(
      [
        ...COMMON,
        'BatchCompleteCount',
        'BatchEmptyCount',
        'BatchUnderflowCount',
        'ChannelReadFail',
        'ConnectionClosedCount',
        'ConnectionCreatedCount',
        'ConnectionFailedCount',
        'EventDrainAttemptCount',
        'EventDrainSuccessCount',
        'EventWriteFail',
      ].sort(),
    );
    for (const values of Object.values(metrics))
      for (const value of Object.values(values)) expect(typeof value).toBe('string');
  });

  test('gives the snapshot’s numbers as Java prints them', () => {
    const metrics = flumeMetrics(statusOf());
    expect(metrics['SOURCE.weblogs']).toMatchObject({
      Type: 'SOURCE',
      EventReceivedCount: '1200',
      StartTime: '1700000000000',
      StopTime: '0',
    });
    expect(metrics['CHANNEL.disk']).toMatchObject({
      ChannelSize: '30',
      ChannelFillPercentage: '12.5',
      EventPutSuccessCount: '1200',
      EventTakeSuccessCount: '1170',
      Open: 'true',
      Closed: '0',
    });
    const empty = flumeMetrics(
      statusOf({
        channels: [channelStatus({ capacityBytes: 0 }), channelStatus({ name: 'b', usedBytes: 0 })],
      }),
    );
    expect(empty['CHANNEL.disk']?.['ChannelFillPercentage']).toBe('1.7976931348623157E308');
    expect(empty['CHANNEL.b']?.['ChannelFillPercentage']).toBe('0.0');
  });

  test('a source that is not Kafka has Flume’s counts of failures instead of Kafka’s timers', () => {
    const [values] = Object.values(flumeMetrics(statusOf({ sources: [sourceStatus({ type: 'files' })] })));
    expect(Object.keys(values ?? {}).sort()).toEqual(
      [...COMMON, ...SOURCE, 'ChannelWriteFail', 'EventReadFail', 'GenericProcessingFail'].sort(),
    );
  });
});
