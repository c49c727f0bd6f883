/** The log's end as a list: what the engine kept, what comes in since, and older lines on request. */
import { useCallback, useEffect, useMemo, useState } from 'react';
import type { LogLine } from '../../../shared/contract/control-history.ts';
import { toCallError, type CallError } from '../../client/call-error.ts';
import { useEngine, useIsLive, useView } from '../../client/engine-context.tsx';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const PAGE_LINES = 300;
/** As many as the engine keeps. */
const LINES_MAX = 5_000;

export interface LogQuestion {
  readonly level: LogLevel;
  readonly text: string;
  /** False: what is shown stays as it is. */
  readonly isFollowing: boolean;
}

export interface LogLines {
  /** Newest first. */
  readonly lines: readonly LogLine[];
  /** Came in and are not shown. */
  readonly newCount: number;
  readonly isLoading: boolean;
  readonly error: CallError | undefined;
  readonly hasOlder: boolean;
  readonly loadOlder: () => void;
  readonly reload: () => void;
}

interface Kept {
  readonly lines: readonly LogLine[];
  readonly next: number | undefined;
  readonly isLoading: boolean;
  readonly error: CallError | undefined;
}

const NOTHING: Kept = { lines: [], next: undefined, isLoading: true, error: undefined };

export function useLogLines({ level, text, isFollowing }: LogQuestion): LogLines {
  const { client } = useEngine();
  const isLive = useIsLive();
  const [kept, setKept] = useState<Kept>(NOTHING);
  const [round, setRound] = useState(0);
  const fetchFrom = useCallback(
    async (before: number | undefined, signal: AbortSignal) => {
      const question = { level, limit: PAGE_LINES, ...(text === '' ? {} : { text }) };
      try {
        const page = await client.call(
          'logTail',
          { ...question, ...(before === undefined ? {} : { before }) },
          signal,
        );
        setKept((was) => ({
          lines: before === undefined ? page.lines : [...was.lines, ...page.lines].slice(0, LINES_MAX),
          next: page.next,
          isLoading: false,
          error: undefined,
        }));
      } catch (error) {
        if (!signal.aborted) setKept((was) => ({ ...was, isLoading: false, error: toCallError(error) }));
      }
    },
    [client, level, text],
  );
  useEffect(() => {
    if (!isLive) return;
    const abort = new AbortController();
    setKept((was) => ({ ...was, isLoading: true }));
    void fetchFrom(undefined, abort.signal);
    return () => abort.abort();
  }, [fetchFrom, isLive, round]);
  const fresh = useFreshLines(kept.lines[0]?.id ?? 0, { level, text });
  const loadOlder = useCallback(() => {
    if (kept.next !== undefined) void fetchFrom(kept.next, new AbortController().signal);
  }, [fetchFrom, kept.next]);
  const reload = useCallback(() => setRound((count) => count + 1), []);
  const lines = useMemo(
    () => (isFollowing ? [...fresh, ...kept.lines] : kept.lines),
    [isFollowing, fresh, kept.lines],
  );
  return {
    lines,
    newCount: isFollowing ? 0 : fresh.length,
    isLoading: kept.isLoading,
    error: kept.error,
    hasOlder: kept.next !== undefined && lines.length < LINES_MAX,
    loadOlder,
    reload,
  };
}

/** Lines of the stream after the one of this id that fit the filter, newest first. */
function useFreshLines(
  afterId: number,
  { level, text }: Pick<LogQuestion, 'level' | 'text'>,
): readonly LogLine[] {
  const log = useView((view) => view.log);
  return useMemo(() => {
    const lowest = LOG_LEVELS.indexOf(level);
    const wanted = text.toLowerCase();
    return log
      .filter(
        (line) =>
          line.id > afterId &&
          LOG_LEVELS.indexOf(line.level) >= lowest &&
          (wanted === '' ||
            line.message.toLowerCase().includes(wanted) ||
            JSON.stringify(line.fields).toLowerCase().includes(wanted)),
      )
      .reverse();
  }, [log, afterId, level, text]);
}
