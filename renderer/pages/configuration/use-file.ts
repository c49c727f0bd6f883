/** The file as the engine sees it, asked for again whenever it may have become another one; the draft hears of it. */
import { useEffect, useRef } from 'react';
import type { StreamEvent } from '../../../shared/contract/control.ts';
import type { EngineStatus } from '../../../shared/contract/control-status.ts';
import { useEngine } from '../../client/engine-context.tsx';
import { useCall, type CallState } from '../../client/use-call.ts';
import type { Output } from '../../../shared/contract/control.ts';
import { noticeFile } from './draft-store.ts';

const FILE = { of: { kind: 'file' } } as const;

/** `isHeld`: what changes now was asked for here, and is told by the answer. */
export function useFile(isHeld: boolean): CallState<Output<'configText'>> {
  const { status } = useEngine().store.view();
  // What was known when the file was first asked for: the very first news may be that somebody else has applied another one.
  const seen = useRef(status === undefined ? undefined : marksOf(status));
  const refetchOn = (event: StreamEvent): boolean => {
    if (event.type !== 'status') return false;
    const now = marksOf(event.status);
    const before = seen.current;
    seen.current = now;
    return before !== now;
  };
  const file = useCall('configText', FILE, { refetchOn });
  const { data, reload } = file;
  useEffect(() => {
    if (data !== undefined && !isHeld) noticeFile(data);
  }, [data, isHeld]);
  useEffect(() => {
    addEventListener('focus', reload);
    return () => removeEventListener('focus', reload);
  }, [reload]);
  return file;
}

function marksOf({ configVersion, configProblems, startedMs }: EngineStatus): string {
  return JSON.stringify([configVersion, configProblems, startedMs]);
}
