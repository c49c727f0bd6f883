/**
 * Goal: a file that is read for the audit is read whole or the reading fails: never a short file that looks like a whole one. Method: a
 * TCP double that plays HttpFS; limits are short.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { buffer } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { createTarget } from '../../main/sinks/create-target.ts';
import type { Target } from '../../main/landing/target.ts';
import { calm, failureOf } from './bytes.ts';
import { exceptionReply, rawServer } from './raw-server.ts';

const INACTIVITY_MS = 200;
const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

async function httpfs(play: Parameters<typeof rawServer>[0]): Promise<Target> {
  const server = await rawServer(play);
  const limits = { inactivityMs: INACTIVITY_MS };
  const target = createTarget({
    type: 'hdfs',
    server: 'httpfs',
    urls: [server.url],
    user: 'u',
    root: '/',
    limits,
  });
  open.push(server, { stop: () => target.close() });
  return target;
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n';

test('a body that ends too early fails', async () => {
  const target = await httpfs((socket) => socket.end(`${HEAD}short`));
  expect(await failureOf(buffer(await target.open('/f', calm)))).toMatchObject({
    code: 'transport',
    retry: 'backoff',
  });
});

test('a body in chunks without its last one fails', async () => {
  const target = await httpfs((socket) =>
    socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n'),
  );
  expect(await failureOf(buffer(await target.open('/f', calm)))).toMatchObject({ code: 'transport' });
});

test('a server that falls silent in mid-body is a time-out', async () => {
  const target = await httpfs((socket) => socket.write(`${HEAD}short`));
  expect(await failureOf(buffer(await target.open('/f', calm)))).toMatchObject({ code: 'timeout' });
});

test('a reader that takes its time does not end the reading', async () => {
  const target = await httpfs((socket) => socket.end(`${HEAD}${'x'.repeat(100)}`));
  const stream = await target.open('/f', calm);
  // The one wait in these tests: it is the reader's pause itself, longer than the server may be silent.
  await wait(INACTIVITY_MS * 2);
  expect((await buffer(stream)).length).toBe(100);
});

test('a refusal in place of the body is told by its exception', async () => {
  const target = await httpfs((socket) =>
    socket.end(exceptionReply('404 x', 'FileNotFoundException', 'File does not exist: /f')),
  );
  expect(await failureOf(target.open('/f', calm))).toMatchObject({ code: 'file-missing' });
});

test('a stream that is closed unread gives its connection back', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const target = await httpfs((socket) => {
    socket.on('close', () => resolve());
    socket.write(HEAD);
  });
  (await target.open('/f', calm)).destroy();
  await promise;
});
