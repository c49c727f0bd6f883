/** `headgate status` as text: is data safe, is it moving, and if not, why and what to do. */
import type {
  Alert,
  ChannelStatusRow,
  EngineStatus,
  SinkStatusRow,
  SourceStatusRow,
} from '../../shared/contract/control-status.ts';
import type { RetirementRow } from '../../shared/contract/control-retire.ts';
import { DAY_MS, formatBytes, formatCount, formatDuration, SECOND_MS } from '../../shared/units.ts';
import { completenessText } from './completeness-text.ts';
import { formatTime } from './output.ts';
import { fitted, oneLine, wrapped } from './terminal-text.ts';

const PARTITIONS_SHOWN_MAX = 12;
const UPLOADS_SHOWN_MAX = 8;
const FULL_SHOWN_MS = 2 * DAY_MS;
const INDENT = '    ';

/** The whole status; lines are wrapped between words at `width` cells. */
export function statusText(status: EngineStatus, width = Infinity): string {
  const { nowMs } = status;
  const upText = formatDuration(Math.max(0, nowMs - status.startedMs));
  const lines = [
    `gateway ${status.gateway}  ${status.state}  up ${upText}  memory ${formatBytes(status.memoryBytes)}  configuration ${status.configVersion}  pid ${status.pid}`,
    headline(status),
    ...configText(status.configProblems),
    ...(status.retirements ?? []).map(retirementText),
    ...status.sources.flatMap((source) => ['', ...sourceText(source, nowMs)]),
    ...status.channels.flatMap((channel) => ['', ...channelText(channel, nowMs)]),
    ...status.sinks.flatMap((sink) => ['', ...sinkText(sink, nowMs, width)]),
    ...completenessText(status.completeness),
    ...alertsText(status.alerts),
  ];
  return lines.flatMap((line) => wrapped(line, width)).join('\n');
}

/** One line that answers "do I have to do something?". */
function headline(status: EngineStatus): string {
  const active = status.alerts.filter((alert) => alert.clearedMs === undefined);
  const errors = active.filter((alert) => alert.level === 'error').length;
  const warnings = active.filter((alert) => alert.level === 'warn').length;
  if (errors > 0) return `ACTION NEEDED: ${plural(errors, 'alert')}, see below`;
  const waiting = [...status.sources, ...status.sinks].filter(
    (one) => one.state === 'waiting' || one.state === 'failed',
  );
  if (waiting.length > 0) return `waiting: ${waiting.map((one) => one.name).join(', ')}; the reason is below`;
  const paused = status.sinks.filter((sink) => sink.state === 'paused');
  if (paused.length > 0) return `writing is paused for ${paused.map((sink) => sink.name).join(', ')}`;
  if (warnings > 0) return `${plural(warnings, 'warning')}, see below`;
  return status.state === 'running' ? 'all is well' : '';
}

function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function configText(problems: readonly string[]): string[] {
  if (problems.length === 0) return [];
  return [
    'the newest edit of the configuration was not taken; the version before goes on:',
    ...problems.map((problem) => `${INDENT}${oneLine(problem)}`),
  ];
}

function retirementText({ source, state, by, sinceMs, endedMs, step }: RetirementRow): string {
  const what = source === undefined ? 'this gateway' : `source ${oneLine(source)}`;
  if (state === 'retired')
    return `RETIRED: ${what} may be removed; nothing is left, the audit was clean at ${formatTime(endedMs ?? sinceMs)}`;
  return `retiring: ${what}, since ${formatTime(sinceMs)} by ${oneLine(by)}${step === undefined ? '' : `: ${oneLine(step)}`}`;
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
    `${INDENT}because: ${oneLine(waiting.cause).replace(/\.$/, '')}${next}`,
    ...(waiting.hint === undefined ? [] : [`${INDENT}what to do: ${oneLine(waiting.hint)}`]),
  ];
}

/** Between two pulls or files a part is idle for a moment; what flowed within the last seconds says more. */
function stateText({
  state,
  eventsPerSecond,
}: {
  readonly state: string;
  readonly eventsPerSecond: number;
}): string {
  return state === 'idle' && eventsPerSecond >= 1 ? 'flowing' : state;
}

function perSecond(events: number, bytes: number): string {
  return `${formatCount(Math.round(events))} events/s, ${formatBytes(Math.round(bytes))}/s`;
}

function sourceText(source: SourceStatusRow, nowMs: number): string[] {
  const lag = source.lag < 0 ? 'unknown' : plural(source.lag, 'event');
  const lines = [
    `source ${source.name} (${source.type})  ${stateText(source)}`,
    `${INDENT}${perSecond(source.eventsPerSecond, source.bytesPerSecond)}  taken ${plural(source.events, 'event')}  lag ${lag}`,
    ...waitingText(source, nowMs),
  ];
  if (source.repull !== undefined) {
    lines.push(
      `${INDENT}pulls again what was taken and is not held any more: ${plural(source.repull.redeemed, 'offset')} done`,
      ...waitingText(source.repull, nowMs),
    );
  }
  if (source.secondsToLoss !== undefined)
    lines.push(
      `${INDENT}the broker deletes unread data in ${formatDuration(source.secondsToLoss * SECOND_MS)}, if things go on so`,
    );
  if (source.fence === 'none')
    lines.push(
      `${INDENT}no fence: only one gateway may use this group (the broker has no transactions for it)`,
    );
  const notable = source.partitions.filter(
    (one) => one.state === 'held' || one.state === 'waiting' || one.cause !== undefined,
  );
  for (const one of notable.slice(0, PARTITIONS_SHOWN_MAX)) {
    const cause = one.cause === undefined ? '' : `: ${oneLine(one.cause)}`;
    lines.push(
      `${INDENT}${oneLine(one.topic)}/${one.partition} ${one.state} at offset ${formatCount(one.position)}${cause}`,
    );
  }
  if (notable.length > PARTITIONS_SHOWN_MAX)
    lines.push(`${INDENT}and ${plural(notable.length - PARTITIONS_SHOWN_MAX, 'more partition')}`);
  return lines;
}

