import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { BacklogChunk } from '../../../shared/contract/control-rows.ts';
import { useEngine } from '../../client/engine-context.tsx';
import { useFormat } from '../../text/use-format.ts';
import { BytesText } from '../../widgets/amounts.tsx';
import { CodeText } from '../../widgets/code-text.tsx';
import { DataTable } from '../../widgets/data-table.tsx';
import { EmptyState } from '../../widgets/notices.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import type { Column } from '../../widgets/table-column.ts';
import { useRows } from '../../widgets/use-rows.ts';
import { useBacklogNews } from './backlog-news.ts';
import { MinuteText } from './key-columns.tsx';

export interface ChunkTableProps {
  readonly landingKeyId: number;
  /** Its events are wanted. */
  readonly onOpen: (chunk: BacklogChunk) => void;
}

/** What a landing key is stored as, oldest first. */
export function ChunkTable({ landingKeyId, onOpen }: ChunkTableProps) {
  const { t } = useTranslation();
  const { client } = useEngine();
  const source = useRows({
    question: String(landingKeyId),
    fetch: async (offset, limit, signal) =>
      client.call('backlogChunks', { landingKeyId, offset, limit }, signal),
    refetchOn: useBacklogNews(),
  });
  return (
    <DataTable
      label={t('backlog.chunks.label')}
      source={source}
      rowKey={({ id }) => String(id)}
      columns={useColumns()}
      onOpen={onOpen}
      rowHeight={28}
      empty={<EmptyState title={t('backlog.chunks.none')} />}
    />
  );
}

function useColumns(): readonly Column<BacklogChunk>[] {
  const { t } = useTranslation();
  const { count } = useFormat();
  return useMemo(
    () => [
      {
        id: 'partition',
        header: t('backlog.chunks.partition'),
        width: 110,
        isGrowing: true,
        cell: ({ topic, partition }) => <CodeText as="line">{`${topic}/${partition}`}</CodeText>,
      },
      {
        id: 'offsets',
        header: t('backlog.chunks.offsets'),
        width: 210,
        cell: ({ first, next }) => <CodeText as="line">{`${first}–${next - 1}`}</CodeText>,
      },
      {
        id: 'events',
        header: t('backlog.chunks.events'),
        width: 74,
        align: 'right',
        cell: ({ events }) => count(events),
      },
      {
        id: 'raw',
        header: t('backlog.chunks.raw'),
        width: 74,
        align: 'right',
        cell: ({ rawBytes }) => <BytesText value={rawBytes} />,
      },
      {
        id: 'stored',
        header: t('backlog.chunks.stored'),
        width: 74,
        align: 'right',
        cell: ({ storedBytes }) => <BytesText value={storedBytes} />,
      },
      {
        id: 'codec',
        header: t('backlog.chunks.codec'),
        width: 58,
        cell: ({ codec }) => <CodeText as="line">{codec}</CodeText>,
      },
      {
        id: 'put',
        header: t('backlog.chunks.put'),
        width: 132,
        cell: ({ putMs }) => <MinuteText ms={putMs} />,
      },
      {
        id: 'standing',
        header: t('backlog.chunks.standing'),
        width: 122,
        cell: (chunk) => <Standing chunk={chunk} />,
      },
    ],
    [t, count],
  );
}

function Standing({ chunk: { isHeld, isPlanned } }: { readonly chunk: BacklogChunk }) {
  const { t } = useTranslation();
  const [state, key] =
    isHeld === true
      ? (['held', 'isHeld'] as const)
      : isPlanned === true
        ? (['landing', 'isPlanned'] as const)
        : (['collecting', 'isFree'] as const);
  const hint = key === 'isFree' ? undefined : t(`backlog.chunks.${key}Hint`);
  return (
    <span title={hint}>
      <StateBadge state={state} label={t(`backlog.chunks.${key}`)} variant="plain" />
    </span>
  );
}
