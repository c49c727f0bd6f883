/** `headgate audit`: proof that every offset is accounted for exactly once, or the offsets that are not. */
import type { Command } from 'commander';
import type { AuditCoverage, AuditGap, AuditReport } from '../../shared/contract/control-audit.ts';
import { GatewayError } from '../../shared/errors.ts';
import { gapOffsets } from '../../shared/model/gap-count.ts';
import { formatCount } from '../../shared/units.ts';
import type { ControlClient } from '../control/control-client.ts';
import { systemClock } from '../telemetry/clock.ts';
import { connectToEngine, withEngine, type EngineOptions } from './engine-connection.ts';
import { EXIT } from './exit-status.ts';
import { runFleetAudit } from './fleet-audit-run.ts';
import { fleetAuditText } from './fleet-text.ts';
import { print, printJson } from './output.ts';
import { table, type Column } from './table.ts';
import { oneLine, outputWidth } from './terminal-text.ts';

const POLL_MS = 250;

export function addAuditCommand(program: Command): void {
  withEngine(program.command('audit'))
    .summary('prove every offset once, or name the offsets')
    .description(
      'Proves that every offset that was taken is accounted for exactly once: landed, in the channel, in quarantine, dropped from there by an operator, filtered, not routed, absent at the broker, or a gap. Names the offsets otherwise.',
    )
    .option('--hdfs', 'also list the files at the target: length, checksum, attributes')
    .option('--deep', 'also read every line of every file (includes --hdfs)')
    .option(
      '--fleet',
      'also all gateways together: holes and overlaps between them; with --hdfs by the stamps of all files',
    )
    .addHelpText(
      'after',
      `
Examples:
  headgate audit                 the books alone: seconds
  headgate audit --hdfs          and each landed file as it stands at the target
  headgate audit --deep --json   and each line in it, as JSON
  headgate audit --fleet --hdfs  all gateways at this landing root together

Exit status: 0 clean, 1 not clean or not finished, 3 no engine answers.`,
    )
    .action(async (options: EngineOptions & { hdfs?: boolean; deep?: boolean; fleet?: boolean }) => {
      const client = await connectToEngine(options);
      const stop = new AbortController();
      process.once('SIGINT', () => stop.abort(interrupted()));
      const level = options.deep ? 'deep' : options.hdfs ? 'hdfs' : 'ledger';
      const run = { signal: stop.signal, isQuiet: options.json === true };
      const report = await runAudit(client, { level, ...run });
      if (options.fleet) {
        const fleet = await runFleetAudit(client, {
          level: level === 'ledger' ? 'tenures' : 'files',
          ...run,
        });
        if (options.json) printJson({ own: report, fleet });
        else
          print(`${auditText(report, outputWidth())}\n\nthe fleet:\n${fleetAuditText(fleet, outputWidth())}`);
        process.exitCode = report.verdict === 'clean' && fleet.verdict === 'clean' ? EXIT.done : EXIT.failed;
        return;
      }
      if (options.json) printJson(report);
      else print(auditText(report, outputWidth()));
      process.exitCode = report.verdict === 'clean' ? EXIT.done : EXIT.failed;
    });
}

function interrupted(): GatewayError {
  return new GatewayError({
    code: 'aborted',
    operation: 'audit',
    place: '',
    message: 'interrupted; there is no verdict',
    retry: 'never',
    hint: 'the running engine is not affected',
  });
}

export interface AuditRunOptions {
  readonly level: AuditReport['level'];
  /** Its abort cancels the audit at the engine too. */
  readonly signal: AbortSignal;
  readonly isQuiet: boolean;
}

