/** Two people changed the file: what they have, what is here, and the ways on. Nothing is written by any of them. */
import { Button, Modal, SegmentedControl } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useEngine } from '../../client/engine-context.tsx';
import { toast } from '../../widgets/toast.ts';
import { LoadingState } from '../../widgets/notices.tsx';
import { DiffOf } from './diff-panel.tsx';
import { continueOnTheirs, noticeFile, startWith, type Draft, type FileText } from './draft-store.ts';
import styles from './configuration.module.css';

const SIDES = ['theirs', 'between'] as const;

export function ConflictDialog({ draft, onClose }: { readonly draft: Draft; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const { theirs } = draft;
  useFreshFile(theirs);
  return (
    <Modal
      opened
      onClose={onClose}
      size={820}
      title={t('configuration.conflict.title')}
      closeButtonProps={{ 'aria-label': t('widgets.close') }}
      transitionProps={{ duration: 100 }}
    >
      {theirs === undefined ? (
        <LoadingState lines={6} />
      ) : (
        <Conflict draft={draft} theirs={theirs} onClose={onClose} />
      )}
    </Modal>
  );
}

/** An apply that was refused says that there is another file, not what it holds. */
function useFreshFile(theirs: FileText | undefined): void {
  const { client } = useEngine();
  useEffect(() => {
    if (theirs !== undefined) return;
    const abort = new AbortController();
    client.call('configText', { of: { kind: 'file' } }, abort.signal).then(noticeFile, () => undefined);
    return () => abort.abort();
  }, [client, theirs]);
}

interface ConflictProps {
  readonly draft: Draft;
  readonly theirs: FileText;
  readonly onClose: () => void;
}

function Conflict({ draft, theirs, onClose }: ConflictProps) {
  const { t } = useTranslation();
  const [side, setSide] = useState<(typeof SIDES)[number]>('between');
  const file = { kind: 'file' } as const;
  const goOn = (): void => {
    const { overlaps } = continueOnTheirs();
    toast(
      overlaps === 0
        ? t('configuration.conflict.merged')
        : t('configuration.conflict.mergedSome', { count: overlaps }),
      'info',
    );
    onClose();
  };
  return (
    <div className={styles['dialog']}>
      <p>{t('configuration.conflict.body')}</p>
      <SegmentedControl
        aria-label={t('configuration.conflict.show')}
        value={side}
        onChange={setSide}
        data={SIDES.map((value) => ({ value, label: t(`configuration.conflict.sides.${value}`) }))}
      />
      <div className={styles['boxed']} data-conflict>
        {side === 'theirs' ? (
          <DiffOf key="theirs" from={{ kind: 'text', text: draft.base.text }} to={file} />
        ) : (
          <DiffOf key={theirs.sha256} from={file} to={{ kind: 'text', text: draft.text }} />
        )}
      </div>
      <p className={styles['keyNames']}>{t('configuration.conflict.explain')}</p>
      <div className={styles['buttons']}>
        <Button variant="default" onClick={onClose}>
          {t('configuration.conflict.later')}
        </Button>
        <Button
          variant="default"
          data-take-theirs
          onClick={() => {
            startWith(theirs);
            onClose();
          }}
        >
          {t('configuration.conflict.takeTheirs')}
        </Button>
        <Button onClick={goOn} data-autofocus data-keep-mine>
          {t('configuration.conflict.goOn')}
        </Button>
      </div>
    </div>
  );
}
