import type { FleetAuditReport } from '../../../shared/contract/control-fleet.ts';
import { formatCount } from '../../../shared/units.ts';

/** The verdict in sentences. */
export function fleetAuditSummary(report: Omit<FleetAuditReport, 'summary'>): string {
  const { verdict, level, partitions, gateways, files, findings, findingsLeftOut, unproven } = report;
  const looked = `${plural(partitions.length, 'log')} of ${plural(gateways.length, 'state directory', 'state directories')}`;
  const seen = level === 'files' ? `${looked}, ${plural(files, 'file')}` : looked;
  if (verdict === 'wrong')
    return `WRONG: ${plural(findings.length + findingsLeftOut, 'finding')} (${seen} looked at)`;
  if (verdict === 'unknown')
    return `NOT PROVEN: ${plural(unproven.length, 'thing')} could not be proven (${seen} looked at)`;
  const offsets = partitions.reduce((sum, { from, to }) => sum + to - from, 0);
  const what = level === 'files' ? ', and no file holds what another holds' : '';
  return `CLEAN: ${formatCount(offsets)} offsets, each accepted by exactly one gateway${what} (${seen} looked at)`;
}

function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : many}`;
}