/** Starts an audit at the engine and follows it to its end. */
export async function runAudit(client: ControlClient, options: AuditRunOptions): Promise<AuditReport> {
  const { id } = await client.call('auditStart', { level: options.level });
  let shown = '';
  for (;;) {
    const report = await client.call('auditReport', { id });
    const { step, done, total } = report.progress;
    const line = `audit: ${oneLine(step)} ${formatCount(done)} of ${formatCount(total)}`;
    if (!options.isQuiet && process.stderr.isTTY && line !== shown)
      process.stderr.write(`\r\u001b[K${(shown = line)}`);
    if (report.state !== 'running') {
      if (shown !== '') process.stderr.write('\r\u001b[K');
      return report;
    }
    try {
      await systemClock.sleep(POLL_MS, options.signal);
    } catch (reason) {
      await client.call('auditCancel', { id });
      throw reason;
    }
  }
}

/** What every partition has comes first; the fates that no offset met are left out. */
const COLUMNS: readonly Column<AuditCoverage>[] = [
  { title: 'CHANNEL', of: (row) => row.channel, keep: 'start' },
  { title: 'PARTITION', of: (row) => `${row.topic}/${row.partition}`, keep: 'start' },
  { title: 'OFFSETS', of: (row) => (row.to > row.from ? `${row.from}-${row.to - 1}` : 'none') },
  { title: 'LANDED', of: (row) => row.landed },
  { title: 'IN CHANNEL', of: (row) => row.inChannel, isOptional: true },
  { title: 'QUARANTINE', of: (row) => row.quarantined, isOptional: true },
  { title: 'DROPPED', of: (row) => row.dropped ?? 0, isOptional: true },
  { title: 'FILTERED', of: (row) => row.filtered, isOptional: true },
  { title: 'NOT ROUTED', of: (row) => row.notRouted, isOptional: true },
  { title: 'ABSENT', of: (row) => row.absent, isOptional: true },
  { title: 'GAP', of: (row) => row.gap, isOptional: true },
  { title: 'CLAIMED', of: (row) => row.claimed ?? 0, isOptional: true },
  { title: 'HELD', of: (row) => row.held, isOptional: true },
];

export function auditText(report: AuditReport, width = Infinity): string {
  const lines = [
    ...(report.coverage.length === 0 ? [] : [table(COLUMNS, report.coverage, width)]),
    ...report.findings.map(
      (finding) => `${finding.kind}: ${oneLine(finding.place)}: ${oneLine(finding.what)}`,
    ),
  ];
  lines.push(...(report.gaps ?? []).map(gapLine));
  if ((report.gapsLeftOut ?? 0) > 0) lines.push(`and ${formatCount(report.gapsLeftOut ?? 0)} more gaps`);
  lines.push(...(report.notes ?? []).map((note) => `note: ${oneLine(note)}`));
  if (report.findingsLeftOut > 0) lines.push(`and ${formatCount(report.findingsLeftOut)} more findings`);
  if (report.error !== undefined) lines.push(`the audit did not finish: ${oneLine(report.error)}`);
  const gaps = gapOffsets(report.coverage);
  const looked = { ledger: 'the books', hdfs: 'the books and each file', deep: 'the books and each line' };
  const checked = `${formatCount(report.offsets)} offsets, ${formatCount(report.files)} files; compared: ${looked[report.level]}`;
  const verdict = {
    clean: `CLEAN: every offset is accounted for exactly once${gaps === 0 ? '' : `, ${formatCount(gaps)} of them as gaps: those events are not in the target`}`,
    wrong: 'WRONG: see the findings above',
    unknown: 'UNKNOWN: no verdict',
  };
  lines.push(`${verdict[report.verdict]} (${checked})`);
  if (report.verdict !== 'clean' && report.summary !== undefined) lines.push(oneLine(report.summary));
  return lines.join('\n');
}

function gapLine({ channel, topic, partition, from, to, reason }: AuditGap): string {
  const offsets = to - from === 1 ? `offset ${from}` : `offsets ${from}-${to - 1}`;
  // A tenure that fed no channel has its gap all the same.
  const place = channel === '*' ? `${topic}/${partition}` : `${topic}/${partition} in ${channel}`;
  return `gap: ${oneLine(place)}: ${offsets}: ${oneLine(reason)}`;
}
