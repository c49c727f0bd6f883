/** Every version that ran: who applied it, when and why; its text, its difference to what runs, and the way back to it. */
import { Button, SegmentedControl } from '@mantine/core';
import { IconHistory } from '@tabler/icons-react';
import { Suspense, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { StreamEvent } from '../../../shared/contract/control.ts';
import type { ConfigVersionRow } from '../../../shared/contract/control-config.ts';
import { useIsLive, useStatus } from '../../client/engine-context.tsx';
import { latePart } from '../../client/late-part.ts';
import { useCall } from '../../client/use-call.ts';
import { TimeText } from '../../widgets/amounts.tsx';
import { SafeText } from '../../widgets/code-text.tsx';
import { DataTable } from '../../widgets/data-table.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import type { Column } from '../../widgets/table-column.ts';
import { useLocalRows } from '../../widgets/use-rows.ts';
import { DiffOf } from './diff-panel.tsx';
import { RollbackDialog } from './rollback-dialog.tsx';
import styles from './configuration.module.css';

const YamlEditor = latePart(async () => (await import('../../widgets/yaml-editor.tsx')).YamlEditor);
/** How the engine names an edit of the file itself: `file on <host>`. */
const BY_FILE = /^file on /;
const SHOWN = ['text', 'diff'] as const;

export function HistoryView({ onChanged }: { readonly onChanged: () => void }) {
  const { t } = useTranslation();
  const version = useStatus((status) => status.configVersion);
  const history = useCall(
    'configHistory',
    {},
    { refetchOn: (event: StreamEvent) => event.type === 'status' && event.status.configVersion !== version },
  );
  const rows = history.data?.versions;
  const source = useLocalRows(rows ?? [], history);
  const [open, setOpen] = useState<number>();
  const chosen = rows?.find(({ number }) => number === open) ?? rows?.[0];
  return (
    <div className={styles['history']}>
      <Panel isFlush isGrowing title={t('configuration.history.title')}>
        <DataTable
          label={t('configuration.history.title')}
          source={source}
          rowKey={({ number }) => String(number)}
          columns={useColumns()}
          onOpen={({ number }) => setOpen(number)}
          openKey={chosen && String(chosen.number)}
          empty={<EmptyState title={t('configuration.history.none')} icon={IconHistory} />}
        />
      </Panel>
      {chosen === undefined ? (
        <Panel isGrowing>
          <EmptyState title={t('configuration.history.choose')} icon={IconHistory} />
        </Panel>
      ) : (
        <VersionPanel
          key={chosen.number}
          version={chosen}
          onDone={() => {
            history.reload();
            onChanged();
          }}
        />
      )}
    </div>
  );
}

function VersionPanel({
  version,
  onDone,
}: {
  readonly version: ConfigVersionRow;
  readonly onDone: () => void;
}) {
  const { t } = useTranslation();
  const isLive = useIsLive();
  const [shown, setShown] = useState<(typeof SHOWN)[number]>(version.isRunning ? 'text' : 'diff');
  const [asks, setAsks] = useState(false);
  const { number, isRunning } = version;
  return (
    <Panel
      isFlush
      isGrowing
      title={t('configuration.history.version', { number })}
      tools={
        <>
          <SegmentedControl
            aria-label={t('configuration.history.show')}
            value={shown}
            onChange={setShown}
            data={SHOWN.map((value) => ({ value, label: t(`configuration.history.${value}`) }))}
          />
          <Button
            variant="default"
            disabled={isRunning || !isLive}
            leftSection={<IconHistory size={15} aria-hidden />}
            onClick={() => setAsks(true)}
            data-rollback
          >
            {t('configuration.history.rollback')}
          </Button>
        </>
      }
    >
      {shown === 'text' ? (
        <VersionText number={number} />
      ) : (
        <DiffOf from={{ kind: 'running' }} to={{ kind: 'version', number }} />
      )}
      {asks && <RollbackDialog number={number} onClose={() => setAsks(false)} onDone={onDone} />}
    </Panel>
  );
}

function VersionText({ number }: { readonly number: number }) {
  const { t } = useTranslation();
  const text = useCall('configText', { of: { kind: 'version', number } });
  if (text.error !== undefined) return <ErrorState error={text.error} onRetry={text.reload} />;
  if (text.data === undefined) return <LoadingState lines={12} />;
  return (
    <Suspense fallback={<LoadingState lines={12} />}>
      <YamlEditor label={t('configuration.history.textOf', { number })} value={text.data.text} isReadOnly />
    </Suspense>
  );
}

function useColumns(): readonly Column<ConfigVersionRow>[] {
  const { t } = useTranslation();
  return useMemo(
    () => [
      {
        id: 'number',
        header: t('configuration.history.number'),
        width: 120,
        cell: ({ number, isRunning }) => (
          <span className={styles['summary']}>
            {number}
            {isRunning && <StateBadge state="running" label={t('configuration.history.runs')} />}
          </span>
        ),
      },
      {
        id: 'when',
        header: t('configuration.history.when'),
        width: 148,
        cell: ({ appliedMs }) => <TimeText ms={appliedMs} />,
      },
      {
        id: 'by',
        header: t('configuration.by'),
        width: 104,
        cell: ({ by }) =>
          BY_FILE.test(by) ? (
            t('configuration.history.byFile')
          ) : (
            <SafeText text={by === '' ? t('widgets.none') : by} />
          ),
      },
      {
        id: 'note',
        header: t('configuration.note'),
        width: 120,
        isGrowing: true,
        cell: ({ note }) => <SafeText text={note === undefined || note === '' ? t('widgets.none') : note} />,
      },
    ],
    [t],
  );
}
