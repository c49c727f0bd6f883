/**
 * Goal: chunks that go bad on disk, and events of memory and spillable channels whose engine dies, cost nothing while Kafka has them: each
 * lands once, in the directory of its own time; what retention has deleted meanwhile is a gap with its reason (exactly-once.md §2, "Claims").
 * Method: real Kafka, HDFS and engine process; bytes of chunk bodies are flipped in a stopped engine's database. The judge reads HDFS, the
 * engine audits itself.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openForReading } from '../../main/channel/channel-database.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { HeadgateProcess } from '../cli/command-line.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { damageChunks, type DamagedChunk } from './damaged-chunks.ts';
import { gatewaySite } from './gateway-site.ts';
import { SINK, type TestGateway } from './test-gateway.ts';

const EVENTS = 6_000;
const CASE_LIMIT_MS = 240_000;
const PAUSED = { sink: { paused: true } };

/** Everything is in the channel and accepted; then the engine stops and some of its chunks go bad. */
async function stoppedWithDamage(gateway: TestGateway, every: number): Promise<DamagedChunk[]> {
  await gateway.startReady();
  await gateway.produce(EVENTS);
  await gateway.untilStatus('all is in the channel and accepted', ({ channels, sources }) => {
    const [source] = sources;
    const isAccepted = source?.partitions.every((one) => one.position === one.acceptedTo) === true;
    return channels[0]?.events === EVENTS && isAccepted;
  });
  await gateway.engine.stop();
  const damaged = damageChunks(gateway.stateDir, every);
  expect(damaged.length).toBeGreaterThan(0);
  return damaged;
}

/** So many events are in the channel, and the broker has accepted them. */
function untilTaken(gateway: TestGateway, events: number): Promise<EngineStatus> {
  return gateway.untilStatus(`${events} events are in the channel and accepted`, ({ channels, sources }) => {
    const isAccepted = sources[0]?.partitions.every((one) => one.position === one.acceptedTo) === true;
    return channels[0]?.events === events && isAccepted;
  });
}

/** Where the events of a stopped or killed engine are, by its database. */
function placesOf({ stateDir }: TestGateway): { readonly inMemory: number; readonly onDisk: number } {
  const db = openForReading(join(stateDir, 'channel.sqlite'));
  try {
    const sum = (where: string): number =>
      Number(db.prepare(`SELECT coalesce(sum(events), 0) FROM chunks WHERE ${where}`).pluck().get());
    return { inMemory: sum('body_id < 0'), onDisk: sum('body_id > 0') };
  } finally {
    db.close();
  }
}

/** The claims are gone, and so many events came back. */
async function untilPulledAgain(gateway: TestGateway, events: number): Promise<void> {
  await gateway.untilStatus(
    `${events} events were pulled again`,
    ({ channels, sources }) => channels[0]?.claims === undefined && sources[0]?.repull?.redeemed === events,
  );
}

/** The first leaf of each of these trees is garbage. */
function damagePages(stateDir: string, trees: readonly string[]): void {
  const file = join(stateDir, 'channel.sqlite');
  const db = openForReading(file);
  const leaf = db
    .prepare<[string], number>("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf'")
    .pluck();
  const pages = trees.map((tree) => leaf.get(tree) ?? 0);
  const pageBytes = Number(db.pragma('page_size', { simple: true }));
  db.close();
  const descriptor = openSync(file, 'r+');
  for (const page of pages) writeSync(descriptor, Buffer.alloc(900, 0xa5), 0, 900, (page - 1) * pageBytes);
  closeSync(descriptor);
}

const eventsOf = (chunks: readonly DamagedChunk[]) => chunks.reduce((sum, { events }) => sum + events, 0);

