/**
 * One source, or the whole gateway, leaves for good.
 *
 * Promise: whoever is told "retired" may throw the state directory away: everything that was accepted has landed or is listed with its
 * reason, nothing is in doubt, the audit was clean after that, and the other gateways know that nothing is to be waited for.
 *
 * 1. That it retires is durable before intake ends (the desk writes the note); a restarted engine starts none of its sources and goes
 *    on here. So no step depends on what a process remembered.
 * 2. Intake ends in order: last deliveries are stored, last commits made, the membership given back.
 * 3. What is in doubt after that is settled by opening the partitions once more with the pulling shut: the opening decides as always
 *    (exactly-once.md §4), and takes nothing. The same run pulls claims again.
 * 4. Landing goes on under the operator's switch. Quarantine is waited for: its events would go with the directory.
 * 5. Only then the audit looks, for from here on nothing changes any more; and only after it the others are told.
 */
import type { FactsEnd } from '../../landing/fleet-facts.ts';
import { GatewayError } from '../../../shared/errors.ts';
import { formatCount, SECOND_MS } from '../../../shared/units.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { Flow } from '../flow.ts';
import { auditReplay } from '../replay/replay-proof.ts';
import { readLeftovers, type Leftovers } from './retirement-books.ts';
import type { Retirement } from './retirement-note.ts';

const LOOK_INTERVAL_MS = SECOND_MS / 2;
/** How long the partitions are held open for doubts before the group gets them back, and how long it then has to itself. */
const SETTLE_MS = 60 * SECOND_MS;
const SETTLE_PAUSE_MS = 5 * SECOND_MS;

export interface RetirementParts {
  readonly retirement: Retirement;
  readonly flow: Flow;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: (step: string, left: Leftovers, total: number) => void;
  /** Makes `ended` lasting, then tells the others; false: they could not be told. */
  readonly tellOthers: (end: FactsEnd, signal: AbortSignal) => Promise<boolean>;
}

export class RetirementRun {
  readonly #parts: RetirementParts;
  #total = 0;

  constructor(parts: RetirementParts) {
    this.#parts = parts;
  }

  /** Resolves when nothing is left. Throws `audit-failed` when the proof fails; whatever else is in the way is waited for. */
  async work(): Promise<void> {
    const { flow, retirement, signal, clock } = this.#parts;
    this.#tell('ending intake');
    await flow.endIntake(retirement.source);
    for (;;) {
      signal.throwIfAborted();
      const left = this.#left();
      if (isNothing(left)) break;
      if (left.heldTenures > 0 || left.claimed > 0) await this.#settle();
      await this.#land();
    }
    await this.#audit();
    if (retirement.source !== undefined) return;
    const end: FactsEnd = { atMs: clock.nowMs(), why: 'retired', by: retirement.by };
    while (!(await this.#parts.tellOthers(end, signal))) {
      this.#tell('telling the other gateways; the target does not answer');
      await clock.sleep(SETTLE_PAUSE_MS, signal);
    }
  }

  /** Opens the partitions of sources with doubts, pulling nothing new, until they are settled or a while is over. */
  async #settle(): Promise<void> {
    const { flow, retirement, clock, signal } = this.#parts;
    const runners = flow.settlers(retirement.source);
    const startedMs = clock.steadyMs();
    for (const runner of runners) runner.start();
    try {
      for (;;) {
        const left = this.#left();
        const isSettled = left.heldTenures === 0 && left.claimed === 0;
        if (isSettled || clock.steadyMs() - startedMs > SETTLE_MS) break;
        this.#tell(waitText(left), left);
        await clock.sleep(LOOK_INTERVAL_MS, signal);
      }
    } finally {
      await Promise.all(runners.map((runner) => runner.stop()));
    }
  }

  /** Until all of it has landed, or something is to be settled first. */
  async #land(): Promise<void> {
    const { flow, clock, signal } = this.#parts;
    for (let rounds = 0; ; rounds++) {
      const left = this.#left();
      this.#tell(this.#waits(left), left);
      if (isNothing(left)) return;
      if ((left.heldTenures > 0 || left.claimed > 0) && rounds * LOOK_INTERVAL_MS >= SETTLE_PAUSE_MS) return;
      for (const link of flow.landings.values()) link.order({ kind: 'land-now' });
      await clock.sleep(LOOK_INTERVAL_MS, signal);
    }
  }

  #waits(left: Leftovers): string {
    const { flow } = this.#parts;
    const text = waitText(left);
    if (left.heldFile !== undefined) return `${text}; ${left.heldFile} is held until somebody decides`;
    const isPaused = [...flow.landings.values()].some((link) => link.status?.isPaused === true);
    return isPaused && left.files > 0 ? `${text}; writing is paused` : text;
  }

  async #audit(): Promise<void> {
    const { flow, signal } = this.#parts;
    this.#tell('comparing the books with each file');
    const report = await auditReplay(
      {
        ...{ id: 'retirement', level: 'hdfs', stateDir: flow.stateDir },
        ...{ gatewayId: flow.config.gateway.id, sinks: flow.targets },
      },
      signal,
    );
    signal.throwIfAborted();
    if (report.verdict === 'clean') return;
    throw new GatewayError({
      code: 'audit-failed',
      operation: 'retire',
      place: flow.config.gateway.id,
      message: `everything has landed, but the audit is not clean: ${report.summary ?? report.error ?? report.verdict}`,
      retry: 'never',
      hint: 'Keep the state directory; `headgate audit --hdfs` names what is wrong. Then retire again.',
    });
  }

  #left(): Leftovers {
    const { flow, retirement } = this.#parts;
    const left = readLeftovers(flow.stateDir, retirement.source);
    this.#total = Math.max(this.#total, left.events);
    return left;
  }

  #tell(step: string, left: Leftovers = this.#left()): void {
    this.#parts.progress(step, left, this.#total);
  }
}

function isNothing({ heldTenures, events, claimed, quarantined }: Leftovers): boolean {
  return heldTenures + events + claimed + quarantined === 0;
}

function waitText({ heldTenures, files, claimed, quarantined }: Leftovers): string {
  const parts = [
    ...(heldTenures > 0 ? [`${formatCount(heldTenures)} partitions with commits in doubt`] : []),
    ...(claimed > 0 ? [`${formatCount(claimed)} offsets to pull again`] : []),
    ...(files > 0 ? [`${formatCount(files)} ${files === 1 ? 'file' : 'files'} left`] : []),
    ...(quarantined > 0
      ? [`${formatCount(quarantined)} events in quarantine: retry or drop them (\`headgate quarantine\`)`]
      : []),
  ];
  return parts.length === 0 ? 'nothing left' : parts.join(', ');
}
