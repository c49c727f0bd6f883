import { useTranslation } from 'react-i18next';
import { usePreferences } from '../../app/preferences.ts';
import { useAction, useCall } from '../../client/use-call.ts';
import { Confirm } from '../../widgets/confirm.tsx';
import { LoadingState } from '../../widgets/notices.tsx';
import { toast } from '../../widgets/toast.ts';
import { ChangeWords } from './change-words.tsx';
import { isDirty, useDraft } from './draft-store.ts';
import styles from './configuration.module.css';

export interface RollbackDialogProps {
  readonly number: number;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Says what going back would change. It is based on the file as it was when this opened: whoever changes it meanwhile is not overwritten. */
export function RollbackDialog({ number, onClose, onDone }: RollbackDialogProps) {
  const { t } = useTranslation();
  const { operator } = usePreferences();
  const draft = useDraft();
  const file = useCall('configText', { of: { kind: 'file' } });
  const diff = useCall('configDiff', { from: { kind: 'running' }, to: { kind: 'version', number } });
  const rollback = useAction('configRollback');
  const change = diff.data?.change;
  const confirm = async (): Promise<void> => {
    if (file.data === undefined) return;
    const done = await rollback.run({ number, baseSha256: file.data.sha256, by: operator });
    if (done === undefined) return;
    toast(t('configuration.history.rolledBack', { number, version: done.version }));
    onDone();
    onClose();
  };
  return (
    <Confirm
      isOpen
      onClose={onClose}
      onConfirm={() => void confirm()}
      title={t('configuration.history.rollbackTitle', { number })}
      confirmLabel={t('configuration.history.rollback')}
      isRunning={rollback.isRunning}
      isDisabled={file.data === undefined || change === undefined || change.refused.length > 0}
      error={rollback.error ?? diff.error ?? file.error}
    >
      <p className={styles['plain']}>{t('configuration.history.rollbackBody', { number })}</p>
      {diff.data === undefined && diff.error === undefined && <LoadingState lines={3} />}
      {diff.data !== undefined && change === undefined && (
        <p className={styles['plain']}>{t('configuration.change.unusable')}</p>
      )}
      {change !== undefined && <ChangeWords change={change} />}
      {file.data?.isRunning === false && (
        <p className={styles['notes']}>{t('configuration.history.fileDiffers')}</p>
      )}
      {draft !== undefined && isDirty(draft) && (
        <p className={styles['notes']}>{t('configuration.history.hasEdits')}</p>
      )}
    </Confirm>
  );
}
