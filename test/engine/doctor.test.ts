/**
 * Goal: the doctor names what will not work before the first event does, is over in time whatever hangs, and leaves nothing behind. Method: a real Kafka and a real
 * HDFS (an HA pair, two DataNodes, all behind proxies, and an HttpFS); what is found is compared, and the trees before and after.
 */
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readdir, rm, utimes, mkdir } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readConfigText } from '../../main/config/config-file.ts';
import { runDoctor } from '../../main/engine/doctor/doctor-run.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import type { DoctorCheck, DoctorReport } from '../../shared/contract/control-what-if.ts';
import { freePort } from '../rig/free-port.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { produceLines } from '../rig/produce.ts';
import { startRig, type Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';
import { FileGateway, SINK } from './file-gateway.ts';

interface Wish {
  readonly kafka?: Record<string, unknown>;
  readonly sink?: Record<string, unknown>;
  readonly stateDir: string;
}

function configText({ kafka, sink, stateDir }: Wish): string {
  const source = kafka === undefined ? { type: 'files', directory: tmpdir() } : { type: 'kafka', ...kafka };
  return stringify({
    gateway: { id: 'gw-1', stateDir, timeZone: 'UTC' },
    sources: { web: { ...source, channels: ['disk'] } },
    channels: { disk: { type: 'file', capacityBytes: '64MiB', minFreeDiskBytes: 0 } },
    sinks: { out: { channel: 'disk', ...sink } },
  });
}

interface RunChoice {
  readonly paused?: readonly string[];
  readonly limitMs?: number;
  readonly signal?: AbortSignal;
  readonly onCheck?: (checks: readonly DoctorCheck[]) => void;
}

function doctor(wish: Wish, choice: RunChoice = {}): Promise<DoctorReport> {
  const loaded = readConfigText(configText(wish), { path: '/etc/headgate.yaml' });
  const { paused = [], limitMs, signal = new AbortController().signal, onCheck = () => undefined } = choice;
  return runDoctor(
    { loaded, pausedSinks: new Set(paused), limitMs },
    { clock: systemClock, signal, onCheck },
  );
}

const of = ({ checks }: DoctorReport, area: string, place?: string): readonly DoctorCheck[] =>
  checks.filter((check) => check.area === area && (place === undefined || check.place === place));
const statesOf = (report: DoctorReport, area: string): string[] => of(report, area).map(({ state }) => state);

let temp: string;
beforeAll(async () => {
  temp = await mkdtemp(join(tmpdir(), 'headgate-doctor-'));
});
afterAll(() => rm(temp, { recursive: true }));

describe('on a directory', () => {
  test('everything is tried, and not even the directories that had to be made stay', async () => {
    const stateDir = join(temp, 'none', 'state');
    const report = await doctor({ stateDir, sink: { type: 'directory', path: join(temp, 'a', 'b', '%Y') } });
    expect(report).toMatchObject({ isReady: true });
    expect(of(report, 'probe')[0]).toMatchObject({ state: 'ok', place: join(temp, 'a', 'b') });
    // How quick the disk is and whether it is memory is the machine's affair.
    expect(of(report, 'disk').length).toBe(4);
    expect(statesOf(report, 'disk')).not.toContain('failed');
    expect(await readdir(temp)).toEqual([]);
  });

  test('a probe that was left behind an hour ago goes, a young one of another doctor stays', async () => {
    const root = join(temp, 'left');
    const [old, young] = [join(root, '.headgate-doctor-aa'), join(root, '.headgate-doctor-bb')];
    for (const path of [old, young]) await mkdir(path, { recursive: true });
    await utimes(old, 1, 1);
    await doctor({ stateDir: join(temp, 'none'), sink: { type: 'directory', path: `${root}/%Y` } });
    expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
  });

  test('a paused sink gets no probe, and a root that is a file is told', async () => {
    const sink = { type: 'directory', path: join(temp, 'left', '%Y') };
    const paused = await doctor({ stateDir: join(temp, 'none'), sink }, { paused: ['out'] });
    expect(of(paused, 'probe')).toMatchObject([{ state: 'skipped' }]);
    const wrong = await doctor({ stateDir: '/proc/version', sink: { ...sink, path: '/proc/version/%Y' } });
    expect(wrong.isReady).toBe(false);
    expect(of(wrong, 'probe')).toMatchObject([{ state: 'failed' }]);
    expect(of(wrong, 'disk').some(({ state }) => state === 'failed')).toBe(true);
  });

  test('a running engine does it as a job, of its own configuration or of a text that is not usable', async () => {
    await using gateway = new FileGateway();
    await gateway.start();
    const result = async (text?: string): Promise<DoctorReport> => {
      const input = { by: 'test', ...(text === undefined ? {} : { text }) };
      const { jobId } = await gateway.client.call('doctorStart', input);
      await until('the doctor is done', async () => {
        const { jobs } = await gateway.client.call('jobs', {});
        return jobs.find(({ id }) => id === jobId)?.state === 'done';
      });
      return gateway.client.call('doctorResult', { jobId });
    };
    const own = await result();
    expect(own.isReady).toBe(true);
    await gateway.client.call('pause', { sink: SINK, by: 'test' });
    await gateway.statusIs('paused', ({ sinks }) => sinks[0]?.paused !== undefined);
    expect(statesOf(await result(), 'probe')).toEqual(['skipped']);
    const broken = await result('gateway: [');
    expect(broken).toMatchObject({ isReady: false, checks: [{ area: 'config', state: 'failed' }] });
  });
});

describe.skipIf(skipsWithoutJava('the doctor'))('on Kafka and HDFS', () => {
  let rig: Rig;
  let stateDir: string;
  let hole: Server;

  beforeAll(async () => {
    rig = await startRig({ hdfs: { isHa: true, datanodes: 2, isProxied: true, hasHttpfs: true } });
    stateDir = join(temp, 'state');
    await rig.kafka.createTopic('www', 2);
    await produceLines({
      bootstrap: rig.kafka.bootstrap,
      topic: 'www',
      lines: [{ value: 'a' }],
      partitions: 2,
    });
    hole = createServer(() => undefined);
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    hole.close();
    await rig.stop();
  });
  afterEach(async () => {
    for (const node of [...rig.hdfs.namenodes, ...rig.hdfs.datanodes]) await node.proxy.heal();
  });

  const kafka = (more: object = {}): Record<string, unknown> => ({
    'kafka.bootstrap.servers': [rig.kafka.bootstrap],
    'kafka.topics': ['www'],
    ...more,
  });
  const hdfs = (root: string, more: object = {}): Record<string, unknown> => ({
    type: 'hdfs',
    'hdfs.path': `${root}/%{topic}/%Y`,
    'hdfs.namenodes': rig.hdfs.webhdfsUrls,
    'hdfs.user': 'gateway',
    ...more,
  });
  async function tree(path: string): Promise<string[]> {
    const url = `${await rig.hdfs.activeWebhdfs()}/webhdfs/v1${path}?op=LISTSTATUS&user.name=hdfs`;
    const answer = (await (await fetch(url)).json()) as {
      FileStatuses?: { FileStatus: { pathSuffix: string; type: string }[] };
    };
    const found: string[] = [];
    for (const { pathSuffix, type } of answer.FileStatuses?.FileStatus ?? []) {
      const child = `${path === '/' ? '' : path}/${pathSuffix}`;
      found.push(child, ...(type === 'DIRECTORY' ? await tree(child) : []));
    }
    return found.sort();
  }

  test('a site in order is ready: every server by name, and nothing is left behind', async () => {
    const before = await tree('/');
    const groups = await rig.kafka.withAdmin((admin) => admin.listGroups());
    const report = await doctor({ stateDir, kafka: kafka(), sink: hdfs('/new/logs') });
    expect(report.checks.filter(({ area, state }) => area !== 'disk' && state !== 'ok')).toEqual([]);
    expect(report.isReady).toBe(true);
    expect(of(report, 'broker').map(({ place }) => place)).toContain(rig.kafka.bootstrap);
    expect(of(report, 'topic', 'www')[0]?.message).toMatch(/2 partitions, readable/);
    expect(
      of(report, 'group')
        .map(({ place }) => place)
        .sort(),
    ).toEqual(['headgate.gw-1', 'headgate.gw-1.members', 'headgate:www:0:headgate.gw-1']);
    const hosts = rig.hdfs.webhdfsUrls.map((url) => new URL(url).host);
    expect(
      of(report, 'namenode')
        .map(({ place }) => place)
        .sort(),
    ).toEqual([...hosts].sort());
    expect(
      of(report, 'namenode')
        .map(({ message }) => message)
        .sort(),
    ).toEqual(['NameNode answers; it is active', 'NameNode on standby']);
    for (const { httpHost, httpPort } of rig.hdfs.datanodes)
      expect(of(report, 'datanode', `${httpHost}:${httpPort}`)).toMatchObject([{ state: 'ok' }]);
    expect(of(report, 'clock')).toMatchObject([{ state: 'ok' }]);
    expect(of(report, 'probe')[0]?.message).toMatch(/written at .*verified, renamed and removed$/);
    expect(await tree('/')).toEqual(before);
    expect(await rig.kafka.withAdmin((admin) => admin.listGroups())).toEqual(groups);
    expect(existsSync(stateDir)).toBe(false);
  });

  test('through HttpFS too, where nothing is asked about DataNodes', async () => {
    const before = await tree('/');
    const sink = { ...hdfs('/via/httpfs'), 'hdfs.httpfs': rig.hdfs.httpfs.url };
    delete (sink as Record<string, unknown>)['hdfs.namenodes'];
    const report = await doctor({ stateDir, kafka: kafka(), sink });
    expect(report.isReady).toBe(true);
    expect(statesOf(report, 'datanode')).toEqual(['skipped']);
    expect(statesOf(report, 'probe')).toEqual(['ok']);
    expect(await tree('/')).toEqual(before);
  });

  test('a root that is not ours, and quotas that are nearly used up, are told', async () => {
    await rig.hdfs.superuserCall('PUT', '/locked', { op: 'MKDIRS', permission: '755' });
    const locked = await doctor({ stateDir, sink: hdfs('/locked') });
    expect(of(locked, 'rights')[0]?.message).toMatch(/belongs to hdfs:.*written as gateway/);
    expect(of(locked, 'probe')).toMatchObject([{ state: 'failed', hint: expect.any(String) as unknown }]);
    await rig.hdfs.superuserCall('PUT', '/tight', { op: 'MKDIRS', permission: '777' });
    await rig.hdfs.superuserCall('PUT', '/tight', { op: 'SETQUOTA', namespacequota: '1' });
    const tight = await doctor({ stateDir, sink: hdfs('/tight') });
    expect(of(tight, 'quota')).toMatchObject([
      { state: 'warning', message: expect.stringMatching(/^\/tight: 0 of 1 names are left/) as unknown },
    ]);
    expect(of(tight, 'probe')).toMatchObject([
      { state: 'failed', message: expect.stringMatching(/quota/i) as unknown },
    ]);
    expect([await tree('/locked'), await tree('/tight')]).toEqual([[], []]);
  });

  test('wrong addresses are told one by one, and the rest is tried all the same', async () => {
    const deadPort = await freePort();
    const urls = [rig.hdfs.webhdfsUrls[0], `http://127.0.0.1:${deadPort}`];
    const report = await doctor({
      stateDir,
      kafka: kafka({ 'kafka.topics': ['www', 'nowhere'], 'kafka.bootstrap.servers': [rig.kafka.bootstrap] }),
      sink: hdfs('/some', { 'hdfs.namenodes': urls }),
    });
    expect(report.isReady).toBe(false);
    expect(of(report, 'namenode', `127.0.0.1:${deadPort}`)).toMatchObject([{ state: 'failed' }]);
    expect(of(report, 'topic', 'nowhere')).toMatchObject([{ state: 'failed' }]);
    expect(of(report, 'topic', 'www')).toMatchObject([{ state: 'ok' }]);
    expect(statesOf(report, 'probe')).toEqual(['ok']);
  });

  test('a DataNode that can’t be reached is named', async () => {
    const [first] = rig.hdfs.datanodes;
    await first?.proxy.refuse(true);
    try {
      const report = await doctor({ stateDir, sink: hdfs('/dn') });
      expect(of(report, 'datanode', `${first?.httpHost}:${first?.httpPort}`)).toMatchObject([
        { state: 'failed', hint: expect.any(String) as unknown },
      ]);
      expect(statesOf(report, 'datanode').filter((state) => state === 'ok').length).toBe(2);
    } finally {
      await first?.proxy.refuse(false);
    }
  });

  test('cancelled in the middle of the upload: nothing is left behind', async () => {
    const before = await tree('/');
    for (const { proxy } of rig.hdfs.datanodes) proxy.stall(true);
    const stop = new AbortController();
    const running = doctor({ stateDir, sink: hdfs('/cancelled/root') }, { signal: stop.signal });
    await until('the probe directory is made', async () =>
      (await tree('/')).some((path) => path.includes('.headgate-doctor-')),
    );
    const ended = expect(running).rejects.toThrow('enough');
    stop.abort(new Error('enough'));
    await ended;
    // What was held back goes on to the DataNode now; when its connection is over, all that could come has come.
    for (const { proxy } of rig.hdfs.datanodes) await proxy.heal();
    await until('the late DataNode is done', () =>
      rig.hdfs.datanodes.every(({ proxy }) => proxy.counts.open === 0),
    );
    expect(await tree('/')).toEqual(before);
  });

  test('it is over in time when everything hangs, and says of each that it does', async () => {
    const { port } = hole.address() as AddressInfo;
    const startedMs = performance.now();
    const report = await doctor(
      {
        stateDir,
        kafka: kafka({ 'kafka.bootstrap.servers': [`127.0.0.1:${port}`] }),
        sink: hdfs('/hang', { 'hdfs.namenodes': [`http://127.0.0.1:${port}`] }),
      },
      { limitMs: 3_000 },
    );
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    expect(report.isReady).toBe(false);
    expect(of(report, 'broker')[0]?.state).not.toBe('ok');
    expect(of(report, 'namenode')[0]?.state).not.toBe('ok');
    expect(statesOf(report, 'probe')).toEqual(['skipped']);
  });
});
