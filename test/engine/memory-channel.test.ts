/**
 * Goal: memory and spillable channels in a whole engine: each line lands once whatever becomes of the process, a small memory never stands in
 * the way of large files, and operators see what is in memory.
 * Method: files in, a directory out, real threads; for the kill a real process.
 */
import { randomBytes } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { EngineProcess } from '../e2e/engine-process.ts';
import { until } from '../rig/until.ts';
import { CHANNEL, FileGateway, SINK, SOURCE } from './file-gateway.ts';

vi.setConfig({ testTimeout: 240_000 });

test('lines of files that were in memory when the process was killed are read again, and land once', async () => {
  const changes = { channel: { type: 'memory', capacityBytes: '8MiB' }, sink: { paused: true } };
  await using gateway = new FileGateway(changes);
  const { configFile, stateDir } = gateway;
  const begin = async (): Promise<EngineProcess> => {
    const engine = new EngineProcess({ configFile, stateDir });
    await engine.ready();
    return engine;
  };
  gateway.write(3_000);
  gateway.write(2_000, 'other.log');
  const doomed = await begin();
  const before = await until('all of it is in memory', async () => {
    const { channels } = await doomed.client.call('status', {});
    const [channel] = channels;
    // How much is in memory is told once a second.
    return channel?.events === 5_000 && channel.memory?.usedBytes !== 0 ? channel : undefined;
  });
  expect(before).toMatchObject({ type: 'memory', state: 'open' });
  await doomed.kill();

  const engine = await begin();
  try {
    await until('they were read again', async () => {
      const { channels, sources } = await engine.client.call('status', {});
      return channels[0]?.claims === undefined && sources[0]?.repull?.redeemed === 5_000;
    });
    await engine.client.call('resume', { by: 'test' });
    await until('they have landed', async () => {
      await engine.client.call('landNow', {});
      return (await gateway.landed()).length >= 5_000;
    });
    expect((await gateway.landed()).sort()).toEqual([...gateway.written].sort());
    const { id } = await engine.client.call('auditStart', { level: 'deep' });
    const audit = await until('the audit is done', async () => {
      const report = await engine.client.call('auditReport', { id });
      return report.state === 'running' ? undefined : report;
    });
    expect(audit).toMatchObject({ verdict: 'clean', findings: [] });
  } finally {
    await engine.kill();
  }
});

test('a source that is taken out leaves nothing in memory alone, for nobody could read it again after a crash', async () => {
  await using gateway = new FileGateway();
  const { input } = gateway;
  const source = (pattern: string) => ({
    ...{ type: 'files', directory: input, pattern, pollInterval: '20ms', channels: [CHANNEL] },
  });
  const configure = (sources: Record<string, object>): void =>
    gateway.configure({
      channel: { type: 'memory', capacityBytes: '8MiB' },
      sink: { paused: true },
      more: { sources },
    });
  configure({ [SOURCE]: source('a*.log'), leaves: source('b*.log') });
  gateway.write(100, 'a.log');
  gateway.write(200, 'b.log');
  await gateway.start();
  const inMemory = async () => (await gateway.status()).channels[0]?.memory?.usedBytes;
  await until('all of it is in memory', async () => {
    const { channels } = await gateway.status();
    return channels[0]?.events === 300 && channels[0].memory?.usedBytes !== 0;
  });
  configure({ [SOURCE]: source('a*.log') });
  await until('the change is taken over', async () => (await gateway.status()).sources.length === 1);
  await until('nothing is in memory', async () => (await inMemory()) === 0);
  await gateway.client.call('resume', { by: 'test' });
  await gateway.allLanded();
  expect((await gateway.landed()).sort()).toEqual([...gateway.written].sort());
});

test('a memory smaller than the files that are wanted: they come out smaller, and intake does not stand still', async () => {
  const never = { rollSize: '1GiB', rollInterval: 0, rollCount: 0, idleTimeout: 0 };
  await using gateway = new FileGateway({
    channel: { type: 'memory', capacityBytes: '4MiB', compression: 'none' },
    sink: never,
  });
  await gateway.start();
  for (let part = 0; part < 10; part++)
    gateway.write(1_000, `part${part}.log`, ` ${randomBytes(500).toString('base64')}`);
  await gateway.statusIs('all of it was taken in', ({ sources }) => sources[0]?.events === 10_000);
  expect(gateway.landedFiles().length, 'some of it landed though no file was full').toBeGreaterThan(0);
  const { channels } = await gateway.status();
  expect(channels[0]?.memory?.usedBytes).toBeLessThanOrEqual(4 * 1024 ** 2);
  await gateway.allLanded();
  expect((await gateway.verdict()).audit).toMatchObject({ verdict: 'clean' });
  expect((await gateway.landed()).sort()).toEqual([...gateway.written].sort());
});

test('a full memory stops the sources that feed it and no others', async () => {
  const files = (pattern: string, channel: string) => ({ type: 'files', pattern, channels: [channel] });
  const sink = (channel: string) => ({ type: 'directory', channel, idleTimeout: '200ms' });
  await using gateway = new FileGateway();
  const { input, output } = gateway;
  gateway.configure({
    more: {
      sources: {
        [SOURCE]: { ...files('small*.log', 'quick'), directory: input, pollInterval: '20ms' },
        others: { ...files('big*.log', CHANNEL), directory: input, pollInterval: '20ms' },
      },
      channels: {
        quick: { type: 'memory', capacityBytes: '4MiB', compression: 'none', minFreeDiskBytes: 0 },
        [CHANNEL]: { type: 'file', capacityBytes: '64MiB', minFreeDiskBytes: 0 },
      },
      sinks: {
        [SINK]: { ...sink('quick'), path: `${output}/quick/%{topic}`, paused: true },
        second: { ...sink(CHANNEL), path: `${output}/disk/%{topic}` },
      },
    },
  });
  await gateway.start();
  for (let part = 0; part < 20; part++)
    gateway.write(1_000, `small${part}.log`, ` ${randomBytes(500).toString('base64')}`);
  const full = await gateway.statusIs(
    'it is full',
    ({ channels }) => channels.find(({ name }) => name === 'quick')?.state === 'full',
  );
  const quick = full.channels.find(({ name }) => name === 'quick');
  expect(quick?.cause).toMatch(/memory is full; intake waits/);
  expect(full.channels.find(({ name }) => name === CHANNEL)?.state).toBe('open');
  gateway.write(500, 'big.log');
  await until('the others go on', async () => (await gateway.landed()).length === 500);
  await gateway.client.call('resume', { by: 'test' });
  await gateway.allLanded();
  expect((await gateway.landed()).sort()).toEqual([...gateway.written].sort());
});

test('operators look into what is in memory as into what is on the disk', async () => {
  await using gateway = new FileGateway({ channel: { type: 'spillable' }, sink: { paused: true } });
  await gateway.start();
  gateway.write(50);
  await gateway.statusIs('all of it is in memory', ({ channels }) => channels[0]?.events === 50);
  const { rows } = await gateway.client.call('backlogList', {});
  const [key] = rows;
  const looked = await gateway.client.call('backlogPeek', { landingKeyId: key?.id ?? 0, limit: 3 });
  expect(looked.events.map(({ body }) => body)).toEqual(['www.log 0', 'www.log 1', 'www.log 2']);
});
