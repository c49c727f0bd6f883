import type { FilePlan, LandingKeySummary } from '../../shared/model/file-plan.ts';
import { BinaryHeap } from './binary-heap.ts';
import type { KeyStatus } from './lander-status.ts';
import { fileBytes, rollDecision } from './roll-policy.ts';
import type { RollDecision, RollReason, RollSettings } from './roll-policy.ts';

/** A key whose puts are not accepted yet is asked again after this, then ever more seldom, up to the longest wait. */
export const ACCEPTING_RETRY_MS = 1_000;
export const ACCEPTING_RETRY_MAX_MS = 30_000;

interface KeyEntry {
  summary: LandingKeySummary;
  decision: RollDecision;
  /** Files of this key that failed and wait; while there is one, no other is begun. */
  failing: number;
  /** Not before this time: nothing of it was accepted when it was asked last. */
  notBeforeMs: number;
  /** How often in a row nothing of it was accepted. */
  emptyPlans: number;
  /** Its oldest put is not known since a plan took it; the next summaries tell. */
  isSpent: boolean;
  queue: 'none' | 'ready' | 'later';
}

/** A key that is due. */
export interface DueKey {
  readonly summary: LandingKeySummary;
  readonly reason: RollReason;
}

export interface ScheduleStatus {
  readonly keys: readonly KeyStatus[];
  readonly due: number;
  readonly dueSinceMs: number | undefined;
}

/**
 * Which landing keys are due, oldest first. It looks at every key only when new summaries come in; in between a key costs
 * something when its own moment has come, so a hundred thousand sleeping keys cost nothing.
 */
export class KeySchedule {
  readonly #settings: RollSettings;
  readonly #ready = new BinaryHeap<KeyEntry>((entry) => entry.summary.oldestPutMs);
  readonly #later = new BinaryHeap<KeyEntry>((entry) => wakeMs(entry));
  readonly #entries = new Map<number, KeyEntry>();
  /** Failing files of keys that have no other backlog, so that a block outlives its key's absence. */
  readonly #failing = new Map<number, number>();
  #forcedUntilMs = -Infinity;
  /** Single keys that somebody asked to land now; each goes with its key. */
  readonly #forcedKeys = new Map<number, number>();

