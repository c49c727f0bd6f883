import { useEffect, useRef, useState } from 'react';
import { isAborted, toCallError } from '../../client/call-error.ts';
import { useEngine, useIsLive } from '../../client/engine-context.tsx';
import { NOT_LOOKED, PEEK_EVENTS, withAnswer, type PeekState } from './peek-pages.ts';

export interface PeekQuestion {
  readonly landingKeyId: number;
  readonly chunkId: number | undefined;
  /** Only events that hold it; empty: all. */
  readonly text: string;
}

export interface Peek extends PeekState {
  readonly goOn: () => void;
}

/** Looks at events from the beginning, and on when asked to. A look that nobody waits for any more is given up. */
export function usePeek({ landingKeyId, chunkId, text }: PeekQuestion): Peek {
  const { client } = useEngine();
  const isLive = useIsLive();
  const [state, setState] = useState<PeekState>(NOT_LOOKED);
  const running = useRef<AbortController>(undefined);
  const look = (before: PeekState): void => {
    running.current?.abort();
    const abort = new AbortController();
    running.current = abort;
    setState({ ...before, isRunning: true, error: undefined });
    const input = {
      landingKeyId,
      limit: PEEK_EVENTS,
      ...(chunkId === undefined ? {} : { chunkId }),
      ...(text === '' ? {} : { text }),
      ...(before.next === undefined ? {} : { after: before.next }),
    };
    client.call('backlogPeek', input, abort.signal).then(
      (answer) => !abort.signal.aborted && setState(withAnswer(before, answer)),
      (error: unknown) => {
        if (abort.signal.aborted || isAborted(error)) return;
        setState({ ...before, isRunning: false, error: toCallError(error) });
      },
    );
  };
  const begin = useRef(look);
  begin.current = look;
  useEffect(() => {
    if (!isLive) return;
    begin.current(NOT_LOOKED);
    return () => running.current?.abort();
  }, [client, landingKeyId, chunkId, text, isLive]);
  return { ...state, goOn: () => look(state) };
}
