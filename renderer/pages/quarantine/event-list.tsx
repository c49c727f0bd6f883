/** The events of a reason, or of all: newest first, to be looked at and chosen. */
import { SegmentedControl } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { QuarantineGroup, QuarantineRow } from '../../../shared/contract/control-rows.ts';
import { useEngine } from '../../client/engine-context.tsx';
import { BytesText, TimeText } from '../../widgets/amounts.tsx';
import { CodeText } from '../../widgets/code-text.tsx';
import { DataTable } from '../../widgets/data-table.tsx';
import { Drawer } from '../../widgets/drawer.tsx';
import { EmptyState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import type { Column } from '../../widgets/table-column.ts';
import { useRows } from '../../widgets/use-rows.ts';
import { EventDetails } from './event-details.tsx';

const STATES = ['all', 'waiting', 'retried', 'dropped'] as const;

export interface EventListProps {
  /** Undefined: events of all reasons. */
  readonly group: QuarantineGroup | undefined;
  readonly ids: ReadonlySet<string>;
  readonly onSelect: (ids: ReadonlySet<string>) => void;
}

export function EventList({ group, ids, onSelect }: EventListProps) {
  const { t } = useTranslation();
  const { client } = useEngine();
  const [state, setState] = useState<(typeof STATES)[number]>('waiting');
  const [open, setOpen] = useState<QuarantineRow>();
  const filter = useMemo(
    () => ({
      ...(group === undefined ? {} : { reason: group.reason, source: group.source, topic: group.topic }),
      ...(state === 'all' ? {} : { state }),
    }),
    [group, state],
  );
  const source = useRows({
    question: JSON.stringify(filter),
    fetch: async (offset, limit, signal) => {
      const page = await client.call('quarantineList', { ...filter, offset, limit }, signal);
      return { rows: page.rows, total: page.total };
    },
    refetchOn: (event) => event.type === 'job' && event.job.kind === 'quarantine-retry',
  });
  return (
    <Panel
      title={group === undefined ? t('quarantine.allEvents') : t('quarantine.events')}
      isFlush
      isGrowing
      tools={
        <SegmentedControl
          aria-label={t('quarantine.showState')}
          value={state}
          onChange={setState}
          data={STATES.map((value) => ({ value, label: t(`quarantine.states.${value}`) }))}
        />
      }
    >
      <DataTable
        label={t('quarantine.events')}
        source={source}
        rowKey={(row) => String(row.id)}
        columns={useColumns()}
        selection={{ keys: ids, onChange: onSelect }}
        onOpen={setOpen}
        openKey={open && String(open.id)}
        empty={<EmptyState title={t('quarantine.noEvents')} />}
      />
      <Drawer title={t('quarantine.event')} isOpen={open !== undefined} onClose={() => setOpen(undefined)}>
        {open !== undefined && <EventDetails row={open} />}
      </Drawer>
    </Panel>
  );
}

function useColumns(): readonly Column<QuarantineRow>[] {
  const { t } = useTranslation();
  return useMemo(
    () => [
      {
        id: 'position',
        header: t('quarantine.columns.offset'),
        width: 190,
        cell: ({ topic, partition, offset }) => (
          <CodeText as="line">{`${topic}/${partition}@${offset}`}</CodeText>
        ),
      },
      {
        id: 'time',
        header: t('quarantine.columns.time'),
        width: 150,
        cell: ({ timestampMs }) => <TimeText ms={timestampMs} />,
      },
      {
        id: 'size',
        header: t('quarantine.columns.size'),
        width: 84,
        align: 'right',
        cell: ({ bodyBytes }) => <BytesText value={bodyBytes} />,
      },
      {
        id: 'state',
        header: t('quarantine.columns.state'),
        width: 100,
        cell: ({ state }) => <StateBadge state={state} variant="plain" />,
      },
      {
        id: 'preview',
        header: t('quarantine.columns.preview'),
        width: 300,
        isGrowing: true,
        cell: ({ preview }) => <CodeText as="line">{preview}</CodeText>,
      },
    ],
    [t],
  );
}
