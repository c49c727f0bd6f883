/**
 * Goal: the control API keeps the contract at both ends, whatever comes in, and no client can harm the engine. Method: the real
 * server and client over a real unix socket; the engine behind it is scripted, for its faults can't be ordered from a real one.
 */
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ControlClient } from '../../main/control/control-client.ts';
import { BODY_BYTES_MAX, STREAM_BACKLOG_BYTES_MAX, STREAMS_MAX } from '../../main/control/control-routes.ts';
import { startControlServer, type ControlServer } from '../../main/control/control-server.ts';
import { controlSocketPath } from '../../main/control/socket-path.ts';
import type { LogFields, Logger } from '../../main/telemetry/logger.ts';
import { silentLogger } from '../../main/telemetry/logger.ts';
import type { StreamEvent } from '../../shared/contract/control.ts';
import { GatewayError } from '../../shared/errors.ts';
import { until } from '../rig/until.ts';
import { statusOf } from '../telemetry/status-fixture.ts';
import { ScriptedApi } from './scripted-api.ts';

let folder: string;
let path: string;
let engine: ScriptedApi;
let server: ControlServer | undefined;
let logged: { message: string; fields: LogFields | undefined }[];
let client: ControlClient;
const log: Logger = { ...silentLogger, error: (message, fields) => void logged.push({ message, fields }) };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headgate-control-'));
  path = controlSocketPath(folder);
  engine = new ScriptedApi();
  logged = [];
  client = new ControlClient(path);
  server = await startControlServer(path, engine.api, log);
});
afterEach(async () => {
  await server?.close();
  rmSync(folder, { recursive: true });
});

/** Type of the first event that a new client of the stream gets. */
async function first(stop: AbortController): Promise<StreamEvent['type'] | undefined> {
  for await (const event of client.events(stop.signal)) return event.type;
  return undefined;
}

interface RawAnswer {
  readonly status: number;
  readonly answer: { readonly error?: Record<string, unknown> };
}

