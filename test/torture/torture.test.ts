/**
 * Goal: under kills, cuts, freezes, refusals, edits and a moving clock each event lands once, in the directory of its own time.
 * Method: the torture itself, short: real servers, two real gateways in one group, and an adversary whose choices follow from a fixed
 * seed (HEADGATE_TEST_SEED takes another). Long runs are made by hand: `npm run torture -- --help`.
 */
import { describe, expect, it } from 'vitest';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { torture } from './torture-run.ts';

const MINUTES = 0.4;
const FAULTS = [
  ...['kill', 'crash-point', 'stop', 'freeze', 'write-pause', 'edit', 'no-room', 'clock'],
  ...['cut', 'link', 'split', 'lost-reply', 'datanode', 'rights'],
];
const CASE_LIMIT_MS = 600_000;

describe.skipIf(skipsWithoutJava('the torture'))('a short torture', () => {
  it(
    'of two gateways loses nothing and doubles nothing, and nothing stands still afterwards',
    async () => {
      const seed = Number(process.env['HEADGATE_TEST_SEED'] ?? 20);
      const report = await torture({
        seed,
        minutes: MINUTES,
        gateways: 2,
        rate: 300,
        brokers: 1,
        namenodes: 1,
        datanodes: 1,
        // A NameNode's restart and Hadoop's own tools take seconds of both cores each: left to the long runs.
        only: FAULTS,
        print: () => undefined,
      });
      const { timeline, ...figures } = report;
      console.log(`torture, seed ${seed}: ${JSON.stringify(figures)}`);
      expect(report.problems, timeline.map(({ atMs, text }) => `${atMs} ${text}`).join('\n')).toEqual([]);
      expect(report.landed).toBeGreaterThan(1_000);
      expect(Object.values(report.faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(5);
    },
    CASE_LIMIT_MS,
  );
});
