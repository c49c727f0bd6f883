/**
 * Goal: a replay lands exactly its range, marked, in the directory it was given, whatever interrupts it, and leaves no trace in what the
 * gateway promises: ledger, group, audit.
 * Method: real Kafka and HDFS, the engine as a process that is killed at steps of the replay's own landings; the judge reads HDFS.
 */
import { describe, expect, it } from 'vitest';
import type { ReplayRow } from '../../shared/contract/control-replay.ts';
import { headgate } from '../cli/command-line.ts';
import { judge, type Verdict } from '../rig/judge.ts';
import { webHdfsTree } from '../rig/landed-tree.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { nginxHourDirectory, nginxIdOf } from '../rig/nginx-lines.ts';
import { until } from '../rig/until.ts';
import { gatewaySite } from './gateway-site.ts';
import type { TestGateway } from './test-gateway.ts';

const EVENTS = 20_000;
const CASE_LIMIT_MS = 120_000;

describe.skipIf(skipsWithoutJava('replay'))('a replay', () => {
  const site = gatewaySite();

  async function landed(name: string): Promise<TestGateway> {
    const gateway = await site.gateway(name);
    await gateway.startReady();
    await gateway.produce(EVENTS);
    await gateway.untilLanded();
    return gateway;
  }

  function judged(gateway: TestGateway, into: string, isTimed = true): Promise<Verdict> {
    return judge({
      tree: webHdfsTree(site.rig.hdfs.directWebhdfs, into),
      produced: gateway.produced,
      identify: nginxIdOf,
      ...(isTimed ? { expectedDirectory: nginxHourDirectory } : {}),
    });
  }

  const replay = (gateway: TestGateway, ...words: string[]) =>
    headgate('replay', '--state-dir', gateway.stateDir, '--topic', gateway.topic, ...words);

  const whole = (into: string, id: string) => [
    '--from',
    'earliest',
    '--to',
    'latest',
    '--into',
    into,
    '--id',
    id,
  ];

  async function rowOf(gateway: TestGateway, id: string): Promise<ReplayRow | undefined> {
    const { replays } = await gateway.engine.client.call('replayList', {});
    return replays.find((one) => one.id === id);
  }

  async function attributesOf(path: string): Promise<Record<string, string>> {
    const url = `${site.rig.hdfs.directWebhdfs}/webhdfs/v1${path}?op=GETXATTRS&encoding=text&user.name=hdfs`;
    const answer = (await (await fetch(url)).json()) as { XAttrs: { name: string; value: string }[] };
    return Object.fromEntries(answer.XAttrs.map(({ name, value }) => [name, value.replace(/^"|"$/g, '')]));
  }

  it(
    'lands a topic again with the layout of its path, marked, and leaves the books as they were',
    async () => {
      await using gateway = await landed('whole');
      const into = '/replays/whole';
      const before = await gateway.landings();

      const outcome = await replay(gateway, ...whole(into, 'all'), '--keep-layout');
      expect(outcome).toMatchObject({ status: 0 });
      expect(outcome.stdout).toContain('20,000 events');

      const verdict = await judged(gateway, into);
      expect(verdict).toMatchObject({ isClean: true, found: EVENTS });
      const files = await webHdfsTree(site.rig.hdfs.directWebhdfs, into).files();
      const seen = files.filter(({ path }) => !path.startsWith('.headgate/'));
      expect(seen.length).toBeGreaterThan(1);
      expect(seen.every(({ name }) => name.startsWith('replay-all.whole.'))).toBe(true);
      const attributes = await attributesOf(`${into}/${seen[0]?.path ?? ''}`);
      expect(attributes['user.headgate.replay']).toBe('all');
      expect(JSON.parse((attributes['user.headgate.file'] ?? '').replaceAll('\\"', '"'))).toMatchObject({
        replay: 'all',
      });

      expect(await gateway.landings()).toEqual(before);
      await gateway.verdict({ level: 'hdfs' });

      const again = await replay(gateway, ...whole(into, 'all'), '--keep-layout');
      expect(again).toMatchObject({ status: 0 });
      expect(await webHdfsTree(site.rig.hdfs.directWebhdfs, into).files()).toEqual(files);

      const list = await headgate('replay', '--state-dir', gateway.stateDir, '--list', '--json');
      expect(JSON.parse(list.stdout)).toMatchObject({
        replays: [{ id: 'all', state: 'done', into, events: EVENTS, files: seen.length, gone: 0 }],
      });
      const named = await headgate('replay', '--state-dir', gateway.stateDir, '--files', 'all', '--json');
      const { files: named_ } = JSON.parse(named.stdout) as { files: { path: string }[] };
      expect(named_.map(({ path }) => path).sort()).toEqual(seen.map(({ path }) => `${into}/${path}`).sort());
    },
    CASE_LIMIT_MS,
  );

  it(
    'lands a stretch of one partition and not an event more, and names what the broker has no longer',
    async () => {
      await using gateway = await landed('part');
      await site.rig.kafka.deleteRecords(gateway.topic, 1, 120n);
      const outcome = await replay(
        gateway,
        '--partition',
        '1',
        '--from',
        '100',
        '--to',
        '1234',
        '--into',
        '/replays/part',
        '--json',
      );
      const row = JSON.parse(outcome.stdout) as ReplayRow;
      expect(row).toMatchObject({ state: 'done', events: 1_114, gone: 20 });
      expect(row.partitions).toEqual([
        { partition: 1, from: 100, to: 1_234, position: 1_234, gone: [{ from: 100, to: 120 }] },
      ]);
      expect(outcome.status).toBe(1);
      const verdict = await judged(gateway, '/replays/part', false);
      expect(verdict).toMatchObject({ found: 1_114, lines: 1_114, duplicates: { count: 0 } });
      expect(verdict.linesByDirectory).toEqual(new Map([['', 1_114]]));
      await gateway.verdict();
    },
    CASE_LIMIT_MS,
  );

  it(
    'is refused into what the gateway lands into, under an id that means something else, and over another one’s traces',
    async () => {
      await using gateway = await landed('refused');
      const at = (into: string, id: string) => replay(gateway, ...whole(into, id));
      expect(await at(gateway.root, 'x')).toMatchObject({ status: 2 });
      expect(await at(`${gateway.root}/2026-11-21/08`, 'x')).toMatchObject({ status: 2 });
      expect(await at('/replays/refused', 'x')).toMatchObject({ status: 0 });
      expect(await at('/replays/other', 'x')).toMatchObject({ status: 2 });
      expect(
        await replay(gateway, '--from', '0', '--to', '9', '--into', '/replays/q', '--source', 'nobody'),
      ).toMatchObject({ status: 2 });

      await using other = await site.gateway('refused-too');
      await other.startReady();
      await other.produce(10);
      const refused = await headgate(
        'replay',
        '--state-dir',
        other.stateDir,
        '--topic',
        other.topic,
        ...whole('/replays/refused', 'x'),
      );
      expect(refused.status).toBe(1);
      expect(refused.stderr).toContain('traces of another replay');
    },
    CASE_LIMIT_MS,
  );

  it(
    'waits while writing is paused, is cancelled, and goes on where it was',
    async () => {
      await using gateway = await landed('paused');
      const { client } = gateway.engine;
      await client.call('pause', { by: 'test', why: 'maintenance' });
      const request = {
        topic: gateway.topic,
        from: 'earliest',
        to: 'latest',
        into: '/replays/paused',
        keepsLayout: true,
      };
      const { jobId } = await client.call('replayStart', { ...request, id: 'calm', by: 'test' });
      await until('everything was read', async () => {
        const row = await rowOf(gateway, 'calm');
        const isRead =
          row?.partitions.every(({ position, to }) => position === to) === true && row.partitions.length > 0;
        return isRead ? true : undefined;
      });
      expect((await judged(gateway, '/replays/paused')).lines).toBe(0);
      expect((await rowOf(gateway, 'calm'))?.files).toBe(0);
      await client.call('jobCancel', { id: jobId });
      await until('it is cancelled', async () =>
        (await rowOf(gateway, 'calm'))?.state === 'cancelled' ? true : undefined,
      );
      await client.call('resume', { by: 'test' });
      const outcome = await replay(gateway, ...whole('/replays/paused', 'calm'), '--keep-layout');
      expect(outcome).toMatchObject({ status: 0 });
      expect(await judged(gateway, '/replays/paused')).toMatchObject({ isClean: true, found: EVENTS });
    },
    CASE_LIMIT_MS,
  );

  it(
    'goes on after its engine was killed at any step, without an event twice',
    async () => {
      await using gateway = await landed('killed');
      await gateway.engine.stop();
      const into = '/replays/killed';
      const request = {
        topic: gateway.topic,
        from: 'earliest',
        to: 'latest',
        into,
        keepsLayout: true,
        id: 'killed',
        by: 'test',
      };
      for (const point of [
        'put.after-commit:2',
        'land.mid-upload',
        'land.after-create',
        'land.after-rename',
        'land.before-ledger-commit',
      ]) {
        const engine = gateway.start(point);
        await engine.ready();
        await engine.client.call('replayStart', request);
        expect(await engine.ended, point).toMatchObject({ signal: 'SIGKILL' });
      }
      await gateway.startReady();
      expect(await rowOf(gateway, 'killed')).toMatchObject({ state: 'interrupted' });
      const outcome = await replay(gateway, ...whole(into, 'killed'), '--keep-layout');
      expect(outcome).toMatchObject({ status: 0 });
      const verdict = await judged(gateway, into);
      expect(verdict).toMatchObject({ isClean: true, found: EVENTS });
      expect(verdict.hidden.filter((path) => !path.startsWith('.headgate/'))).toEqual([]);
      await gateway.verdict();
    },
    CASE_LIMIT_MS,
  );
});
