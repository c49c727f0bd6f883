/** `headgate audit`: proof that every offset is accounted for exactly once, or the offsets that are not. */
import type { Command } from 'commander';
import type { AuditReport } from '../../shared/contract/control.ts';
import { GatewayError } from '../../shared/errors.ts';
import { formatCount } from '../../shared/units.ts';
import type { ControlClient } from '../control/control-client.ts';
import { systemClock } from '../telemetry/clock.ts';
import { connectToEngine, withEngine, type EngineOptions } from './engine-connection.ts';
import { EXIT } from './exit-status.ts';
import { oneLine, print, printJson, table } from './output.ts';

const POLL_MS = 250;

export function addAuditCommand(program: Command): void {
  withEngine(program.command('audit'))
    .description('prove every offset once; name the offsets otherwise')
    .option('--hdfs', 'also list the files at the target: length, checksum, attributes')
    .option('--deep', 'also read every line of every file (includes --hdfs)')
    .action(async (options: EngineOptions & { hdfs?: boolean; deep?: boolean }) => {
      const client = await connectToEngine(options);
      const stop = new AbortController();
      process.once('SIGINT', () =>
        stop.abort(
          new GatewayError({
            code: 'aborted',
            operation: 'audit',
            place: '',
            message: 'interrupted',
            retry: 'never',
            hint: 'the running engine is not affected',
          }),
        ),
      );
      const level = options.deep ? 'deep' : options.hdfs ? 'hdfs' : 'ledger';
      const report = await runAudit(client, { level, signal: stop.signal, isQuiet: options.json === true });
      if (options.json) printJson(report);
      else print(auditText(report));
      process.exitCode = report.verdict === 'clean' ? EXIT.done : EXIT.failed;
    });
}

/** Starts an audit at the engine and follows it to its end; cancels it there when the signal aborts. */
export async function runAudit(
  client: ControlClient,
  options: { level: AuditReport['level']; signal: AbortSignal; isQuiet: boolean },
): Promise<AuditReport> {
  const { id } = await client.call('auditStart', { level: options.level });
  let shown = '';
  for (;;) {
    const report = await client.call('auditReport', { id });
    const line = `audit: ${report.progress.step} ${report.progress.done}/${report.progress.total}`;
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

export function auditText(report: AuditReport): string {
  const rows = report.coverage.map((one) => [
    one.channel,
    `${one.topic}/${one.partition}`,
    `${one.from}-${one.to - 1}`,
    one.landed,
    one.inChannel,
    one.quarantined,
    one.filtered,
    one.notRouted,
    one.absent,
    one.gap,
    one.damaged,
    one.held,
  ]);
  const lines = [
    table(
      [
        'CHANNEL',
        'PARTITION',
        'OFFSETS',
        'LANDED',
        'IN CHANNEL',
        'QUARANTINED',
        'FILTERED',
        'NOT ROUTED',
        'ABSENT',
        'GAP',
        'DAMAGED',
        'HELD',
      ],
      rows,
    ),
    ...report.findings.map(
      (finding) => `${finding.kind}: ${oneLine(finding.place)}: ${oneLine(finding.what)}`,
    ),
  ];
  if (report.findingsLeftOut > 0) lines.push(`and ${report.findingsLeftOut} more findings`);
  if (report.error !== undefined) lines.push(`the audit did not finish: ${oneLine(report.error)}`);
  const checked = `${formatCount(report.offsets)} offsets, ${formatCount(report.files)} files, level ${report.level}`;
  const verdict = {
    clean: `CLEAN: every offset is accounted for exactly once (${checked})`,
    wrong: `WRONG: see the findings above (${checked})`,
    unknown: `UNKNOWN: no verdict (${checked})`,
  };
  lines.push(verdict[report.verdict]);
  return lines.join('\n');
}
