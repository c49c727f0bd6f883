/** The desktop app's own settings, over the bridge; nothing of it exists in a browser. */
import { useCallback, useEffect, useState } from 'react';
import {
  desktopProcedures,
  type DesktopCallName,
  type DesktopInfo,
  type DesktopOutput,
  type DesktopSettings,
  type DesktopSettingsChange,
} from '../../shared/contract/desktop.ts';
import type { DesktopBridge } from '../../shared/contract/desktop-bridge.ts';
import { CallError, toCallError } from './call-error.ts';

export interface Desktop {
  readonly settings: DesktopSettings;
  readonly info: DesktopInfo;
  /** What of the last change could not be done. */
  readonly problems: readonly string[];
}

export interface DesktopState {
  readonly desktop: Desktop | undefined;
  readonly error: CallError | undefined;
  readonly change: (change: DesktopSettingsChange) => void;
}

/** Undefined in a browser. */
export function desktopBridge(): DesktopBridge | undefined {
  return window.headgate;
}

export function useDesktop(bridge: DesktopBridge): DesktopState {
  const [desktop, setDesktop] = useState<Desktop>();
  const [error, setError] = useState<CallError>();
  const read = useCallback(
    async (change?: DesktopSettingsChange) => {
      try {
        const answer =
          change === undefined
            ? await ask(bridge, 'desktop.settings', {})
            : await ask(bridge, 'desktop.setSettings', change);
        const info = await ask(bridge, 'desktop.info', {});
        setDesktop({ ...answer, info });
        setError(undefined);
      } catch (thrown) {
        setError(toCallError(thrown));
      }
    },
    [bridge],
  );
  useEffect(() => void read(), [read]);
  const change = useCallback((part: DesktopSettingsChange) => void read(part), [read]);
  return { desktop, error, change };
}

async function ask<N extends DesktopCallName>(
  bridge: DesktopBridge,
  name: N,
  input: unknown,
): Promise<DesktopOutput<N>> {
  const answer = await bridge.call(name, input);
  if (!answer.ok) throw new CallError(answer.error);
  return desktopProcedures[name].output.parse(answer.value) as DesktopOutput<N>;
}
