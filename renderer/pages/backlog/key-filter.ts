import { useMemo } from 'react';
import { changeParams, useRoute } from '../../app/route.ts';
import type { Sort } from '../../widgets/table-column.ts';

const SORTS = ['directory', 'events', 'bytes', 'oldest', 'newest'] as const;
export type BacklogSort = (typeof SORTS)[number];

/** What is looked at, as the address says it. */
export interface BacklogFilter {
  readonly text: string;
  readonly sink: string | undefined;
  readonly topic: string | undefined;
  readonly sort: BacklogSort;
  readonly isDescending: boolean;
}

export function filterOf(params: URLSearchParams): BacklogFilter {
  const wanted = params.get('sort') ?? 'bytes';
  const id = wanted.replace(/^-/, '');
  const sort = SORTS.find((known) => known === id);
  return {
    text: params.get('text') ?? '',
    sink: params.get('sink') ?? undefined,
    topic: params.get('topic') ?? undefined,
    // The largest first: that is what an operator looks for.
    sort: sort ?? 'bytes',
    isDescending: sort === undefined || params.get('sort') === null || wanted.startsWith('-'),
  };
}

export function useBacklogFilter(): BacklogFilter {
  const { params } = useRoute();
  return useMemo(() => filterOf(params), [params]);
}

export function isFiltered({ text, sink, topic }: BacklogFilter): boolean {
  return text !== '' || sink !== undefined || topic !== undefined;
}

export function changeSort({ id, isDescending }: Sort): void {
  changeParams({ sort: isDescending ? `-${id}` : id });
}

export function clearFilters(): void {
  changeParams({ text: undefined, sink: undefined, topic: undefined });
}

/** The same topic again takes the filter away. */
export function toggleTopic(filter: BacklogFilter, topic: string): void {
  changeParams({ topic: filter.topic === topic ? undefined : topic });
}
