/**
 * Goal: there is no crash point without a test that dies there, alone and in a fleet, and none that no code passes.
 * Method: the list is made from the code: every name of CRASH_POINTS, every step of the landing protocol, every setting; it is compared with
 * what the suites declare in coverage.ts, and that with the text of the suites themselves.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LANDING_STEPS } from '../../main/landing/lander-status.ts';
import { CRASH_POINTS } from '../../main/telemetry/crash-point.ts';
import { COVERAGE, RESTING_STEPS, SAME_IN_A_FLEET, SETTINGS, type Setting } from './coverage.ts';

const ROOT = join(import.meta.dirname, '../..');
const CROSSED = /^(plan|land|janitor)\./;

function isCovered(point: string, setting: Setting): boolean {
  const hasSuite = COVERAGE.some((row) => row.setting === setting && row.points.some((one) => one === point));
  return hasSuite || (setting === 'fleet' && SAME_IN_A_FLEET.some(([pattern]) => pattern.test(point)));
}

/** By its own name, or by that of its family. */
function isNamed(text: string, point: string): boolean {
  const family = point.slice(0, point.indexOf('.') + 1);
  return text.includes(`'${point}`) || text.includes(`startsWith('${family}')`);
}

describe('crash points', () => {
  test('each has a test that dies there, alone and in a fleet', () => {
    const wanted = CRASH_POINTS.flatMap((point) => SETTINGS.map((setting) => ({ point, setting })));
    const missing = wanted.filter(({ point, setting }) => !isCovered(point, setting));
    expect(missing, 'add them to a suite and to test/crash/coverage.ts').toEqual([]);
  });

  test('each of landing is also passed while another file stands at each step of the protocol', () => {
    const steps = LANDING_STEPS.filter((step) => !RESTING_STEPS.some((one) => one === step));
    const crossing = COVERAGE.filter((row) => row.crossesSteps === true);
    const missing = CRASH_POINTS.filter((point) => CROSSED.test(point)).flatMap((point) =>
      crossing.some(({ points }) => points.includes(point)) ? [] : steps.map((step) => `${point} × ${step}`),
    );
    expect(missing).toEqual([]);
    // The suite must make the steps from the code, too.
    for (const { file } of crossing)
      expect(readFileSync(join(ROOT, file), 'utf8')).toContain('LANDING_STEPS');
  });

  test('each row of the list is what its suite really does', () => {
    const wrong = COVERAGE.flatMap(({ file, points }) => {
      if (!existsSync(join(ROOT, file))) return [`${file} is not there`];
      const text = readFileSync(join(ROOT, file), 'utf8');
      if (text.includes(`pointsOf('${file}')`)) return points.length === 0 ? [`${file} has no points`] : [];
      return points.filter((point) => !isNamed(text, point)).map((point) => `${file} does not name ${point}`);
    });
    expect(wrong).toEqual([]);
  });

  test('each is passed somewhere in the engine', () => {
    const sources = readdirSync(join(ROOT, 'main'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('crash-point.ts'))
      .map((path) => readFileSync(join(ROOT, 'main', path), 'utf8'));
    const unused = CRASH_POINTS.filter((point) => !sources.some((text) => text.includes(`'${point}'`)));
    expect(unused).toEqual([]);
  });
});
