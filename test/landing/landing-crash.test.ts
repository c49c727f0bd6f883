/**
 * Goal: whatever the servers do and wherever the process dies, each chunk ends in exactly one committed file, nothing is ever
 * overwritten, and no temp file is left (exactly-once.md §3).
 * Method: random backlogs, random faults at every call of a target that imitates the facts sheet, and a process that dies at
 * chosen crash points and is started anew on the same durable state. fast-check prints the seed of what fails.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { SECOND_LOOK_MS } from '../../main/landing/janitor.ts';
import { CRASH_POINTS } from '../../main/telemetry/crash-point.ts';
import type { CrashPoint } from '../../main/telemetry/crash-point.ts';
import { LandingWorld } from './landing-world.ts';
import type { Life } from './landing-world.ts';
import type { Fault, MemoryTargetOptions, Operation } from './memory-target.ts';

const LANDING_POINTS = CRASH_POINTS.filter((name) => /^(plan|land|janitor)\./.test(name));
const CODECS = ['none', 'gzip', 'zstd'] as const;

interface Death {
  readonly at: CrashPoint;
  readonly count: number;
}

describe('each chunk lands exactly once', () => {
  test.each(LANDING_POINTS)('when the process dies at %s', async (point) => {
    const world = new LandingWorld();
    const put = fill(world, 5, 2);
    if (point.startsWith('janitor.')) world.target.fault = once('create', 'truncate');
    const { deaths } = await play(world, [{ at: point, count: 1 }]);
    expect(deaths).toBe(1);
    await expectOnce(world, put);
  });

  test.each(LANDING_POINTS)(
    'when the process dies at %s each time, five times, on a target without attributes and inode look-up',
    async (point) => {
      const world = new LandingWorld({ hasAttributes: false, hasInodeLookup: false });
      const put = fill(world, 5, 2);
      if (point.startsWith('janitor.')) world.target.fault = once('create', 'truncate');
      await play(
        world,
        Array.from({ length: 5 }, () => ({ at: point, count: 1 })),
      );
      await expectOnce(world, put);
    },
  );

  test('under random faults, deaths and lost store replies', async () => {
    const property = fc.asyncProperty(
      script(),
      async ({ options, chunks, keys, faults, deaths, storeReplies, seed }) => {
        const world = new LandingWorld(options, seed);
        const put = fill(world, chunks, keys);
        const left = new Map(Object.entries(faults).map(([operation, list]) => [operation, [...list]]));
        world.target.fault = (operation) =>
          fitting((left.get(operation) ?? left.get('other'))?.pop(), options);
        const replies = [...storeReplies];
        await play(world, deaths, () => {
          world.store.loseReplyOf ??= replies.pop();
          if ((left.get('create')?.length ?? 0) % 3 === 0) world.target.bringLate();
        });
        await expectOnce(world, put);
      },
    );
    const seed = Number(process.env['HEADGATE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    await fc.assert(property, { numRuns: 150, seed, endOnFailure: true });
  });
});

function script(): fc.Arbitrary<{
  readonly options: MemoryTargetOptions;
  readonly chunks: number;
  readonly keys: number;
  readonly faults: Readonly<Record<'create' | 'rename' | 'stamp' | 'other', readonly (Fault | undefined)[]>>;
  readonly deaths: readonly Death[];
  readonly storeReplies: readonly (string | undefined)[];
  readonly seed: number;
}> {
  // Each operation has its own list, so that the rare ones (a file is renamed once) meet their faults as often as the others.
  const faultsOf = (...own: Fault[]): fc.Arbitrary<(Fault | undefined)[]> => {
    const common: Fault[] = ['refuse', 'lose-reply', 'standby', 'safe-mode', 'quota-exceeded'];
    return fc.array(
      fc.option(fc.constantFrom<Fault>(...own, ...own, ...common), { nil: undefined, freq: 2 }),
      {
        maxLength: 12,
        size: 'max',
      },
    );
  };
  const death = fc.record({ at: fc.constantFrom(...LANDING_POINTS), count: fc.integer({ min: 1, max: 3 }) });
  const write = fc.constantFrom(
    'startAttempt',
    'attemptUploaded',
    'abandonAttempt',
    'startRename',
    'landed',
    'plan',
    'keys',
    'abandonedRemoved',
  );
  return fc.record({
    options: fc.record({ hasInodeLookup: fc.boolean(), hasAttributes: fc.boolean() }),
    chunks: fc.integer({ min: 1, max: 12 }),
    keys: fc.integer({ min: 1, max: 4 }),
    faults: fc.record({
      create: faultsOf('truncate', 'late', 'corrupt'),
      rename: faultsOf('moved-by-others', 'unjournaled'),
      stamp: faultsOf(),
      other: faultsOf(),
    }),
    deaths: fc.array(death, { maxLength: 5 }),
    storeReplies: fc.array(fc.option(write, { nil: undefined, freq: 3 }), { maxLength: 12 }),
    seed: fc.integer({ min: 1, max: 1_000_000 }),
  });
}

/** Without inode look-up a file that others moved is rightly held, so that does not happen here. */
function fitting(fault: Fault | undefined, options: MemoryTargetOptions): Fault | undefined {
  return fault === 'moved-by-others' && options.hasInodeLookup !== true ? 'lose-reply' : fault;
}

