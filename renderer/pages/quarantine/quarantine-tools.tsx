/** Retry and drop, of the chosen events, of the chosen reason, or of all; each asks first. */
import { Button, Textarea } from '@mantine/core';
import { IconEdit, IconRefresh, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { QuarantineGroup, QuarantineSelection } from '../../../shared/contract/control-rows.ts';
import { usePreferences } from '../../app/preferences.ts';
import { goTo } from '../../app/route.ts';
import { useAction } from '../../client/use-call.ts';
import { useFormat } from '../../text/use-format.ts';
import { Confirm } from '../../widgets/confirm.tsx';
import { toast } from '../../widgets/toast.ts';

export interface QuarantineToolsProps {
  readonly group: QuarantineGroup | undefined;
  readonly ids: ReadonlySet<string>;
  /** Events that a retry or drop without chosen ones is about. */
  readonly waiting: number;
  readonly onDone: () => void;
}

export function QuarantineTools(props: QuarantineToolsProps) {
  const { t } = useTranslation();
  const { group, ids } = props;
  const [asks, setAsks] = useState<'retry' | 'drop'>();
  const count = ids.size > 0 ? ids.size : props.waiting;
  const selection = selectionOf(group, ids);
  const close = (): void => setAsks(undefined);
  const done = (): void => {
    close();
    props.onDone();
  };
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconEdit size={15} aria-hidden />}
        onClick={() =>
          goTo('configuration', {
            try: 'quarantine',
            ...(group === undefined ? {} : { reason: group.reason, source: group.source }),
          })
        }
      >
        {t('quarantine.changeRule')}
      </Button>
      <Button
        variant="default"
        leftSection={<IconTrash size={15} aria-hidden />}
        disabled={count === 0}
        onClick={() => setAsks('drop')}
      >
        {t('quarantine.drop')}
      </Button>
      <Button
        leftSection={<IconRefresh size={15} aria-hidden />}
        disabled={count === 0}
        onClick={() => setAsks('retry')}
      >
        {ids.size > 0
          ? t('quarantine.retryOne', { count: ids.size })
          : t(group === undefined ? 'quarantine.retryAll' : 'quarantine.retry')}
      </Button>
      {asks === 'retry' && <RetryDialog selection={selection} count={count} onClose={close} onDone={done} />}
      {asks === 'drop' && <DropDialog selection={selection} count={count} onClose={close} onDone={done} />}
    </>
  );
}

interface DialogProps {
  readonly selection: QuarantineSelection;
  readonly count: number;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function RetryDialog({ selection, count, onClose, onDone }: DialogProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const { operator } = usePreferences();
  const retry = useAction('quarantineRetry');
  const confirm = async (): Promise<void> => {
    if ((await retry.run({ selection, by: operator })) === undefined) return;
    toast(t('quarantine.retryStarted'), 'info');
    onDone();
  };
  return (
    <Confirm
      isOpen
      onClose={onClose}
      onConfirm={() => void confirm()}
      title={t('quarantine.retryTitle')}
      confirmLabel={t('quarantine.retry')}
      isRunning={retry.isRunning}
      error={retry.error}
    >
      <strong>{t('quarantine.retryBody', { count, formatted: format.count(count) })}</strong>
      <span>{t('quarantine.retryConsequence')}</span>
    </Confirm>
  );
}

function DropDialog({ selection, count, onClose, onDone }: DialogProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const { operator } = usePreferences();
  const [why, setWhy] = useState('');
  const drop = useAction('quarantineDrop');
  const confirm = async (): Promise<void> => {
    const answer = await drop.run({ selection, by: operator, why: why.trim() });
    if (answer === undefined) return;
    toast(t('quarantine.dropped', { count: answer.dropped }));
    onDone();
  };
  return (
    <Confirm
      isOpen
      onClose={onClose}
      onConfirm={() => void confirm()}
      title={t('quarantine.dropTitle')}
      confirmLabel={t('quarantine.drop')}
      isDangerous
      isRunning={drop.isRunning}
      isDisabled={why.trim() === ''}
      error={drop.error}
    >
      <strong>{t('quarantine.dropBody', { count, formatted: format.count(count) })}</strong>
      <span>{t('quarantine.dropConsequence')}</span>
      <Textarea
        label={t('quarantine.why')}
        description={t('quarantine.whyHint')}
        value={why}
        maxLength={1_000}
        autosize
        minRows={2}
        required
        onChange={(event) => setWhy(event.currentTarget.value)}
      />
    </Confirm>
  );
}

function selectionOf(group: QuarantineGroup | undefined, ids: ReadonlySet<string>): QuarantineSelection {
  if (ids.size > 0) return { ids: [...ids].map(Number) };
  if (group === undefined) return { all: true };
  return { reason: group.reason, source: group.source, topic: group.topic };
}
