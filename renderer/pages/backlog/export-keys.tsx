/** Makes one file of what waits in some directories; taking it away from there is the jobs tray's work. */
import { Button, Text } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { BacklogRow } from '../../../shared/contract/control-rows.ts';
import { usePreferences } from '../../app/preferences.ts';
import { useIsLive } from '../../client/engine-context.tsx';
import { useAction } from '../../client/use-call.ts';
import { useFormat } from '../../text/use-format.ts';
import { Confirm } from '../../widgets/confirm.tsx';

/** The contract takes so many. */
const KEYS_MAX = 1_000;

export interface ExportButtonProps {
  readonly rows: readonly BacklogRow[];
  readonly onBegun: (jobId: string) => void;
  /** Of a single directory that is open. */
  readonly isOfThis?: boolean;
}

export function ExportButton({ rows, onBegun, isOfThis = false }: ExportButtonProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const isLive = useIsLive();
  const [isOpen, setOpen] = useState(false);
  const count = { count: rows.length, formatted: format.count(rows.length) };
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconDownload size={14} aria-hidden />}
        disabled={!isLive || rows.length === 0}
        onClick={() => setOpen(true)}
      >
        {isOfThis ? t('backlog.exportThis') : t('backlog.exportButton', count)}
      </Button>
      {isOpen && <ExportDialog rows={rows} onBegun={onBegun} onClose={() => setOpen(false)} />}
    </>
  );
}

function ExportDialog({ rows, onBegun, onClose }: ExportButtonProps & { readonly onClose: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { operator } = usePreferences();
  const start = useAction('backlogExportStart');
  const confirm = async (): Promise<void> => {
    const answer = await start.run({ landingKeyIds: rows.map(({ id }) => id), by: operator });
    if (answer === undefined) return;
    onBegun(answer.jobId);
    onClose();
  };
  const total = (name: 'events' | 'rawBytes'): number => rows.reduce((sum, row) => sum + row[name], 0);
  const isTooMany = rows.length > KEYS_MAX;
  return (
    <Confirm
      isOpen
      onClose={onClose}
      onConfirm={() => void confirm()}
      title={t('backlog.exportTitle', { count: rows.length, formatted: format.count(rows.length) })}
      confirmLabel={t('backlog.exportStart')}
      isRunning={start.isRunning}
      isDisabled={isTooMany}
      error={start.error}
    >
      <div>
        <Text size="sm" fw={600}>
          {t('backlog.exportBody', {
            events: format.count(total('events')),
            bytes: format.bytes(total('rawBytes')),
          })}
        </Text>
        <Text size="sm" mt={6}>
          {t('backlog.exportConsequence')}
        </Text>
        {isTooMany && (
          <Text size="sm" mt={6} c="var(--hg-failed)">
            {t('backlog.exportTooMany', { most: format.count(KEYS_MAX) })}
          </Text>
        )}
      </div>
    </Confirm>
  );
}
