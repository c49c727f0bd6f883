/** How components reach the engine: what is known of it, calls, and its clock. */
import { createContext, use, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import type { ReactNode } from 'react';
import type { StreamEvent } from '../../shared/contract/control.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import type { EngineClient } from './engine-client.ts';
import { EngineStore, type EngineView } from './engine-store.ts';

export interface Engine {
  readonly client: EngineClient;
  readonly store: EngineStore;
}

const EngineContext = createContext<Engine | undefined>(undefined);

export function EngineProvider({
  client,
  children,
}: {
  readonly client: EngineClient;
  readonly children: ReactNode;
}) {
  const engine = useMemo(() => ({ client, store: new EngineStore() }), [client]);
  useEffect(() => client.follow(engine.store.take), [client, engine]);
  return <EngineContext value={engine}>{children}</EngineContext>;
}

export function useEngine(): Engine {
  const engine = use(EngineContext);
  if (engine === undefined) throw new Error('no EngineProvider stands above this component');
  return engine;
}

/** A part of what is known. The selector gives a part as it is, or a primitive: a new object each time would be drawn each time. */
export function useView<T>(select: (view: EngineView) => T): T {
  const { store } = useEngine();
  return useSyncExternalStore(store.watch, () => select(store.view()));
}

/** A part of the engine's status; `undefined` before the first one came. */
export function useStatus<T>(select: (status: EngineStatus) => T): T | undefined {
  return useView(({ status }) => (status === undefined ? undefined : select(status)));
}

export function useIsLive(): boolean {
  return useView(({ link }) => link.state === 'live');
}

/** Calls `listener` for each event of the stream. */
export function useEngineEvent(listener: (event: StreamEvent) => void): void {
  const { store } = useEngine();
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  useEffect(() => store.onEvent((event) => latest.current(event)), [store]);
}

/** The engine's time, told anew every `periodMs`. All ages are computed with it: the browser's clock may be wrong. */
export function useEngineNow(periodMs = 1_000): number {
  const { store } = useEngine();
  const [nowMs, setNow] = useState(() => store.clock.nowMs());
  useEffect(() => {
    const timer = setInterval(() => setNow(store.clock.nowMs()), periodMs);
    return () => clearInterval(timer);
  }, [store, periodMs]);
  return nowMs;
}
