/**
 * The configuration: written as YAML or in a form, tried on real events, compared, applied, and taken back. One text is behind all of it;
 * it is kept until it is applied or given up.
 */
import { Button, SegmentedControl, Tooltip } from '@mantine/core';
import { IconArrowBackUp, IconCircleDot, IconUpload } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { changeParams, useRoute } from '../../app/route.ts';
import { useIsLive, useStatus } from '../../client/engine-context.tsx';
import { Confirm } from '../../widgets/confirm.tsx';
import { ErrorState, LoadingState } from '../../widgets/notices.tsx';
import { PageHeader } from '../../widgets/page-header.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { ApplyDialog } from './apply-dialog.tsx';
import { ConflictDialog } from './conflict-dialog.tsx';
import { DiffPanel } from './diff-panel.tsx';
import { isDirty, startWith, useDraft, type Draft } from './draft-store.ts';
import { EditView } from './edit-view.tsx';
import { FileBanners } from './file-banners.tsx';
import { HistoryView } from './history-view.tsx';
import { useCheck, type Check } from './use-check.ts';
import { useFile } from './use-file.ts';
import styles from './configuration.module.css';

const VIEWS = ['edit', 'diff', 'history'] as const;
type View = (typeof VIEWS)[number];

export function ConfigurationPage() {
  const { t } = useTranslation();
  const draft = useDraft();
  const [isApplying, setApplying] = useState(false);
  const file = useFile(isApplying);
  const check = useCheck(draft?.text);
  useLeaveWarning(draft !== undefined && isDirty(draft));
  if (draft === undefined)
    return (
      <>
        <PageHeader title={t('configuration.title')} />
        <Panel isGrowing>
          {file.error === undefined ? (
            <LoadingState lines={12} />
          ) : (
            <ErrorState error={file.error} onRetry={file.reload} />
          )}
        </Panel>
      </>
    );
  return <Workbench draft={draft} check={check} onApplying={setApplying} onReload={file.reload} />;
}

interface WorkbenchProps {
  readonly draft: Draft;
  readonly check: Check;
  readonly onApplying: (isApplying: boolean) => void;
  readonly onReload: () => void;
}

function Workbench({ draft, check, onApplying, onReload }: WorkbenchProps) {
  const { t } = useTranslation();
  const isLive = useIsLive();
  const view = useShownView();
  const [dialog, setDialog] = useState<'apply' | 'conflict' | 'discard'>();
  const canApply = isLive && check.isUsable === true && (isDirty(draft) || !draft.base.isRunning);
  const askWhenChecked = useWhenChecked({ draft, check, canApply }, () => setDialog('apply'));
  const openApply = (): void => {
    if (draft.theirs !== undefined) setDialog('conflict');
    else if (canApply) setDialog('apply');
    else askWhenChecked();
  };
  useKeys({ onApply: openApply });
  return (
    <>
      <PageHeader title={t('configuration.title')} summary={<Summary isDirty={isDirty(draft)} />}>
        <SegmentedControl
          aria-label={t('configuration.view')}
          value={view}
          onChange={(value) => changeParams({ view: value === 'edit' ? '' : value })}
          data={VIEWS.map((value) => ({ value, label: t(`configuration.views.${value}`) }))}
        />
        <Button
          variant="default"
          disabled={!isDirty(draft)}
          leftSection={<IconArrowBackUp size={15} aria-hidden />}
          onClick={() => setDialog('discard')}
        >
          {t('configuration.discard')}
        </Button>
        <Tooltip label={t(applyHint(draft, check, isLive))}>
          <Button
            data-apply
            aria-disabled={!canApply && draft.theirs === undefined}
            data-disabled={!canApply && draft.theirs === undefined}
            leftSection={<IconUpload size={15} aria-hidden />}
            onClick={openApply}
          >
            {t('configuration.apply')}
          </Button>
        </Tooltip>
      </PageHeader>
      <FileBanners draft={draft} onResolve={() => setDialog('conflict')} />
      {view === 'edit' && <EditView draft={draft} check={check} isReadOnly={!isLive} />}
      {view === 'diff' && <DiffPanel draft={draft} />}
      {view === 'history' && <HistoryView onChanged={onReload} />}
      {dialog === 'apply' && (
        <ApplyDialog
          draft={draft}
          onApplying={onApplying}
          onConflict={() => {
            onReload();
            setDialog('conflict');
          }}
          onClose={() => setDialog(undefined)}
        />
      )}
      {dialog === 'conflict' && <ConflictDialog draft={draft} onClose={() => setDialog(undefined)} />}
      {dialog === 'discard' && <DiscardDialog draft={draft} onClose={() => setDialog(undefined)} />}
    </>
  );
}

interface Checked {
  readonly draft: Draft;
  readonly check: Check;
  readonly canApply: boolean;
}

/** Who presses the keys right after typing means this text, though the engine’s word on it is still on its way. */
function useWhenChecked({ draft, check, canApply }: Checked, open: () => void): () => void {
  const [wanted, setWanted] = useState<string>();
  const isOver = wanted !== undefined && (wanted !== draft.text || check.isUsable !== undefined);
  useEffect(() => {
    if (!isOver) return;
    setWanted(undefined);
    if (wanted === draft.text && canApply) open();
  });
  return () => {
    if (check.isUsable === undefined) setWanted(draft.text);
  };
}

function Summary({ isDirty: hasEdits }: { readonly isDirty: boolean }) {
  const { t } = useTranslation();
  const version = useStatus((status) => status.configVersion);
  return (
    <span className={styles['summary']}>
      {version !== undefined && <span>{t('configuration.running', { version })}</span>}
      {hasEdits && (
        <span className={styles['unsaved']}>
          <IconCircleDot size={12} aria-hidden />
          {t('configuration.unsaved')}
        </span>
      )}
    </span>
  );
}

function DiscardDialog({ draft, onClose }: { readonly draft: Draft; readonly onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Confirm
      isOpen
      isDangerous
      title={t('configuration.discardTitle')}
      confirmLabel={t('configuration.discard')}
      onClose={onClose}
      onConfirm={() => {
        startWith(draft.theirs ?? draft.base);
        onClose();
      }}
    >
      {t('configuration.discardBody')}
    </Confirm>
  );
}

function applyHint(draft: Draft, check: Check, isLive: boolean) {
  if (!isLive) return 'configuration.applyHints.lost';
  if (draft.theirs !== undefined) return 'configuration.applyHints.conflict';
  if (check.isUsable === false) return 'configuration.applyHints.errors';
  return isDirty(draft) || !draft.base.isRunning
    ? 'configuration.applyHints.ready'
    : 'configuration.applyHints.same';
}

function useShownView(): View {
  const wanted = useRoute().params.get('view');
  return VIEWS.find((view) => view === wanted) ?? 'edit';
}

/** The tab asks before it is closed; pages of the console may be changed freely, the text stays. */
function useLeaveWarning(isOn: boolean): void {
  useEffect(() => {
    if (!isOn) return;
    const warn = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [isOn]);
}

/** In the capturing phase: the editor has meanings of its own for these keys. */
function useKeys({ onApply }: { readonly onApply: () => void }): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (
        !(event.ctrlKey || event.metaKey) ||
        event.altKey ||
        event.shiftKey ||
        event.key.toLowerCase() !== 's'
      )
        return;
      event.preventDefault();
      event.stopPropagation();
      onApply();
    };
    addEventListener('keydown', press, true);
    return () => removeEventListener('keydown', press, true);
  }, [onApply]);
}
