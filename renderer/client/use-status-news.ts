/** When something that a page asked for may have become another, told by the status that comes several times a second. */
import { useRef } from 'react';
import type { StreamEvent } from '../../shared/contract/control.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { useEngine } from './engine-context.tsx';

/**
 * For `refetchOn`: true once for each change of the mark, beginning with what was known when the page first asked: the very first news
 * after that may be the change. Where nothing was known yet, the first status is no news: it was made before any question was sent.
 */
export function useStatusNews(
  markOf: (status: EngineStatus) => string | number,
): (event: StreamEvent) => boolean {
  const { status } = useEngine().store.view();
  const known = useRef(status === undefined ? undefined : markOf(status));
  return (event) => {
    if (event.type !== 'status') return false;
    const before = known.current;
    known.current = markOf(event.status);
    return before !== undefined && before !== known.current;
  };
}
