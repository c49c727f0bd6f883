import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { AuditGap, AuditReport } from '../../../shared/contract/control-audit.ts';
import { useFormat } from '../../text/use-format.ts';
import { CodeText, SafeText } from '../../widgets/code-text.tsx';
import { DataTable } from '../../widgets/data-table.tsx';
import { EmptyState } from '../../widgets/notices.tsx';
import type { Column } from '../../widgets/table-column.ts';
import { useLocalRows } from '../../widgets/use-rows.ts';
import styles from './landings.module.css';

const NONE: readonly AuditGap[] = [];

/** Offsets that were taken and that no file holds, with why and since when. */
export function GapTable({ report }: { readonly report: AuditReport }) {
  const { t } = useTranslation();
  const format = useFormat();
  const left = report.gapsLeftOut ?? 0;
  const [open, setOpen] = useState<AuditGap>();
  return (
    <>
      <DataTable
        label={t('landings.audit.gapsLabel')}
        source={useLocalRows(report.gaps ?? NONE)}
        rowKey={keyOf}
        onOpen={(row) => setOpen((before) => (before === row ? undefined : row))}
        openKey={open && keyOf(open)}
        columns={useColumns()}
        rowHeight={28}
        empty={<EmptyState title={t('landings.audit.noGaps')}>{t('landings.audit.noGapsBody')}</EmptyState>}
        footer={
          left > 0 && (
            <span>{t('landings.audit.gapsLeftOut', { count: left, formatted: format.count(left) })}</span>
          )
        }
      />
      {open !== undefined && (
        <div className={styles['finding']}>
          <CodeText as="wrap">{`${open.topic}/${open.partition}: ${offsetsOf(open)}`}</CodeText>
          <SafeText text={open.reason} keepsLines />
        </div>
      )}
    </>
  );
}

function keyOf({ channel, topic, partition, incarnation, from }: AuditGap): string {
  return JSON.stringify([channel, topic, partition, incarnation, from]);
}

function offsetsOf({ from, to }: AuditGap): string {
  return to - from === 1 ? String(from) : `${from} – ${to - 1}`;
}

function useColumns(): readonly Column<AuditGap>[] {
  const { t } = useTranslation();
  const { count } = useFormat();
  return useMemo(
    () => [
      {
        id: 'partition',
        header: t('landings.partition'),
        width: 130,
        cell: ({ topic, partition }) => <CodeText as="line">{`${topic}/${partition}`}</CodeText>,
      },
      { id: 'channel', header: t('landings.audit.channel'), width: 80, cell: ({ channel }) => channel },
      {
        id: 'offsets',
        header: t('landings.offsets'),
        width: 150,
        cell: offsetsOf,
      },
      {
        id: 'events',
        header: t('landings.audit.howMany'),
        width: 80,
        align: 'right',
        cell: ({ from, to }) => count(to - from),
      },
      {
        id: 'reason',
        header: t('landings.audit.why'),
        width: 240,
        isGrowing: true,
        cell: ({ reason }) => <SafeText text={reason} />,
      },
    ],
    [t, count],
  );
}
