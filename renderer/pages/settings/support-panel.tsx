/** One redacted file for whoever helps. */
import { Button } from '@mantine/core';
import { IconDownload, IconFileZip } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../../shared/contract/control-job.ts';
import { useJobFile } from '../../app/job-file.ts';
import { JobProgress } from '../../app/jobs-tray.tsx';
import { usePreferences } from '../../app/preferences.ts';
import { useView } from '../../client/engine-context.tsx';
import { useAction } from '../../client/use-call.ts';
import { ErrorState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import styles from './settings.module.css';

export function SupportPanel() {
  const { t } = useTranslation();
  const { operator } = usePreferences();
  const start = useAction('supportBundleStart');
  const [jobId, setJobId] = useState<string>();
  const job = useView((view) => view.jobs.find(({ id }) => id === jobId));
  const begin = async (): Promise<void> => setJobId((await start.run({ by: operator }))?.jobId);
  return (
    <Panel title={t('settings.support')}>
      <p className={styles['note']} data-first>
        {t('settings.supportHint')}
      </p>
      {start.error !== undefined && <ErrorState error={start.error} isInline />}
      <div className={styles['buttons']}>
        <Button
          variant="default"
          leftSection={<IconFileZip size={15} aria-hidden />}
          loading={start.isRunning || job?.state === 'running'}
          onClick={() => void begin()}
        >
          {t('settings.supportMake')}
        </Button>
        {job?.state === 'done' && job.file !== undefined && <SaveButton job={job} name={job.file.name} />}
      </div>
      {job?.state === 'running' && <JobProgress job={job} />}
    </Panel>
  );
}

function SaveButton({ job, name }: { readonly job: Job; readonly name: string }) {
  const { t } = useTranslation();
  const file = useJobFile(job);
  return (
    <Button
      leftSection={<IconDownload size={15} aria-hidden />}
      loading={file.doneBytes !== undefined}
      onClick={() => void file.save()}
    >
      {t('settings.supportSave', { name })}
    </Button>
  );
}
