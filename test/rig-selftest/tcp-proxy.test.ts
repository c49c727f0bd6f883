// Goal: each fault of the proxy is the fault it is named after, as a client sees it.
// Method: real sockets: an echo server and an HTTP server behind the proxy. No waiting for a time, except the lower bounds that a delay and a limit promise.
import { once } from 'node:events';
import {
  createServer as createHttpServer,
  request,
  type IncomingMessage,
  type Server as HttpServer,
} from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startProxy, type TcpProxy } from '../rig/tcp-proxy.ts';
import { until } from '../rig/until.ts';

let proxy: TcpProxy;
const opened: Socket[] = [];

function portOf(server: Server | HttpServer): number {
  return (server.address() as AddressInfo).port;
}

interface Client {
  readonly socket: Socket;
  received: string;
  end: 'fin' | 'reset' | 'refused' | undefined;
}

async function open(): Promise<Client> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1' });
  opened.push(socket);
  const client: Client = { socket, received: '', end: undefined };
  socket.on('data', (chunk) => (client.received += chunk.toString()));
  socket.on('end', () => (client.end ??= 'fin'));
  socket.on(
    'error',
    (error: NodeJS.ErrnoException) => (client.end = error.code === 'ECONNREFUSED' ? 'refused' : 'reset'),
  );
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  return client;
}

async function echo(client: Client, text: string): Promise<void> {
  const wanted = client.received.length + text.length;
  client.socket.write(text);
  await until(`echo of ${text.length} bytes`, () => client.received.length >= wanted);
}

afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy();
  await proxy.stop();
});

