/**
 * What-if: the rules of a source on real events, and what they would do, beside what the running rules do.
 *
 * Nothing is written, no offset is committed, no group is joined. Events are passed through in small slices and forgotten, so memory does
 * not grow with the sample; a rule whose expression backtracks for ever costs a second an event (`regex-deadline.ts`), so slices begin
 * small, grow while rules are quick, and the run ends at its limit of time with what it has.
 */
import type { GatewayConfig } from '../../../shared/contract/config.ts';
import type { WhatIfInput, WhatIfResult } from '../../../shared/contract/control-what-if.ts';
import { SECOND_MS } from '../../../shared/units.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { openSample, type SampleSlice } from './event-sample.ts';
import { RuleSet } from './rule-set.ts';
import { TimeTraps } from './time-traps.ts';
import { WhatIfReport } from './what-if-report.ts';

export const WHAT_IF_LIMIT_MS = 120 * SECOND_MS;
const SLICE_EVENTS_FIRST = 1;
const SLICE_EVENTS_MAX = 1_024;
const SLICE_GROWTH = 4;
/** A slice that takes longer is followed by a smaller one. */
const QUICK_SLICE_MS = 50;
const SLOW_SLICE_MS = 500;

export interface WhatIfWork {
  readonly config: GatewayConfig;
  /** What runs, to compare with; undefined: there is nothing to compare with. */
  readonly running: GatewayConfig | undefined;
  readonly source: string;
  readonly sample: WhatIfInput['sample'];
  readonly stateDir: string | undefined;
  readonly limitMs?: number | undefined;
}

export interface WhatIfWatch {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/** Throws what reading the sample throws, and what a rule throws that can't be built. */
export async function runWhatIf(work: WhatIfWork, watch: WhatIfWatch): Promise<WhatIfResult> {
  const { clock, signal, onProgress } = watch;
  const startedMs = clock.steadyMs();
  const pace = new SlicePace(clock);
  const { source, config, stateDir } = work;
  const sample = openSample(work.sample, {
    ...{ source, config, clock, stateDir },
    sliceEvents: () => pace.events,
  });
  const trial = new Trial(work, { clock, sourceTime: sample.sourceTime });
  const limitMs = work.limitMs ?? WHAT_IF_LIMIT_MS;
  let isLate = false;
  for await (const slice of sample.slices(signal)) {
    signal.throwIfAborted();
    pace.timed(() => trial.take(slice));
    onProgress(trial.report.events, sample.total);
    // Progress, cancelling and other work get their turn between slices.
    await new Promise((resolve) => setImmediate(resolve));
    isLate = clock.steadyMs() - startedMs > limitMs;
    if (isLate) break;
  }
  signal.throwIfAborted();
  const late = `It ended after ${Math.round(limitMs / SECOND_MS)} s with the events up to then: rules or link are slow.`;
  const note = [sample.note(), isLate ? late : undefined].filter((text) => text !== undefined).join(' ');
  return {
    source,
    ...trial.report.finish(),
    traps: trial.traps.finish(),
    tookMs: clock.steadyMs() - startedMs,
    ...(note === '' ? {} : { note }),
  };
}

/** The rules on trial, the running ones beside them, and the sums. */
class Trial {
  readonly report: WhatIfReport;
  readonly traps: TimeTraps;
  readonly #rules: RuleSet;
  readonly #running: RuleSet | undefined;

  constructor(
    work: WhatIfWork,
    { clock, sourceTime }: { readonly clock: Clock; readonly sourceTime: string },
  ) {
    const { config, running, source } = work;
    this.#rules = new RuleSet(source, config, clock);
    const isComparable = running !== undefined && Object.hasOwn(running.sources, source);
    this.#running = isComparable ? new RuleSet(source, running, clock) : undefined;
    this.report = new WhatIfReport(this.#rules, isComparable);
    this.traps = new TimeTraps(this.#rules, { nowMs: clock.nowMs(), sourceTime });
  }

  take({ events, origin, failed }: SampleSlice): void {
    for (const { reason, sample } of failed) this.report.addFailed(reason, sample);
    if (events.count === 0) return;
    const batch = events.copy();
    const after = this.#rules.judge(batch);
    this.report.add(batch, after, origin);
    this.traps.look(batch, after, origin);
    if (this.#running === undefined) return;
    const before = this.#running.judge(events.copy());
    this.report.compare(events, { before, after }, origin);
  }
}

/** How many events the next slice has. */
class SlicePace {
  readonly #clock: Clock;
  events = SLICE_EVENTS_FIRST;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  timed(work: () => void): void {
    const startedMs = this.#clock.steadyMs();
    work();
    const tookMs = this.#clock.steadyMs() - startedMs;
    if (tookMs < QUICK_SLICE_MS) this.events = Math.min(SLICE_EVENTS_MAX, this.events * SLICE_GROWTH);
    else if (tookMs > SLOW_SLICE_MS) this.events = Math.max(1, Math.floor(this.events / SLICE_GROWTH));
  }
}
