/** What of the ledger is looked at, as the address says it. */
import { useMemo } from 'react';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../shared/units.ts';
import { changeParams, useRoute } from '../../app/route.ts';
import type { Sort } from '../../widgets/table-column.ts';

const SORTS = ['landed', 'path', 'events', 'bytes'] as const;
export type LedgerSort = (typeof SORTS)[number];

export const RANGES = ['all', 'hour', 'day', 'week', 'custom'] as const;
export type Range = (typeof RANGES)[number];
const LENGTHS_MS: Readonly<Partial<Record<Range, number>>> = {
  hour: HOUR_MS,
  day: DAY_MS,
  week: 7 * DAY_MS,
};

export interface LedgerFilter {
  readonly text: string;
  readonly topic: string | undefined;
  readonly range: Range;
  /** Epoch ms; of a custom range. */
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
  readonly sort: LedgerSort;
  readonly isDescending: boolean;
}

export function filterOf(params: URLSearchParams): LedgerFilter {
  const wanted = params.get('sort') ?? '-landed';
  const id = wanted.replace(/^-/, '');
  const sort = SORTS.find((known) => known === id);
  return {
    text: params.get('text') ?? '',
    topic: params.get('topic') ?? undefined,
    range: RANGES.find((known) => known === params.get('range')) ?? 'all',
    fromMs: msOf(params.get('from')),
    toMs: msOf(params.get('to')),
    sort: sort ?? 'landed',
    isDescending: sort === undefined || wanted.startsWith('-'),
  };
}

export function useLedgerFilter(): LedgerFilter {
  const { params } = useRoute();
  return useMemo(() => filterOf(params), [params]);
}

export function isFiltered({ text, topic, range }: LedgerFilter): boolean {
  return text !== '' || topic !== undefined || range !== 'all';
}

export function changeSort({ id, isDescending }: Sort): void {
  changeParams({ sort: isDescending ? `-${id}` : id });
}

export function clearFilters(): void {
  changeParams({ text: undefined, topic: undefined, range: undefined, from: undefined, to: undefined });
}

export interface TimeSpan {
  readonly sinceMs?: number;
  readonly untilMs?: number;
}

/**
 * The last hour and the like end now and begin at a full minute, so that pages that are fetched one after the other are of the same list.
 * @param nowMs by the engine's clock
 */
export function spanOf({ range, fromMs, toMs }: LedgerFilter, nowMs: number): TimeSpan {
  const lengthMs = LENGTHS_MS[range];
  if (lengthMs !== undefined) return { sinceMs: Math.floor(nowMs / MINUTE_MS) * MINUTE_MS - lengthMs };
  if (range !== 'custom') return {};
  return {
    ...(fromMs === undefined ? {} : { sinceMs: fromMs }),
    ...(toMs === undefined ? {} : { untilMs: toMs }),
  };
}

function msOf(text: string | null): number | undefined {
  return text !== null && /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
}
