/**
 * Which test kills an engine where. test/crash/coverage.test.ts makes the list of all crash points, alone and in a fleet, and of all steps of
 * the landing protocol, from the code, and fails when one of them is in no row here; and when a file of a row does not say the points that
 * its row says.
 *
 * A new crash point: add it to a row (and to the test that the row names, by `pointsOf` or by its name), or a row of its own.
 */
import { CRASH_POINTS, type CrashPoint } from '../../main/telemetry/crash-point.ts';

/** `alone`: one gateway has the group. `fleet`: others are in it, take over, and go on. */
export const SETTINGS = ['alone', 'fleet'] as const;
export type Setting = (typeof SETTINGS)[number];

export interface CoveringSuite {
  readonly file: string;
  readonly setting: Setting;
  readonly points: readonly CrashPoint[];
  /** It dies at each of the points while another file of the sink stands at each of the steps. */
  readonly crossesSteps?: true;
}

/** Points that only an operator's order, a damaged chunk or a lost disk leads to: they have suites of their own. */
const SPECIAL = /^(retry|config|claim|redeem|memory-lost|spill|complete|recover|repair|salvage)\./;

export const COVERAGE: readonly CoveringSuite[] = [
  { file: 'test/crash/crash-points.test.ts', setting: 'alone', points: but(SPECIAL) },
  { file: 'test/crash/fleet-crash-points.test.ts', setting: 'fleet', points: but(SPECIAL) },
  {
    file: 'test/crash/landing-steps.test.ts',
    setting: 'alone',
    points: only(/^(plan|land|janitor)\./),
    crossesSteps: true,
  },
  { file: 'test/crash/completeness-crash.test.ts', setting: 'alone', points: only(/^complete\./) },
  { file: 'test/crash/quarantine-crash.test.ts', setting: 'alone', points: only(/^retry\./) },
  {
    file: 'test/crash/claims-crash.test.ts',
    setting: 'alone',
    points: only(/^(claim|redeem|memory-lost|spill)\./),
  },
  { file: 'test/e2e/completeness.test.ts', setting: 'alone', points: only(/^complete\./) },
  { file: 'test/e2e/recover.test.ts', setting: 'alone', points: only(/^recover\./) },
  { file: 'test/crash/doctor-crash.test.ts', setting: 'alone', points: only(/^(repair|salvage)\./) },
  { file: 'test/engine/config-crash.test.ts', setting: 'alone', points: only(/^config\./) },
];

/** Why a point can't be told apart in a fleet from the same point alone. */
export const SAME_IN_A_FLEET: readonly (readonly [RegExp, string])[] = [
  [
    /^retry\./,
    'a retry changes one state directory, of offsets that were accepted long before: no other gateway has a part in it',
  ],
  [
    /^(claim|redeem|memory-lost|spill)\./,
    'a claim is of accepted offsets of one state directory; pulling them again touches no tenure',
  ],
  [
    /^recover\./,
    'the recovery works for a lost state directory alone, and shuts out whoever has its partitions first; its suite has both cases',
  ],
  [
    /^complete\./,
    'a marker is one gateway’s own file; what another one wrote meanwhile is looked at before each try (test/landing/completeness-writer.test.ts)',
  ],
  [
    /^(repair|salvage)\./,
    'the doctor has a stopped gateway’s database to itself; what another gateway does meanwhile it neither sees nor changes',
  ],
  [/^config\./, 'a configuration is one gateway’s own'],
];

/** Landing steps at which a process can't stand for itself: nothing is under way there. */
export const RESTING_STEPS = ['queued', 'held'] as const;

/** The points of a suite, for its `it.each`. Throws for a suite without a row. */
export function pointsOf(file: string): readonly CrashPoint[] {
  const row = COVERAGE.find((one) => one.file === file);
  if (row === undefined) throw new Error(`${file} has no row in test/crash/coverage.ts`);
  return row.points;
}

function only(pattern: RegExp): readonly CrashPoint[] {
  return CRASH_POINTS.filter((point) => pattern.test(point));
}

function but(pattern: RegExp): readonly CrashPoint[] {
  return CRASH_POINTS.filter((point) => !pattern.test(point));
}