  constructor(settings: RollSettings) {
    this.#settings = settings;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Everything that was put up to now, or everything of one key, shall land as soon as it can. */
  force(nowMs: number, landingKeyId?: number): void {
    if (landingKeyId === undefined) this.#forcedUntilMs = nowMs;
    else this.#forcedKeys.set(landingKeyId, nowMs);
    this.#requeue(nowMs);
  }

  /** Takes over the store's summaries; no plan was made since they were asked for. */
  replace(summaries: readonly LandingKeySummary[], nowMs: number): void {
    const gone = new Set(this.#entries.keys());
    for (const summary of summaries) {
      if (summary.events === 0) continue;
      gone.delete(summary.id);
      const known = this.#entries.get(summary.id);
      if (known === undefined) this.#entries.set(summary.id, this.#entry(summary, nowMs));
      else {
        known.summary = summary;
        known.isSpent = false;
      }
    }
    for (const id of gone) this.#entries.delete(id);
    // What was asked for is in a plan when its key has nothing left; so this never holds more than there are keys.
    for (const id of this.#forcedKeys.keys()) if (!this.#entries.has(id)) this.#forcedKeys.delete(id);
    this.#requeue(nowMs);
  }

  /** The oldest due key, taken out until `planned`, or undefined. */
  take(nowMs: number): DueKey | undefined {
    this.#wakeUp(nowMs);
    for (;;) {
      const entry = this.#ready.pop();
      if (entry === undefined) return undefined;
      if (entry.queue !== 'ready') continue;
      entry.queue = 'none';
      // A block or a newer summary may have come since it was queued.
      if (this.#isTakeable(entry) && entry.decision.isDue)
        return { summary: entry.summary, reason: entry.decision.reason };
    }
  }

  /** Says what came of a key that was taken: a plan, or nothing that may land now. */
  planned(
    id: number,
    made: { readonly plan: FilePlan; readonly more: boolean } | undefined,
    nowMs: number,
  ): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    if (made === undefined) {
      entry.notBeforeMs =
        nowMs + Math.min(ACCEPTING_RETRY_MAX_MS, ACCEPTING_RETRY_MS * 2 ** Math.min(entry.emptyPlans, 10));
      entry.emptyPlans++;
    } else {
      entry.emptyPlans = 0;
      entry.summary = without(entry.summary, made.plan);
      entry.isSpent = true;
      entry.decision = this.#decide(entry.summary, nowMs);
      const isEnoughLeft =
        entry.decision.isDue && (entry.decision.reason === 'size' || entry.decision.reason === 'count');
      // Size and count hold without knowing the oldest put; every rule of time needs fresh summaries.
      if (made.more && isEnoughLeft) entry.isSpent = false;
    }
    this.#queue(entry, nowMs);
  }

  /** A key was taken, but could not be planned; it is due again at once. */
  putBack(id: number, nowMs: number): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#queue(entry, nowMs);
  }

  /** Counts a waiting file of this key up or down. */
  failing(id: number, change: 1 | -1, nowMs: number): void {
    const count = (this.#failing.get(id) ?? 0) + change;
    if (count > 0) this.#failing.set(id, count);
    else this.#failing.delete(id);
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.failing = count;
    if (count === 0) this.#queue(entry, nowMs);
  }

  hasDue(nowMs: number): boolean {
    this.#wakeUp(nowMs);
    for (let entry = this.#ready.peek(); entry !== undefined; entry = this.#ready.peek()) {
      if (entry.queue === 'ready' && this.#isTakeable(entry)) return true;
      if (entry.queue === 'ready') entry.queue = 'none';
      this.#ready.pop();
    }
    return false;
  }

  /** When the next key that is not due becomes due. */
  get nextMs(): number | undefined {
    const next = this.#later.peek();
    return next === undefined ? undefined : wakeMs(next);
  }

  /** The oldest keys, at most `limit`, how many are due, and since when one waits that may land. One pass over all keys. */
  status(nowMs: number, limit: number): ScheduleStatus {
    this.#wakeUp(nowMs);
    // The youngest of the chosen on top, so that an older one takes its place.
    const oldest = new BinaryHeap<KeyEntry>((entry) => -entry.summary.oldestPutMs);
    let due = 0;
    let dueSinceMs: number | undefined;
    for (const entry of this.#entries.values()) {
      oldest.push(entry);
      if (oldest.size > limit) oldest.pop();
      if (!entry.decision.isDue || entry.isSpent) continue;
      due++;
      if (entry.emptyPlans === 0) dueSinceMs = Math.min(dueSinceMs ?? Infinity, entry.decision.sinceMs);
    }
    const keys: KeyStatus[] = [];
    for (let entry = oldest.pop(); entry !== undefined; entry = oldest.pop())
      keys.push(keyStatus(entry, nowMs));
    return { keys: keys.reverse(), due, dueSinceMs };
  }

  /** Where one key stands; undefined: nothing of it waits, or it came in since the last summaries. */
  stateOf(id: number, nowMs: number): KeyStatus['state'] | undefined {
    const entry = this.#entries.get(id);
    return entry === undefined ? undefined : keyState(entry, nowMs);
  }

  #entry(summary: LandingKeySummary, nowMs: number): KeyEntry {
    const failing = this.#failing.get(summary.id) ?? 0;
    const decision = this.#decide(summary, nowMs);
    return { summary, decision, failing, notBeforeMs: 0, emptyPlans: 0, isSpent: false, queue: 'none' };
  }

  #decide(summary: LandingKeySummary, nowMs: number, before?: RollDecision): RollDecision {
    const untilMs = Math.max(this.#forcedUntilMs, this.#forcedKeys.get(summary.id) ?? -Infinity);
    const isForced = summary.oldestPutMs <= untilMs;
    const decision = rollDecision(summary, this.#settings, { nowMs, isForced });
    // What is due since a minute stays due since then, although the rules are looked at anew.
    if (before?.isDue !== true || !decision.isDue) return decision;
    return before.sinceMs < decision.sinceMs ? { ...decision, sinceMs: before.sinceMs } : decision;
  }

  #isTakeable(entry: KeyEntry): boolean {
    return entry.failing === 0 && !entry.isSpent && this.#entries.get(entry.summary.id) === entry;
  }

  /** Puts a key where it belongs, unless it stands in a heap already. */
  #queue(entry: KeyEntry, nowMs: number): void {
    if (entry.queue !== 'none' || !this.#isTakeable(entry)) return;
    const isReady = entry.decision.isDue && entry.notBeforeMs <= nowMs;
    entry.queue = isReady ? 'ready' : 'later';
    (isReady ? this.#ready : this.#later).push(entry);
  }

  #requeue(nowMs: number): void {
    const ready: KeyEntry[] = [];
    const later: KeyEntry[] = [];
    for (const entry of this.#entries.values()) {
      entry.decision = this.#decide(entry.summary, nowMs, entry.isSpent ? undefined : entry.decision);
      entry.queue = 'none';
      if (!this.#isTakeable(entry)) continue;
      const isReady = entry.decision.isDue && entry.notBeforeMs <= nowMs;
      entry.queue = isReady ? 'ready' : 'later';
      (isReady ? ready : later).push(entry);
    }
    this.#ready.rebuild(ready);
    this.#later.rebuild(later);
  }

  #wakeUp(nowMs: number): void {
    for (
      let entry = this.#later.peek();
      entry !== undefined && wakeMs(entry) <= nowMs;
      entry = this.#later.peek()
    ) {
      this.#later.pop();
      entry.queue = 'none';
      entry.decision = this.#decide(entry.summary, nowMs, entry.decision);
      this.#queue(entry, nowMs);
    }
  }
}

function wakeMs(entry: KeyEntry): number {
  return Math.max(entry.notBeforeMs, entry.decision.isDue ? 0 : entry.decision.atMs);
}

function without(summary: LandingKeySummary, plan: FilePlan): LandingKeySummary {
  const storedBytes = plan.chunks.reduce((sum, chunk) => sum + chunk.storedBytes, 0);
  return {
    ...summary,
    events: Math.max(0, summary.events - plan.events),
    rawBytes: Math.max(0, summary.rawBytes - plan.rawBytes),
    storedBytes: Math.max(0, summary.storedBytes - storedBytes),
  };
}

function keyState(entry: KeyEntry, nowMs: number): KeyStatus['state'] {
  if (entry.failing > 0) return 'blocked';
  if (!entry.decision.isDue || entry.isSpent) return 'rolling';
  return entry.notBeforeMs > nowMs ? 'accepting' : 'due';
}

function keyStatus(entry: KeyEntry, nowMs: number): KeyStatus {
  const { summary, decision } = entry;
  return {
    landingKeyId: summary.id,
    directory: summary.key.directory,
    prefix: summary.key.prefix,
    events: summary.events,
    bytes: fileBytes(summary),
    oldestPutMs: summary.oldestPutMs,
    state: keyState(entry, nowMs),
    reason: decision.reason,
    dueMs: decision.isDue ? decision.sinceMs : decision.atMs,
  };
}
