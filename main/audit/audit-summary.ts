import type { AuditFinding, AuditReport } from '../../shared/contract/control-audit.ts';
import { gapOffsets } from '../../shared/model/gap-count.ts';
import { formatCount } from '../../shared/units.ts';

/** What each kind of finding means to an operator, and what to do about it. */
const MEANINGS: Readonly<Record<AuditFinding['kind'], string>> = {
  missing: 'offsets were accepted and nothing says what became of them: they may be lost',
  overlap: 'offsets are accounted for twice: they may stand in two files',
  damaged:
    'events in the channel are damaged: they are set aside and pulled again when their file is landed, or at once by `headgate channel repair`',
  outside: 'the books speak of offsets that were never taken',
  'books-differ': 'two records of the same fact disagree: keep a copy of the state directory and report it',
  'file-missing': 'landed files are gone: restore them from the trash or a snapshot',
  'file-moved': 'landed files stand in another place',
  'file-differs': 'landed files are not what was landed: somebody changed or replaced them',
  'lines-differ': 'landed files hold other lines than were landed',
  unreadable: 'landed files cannot be read: look at the DataNodes that hold them',
  'unknown-file':
    'files carry this gateway’s id and are not in its ledger: their events may stand there twice',
};

const LOOKED_AT: Readonly<Record<AuditReport['level'], string>> = {
  ledger: 'Only the books were read',
  hdfs: 'The books were read and each landed file was looked at, not its lines',
  deep: 'The books were read, and each landed file to its last line',
};

/** Offsets that are gaps, with a space before; empty without any. A clean audit is no proof that nothing is missing in the target. */
function gapText({ coverage }: AuditReport): string {
  const gaps = gapOffsets(coverage);
  if (gaps === 0) return '';
  return ` ${formatCount(gaps)} of them ${gaps === 1 ? 'is a gap: its event is' : 'are gaps: their events are'} not in the target; the list says which, and why.`;
}

/** The verdict in sentences, for a person who does not know the kinds of findings. */
export function auditSummary(report: AuditReport): string {
  const { verdict, state, findings, findingsLeftOut, level, error } = report;
  const counted = `${formatCount(report.offsets)} offsets and ${formatCount(report.files)} files`;
  const reason = error === undefined ? '' : `: ${error}`;
  if (verdict === 'clean') {
    return `Every offset that was taken is accounted for exactly once. ${LOOKED_AT[level]}: ${counted}.${gapText(report)}`;
  }
  if (verdict === 'unknown') {
    const end = state === 'cancelled' ? 'The audit was stopped' : 'The audit could not look at everything';
    return `There is no verdict. ${end}${reason}. What was looked at held: ${counted}.`;
  }
  const kinds = [...new Set(findings.map(({ kind }) => kind))];
  const found = findings.length + findingsLeftOut;
  const rest = state === 'done' ? '' : ` And it could not look at everything${reason}.`;
  return `${formatCount(found)} finding${found === 1 ? '' : 's'}: ${kinds.map((kind) => MEANINGS[kind]).join('; ')}.${rest}`;
}
