/** `headgate status` as text: is data safe, is it moving, and if not, why and what to do. */
import type {
  ChannelStatusRow,
  EngineStatus,
  SinkStatusRow,
  SourceStatusRow,
} from '../../shared/contract/control.ts';
import { formatBytes, formatDuration } from '../../shared/units.ts';
import { formatTime, oneLine } from './output.ts';

const PARTITIONS_SHOWN_MAX = 12;

export function statusText(status: EngineStatus): string {
  const lines = [
    `gateway ${status.gateway}  ${status.state}  up ${formatDuration(Math.max(0, status.nowMs - status.startedMs))}  memory ${formatBytes(status.memoryBytes)}  configuration ${status.configVersion}  pid ${status.pid}`,
    ...status.configProblems.map((problem) => `  the newest edit of the file was not taken: ${problem}`),
    ...status.sources.flatMap((source) => sourceText(source, status.nowMs)),
    ...status.channels.flatMap((channel) => channelText(channel, status.nowMs)),
    ...status.sinks.flatMap((sink) => sinkText(sink, status.nowMs)),
  ];
  const active = status.alerts.filter((alert) => alert.clearedMs === undefined);
  if (active.length > 0) lines.push('alerts');
  for (const alert of active) {
    lines.push(
      `  ${alert.level.toUpperCase()} ${alert.code} ${oneLine(alert.place)}: ${oneLine(alert.message)} (since ${formatTime(alert.sinceMs)})`,
    );
    if (alert.hint !== undefined) lines.push(`    ${oneLine(alert.hint)}`);
  }
  return lines.join('\n');
}

interface Waiting {
  readonly cause?: string | undefined;
  readonly hint?: string | undefined;
  readonly nextTryMs?: number | undefined;
}

function waitingText(waiting: Waiting, nowMs: number): string[] {
  if (waiting.cause === undefined) return [];
  const next =
    waiting.nextTryMs === undefined
      ? ''
      : `; next try in ${formatDuration(Math.max(0, Math.round(waiting.nextTryMs - nowMs)))}`;
  return [
    `    because: ${oneLine(waiting.cause)}${next}`,
    ...(waiting.hint === undefined ? [] : [`    what to do: ${oneLine(waiting.hint)}`]),
  ];
}

function perSecond(events: number, bytes: number): string {
  return `${Math.round(events).toLocaleString('en')} events/s ${formatBytes(Math.round(bytes))}/s`;
}

function sourceText(source: SourceStatusRow, nowMs: number): string[] {
  const lag = source.lag < 0 ? 'unknown' : source.lag.toLocaleString('en');
  const fence = source.fence === 'none' ? '  fence: none (one gateway only)' : '';
  const lines = [
    `source ${source.name} (${source.type})  ${source.state}  ${perSecond(source.eventsPerSecond, source.bytesPerSecond)}  ${source.events.toLocaleString('en')} events  lag ${lag}${fence}`,
    ...waitingText(source, nowMs),
  ];
  const notable = source.partitions.filter(
    (one) => one.state === 'held' || one.state === 'waiting' || one.cause !== undefined,
  );
  for (const one of notable.slice(0, PARTITIONS_SHOWN_MAX)) {
    lines.push(
      `    ${oneLine(one.topic)}/${one.partition} ${one.state} at ${one.position}: ${oneLine(one.cause ?? '')}`,
    );
  }
  if (notable.length > PARTITIONS_SHOWN_MAX)
    lines.push(`    and ${notable.length - PARTITIONS_SHOWN_MAX} more partitions`);
  return lines;
}

function channelText(channel: ChannelStatusRow, nowMs: number): string[] {
  const full =
    channel.capacityBytes === 0 ? 0 : Math.round((100 * channel.usedBytes) / channel.capacityBytes);
  const oldest =
    channel.oldestPutMs === undefined
      ? ''
      : `  oldest ${formatDuration(Math.max(0, nowMs - channel.oldestPutMs))}`;
  const lines = [
    `channel ${channel.name} (${channel.type})  ${channel.state}  backlog ${channel.events.toLocaleString('en')} events, ${formatBytes(channel.storedBytes)} stored${oldest}  ${full}% of ${formatBytes(channel.capacityBytes)}  disk free ${formatBytes(channel.freeDiskBytes)}`,
    ...waitingText(channel, nowMs),
  ];
  if (channel.heldEvents > 0)
    lines.push(
      `    ${channel.heldEvents.toLocaleString('en')} events wait for their offset to be committed in Kafka`,
    );
  if (channel.quarantined > 0)
    lines.push(
      `    ${channel.quarantined.toLocaleString('en')} events in quarantine: see \`headgate quarantine\``,
    );
  if (channel.damagedChunks > 0)
    lines.push(`    ${channel.damagedChunks} damaged chunks are set aside: see \`headgate audit\``);
  return lines;
}

function sinkText(sink: SinkStatusRow, nowMs: number): string[] {
  const lines = [
    `sink ${sink.name} (${sink.type})  ${sink.state}  ${perSecond(sink.eventsPerSecond, sink.bytesPerSecond)}  ${sink.files} files, ${sink.events.toLocaleString('en')} events landed`,
    ...waitingText(sink, nowMs),
  ];
  if (sink.paused !== undefined) {
    const why = sink.paused.why === '' ? '' : `: ${oneLine(sink.paused.why)}`;
    lines.push(
      `    writing paused by ${oneLine(sink.paused.by)} at ${formatTime(sink.paused.atMs)}${why}; intake goes on`,
    );
  }
  if (sink.heldFiles > 0) lines.push(`    ${sink.heldFiles} files are held for you to decide`);
  for (const upload of sink.uploads.slice(0, PARTITIONS_SHOWN_MAX)) {
    lines.push(
      `    ${upload.step} ${oneLine(upload.path)}  ${formatBytes(upload.sentBytes)} of ${formatBytes(upload.totalBytes)}  attempt ${upload.attempt}`,
    );
    lines.push(...waitingText(upload, nowMs));
  }
  return lines;
}
