/**
 * Goal: an event that a group of sinks may land is landed by exactly one of them, whatever their targets do, whenever they take over from
 * each other, and wherever the process dies; what is past the point of no return stays with its target.
 * Method: two landers on one store, each with a target of its own that imitates the facts sheet; the duties are given as the engine gives
 * them. Random outages, faults, deaths and lost replies; fast-check prints the seed of what fails.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { groupDuties } from '../../main/engine/sink-group/group-duties.ts';
import { SECOND_LOOK_MS } from '../../main/landing/janitor.ts';
import { CRASH_POINTS, type CrashPoint } from '../../main/telemetry/crash-point.ts';
import { changedTarget, LandingWorld, type Life } from './landing-world.ts';
import { MemoryTarget, type Fault, type Operation } from './memory-target.ts';

const GROUP = 'hadoop';
const NAMES = ['near', 'far'] as const;
type Name = (typeof NAMES)[number];
type Kind = 'failover' | 'load_balance';
const POINTS = CRASH_POINTS.filter((name) => /^(plan|land|janitor)\./.test(name));

/** Two members of one group in one process: they die together. */
class GroupWorld {
  readonly world: LandingWorld;
  readonly targets: Readonly<Record<Name, MemoryTarget>>;
  readonly #kind: Kind;
  #lives: Record<Name, Life> | undefined;

  constructor(kind: Kind, seed = 1) {
    this.#kind = kind;
    this.world = new LandingWorld({}, seed);
    this.targets = { near: new MemoryTarget(), far: new MemoryTarget() };
  }

