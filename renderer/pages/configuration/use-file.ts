/** The file as the engine sees it, asked for again whenever it may have become another one; the draft hears of it. */
import { useEffect } from 'react';
import type { EngineStatus } from '../../../shared/contract/control-status.ts';
import { useCall, type CallState } from '../../client/use-call.ts';
import { useStatusNews } from '../../client/use-status-news.ts';
import type { Output } from '../../../shared/contract/control.ts';
import { noticeFile } from './draft-store.ts';

const FILE = { of: { kind: 'file' } } as const;

/** `isHeld`: what changes now was asked for here, and is told by the answer. */
export function useFile(isHeld: boolean): CallState<Output<'configText'>> {
  const file = useCall('configText', FILE, { refetchOn: useStatusNews(marksOf) });
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
