import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { QuarantineGroup } from '../../../shared/contract/control-rows.ts';
import type { CallState } from '../../client/use-call.ts';
import { CountText, TimeText } from '../../widgets/amounts.tsx';
import { CodeText, SafeText } from '../../widgets/code-text.tsx';
import { DataTable } from '../../widgets/data-table.tsx';
import type { Column } from '../../widgets/table-column.ts';
import { useLocalRows } from '../../widgets/use-rows.ts';

const ROW_PX = 32;
const HEAD_AND_FOOT_PX = 66;
const ROWS_SHOWN = 6;

export function groupKey({ reason, source, topic }: QuarantineGroup): string {
  return JSON.stringify([reason, source, topic]);
}

export interface GroupTableProps {
  readonly rows: readonly QuarantineGroup[];
  readonly state: Pick<CallState<unknown>, 'isLoading' | 'error' | 'reload'>;
  readonly chosenKey: string | undefined;
  readonly onChoose: (group: QuarantineGroup) => void;
}

export function GroupTable({ rows, state, chosenKey, onChoose }: GroupTableProps) {
  const { t } = useTranslation();
  const source = useLocalRows(rows, state);
  const height = HEAD_AND_FOOT_PX + ROW_PX * Math.min(ROWS_SHOWN, Math.max(2, rows.length));
  return (
    <DataTable
      label={t('quarantine.groups')}
      source={source}
      rowKey={groupKey}
      columns={useColumns()}
      onOpen={onChoose}
      openKey={chosenKey}
      height={height}
    />
  );
}

function useColumns(): readonly Column<QuarantineGroup>[] {
  const { t } = useTranslation();
  return useMemo(() => {
    const number = (id: 'waiting' | 'retried' | 'dropped'): Column<QuarantineGroup> => ({
      id,
      header: t(`quarantine.columns.${id}`),
      width: 90,
      align: 'right',
      cell: (group) => <CountText value={group[id]} />,
    });
    return [
      {
        id: 'reason',
        header: t('quarantine.columns.reason'),
        width: 280,
        isGrowing: true,
        cell: ({ reason }) => <SafeText text={reason} />,
      },
      {
        id: 'source',
        header: t('quarantine.columns.source'),
        width: 110,
        cell: ({ source }) => <CodeText as="line">{source}</CodeText>,
      },
      {
        id: 'topic',
        header: t('quarantine.columns.topic'),
        width: 140,
        cell: ({ topic }) => <CodeText as="line">{topic}</CodeText>,
      },
      number('waiting'),
      number('retried'),
      number('dropped'),
      {
        id: 'newest',
        header: t('quarantine.columns.newest'),
        width: 150,
        cell: ({ newestMs }) => <TimeText ms={newestMs} />,
      },
    ];
  }, [t]);
}
