/**
 * Goal: the engine starts, flows, pauses, stops and starts again, and nothing is lost or doubled by any of it. Method: the whole
 * engine in this process, from files to a directory, with its real threads, database and socket; the landed files and the deep audit
 * are the judge.
 */
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startEngine } from '../../main/engine/engine.ts';
import { readConfigFile } from '../../main/config/config-file.ts';
import { silentLogger } from '../../main/telemetry/logger.ts';
import { until } from '../rig/until.ts';
import { FileGateway, SINK, SOURCE } from './file-gateway.ts';

/** Each step has a limit of its own; a machine that runs other suites beside needs more than the default for the sum. */
vi.setConfig({ testTimeout: 240_000 });

let gateway: FileGateway;
beforeEach(() => void (gateway = new FileGateway()));
afterEach(() => gateway[Symbol.asyncDispose]());

async function expectEachOnce(): Promise<void> {
  const { lines, audit } = await gateway.verdict();
  expect(lines).toEqual([...gateway.written].sort());
  expect(audit).toMatchObject({ verdict: 'clean', findings: [] });
}

describe('from files to a directory', () => {
  test('each line lands once, over stops and starts, and the audit says so', async () => {
    gateway.write(5_000);
    gateway.write(500, 'app.log');
    await gateway.start();
    await gateway.allLanded();
    gateway.write(1_000);
    await gateway.stop(0);
    await gateway.start();
    gateway.write(1_000, 'app.log');
    await gateway.allLanded();
    await expectEachOnce();
    const status = await gateway.status();
    expect(status).toMatchObject({ state: 'running', gateway: 'gw-1', configProblems: [], configVersion: 1 });
    expect(status.sources).toMatchObject([{ name: SOURCE, fence: 'not-needed' }]);
    expect(status.channels).toMatchObject([{ state: 'open', events: 0, heldEvents: 0 }]);
    expect(status.sinks).toMatchObject([{ name: SINK, heldFiles: 0 }]);
    expect(gateway.log.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  });

  test('a stop in the middle of everything ends every thread, and the next start goes on', async () => {
    gateway.write(20_000);
    await gateway.start();
    await gateway.statusIs('it flows', ({ sources }) => (sources[0]?.events ?? 0) > 0);
    await gateway.stop(0);
    expect(gateway.threads).toEqual([]);
    expect(existsSync(join(gateway.stateDir, 'control.sock'))).toBe(false);
    gateway.write(100);
    await gateway.start();
    await gateway.allLanded();
    await expectEachOnce();
  });

  test('a full channel stops intake, stopping does not wait for it, and intake goes on when there is room', async () => {
    gateway.configure({
      channel: { capacityBytes: '16MiB', compression: 'none' },
      source: { batchSize: 500, maxEventBytes: '1MiB' },
      sink: { paused: true },
    });
    gateway.write(3_000, 'long.log', 'x'.repeat(8_000));
    await gateway.start();
    const full = await gateway.statusIs(
      'the channel is full',
      ({ channels }) => channels[0]?.state === 'full',
    );
    expect(full.channels[0]?.cause).toBe(
      'the channel is at its capacity; intake waits and Kafka keeps the data',
    );
    await gateway.statusIs('the alert is raised', ({ alerts }) =>
      alerts.some(({ code, clearedMs }) => code === 'channel-full' && clearedMs === undefined),
    );
    const startedMs = performance.now();
    await gateway.stop(0);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    await gateway.start();
    await gateway.client.call('resume', { by: 'test' });
    await gateway.allLanded(40_000);
    await expectEachOnce();
  });
});

describe('the write switch', () => {
  test('holds over a restart: nothing lands meanwhile, all lands after', async () => {
    await gateway.start();
    expect(await gateway.client.call('pause', { by: 'joe', why: 'the cluster moves' })).toEqual({
      paused: [SINK],
    });
    gateway.write(2_000);
    await gateway.statusIs('all is in the channel', ({ channels }) => channels[0]?.events === 2_000);
    await gateway.client.call('landNow', {});
    await gateway.stop();
    await gateway.start();
    const status = await gateway.statusIs('it is paused again', ({ sinks }) => sinks[0]?.state === 'paused');
    expect(status.sinks[0]?.paused).toMatchObject({ by: 'joe', why: 'the cluster moves' });
    expect(await gateway.landed()).toEqual([]);
    expect(await gateway.client.call('resume', { by: 'joe' })).toEqual({ resumed: [SINK] });
    await gateway.allLanded();
    await expectEachOnce();
  });

  test('of one sink can’t be lifted while all are paused; a sink that is not there is told', async () => {
    await gateway.start();
    await gateway.client.call('pause', { by: 'joe' });
    await expect(gateway.client.call('resume', { sink: SINK, by: 'joe' })).rejects.toMatchObject({
      code: 'usage',
      message: 'writing is paused for all sinks',
    });
    await expect(gateway.client.call('pause', { sink: 'nowhere', by: 'joe' })).rejects.toMatchObject({
      code: 'usage',
      hint: `the sinks are ${SINK}`,
    });
    await expect(gateway.client.call('landingRelease', { fileId: 'x', by: 'joe' })).rejects.toMatchObject({
      code: 'usage',
      message: 'there is no unfinished file "x"',
    });
  });
});

describe('a start', () => {
  test('on a directory that another engine has is refused, and says who has it', async () => {
    await gateway.start();
    const loaded = await readConfigFile(gateway.configFile);
    await expect(startEngine({ loaded, log: silentLogger })).rejects.toMatchObject({
      code: 'state-dir-locked',
      message: expect.stringContaining(`process ${process.pid}`) as string,
      hint: 'Stop the other engine first, or give this one a state directory of its own.',
    });
    expect((await gateway.status()).state).toBe('running');
  });

  test('that fails leaves nothing behind: no thread, no socket, no lock', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    const { port } = squatter.address() as { port: number };
    gateway.configure({ more: { metrics: { listen: `127.0.0.1:${port}` } } });
    await expect(gateway.start()).rejects.toMatchObject({
      code: 'config-invalid',
      place: `127.0.0.1:${port}`,
      hint: expect.stringContaining('metrics.listen') as string,
    });
    expect(gateway.threads).toEqual([]);
    expect(existsSync(join(gateway.stateDir, 'control.sock'))).toBe(false);
    await new Promise((resolve) => squatter.close(resolve));
    gateway.write(10);
    await gateway.start();
    await gateway.allLanded();
  });
});