describe('bytes through the proxy', () => {
  let server: Server;
  const serverSockets = new Set<Socket>();

  beforeEach(async () => {
    server = createServer({ allowHalfOpen: true }, (socket) => {
      serverSockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => serverSockets.delete(socket));
      socket.pipe(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await startProxy({ target: { host: '127.0.0.1', port: portOf(server) } });
  });
  afterEach(() => {
    for (const socket of serverSockets) socket.destroy();
    server.close();
  });

  test('arrive whole and in order, and FIN travels', async () => {
    const client = await open();
    const text = 'abcdefghij'.repeat(200_000);
    await echo(client, text);
    expect(client.received === text).toBe(true);
    client.socket.end();
    await until('FIN comes back', () => client.end === 'fin');
    await until('the connection is forgotten', () => proxy.counts.open === 0);
    expect(proxy.counts).toMatchObject({ accepted: 1, bytesUp: text.length, bytesDown: text.length });
  });

  test('are late by the delay', async () => {
    const client = await open();
    await echo(client, 'warm');
    proxy.delay(150, 'down');
    const startedAt = performance.now();
    await echo(client, 'late');
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(145);
  });

  test('are as slow as the limit', async () => {
    const client = await open();
    proxy.limit(100_000, 'down');
    const startedAt = performance.now();
    await echo(client, 'x'.repeat(40_000));
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(340);
  });

  test('stand still in a stall, push back on the sender, and go on after it', async () => {
    const client = await open();
    proxy.stall(true);
    const total = 12_000_000;
    client.socket.write('x'.repeat(total));
    await until('the sender is held up', () => client.socket.writableLength > 0 && proxy.counts.open === 1);
    expect(client.received).toBe('');
    proxy.stall(false);
    await until('all arrives', () => client.received.length === total);
  });

  test('vanish in a half-open connection, which ends with a reset when the network is back', async () => {
    const old = await open();
    await echo(old, 'before');
    proxy.halfOpen(true);
    const young = await open();
    old.socket.write('lost');
    young.socket.write('lost too');
    for (const socket of serverSockets) socket.destroy();
    await echoThroughFresh();
    expect([old.end, young.end, old.received, young.received]).toEqual([undefined, undefined, 'before', '']);
    proxy.halfOpen(false);
    await until('both are reset', () => old.end === 'reset' && young.end === 'reset');
    await echo(await open(), 'alive again');
  });

  /** Some round trips past the proxy, so that an end would have had time to arrive. */
  async function echoThroughFresh(): Promise<void> {
    const socket = connect({ port: portOf(server), host: '127.0.0.1' });
    opened.push(socket);
    for (let round = 0; round < 20; round++) {
      socket.write('.');
      await once(socket, 'data');
    }
  }

  test('end with FIN after cut, with a reset after reset', async () => {
    const [one, two] = [await open(), await open()];
    await echo(one, 'a');
    await echo(two, 'b');
    expect(proxy.cut()).toBe(2);
    await until('both ended', () => one.end === 'fin' && two.end === 'fin');
    const three = await open();
    await echo(three, 'c');
    expect(proxy.reset()).toBe(1);
    await until('reset', () => three.end === 'reset');
  });

  test('new connections are refused while old ones live, at the same port afterwards', async () => {
    const old = await open();
    await echo(old, 'a');
    await proxy.refuse(true);
    expect((await open()).end).toBe('refused');
    await echo(old, 'still here');
    await proxy.refuse(false);
    await echo(await open(), 'back');
  });
});

describe('requests through the proxy', () => {
  let server: HttpServer;
  /** Requests the server has read to their end, and bodies it has seen a part of. */
  let done: string[];
  let bodyBytes: number;

  beforeEach(async () => {
    done = [];
    bodyBytes = 0;
    server = createHttpServer((incoming, answer) => {
      // What a DataNode does: an interim answer nobody asked for.
      answer.writeContinue();
      incoming.on('error', () => undefined);
      incoming.on('data', (chunk: Buffer) => (bodyBytes += chunk.length));
      incoming.on('end', () => {
        done.push(incoming.url ?? '');
        answer.end('done');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await startProxy({ target: { host: '127.0.0.1', port: portOf(server) } });
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  function call(path: string, body: string | undefined, timeoutMs = 10_000): Promise<string> {
    return new Promise((resolve) => {
      const options = { method: 'PUT', host: '127.0.0.1', port: proxy.port, path, agent: false as const };
      const outgoing = request(options, (answer: IncomingMessage) => {
        answer.resume();
        answer.on('end', () => resolve(String(answer.statusCode)));
        answer.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
      });
      outgoing.setTimeout(timeoutMs, () => {
        resolve('silence');
        outgoing.destroy();
      });
      outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
      outgoing.end(body);
    });
  }

  const isRename = (head: string): boolean => head.includes('op=RENAME');

  test('reset-after-forward: the server has done it, the client gets a reset, once', async () => {
    const fault = proxy.onRequest(isRename, 'reset-after-forward');
    expect(await call('/a?op=MKDIRS', undefined)).toBe('200');
    expect(await call('/a?op=RENAME', undefined)).toBe('ECONNRESET');
    await fault.hit;
    expect(done).toEqual(['/a?op=MKDIRS', '/a?op=RENAME']);
    expect(await call('/a?op=RENAME', undefined)).toBe('200');
    expect(fault.hits).toBe(1);
  });

  test('swallow-reply: the server has done it, the client hears nothing', async () => {
    proxy.onRequest(isRename, 'swallow-reply');
    const outcome = call('/a?op=RENAME', 'body', 300);
    await until('the server is done', () => done.length === 1);
    expect(await outcome).toBe('silence');
  });

  test('reset-before-forward: the server never sees it', async () => {
    proxy.onRequest(isRename, 'reset-before-forward', { times: 2 });
    expect(await call('/a?op=RENAME', undefined)).toBe('ECONNRESET');
    expect(await call('/a?op=RENAME', undefined)).toBe('ECONNRESET');
    expect(done).toEqual([]);
    expect(await call('/a?op=RENAME', undefined)).toBe('200');
  });

  test('cut-after-bytes: the server gets a part of the body and the connection ends', async () => {
    proxy.onRequest((head) => head.startsWith('PUT /big'), 'cut-after-bytes', { bytes: 100_000 });
    const outcome = await call('/big', 'x'.repeat(1_000_000));
    expect(['ECONNRESET', 'EPIPE']).toContain(outcome);
    await until('the part arrived', () => bodyBytes > 99_000);
    expect(bodyBytes).toBeLessThan(100_000);
    expect(done).toEqual([]);
  });
});