describe.skipIf(skipsWithoutJava('claims'))('damaged chunks', () => {
  const site = gatewaySite();

  it.concurrent(
    'are pulled again while live events come in, and everything lands once',
    async () => {
      await using gateway = await site.gateway('claims-live', PAUSED);
      await stoppedWithDamage(gateway, 2);
      await gateway.startReady();
      await gateway.engine.client.call('resume', { by: 'test' });
      await gateway.produce(EVENTS);
      await gateway.verdict({ level: 'deep' });
      const status = await gateway.untilStatus(
        'no claim is left',
        ({ channels }) => channels[0]?.claims === undefined,
      );
      expect(status.channels[0]?.damagedChunks).toBe(0);
      const tellings = status.alerts.filter(({ code, place }) => code === 'damaged' && place === SINK);
      expect(tellings.length, 'damage was told').toBeGreaterThan(0);
    },
    CASE_LIMIT_MS,
  );

  it.concurrent(
    'of every partition, and the channel holds nothing else',
    async () => {
      await using gateway = await site.gateway('claims-all', { ...PAUSED, codec: 'gzip' });
      await stoppedWithDamage(gateway, 1);
      await gateway.startReady();
      await gateway.engine.client.call('resume', { by: 'test' });
      await gateway.verdict({ level: 'deep' });
    },
    CASE_LIMIT_MS,
  );

  it.concurrent(
    'whose events retention has deleted are gaps with a reason, and everything else lands',
    async () => {
      await using gateway = await site.gateway('claims-lost', { ...PAUSED, partitions: 1 });
      const damaged = await stoppedWithDamage(gateway, 2);
      const [first, ...others] = damaged;
      if (first === undefined) throw new Error('nothing is damaged');
      // Within the first damaged chunk: a part of it can be pulled again.
      const start = Math.floor((first.first + first.next) / 2);
      await site.rig.kafka.deleteRecords(gateway.topic, 0, BigInt(start));
      await gateway.startReady();
      await gateway.engine.client.call('resume', { by: 'test' });
      const status = await gateway.untilStatus('nothing is claimed any more', ({ alerts, channels }) => {
        const isTold = alerts.some(({ code }) => code === 'claim-lost');
        return isTold && channels[0]?.claims === undefined && channels[0]?.events === 0;
      });
      const told = status.alerts.find(({ code }) => code === 'claim-lost');
      expect(told?.message).toContain(`the broker has deleted them (retention): its log starts at ${start}`);
      const report = await gateway.audit('hdfs');
      expect(report).toMatchObject({ verdict: 'clean', findings: [] });
      const [coverage] = report.coverage;
      const lost = coverage?.gap ?? 0;
      expect(lost).toBeGreaterThan(0);
      expect(lost).toBeLessThanOrEqual(first.events);
      expect(coverage?.landed).toBe(EVENTS - lost);
      expect(others.length, 'and those beyond were pulled again').toBeGreaterThan(0);
      expect(eventsOf(damaged)).toBeGreaterThan(lost);
      const verdict = await gateway.judge();
      expect(verdict).toMatchObject({
        missing: { count: lost },
        duplicates: { count: 0 },
        misplaced: { count: 0 },
      });
    },
    CASE_LIMIT_MS,
  );

  it.concurrent(
    'and pages of the database: the doctor saves what is good, the rest is pulled again, and everything lands once',
    async () => {
      await using gateway = await site.gateway('claims-doctor', PAUSED);
      await stoppedWithDamage(gateway, 3);
      damagePages(gateway.stateDir, ['chunks_by_event_time', 'chunk_bodies']);
      const doctor = (verb: string) =>
        new HeadgateProcess(['channel', verb, '-d', gateway.stateDir, '--json']).ended;
      expect(await doctor('check')).toMatchObject({ status: 1 });
      const repaired = await doctor('repair');
      expect(repaired, repaired.stderr).toMatchObject({ status: 0 });
      expect(JSON.parse(repaired.stdout)).toMatchObject({ isRepaired: true });
      expect(await doctor('check')).toMatchObject({ status: 0 });
      await gateway.startReady();
      await gateway.engine.client.call('resume', { by: 'test' });
      await gateway.produce(EVENTS / 4);
      await gateway.verdict({ level: 'deep' });
    },
    CASE_LIMIT_MS,
  );

  it.concurrent(
    'whose topic was deleted and created again are gaps: nothing of the new log is taken for the old one',
    async () => {
      await using gateway = await site.gateway('claims-topic', { ...PAUSED, partitions: 1 });
      const damaged = await stoppedWithDamage(gateway, 2);
      await site.rig.kafka.deleteTopic(gateway.topic);
      await site.rig.kafka.createTopic(gateway.topic, 1);
      await gateway.startReady();
      await gateway.engine.client.call('resume', { by: 'test' });
      const status = await gateway.untilStatus('they are given up', ({ alerts, channels }) => {
        const isTold = alerts.some(({ code }) => code === 'claim-lost');
        return isTold && channels[0]?.claims === undefined && channels[0]?.events === 0;
      });
      expect(status.alerts.find(({ code }) => code === 'claim-lost')?.message).toContain(
        'the topic was deleted and created again',
      );
      const report = await gateway.audit('hdfs');
      expect(report).toMatchObject({ verdict: 'clean', findings: [] });
      const lost = report.coverage.reduce((sum, one) => sum + one.gap, 0);
      expect(lost).toBe(eventsOf(damaged));
    },
    CASE_LIMIT_MS,
  );

  it.concurrent(
    'of a memory channel: a kill has exactly what was in memory pulled again, a stop in order has nothing',
    async () => {
      await using gateway = await site.gateway('claims-memory', { ...PAUSED, channel: { type: 'memory' } });
      await gateway.startReady();
      await gateway.produce(EVENTS);
      const before = await untilTaken(gateway, EVENTS);
      expect(before.channels[0]).toMatchObject({ type: 'memory', state: 'open' });
      await gateway.untilStatus(
        'its use of memory is told',
        ({ channels: [channel] }) => (channel?.memory?.usedBytes ?? 0) > 0,
      );
      await gateway.engine.kill();
      expect(placesOf(gateway)).toEqual({ inMemory: EVENTS, onDisk: 0 });

      await gateway.startReady();
      await untilPulledAgain(gateway, EVENTS);
      expect((await gateway.audit('ledger')).verdict).toBe('clean');
      await gateway.produce(EVENTS);
      await untilTaken(gateway, 2 * EVENTS);
      await gateway.engine.stop();
      expect(placesOf(gateway), 'what was pulled again was there before').toEqual({
        inMemory: 0,
        onDisk: 2 * EVENTS,
      });

      await gateway.startReady();
      await gateway.engine.client.call('resume', { by: 'test' });
      await gateway.verdict({ level: 'deep' });
      expect((await gateway.status()).sources[0]?.repull).toBeUndefined();
    },
    CASE_LIMIT_MS,
  );

  it.concurrent(
    'of a spillable channel: memory fills while its sink is paused, the rest goes to the disk, and only memory is pulled again',
    async () => {
      await using gateway = await site.gateway('claims-spill', {
        ...PAUSED,
        channel: { type: 'spillable', memoryCapacityBytes: '4MiB', compression: 'none' },
      });
      await gateway.startReady();
      const produced = 6 * EVENTS;
      await gateway.produce(produced);
      const full = await untilTaken(gateway, produced);
      expect(full.channels[0], 'intake went on').toMatchObject({ type: 'spillable', state: 'open' });
      await gateway.engine.kill();
      const { inMemory, onDisk } = placesOf(gateway);
      expect(inMemory).toBeGreaterThan(0);
      expect(onDisk).toBeGreaterThan(0);
      expect(inMemory + onDisk).toBe(produced);

      await gateway.startReady();
      await untilPulledAgain(gateway, inMemory);
      await gateway.engine.client.call('resume', { by: 'test' });
      await gateway.verdict({ level: 'deep' });
    },
    CASE_LIMIT_MS,
  );
});