describe('when a thread dies', () => {
  test('the writer: the engine ends with the reason, and the next one loses nothing', async () => {
    gateway.write(3_000);
    const engine = await gateway.start();
    await gateway.statusIs('it flows', ({ sources }) => (sources[0]?.events ?? 0) > 0);
    await gateway.threads[0]?.terminate();
    await expect(engine.ended).resolves.toMatchObject({ code: 'aborted', message: /writer has ended/ });
    expect(gateway.logged('the channel writer ended; the engine ends too')).toHaveLength(1);
    await gateway.stop(0);
    expect(gateway.threads).toEqual([]);
    await gateway.start();
    await gateway.allLanded();
    await expectEachOnce();
  });

  test('a landing worker: it is started again with backoff, and said so', async () => {
    await gateway.start();
    await (await gateway.thread(`landing ${SINK}`)).terminate();
    gateway.write(100);
    await gateway.allLanded();
    expect(gateway.logged('a landing worker died and is started again')).toMatchObject([
      {
        level: 'error',
        fields: {
          sink: SINK,
          error: { message: expect.stringContaining('worker ended with status') as string },
        },
      },
    ]);
    expect((await gateway.status()).alerts).toMatchObject([{ code: 'restarted', place: SINK }]);
    await expectEachOnce();
  });

  test('the one that answers questions: the status goes on with old figures, says so, and it is started anew', async () => {
    await gateway.start();
    await (await gateway.thread('queries')).terminate();
    const status = await gateway.statusIs('it says so', ({ alerts }) =>
      alerts.some(({ code }) => code === 'status-old'),
    );
    expect(status.state).toBe('running');
    const again = await gateway.statusIs('it is well again', ({ alerts }) =>
      alerts.every(({ code, clearedMs }) => code !== 'status-old' || clearedMs !== undefined),
    );
    expect(again.state).toBe('running');
    expect(gateway.logged('the thread that answers questions was started anew')).toHaveLength(1);
    await gateway.client.call('pause', { by: 'test' });
    gateway.write(10);
    await gateway.statusIs('they wait', ({ channels }) => channels[0]?.events === 10);
    const { rows } = await gateway.client.call('backlogList', {});
    const exported = await gateway.client.call('backlogExport', { landingKeyId: rows[0]?.id ?? -1 });
    expect(Buffer.from(exported.base64, 'base64').toString()).toContain('www.log 0\n');
    await gateway.client.call('resume', { by: 'test' });
    await gateway.allLanded();
    await expectEachOnce();
  });
});

describe('alerts', () => {
  test('a backlog over its limits is told once, and cleared when it has landed', async () => {
    gateway.configure({ more: { alerts: { backlogBytes: 10, oldestEvent: '0s' } } });
    await gateway.start();
    await gateway.client.call('pause', { by: 'test' });
    gateway.write(1_000);
    const active = (code: string) =>
      gateway.statusIs(`${code} is raised`, ({ alerts }) =>
        alerts.some((alert) => alert.code === code && alert.clearedMs === undefined),
      );
    await active('backlog');
    const { alerts } = await active('oldest-event');
    expect(alerts.find(({ code }) => code === 'backlog')).toMatchObject({
      level: 'warn',
      message: expect.stringMatching(/^the backlog is .*, over /) as string,
      hint: expect.stringContaining('headgate status') as string,
    });
    await gateway.client.call('resume', { by: 'test' });
    await gateway.allLanded();
    const over = await gateway.statusIs('both are over', (status) =>
      status.alerts.every(({ clearedMs }) => clearedMs !== undefined),
    );
    expect(over.alerts.map(({ code }) => code).sort()).toEqual(['backlog', 'oldest-event']);
  });

  test('an input that goes away is a lasting alert with its cause, until it is back', async () => {
    rmdirSync(gateway.input);
    await gateway.start();
    const away = await gateway.statusIs('it waits', ({ sources }) => sources[0]?.state === 'waiting');
    expect(away.sources[0]).toMatchObject({
      cause: expect.stringContaining('ENOENT') as string,
      hint: 'Check that the directory is there and its files may be read.',
      nextTryMs: expect.any(Number) as number,
    });
    await gateway.statusIs('the alert is raised', ({ alerts }) =>
      alerts.some(({ code, clearedMs }) => code === 'link-down' && clearedMs === undefined),
    );
    mkdirSync(gateway.input);
    gateway.write(10);
    await until('it has landed', async () => (await gateway.landed()).length === 10);
    const { alerts } = await gateway.status();
    expect(alerts.filter(({ code }) => code === 'link-down')).toMatchObject([
      { clearedMs: expect.any(Number) as number },
    ]);
  });
});