/** A request that our client would never make. */
async function raw(
  url: string,
  body: string | Buffer,
  options: {
    readonly method?: string;
    readonly type?: string;
    /** With these, only the head of the request is sent. */
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<RawAnswer> {
  const { method = 'POST', type = 'application/json' } = options;
  const headers = { 'content-type': type, ...options.headers };
  const call = request({ socketPath: path, path: url, method, headers });
  // The server may hang up on what it refused while the rest is still being sent.
  call.on('error', () => undefined);
  if (options.headers === undefined) call.end(body);
  else call.flushHeaders();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  let text = '';
  for await (const part of response) text += String(part);
  return { status: response.statusCode ?? 0, answer: JSON.parse(text) as RawAnswer['answer'] };
}

describe('the contract', () => {
  test('input and answer cross whole, defaults are filled in at the engine', async () => {
    engine.answers.set('status', () => statusOf());
    engine.answers.set('pause', () => ({ paused: ['beijing'] }));
    expect(await client.call('status', {})).toEqual(statusOf());
    expect(await client.call('pause', { sink: 'beijing', by: 'joe' })).toEqual({ paused: ['beijing'] });
    expect(engine.asked.at(-1)).toEqual({ name: 'pause', input: { sink: 'beijing', by: 'joe', why: '' } });
  });

  test('the engine’s own errors arrive with code, place, hint and retry', async () => {
    engine.answers.set('landNow', () => {
      throw new GatewayError({
        code: 'usage',
        operation: 'do what was asked',
        place: 'sinks',
        message: 'there is no sink "x"',
        retry: 'never',
        hint: 'the sinks are beijing',
      });
    });
    await expect(client.call('landNow', { sink: 'x' })).rejects.toMatchObject({
      code: 'usage',
      place: 'sinks',
      message: 'there is no sink "x"',
      hint: 'the sinks are beijing',
      retry: 'never',
    });
  });

  test('an answer that the contract does not know never reaches a client, and the log says so', async () => {
    engine.answers.set('landNow', () => ({ keys: -1 }));
    await expect(client.call('landNow', {})).rejects.toMatchObject({ code: 'unknown' });
    expect(logged).toMatchObject([{ message: 'a control call failed', fields: { call: '/call/landNow' } }]);
  });

  test('an unexpected fault is logged at the engine and goes out without its stack', async () => {
    const { status, answer } = await raw('/call/landNow', '{}');
    expect(status).toBe(500);
    expect(answer.error).toMatchObject({ code: 'unknown', message: 'landNow is not scripted' });
    expect(JSON.stringify(answer)).not.toMatch(/\.ts:\d+/);
    expect(logged.length).toBe(1);
  });

  test('an engine of another version is told apart from one that is away', async () => {
    engine.answers.set('configShow', () => ({ version: 1, file: '/f', yaml: '' }));
    const { status, answer } = await raw('/call/configTeleport', '{}');
    expect(status).toBe(404);
    expect(answer.error).toMatchObject({ code: 'contract-mismatch', hint: /different versions/ });
    await server?.close();
    server = undefined;
    await expect(client.call('status', {})).rejects.toMatchObject({
      code: 'no-engine',
      message: 'no engine answers there',
      hint: expect.stringContaining('headgate run') as string,
    });
  });
});

describe('bad input', () => {
  test('a body that is no JSON, of another type, or not of the procedure’s shape is refused with the reason', async () => {
    expect(await raw('/call/pause', '{"by":')).toMatchObject({
      status: 400,
      answer: { error: { code: 'usage' } },
    });
    expect(await raw('/call/pause', '{}', { type: 'text/html' })).toMatchObject({
      status: 415,
      answer: { error: { code: 'usage' } },
    });
    expect(await raw('/call/pause', '{"by": 7}')).toMatchObject({
      status: 400,
      answer: { error: { code: 'usage', place: 'by', operation: 'call pause' } },
    });
    expect(await raw('/call/stop', '{"drainLimitMs": 1e12}')).toMatchObject({
      status: 400,
      answer: { error: { place: 'drainLimitMs' } },
    });
    expect(await raw('/call/pause', '{"by":"x","__proto__":{"isAdmin":true}}')).toMatchObject({
      status: 400,
    });
    expect(await raw('/call/status', '', { method: 'GET' })).toMatchObject({ status: 404 });
    expect(engine.asked).toEqual([]);
    expect(logged).toEqual([]);
  });

  test('a body over the limit is refused, and the engine goes on', async () => {
    const headers = { 'content-length': String(BODY_BYTES_MAX + 1) };
    const answer = await raw('/call/pause', '', { headers });
    expect(answer).toMatchObject({ status: 413, answer: { error: { code: 'usage' } } });
    engine.answers.set('landNow', () => ({ keys: 0 }));
    expect(await client.call('landNow', {})).toEqual({ keys: 0 });
  });

  test('bytes that are no HTTP at all end that connection only', async () => {
    const socket = connect(path);
    socket.on('error', () => undefined);
    socket.end(Buffer.from([0, 255, 13, 10, 13, 10]));
    socket.resume();
    await once(socket, 'close');
    engine.answers.set('landNow', () => ({ keys: 2 }));
    expect(await client.call('landNow', {})).toEqual({ keys: 2 });
  });

  test('an answer that is no answer of an engine is a contract mismatch for the client', async () => {
    await server?.close();
    const stranger = createServer((socket: Socket) =>
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello'),
    );
    await new Promise<void>((resolve) => stranger.listen(path, resolve));
    await expect(client.call('status', {})).rejects.toMatchObject({ code: 'contract-mismatch' });
    stranger.close();
    server = undefined;
  });
});

describe('the event stream', () => {
  test('begins with a snapshot and goes on with what changes; a client that goes is forgotten', async () => {
    const stop = new AbortController();
    const seen: StreamEvent['type'][] = [];
    const following = (async () => {
      for await (const event of client.events(stop.signal)) seen.push(event.type);
    })().catch((error: unknown) => error);
    await until('the snapshot', () => seen.length === 1);
    engine.publish({
      type: 'alert',
      alert: { id: 'a:b', code: 'a', level: 'warn', place: 'b', message: 'm', sinceMs: 1, count: 1 },
    });
    await until('the alert', () => seen.length === 2);
    expect(seen).toEqual(['status', 'alert']);
    stop.abort();
    await following;
    await until('the engine forgets it', () => engine.listeners.size === 0);
  });

  test('of an engine that goes ends for the client, without an error that nobody expects', async () => {
    const seen: StreamEvent['type'][] = [];
    const following = (async () => {
      for await (const event of client.events(new AbortController().signal)) seen.push(event.type);
      return 'ended';
    })();
    await until('the snapshot', () => seen.length === 1);
    await server?.close();
    server = undefined;
    await expect(following).resolves.toBe('ended');
  });

  test('a client that does not read is cut off within bounds, and may come back', async () => {
    const call = request({ socketPath: path, path: '/events' });
    call.end();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    response.on('error', () => undefined);
    call.on('error', () => undefined);
    response.pause();
    const message = 'x'.repeat(256 * 1024);
    const line = { id: 1, atMs: 1, level: 'info', message, fields: {} } as const;
    const piece: StreamEvent = { type: 'log', line };
    let sent = 0;
    await until('it is cut off', async () => {
      engine.publish(piece);
      sent += message.length;
      return engine.listeners.size === 0;
    });
    // What the kernel's socket buffers take comes on top.
    expect(sent).toBeLessThan(3 * STREAM_BACKLOG_BYTES_MAX);
    response.destroy();
    const stop = new AbortController();
    expect(await first(stop)).toBe('status');
    stop.abort();
  });

  test('no more clients than the limit follow it; the others are told why', async () => {
    const stop = new AbortController();
    const streams = Array.from({ length: STREAMS_MAX }, () => client.events(stop.signal));
    for (const stream of streams) await stream.next();
    await expect(client.events(stop.signal).next()).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(`${STREAMS_MAX} clients`) as string,
    });
    stop.abort();
    await until('all are forgotten', () => engine.listeners.size === 0);
    const again = new AbortController();
    expect(await first(again)).toBe('status');
    again.abort();
  });
});

