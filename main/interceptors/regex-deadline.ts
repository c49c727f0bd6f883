/**
 * Runs regular expressions over the events of a batch under a time limit.
 *
 * Promise: no event, however it was made, can hold up the pipeline with an expression that backtracks for ever.
 * JavaScript cannot stop its own expression, but `node:vm` can stop a script: events are looked at in slices, each under a limit; when
 * a slice runs into it, the event at which it stood is tried once more alone, and quarantined if it runs into the limit again. Looking
 * has no effects that could not be repeated; what a slice found is applied after it, so nothing is half done when the limit strikes. A slice of large bodies that
 * merely takes long goes on where it stood.
 */
import { Script } from 'node:vm';
import type { EventBatch } from '../../shared/event-batch.ts';

/** A slice of usual events takes a few milliseconds; the limit leaves room for a machine that is busy. */
export const EXPRESSION_LIMIT_MS = 1_000;
/** Entering a script under a limit starts a thread, 50 µs to 500 µs on a busy machine; a pull's worth of events hides that. */
const SLICE_EVENTS = 16_384;

export interface ExpressionWork<Found> {
  /** The interceptor, as messages name it. */
  readonly name: string;
  /** Looks at one event; changes nothing, or only what may be done twice. */
  look(index: number): Found | undefined;
  /** Changes the event by what was found; not called for `undefined`. */
  apply(index: number, found: Found): void;
}

/** Looks at every live event of the batch, and applies what was found. */
export function runUnderDeadline<Found>(
  batch: EventBatch,
  work: ExpressionWork<Found>,
  limitMs: number = EXPRESSION_LIMIT_MS,
): void {
  const found = new Array<Found | undefined>(Math.min(SLICE_EVENTS, batch.count)).fill(undefined);
  for (let start = 0; start < batch.count; start += SLICE_EVENTS) {
    const end = Math.min(start + SLICE_EVENTS, batch.count);
    lookAtSlice(batch, work, { found, start, end, limitMs });
    for (let index = start; index < end; index += 1) {
      const one = found[index - start];
      found[index - start] = undefined;
      if (one !== undefined && batch.isLive(index)) work.apply(index, one);
    }
  }
}

interface Slice<Found> {
  readonly found: (Found | undefined)[];
  readonly start: number;
  readonly end: number;
  readonly limitMs: number;
}

function lookAtSlice<Found>(batch: EventBatch, work: ExpressionWork<Found>, slice: Slice<Found>): void {
  const { found, start, end, limitMs } = slice;
  let at = start;
  let until = end;
  const look = (): void => {
    for (; at < until; at += 1) {
      if (batch.isLive(at)) found[at - start] = work.look(at);
    }
  };
  while (at < end) {
    until = end;
    if (isDoneWithin(look, limitMs)) continue;
    until = at + 1;
    if (isDoneWithin(look, limitMs)) continue;
    batch.quarantine(at, `${work.name}: the expression took longer than ${limitMs} ms on this event`);
    at += 1;
  }
}

/** The function that the script below calls; one at a time, for nothing here waits. */
let current: () => void = () => undefined;
const ENTRY = Symbol.for('headgate.runUnderDeadline');
Object.defineProperty(globalThis, ENTRY, { value: () => current(), configurable: true });
const script = new Script("globalThis[Symbol.for('headgate.runUnderDeadline')]()", {
  filename: 'regex-deadline',
});

/** False when the limit struck. */
function isDoneWithin(run: () => void, limitMs: number): boolean {
  current = run;
  try {
    script.runInThisContext({ timeout: limitMs });
    return true;
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, 'code') === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false;
    throw error;
  }
}
