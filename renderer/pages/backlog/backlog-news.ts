/** When what waits has changed, told by the status that comes several times a second. */
import { useRef } from 'react';
import type { StreamEvent } from '../../../shared/contract/control.ts';
import type { EngineStatus } from '../../../shared/contract/control-status.ts';
import { useStatusNews } from '../../client/use-status-news.ts';

/** Differs when lists of the backlog may: amounts of the channels, and what the sinks wait for. */
export function backlogMark({ channels, sinks }: Pick<EngineStatus, 'channels' | 'sinks'>): string {
  const held = channels.map(({ name, events, storedBytes }) => [name, events, storedBytes]);
  const moving = sinks.map(({ name, state, cause, files, paused }) => [
    name,
    state,
    cause,
    files,
    paused?.atMs,
  ]);
  return JSON.stringify([held, moving]);
}

/** For `refetchOn`: at once. */
export function useBacklogNews(): (event: StreamEvent) => boolean {
  return useStatusNews(backlogMark);
}

/** The same, at most once in `everyMs` by the engine's clock: for answers that are large, or need not be the newest. */
export function useSlowBacklogNews(everyMs: number): (event: StreamEvent) => boolean {
  const hasNews = useBacklogNews();
  const wait = useRef({ isDue: false, untilMs: 0 });
  return (event) => {
    if (event.type !== 'status') return false;
    const { nowMs } = event.status;
    const isDue = hasNews(event) || wait.current.isDue;
    const isTooEarly = nowMs < wait.current.untilMs;
    if (!isDue || isTooEarly) {
      wait.current.isDue = isDue;
      return false;
    }
    wait.current = { isDue: false, untilMs: nowMs + everyMs };
    return true;
  };
}
