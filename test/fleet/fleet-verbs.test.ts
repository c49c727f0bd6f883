/**
 * Goal: an operator on one gateway sees the whole fleet and has it audited, also while its brokers and all other gateways are away; what
 * can't be known is said, and the exit status follows.
 * Method: a real engine process on files and a directory, whose Kafka source reaches nobody; the other gateways are facts that stand at the
 * landing root, as they leave them when they die.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { procedures } from '../../shared/contract/control.ts';
import { FleetFactsObject } from '../../main/landing/fleet-facts-object.ts';
import { DirectoryTarget } from '../../main/sinks/directory/directory-target.ts';
import { headgate, type Outcome } from '../cli/command-line.ts';
import { appendLines, accessLine, makeSite, removeSite, startEngineOf, type Site } from '../cli/site.ts';
import type { EngineProcess } from '../e2e/engine-process.ts';
import { until } from '../rig/until.ts';
import { Notes } from '../landing/marker-notes.ts';
import { fleetFacts, NO_ABORT, partitionFacts } from './fleet-fixture.ts';

const EVENTS = 12;

let site: Site;
let engine: EngineProcess;

/** What a gateway leaves at the root that died an hour ago. */
async function leaveFacts(gatewayId: string, waitingEvents: number): Promise<void> {
  const target = new DirectoryTarget({ type: 'directory', root: site.output });
  const writtenMs = Date.now() - 3_600_000;
  const stateId = `${gatewayId}-state`;
  const facts = fleetFacts({
    ...{ gatewayId, stateId, sink: 'local', waitingEvents, waitingBytes: 100 * waitingEvents, writtenMs },
    oldestEventMs: waitingEvents === 0 ? undefined : writtenMs - 60_000,
    partitions: [
      partitionFacts({
        ...{ waitingEvents, group: 'elsewhere', tenure: undefined, landedEvents: 0 },
        partition: waitingEvents,
      }),
    ],
  });
  const markerDirectory = `${site.output}/.headgate/${gatewayId}`;
  await new FleetFactsObject({ markerDirectory, stateId, sink: 'local', store: new Notes(), target }).publish(
    facts,
    NO_ABORT,
  );
  await target.close();
}

beforeAll(async () => {
  site = await makeSite();
  await appendLines(
    site,
    'www',
    Array.from({ length: EVENTS }, (_, id) => accessLine(id, 8)),
  );
  await leaveFacts('gw-dead', 250);
  await leaveFacts('gw-idle', 0);
  engine = await startEngineOf(site);
  await until('the fleet was looked at', async () => {
    const { gateways } = await engine.client.call('fleetStatus', {});
    return gateways.length === 3;
  });
});

afterAll(async () => {
  await engine.kill();
  await removeSite(site);
});

function ask(...argv: string[]): Promise<Outcome> {
  return headgate(...argv, '-d', site.stateDir);
}

describe('the fleet from the shell', () => {
  test('status --fleet shows every gateway with what it holds, and what could not be asked', async () => {
    // The first look after our own start believes nobody's clock: an audit makes the second.
    await ask('audit', '--fleet');
    const json = await ask('status', '--fleet', '--json');
    expect(json.status).toBe(0);
    const status = procedures.fleetStatus.output.parse(JSON.parse(json.stdout));
    expect(status.gateways).toMatchObject([
      { gatewayId: 'cli-test', isOwn: true, isSilent: false },
      { gatewayId: 'gw-dead', isOwn: false, isSilent: true, waitingEvents: 250 },
      { gatewayId: 'gw-idle', isOwn: false, isSilent: true, waitingEvents: 0 },
    ]);
    expect(status.problems).toMatchObject([{ place: 'source remote' }]);
    const { stdout, status: exit } = await ask('status', '--fleet');
    expect(exit).toBe(0);
    expect(stdout).toMatch(/^cli-test \(this\) .* now, paused/m);
    expect(stdout).toMatch(/^gw-dead .* SILENT for 1 h.* 250 /m);
    expect(stdout).toContain('not everything could be asked:\n  source remote: ');
  });

  test('a silent gateway that holds events is an alert of this one', async () => {
    const { alerts } = await until('the alert stands', async () => {
      const status = await engine.client.call('status', {});
      return status.alerts.some(({ code }) => code === 'silent-peer') ? status : undefined;
    });
    expect(alerts.filter(({ code }) => code === 'silent-peer')).toMatchObject([
      { place: 'gw-dead/gw-dead-state', level: 'error' },
    ]);
  });

  test('audit --fleet proves nothing while one is silent and holds events, says so, and exits with 1', async () => {
    const json = await ask('audit', '--fleet', '--hdfs', '--json');
    expect(json.status).toBe(1);
    const { own, fleet } = JSON.parse(json.stdout) as { readonly own: unknown; readonly fleet: unknown };
    expect(procedures.auditReport.output.parse(own).verdict).toBe('clean');
    const report = procedures.fleetAuditResult.output.parse(fleet);
    expect(report).toMatchObject({ verdict: 'unknown', level: 'files', findings: [] });
    expect(report.unproven).toContainEqual(
      'gw-dead (gw-dead-state) is silent and holds 250 events for local',
    );
    const text = await ask('audit', '--fleet');
    expect(text.status).toBe(1);
    expect(text.stdout).toContain('NOT PROVEN: ');
    expect(text.stdout).toContain('gw-dead (gw-dead-state) is silent and holds 250 events');
  });

  test('a switch that was just set shows at once, before the next facts are written', async () => {
    expect(await ask('resume')).toMatchObject({ status: 0 });
    const { stdout } = await ask('status', '--fleet');
    expect(stdout).toMatch(/^cli-test \(this\) +\S+ +now +\d/m);
  });

  test('--fleet and --watch are told not to go together', async () => {
    expect(await ask('status', '--fleet', '--watch')).toMatchObject({ status: 2 });
  });
});
