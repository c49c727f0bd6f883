/** What is to be known of the file before one goes on: it is not what runs, or somebody else has changed it. */
import { Button } from '@mantine/core';
import { IconAlertTriangle, IconGitMerge } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useStatus } from '../../client/engine-context.tsx';
import { SafeText } from '../../widgets/code-text.tsx';
import { isDirty, type Draft } from './draft-store.ts';
import styles from './configuration.module.css';

export function FileBanners({ draft, onResolve }: { readonly draft: Draft; readonly onResolve: () => void }) {
  const { t } = useTranslation();
  const problems = useStatus((status) => status.configProblems);
  const version = useStatus((status) => status.configVersion) ?? 0;
  const [first] = problems ?? [];
  return (
    <>
      {draft.theirs !== undefined && (
        <div className={styles['banner']} role="alert" data-banner="conflict">
          <IconGitMerge size={16} aria-hidden />
          <div>
            <strong>{t('configuration.conflict.title')}</strong> {t('configuration.conflict.banner')}
          </div>
          <Button variant="default" onClick={onResolve}>
            {t('configuration.conflict.resolve')}
          </Button>
        </div>
      )}
      {first !== undefined && (
        <div className={styles['banner']} data-tone="failed" role="alert" data-banner="refused">
          <IconAlertTriangle size={16} aria-hidden />
          <div>
            <strong>{t('configuration.fileRefused', { version })}</strong> <SafeText text={first} />
          </div>
        </div>
      )}
      {first === undefined && draft.theirs === undefined && !draft.base.isRunning && !isDirty(draft) && (
        <div className={styles['banner']} role="status" data-banner="not-running">
          <IconAlertTriangle size={16} aria-hidden />
          <div>{t('configuration.fileNotRunning')}</div>
        </div>
      )}
    </>
  );
}
