/** How far a new engine has come, read from its status. */
import type { EngineStatus } from '../../../shared/contract/control-status.ts';

export type StageName = 'written' | 'engine' | 'kafka' | 'events' | 'landed';

export interface Stage {
  readonly name: StageName;
  /** `waiting`: for something outside, with its cause; `ahead`: its turn has not come. */
  readonly state: 'done' | 'now' | 'waiting' | 'ahead';
  readonly cause?: string | undefined;
  readonly hint?: string | undefined;
  readonly nextTryMs?: number | undefined;
  readonly events?: number;
  readonly path?: string;
}

const CONNECTED: ReadonlySet<string> = new Set(['flowing', 'idle']);

export function stagesOf({ state, sources, channels, sinks }: EngineStatus): readonly Stage[] {
  const isRunning = state === 'running' || state === 'draining';
  const stuckSource = sources.find((source) => source.state === 'waiting' || source.state === 'failed');
  const isConnected =
    isRunning && sources.length > 0 && sources.every((source) => CONNECTED.has(source.state));
  const taken = sources.reduce((sum, { events }) => sum + events, 0);
  const held = channels.reduce((sum, { events }) => sum + events, 0);
  const isTaken = taken > 0 || held > 0;
  const landed = sinks.find(({ files }) => files > 0);
  const stuckSink = sinks.find((sink) => sink.state === 'waiting' || sink.state === 'failed');
  const path = landed?.lastLandedPath;
  return [
    { name: 'written', state: 'done' },
    { name: 'engine', state: isRunning ? 'done' : 'now' },
    stage('kafka', { isDone: isConnected, isTurn: isRunning, stuck: stuckSource }),
    { ...stage('events', { isDone: isTaken, isTurn: isConnected }), events: Math.max(taken, held) },
    {
      ...stage('landed', { isDone: landed !== undefined, isTurn: isTaken, stuck: stuckSink }),
      ...(path === undefined ? {} : { path }),
    },
  ];
}

interface Stuck {
  readonly cause?: string | undefined;
  readonly hint?: string | undefined;
  readonly nextTryMs?: number | undefined;
}

function stage(
  name: StageName,
  {
    isDone,
    isTurn,
    stuck,
  }: { readonly isDone: boolean; readonly isTurn: boolean; readonly stuck?: Stuck | undefined },
): Stage {
  if (isDone) return { name, state: 'done' };
  if (!isTurn) return { name, state: 'ahead' };
  if (stuck === undefined) return { name, state: 'now' };
  const { cause, hint, nextTryMs } = stuck;
  return { name, state: 'waiting', cause, hint, nextTryMs };
}
