import { CloseButton } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { JobRow } from '../../app/jobs-tray.tsx';
import { useView } from '../../client/engine-context.tsx';
import { Panel } from '../../widgets/panel.tsx';
import styles from './backlog.module.css';

export interface ExportJobsProps {
  readonly ids: readonly string[];
  readonly onDismiss: (id: string) => void;
}

/** The exports that were asked for on this page: how far they are, and their files. */
export function ExportJobs({ ids, onDismiss }: ExportJobsProps) {
  const { t } = useTranslation();
  const jobs = useView((view) => view.jobs);
  const own = jobs.filter(({ id }) => ids.includes(id));
  if (own.length === 0) return null;
  return (
    <Panel isFlush>
      {own.map((job) => (
        <div key={job.id} className={styles['export']}>
          <div>
            <JobRow job={job} />
          </div>
          <CloseButton size="sm" aria-label={t('widgets.close')} onClick={() => onDismiss(job.id)} />
        </div>
      ))}
    </Panel>
  );
}
