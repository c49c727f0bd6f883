/** What the rules are tried on, kept while other pages are looked at. Pasted lines are kept nowhere else. */
import { useSyncExternalStore } from 'react';

export const SAMPLE_KINDS = ['topic', 'backlog', 'quarantine', 'lines'] as const;
export type SampleKind = (typeof SAMPLE_KINDS)[number];

export interface TryInput {
  readonly source: string;
  readonly kind: SampleKind;
  /** Empty: all topics of the source. */
  readonly topic: string;
  readonly last: number;
  readonly landingKeyId: number | undefined;
  /** Empty: all reasons. */
  readonly reason: string;
  readonly linesTopic: string;
  readonly lines: string;
}

export interface TryState {
  readonly input: TryInput;
  /** The run whose result is shown, and the text that it tried. */
  readonly run: { readonly jobId: string; readonly text: string } | undefined;
  /** Somebody asked for a run before the panel was there. */
  readonly isWanted: boolean;
}

const LAST_EVENTS = 2_000;

let state: TryState = {
  input: {
    source: '',
    kind: 'topic',
    topic: '',
    last: LAST_EVENTS,
    landingKeyId: undefined,
    reason: '',
    linesTopic: '',
    lines: '',
  },
  run: undefined,
  isWanted: false,
};
const watchers = new Set<() => void>();

export function useTryState(): TryState {
  return useSyncExternalStore(watch, () => state);
}

export function changeTryInput(part: Partial<TryInput>): void {
  set({ ...state, input: { ...state.input, ...part } });
}

export function showRun(run: TryState['run']): void {
  set({ ...state, run });
}

/** True once for each wish. */
export function takeWish(): boolean {
  const { isWanted } = state;
  wantRun(false);
  return isWanted;
}

export function wantRun(isWanted: boolean): void {
  if (state.isWanted !== isWanted) set({ ...state, isWanted });
}

function set(next: TryState): void {
  state = next;
  for (const watcher of watchers) watcher();
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}
