/** A snapshot of an engine with one of each part, for tests of what is made of snapshots. */
import { CONTRACT_VERSION } from '../../shared/contract/control.ts';
import {
  engineStatus,
  type ChannelStatusRow,
  type EngineStatus,
  type SinkStatusRow,
  type SourceStatusRow,
} from '../../shared/contract/control-status.ts';

export function sourceStatus(changes: Partial<SourceStatusRow> = {}): SourceStatusRow {
  return {
    name: 'weblogs',
    type: 'kafka',
    state: 'flowing',
    fence: 'transactions',
    events: 1200,
    bytes: 34_000,
    eventsPerSecond: 12.5,
    bytesPerSecond: 300,
    pulls: 7,
    repulls: 1,
    failedPulls: 2,
    lag: -1,
    partitions: [partitionRow()],
    ...changes,
  };
}

export function partitionRow(
  changes: Partial<SourceStatusRow['partitions'][number]> = {},
): SourceStatusRow['partitions'][number] {
  return {
    topic: 'www',
    partition: 0,
    state: 'flowing',
    position: 100,
    acceptedTo: 90,
    logEnd: 150,
    logStart: 10,
    lag: 50,
    leader: 1,
    ...changes,
  };
}

export function channelStatus(changes: Partial<ChannelStatusRow> = {}): ChannelStatusRow {
  return {
    name: 'disk',
    type: 'file',
    state: 'open',
    events: 30,
    heldEvents: 0,
    rawBytes: 3000,
    storedBytes: 900,
    capacityBytes: 1_000_000,
    usedBytes: 125_000,
    freeDiskBytes: 5_000_000,
    minFreeDiskBytes: 1_000,
    quarantined: 4,
    damagedChunks: 0,
    ...changes,
  };
}

export function sinkStatus(changes: Partial<SinkStatusRow> = {}): SinkStatusRow {
  return {
    name: 'beijing',
    type: 'hdfs',
    channel: 'disk',
    state: 'flowing',
    files: 3,
    events: 1170,
    bytes: 33_000,
    eventsPerSecond: 10,
    bytesPerSecond: 200,
    heldFiles: 0,
    openKeys: 2,
    uploads: [],
    ...changes,
  };
}

export function statusOf(changes: Partial<EngineStatus> = {}): EngineStatus {
  return engineStatus.parse({
    contract: CONTRACT_VERSION,
    version: '0.1.0',
    pid: 1,
    gateway: 'gw-1',
    stateId: 'state',
    stateDir: '/state',
    state: 'running',
    startedMs: 1_700_000_000_000,
    nowMs: 1_700_000_100_000,
    configVersion: 1,
    configFile: '/etc/headgate.yaml',
    configProblems: [],
    memoryBytes: 1,
    sources: [sourceStatus()],
    channels: [channelStatus()],
    sinks: [sinkStatus()],
    alerts: [],
    ...changes,
  });
}