describe('the socket', () => {
  test('is for the engine’s own user and group only, and goes with the server', async () => {
    expect(statSync(path).mode & 0o777).toBe(0o660);
    await server?.close();
    server = undefined;
    expect(existsSync(path)).toBe(false);
  });

  test('that a killed engine left behind is replaced; one that answers is left alone', async () => {
    await expect(startControlServer(path, engine.api)).rejects.toMatchObject({
      code: 'state-dir-locked',
      hint: expect.stringContaining('stop the other engine') as string,
    });
    await server?.close();
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    expect(statSync(path).isSocket()).toBe(true);
    server = await startControlServer(path, engine.api);
    engine.answers.set('landNow', () => ({ keys: 1 }));
    expect(await client.call('landNow', {})).toEqual({ keys: 1 });
  });

  test('never takes the place of somebody’s file', async () => {
    await server?.close();
    server = undefined;
    writeFileSync(path, 'precious');
    await expect(startControlServer(path, engine.api)).rejects.toMatchObject({
      code: 'state-dir-unusable',
      message: expect.stringContaining('no socket stands there') as string,
    });
  });

  test('of a state directory deeper than a socket address lies in the runtime directory, another for each', () => {
    const deep = `/var/${'long-name/'.repeat(15)}`;
    const first = controlSocketPath(`${deep}a`, 'linux');
    expect(Buffer.byteLength(first)).toBeLessThanOrEqual(104);
    expect(controlSocketPath(`${deep}b`, 'linux')).not.toBe(first);
    expect(controlSocketPath('C:\\state', 'win32')).toMatch(/^\\\\\.\\pipe\\headgate-[0-9a-f]{16}$/);
  });
});
