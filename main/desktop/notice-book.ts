/**
 * Which change of state an operator is told of, and when: a pure function of what was told before and what is seen now.
 *
 * 1. One notice for a change of state: between two notices of the same thing its state differs.
 * 2. A state must hold for a while before it is told, and a thing is told of again only after a pause: what flaps is told at most
 *    once in `QUIET_MS`, and its last state is told when it settles.
 * 3. At most `BURST_MAX` notices come at a time, and the next ones `GAP_MS` later; more changes at once are told as one.
 * 4. What stands when the program starts is told as one summary.
 */
import type { NoticeKind } from '../../shared/contract/desktop.ts';

export const SETTLE_BAD_MS = 2_000;
/** An engine that is started again is back by then. */
export const SETTLE_GONE_MS = 10_000;
export const SETTLE_GOOD_MS = 15_000;
export const QUIET_MS = 300_000;
export const GAP_MS = 5_000;
export const BURST_MAX = 3;
/** Things that are remembered; the engine bounds its alerts to as many. */
const THINGS_MAX = 500;

/** A thing that is bad or not: an alert of a place, a lost engine. */
export interface Condition {
  /** Its identity: kind and place. */
  readonly key: string;
  readonly kind: NoticeKind;
  readonly place: string;
  readonly message: string;
}

export interface Look {
  /** Time that never jumps. */
  readonly steadyMs: number;
  /** What is bad now. */
  readonly bad: readonly Condition[];
  /** False: what is missing in `bad` may still be bad, it just can't be seen; but for things of the kind `over`. */
  readonly isComplete: boolean;
  readonly over?: NoticeKind;
  /** Kinds that are told at all. */
  readonly told: ReadonlySet<NoticeKind>;
}

export type Notice =
  | { readonly type: 'bad' | 'good'; readonly condition: Condition }
  /** Too many at once, or what stood already at the start. */
  | { readonly type: 'several' | 'standing'; readonly conditions: readonly Condition[] };

interface Thing {
  readonly condition: Condition;
  /** What the operator was told last; false at first. */
  readonly isToldBad: boolean;
  readonly toldMs: number;
  readonly isBad: boolean;
  readonly sinceMs: number;
}

export interface NoticeBook {
  readonly things: ReadonlyMap<string, Thing>;
  readonly lastMs: number;
  readonly isOpen: boolean;
}

export const emptyBook: NoticeBook = { things: new Map(), lastMs: -Infinity, isOpen: false };

export interface Told {
  readonly book: NoticeBook;
  readonly notices: readonly Notice[];
  /** When something may be due without anything new to see; undefined: nothing waits. */
  readonly dueMs: number | undefined;
}

export function look(book: NoticeBook, seen: Look): Told {
  const things = updated(book.things, seen);
  if (!book.isOpen && seen.isComplete) return opened(things, seen);
  const due: Thing[] = [];
  let dueMs: number | undefined;
  for (const thing of things.values()) {
    if (thing.isBad === thing.isToldBad) continue;
    const fromMs = Math.max(tellableMs(thing), book.lastMs + GAP_MS);
    if (fromMs <= seen.steadyMs) due.push(thing);
    else dueMs = Math.min(dueMs ?? fromMs, fromMs);
  }
  for (const thing of due) things.set(thing.condition.key, told(thing, seen.steadyMs));
  const notices = noticesOf(due.filter(({ condition }) => seen.told.has(condition.kind)));
  const lastMs = notices.length > 0 ? seen.steadyMs : book.lastMs;
  return { book: { things: bounded(things), lastMs, isOpen: book.isOpen }, notices, dueMs };
}

function updated(
  before: ReadonlyMap<string, Thing>,
  { bad, steadyMs, isComplete, over }: Look,
): Map<string, Thing> {
  const things = new Map(before);
  const isBadNow = new Map(bad.map((condition) => [condition.key, condition]));
  for (const [key, thing] of before) {
    const isSeen = isComplete || thing.condition.kind === over;
    if (thing.isBad && isSeen && !isBadNow.has(key))
      things.set(key, { ...thing, isBad: false, sinceMs: steadyMs });
  }
  for (const [key, condition] of isBadNow) {
    const thing = things.get(key);
    if (thing === undefined)
      things.set(key, { condition, isToldBad: false, toldMs: -Infinity, isBad: true, sinceMs: steadyMs });
    else
      things.set(
        key,
        thing.isBad ? { ...thing, condition } : { ...thing, condition, isBad: true, sinceMs: steadyMs },
      );
  }
  return things;
}

/** What stands already is known to whoever looks at the tray: one summary, and from here on changes only. */
function opened(things: Map<string, Thing>, { steadyMs, told: kinds }: Look): Told {
  for (const [key, thing] of things) if (thing.isBad) things.set(key, told(thing, steadyMs));
  const conditions = [...things.values()]
    .filter(({ isBad, condition }) => isBad && kinds.has(condition.kind))
    .map(({ condition }) => condition);
  const notices: Notice[] = conditions.length === 0 ? [] : [{ type: 'standing', conditions }];
  const lastMs = notices.length > 0 ? steadyMs : -Infinity;
  return { book: { things: bounded(things), lastMs, isOpen: true }, notices, dueMs: undefined };
}

function tellableMs({ condition, isBad, sinceMs, toldMs }: Thing): number {
  const settleBadMs = condition.kind === 'engine' ? SETTLE_GONE_MS : SETTLE_BAD_MS;
  return Math.max(sinceMs + (isBad ? settleBadMs : SETTLE_GOOD_MS), toldMs + QUIET_MS);
}

function told(thing: Thing, steadyMs: number): Thing {
  return { ...thing, isToldBad: thing.isBad, toldMs: steadyMs };
}

function noticesOf(things: readonly Thing[]): Notice[] {
  if (things.length > BURST_MAX)
    return [{ type: 'several', conditions: things.map(({ condition }) => condition) }];
  return things.map(({ isBad, condition }) => ({ type: isBad ? 'bad' : 'good', condition }));
}

/** Things that are over and told are forgotten first, the oldest of them first of all. */
function bounded(things: Map<string, Thing>): Map<string, Thing> {
  for (const [key, thing] of things) {
    if (things.size <= THINGS_MAX) break;
    if (!thing.isBad && !thing.isToldBad) things.delete(key);
  }
  for (const key of things.keys()) {
    if (things.size <= THINGS_MAX) break;
    things.delete(key);
  }
  return things;
}
