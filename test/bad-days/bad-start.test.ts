/**
 * Goal: on a bad day at the start the engine runs and waits, or refuses, and either way says what is wrong and what to do. Method: the
 * whole engine in this process; servers that are not there are closed ports; the state directory is spoilt by hand. What an operator
 * reads is asserted word for word where it matters. (Servers that answer wrongly: test/sinks, test/sources; disks that are really full:
 * test/channel/writer-client.test.ts.)
 */
import {
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { freePorts } from '../rig/free-port.ts';
import { until } from '../rig/until.ts';
import { CHANNEL, FileGateway, SINK, SOURCE } from '../engine/file-gateway.ts';

/** Each step has a limit of its own; a machine that runs other suites beside needs more than the default for the sum. */
vi.setConfig({ testTimeout: 240_000 });

let gateway: FileGateway;
beforeEach(() => void (gateway = new FileGateway()));
afterEach(() => gateway[Symbol.asyncDispose]());

/**
 * Begun before all others, and mended at once: what only an operator can mend is tried again after up to a minute, which they fill. The last
 * test looks at what became of it.
 */
let blocked: FileGateway;
let blockedStatus: EngineStatus;
const NEXT_TRY_LIMIT_MS = 120_000;
beforeAll(async () => {
  blocked = new FileGateway();
  writeFileSync(blocked.output, 'in the way');
  blocked.write(50);
  await blocked.start();
  blockedStatus = await blocked.statusIs('it waits', ({ sinks }) => sinks[0]?.cause !== undefined);
  rmSync(blocked.output);
});
afterAll(() => blocked[Symbol.asyncDispose]());

const containing = (text: string) => expect.stringContaining(text) as string;
const aNumber = expect.any(Number) as number;

test('brokers and NameNodes that can’t be reached: the engine runs, waits, and says cause, hint and next try of each', async () => {
  const [kafkaPort = 0, hdfsPort = 0] = await freePorts(2);
  const disk = { type: 'file', capacityBytes: '64MiB', minFreeDiskBytes: 0 };
  gateway.configure({
    more: {
      sources: {
        [SOURCE]: { type: 'files', directory: gateway.input, pollInterval: '20ms', channels: ['far'] },
        weblogs: {
          type: 'kafka',
          'kafka.bootstrap.servers': [`127.0.0.1:${kafkaPort}`],
          'kafka.topics': ['www'],
          channels: [CHANNEL],
        },
      },
      channels: { [CHANNEL]: disk, far: disk },
      sinks: {
        [SINK]: { type: 'directory', channel: CHANNEL, path: gateway.output },
        hadoop: {
          type: 'hdfs',
          channel: 'far',
          'hdfs.namenodes': [`http://127.0.0.1:${hdfsPort}`],
          'hdfs.path': '/logs/%{topic}',
          'hdfs.idleTimeout': 1,
        },
      },
      alerts: { linkDown: '1s', landingStuck: '1s' },
    },
  });
  gateway.write(100);
  await gateway.start();
  const status = await gateway.statusIs(
    'both alerts are raised, and both wait for their next try',
    ({ alerts, sources, sinks }) =>
      ['link-down', 'landing-stuck'].every((code) =>
        alerts.some((alert) => alert.code === code && alert.clearedMs === undefined),
      ) &&
      sources.some(({ name, state }) => name === 'weblogs' && state === 'waiting') &&
      sinks.some(
        ({ name, state, nextTryMs }) => name === 'hadoop' && state === 'waiting' && nextTryMs !== undefined,
      ),
  );
  expect(status.state).toBe('running');
  expect(status.sources.find(({ name }) => name === 'weblogs')).toMatchObject({
    state: 'waiting',
    cause: containing(`127.0.0.1:${kafkaPort} does not accept a connection`),
    hint: 'Is the broker running, and is the port open from here?',
    nextTryMs: aNumber,
  });
  expect(status.sinks.find(({ name }) => name === 'hadoop')).toMatchObject({
    state: 'waiting',
    cause: containing(`127.0.0.1:${hdfsPort} does not answer`),
    hint: 'Check that the NameNode runs and its HTTP port is open.',
    nextTryMs: aNumber,
  });
  expect(status.channels.find(({ name }) => name === 'far')).toMatchObject({ state: 'open', events: 100 });
});

describe('a state directory', () => {
  test('of a newer Headgate is refused and left as it is', async () => {
    mkdirSync(gateway.stateDir);
    const identity = JSON.stringify({ stateId: 'x', instanceNonce: 'y', createdAtMs: 1, format: 99 });
    writeFileSync(join(gateway.stateDir, 'identity.json'), identity);
    await expect(gateway.start()).rejects.toMatchObject({
      code: 'state-dir-newer',
      place: gateway.stateDir,
      message: 'The state directory has format 99; this Headgate knows formats up to 1.',
      hint: containing('Install the newer Headgate'),
    });
    expect(readFileSync(join(gateway.stateDir, 'identity.json'), 'utf8')).toBe(identity);
    expect(existsSync(join(gateway.stateDir, 'channel.sqlite'))).toBe(false);
  });

  test('with a database of a newer Headgate is refused the same way, and nothing of the engine is left', async () => {
    await gateway.start();
    await gateway.stop();
    const database = new Database(join(gateway.stateDir, 'channel.sqlite'));
    database.pragma('user_version = 99');
    database.close();
    await expect(gateway.start()).rejects.toMatchObject({
      code: 'state-dir-newer',
      message: containing('99'),
      hint: containing('newer Headgate'),
    });
    await until('no thread is left', () => gateway.threads.length === 0);
  });

  test('with a damaged database page is refused by name, with the way out, and is not thrown away', async () => {
    gateway.write(1_000);
    await gateway.start();
    await gateway.allLanded();
    await gateway.stop();
    const file = join(gateway.stateDir, 'channel.sqlite');
    const descriptor = openSync(file, 'r+');
    writeSync(descriptor, Buffer.alloc(200, 0xa5), 0, 200, 100);
    closeSync(descriptor);
    await expect(gateway.start()).rejects.toMatchObject({
      code: 'database-damaged',
      place: containing('channel.sqlite'),
      hint: containing('Do not delete the state directory: it holds events.'),
    });
    expect(existsSync(file)).toBe(true);
    await until('no thread is left', () => gateway.threads.length === 0);
  });

  test('without its identity beside a channel is refused rather than given a new one', async () => {
    await gateway.start();
    await gateway.stop();
    rmSync(join(gateway.stateDir, 'identity.json'));
    await expect(gateway.start()).rejects.toMatchObject({
      code: 'state-dir-unusable',
      message: containing('identity.json is missing beside a channel'),
    });
  });

  test('that is a file is refused with what to do', async () => {
    writeFileSync(gateway.stateDir, '');
    await expect(gateway.start()).rejects.toMatchObject({
      code: 'state-dir-unusable',
      hint: 'Make the directory writable for the user that runs Headgate, on a local disk.',
    });
  });
});

test('a damaged chunk is set aside, its lines are read again, and everything lands once', async () => {
  gateway.configure({ sink: { paused: true }, source: { batchSize: 100 }, channel: { compression: 'none' } });
  gateway.write(300);
  await gateway.start();
  await gateway.statusIs('all is in the channel', ({ channels }) => channels[0]?.events === 300);
  await gateway.stop();
  const file = join(gateway.stateDir, 'channel.sqlite');
  const bytes = readFileSync(file);
  const at = bytes.indexOf(`www.log 150\n`);
  expect(at).toBeGreaterThan(0);
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.from('X'), 0, 1, at);
  closeSync(descriptor);
  const input = join(gateway.input, 'www.log');
  renameSync(input, `${input}.away`);
  await gateway.start();
  await gateway.client.call('resume', { by: 'test' });
  const status = await gateway.statusIs(
    'it is told',
    ({ alerts }) => alerts.filter(({ clearedMs }) => clearedMs === undefined).length === 2,
  );
  expect(status.alerts.find(({ code, place }) => code === 'damaged' && place === CHANNEL)).toMatchObject({
    level: 'error',
    message: '1 chunks are damaged on disk and set aside; their events are pulled again',
    hint: containing('do not delete the state directory'),
  });
  expect(status.alerts.find(({ code, place }) => code === 'damaged' && place === SINK)).toMatchObject({
    message: containing('its CRC-32C is'),
    clearedMs: aNumber,
  });
  await gateway.statusIs('the cause is told', ({ alerts, channels, sources }) => {
    const open = alerts.find(({ code }) => code === 'claims-open');
    const why = 'the file that the lines were read from is not there';
    const { events, causes } = channels[0]?.claims ?? {};
    expect([events, causes]).toEqual([100, ['damaged-chunk']]);
    return open?.message.endsWith(`lines waits: ${why}`) === true && sources[0]?.repull?.cause === why;
  });
  await until('the others have landed', async () => (await gateway.landed()).length === 200);
  const between = await gateway.verdict('ledger');
  expect(between.audit.notes).toContainEqual(containing('offsets 100-199 (100 offsets) are claimed'));
  renameSync(`${input}.away`, input);
  await until('all have landed', async () => (await gateway.landed()).length === 300);
  const { audit, lines } = await gateway.verdict('ledger');
  expect(lines).toEqual([...gateway.written].sort());
  expect(audit).toMatchObject({ verdict: 'clean', findings: [] });
  await gateway.statusIs('nothing is missing any more', ({ alerts, channels, sources }) => {
    const isOver = alerts.every(
      ({ code, clearedMs }) => !code.startsWith('claims') || clearedMs !== undefined,
    );
    return isOver && channels[0]?.claims === undefined && sources[0]?.repull === undefined;
  });
});

test('a disk with too little room: intake waits and says so, and goes on by itself when there is room', async () => {
  gateway.configure({ channel: { minFreeDiskBytes: '800TiB', capacityBytes: '900TiB' } });
  gateway.write(100);
  await gateway.start();
  const status = await gateway.statusIs('it is told', ({ alerts }) =>
    alerts.some(({ code }) => code === 'disk'),
  );
  expect(status.channels[0]).toMatchObject({
    state: 'low-disk',
    events: 0,
    cause: 'the disk has less free than minFreeDiskBytes; intake waits and Kafka keeps the data',
    hint: containing('intake goes on by itself'),
  });
  gateway.configure();
  await gateway.stop();
  await gateway.start();
  await gateway.allLanded();
});

test('a target where a file stands in the way: the sink waits with cause and next try, and lands when it is gone', async () => {
  const [sink] = blockedStatus.sinks;
  expect(sink).toMatchObject({ cause: containing(blocked.output), nextTryMs: aNumber });
  expect(sink?.hint).toBe('A file stands where a directory is needed: move it away.');
  await blocked.allLanded(NEXT_TRY_LIMIT_MS);
});
