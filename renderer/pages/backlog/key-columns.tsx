import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { BacklogRow } from '../../../shared/contract/control-rows.ts';
import { useFormat } from '../../text/use-format.ts';
import { BytesText, CountText } from '../../widgets/amounts.tsx';
import { CodeText, SafeText } from '../../widgets/code-text.tsx';
import { PathText } from '../../widgets/path-text.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import type { Column } from '../../widgets/table-column.ts';
import styles from './backlog.module.css';

export function useKeyColumns(): readonly Column<BacklogRow>[] {
  const { t } = useTranslation();
  return useMemo(
    () => [
      {
        id: 'directory',
        header: t('backlog.columns.directory'),
        width: 226,
        isGrowing: true,
        isSortable: true,
        cell: ({ directory }) => <PathText>{directory}</PathText>,
      },
      {
        id: 'sink',
        header: t('backlog.columns.sink'),
        width: 90,
        cell: ({ sink }) => <CodeText as="line">{sink}</CodeText>,
      },
      {
        id: 'state',
        header: t('backlog.columns.state'),
        width: 230,
        cell: (row) => <StateAndCause row={row} />,
      },
      {
        id: 'events',
        header: t('backlog.columns.events'),
        width: 112,
        align: 'right',
        isSortable: true,
        cell: ({ events }) => <CountText value={events} />,
      },
      {
        id: 'bytes',
        header: t('backlog.columns.bytes'),
        width: 84,
        align: 'right',
        isSortable: true,
        cell: ({ storedBytes }) => <BytesText value={storedBytes} />,
      },
      {
        id: 'oldest',
        header: t('backlog.columns.oldest'),
        width: 132,
        isSortable: true,
        cell: ({ oldestEventMs }) => <MinuteText ms={oldestEventMs} />,
      },
      {
        id: 'newest',
        header: t('backlog.columns.newest'),
        width: 132,
        isSortable: true,
        cell: ({ newestEventMs }) => <MinuteText ms={newestEventMs} />,
      },
    ],
    [t],
  );
}

/** A badge, and the reason as far as there is room; all of it in the tooltip and the drawer. Of a pause the badge says it all. */
function StateAndCause({ row: { state, cause } }: { readonly row: BacklogRow }) {
  if (state === undefined) return null;
  return (
    <span className={styles['state']} title={cause}>
      <StateBadge state={state} variant="plain" />
      {cause !== undefined && state !== 'paused' && (
        <span className={styles['cause']}>
          <SafeText text={cause} />
        </span>
      )}
    </span>
  );
}

/** `2026-11-21 18:05` */
export function MinuteText({ ms }: { readonly ms: number }) {
  const format = useFormat();
  return <span title={format.exactTime(ms)}>{format.time(ms).slice(0, 16)}</span>;
}
