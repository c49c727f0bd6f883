/** Files that are on their way, and those that are held until an operator decides. */
import { Button, Progress, Text } from '@mantine/core';
import { IconCircleCheck } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { EngineStatus } from '../../../shared/contract/control-status.ts';
import { usePreferences } from '../../app/preferences.ts';
import { useIsLive, useStatus } from '../../client/engine-context.tsx';
import { useAction } from '../../client/use-call.ts';
import { useFormat } from '../../text/use-format.ts';
import { CauseLine } from '../../widgets/cause-line.tsx';
import { CodeText } from '../../widgets/code-text.tsx';
import { Confirm } from '../../widgets/confirm.tsx';
import { EmptyState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import { toast } from '../../widgets/toast.ts';
import styles from './landings.module.css';
import { filesOf, nameOfStep, type FileOnItsWay } from './uploads.ts';

const NO_SINKS: EngineStatus['sinks'] = [];

export function UploadList() {
  const { t } = useTranslation();
  const sinks = useStatus((status) => status.sinks) ?? NO_SINKS;
  const { files, heldElsewhere } = useMemo(() => filesOf(sinks), [sinks]);
  const [asked, setAsked] = useState<FileOnItsWay>();
  return (
    <Panel isFlush isGrowing>
      <div className={styles['files']} tabIndex={0} role="group" aria-label={t('landings.tabs.files')}>
        {files.length === 0 && (
          <EmptyState title={t('landings.files.none')} icon={IconCircleCheck}>
            {t('landings.files.noneBody')}
          </EmptyState>
        )}
        {files.map((file) => (
          <FileRow key={file.upload.fileId} file={file} onRelease={() => setAsked(file)} />
        ))}
        {heldElsewhere > 0 && (
          <p className={styles['note']}>{t('landings.files.moreHeld', { count: heldElsewhere })}</p>
        )}
      </div>
      {asked !== undefined && <ReleaseDialog file={asked} onClose={() => setAsked(undefined)} />}
    </Panel>
  );
}

function FileRow({ file, onRelease }: { readonly file: FileOnItsWay; readonly onRelease: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const isLive = useIsLive();
  const { sink, isHeld, upload } = file;
  const { cause, sentBytes, totalBytes } = upload;
  const step = nameOfStep(upload.step);
  const label = step === undefined ? upload.step : t(`landings.files.steps.${step}`);
  return (
    <div className={styles['file']} data-held={isHeld || undefined}>
      <div className={styles['fileTop']}>
        <StateBadge
          state={isHeld ? 'held' : cause === undefined ? 'landing' : 'waiting'}
          {...(isHeld || cause !== undefined ? {} : { label })}
        />
        <div className={styles['filePath']}>
          <CodeText as="wrap">{upload.path}</CodeText>
        </div>
        {isHeld && (
          <Button variant="default" disabled={!isLive} onClick={onRelease}>
            {t('landings.files.release')}
          </Button>
        )}
      </div>
      <div className={styles['fileFacts']}>
        <CodeText isDim>{sink}</CodeText>
        <span>{t('landings.files.attempt', { number: upload.attempt })}</span>
        {!isHeld && (
          <>
            <span>
              {t('landings.files.sent', {
                done: format.bytes(sentBytes),
                total: format.bytes(totalBytes),
              })}
            </span>
            <Progress
              size="sm"
              w={160}
              value={totalBytes > 0 ? (100 * sentBytes) / totalBytes : 0}
              aria-label={t('landings.files.progress')}
            />
          </>
        )}
      </div>
      <CauseLine cause={cause} hint={upload.hint} nextTryMs={upload.nextTryMs} />
    </div>
  );
}

function ReleaseDialog({ file, onClose }: { readonly file: FileOnItsWay; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const { operator } = usePreferences();
  const release = useAction('landingRelease');
  const confirm = async (): Promise<void> => {
    const answer = await release.run({ fileId: file.upload.fileId, by: operator });
    if (answer === undefined) return;
    toast(t('landings.files.released'));
    onClose();
  };
  return (
    <Confirm
      isOpen
      onClose={onClose}
      onConfirm={() => void confirm()}
      title={t('landings.files.releaseTitle')}
      confirmLabel={t('landings.files.release')}
      isRunning={release.isRunning}
      error={release.error}
    >
      <div>
        <CodeText as="wrap">{file.upload.path}</CodeText>
        <Text size="sm" mt={8} fw={600}>
          {t('landings.files.releaseBody')}
        </Text>
        <Text size="sm" mt={6}>
          {t('landings.files.releaseConsequence')}
        </Text>
      </div>
    </Confirm>
  );
}
