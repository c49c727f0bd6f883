/** The ledger: every file that landed, sorted, filtered and paged by the engine. */
import { Button } from '@mantine/core';
import { IconFileImport, IconFilterOff } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { EngineStatus } from '../../../shared/contract/control-status.ts';
import type { LandingRow } from '../../../shared/contract/control-rows.ts';
import { useEngine } from '../../client/engine-context.tsx';
import { useStatusNews } from '../../client/use-status-news.ts';
import { useFormat } from '../../text/use-format.ts';
import { DataTable } from '../../widgets/data-table.tsx';
import { Drawer } from '../../widgets/drawer.tsx';
import { EmptyState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { useRows } from '../../widgets/use-rows.ts';
import { LandingDetails } from './landing-details.tsx';
import { useLedgerColumns } from './ledger-columns.tsx';
import {
  changeSort,
  clearFilters,
  isFiltered,
  spanOf,
  useLedgerFilter,
  type LedgerFilter,
} from './ledger-filter.ts';
import { LedgerTools } from './ledger-tools.tsx';

export function LedgerView() {
  const { t } = useTranslation();
  const format = useFormat();
  const filter = useLedgerFilter();
  const { source, leftOut } = useLedger(filter);
  const [open, setOpen] = useState<LandingRow>();
  return (
    <>
      <LedgerTools filter={filter} />
      <Panel isFlush isGrowing>
        <DataTable
          label={t('landings.tabs.ledger')}
          source={source}
          rowKey={({ fileId }) => fileId}
          columns={useLedgerColumns()}
          sort={{ id: filter.sort, isDescending: filter.isDescending }}
          onSort={changeSort}
          onOpen={setOpen}
          openKey={open?.fileId}
          empty={<NoLandings filter={filter} />}
          footer={
            leftOut > 0 && (
              <span>{t('landings.leftOut', { count: leftOut, formatted: format.count(leftOut) })}</span>
            )
          }
        />
      </Panel>
      <Drawer
        title={t('landings.landing')}
        isOpen={open !== undefined}
        onClose={() => setOpen(undefined)}
        width="min(820px, 92vw)"
      >
        {open !== undefined && <LandingDetails row={open} />}
      </Drawer>
    </>
  );
}

function useLedger(filter: LedgerFilter) {
  const { client, store } = useEngine();
  const [leftOut, setLeftOut] = useState(0);
  const source = useRows({
    question: JSON.stringify(filter),
    fetch: async (offset, limit, signal) => {
      const { text, topic, sort, isDescending } = filter;
      const answer = await client.call(
        'landings',
        {
          offset,
          limit,
          sort,
          descending: isDescending,
          ...spanOf(filter, store.clock.nowMs()),
          ...(text === '' ? {} : { text }),
          ...(topic === undefined ? {} : { topic }),
        },
        signal,
      );
      setLeftOut(answer.leftOut ?? 0);
      return { rows: answer.rows, total: answer.total, hasMore: answer.next !== undefined };
    },
    refetchOn: useStatusNews(filesOf),
  });
  return { source, leftOut };
}

/** Differs once more files have landed. */
function filesOf({ sinks }: EngineStatus): number {
  return sinks.reduce((sum, sink) => sum + sink.files, 0);
}

function NoLandings({ filter }: { readonly filter: LedgerFilter }) {
  const { t } = useTranslation();
  if (!isFiltered(filter))
    return (
      <EmptyState title={t('landings.none')} icon={IconFileImport}>
        {t('landings.noneBody')}
      </EmptyState>
    );
  return (
    <EmptyState
      title={t('landings.noneMatching')}
      icon={IconFilterOff}
      action={
        <Button variant="default" onClick={clearFilters}>
          {t('landings.clearFilters')}
        </Button>
      }
    />
  );
}
