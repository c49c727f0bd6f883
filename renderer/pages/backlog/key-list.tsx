/** The table of landing keys: sorted, filtered and paged by the engine; chosen ones can be exported. */
import { Button, Select } from '@mantine/core';
import { IconCircleCheck, IconFilterOff } from '@tabler/icons-react';
import { useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Output } from '../../../shared/contract/control.ts';
import type { BacklogRow } from '../../../shared/contract/control-rows.ts';
import { changeParams } from '../../app/route.ts';
import { useEngine, useStatus } from '../../client/engine-context.tsx';
import { useFormat } from '../../text/use-format.ts';
import { DataTable } from '../../widgets/data-table.tsx';
import { EmptyState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { SearchBox } from '../../widgets/search-box.tsx';
import { useRows } from '../../widgets/use-rows.ts';
import { useBacklogNews } from './backlog-news.ts';
import { ExportButton } from './export-keys.tsx';
import { useKeyColumns } from './key-columns.tsx';
import { changeSort, clearFilters, isFiltered, type BacklogFilter } from './key-filter.ts';

/** Rows that were seen, for what is chosen of them; more than can be chosen. */
const SEEN_ROWS_MAX = 5_000;
const NO_SINKS: readonly { readonly name: string }[] = [];

export interface KeyListProps {
  readonly filter: BacklogFilter;
  readonly topics: readonly string[];
  readonly open: BacklogRow | undefined;
  readonly onOpen: (row: BacklogRow) => void;
  readonly onExportBegun: (jobId: string) => void;
}

export function KeyList(props: KeyListProps) {
  const { t } = useTranslation();
  const { filter, open, onOpen } = props;
  const { source, totals, rowsOf } = useKeys(props);
  const [keys, setKeys] = useState<ReadonlySet<string>>(new Set());
  const begun = (jobId: string): void => {
    setKeys(new Set());
    props.onExportBegun(jobId);
  };
  return (
    <Panel
      title={t('backlog.list')}
      isFlush
      isGrowing
      tools={
        <>
          {keys.size > 0 && <ExportButton rows={rowsOf(keys)} onBegun={begun} />}
          <Filters filter={filter} topics={props.topics} />
          <SearchBox
            value={filter.text}
            onChange={(text) => changeParams({ text })}
            label={t('backlog.search')}
            width={200}
          />
        </>
      }
    >
      <DataTable
        label={t('backlog.list')}
        source={source}
        rowKey={keyOf}
        columns={useKeyColumns()}
        sort={{ id: filter.sort, isDescending: filter.isDescending }}
        onSort={changeSort}
        onOpen={onOpen}
        openKey={open && keyOf(open)}
        selection={{ keys, onChange: setKeys }}
        empty={<Nothing filter={filter} />}
        footer={totals !== undefined && isFiltered(filter) && <Matching totals={totals} />}
      />
    </Panel>
  );
}

type Totals = Pick<Output<'backlogList'>, 'totalEvents' | 'totalStoredBytes'>;

function useKeys({ filter, open, onOpen }: KeyListProps) {
  const { client } = useEngine();
  const [totals, setTotals] = useState<Totals>();
  const [seen] = useState(() => new Map<string, BacklogRow>());
  const shown = useRef(open);
  shown.current = open;
  const source = useRows({
    question: JSON.stringify(filter),
    fetch: async (offset, limit, signal) => {
      const answer = await client.call('backlogList', { ...questionOf(filter), offset, limit }, signal);
      setTotals(answer);
      remember(seen, answer.rows);
      // What is open in the drawer goes on as its row does.
      const again = answer.rows.find(({ id }) => id === shown.current?.id);
      if (again !== undefined) onOpen(again);
      return { rows: answer.rows, total: answer.totalKeys };
    },
    refetchOn: useBacklogNews(),
  });
  const rowsOf = (keys: ReadonlySet<string>) => [...keys].flatMap((key) => seen.get(key) ?? []);
  return { source, totals, rowsOf };
}

function questionOf({ text, sink, topic, sort, isDescending }: BacklogFilter) {
  return {
    sort,
    descending: isDescending,
    ...(text === '' ? {} : { text }),
    ...(sink === undefined ? {} : { sink }),
    ...(topic === undefined ? {} : { topic }),
  };
}

function remember(seen: Map<string, BacklogRow>, rows: readonly BacklogRow[]): void {
  for (const row of rows) {
    seen.delete(keyOf(row));
    seen.set(keyOf(row), row);
  }
  for (const key of seen.keys()) {
    if (seen.size <= SEEN_ROWS_MAX) break;
    seen.delete(key);
  }
}

function keyOf({ id }: BacklogRow): string {
  return String(id);
}

function Filters({ filter, topics }: Pick<KeyListProps, 'filter' | 'topics'>) {
  const { t } = useTranslation();
  const sinks = useStatus((status) => status.sinks) ?? NO_SINKS;
  const names = sinks.map(({ name }) => name);
  return (
    <>
      {(names.length > 1 || filter.sink !== undefined) && (
        <Select
          aria-label={t('backlog.filterSink')}
          placeholder={t('backlog.allSinks')}
          data={withChosen(names, filter.sink)}
          value={filter.sink ?? null}
          onChange={(sink) => changeParams({ sink: sink ?? undefined })}
          clearable
          w={130}
        />
      )}
      <Select
        aria-label={t('backlog.filterTopic')}
        placeholder={t('backlog.allTopics')}
        data={withChosen(topics, filter.topic)}
        value={filter.topic ?? null}
        onChange={(topic) => changeParams({ topic: topic ?? undefined })}
        searchable
        clearable
        w={150}
      />
    </>
  );
}

/** An address may name one that is no longer there. */
function withChosen(names: readonly string[], chosen: string | undefined): string[] {
  const all = new Set(names.filter((name) => name !== ''));
  if (chosen !== undefined && chosen !== '') all.add(chosen);
  return [...all];
}

function Matching({ totals }: { readonly totals: Totals }) {
  const { t } = useTranslation();
  const format = useFormat();
  const events = format.count(totals.totalEvents);
  return <span>{t('backlog.matching', { events, bytes: format.bytes(totals.totalStoredBytes) })}</span>;
}

function Nothing({ filter }: { readonly filter: BacklogFilter }) {
  const { t } = useTranslation();
  const isOfFilter = useMemo(() => isFiltered(filter), [filter]);
  if (!isOfFilter)
    return (
      <EmptyState title={t('backlog.none')} icon={IconCircleCheck}>
        {t('backlog.noneBody')}
      </EmptyState>
    );
  return (
    <EmptyState
      title={t('backlog.noneMatching')}
      icon={IconFilterOff}
      action={
        <Button variant="default" onClick={clearFilters}>
          {t('backlog.clearFilters')}
        </Button>
      }
    >
      {t('backlog.noneMatchingBody')}
    </EmptyState>
  );
}
