/**
 * Goal: gateways that share a group land each event once, whoever joins, leaves, dies, comes back or is silent (exactly-once.md §4, §5).
 * Method: real servers and two or three engine processes; the judge, who shares no code with them, reads what stands in HDFS, and each
 * engine audits its own books.
 */
import { cp, rename } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { until } from '../rig/until.ts';
import { TestFleet } from '../fleet/test-fleet.ts';
import { gatewaySite, Turnstile } from './gateway-site.ts';
import { TestGateway } from './test-gateway.ts';

const EVENTS = 4_000;
const WIDTH = 2;
const CASE_LIMIT_MS = 180_000;
/** Members that do not go through the proxy before Kafka: its faults are for one test alone. */
const DIRECT = { direct: [0, 1, 2] };

describe.skipIf(skipsWithoutJava('a fleet'))('a fleet of gateways', () => {
  const site = gatewaySite({ kafka: { isProxied: true }, hdfs: {} });
  const turnstile = new Turnstile(WIDTH);
  const test = (name: string, work: () => Promise<void>): void =>
    it.concurrent(name, () => turnstile.run(work), CASE_LIMIT_MS);

  test('members join, leave and die with a backlog; one comes back and lands its own', async () => {
    await using fleet = await TestFleet.create(site.rig, 'fleet', 2, DIRECT);
    const { a, b } = fleet;
    await a.startReady();
    await fleet.produce(EVENTS);
    await b.startReady();
    await fleet.untilShared(a, b);
    // b takes in its share and may not write: a backlog of its own, which its facts tell the others.
    await b.engine.client.call('pause', { by: 'test', why: 'a backlog' });
    await fleet.produce(EVENTS);
    const seen = await fleet.untilSeen(a, 'a sees what b holds', ({ gateways }) =>
      gateways.some(({ gatewayId, waitingEvents }) => gatewayId === 'fleet-b' && waitingEvents > 0),
    );
    expect(seen.problems).toEqual([]);
    expect(new Set(seen.partitions.map(({ owner }) => owner?.gatewayId))).toEqual(
      new Set(['fleet', 'fleet-b']),
    );
    expect(seen.partitions.every(({ owner }) => owner?.sinceMs !== undefined)).toBe(true);
    await b.untilStatus('b has all of its share', ({ sources: [source] }) => source?.lag === 0);
    await b.engine.kill();
    await fleet.produce(EVENTS);
    await fleet.untilShared(a);
    const alarmed = await a.untilStatus('a tells that b is silent', ({ alerts }) =>
      alerts.some(({ code, clearedMs }) => code === 'silent-peer' && clearedMs === undefined),
    );
    const alert = alarmed.alerts.find(({ code }) => code === 'silent-peer');
    expect(alert?.message).toMatch(/^fleet-b holds .*events.* and has been silent for/);
    const unproven = await fleet.audit(a);
    expect(unproven.verdict, JSON.stringify(unproven.findings)).toBe('unknown');
    expect(unproven.unproven.join()).toMatch(/fleet-b .* is silent and holds [\d,]+ events/);
    await b.startReady();
    await b.engine.client.call('resume', { by: 'test' });
    await fleet.wholeVerdict(a, b);
    await until('the alert is over', async () => {
      const { alerts } = await a.status();
      return alerts.every(({ code, clearedMs }) => code !== 'silent-peer' || clearedMs !== undefined);
    });
    const proven = await fleet.audit(a);
    expect(proven).toMatchObject({ verdict: 'clean', findings: [], unproven: [] });
    expect(proven.partitions.reduce((sum, { landed }) => sum + landed, 0)).toBe(a.producedEvents);
    await b.engine.stop();
    await fleet.produce(EVENTS);
    await fleet.untilShared(a);
    await fleet.wholeVerdict(a);
  });

  test('one is split from the broker while the other goes on; back again it takes part, and what it held is settled', async () => {
    await using fleet = await TestFleet.create(site.rig, 'fleet-split', 2, { direct: [1] });
    const { a, b } = fleet;
    await a.startReady();
    await b.startReady();
    await fleet.untilShared(a, b);
    await fleet.produce(EVENTS);
    const proxy = site.rig.kafka.proxy;
    // In the middle of its pulls and commits: what it put last it can't get accepted.
    proxy.stall(true);
    await fleet.produce(EVENTS);
    await fleet.untilOwns(b, fleet.a.partitions);
    await fleet.produce(EVENTS);
    await proxy.heal();
    await fleet.untilShared(a, b);
    await fleet.produce(EVENTS);
    await fleet.wholeVerdict(a, b);
    expect(await fleet.audit(b)).toMatchObject({ verdict: 'clean', findings: [], unproven: [] });
  });

  test('a zombie: stopped for longer than its session in the middle of its work, it goes on, and lands nothing twice', async () => {
    await using fleet = await TestFleet.create(site.rig, 'fleet-zombie', 2, DIRECT);
    const { a, b } = fleet;
    await a.startReady();
    await b.startReady();
    await fleet.untilShared(a, b);
    await fleet.produce(EVENTS);
    await a.untilStatus('a has begun', ({ sources: [source] }) => (source?.events ?? 0) > 0);
    a.engine.signal('SIGSTOP');
    await fleet.produce(EVENTS);
    await fleet.untilOwns(b, fleet.a.partitions);
    await fleet.produce(EVENTS);
    a.engine.signal('SIGCONT');
    await fleet.untilShared(a, b);
    await fleet.produce(EVENTS);
    await fleet.wholeVerdict(a, b);
    expect(await fleet.audit(a)).toMatchObject({ verdict: 'clean', findings: [], unproven: [] });
  });

  test('a restored image of one member: it lands nothing and takes nothing, the other one goes on with all', async () => {
    await using fleet = await TestFleet.create(site.rig, 'fleet-image', 2, DIRECT);
    const { a, b } = fleet;
    await a.startReady();
    await b.startReady();
    await fleet.untilShared(a, b);
    await b.engine.client.call('pause', { by: 'test', why: 'a backlog for the image' });
    await fleet.produce(EVENTS);
    await b.untilStatus(
      'b holds its share, accepted',
      ({ channels: [channel], sources: [source] }) =>
        (channel?.events ?? 0) > 0 && channel?.heldEvents === 0 && source?.lag === 0,
    );
    await b.engine.stop();
    const image = `${b.stateDir}.image`;
    await cp(b.stateDir, image, { recursive: true });
    await b.startReady();
    await b.engine.client.call('resume', { by: 'test' });
    // Both take part in what comes, so that the image knows less than the broker does.
    await fleet.untilShared(a, b);
    await fleet.produce(EVENTS);
    await fleet.wholeVerdict(a, b);
    await b.engine.stop();
    await rename(b.stateDir, `${b.stateDir}.newest`);
    await rename(image, b.stateDir);
    await b.startReady();
    await b.engine.client.call('resume', { by: 'test' });
    await b.untilStatus(
      'the image is refused, says so, and holds the partitions that it is given',
      ({ sinks: [sink], sources: [source], alerts }) =>
        sink?.cause?.includes('restored from an older copy') === true &&
        source?.partitions.some(({ state }) => state === 'held') === true &&
        source.partitions.every(({ state }) => state === 'held' || state === 'opening') &&
        alerts.some(({ code, clearedMs }) => code === 'fleet-facts' && clearedMs === undefined),
    );
    // The image holds the partitions that it is given; with it gone all go to the other one.
    await b.engine.kill();
    await fleet.produce(EVENTS);
    await fleet.untilOwns(a, fleet.a.partitions);
    await fleet.wholeVerdict(a);
  });

  test('a clone of one member’s disk lands nothing beside the original', async () => {
    await using fleet = await TestFleet.create(site.rig, 'fleet-clone', 2, DIRECT);
    const { a, b } = fleet;
    await a.startReady();
    await fleet.produce(EVENTS);
    await fleet.wholeVerdict(a);
    await a.engine.client.call('pause', { by: 'test', why: 'a backlog for the clone' });
    await fleet.produce(EVENTS);
    await a.untilStatus(
      'a holds it, accepted',
      ({ channels: [channel], sources: [source] }) =>
        channel?.events === EVENTS && channel.heldEvents === 0 && source?.lag === 0,
    );
    await a.engine.stop();
    await cp(a.stateDir, b.stateDir, { recursive: true });
    await a.startReady();
    await a.engine.client.call('resume', { by: 'test' });
    await fleet.wholeVerdict(a);
    // The clone has the same backlog, under the same identity; its configuration is the other gateway's.
    await b.writeConfig({ gateway: { id: a.name } });
    await b.startReady();
    await b.engine.client.call('resume', { by: 'test' });
    await b.untilStatus('the clone is refused', ({ sinks: [sink] }) =>
      /restored from an older copy|a copy of this state directory/.test(sink?.cause ?? ''),
    );
    await fleet.verdict();
    await b.engine.kill();
    await fleet.produce(EVENTS);
    await fleet.untilOwns(a, fleet.a.partitions);
    await fleet.wholeVerdict(a);
  });

  test('two sites with groups of their own land the same topic each in its own root', async () => {
    await using near = await TestFleet.create(site.rig, 'site-near', 1, DIRECT);
    const far = await TestGateway.create(site.rig, 'site-far', {
      ...{ partitions: near.a.partitions, isTopicMissing: true },
      source: { 'kafka.topics': ['site-near'], 'kafka.bootstrap.servers': [site.rig.kafka.directBootstrap] },
    });
    try {
      await near.a.startReady();
      await far.startReady();
      await near.produce(EVENTS);
      await near.wholeVerdict(near.a);
      for (const [partition, count] of near.a.produced) far.produced.set(partition, count);
      await far.verdict();
    } finally {
      await far[Symbol.asyncDispose]();
    }
  });

  test('a near and a far site that share a group by mistake: the second is refused, aloud, and the first is not disturbed', async () => {
    await using fleet = await TestFleet.create(site.rig, 'shared-group', 2, {
      ...DIRECT,
      own: { 1: { sink: { 'hdfs.path': '/logs/somewhere-else/%Y-%m-%d/%H' } } },
    });
    const { a, b } = fleet;
    await a.startReady();
    await fleet.produce(EVENTS);
    await fleet.wholeVerdict(a);
    await b.startReady();
    const refused = await b.untilStatus('the far site is refused', ({ alerts }) =>
      alerts.some(({ code, clearedMs }) => code === 'held' && clearedMs === undefined),
    );
    expect(refused.alerts.find(({ code }) => code === 'held')?.message).toContain(
      'is used by a gateway that lands in',
    );
    expect(refused.sources[0]?.events).toBe(0);
    await b.engine.stop();
    await fleet.produce(EVENTS);
    await fleet.untilOwns(a, fleet.a.partitions);
    await fleet.wholeVerdict(a);
  });

  test('one that dies right after it took events is told as holding them, though its facts do not', async () => {
    await using fleet = await TestFleet.create(site.rig, 'fleet-untold', 2, {
      ...DIRECT,
      // Its last facts are its first ones.
      own: { 1: { more: { alerts: { silentPeer: '30min' } } } },
    });
    const { a, b } = fleet;
    await a.startReady();
    await b.startReady();
    await fleet.untilShared(a, b);
    await b.engine.client.call('pause', { by: 'test', why: 'a backlog' });
    await fleet.produce(EVENTS);
    await b.untilStatus(
      'b holds its share, accepted',
      ({ channels: [channel], sources: [source] }) =>
        (channel?.events ?? 0) > 0 && channel?.heldEvents === 0 && source?.lag === 0,
    );
    await b.engine.kill();
    const alarmed = await a.untilStatus('a tells that b is silent', ({ alerts }) =>
      alerts.some(({ code, clearedMs }) => code === 'silent-peer' && clearedMs === undefined),
    );
    const alert = alarmed.alerts.find(({ code }) => code === 'silent-peer');
    expect(alert?.message).toMatch(
      /fleet-untold-b holds up to 2,000 events that it took after its last sign of life/,
    );
    const unproven = await fleet.audit(a, 'tenures');
    expect(unproven.verdict).toBe('unknown');
    expect(unproven.unproven.join()).toMatch(/accepted by fleet-untold-b after its last facts/);
  });
});
