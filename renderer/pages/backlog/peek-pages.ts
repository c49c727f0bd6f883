/** Events that are looked at, gathered page by page; a search says how far it has looked. */
import type { Output } from '../../../shared/contract/control.ts';
import type { PeekedEvent } from '../../../shared/contract/control-rows.ts';
import type { CallError } from '../../client/call-error.ts';

/** A page of the peek; more are shown on demand. */
export const PEEK_EVENTS = 100;
/** What is kept of one look; whoever needs more exports. */
export const PEEK_EVENTS_MAX = 2_000;

export interface PeekState {
  readonly events: readonly PeekedEvent[];
  readonly scanned: number;
  /** Where it goes on; undefined: all was looked at. */
  readonly next: string | undefined;
  readonly isRunning: boolean;
  readonly error: CallError | undefined;
}

export const NOT_LOOKED: PeekState = {
  events: [],
  scanned: 0,
  next: undefined,
  isRunning: true,
  error: undefined,
};

export function withAnswer(before: PeekState, answer: Output<'backlogPeek'>): PeekState {
  return {
    events: [...before.events, ...answer.events].slice(0, PEEK_EVENTS_MAX),
    scanned: before.scanned + answer.scanned,
    next: answer.next,
    isRunning: false,
    error: undefined,
  };
}

/** Whether going on can show more. */
export function canGoOn({ next, events, isRunning }: PeekState): boolean {
  return next !== undefined && events.length < PEEK_EVENTS_MAX && !isRunning;
}

/** Of every event a place that no other has, also where offsets are not known. */
export interface PlacedEvent extends PeekedEvent {
  readonly place: number;
}

export function placed(events: readonly PeekedEvent[]): readonly PlacedEvent[] {
  return events.map((event, place) => ({ ...event, place }));
}

/** A body as JSON with line breaks; undefined when it is none, or was cut. */
export function prettyJson(body: string): string | undefined {
  const text = body.trim();
  if (!/^[[{]/.test(text)) return undefined;
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    // Not JSON: shown as it is.
    return undefined;
  }
}
