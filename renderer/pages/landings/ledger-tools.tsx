import { SegmentedControl, Select, TextInput } from '@mantine/core';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { EngineStatus } from '../../../shared/contract/control-status.ts';
import { changeParams } from '../../app/route.ts';
import { useStatus } from '../../client/engine-context.tsx';
import { useFormat } from '../../text/use-format.ts';
import { SearchBox } from '../../widgets/search-box.tsx';
import { RANGES, type LedgerFilter } from './ledger-filter.ts';
import styles from './landings.module.css';
import { msOfWallTime, wallTimeOf } from './wall-time.ts';

const NO_SOURCES: EngineStatus['sources'] = [];

export function LedgerTools({ filter }: { readonly filter: LedgerFilter }) {
  const { t } = useTranslation();
  const topics = useTopics(filter.topic);
  return (
    <div className={styles['ledgerTools']}>
      <SearchBox
        value={filter.text}
        onChange={(text) => changeParams({ text })}
        label={t('landings.search')}
      />
      <Select
        aria-label={t('landings.filterTopic')}
        placeholder={t('landings.allTopics')}
        data={topics}
        value={filter.topic ?? null}
        onChange={(topic) => changeParams({ topic: topic ?? undefined })}
        searchable
        clearable
        w={160}
      />
      <span className={styles['spread']} />
      {filter.range === 'custom' && <CustomRange filter={filter} />}
      <SegmentedControl
        aria-label={t('landings.range')}
        value={filter.range}
        onChange={(range) =>
          changeParams({
            range: range === 'all' ? undefined : range,
            ...(range === 'custom' ? {} : { from: undefined, to: undefined }),
          })
        }
        data={RANGES.map((value) => ({ value, label: t(`landings.ranges.${value}`) }))}
      />
    </div>
  );
}

function CustomRange({ filter }: { readonly filter: LedgerFilter }) {
  const { t } = useTranslation();
  const { timeZone } = useFormat();
  const change = (name: 'from' | 'to', text: string): void => {
    const ms = msOfWallTime(text, timeZone);
    if (ms !== undefined || text === '') changeParams({ [name]: ms === undefined ? undefined : String(ms) });
  };
  return (
    <>
      <TextInput
        type="datetime-local"
        aria-label={t('landings.from')}
        title={t('landings.from')}
        defaultValue={wallTimeOf(filter.fromMs, timeZone)}
        onChange={(event) => change('from', event.currentTarget.value)}
      />
      <span aria-hidden>–</span>
      <TextInput
        type="datetime-local"
        aria-label={t('landings.to')}
        title={t('landings.to')}
        defaultValue={wallTimeOf(filter.toMs, timeZone)}
        onChange={(event) => change('to', event.currentTarget.value)}
      />
    </>
  );
}

/** Those that sources read now, and the one of the address; others can be asked for by the address. */
function useTopics(chosen: string | undefined): string[] {
  const sources = useStatus((status) => status.sources) ?? NO_SOURCES;
  return useMemo(() => {
    const names = new Set(sources.flatMap(({ partitions }) => partitions.map(({ topic }) => topic)));
    if (chosen !== undefined) names.add(chosen);
    return [...names].filter((name) => name !== '').sort();
  }, [sources, chosen]);
}
