import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { AuditCoverage } from '../../../shared/contract/control-audit.ts';
import { useFormat } from '../../text/use-format.ts';
import { CodeText } from '../../widgets/code-text.tsx';
import { DataTable } from '../../widgets/data-table.tsx';
import { EmptyState } from '../../widgets/notices.tsx';
import type { Column } from '../../widgets/table-column.ts';
import { useLocalRows } from '../../widgets/use-rows.ts';
import styles from './landings.module.css';

const COUNTS = [
  'landed',
  'inChannel',
  'quarantined',
  'dropped',
  'filtered',
  'notRouted',
  'absent',
  'gap',
  'claimed',
  'held',
] as const;
type CountName = (typeof COUNTS)[number];
/** These always have a column; the others only where a partition has some, because the common case should fit into the window. */
const ALWAYS: ReadonlySet<CountName> = new Set(['landed', 'inChannel', 'quarantined']);
/** More than none of these is a loss, or may be. */
const BAD: ReadonlySet<CountName> = new Set(['gap']);

/** What became of the offsets of each partition, by channel. */
export function CoverageTable({ coverage }: { readonly coverage: readonly AuditCoverage[] }) {
  const { t } = useTranslation();
  return (
    <DataTable
      label={t('landings.audit.coverage')}
      source={useLocalRows(coverage)}
      rowKey={({ channel, topic, partition, incarnation }) =>
        JSON.stringify([channel, topic, partition, incarnation])
      }
      columns={useColumns(coverage)}
      rowHeight={28}
      empty={<EmptyState title={t('landings.audit.noCoverage')} />}
    />
  );
}

function useColumns(coverage: readonly AuditCoverage[]): readonly Column<AuditCoverage>[] {
  const { t } = useTranslation();
  const { count } = useFormat();
  return useMemo(() => {
    const ofCount = (name: CountName): Column<AuditCoverage> => ({
      id: name,
      header: t(`landings.audit.counts.${name}`),
      width: 100,
      align: 'right',
      cell: (row) => {
        const value = row[name] ?? 0;
        return (
          <span className={styles[value === 0 ? 'zero' : BAD.has(name) ? 'bad' : 'some']}>
            {count(value)}
          </span>
        );
      },
    });
    return [
      {
        id: 'partition',
        header: t('landings.partition'),
        width: 150,
        isGrowing: true,
        cell: ({ topic, partition, incarnation }) => (
          <span title={incarnation}>
            <CodeText as="line">{`${topic}/${partition}`}</CodeText>
          </span>
        ),
      },
      {
        id: 'channel',
        header: t('landings.audit.channel'),
        width: 84,
        cell: ({ channel }) => <CodeText as="line">{channel}</CodeText>,
      },
      {
        id: 'offsets',
        header: t('landings.offsets'),
        width: 170,
        cell: ({ from, to }) => <CodeText as="line">{to > from ? `${from}–${to - 1}` : '–'}</CodeText>,
      },
      ...COUNTS.filter((name) => ALWAYS.has(name) || coverage.some((row) => (row[name] ?? 0) > 0)).map(
        ofCount,
      ),
    ];
  }, [t, count, coverage]);
}
