import { LandingMarker } from '../../main/landing/landing-marker.ts';
import type { LanderParts, LanderSettings, LandingContext } from '../../main/landing/lander-settings.ts';
import type { LandingEvent } from '../../main/landing/lander-status.ts';
import { Lander } from '../../main/landing/lander.ts';
import type { LandingStore } from '../../main/landing/landing-store.ts';
import type { RollSettings } from '../../main/landing/roll-policy.ts';
import type { Target } from '../../main/landing/target.ts';
import type { CrashPoint } from '../../main/telemetry/crash-point.ts';
import { FakeClock, seededRandom } from './fake-clock.ts';
import { MemoryStore } from './memory-store.ts';
import { MemoryTarget } from './memory-target.ts';
import type { MemoryTargetOptions } from './memory-target.ts';

export const ROLL: RollSettings = {
  sizeBytes: 0,
  intervalMs: 0,
  count: 0,
  idleMs: 1_000,
  bucketGraceMs: 60_000,
  bucketQuietMs: 5_000,
};

export const SETTINGS: LanderSettings = {
  sink: 'beijing',
  gatewayId: 'xian-gw-1',
  stateId: 'a1b2c3d4e5',
  markerDirectory: '/logs/.headgate/xian-gw-1',
  uploads: 2,
  roll: ROLL,
  inUsePrefix: '',
  inUseSuffix: '.tmp',
  hasCodecExtensionBeforeSuffix: false,
  retainAfterLandingMs: 0,
};

/** One process's life: after `die` nothing it still does has any effect, as after SIGKILL. */
export interface Life {
  readonly lander: Lander;
  readonly events: LandingEvent[];
  readonly isDead: () => boolean;
  readonly die: () => void;
  /** Resolves when `run` is over; never for a life that died. */
  readonly done: Promise<void>;
  readonly error: () => unknown;
}

/** The store, the target and the clock, which outlive the processes. */
export class LandingWorld {
  readonly clock = new FakeClock();
  readonly store: MemoryStore;
  readonly target: MemoryTarget;
  readonly #seed: number;
  #lives = 0;

  constructor(options: MemoryTargetOptions = {}, seed = 1) {
    this.store = new MemoryStore(this.clock);
    this.target = new MemoryTarget(options);
    this.#seed = seed;
  }

  context(change: Partial<LandingContext> = {}): LandingContext {
    const parts: LanderParts = {
      settings: SETTINGS,
      store: this.store,
      target: this.target,
      reader: this.store.reader(),
      clock: this.clock,
      random: seededRandom(this.#seed + 7919 * this.#lives++),
      report: () => undefined,
      crashPoint: () => undefined,
      ...change,
    };
    return { marker: new LandingMarker(parts), ...parts };
  }

  /** Starts a process; it dies where `crashAt` says so. */
  live(
    settings: Partial<LanderSettings> = {},
    crashAt: (name: CrashPoint) => boolean = () => false,
    target: Target = this.target,
  ): Life {
    let isDead = false;
    let error: unknown;
    const events: LandingEvent[] = [];
    const die = (): void => {
      isDead = true;
    };
    const crashPoint = (name: CrashPoint): void => {
      if (isDead || !crashAt(name)) return;
      die();
      throw new Error(`killed at ${name}`);
    };
    const context = this.context({
      settings: { ...SETTINGS, ...settings },
      store: mortal<LandingStore>(this.store, () => isDead),
      target: mortal<Target>(target, () => isDead),
      report: (event) => events.push(event),
      crashPoint,
    });
    const lander = new Lander(context);
    const done = lander.run(new AbortController().signal).catch((thrown: unknown) => {
      error = thrown;
    });
    return { lander, events, isDead: () => isDead, die, done, error: () => error };
  }

  /** Stops a life cleanly, letting time pass as needed. */
  async stop(life: Life): Promise<void> {
    let isOver = false;
    void Promise.all([life.lander.stop(), life.done]).then(() => {
      isOver = true;
    });
    await this.clock.until(() => isOver);
    if (life.error() !== undefined && !life.isDead()) throw life.error();
  }

  /** Text of all visible files, wherever they are. */
  landedText(): string {
    return this.target
      .visible()
      .map((path) => this.target.files.get(path)?.bytes.toString())
      .join('');
  }
}

/** The object as a process has it: once the process is dead its calls do nothing and never return. */
function mortal<T extends object>(whole: T, isDead: () => boolean): T {
  return new Proxy(whole, {
    get(object, name) {
      const member: unknown = Reflect.get(object, name, object);
      if (typeof member !== 'function') return member;
      return (...given: unknown[]): unknown => {
        if (isDead()) return new Promise(() => undefined);
        return Reflect.apply(member, object, given);
      };
    },
  });
}

/** A target of which some operations are others. */
export function changedTarget(target: Target, change: Partial<Target>): Target {
  return new Proxy(target, {
    get(object, name) {
      const other: unknown = Reflect.get(change, name);
      if (other !== undefined) return other;
      const member: unknown = Reflect.get(object, name, object);
      return typeof member === 'function' ? (member.bind(object) as unknown) : member;
    },
  });
}
