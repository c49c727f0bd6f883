import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import type { StreamEvent } from '../../shared/contract/control.ts';
import { useEngineEvent, useIsLive } from '../client/engine-context.tsx';
import { RowPages, type FetchPage, type RowSource } from './row-pages.ts';

const REFETCH_INTERVAL_MS = 2_000;

export interface RowsOptions<T> {
  /** Names the question: filters and order. When it changes the list is asked for anew, from the top. */
  readonly question: string;
  readonly fetch: FetchPage<T>;
  /** The rows that are looked at are fetched again when this says so of an event, at most every two seconds. */
  readonly refetchOn?: (event: StreamEvent) => boolean;
}

/** A long list that the engine sorts, filters and pages. */
export function useRows<T>({ question, fetch, refetchOn }: RowsOptions<T>): RowSource<T> {
  const isLive = useIsLive();
  const latest = useRef(fetch);
  latest.current = fetch;
  const pages = useMemo(() => new RowPages<T>((...window) => latest.current(...window)), []);
  const asked = useRef<string>(undefined);
  useEffect(() => {
    if (!isLive) return;
    if (asked.current === question) pages.reload();
    else pages.ask((...window) => latest.current(...window));
    asked.current = question;
    return () => pages.stop();
  }, [pages, question, isLive]);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEngineEvent((event) => {
    if (timer.current !== undefined || refetchOn?.(event) !== true) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      if (!document.hidden) pages.reload();
    }, REFETCH_INTERVAL_MS);
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  return useSyncExternalStore(pages.watch, pages.source);
}

/** A list that is here already, for the same table. */
export function useLocalRows<T>(rows: readonly T[], state: Partial<RowSource<T>> = {}): RowSource<T> {
  const { isLoading = false, error, reload = nothing } = state;
  return useMemo(
    () => ({
      total: rows.length,
      rowAt: (place: number) => rows[place],
      ensure: nothing,
      isLoading,
      isStale: false,
      error,
      reload,
    }),
    [rows, isLoading, error, reload],
  );
}

function nothing(): void {}
