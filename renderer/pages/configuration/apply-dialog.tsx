/** Asks who and why, says what will happen, and afterwards what did. */
import { Button, Modal, Textarea, TextInput } from '@mantine/core';
import { IconCircleCheck } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Output } from '../../../shared/contract/control.ts';
import { changePreferences, usePreferences } from '../../app/preferences.ts';
import { useAction, useCall } from '../../client/use-call.ts';
import { useEngine } from '../../client/engine-context.tsx';
import { DiffView } from '../../widgets/diff-view.tsx';
import { ErrorState, LoadingState } from '../../widgets/notices.tsx';
import { ChangeWords } from './change-words.tsx';
import { startWith, type Draft } from './draft-store.ts';
import styles from './configuration.module.css';

const NAME_CHARS_MAX = 200;
const NOTE_CHARS_MAX = 1_000;

export interface ApplyDialogProps {
  readonly draft: Draft;
  /** True from the moment the engine is asked until its answer is taken in. */
  readonly onApplying: (isApplying: boolean) => void;
  readonly onConflict: () => void;
  readonly onClose: () => void;
}

export function ApplyDialog({ draft, onApplying, onConflict, onClose }: ApplyDialogProps) {
  const { t } = useTranslation();
  const [done, setDone] = useState<Output<'configApply'>>();
  return (
    <Modal
      opened
      onClose={onClose}
      size={720}
      title={t(done === undefined ? 'configuration.applyTitle' : 'configuration.applied.title')}
      closeButtonProps={{ 'aria-label': t('widgets.close') }}
      transitionProps={{ duration: 100 }}
    >
      {done === undefined ? (
        <ApplyForm
          draft={draft}
          onApplying={onApplying}
          onConflict={onConflict}
          onClose={onClose}
          onDone={setDone}
        />
      ) : (
        <Applied done={done} onClose={onClose} />
      )}
    </Modal>
  );
}

function ApplyForm(props: ApplyDialogProps & { readonly onDone: (done: Output<'configApply'>) => void }) {
  const { t } = useTranslation();
  const { draft, onClose } = props;
  const { operator } = usePreferences();
  const [note, setNote] = useState('');
  const diff = useCall('configDiff', { from: { kind: 'running' }, to: { kind: 'text', text: draft.text } });
  const apply = useApply(props, { by: operator, note });
  const change = diff.data?.change;
  const isRefused = change !== undefined && change.refused.length > 0;
  return (
    <form
      className={styles['dialog']}
      onSubmit={(event) => {
        event.preventDefault();
        void apply.run();
      }}
    >
      {diff.error !== undefined && <ErrorState error={diff.error} isInline onRetry={diff.reload} />}
      {diff.data === undefined && diff.error === undefined && <LoadingState lines={3} />}
      {change !== undefined && <ChangeWords change={change} />}
      {diff.data !== undefined && (
        <div className={styles['boxed']}>
          <DiffView lines={diff.data.lines} label={t('configuration.diff.title')} />
        </div>
      )}
      <div className={styles['fields']}>
        <TextInput
          label={t('configuration.by')}
          value={operator}
          maxLength={NAME_CHARS_MAX}
          onChange={(event) => changePreferences({ operator: event.currentTarget.value })}
        />
        <Textarea
          label={t('configuration.note')}
          placeholder={t('configuration.noteHint')}
          value={note}
          maxLength={NOTE_CHARS_MAX}
          autosize
          minRows={1}
          maxRows={4}
          data-autofocus
          onChange={(event) => setNote(event.currentTarget.value)}
        />
      </div>
      {apply.error !== undefined && (
        <ErrorState error={apply.error} title={t('configuration.applyFailed')} isInline />
      )}
      <div className={styles['buttons']}>
        <Button variant="default" onClick={onClose}>
          {t('widgets.cancel')}
        </Button>
        <Button
          type="submit"
          loading={apply.isRunning}
          disabled={change === undefined || isRefused}
          data-apply-now
        >
          {t('configuration.applyNow')}
        </Button>
      </div>
    </form>
  );
}

function useApply(
  { draft, onApplying, onConflict, onDone }: Parameters<typeof ApplyForm>[0],
  { by, note }: { readonly by: string; readonly note: string },
) {
  const { client } = useEngine();
  const apply = useAction('configApply');
  const { text, base } = draft;
  const run = async (): Promise<void> => {
    onApplying(true);
    try {
      const done = await apply.run({ text, baseSha256: base.sha256, by, note: note.trim() });
      if (done === undefined) return;
      // As it is shown from now on: a secret that was typed is a mark from here.
      const file = await client.call('configText', { of: { kind: 'file' } }).catch(() => undefined);
      startWith(file?.sha256 === done.sha256 ? file : { text, sha256: done.sha256, isRunning: true });
      onDone(done);
    } finally {
      onApplying(false);
    }
  };
  const isConflict = apply.error?.code === 'config-conflict';
  useEffect(() => {
    if (isConflict) onConflict();
  }, [isConflict, onConflict]);
  return { run, isRunning: apply.isRunning, error: apply.error };
}

function Applied({ done, onClose }: { readonly done: Output<'configApply'>; readonly onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <div className={styles['dialog']} data-applied={done.version}>
      <div className={styles['success']}>
        <IconCircleCheck size={18} aria-hidden />
        {t('configuration.applied.version', { version: done.version })}
      </div>
      <ChangeWords change={done.change} />
      <p className={styles['keyNames']}>{t('configuration.applied.rest')}</p>
      <div className={styles['buttons']}>
        <Button onClick={onClose} data-autofocus>
          {t('widgets.close')}
        </Button>
      </div>
    </div>
  );
}
