/** What was wrong and is over: kept by the engine over its restarts. */
import { IconHistory } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Alert } from '../../../shared/contract/control-status.ts';
import { changeParams, useRoute } from '../../app/route.ts';
import { useCall } from '../../client/use-call.ts';
import { DurationText, TimeText } from '../../widgets/amounts.tsx';
import { CodeText, SafeText } from '../../widgets/code-text.tsx';
import { DataTable } from '../../widgets/data-table.tsx';
import { Drawer } from '../../widgets/drawer.tsx';
import { KeyValue } from '../../widgets/key-value.tsx';
import { EmptyState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { SearchBox } from '../../widgets/search-box.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import type { Column } from '../../widgets/table-column.ts';
import { useLocalRows } from '../../widgets/use-rows.ts';
import { AlertText } from './active-alerts.tsx';
import styles from './alerts.module.css';

const PAST_MAX = 1_000;

export function PastAlerts() {
  const { t } = useTranslation();
  const text = useRoute().params.get('text') ?? '';
  const past = useCall('alertHistory', { limit: PAST_MAX }, { refetchOn: (event) => event.type === 'alert' });
  const [open, setOpen] = useState<Alert>();
  const rows = useMemo(() => matching(past.data?.alerts ?? [], text), [past.data, text]);
  const source = useLocalRows(rows, past);
  return (
    <Panel
      isFlush
      isGrowing
      tools={
        <SearchBox
          value={text}
          onChange={(value) => changeParams({ text: value })}
          label={t('alerts.searchPast')}
        />
      }
    >
      <DataTable
        label={t('alerts.past')}
        source={source}
        rowKey={keyOf}
        columns={useColumns()}
        onOpen={setOpen}
        empty={
          <EmptyState title={t('alerts.nonePast')} icon={IconHistory}>
            {t('alerts.nonePastBody')}
          </EmptyState>
        }
      />
      <Drawer title={t('alerts.past_alert')} isOpen={open !== undefined} onClose={() => setOpen(undefined)}>
        {open !== undefined && <PastAlert alert={open} />}
      </Drawer>
    </Panel>
  );
}

function PastAlert({ alert }: { readonly alert: Alert }) {
  const { t } = useTranslation();
  return (
    <div className={styles['details']}>
      <AlertText alert={alert} />
      <KeyValue
        rows={[
          { name: t('alerts.columns.over'), value: alert.clearedMs && <TimeText ms={alert.clearedMs} /> },
          {
            name: t('alerts.lasted'),
            value: alert.clearedMs && <DurationText ms={alert.clearedMs - alert.sinceMs} />,
          },
        ]}
      />
    </div>
  );
}

function useColumns(): readonly Column<Alert>[] {
  const { t } = useTranslation();
  return useMemo(
    () => [
      {
        id: 'level',
        header: t('alerts.columns.level'),
        width: 96,
        cell: ({ level }) => <StateBadge state={level} variant="plain" />,
      },
      {
        id: 'since',
        header: t('alerts.columns.when'),
        width: 150,
        cell: ({ sinceMs }) => <TimeText ms={sinceMs} />,
      },
      {
        id: 'lasted',
        header: t('alerts.lasted'),
        width: 96,
        align: 'right',
        cell: ({ sinceMs, clearedMs }) => clearedMs && <DurationText ms={clearedMs - sinceMs} />,
      },
      {
        id: 'message',
        header: t('alerts.columns.message'),
        width: 320,
        isGrowing: true,
        cell: ({ message }) => <SafeText text={message} />,
      },
      {
        id: 'place',
        header: t('alerts.columns.place'),
        width: 200,
        cell: ({ place }) => <CodeText as="line">{place}</CodeText>,
      },
    ],
    [t],
  );
}

function keyOf({ id, sinceMs, clearedMs }: Alert): string {
  return `${id} ${sinceMs} ${clearedMs}`;
}

function matching(alerts: readonly Alert[], text: string): readonly Alert[] {
  const wanted = text.toLowerCase();
  if (wanted === '') return alerts;
  return alerts.filter((alert) =>
    [alert.message, alert.place, alert.code, alert.hint ?? ''].some((part) =>
      part.toLowerCase().includes(wanted),
    ),
  );
}
