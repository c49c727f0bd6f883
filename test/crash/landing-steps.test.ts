/**
 * Goal: each crash point of landing × each step of the landing protocol: a process that dies at the point while another file of the same sink
 * stands at the step loses and doubles nothing, and holds nothing.
 * Method: a target in memory that never answers for the first file's step, so that the file stands there; then a second file is landed, whose
 * way leads past the crash point. The next process meets both. Points and steps come from the code (coverage.ts, LANDING_STEPS).
 */
import { describe, expect, test } from 'vitest';
import { LANDING_STEPS, type LandingStep } from '../../main/landing/lander-status.ts';
import { changedTarget, LandingWorld } from '../landing/landing-world.ts';
import type { Operation } from '../landing/memory-target.ts';
import { pointsOf, RESTING_STEPS } from './coverage.ts';

const STANDING = '/logs/standing';
const PASSING = '/logs/passing';
const LIMIT_MS = 4 * 3_600_000;

/** The call that is never answered, so that the file stands at the step; after the rename was asked for, for some. */
const CALL_AT: Readonly<
  Record<Exclude<LandingStep, (typeof RESTING_STEPS)[number]>, readonly [Operation | 'landed', 'renamed'?]>
> = {
  mkdirs: ['mkdirs'],
  create: ['create'],
  verify: ['checksum'],
  stamp: ['stamp'],
  rename: ['rename'],
  'look-for-renamed': ['stat', 'renamed'],
  confirm: ['stamp', 'renamed'],
  ledger: ['landed'],
};
type Standing = keyof typeof CALL_AT;
const STEPS = LANDING_STEPS.filter((step): step is Standing => !RESTING_STEPS.some((one) => one === step));

describe.each(STEPS)('while a file stands at %s', (step) => {
  test.each(pointsOf('test/crash/landing-steps.test.ts'))(
    'a death at %s lands each event once',
    async (point) => {
      const world = new LandingWorld();
      world.store.addKey(1, { directory: STANDING });
      world.store.addKey(2, { directory: PASSING });
      world.store.put(1, {});
      if (point.startsWith('janitor.')) loseOneUpload(world);
      const answer = standAt(world, step);
      let isArmed = false;
      const dying = world.live({}, (name) => isArmed && name === point, answer.target);
      const stands = (): boolean =>
        dying.lander
          .status()
          .files.some(
            (file) => file.finalPath.startsWith(STANDING) && file.step === step && answer.isAwaited(),
          );
      expect(await world.clock.until(stands, LIMIT_MS), 'the first file stands at the step').toBe(true);
      isArmed = true;
      world.store.put(2, {});
      expect(await world.clock.until(dying.isDead, LIMIT_MS), 'the second file led past the point').toBe(
        true,
      );
      answer.restore();
      await expectOnce(world);
    },
  );
});

/** The first file's call is never answered in this life. */
function standAt(world: LandingWorld, step: Standing) {
  const [operation, after] = CALL_AT[step];
  let isRenamed = false;
  let isAwaited = false;
  const never = (): Promise<never> => {
    isAwaited = true;
    return new Promise(() => undefined);
  };
  const { target, store } = world;
  const isStanding = (path: string): boolean =>
    path.startsWith(STANDING) && (after === undefined || isRenamed);
  // Of the operations that change nothing else: the arguments begin with the path.
  const change = Object.fromEntries(
    (['mkdirs', 'create', 'checksum', 'stamp', 'stat', 'rename'] as const).map((name) => [
      name,
      async (...given: [string, never, never]): Promise<unknown> => {
        if (name === operation && isStanding(given[0])) return never();
        const result: unknown = await (
          target[name] as (...given: [string, never, never]) => Promise<unknown>
        ).apply(target, given);
        if (name === 'rename' && given[0].startsWith(STANDING)) {
          isRenamed = true;
          // The reply is lost, so the file is looked for.
          if (after !== undefined) throw new Error('the connection was reset');
        }
        return result;
      },
    ]),
  );
  const landed = store.landed.bind(store);
  if (operation === 'landed')
    store.landed = (...given: Parameters<typeof landed>) =>
      given[1].finalPath.startsWith(STANDING) ? never() : landed(...given);
  return {
    target: changedTarget(target, change),
    isAwaited: () => isAwaited,
    restore: () => {
      store.landed = landed;
    },
  };
}

/** One upload of the second file breaks, so that the janitor has a name to remove. */
function loseOneUpload({ target }: LandingWorld): void {
  let isLeft = true;
  target.fault = (operation, path) => {
    if (!isLeft || operation !== 'create' || !path.startsWith(PASSING)) return undefined;
    isLeft = false;
    return 'truncate';
  };
}

async function expectOnce(world: LandingWorld): Promise<void> {
  world.target.fault = () => undefined;
  const life = world.live();
  expect(await world.clock.until(() => world.store.backlog === 0, LIMIT_MS), 'all lands').toBe(true);
  await world.clock.until(() => world.target.hidden().length === 0, 60 * 60_000);
  await world.stop(life);
  expect([...world.store.plans.values()].filter(({ plan }) => plan.state === 'held')).toEqual([]);
  expect(world.target.hidden()).toEqual([]);
  const wanted = [...world.store.ledger].reduce((sum, { plan }) => sum + plan.events, 0);
  const lines = world.landedText().split('\n').slice(0, -1);
  expect(new Set(lines).size).toBe(lines.length);
  expect(lines.length).toBe(wanted);
  expect(world.target.visible().length).toBe(2);
}
