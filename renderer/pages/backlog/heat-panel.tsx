import { SegmentedControl } from '@mantine/core';
import { useCallback, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Output } from '../../../shared/contract/control.ts';
import type { CallState } from '../../client/use-call.ts';
import { useFormat } from '../../text/use-format.ts';
import { BytesText, CountText } from '../../widgets/amounts.tsx';
import { CodeText } from '../../widgets/code-text.tsx';
import { DataTable } from '../../widgets/data-table.tsx';
import { HeatMap } from '../../widgets/heat-map.tsx';
import type { HeatCell } from '../../widgets/heat-map-layout.ts';
import { ErrorState, LoadingState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import type { Column, Sort } from '../../widgets/table-column.ts';
import { useLocalRows } from '../../widgets/use-rows.ts';
import { toggleTopic, type BacklogFilter } from './key-filter.ts';

type Heat = Output<'backlogHeat'>;
const LOOKS = ['map', 'table', 'hide'] as const;
type Look = (typeof LOOKS)[number];

export interface HeatPanelProps {
  readonly heat: CallState<Heat>;
  readonly filter: BacklogFilter;
}

/** Nothing when nothing waits. */
export function HeatPanel({ heat, filter }: HeatPanelProps) {
  const { t } = useTranslation();
  const [look, setLook] = useState<Look>('map');
  const { data, error } = heat;
  const latest = useRef(filter);
  latest.current = filter;
  const choose = useCallback((topic: string) => toggleTopic(latest.current, topic), []);
  if (data?.cells.length === 0) return null;
  return (
    <Panel
      title={t('backlog.heat.title')}
      isFlush
      tools={
        <SegmentedControl
          aria-label={t('backlog.heat.show')}
          value={look}
          onChange={setLook}
          data={LOOKS.map((value) => ({ value, label: t(`backlog.heat.${value}`) }))}
        />
      }
    >
      {look === 'hide' ? null : data === undefined ? (
        error === undefined ? (
          <LoadingState lines={5} />
        ) : (
          <ErrorState error={error} isInline onRetry={heat.reload} />
        )
      ) : look === 'map' ? (
        <HeatMap title={t('backlog.heat.title')} {...data} topic={filter.topic} onTopic={choose} />
      ) : (
        <HeatTable heat={data} topic={filter.topic} onTopic={choose} />
      )}
    </Panel>
  );
}

function HeatTable(props: {
  readonly heat: Heat;
  readonly topic: string | undefined;
  readonly onTopic: (topic: string) => void;
}) {
  const { t } = useTranslation();
  const [sort, setSort] = useState<Sort>({ id: 'hour', isDescending: true });
  const { cells } = props.heat;
  const rows = useMemo(() => sortedCells(cells, sort), [cells, sort]);
  return (
    <DataTable
      label={t('backlog.heat.title')}
      source={useLocalRows(rows)}
      rowKey={({ hourMs, topic }) => `${hourMs} ${topic}`}
      columns={useColumns()}
      sort={sort}
      onSort={setSort}
      onOpen={({ topic }) => props.onTopic(topic)}
      height={212}
      rowHeight={26}
    />
  );
}

function useColumns(): readonly Column<HeatCell>[] {
  const { t } = useTranslation();
  const format = useFormat();
  return useMemo(
    () => [
      {
        id: 'hour',
        header: t('backlog.heat.hour'),
        width: 150,
        isSortable: true,
        cell: ({ hourMs }) => format.time(hourMs).slice(0, 16),
      },
      {
        id: 'topic',
        header: t('backlog.heat.topic'),
        width: 240,
        isGrowing: true,
        isSortable: true,
        cell: ({ topic }) => <CodeText as="line">{topic}</CodeText>,
      },
      {
        id: 'bytes',
        header: t('backlog.heat.bytes'),
        width: 110,
        align: 'right',
        isSortable: true,
        cell: ({ bytes }) => <BytesText value={bytes} />,
      },
      {
        id: 'events',
        header: t('backlog.heat.eventsColumn'),
        width: 110,
        align: 'right',
        isSortable: true,
        cell: ({ events }) => <CountText value={events} />,
      },
    ],
    [t, format],
  );
}

export function sortedCells(cells: readonly HeatCell[], { id, isDescending }: Sort): readonly HeatCell[] {
  const compare = (a: HeatCell, b: HeatCell): number => {
    if (id === 'topic') return a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.hourMs - b.hourMs;
    if (id === 'hour') return a.hourMs - b.hourMs || a.bytes - b.bytes;
    return id === 'events' ? a.events - b.events : a.bytes - b.bytes;
  };
  const sorted = [...cells].sort(compare);
  return isDescending ? sorted.reverse() : sorted;
}
