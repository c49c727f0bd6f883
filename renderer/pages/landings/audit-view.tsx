/** The audits of this run of the engine: start one, follow it, read its verdict. */
import { IconShieldSearch } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../../shared/contract/control-job.ts';
import { changeParams, useRoute } from '../../app/route.ts';
import { useView } from '../../client/engine-context.tsx';
import { useCall } from '../../client/use-call.ts';
import { TimeText } from '../../widgets/amounts.tsx';
import { SafeText } from '../../widgets/code-text.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import { AuditReportView } from './audit-report.tsx';
import { AuditStart } from './audit-start.tsx';
import styles from './landings.module.css';

export function AuditView() {
  const { t } = useTranslation();
  const jobs = useView((view) => view.jobs);
  const audits = jobs.filter(({ kind }) => kind === 'audit');
  const wanted = useRoute().params.get('audit') ?? undefined;
  const chosen = wanted ?? audits[0]?.id;
  const isRunning = audits.some(({ state }) => state === 'running');
  return (
    <div className={styles['audit']}>
      <aside className={styles['auditSide']}>
        <AuditStart isRunning={isRunning} onStarted={(audit) => changeParams({ audit })} />
        <Panel title={t('landings.audit.past')} isFlush isGrowing>
          <AuditList audits={audits} chosen={chosen} />
        </Panel>
      </aside>
      <div className={styles['auditMain']}>
        {chosen === undefined ? (
          <Panel isGrowing>
            <EmptyState title={t('landings.audit.none')} icon={IconShieldSearch}>
              {t('landings.audit.noneBody')}
            </EmptyState>
          </Panel>
        ) : (
          <Report id={chosen} />
        )}
      </div>
    </div>
  );
}

function AuditList({
  audits,
  chosen,
}: {
  readonly audits: readonly Job[];
  readonly chosen: string | undefined;
}) {
  const { t } = useTranslation();
  if (audits.length === 0) return <p className={styles['note']}>{t('landings.audit.nonePast')}</p>;
  return (
    <ul className={styles['auditList']}>
      {audits.map((job) => (
        <li key={job.id}>
          <button
            type="button"
            aria-current={job.id === chosen || undefined}
            onClick={() => changeParams({ audit: job.id })}
          >
            <span className={styles['auditTitle']}>
              <TimeText ms={job.startedMs} />
            </span>
            <span className={styles['auditMeta']}>
              <SafeText text={job.title} />
            </span>
            <span className={styles['auditMeta']}>
              <StateBadge state={job.state} variant="plain" />
              {job.by !== '' && <SafeText text={job.by} />}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Report({ id }: { readonly id: string }) {
  const report = useCall(
    'auditReport',
    { id },
    { refetchOn: (event) => event.type === 'job' && event.job.id === id },
  );
  const { data, error } = report;
  if (data !== undefined && !report.isOfOtherInput) return <AuditReportView report={data} />;
  return (
    <Panel isGrowing>
      {error === undefined ? (
        <LoadingState lines={6} />
      ) : (
        <ErrorState error={error} onRetry={report.reload} />
      )}
    </Panel>
  );
}
