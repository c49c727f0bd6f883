/**
 * Goal: whatever moment a gateway of a fleet dies at, each event lands once: while another one takes its partitions over, and after it came
 * back with what it held ("Done when" of issue 5: crash points × steps × a fleet).
 * Method: for each named crash point two gateways of one group on shared, real servers. One has all partitions; the other joins, kills
 * itself at the point (SIGKILL), its partitions go back, and more is produced; then it returns and both go on. The judge reads HDFS, each
 * engine audits itself, and the audit of the fleet joins them.
 */
import { describe, expect, it } from 'vitest';
import type { CrashPoint } from '../../main/telemetry/crash-point.ts';
import { gatewaySite, Turnstile } from '../e2e/gateway-site.ts';
import { TestFleet } from '../fleet/test-fleet.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { pointsOf } from './coverage.ts';

/** Two partitions: one for each. */
const EVENTS = 1_000;
const POINTS = [...pointsOf('test/crash/fleet-crash-points.test.ts')].sort(
  // Those of the janitor have lives more than the others: begun last they would go on alone.
  (a, b) => Number(b.startsWith('janitor.')) - Number(a.startsWith('janitor.')),
);
const WIDTH = 4;
const CASE_LIMIT_MS = 240_000;
/** From its start on: joining and events come before the point. */
const DEATH_LIMIT_MS = 120_000;
const KILLED = { code: null, signal: 'SIGKILL' };

describe.skipIf(skipsWithoutJava('crash points of a fleet'))(
  'a gateway of a fleet that dies at a crash point',
  () => {
    const site = gatewaySite();
    const turnstile = new Turnstile(WIDTH);

    it.concurrent.each(POINTS)(
      '%s: another takes over, it returns, and each event lands once',
      (point) => turnstile.run(() => dieAndReturn(point)),
      CASE_LIMIT_MS,
    );

    async function dieAndReturn(point: CrashPoint): Promise<void> {
      const name = `f-${point.replaceAll('.', '-')}`;
      await using fleet = await TestFleet.create(site.rig, name, 2, { partitions: 2 });
      const { a: stays, b: dies } = fleet;
      await stays.startReady();
      await fleet.untilShared(stays);
      if (point.startsWith('janitor.')) {
        // The janitor needs a temp file that nobody will finish.
        const leaving = dies.start('land.after-create').end(DEATH_LIMIT_MS);
        await untilJoined(fleet);
        await fleet.produce(EVENTS);
        expect(await leaving, 'it left a temp file').toEqual(KILLED);
      }
      const dying = dies.start(point).end(DEATH_LIMIT_MS);
      // Openings are passed without an event; for all else there must be some in its share.
      if (!point.startsWith('tenure.')) {
        await untilJoined(fleet);
        await fleet.produce(EVENTS);
      }
      expect(await dying, 'it was killed at the point').toEqual(KILLED);
      await fleet.produce(EVENTS);
      await fleet.untilShared(stays);
      await dies.startReady();
      await fleet.untilShared(stays, dies);
      await fleet.produce(EVENTS);
      await fleet.wholeVerdict(stays, dies);
      expect(await fleet.audit(stays)).toMatchObject({ verdict: 'clean', findings: [], unproven: [] });
    }

    /** Until the one that stays has given a partition up: the other one opens it now. */
    async function untilJoined(fleet: TestFleet): Promise<void> {
      await fleet.untilOwns(fleet.a, 1);
    }
  },
);
