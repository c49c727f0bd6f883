/**
 * Goal: a gateway whose disk is lost goes on from an empty state directory, and every event stands in HDFS once (exactly-once.md §5):
 * alone, beside a gateway that lives, and where the broker has deleted a part of what it had accepted.
 * Method: real servers and engine processes; the engine is killed with a backlog, its state directory is deleted, `headgate recover` is run
 * as an operator runs it, also killed at each of its crash points; the judge reads HDFS and the engine audits every line.
 */
import { cp, rename, rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { CRASH_POINTS } from '../../main/telemetry/crash-point.ts';
import { TestFleet } from '../fleet/test-fleet.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { runRecover } from '../recovery/recover-process.ts';
import { gatewaySite, Turnstile } from './gateway-site.ts';
import { loseDisk, oldDisk, sumOf } from './lost-disk.ts';

const EVENTS = 3_000;
/** Cases at a time: each waits for sessions to time out more than it works. */
const WIDTH = 3;
const CASE_LIMIT_MS = 300_000;
const NOW = ['--declare-dead'];

describe.skipIf(skipsWithoutJava('recovery'))('headgate recover', () => {
  const site = gatewaySite();
  const turnstile = new Turnstile(WIDTH);

  it.concurrent(
    'after a lost disk: what had landed is in the ledger, the rest is pulled again, and all stands once',
    () =>
      turnstile.run(async () => {
        await using gateway = await site.gateway('lost-alone');
        await loseDisk(gateway, EVENTS);
        const refused = await runRecover(gateway.configFile);
        expect(refused.code, refused.stderr).toBe(2);
        expect(refused.stderr).toContain('sign of life');

        const dry = await runRecover(gateway.configFile, [...NOW, '--dry-run']);
        expect(dry.code, dry.stderr).toBe(0);
        expect({ landed: sumOf(dry, 'landed'), claimed: sumOf(dry, 'claimed') }).toEqual({
          landed: EVENTS,
          claimed: EVENTS,
        });

        const done = await runRecover(gateway.configFile, NOW);
        expect(done.code, done.stderr).toBe(0);
        expect(done.report).toMatchObject({ outcome: 'recovered', events: EVENTS, questions: [] });
        expect(sumOf(done, 'claimed')).toBe(EVENTS);
        expect(sumOf(done, 'gone')).toBe(0);

        await gateway.startReady();
        await gateway.produce(EVENTS);
        await gateway.untilLanded();
        await gateway.verdict({ level: 'deep' });
      }),
    CASE_LIMIT_MS,
  );

  it.concurrent(
    'killed at each of its crash points it goes on, no engine starts in between, and the old disk lands nothing when it comes back; what it then took in is fetched',
    () =>
      turnstile.run(async () => {
        await using gateway = await site.gateway('lost-crashes');
        await loseDisk(gateway, EVENTS);
        for (const point of CRASH_POINTS.filter((one) => one.startsWith('recover.'))) {
          const end = await runRecover(gateway.configFile, NOW, point);
          expect({ point, signal: end.signal }, end.stderr).toEqual({ point, signal: 'SIGKILL' });
        }
        const started = gateway.start();
        expect(await started.end(), 'an engine on books that are not whole').toMatchObject({ code: 1 });
        expect(started.tail).toContain('headgate recover');
        const last = await runRecover(gateway.configFile, NOW);
        expect(last.code, last.stderr).toBe(0);
        expect({ landed: sumOf(last, 'landed'), claimed: sumOf(last, 'claimed') }).toEqual({
          landed: EVENTS,
          claimed: EVENTS,
        });
        const again = await runRecover(gateway.configFile, NOW);
        expect(again.report, 'asked again when all is done').toEqual(last.report);
        // The old disk comes back before the new one begins: it must not land, though its backlog is whole. What it takes in is fetched.
        const before = await gateway.judge();
        const fresh = `${gateway.stateDir}.fresh`;
        await rename(gateway.stateDir, fresh);
        await cp(oldDisk(gateway), gateway.stateDir, {
          recursive: true,
          filter: (path) => !path.endsWith('.sock'),
        });
        const zombie = await gateway.startReady();
        await zombie.client.call('resume', { by: 'test' });
        await gateway.produce(EVENTS);
        await gateway.untilStatus(
          'the old disk is refused, and takes in more all the same',
          ({ sinks: [sink], channels: [channel] }) =>
            sink?.cause?.includes('given up as lost') === true &&
            channel?.events === 2 * EVENTS &&
            channel.heldEvents === 0,
        );
        await zombie.stop();
        const after = await gateway.judge();
        expect({ found: after.found, files: after.files }).toEqual({
          found: before.found,
          files: before.files,
        });
        await rm(gateway.stateDir, { recursive: true });
        await rename(fresh, gateway.stateDir);
        const more = await runRecover(gateway.configFile, [...NOW, '--again']);
        expect(more.code, more.stderr).toBe(0);
        expect({ landed: sumOf(more, 'landed'), claimed: sumOf(more, 'claimed') }).toEqual({
          landed: 0,
          claimed: EVENTS,
        });
        await gateway.startReady();
        await gateway.verdict({ level: 'deep' });
      }),
    CASE_LIMIT_MS,
  );

  it.concurrent.each([
    ['just before a rename', 'land.after-marker', 1],
    ['just after a rename, which its books do not have', 'land.after-rename', 0],
  ])(
    'after a disk that was lost %s',
    (_when, point, temps) =>
      turnstile.run(async () => {
        await using gateway = await site.gateway(point.replaceAll('.', '-'), {
          sink: { uploads: 1 },
        });
        const dying = gateway.start(point);
        await gateway.produce(EVENTS);
        await dying.end();
        await rm(gateway.stateDir, { recursive: true });
        const done = await runRecover(gateway.configFile, [...NOW, '--yes']);
        expect(done.code, done.stderr).toBe(0);
        const { report } = done;
        expect(report?.files, 'a renamed file has landed, whatever the books said').toBe(1 - temps);
        expect(report?.tempsRemoved).toBeGreaterThanOrEqual(temps);
        await gateway.startReady();
        await gateway.verdict({ level: 'deep' });
      }),
    CASE_LIMIT_MS,
  );

  it.concurrent(
    'beside a gateway that lives: the other’s share is left alone, and the fleet’s audit is clean',
    () =>
      turnstile.run(async () => {
        await using fleet = await TestFleet.create(site.rig, 'lost-fleet', 2);
        const { a: lives, b: dies } = fleet;
        await lives.startReady();
        await dies.startReady();
        await fleet.untilShared(lives, dies);
        await fleet.produce(EVENTS);
        await fleet.verdict();
        await dies.engine.client.call('pause', { by: 'test', why: 'a backlog' });
        await fleet.produce(EVENTS);
        await dies.untilStatus(
          'the backlog is accepted',
          ({ channels: [channel], sources: [source] }) =>
            (channel?.events ?? 0) > 0 && channel?.heldEvents === 0 && source?.lag === 0,
        );
        await dies.engine.kill();
        await rm(dies.stateDir, { recursive: true });
        // The other takes its partitions over, and goes on.
        await fleet.untilShared(lives);
        await fleet.produce(EVENTS);
        const done = await runRecover(dies.configFile, NOW);
        expect(done.code, done.stderr).toBe(0);
        expect(sumOf(done, 'claimed')).toBeGreaterThan(0);
        expect(done.report?.questions).toEqual([]);
        await dies.startReady();
        await fleet.wholeVerdict(lives, dies);
        const report = await fleet.audit(lives);
        expect(report.verdict, JSON.stringify(report, null, 1)).toBe('clean');
      }),
    CASE_LIMIT_MS,
  );

  it.concurrent(
    'where the broker has deleted a part, that part is a gap with its name and the rest lands',
    () =>
      turnstile.run(async () => {
        await using gateway = await site.gateway('lost-gone');
        await loseDisk(gateway, EVENTS);
        const half = EVENTS / gateway.partitions / 2;
        const landedThere = EVENTS / gateway.partitions;
        await site.rig.kafka.deleteRecords(gateway.topic, 1, BigInt(landedThere + half));
        const done = await runRecover(gateway.configFile, NOW);
        expect(done.code, done.stderr).toBe(0);
        const [row] = done.report?.partitions.filter(({ partition }) => partition === 1) ?? [];
        expect(row).toMatchObject({ landed: landedThere, gone: half, claimed: half });
        expect(row?.goneOffsets).toBe(`${landedThere}-${landedThere + half - 1}`);
        expect(row?.goneWhy.join()).toContain('lost with the disk of');
        await gateway.startReady();
        await gateway.untilLanded(2 * EVENTS - half);
        const verdict = await gateway.judge();
        expect({ twice: verdict.duplicates.count, missing: verdict.missing.count }).toEqual({
          twice: 0,
          missing: half,
        });
        const report = await gateway.audit('deep');
        expect(report.verdict, report.summary).toBe('clean');
        expect(report.coverage.reduce((sum, { gap }) => sum + gap, 0)).toBe(half);
      }),
    CASE_LIMIT_MS,
  );
});
