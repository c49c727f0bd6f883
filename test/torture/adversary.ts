import { setTimeout as wait } from 'node:timers/promises';
import { ENGINE_FAULTS } from './engine-faults.ts';
import type { Fault, FaultKind } from './fault.ts';
import { LINK_FAULTS } from './link-faults.ts';
import { RETENTION, SERVER_FAULTS } from './server-faults.ts';
import { SeededRandom } from './seeded-random.ts';
import type { TortureSite } from './torture-site.ts';

const AT_ONCE_MAX = 5;
const GAP_MEAN_MS = 1_800;
const GAP_MAX_MS = 8_000;
const SHORTEST_MS = 500;
/** Besides each choice, with dice of its own: what a seed means for all other kinds stays as it was. */
const RETENTION_SHARE = 0.1;
const KINDS: readonly FaultKind[] = [...ENGINE_FAULTS, ...LINK_FAULTS, ...SERVER_FAULTS];

/** What `only` may name. */
export const FAULT_NAMES: readonly string[] = [...KINDS, RETENTION].map(({ name }) => name);

export type FaultCounts = Record<FaultKind['counts'], number>;

export interface TimelineLine {
  /** Since the adversary began. */
  readonly atMs: number;
  readonly text: string;
}

/** One choice: what, how long, and how long until the next. */
interface Choice {
  readonly kind: FaultKind;
  readonly fault: Fault;
  readonly lastsMs: number;
  readonly gapMs: number;
}

/**
 * Does harm at random until its time is over. The seed decides the whole sequence of choices, times between them included; what is
 * under way at a choice's moment depends on the machine, so a run can be repeated in kind and not to the millisecond. A choice whose
 * thing is still held by another fault is passed over, and the time line says so.
 */
export class Adversary {
  readonly #site: TortureSite;
  readonly #random: SeededRandom;
  readonly #kinds: readonly FaultKind[];
  readonly #retention: SeededRandom | undefined;
  readonly #held = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #print: (line: TimelineLine) => void;
  readonly timeline: TimelineLine[] = [];
  readonly counts: FaultCounts = {
    kill: 0,
    cut: 0,
    server: 0,
    freeze: 0,
    edit: 0,
    switch: 0,
    clock: 0,
    room: 0,
    hdfs: 0,
    retention: 0,
  };
  #beganMs = 0;

  constructor(options: {
    readonly site: TortureSite;
    readonly seed: number;
    /** Names of kinds; none means all. */
    readonly only?: readonly string[];
    readonly print: (line: TimelineLine) => void;
  }) {
    this.#site = options.site;
    this.#random = new SeededRandom(options.seed);
    this.#print = options.print;
    const { only = [] } = options;
    const isRetaining = only.length === 0 || only.includes(RETENTION.name);
    this.#retention = isRetaining ? new SeededRandom(options.seed ^ 0x7e7e7e) : undefined;
    this.#kinds = only.length === 0 ? KINDS : KINDS.filter(({ name }) => only.includes(name));
  }

  /** For `ms`; then takes back all that lasts and waits for that. */
  async act(ms: number): Promise<void> {
    this.#beganMs = performance.now();
    while (performance.now() - this.#beganMs < ms) {
      const choice = this.#choose();
      this.#do(choice);
      if (this.#retention?.chance(RETENTION_SHARE) === true)
        this.#do({
          kind: RETENTION,
          fault: RETENTION.make(this.#site, this.#retention),
          lastsMs: 0,
          gapMs: 0,
        });
      await wait(Math.min(choice.gapMs, ms));
    }
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  note(text: string): void {
    const line = { atMs: Math.round(performance.now() - this.#beganMs), text };
    this.timeline.push(line);
    this.#print(line);
  }

  #choose(): Choice {
    const random = this.#random;
    const kind = random.weighted(this.#kinds);
    // Every choice takes its own generator, so that kinds which draw more do not shift what comes after.
    const fault = kind.make(this.#site, new SeededRandom(random.integer(0, 2 ** 31)));
    const lastsMs = SHORTEST_MS + Math.floor(random.next() ** 2 * Math.max(0, kind.longestMs - SHORTEST_MS));
    const gapMs = Math.min(GAP_MAX_MS, -Math.log(1 - random.next()) * GAP_MEAN_MS);
    return { kind, fault, lastsMs, gapMs };
  }

  #do({ kind, fault, lastsMs }: Choice): void {
    if (this.#held.has(fault.holds) || this.#held.size >= AT_ONCE_MAX) {
      this.note(`passed over: ${fault.text}`);
      return;
    }
    this.#held.add(fault.holds);
    this.counts[kind.counts]++;
    const work = this.#carryOut(fault, lastsMs).finally(() => {
      this.#held.delete(fault.holds);
      this.#running.delete(work);
    });
    this.#running.add(work);
  }

  async #carryOut(fault: Fault, lastsMs: number): Promise<void> {
    this.note(fault.end === undefined ? fault.text : `${fault.text} for ${lastsMs} ms`);
    await this.#try(`begin ${fault.text}`, fault.begin);
    if (fault.end === undefined) return;
    await wait(lastsMs, undefined, { signal: this.#stop.signal }).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) throw error;
    });
    await this.#try(`end ${fault.text}`, fault.end);
    this.note(`over: ${fault.text}`);
  }

  /** A fault that can't be done now (its server is away, say) is noted; what it left is healed at the end. */
  async #try(what: string, step: () => Promise<void> | void): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.note(`could not ${what}: ${String(error).slice(0, 200)}`);
    }
  }
}
