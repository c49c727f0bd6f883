import { IconAlertTriangle, IconCircleCheck, IconHelpCircle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { AuditReport } from '../../../shared/contract/control-audit.ts';
import { gapOffsets } from '../../../shared/model/gap-count.ts';
import { useFormat } from '../../text/use-format.ts';
import { SafeText } from '../../widgets/code-text.tsx';
import styles from './landings.module.css';

const ICONS = {
  clean: IconCircleCheck,
  wrong: IconAlertTriangle,
  gaps: IconAlertTriangle,
  unknown: IconHelpCircle,
} as const;

/** The verdict in words, colour and a sign; in the reader's language first, then as the engine put it. */
export function VerdictBox({ report }: { readonly report: AuditReport }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { verdict, state, level, error } = report;
  const found = report.findings.length + report.findingsLeftOut;
  const gaps = gapOffsets(report.coverage);
  const title = verdict === 'clean' && gaps > 0 ? 'gaps' : verdict;
  const VerdictIcon = ICONS[title];
  const why = verdict !== 'unknown' ? verdict : state === 'cancelled' ? 'cancelled' : 'unknown';
  return (
    <div className={styles['verdict']} data-verdict={title} role="status">
      <VerdictIcon size={26} stroke={1.7} aria-hidden />
      <div>
        <div className={styles['verdictTitle']}>
          {t(`landings.audit.verdicts.${title === 'gaps' ? title : why}`, {
            count: found,
            formatted: format.count(found),
          })}
        </div>
        <div>{t(`landings.audit.verdictBodies.${why}`)}</div>
        {verdict === 'clean' && <div>{t(`landings.audit.lookedAt.${level}`)}</div>}
        {gaps > 0 && (
          <div className={styles['summary']}>
            {t('landings.audit.gapsSaid', { count: gaps, formatted: format.count(gaps) })}
          </div>
        )}
        {report.summary !== undefined && verdict !== 'clean' && (
          <div className={styles['summary']}>
            <SafeText text={report.summary} />
          </div>
        )}
        {error !== undefined && !(report.summary ?? '').includes(error) && (
          <div className={styles['summary']}>
            <SafeText text={error} />
          </div>
        )}
      </div>
    </div>
  );
}
