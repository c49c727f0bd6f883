/** Calls as React sees them: `useCall` for what a page shows, `useAction` for what a button does. */
import { useCallback, useEffect, useRef, useState } from 'react';
import type { Input, Output, ProcedureName, StreamEvent } from '../../shared/contract/control.ts';
import { toCallError, isAborted, type CallError } from './call-error.ts';
import { useEngine, useEngineEvent, useIsLive } from './engine-context.tsx';

/** Events come in bursts: the answers of calls are fetched again at most this often. */
const REFETCH_INTERVAL_MS = 1_000;

export interface CallOptions {
  /** False: nothing is asked. */
  readonly isEnabled?: boolean;
  /** Asks again when this says so of an event. */
  readonly refetchOn?: (event: StreamEvent) => boolean;
  /** Asks again after this long, as long as the page is looked at. Prefer events. */
  readonly refetchEveryMs?: number;
}

export interface CallState<T> {
  /** The last answer, also while the next one is under way; of the same input unless `isOfOtherInput`. */
  readonly data: T | undefined;
  readonly error: CallError | undefined;
  readonly isLoading: boolean;
  /** `data` answers an earlier input; that of this one is under way. */
  readonly isOfOtherInput: boolean;
  readonly reload: () => void;
}

/** Asks when shown, when the input changes, when the connection comes back, and on `refetchOn`; gives up when it is no longer shown. */
export function useCall<N extends ProcedureName>(
  name: N,
  input: Input<N>,
  { isEnabled = true, refetchOn, refetchEveryMs }: CallOptions = {},
): CallState<Output<N>> {
  const { client } = useEngine();
  const isLive = useIsLive();
  const key = `${name} ${JSON.stringify(input)}`;
  const [round, setRound] = useState(0);
  const [state, setState] = useState<{
    key: string;
    data?: Output<N>;
    error?: CallError;
    isLoading: boolean;
  }>({
    key,
    isLoading: true,
  });
  const latestInput = useRef(input);
  latestInput.current = input;
  const reload = useCallback(() => setRound((count) => count + 1), []);

  useEffect(() => {
    if (!isEnabled || !isLive) return;
    const abort = new AbortController();
    setState((before) => ({ ...before, isLoading: true }));
    client.call(name, latestInput.current, abort.signal).then(
      (data) => !abort.signal.aborted && setState({ key, data, isLoading: false }),
      (error: unknown) => {
        if (abort.signal.aborted || isAborted(error)) return;
        setState((before) => ({
          ...(before.key === key ? before : { key }),
          error: toCallError(error),
          isLoading: false,
        }));
      },
    );
    return () => abort.abort();
  }, [client, name, key, round, isEnabled, isLive]);

  useReloads({ reload, refetchOn, refetchEveryMs });
  const isOfOtherInput = state.key !== key;
  return {
    data: state.data,
    error: isOfOtherInput ? undefined : state.error,
    isLoading: isEnabled && (state.isLoading || isOfOtherInput),
    isOfOtherInput,
    reload,
  };
}

function useReloads(options: {
  readonly reload: () => void;
  readonly refetchOn: CallOptions['refetchOn'];
  readonly refetchEveryMs: number | undefined;
}): void {
  const { reload, refetchOn, refetchEveryMs } = options;
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEngineEvent((event) => {
    if (timer.current !== undefined || refetchOn?.(event) !== true) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      reload();
    }, REFETCH_INTERVAL_MS);
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (refetchEveryMs === undefined) return;
    const interval = setInterval(() => {
      if (!document.hidden) reload();
    }, refetchEveryMs);
    return () => clearInterval(interval);
  }, [refetchEveryMs, reload]);
}

export interface Action<I, O> {
  /** The answer, or nothing when it failed; then `error` says why. */
  readonly run: (input: I) => Promise<O | undefined>;
  readonly isRunning: boolean;
  readonly error: CallError | undefined;
  readonly clearError: () => void;
}

/** A call that somebody asks for. It is not given up when the component goes: what was begun may have been done. */
export function useAction<N extends ProcedureName>(name: N): Action<Input<N>, Output<N>> {
  const { client } = useEngine();
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<CallError>();
  const run = useCallback(
    async (input: Input<N>) => {
      setRunning(true);
      setError(undefined);
      try {
        return await client.call(name, input);
      } catch (thrown) {
        setError(toCallError(thrown));
        return undefined;
      } finally {
        setRunning(false);
      }
    },
    [client, name],
  );
  return { run, isRunning, error, clearError: useCallback(() => setError(undefined), []) };
}
