/**
 * Goal: what is outside the engine sees it truly: metrics on the configured address only, and an end that a service manager takes for
 * a failure. Method: the engine in this process and its HTTP; `headgate run` as a process whose writer's thread is ended from within.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startChannelWriter } from '../../main/channel/writer-client.ts';
import { putOf, settings, tenureStart, TestDirectory } from '../channel/channel-fixture.ts';
import { EngineProcess } from '../e2e/engine-process.ts';
import { freePort } from '../rig/free-port.ts';
import { parsePrometheus } from '../telemetry/prometheus-text.ts';
import { FileGateway, SINK } from './file-gateway.ts';

/** Each step has a limit of its own; a machine that runs other suites beside needs more than the default for the sum. */
vi.setConfig({ testTimeout: 240_000 });

let gateway: FileGateway;
beforeEach(() => void (gateway = new FileGateway()));
afterEach(() => gateway[Symbol.asyncDispose]());

async function read(url: string): Promise<{ type: string; text: string; status: number }> {
  const [response] = (await once(get(url), 'response')) as [IncomingMessage];
  let text = '';
  for await (const part of response) text += String(part);
  return { type: response.headers['content-type'] ?? '', text, status: response.statusCode ?? 0 };
}

describe('metrics', () => {
  test('are Prometheus’ text and Flume’s JSON, on the configured address only', async () => {
    const port = await freePort();
    gateway.configure({ more: { metrics: { listen: `127.0.0.1:${port}` } } });
    gateway.write(500);
    await gateway.start();
    await gateway.allLanded();
    await gateway.statusIs('the status knows it', ({ sinks }) => sinks[0]?.events === 500);
    const { type, text } = await read(`http://127.0.0.1:${port}/metrics`);
    expect(type).toMatch(/^text\/plain/);
    const { samples } = parsePrometheus(text);
    expect(samples.find(({ name }) => name === 'headgate_sink_events_total')).toEqual({
      name: 'headgate_sink_events_total',
      labels: { sink: SINK },
      value: 500,
    });
    const json = await read(`http://127.0.0.1:${port}/metrics.json`);
    expect(json.type).toMatch(/^application\/json/);
    expect(JSON.parse(json.text)).toMatchObject({
      [`SINK.${SINK}`]: { Type: 'SINK', EventDrainSuccessCount: '500' },
      'CHANNEL.disk': { ChannelSize: '0', EventPutSuccessCount: '500', Open: 'true' },
      'SOURCE.lines': { EventAcceptedCount: '500' },
    });
    expect((await read(`http://127.0.0.1:${port}/call/stop`)).status).toBe(404);
    const others = Object.values(networkInterfaces())
      .flat()
      .filter((one) => one !== undefined && !one.internal && one.family === 'IPv4')
      .map((one) => one?.address ?? '');
    for (const address of [...others, '127.0.0.2']) {
      const socket = connect(port, address);
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      expect(`${address} ${error.code}`).toBe(`${address} ECONNREFUSED`);
    }
  });
});

describe('a programmer error in the writer', () => {
  test('ends its thread with the error, after what was answered', async () => {
    using directory = new TestDirectory();
    const client = await startChannelWriter(settings(directory.path), 'gw-1');
    await client.beginTenure(tenureStart('t1', 0));
    // Books that don't balance: offset 1 of [0, 2) is nowhere.
    const wrong = client.put(putOf({ tenure: 't1', first: 0, next: 2, chunks: [{ offsets: [0] }] }));
    await expect(wrong).rejects.toMatchObject({ name: 'AssertionError' });
    await expect(client.ended).resolves.toMatchObject({ name: 'AssertionError' });
    await expect(client.perform('switches')).rejects.toThrow();
    await client.close();
    const again = await startChannelWriter(settings(directory.path), 'gw-1');
    expect(await again.partitionState({ source: 'weblogs', topic: 'www', partition: 0 })).toMatchObject({
      position: 0,
    });
    await again.close();
  });

  test('or its death otherwise ends the process with status 1 and says why', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'headgate-fault-'));
    const fault = join(folder, 'fault.mjs');
    writeFileSync(
      fault,
      `import { isMainThread } from 'node:worker_threads';
       let writer;
       if (isMainThread) {
         process.on('worker', (worker) => (writer ??= worker));
         process.on('SIGUSR2', () => writer.terminate());
       }`,
    );
    const child = new EngineProcess({
      configFile: gateway.configFile,
      stateDir: gateway.stateDir,
      environment: { NODE_OPTIONS: `--import ${fault}` },
    });
    await child.ready();
    child.signal('SIGUSR2');
    expect(await child.end()).toEqual({ code: 1, signal: null });
    expect(child.lines.join('\n')).toMatch(/the channel writer ended; the engine ends too/);
    expect(child.lines.join('\n')).toMatch(/Start the engine again; the log has the reason/);
    rmSync(folder, { recursive: true });
    gateway.write(10);
    await gateway.start();
    await gateway.allLanded();
  });
});
