/** Adds up what became of the events of a sample: bounded, however many directories and reasons there are. */
import type { EventBatch } from '../../../shared/event-batch.ts';
import type { WhatIfResult } from '../../../shared/contract/control-what-if.ts';
import { reasonForm } from '../../channel/quarantine-reason.ts';
import { placementText, type Judged, type RuleSet, type Verdict } from './rule-set.ts';
import { sampleEventOf, SAMPLES_MAX, type SampleEvent, type SampleOrigin } from './sample-event.ts';

/** Directories that are told; all up to `COUNTED_DIRECTORIES_MAX` are counted, so that the largest are told. */
const DIRECTORIES_MAX = 1_000;
const COUNTED_DIRECTORIES_MAX = 20_000;
const FAILURES_MAX = 100;
const DIFFERENCES_MAX = 5;
const OTHER_REASONS = 'other reasons';

type Directory = WhatIfResult['directories'][number];
type Difference = NonNullable<WhatIfResult['difference']>;
type Change = 'moved' | 'nowPlaced' | 'nowNotPlaced';

interface OpenDirectory {
  readonly sink: string;
  readonly directory: string;
  events: number;
  bytes: number;
  oldestMs: number;
  newestMs: number;
  readonly samples: SampleEvent[];
}

interface OpenFailure {
  events: number;
  readonly samples: SampleEvent[];
}

export class WhatIfReport {
  readonly #counts = { events: 0, placed: 0, filtered: 0, quarantined: 0, notRouted: 0 };
  readonly #failures = new Map<string, OpenFailure>();
  readonly #directories = new Map<string, OpenDirectory>();
  readonly #leftOutDirectories = new Set<string>();
  readonly #newlines: ReadonlyMap<string, number>;
  readonly #difference: Difference | undefined;
  readonly #shownChanges: Record<Change, number> = { moved: 0, nowPlaced: 0, nowNotPlaced: 0 };

  /** `isCompared`: each batch comes with the verdicts of the running rules. */
  constructor(rules: RuleSet, isCompared: boolean) {
    this.#newlines = new Map(rules.sinks.map(({ sink, appendNewline }) => [sink, appendNewline ? 1 : 0]));
    this.#difference = isCompared
      ? { same: 0, moved: 0, nowPlaced: 0, nowNotPlaced: 0, samples: [] }
      : undefined;
  }

  get events(): number {
    return this.#counts.events;
  }

  add(batch: EventBatch, judged: Judged, origin: SampleOrigin): void {
    for (const [index, verdict] of judged.verdicts.entries()) {
      this.#counts.events++;
      if (verdict.kind === 'placed') this.#counts.placed++;
      else if (verdict.kind === 'filtered') this.#counts.filtered++;
      else if (verdict.kind === 'not-routed') this.#counts.notRouted++;
      else {
        this.#counts.quarantined++;
        this.#failed(verdict.reason, () => sampleEventOf(batch, index, origin));
      }
      for (const place of verdict.places) this.#placed(place, { batch, index, origin });
    }
  }

  /** An event that goes to quarantine before any rule sees it. */
  addFailed(reason: string, sample: SampleEvent): void {
    this.#counts.events++;
    this.#counts.quarantined++;
    this.#failed(reason, () => sample);
    if (this.#difference !== undefined) this.#difference.same++;
  }

  /** What the running rules make of the same batch; `untouched` is the batch as it came. */
  compare(untouched: EventBatch, verdicts: { before: Judged; after: Judged }, origin: SampleOrigin): void {
    for (const [index, after] of verdicts.after.verdicts.entries()) {
      const before = verdicts.before.verdicts[index];
      if (before !== undefined) this.#compared(before, after, () => sampleEventOf(untouched, index, origin));
    }
  }

  finish(): Omit<WhatIfResult, 'source' | 'tookMs' | 'traps' | 'note'> {
    const directories = [...this.#directories.values()].sort((left, right) => right.events - left.events);
    const failures = [...this.#failures].map(([reason, failure]) => ({ reason, ...failure }));
    return {
      ...this.#counts,
      failures: failures.sort((left, right) => right.events - left.events),
      directories: directories.slice(0, DIRECTORIES_MAX).map((one) => toDirectory(one)),
      directoriesLeftOut: Math.max(0, directories.length - DIRECTORIES_MAX) + this.#leftOutDirectories.size,
      ...(this.#difference === undefined ? {} : { difference: this.#difference }),
    };
  }

  #placed(
    { sink, directory, text }: Verdict['places'][number],
    { batch, index, origin }: { batch: EventBatch; index: number; origin: SampleOrigin },
  ): void {
    let open = this.#directories.get(text);
    if (open === undefined) {
      if (this.#directories.size >= COUNTED_DIRECTORIES_MAX) {
        if (this.#leftOutDirectories.size < COUNTED_DIRECTORIES_MAX) this.#leftOutDirectories.add(text);
        return;
      }
      open = { sink, directory, events: 0, bytes: 0, oldestMs: Infinity, newestMs: -Infinity, samples: [] };
      this.#directories.set(text, open);
    }
    open.events++;
    open.bytes += batch.bodyLength(index) + (this.#newlines.get(sink) ?? 0);
    const timeMs = batch.timestamps[index] ?? NaN;
    if (timeMs < open.oldestMs) open.oldestMs = timeMs;
    if (timeMs > open.newestMs) open.newestMs = timeMs;
    if (open.samples.length < SAMPLES_MAX) open.samples.push(sampleEventOf(batch, index, origin));
  }

  #failed(reason: string, sample: () => SampleEvent): void {
    const wanted = reasonForm(reason);
    const isKnown = this.#failures.has(wanted) || this.#failures.size < FAILURES_MAX - 1;
    const group = isKnown ? wanted : OTHER_REASONS;
    let failure = this.#failures.get(group);
    if (failure === undefined) this.#failures.set(group, (failure = { events: 0, samples: [] }));
    failure.events++;
    if (failure.samples.length < SAMPLES_MAX) failure.samples.push(sample());
  }

  #compared(before: Verdict, after: Verdict, sample: () => SampleEvent): void {
    const difference = this.#difference;
    if (difference === undefined) return;
    const change = changeOf(before, after);
    if (change === undefined) {
      difference.same++;
      return;
    }
    difference[change]++;
    if (this.#shownChanges[change] >= DIFFERENCES_MAX) return;
    this.#shownChanges[change]++;
    const texts = { before: placementText(before), after: placementText(after) };
    difference.samples.push({ event: sample(), ...texts });
  }
}

/** undefined: it lands where it landed, or does not land as it did not. */
function changeOf(before: Verdict, after: Verdict): Change | undefined {
  if (before.kind === 'placed' && after.kind !== 'placed') return 'nowNotPlaced';
  if (before.kind !== 'placed') return after.kind === 'placed' ? 'nowPlaced' : undefined;
  return placementText(before) === placementText(after) ? undefined : 'moved';
}

function toDirectory({ oldestMs, newestMs, ...open }: OpenDirectory): Directory {
  const hasTimes = Number.isFinite(oldestMs) && Number.isFinite(newestMs);
  return { ...open, ...(hasTimes ? { oldestEventMs: oldestMs, newestEventMs: newestMs } : {}) };
}
