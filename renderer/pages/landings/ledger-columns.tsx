import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { LandingRow } from '../../../shared/contract/control-rows.ts';
import { BytesText, CountText, TimeText } from '../../widgets/amounts.tsx';
import { CodeText } from '../../widgets/code-text.tsx';
import type { Column } from '../../widgets/table-column.ts';

export function useLedgerColumns(): readonly Column<LandingRow>[] {
  const { t } = useTranslation();
  return useMemo(
    () => [
      {
        id: 'landed',
        header: t('landings.columns.landed'),
        width: 142,
        isSortable: true,
        cell: ({ landedMs }) => <TimeText ms={landedMs} />,
      },
      {
        id: 'path',
        header: t('landings.columns.path'),
        width: 300,
        isGrowing: true,
        isSortable: true,
        cell: ({ path }) => <CodeText as="line">{path}</CodeText>,
      },
      {
        id: 'events',
        header: t('landings.columns.events'),
        width: 104,
        align: 'right',
        isSortable: true,
        cell: ({ events }) => <CountText value={events} />,
      },
      {
        id: 'bytes',
        header: t('landings.columns.bytes'),
        width: 84,
        align: 'right',
        isSortable: true,
        cell: ({ bytes }) => <BytesText value={bytes} />,
      },
      {
        id: 'codec',
        header: t('landings.columns.codec'),
        width: 60,
        cell: ({ codec }) => <CodeText as="line">{codec}</CodeText>,
      },
      {
        id: 'attempts',
        header: t('landings.columns.attempts'),
        width: 76,
        align: 'right',
        cell: ({ attempts }) => <CountText value={attempts} />,
      },
      {
        id: 'sink',
        header: t('landings.columns.sink'),
        width: 80,
        cell: ({ sink }) => <CodeText as="line">{sink}</CodeText>,
      },
      {
        id: 'topics',
        header: t('landings.columns.topics'),
        width: 112,
        cell: ({ parts }) => <CodeText as="line">{topicsOf(parts)}</CodeText>,
      },
    ],
    [t],
  );
}

/** Each once, in order of appearance. */
export function topicsOf(parts: readonly { readonly topic: string }[]): string {
  return [...new Set(parts.map(({ topic }) => topic))].join(', ');
}
