/** The engine's word on the text, a moment after the last key. */
import { useEffect, useState } from 'react';
import type { ConfigProblem } from '../../../shared/contract/config-problem.ts';
import { useCall } from '../../client/use-call.ts';

const TYPING_PAUSE_MS = 150;
const NONE: readonly ConfigProblem[] = [];

export interface Check {
  readonly problems: readonly ConfigProblem[];
  /** Undefined: not known yet of this text. */
  readonly isUsable: boolean | undefined;
}

export function useCheck(text: string | undefined): Check {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const check = useCall('configCheck', { text: settled ?? '' }, { isEnabled: settled !== undefined });
  const isOfThis = settled === text && !check.isOfOtherInput && check.data !== undefined;
  return { problems: check.data?.problems ?? NONE, isUsable: isOfThis ? check.data?.isUsable : undefined };
}