function once(operation: Operation, fault: Fault): (asked: Operation) => Fault | undefined {
  let isLeft = true;
  return (asked) => {
    if (asked !== operation || !isLeft) return undefined;
    isLeft = false;
    return fault;
  };
}

/** Returns the lines that were put. */
function fill(world: LandingWorld, chunks: number, keys: number): readonly string[] {
  for (let id = 1; id <= keys; id++) world.store.addKey(id, { codec: 'none', prefix: `topic${id}` });
  for (let at = 0; at < chunks; at++)
    world.store.put(1 + (at % keys), { codec: CODECS[at % 3] ?? 'none', partition: at % 2 });
  return [...world.store.chunks.values()].flatMap(({ raw }) => raw.toString().trimEnd().split('\n'));
}

/** Runs lives until everything has landed; each but the last dies where it is told, if it gets there. */
async function play(
  world: LandingWorld,
  deaths: readonly Death[],
  onTurn: () => void = () => undefined,
): Promise<{ readonly deaths: number }> {
  let died = 0;
  const isDone = (): boolean => world.store.backlog === 0;
  for (const death of deaths) {
    let left = death.count;
    const life = world.live({}, (name) => name === death.at && --left === 0);
    await world.clock.until(() => {
      onTurn();
      return life.isDead() || (isDone() && !death.at.startsWith('janitor.')) || life.error() !== undefined;
    }, 30 * 60_000);
    if (life.isDead()) died++;
    else await world.stop(life);
  }
  const last: Life = world.live();
  const isLanded = await world.clock.until(() => {
    onTurn();
    return isDone() || last.error() !== undefined;
  }, 4 * 3_600_000);
  await world.stop(last);
  expect({
    isLanded,
    held: [...world.store.plans.values()].filter(({ plan }) => plan.state === 'held'),
  }).toEqual({ isLanded: true, held: [] });
  return { deaths: died };
}

async function expectOnce(world: LandingWorld, put: readonly string[]): Promise<void> {
  world.target.fault = () => undefined;
  world.target.forgetUnjournaled();
  const lines = world
    .landedText()
    .split('\n')
    .filter((line) => line !== '');
  expect([...lines].sort()).toEqual([...put].sort());
  const events = world.store.ledger.reduce((sum, { plan }) => sum + plan.events, 0);
  expect(lines.length).toBe(events);
  expect(world.target.visible().length).toBe(world.store.ledger.length);
  for (const { facts } of world.store.ledger)
    expect([...world.target.files.values()].some(({ inode }) => inode === facts.inode)).toBe(true);
  for (const { facts, plan } of world.store.ledger) {
    const bytes = world.target.files.get(facts.finalPath)?.bytes;
    if (bytes !== undefined) expect(bytes.length).toBe(plan.expectedBytes);
  }
  // The janitor: now, and once more a day later, when late creates have come.
  const janitor = world.live();
  const names = (): number =>
    [...world.store.plans.values()]
      .flatMap((row) => [...row.names.values()])
      .filter((name) => name.removedAtMs === undefined).length;
  await world.clock.until(() => names() === 0);
  world.target.bringLate();
  world.clock.advance(SECOND_LOOK_MS + 1);
  await world.clock.until(() => world.target.hidden().length === 0, 20 * 60_000);
  await world.stop(janitor);
  expect(world.target.hidden()).toEqual([]);
}