function channelText(channel: ChannelStatusRow, nowMs: number): string[] {
  const full =
    channel.capacityBytes === 0 ? 0 : Math.round((100 * channel.usedBytes) / channel.capacityBytes);
  const oldest =
    channel.oldestPutMs === undefined || channel.events === 0
      ? ''
      : `, oldest ${formatDuration(Math.max(0, nowMs - channel.oldestPutMs))}`;
  const lines = [
    `channel ${channel.name} (${channel.type})  ${channel.state}`,
    `${INDENT}backlog ${plural(channel.events, 'event')}, ${formatBytes(channel.storedBytes)} stored${oldest}`,
    `${INDENT}${full} % of ${formatBytes(channel.capacityBytes)} used  disk free ${formatBytes(channel.freeDiskBytes)}${fullText(channel)}`,
    ...waitingText(channel, nowMs),
  ];
  if (channel.memory !== undefined) {
    const { usedBytes, capacityBytes } = channel.memory;
    lines.push(
      `${INDENT}${formatBytes(usedBytes)} of ${formatBytes(capacityBytes)} in memory: after a crash these are pulled again from their source`,
    );
  }
  if (channel.heldEvents > 0)
    lines.push(
      `${INDENT}${plural(channel.heldEvents, 'event')} held until their offset is committed in Kafka`,
    );
  if (channel.quarantined > 0)
    lines.push(`${INDENT}${plural(channel.quarantined, 'event')} in quarantine: see \`headgate quarantine\``);
  if (channel.damagedChunks > 0)
    lines.push(
      `${INDENT}${plural(channel.damagedChunks, 'damaged chunk')} set aside: see \`headgate channel check\``,
    );
  if (channel.claims !== undefined) {
    const { events, oldestMs } = channel.claims;
    const since = formatDuration(Math.max(0, nowMs - oldestMs));
    lines.push(`${INDENT}${plural(events, 'event')} to be pulled again, for ${since}`);
  }
  return lines;
}

/** Worth a word while it is a matter of days. */
function fullText({ secondsToFull, state }: ChannelStatusRow): string {
  if (state !== 'open' || secondsToFull === undefined || secondsToFull * SECOND_MS > FULL_SHOWN_MS) return '';
  return `  full in ${formatDuration(Math.max(1, secondsToFull) * SECOND_MS)}, if things go on so`;
}

function groupText({ group }: SinkStatusRow): string {
  if (group === undefined) return '';
  return `  ${group.isOnDuty ? 'lands for' : 'stands by in'} the group ${oneLine(group.name)}`;
}

function sinkText(sink: SinkStatusRow, nowMs: number, width: number): string[] {
  const lines = [
    `sink ${sink.name} (${sink.type})  ${stateText(sink)}${groupText(sink)}`,
    `${INDENT}${perSecond(sink.eventsPerSecond, sink.bytesPerSecond)}  landed ${plural(sink.events, 'event')} in ${plural(sink.files, 'file')}  filling ${plural(sink.openKeys, 'file')}`,
    ...waitingText(sink, nowMs),
  ];
  if (sink.paused !== undefined) {
    const why = sink.paused.why === '' ? '' : `: ${oneLine(sink.paused.why)}`;
    lines.push(
      `${INDENT}writing paused by ${oneLine(sink.paused.by)} at ${formatTime(sink.paused.atMs)}${why}; intake goes on`,
    );
  }
  if (sink.heldFiles > 0) lines.push(`${INDENT}${plural(sink.heldFiles, 'file')} held for you to decide`);
  for (const upload of sink.uploads.slice(0, UPLOADS_SHOWN_MAX)) {
    const attempt = upload.attempt > 1 ? `  attempt ${upload.attempt}` : '';
    const figures = `  ${formatBytes(upload.sentBytes)} of ${formatBytes(upload.totalBytes)}${attempt}`;
    const head = `${INDENT}${upload.step} `;
    const path = fitted(oneLine(upload.path), Math.max(20, width - head.length - figures.length), 'end');
    lines.push(`${head}${path}${figures}`, ...waitingText(upload, nowMs));
    if (upload.step === 'held')
      lines.push(`${INDENT}when that is put right: headgate landings release ${oneLine(upload.fileId)}`);
  }
  if (sink.uploads.length > UPLOADS_SHOWN_MAX)
    lines.push(`${INDENT}and ${plural(sink.uploads.length - UPLOADS_SHOWN_MAX, 'more file')}`);
  if (sink.lastLandedPath !== undefined && sink.lastLandedMs !== undefined) {
    const ago = `  ${formatDuration(Math.max(0, nowMs - sink.lastLandedMs))} ago`;
    const room = Math.max(20, width - INDENT.length - 'last '.length - ago.length);
    lines.push(`${INDENT}last ${fitted(oneLine(sink.lastLandedPath), room, 'end')}${ago}`);
  }
  return lines;
}

function alertsText(alerts: readonly Alert[]): string[] {
  const active = alerts.filter((alert) => alert.clearedMs === undefined);
  if (active.length === 0) return [];
  return [
    '',
    'alerts',
    ...active.flatMap((alert) => [
      `  ${alert.level.toUpperCase()} ${alert.code} ${oneLine(alert.place)}: ${oneLine(alert.message)} (since ${formatTime(alert.sinceMs)})`,
      ...(alert.hint === undefined ? [] : [`${INDENT}${oneLine(alert.hint)}`]),
    ]),
  ];
}
