/**
 * Goal: the browser console listens where it should and nowhere else, says where, and gets by with a port that is taken. Method: the real
 * server on real ports, a certificate made for the test.
 */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readConsoleAddress } from '../../main/control/console-address.ts';
import { isGatewayError } from '../../shared/errors.ts';
import { freePort } from '../rig/free-port.ts';
import { until } from '../rig/until.ts';
import { ConsoleSite, cookieOf } from './console-site.ts';
import { rawRequest } from './raw-request.ts';
import { selfSigned, type SelfSigned } from './self-signed.ts';

let site: ConsoleSite;
beforeEach(async () => {
  site = new ConsoleSite();
  await site.start();
});
afterEach(() => site[Symbol.asyncDispose]());

describe('listening', () => {
  test('says where, for `headgate console`, and takes it back at the end', async () => {
    expect(await readConsoleAddress(site.stateDir)).toEqual({
      url: `http://127.0.0.1:${site.port}`,
      pid: process.pid,
    });
    await site.stop();
    expect(await readConsoleAddress(site.stateDir)).toBeUndefined();
  });

  test('on a port that is taken is told once, tried again, and works when the port is free', async () => {
    await site.stop();
    const stranger = createServer();
    const taken = await freePort();
    await new Promise<void>((resolve) => stranger.listen(taken, '127.0.0.1', resolve));
    const faults: (string | undefined)[] = [];
    await site.start({
      listen: { host: '127.0.0.1', port: taken },
      onFault: (fault) => faults.push(fault?.message),
    });
    expect(site.url).toBeUndefined();
    await until('it was tried again', () => faults.length >= 3);
    expect(new Set(faults)).toEqual(new Set(['the port is taken by another program']));
    const errors = site.logged.filter(({ level }) => level === 'error');
    expect(errors).toMatchObject([
      { fields: { error: { hint: expect.stringContaining('console.listen') as string } } },
    ]);
    stranger.close();
    await until('it listens', () => site.url !== undefined);
    expect(faults.at(-1)).toBeUndefined();
    expect((await rawRequest({ port: taken })).status).toBe(200);
  });

  test('can be given up while the port is still taken', async () => {
    await site.stop();
    const stranger = createServer();
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const address = stranger.address();
    site.isHurried = false;
    await site.start({
      listen: { host: '127.0.0.1', port: typeof address === 'object' ? (address?.port ?? 0) : 0 },
    });
    await site.stop();
    stranger.close();
  });
});

describe('under TLS', () => {
  let made: SelfSigned;
  beforeAll(async () => {
    made = await selfSigned({ names: ['gateway.example', '127.0.0.1'] });
  });
  afterAll(() => made.remove());

  async function startTls(): Promise<void> {
    await site.start({ listen: { host: '0.0.0.0', port: 0 }, tls: made });
  }

  test('it serves every address, with a cookie that never leaves TLS, under the names of its certificate only', async () => {
    await startTls();
    expect(site.url).toBe(`https://localhost:${site.port}`);
    const { ca } = made;
    const secured = await rawRequest({
      ...{ port: site.port, ca, method: 'POST', path: '/api/session' },
      body: JSON.stringify({ token: site.token }),
    });
    expect(secured.headers['set-cookie']).toMatch(
      new RegExp(`^__Host-headgate-${site.port}=.*; Path=/; .*SameSite=Strict; Secure$`),
    );
    const cookie = cookieOf(secured);
    const ask = async (host: string) => {
      const headers = { host, origin: `https://${host}`, cookie };
      const asked = { port: site.port, ca, method: 'POST', path: '/api/call/landNow', headers, body: '{}' };
      return (await rawRequest(asked)).status;
    };
    expect(await ask(`gateway.example:${site.port}`)).toBe(200);
    expect(await ask(`127.0.0.1:${site.port}`)).toBe(200);
    expect(await ask(`evil.example:${site.port}`)).toBe(403);
    expect(await ask(`10.0.0.1:${site.port}`)).toBe(403);
  });

  test('clear text gets no answer, and old versions of TLS none either', async () => {
    await startTls();
    expect((await rawRequest({ port: site.port })).status).not.toBe(200);
    await expect(made.handshake(site.port, 'TLSv1.1')).rejects.toThrow();
    expect(await made.handshake(site.port, 'TLSv1.2')).toBe('TLSv1.2');
    expect(await made.handshake(site.port, 'TLSv1.3')).toBe('TLSv1.3');
  });

  test('a certificate that can’t be read is a fault that is told, not an end of the engine', async () => {
    await site.stop();
    const faults: unknown[] = [];
    const tls = { certPath: join(site.folder, 'none.pem'), keyPath: join(site.folder, 'none.key') };
    await site.start({ tls, onFault: (fault) => faults.push(fault) });
    expect(site.url).toBeUndefined();
    expect(faults.every(isGatewayError)).toBe(true);
    expect(faults[0]).toMatchObject({ hint: expect.stringContaining('console.tls') as string });
  });
});