  get lives(): Record<Name, Life> {
    if (this.#lives === undefined) throw new Error('nothing lives');
    return this.#lives;
  }

  start(crashAt: (name: CrashPoint) => boolean = () => false): void {
    const live = (name: Name): Life => {
      const target = changedTarget(this.targets[name], {
        namespace: async () => `${await this.targets[name].namespace()}:${name}`,
      });
      const settings = {
        sink: name,
        group: GROUP,
        markerDirectory: `/logs/.headgate/gw`,
        penaltyMaxMs: 30_000,
      };
      return this.world.live(settings, crashAt, target);
    };
    this.#lives = { near: live('near'), far: live('far') };
  }

  /** As the engine does it, a few times a second. */
  giveDuties(): void {
    const { lives } = this;
    if (this.isDead()) for (const name of NAMES) lives[name].die();
    const standings = NAMES.map((name) => {
      const { gate, isPaused } = lives[name].lander.status();
      return { name, isAble: gate === undefined && !isPaused };
    });
    groupDuties(this.#kind, standings).forEach((duty, at) =>
      lives[NAMES[at] ?? 'near'].lander.changeDuty(duty),
    );
  }

  isDead(): boolean {
    return NAMES.some((name) => this.lives[name].isDead());
  }

  isBroken(): boolean {
    return NAMES.some((name) => this.lives[name].error() !== undefined);
  }

  async until(condition: () => boolean, limitMs?: number): Promise<boolean> {
    return this.world.clock.until(() => {
      this.giveDuties();
      return condition() || this.isBroken();
    }, limitMs);
  }

  async stop(): Promise<void> {
    for (const name of NAMES) await this.world.stop(this.lives[name]);
  }

  put(chunks: number, keys = 2): void {
    for (let id = 1; id <= keys; id++)
      if (!this.world.store.keysById.has(id)) this.world.store.addKey(id, { sink: GROUP });
    for (let at = 0; at < chunks; at++) this.world.store.put(1 + (at % keys), { partition: at % 2 });
  }

  landedBy(name: Name): number {
    return this.world.store.ledger.filter(({ plan }) => plan.sink === name).length;
  }

  lines(): string[] {
    return NAMES.flatMap((name) => {
      const target = this.targets[name];
      return target.visible().flatMap((path) => (target.files.get(path)?.bytes.toString() ?? '').split('\n'));
    })
      .filter((line) => line !== '')
      .sort();
  }

  /** Everything once, nothing left behind at either target, also of creates that come late. */
  async expectOnce(put: readonly string[]): Promise<void> {
    for (const name of NAMES) {
      this.targets[name].fault = () => undefined;
      this.targets[name].forgetUnjournaled();
    }
    expect(this.lines()).toEqual([...put].sort());
    this.start();
    const names = () =>
      [...this.world.store.plans.values()]
        .flatMap((row) => [...row.names.values()])
        .filter((name) => name.removedAtMs === undefined).length;
    await this.until(() => names() === 0);
    for (const name of NAMES) this.targets[name].bringLate();
    this.world.clock.advance(SECOND_LOOK_MS + 1);
    const hidden = () => NAMES.flatMap((name) => this.targets[name].hidden());
    await this.until(() => hidden().length === 0, 20 * 60_000);
    await this.stop();
    expect(hidden()).toEqual([]);
    expect(this.lines()).toEqual([...put].sort());
  }

  written(): string[] {
    return [...this.world.store.chunks.values()].flatMap(({ raw }) => raw.toString().trimEnd().split('\n'));
  }
}

const isDown = (): Fault => 'namenode-unreachable';

describe('failover', () => {
  test('the first lands while it is there, the second takes over, and gives way when the first is back', async () => {
    const group = new GroupWorld('failover');
    group.put(6);
    const put = group.written();
    group.start();
    await group.until(() => group.world.store.backlog === 0);
    expect([group.landedBy('near') > 0, group.landedBy('far')]).toEqual([true, 0]);

    group.targets.near.fault = isDown;
    group.put(6);
    put.push(...group.written());
    expect(await group.until(() => group.world.store.backlog === 0, 10 * 60_000)).toBe(true);
    const byFar = group.landedBy('far');
    expect(byFar).toBeGreaterThan(0);

    group.targets.near.fault = () => undefined;
    let more = 0;
    await group.until(() => {
      if (group.world.store.backlog === 0 && more++ < 50) {
        group.put(1);
        put.push(...group.written());
      }
      return more >= 50 && group.world.store.backlog === 0;
    }, 60 * 60_000);
    expect(group.lives.far.lander.status().isOnDuty).toBe(false);
    expect(group.landedBy('near')).toBeGreaterThan(byFar);
    await group.stop();
    await group.expectOnce(put);
  });

  test('a file that may have its final name already waits for its target, and nobody else lands its events', async () => {
    const group = new GroupWorld('failover');
    group.put(1, 1);
    const put = group.written();
    let isGone = false;
    // The rename happens, its reply is lost, and from then on the target is gone.
    group.targets.near.fault = (operation) => {
      if (isGone) return 'namenode-unreachable';
      isGone = operation === 'rename';
      return isGone ? 'lose-reply' : undefined;
    };
    group.start();
    await group.until(() => isGone);
    group.put(4, 2);
    put.push(...group.written().filter((line) => !put.includes(line)));
    await group.until(() => group.landedBy('far') > 0, 30 * 60_000);
    await group.until(() => group.world.store.backlog === 1, 30 * 60_000);
    await group.until(() => false, 60 * 60_000);
    expect(group.world.store.backlog).toBe(1);
    group.targets.near.fault = () => undefined;
    expect(await group.until(() => group.world.store.backlog === 0)).toBe(true);
    await group.stop();
    await group.expectOnce(put);
  });

  test('a plan of before a restart goes over, with a create that its target brings late', async () => {
    const group = new GroupWorld('failover');
    group.put(1, 1);
    const put = group.written();
    group.targets.near.fault = (operation) => (operation === 'create' ? 'late' : undefined);
    group.start((name) => name === 'land.before-create');
    await group.until(() => group.isDead());
    group.targets.near.fault = (operation: Operation) =>
      operation === 'create' ? 'late' : 'namenode-unreachable';
    group.start();
    expect(await group.until(() => group.world.store.backlog === 0, 30 * 60_000)).toBe(true);
    expect([group.landedBy('near'), group.landedBy('far')]).toEqual([0, 1]);
    await group.stop();
    await group.expectOnce(put);
  });
});

test('load balancing: both land, and either lands all when the other is gone', async () => {
  const group = new GroupWorld('load_balance');
  group.put(60, 30);
  const put = group.written();
  group.start();
  await group.until(() => group.world.store.backlog === 0);
  expect(Math.min(group.landedBy('near'), group.landedBy('far'))).toBeGreaterThan(0);
  group.targets.far.fault = isDown;
  group.put(20, 10);
  put.push(...group.written());
  expect(await group.until(() => group.world.store.backlog === 0, 30 * 60_000)).toBe(true);
  await group.stop();
  await group.expectOnce(put);
});

test('under random outages, faults, deaths and lost store replies each event lands once, by one of them', async () => {
  const fault = fc.option(
    fc.constantFrom<Fault>(
      'refuse',
      'lose-reply',
      'truncate',
      'late',
      'corrupt',
      'unjournaled',
      'standby' as Fault,
      'safe-mode' as Fault,
    ),
    { nil: undefined, freq: 3 },
  );
  const member = fc.record({
    /** It is gone from one of its calls up to another. */
    goneFrom: fc.integer({ min: 0, max: 60 }),
    goneFor: fc.integer({ min: 0, max: 60 }),
    faults: fc.array(fault, { maxLength: 30, size: 'max' }),
  });
  const property = fc.asyncProperty(
    fc.record({
      kind: fc.constantFrom<Kind>('failover', 'load_balance'),
      chunks: fc.integer({ min: 1, max: 12 }),
      keys: fc.integer({ min: 1, max: 4 }),
      near: member,
      far: member,
      deaths: fc.array(fc.record({ at: fc.constantFrom(...POINTS), count: fc.integer({ min: 1, max: 3 }) }), {
        maxLength: 4,
      }),
      replies: fc.array(
        fc.option(fc.constantFrom('giveBack', 'plan', 'startAttempt', 'startRename', 'landed', 'keys'), {
          nil: undefined,
          freq: 3,
        }),
        { maxLength: 12 },
      ),
      seed: fc.integer({ min: 1, max: 1_000_000 }),
    }),
    async ({ kind, chunks, keys, deaths, replies, seed, ...members }) => {
      const group = new GroupWorld(kind, seed);
      group.put(chunks, keys);
      const put = group.written();
      for (const name of NAMES) {
        const { goneFrom, goneFor, faults } = members[name];
        const left = [...faults];
        let calls = 0;
        group.targets[name].fault = (operation) => {
          const call = calls++;
          if (call >= goneFrom && call < goneFrom + goneFor) return 'namenode-unreachable';
          const next = left.pop();
          return next === 'unjournaled' && operation !== 'rename' ? 'refuse' : next;
        };
      }
      const lost = [...replies];
      for (const death of deaths) {
        let left = death.count;
        group.start((name) => name === death.at && --left === 0);
        await group.until(() => {
          group.world.store.loseReplyOf ??= lost.pop();
          return group.isDead() || group.world.store.backlog === 0;
        }, 30 * 60_000);
        if (group.isDead()) for (const name of NAMES) group.lives[name].die();
        else await group.stop();
      }
      group.start();
      const isLanded = await group.until(() => group.world.store.backlog === 0, 4 * 3_600_000);
      expect({ isLanded, errors: NAMES.map((name) => group.lives[name].error()) }).toEqual({
        isLanded: true,
        errors: [undefined, undefined],
      });
      await group.stop();
      await group.expectOnce(put);
    },
  );
  const seed = Number(process.env['HEADGATE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  await fc.assert(property, { numRuns: 120, seed, endOnFailure: true });
});
