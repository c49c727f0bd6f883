/**
 * Goal: no page of somebody else can use the browser console through a browser that is signed in, nothing but the pages is served, and no
 * client can harm the engine. Method: the real server on a real port, requests written byte for byte as browsers and attackers write them;
 * the engine behind it is scripted.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BODY_BYTES_MAX, STREAMS_MAX } from '../../main/control/control-routes.ts';
import { until } from '../rig/until.ts';
import { ASSET, ConsoleSite, INDEX, OUTSIDE, SCRIPT } from './console-site.ts';
import { openSocket, rawRequest, rawText, type RawAnswer } from './raw-request.ts';

let site: ConsoleSite;
beforeAll(async () => {
  site = new ConsoleSite();
  await site.start();
});
afterEach(async () => {
  site.hangUp();
  await until('nobody follows', () => site.engine.listeners.size === 0);
  site.engine.asked.length = 0;
});
afterAll(() => site[Symbol.asyncDispose]());

describe('another page in the same browser', () => {
  test.each([
    ['another name that points here', 'evil.example'],
    ['another name with our port', 'evil.example:PORT'],
    ['a name that begins like ours', '127.0.0.1.evil.example:PORT'],
    ['a name with a user in it', 'localhost@evil.example:PORT'],
    ['another port', '127.0.0.1:1'],
    ['no port', '127.0.0.1'],
    ['an empty name', ''],
    ['another spelling of loopback', '127.1:PORT'],
  ])('can’t reach it under %s', async (_, host) => {
    const cookie = await site.signedIn();
    const named = host.replace('PORT', String(site.port));
    for (const path of ['/', '/api/info'])
      expect((await rawRequest({ port: site.port, path, headers: { host: named } })).status, path).toBe(403);
    const answer = await site.call(cookie, { host: named, origin: `http://${named}` });
    expect(answer.status).toBe(403);
    expect(site.engine.asked).toEqual([]);
  });

  test.each(['localhost', 'LOCALHOST', '127.0.0.1', '[::1]'])('its own name %s is good', async (name) => {
    const host = `${name}:${site.port}`;
    const answer = await site.call(await site.signedIn(), { host, origin: `http://${host}` });
    expect(answer.status).toBe(200);
  });

  test('a second Host header, or none, is refused', async () => {
    const head = `GET / HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1:${site.port}\r\nHost: evil.example\r\n\r\n`;
    expect((await rawText({ port: site.port, text: head })).status).toBe(403);
    expect(
      (await rawText({ port: site.port, text: 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n' })).status,
    ).toBe(400);
  });

  test.each([
    ['another site', 'http://evil.example'],
    ['another port of this machine', 'http://127.0.0.1:1'],
    ['another of our own names', 'http://localhost:PORT'],
    ['another scheme', 'https://127.0.0.1:PORT'],
    ['a sandboxed page', 'null'],
    ['nothing at all', undefined],
  ])('a foreign Origin is refused, cookie or not: %s', async (_, origin) => {
    const cookie = await site.signedIn();
    const headers = { origin: origin?.replace('PORT', String(site.port)) };
    expect((await site.call(cookie, headers)).status).toBe(403);
    expect((await site.signIn(site.token, headers)).status).toBe(403);
    expect(site.engine.asked).toEqual([]);
    if (origin !== undefined)
      expect(
        (await rawRequest({ port: site.port, path: '/api/events', headers: { cookie, ...headers } })).status,
      ).toBe(403);
  });

  test('a browser that writes no origin must say by Sec-Fetch-Site that the page is ours', async () => {
    const cookie = await site.signedIn();
    for (const origin of ['null', undefined]) {
      const from = (sender: string) => site.call(cookie, { origin, 'sec-fetch-site': sender });
      expect((await from('same-origin')).status).toBe(200);
      for (const sender of ['cross-site', 'same-site', 'none'])
        expect((await from(sender)).status, sender).toBe(403);
    }
  });

  test('Sec-Fetch-Site tells who asks: another site may only lead a person to the page', async () => {
    const cookie = await site.signedIn();
    for (const sender of ['cross-site', 'same-site', 'none'])
      expect((await site.call(cookie, { 'sec-fetch-site': sender })).status, sender).toBe(403);
    expect((await site.call(cookie, { 'sec-fetch-site': 'same-origin' })).status).toBe(200);
    const get = async (path: string, headers: Record<string, string>) =>
      (await rawRequest({ port: site.port, path, headers: { cookie, ...headers } })).status;
    const led = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    };
    expect(await get('/', led)).toBe(200);
    expect(await get('/', { ...led, 'sec-fetch-dest': 'iframe' })).toBe(403);
    expect(await get(ASSET, { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' })).toBe(403);
    expect(await get('/api/events', led)).toBe(403);
    expect(await get('/', { 'sec-fetch-site': 'none' })).toBe(200);
  });

  test('no answer allows another origin anything', async () => {
    const cookie = await site.signedIn();
    const origin = `http://127.0.0.1:${site.port}`;
    const preflight = { origin, 'access-control-request-method': 'POST', cookie };
    const answers = [
      await rawRequest({ port: site.port, method: 'OPTIONS', path: '/api/call/landNow', headers: preflight }),
      await site.call(cookie),
      await rawRequest({ port: site.port, headers: { origin } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([405, 200, 200]);
    for (const { headers } of answers)
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });
});

describe('the pages', () => {
  test('carry a fresh nonce each, which the policy names, and are not kept; the policy lets nothing in from elsewhere', async () => {
    const [first, second] = [await rawRequest({ port: site.port }), await rawRequest({ port: site.port })];
    const nonceOf = ({ body }: RawAnswer): string => /content="([A-Za-z0-9+/=]{24})"/.exec(body)?.[1] ?? '';
    expect(nonceOf(first)).not.toBe('');
    expect(nonceOf(first)).not.toBe(nonceOf(second));
    expect(first.headers['content-security-policy']).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonceOf(first)}'; img-src 'self' data: blob:; ` +
        `font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    expect(first.headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'permissions-policy': expect.stringContaining('camera=()') as string,
    });
  });

  test('assets with a hash in the name are kept for ever, and go out as small as they were built', async () => {
    const plain = await rawRequest({ port: site.port, path: ASSET });
    expect(plain).toMatchObject({ status: 200, body: SCRIPT });
    expect(plain.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'accept-encoding',
    });
    const small = await rawRequest({
      port: site.port,
      path: ASSET,
      headers: { 'accept-encoding': 'gzip, br;q=1' },
    });
    expect(small).toMatchObject({ body: 'brotli', headers: { 'content-encoding': 'br' } });
    expect((await rawRequest({ port: site.port, path: `${ASSET}.br` })).status).toBe(404);
  });

  test('a build that comes later is found without a restart; before it a page says how to make it', async () => {
    rmSync(join(site.pagesFolder, 'index.html'));
    const missing = await rawRequest({ port: site.port });
    expect(missing.status).toBe(503);
    expect(missing.body).toContain('npm run build:renderer');
    expect(missing.headers['content-security-policy']).toContain("default-src 'none'");
    writeFileSync(join(site.pagesFolder, 'assets', 'later-Abc12345.css'), 'p{}');
    writeFileSync(join(site.pagesFolder, 'index.html'), INDEX);
    expect((await rawRequest({ port: site.port })).status).toBe(200);
    expect((await rawRequest({ port: site.port, path: '/assets/later-Abc12345.css' })).status).toBe(200);
  });

  test.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/%252e%252e%252fsecret.txt',
    '/assets/..%5c..%5csecret.txt',
    '/assets/../../secret.txt',
    '//secret.txt',
    '/assets//main-Abc12345.js',
    '/assets/./main-Abc12345.js',
    '/index.html%00.js',
    '/\0',
    '/link.txt',
    '/up/secret.txt',
    '/up/state/console.token',
    '/.env',
    '/index.html',
    '/assets',
    '/assets/',
    'http://evil.example/',
    'http://127.0.0.1/',
    '*',
    'secret.txt',
    '/api/call/../events',
    '/api/call/constructor',
    '/api/call/__proto__',
    '/api/call/',
    '/api/call/landNow/',
    '/API/info',
    '/api/nowhere',
    `/${'a'.repeat(5_000)}`,
    '/%',
    '/%ff%fe',
    '/ä',
  ])('nothing is behind the path %j', async (path) => {
    const headers = { cookie: await site.signedIn() };
    for (const method of ['GET', 'POST']) {
      const answer = await rawRequest({
        port: site.port,
        method,
        path,
        headers,
        body: '',
      });
      expect([400, 404, 405], `${method} ${answer.status} ${answer.body}`).toContain(answer.status);
      expect(answer.body).not.toContain(OUTSIDE);
    }
  });

  test('paths are asked as they are meant to be: another method is told which', async () => {
    const cookie = await site.signedIn();
    const ask = async (method: string, path: string) => {
      const { status, headers } = await rawRequest({ port: site.port, method, path, headers: { cookie } });
      return [status, headers['allow']];
    };
    expect(await ask('GET', '/api/call/landNow')).toEqual([405, 'POST']);
    expect(await ask('PUT', '/api/call/landNow')).toEqual([405, 'POST']);
    expect(await ask('POST', '/api/events')).toEqual([405, 'GET']);
    expect(await ask('GET', '/api/session')).toEqual([405, 'POST, DELETE']);
    expect(await ask('DELETE', '/')).toEqual([405, 'GET, HEAD']);
    expect(await ask('GET', '/?site.token=x')).toEqual([200, undefined]);
    expect(site.engine.asked).toEqual([]);
  });
});

describe('a client that wants too much', () => {
  test('a body over the limit is refused before it is read, also one that does not say how long it is', async () => {
    const cookie = await site.signedIn();
    const headers = {
      cookie,
      'content-type': 'application/json',
      'content-length': String(BODY_BYTES_MAX + 1),
    };
    const told = await rawRequest({ port: site.port, method: 'POST', path: '/api/call/landNow', headers });
    expect(told.status).toBe(413);
    const head = `POST /api/call/landNow HTTP/1.1\r\nHost: 127.0.0.1:${site.port}\r\nOrigin: http://127.0.0.1:${site.port}\r\nCookie: ${cookie}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
    const piece = 'x'.repeat(256 * 1024);
    const chunk = `${piece.length.toString(16)}\r\n${piece}\r\n`;
    expect((await rawText({ port: site.port, text: head + chunk.repeat(5) })).status).toBe(413);
    const unsigned = await rawRequest({
      port: site.port,
      method: 'POST',
      path: '/api/session',
      body: JSON.stringify({ token: 'x'.repeat(5_000) }),
    });
    expect(unsigned.status).toBe(413);
    expect(site.engine.asked).toEqual([]);
    expect((await site.call(cookie)).status).toBe(200);
  });

  test('a flood of headers ends that connection only', async () => {
    const flood = Array.from({ length: 2_000 }, (_, index) => `x-${index}: ${'y'.repeat(100)}`).join('\r\n');
    const head = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${site.port}\r\n${flood}\r\n\r\n`;
    expect([0, 400, 431]).toContain((await rawText({ port: site.port, text: head })).status);
    expect((await rawRequest({ port: site.port })).status).toBe(200);
  });

  test('a request that never ends is cut off, in its head and in its body', async () => {
    await site.start({ limits: { headersMs: 200, requestMs: 400, idleMs: 60_000 } });
    try {
      const cookie = await site.signedIn();
      const slow = [
        `GET / HTTP/1.1\r\nHost: 127.0.0.1:${site.port}\r\n`,
        `POST /api/call/landNow HTTP/1.1\r\nHost: 127.0.0.1:${site.port}\r\nOrigin: http://127.0.0.1:${site.port}\r\nCookie: ${cookie}\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{`,
      ].map((text) => site.send(text));
      await until('both are cut off', () => slow.every(({ isClosed }) => isClosed));
      for (const { received } of slow) expect(received).toMatch(/^HTTP\/1.1 408/);
      // A stream is no slow request, however long it lasts.
      site.follow(cookie);
      await until('the stream is open', () => site.engine.listeners.size === 1);
    } finally {
      await site.start();
    }
  });

  test('more streams than the limit are refused, and room comes back', async () => {
    const cookie = await site.signedIn();
    for (let count = 0; count < STREAMS_MAX; count++) site.follow(cookie);
    await until('all follow', () => site.engine.listeners.size === STREAMS_MAX);
    const more = await rawRequest({ port: site.port, path: '/api/events', headers: { cookie } });
    expect(more.status).toBe(503);
    site.hangUp();
    await until('all are forgotten', () => site.engine.listeners.size === 0);
    site.follow(cookie);
    await until('one follows again', () => site.engine.listeners.size === 1);
  });

  test('who does not read the stream is cut off', async () => {
    const socket = openSocket({ port: site.port });
    site.openSockets.add(socket);
    socket.on('error', () => undefined);
    socket.write(
      `GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:${site.port}\r\nCookie: ${await site.signedIn()}\r\n\r\n`,
    );
    await until('it follows', () => site.engine.listeners.size === 1);
    const message = 'x'.repeat(256 * 1024);
    const line = { id: 1, atMs: 1, level: 'info', message, fields: {} } as const;
    await until('it is cut off', () => {
      site.engine.publish({ type: 'log', line });
      return site.engine.listeners.size === 0;
    });
  });

  test('bytes that are no HTTP, an upgrade and a tunnel change nothing', async () => {
    await rawText({ port: site.port, text: Buffer.from([0x16, 3, 1, 0, 255, 13, 10, 13, 10]) });
    const upgrade = { connection: 'upgrade, close', upgrade: 'websocket' };
    expect((await rawRequest({ port: site.port, path: '/api/events', headers: upgrade })).status).toBe(401);
    const tunnel = `CONNECT 127.0.0.1:${site.port} HTTP/1.1\r\nHost: 127.0.0.1:${site.port}\r\n\r\n`;
    expect((await rawText({ port: site.port, text: tunnel })).status).not.toBe(200);
    expect((await rawRequest({ port: site.port })).status).toBe(200);
  });
});
