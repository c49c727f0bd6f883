/** What `status --fleet` and `audit --fleet` print. */
import type {
  FleetAuditPartition,
  FleetAuditReport,
  FleetGateway,
  FleetPartition,
  FleetStatus,
} from '../../shared/contract/control-fleet.ts';
import { formatBytes, formatCount, formatDuration, SECOND_MS } from '../../shared/units.ts';
import { formatTime } from './output.ts';
import { table, type Column } from './table.ts';
import { oneLine, wrapped } from './terminal-text.ts';

const PARTITIONS_SHOWN_MAX = 200;
const LINES_SHOWN_MAX = 50;

/** Gateways with what they hold, then partitions with who owns them, then what could not be asked. */
export function fleetStatusText(status: FleetStatus, width: number): string {
  const { nowMs, partitions, problems } = status;
  const shown = partitions.slice(0, PARTITIONS_SHOWN_MAX);
  const hidden = partitions.length - shown.length + status.partitionsLeftOut;
  return [
    table(gatewayColumns(nowMs), status.gateways, width),
    '',
    ...(shown.length === 0 ? ['no partitions are known'] : [table(partitionColumns(nowMs), shown, width)]),
    ...(hidden === 0 ? [] : [`and ${formatCount(hidden)} more partitions: --json has those that were read`]),
    ...(problems.length === 0 ? [] : ['', 'not everything could be asked:']),
    ...problems
      .slice(0, LINES_SHOWN_MAX)
      .flatMap(({ place, message }) => wrapped(`  ${oneLine(place)}: ${oneLine(message)}`, width)),
  ].join('\n');
}

function gatewayColumns(nowMs: number): readonly Column<FleetGateway>[] {
  return [
    {
      title: 'GATEWAY',
      of: ({ gatewayId, isOwn }) => `${gatewayId}${isOwn ? ' (this)' : ''}`,
      keep: 'start',
    },
    { title: 'STATE', of: ({ stateId }) => stateId.slice(0, 8) },
    { title: 'LAST SIGN', of: (row) => signOf(row) },
    { title: 'HOLDS', of: ({ waitingEvents }) => waitingEvents },
    { title: 'BYTES', of: ({ waitingBytes }) => formatBytes(waitingBytes) },
    { title: 'CLAIMED', of: ({ claimedEvents }) => claimedEvents, isOptional: true },
    {
      title: 'NOT TOLD',
      of: ({ isSilent, untoldEvents }) => (isSilent ? untoldEvents : 0),
      isOptional: true,
    },
    {
      title: 'OLDEST EVENT',
      of: ({ oldestEventMs }) =>
        oldestEventMs === undefined ? '-' : `${rounded(nowMs - oldestEventMs)} old`,
    },
  ];
}

function signOf({ isOwn, isSilent, quietMs, writtenMs, isPaused, ended }: FleetGateway): string {
  if (ended !== undefined) return `${ended.why} ${formatTime(ended.atMs)}`;
  const paused = isPaused ? ', paused' : '';
  if (isOwn) return `now${paused}`;
  if (writtenMs === undefined) return 'NEVER';
  return isSilent ? `SILENT for ${rounded(quietMs)}` : `alive${paused}`;
}

function partitionColumns(nowMs: number): readonly Column<FleetPartition>[] {
  return [
    { title: 'PARTITION', of: ({ topic, partition }) => `${topic}/${partition}`, keep: 'start' },
    { title: 'GROUP', of: ({ group }) => group, keep: 'start' },
    { title: 'COMMITTED', of: ({ committed }) => (committed < 0 ? '-' : String(committed)) },
    { title: 'OWNER', of: ({ owner, note }) => owner?.gatewayId ?? note ?? '-', keep: 'start' },
    { title: 'FROM', of: ({ owner }) => (owner === undefined ? '-' : `offset ${owner.start}`) },
    {
      title: 'FOR',
      of: ({ owner }) => (owner?.sinceMs === undefined ? '-' : rounded(nowMs - owner.sinceMs)),
    },
    {
      title: 'HELD BY',
      of: ({ holders }) =>
        holders.map(({ gatewayId, events }) => `${gatewayId} ${formatCount(events)}`).join(', ') || '-',
      keep: 'start',
    },
  ];
}

function rounded(ms: number): string {
  return formatDuration(Math.max(0, Math.round(ms / SECOND_MS)) * SECOND_MS);
}

const AUDIT_COLUMNS: readonly Column<FleetAuditPartition>[] = [
  { title: 'PARTITION', of: ({ topic, partition }) => `${topic}/${partition}`, keep: 'start' },
  { title: 'GROUP', of: ({ group }) => group, keep: 'start' },
  { title: 'OFFSETS', of: ({ from, to }) => (to > from ? `${from}-${to - 1}` : 'none') },
  {
    title: 'ACCEPTED BY',
    of: ({ owners }) =>
      owners.map(({ gatewayId, offsets }) => `${gatewayId} ${formatCount(offsets)}`).join(', '),
    keep: 'start',
  },
  { title: 'IN FILES', of: ({ landed }) => landed, isOptional: true },
];

export function fleetAuditText(report: FleetAuditReport, width: number): string {
  const { partitions, findings, unproven, notes } = report;
  const lines = (title: string, all: readonly string[]): string[] =>
    all.length === 0
      ? []
      : [
          '',
          title,
          ...all.slice(0, LINES_SHOWN_MAX).flatMap((line) => wrapped(`  ${oneLine(line)}`, width)),
          ...(all.length > LINES_SHOWN_MAX
            ? [`  and ${formatCount(all.length - LINES_SHOWN_MAX)} more`]
            : []),
        ];
  return [
    table(AUDIT_COLUMNS, partitions.slice(0, PARTITIONS_SHOWN_MAX), width),
    ...lines(
      'wrong:',
      findings.map(({ kind, place, what }) => `${kind} ${place}: ${what}`),
    ),
    ...lines('not proven:', unproven),
    ...lines('notes:', notes),
    '',
    report.summary,
  ].join('\n');
}
