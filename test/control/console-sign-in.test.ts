/**
 * Goal: nobody but who has the token gets anything from the browser console, sessions end when they should, and nobody can lock its owner
 * out. Method: the real server on a real port, requests written byte for byte; the engine behind it is scripted. Time is moved by the test.
 */
import { chmodSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SESSION_MS, WRONG_TOKENS_WAITING_MAX } from '../../main/control/console-session.ts';
import { consoleTokenPath, readConsoleToken, renewConsoleToken } from '../../main/control/console-token.ts';
import { until } from '../rig/until.ts';
import { ConsoleSite, cookieOf } from './console-site.ts';
import { rawRequest, type RawAnswer } from './raw-request.ts';

let site: ConsoleSite;
beforeEach(async () => {
  site = new ConsoleSite();
  await site.start();
});
afterEach(() => site[Symbol.asyncDispose]());

describe('the token', () => {
  test('is 256 random bits in a file for the site.engine’s user alone, and the same after a restart', async () => {
    expect(Buffer.from(site.token, 'base64url').length).toBe(32);
    expect(statSync(consoleTokenPath(site.stateDir)).mode & 0o777).toBe(0o600);
    await site.start();
    expect(readConsoleToken(site.stateDir)).toBe(site.token);
  });

  test('that others could have read, that is damaged or a link, is made anew', async () => {
    const path = consoleTokenPath(site.stateDir);
    chmodSync(path, 0o644);
    expect((await site.signIn(site.token)).status).toBe(401);
    const second = readConsoleToken(site.stateDir) ?? '';
    expect(second).not.toBe(site.token);
    writeFileSync(path, 'guess me\n', { mode: 0o600 });
    expect((await site.signIn('guess me')).status).toBe(401);
    const third = readConsoleToken(site.stateDir) ?? '';
    expect(third).not.toBe(second);
    writeFileSync(join(site.folder, 'theirs'), `${second}\n`, { mode: 0o600 });
    rmSync(path);
    symlinkSync(join(site.folder, 'theirs'), path);
    expect((await site.signIn(second)).status).toBe(401);
    expect((await site.signIn(readConsoleToken(site.stateDir) ?? '')).status).toBe(200);
  });

  test('is never in the log nor in any answer', async () => {
    const answers = [
      await site.signIn(site.token),
      await site.signIn(`${site.token}x`),
      await site.call(await site.signedIn()),
    ];
    expect(JSON.stringify([site.logged, answers])).not.toContain(site.token);
  });
});

describe('without a session', () => {
  test('calls and the stream answer 401 not-signed-in; the pages and the contract’s number are for everybody', async () => {
    for (const answer of [
      await site.call(undefined),
      await rawRequest({ port: site.port, path: '/api/events' }),
    ]) {
      expect(answer.status).toBe(401);
      expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'not-signed-in' } });
    }
    expect(site.engine.asked).toEqual([]);
    expect(site.engine.listeners.size).toBe(0);
    expect((await rawRequest({ port: site.port })).status).toBe(200);
    const info = await rawRequest({ port: site.port, path: '/api/info' });
    expect(JSON.parse(info.body)).toEqual({ contract: expect.any(Number) as number });
  });

  test.each([
    ['no token', '{}'],
    ['a site.token of another kind', '{"site.token":7}'],
    ['a site.token that is too long', JSON.stringify({ token: 'x'.repeat(300) })],
    ['more than a token', '{"site.token":"x","admin":true}'],
  ])('%s is refused as a bad request', async (_, body) => {
    const answer = await rawRequest({ port: site.port, method: 'POST', path: '/api/session', body });
    expect(answer.status).toBe(400);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  test.each(['', ' ', 'a', 'x'.repeat(43)])('a wrong site.token %j is refused', async (wrong) => {
    const answer = await site.signIn(wrong);
    expect(answer.status).toBe(401);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  test('many wrong tokens wait, no more than the limit, the others are put off; the right one is let in at once all the same', async () => {
    site.isHurried = false;
    const wrong = Array.from({ length: 60 }, (_, index) => site.signIn(`wrong ${index}`));
    const putOff: RawAnswer[] = [];
    for (const one of wrong) void one.then((answer) => putOff.push(answer));
    await until('the surplus has been put off', () => putOff.length >= 60 - WRONG_TOKENS_WAITING_MAX);
    const beganMs = performance.now();
    expect((await site.signIn(site.token)).status).toBe(200);
    expect(performance.now() - beganMs).toBeLessThan(900);
    const statuses = (await Promise.all(wrong)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 401).length).toBeGreaterThanOrEqual(
      WRONG_TOKENS_WAITING_MAX,
    );
    expect(statuses.every((status) => status === 401 || status === 429)).toBe(true);
    expect(statuses).toContain(429);
    // One line for all of them: a log can be filled as well.
    expect(site.logged.filter(({ level }) => level === 'warn').length).toBe(1);
  });
});

describe('a session', () => {
  test('is a cookie that no script can read and no other site can send, and lets calls and the stream through', async () => {
    const answer = await site.signIn(site.token);
    expect(answer.headers['set-cookie']).toMatch(
      new RegExp(`^headgate-${site.port}=[\\w.-]+; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict$`),
    );
    const cookie = cookieOf(answer);
    const called = await site.call(`other=1; ${cookie}; more=2`);
    expect(called).toMatchObject({ status: 200, body: '{"keys":7}' });
    const stream = site.follow(cookie);
    await until('the snapshot has come', () => stream.received.includes('"type":"status"'));
    expect(stream.received).toMatch(/cache-control: no-store/i);
    expect(stream.received).toMatch(/content-security-policy: default-src 'none'/i);
  });

  test('survives a restart of the engine', async () => {
    const cookie = await site.signedIn();
    await site.start({ listen: { host: '127.0.0.1', port: site.port } });
    expect((await site.call(cookie)).status).toBe(200);
  });

  test('that was tampered with is none', async () => {
    const cookie = await site.signedIn();
    const [name = '', value = ''] = cookie.split('=');
    const [ends = '', id = '', mac = ''] = value.split('.');
    const later = (Number.parseInt(ends, 36) + 1000).toString(36);
    const flipped = `${mac[0] === 'A' ? 'B' : 'A'}${mac.slice(1)}`;
    const other = `${id[0] === 'A' ? 'B' : 'A'}${id.slice(1)}`;
    for (const bad of [
      `${later}.${id}.${mac}`,
      `0${ends}.${id}.${mac}`,
      `${ends}.${other}.${mac}`,
      `${ends}.${id}.${flipped}`,
      `${ends}.${id}.`,
      `${ends}.${id}`,
      `${ends}.${id}.${mac}x`,
      mac,
      '',
    ])
      expect((await site.call(`${name}=${bad}`)).status, bad).toBe(401);
    expect((await site.call(`${name}x=${value}`)).status).toBe(401);
    expect((await site.call(`${name}=x; ${name}=${value}`)).status).toBe(200);
  });

  test('ends by itself 12 hours after its last call: calls answer 401, and its stream ends', async () => {
    const cookie = await site.signedIn();
    const stream = site.follow(cookie);
    await until('it follows', () => site.engine.listeners.size === 1);
    site.aheadMs = SESSION_MS - 60_000;
    expect((await site.call(cookie)).status).toBe(200);
    site.aheadMs = SESSION_MS + 60_000;
    expect((await site.call(cookie)).status).toBe(401);
    // The call before the end gave the stream new time, as it did the cookie.
    expect(site.engine.listeners.size).toBe(1);
    site.aheadMs = 2 * SESSION_MS;
    await until(
      'the stream ended',
      () => site.engine.listeners.size === 0 && stream.received.endsWith('0\r\n\r\n'),
    );
  });

  test('slides on: a call late in its time answers with a fresh cookie, an early one with none', async () => {
    const cookie = await site.signedIn();
    expect((await site.call(cookie)).headers['set-cookie']).toBeUndefined();
    site.aheadMs = SESSION_MS - 60_000;
    const fresh = cookieOf(await site.call(cookie));
    site.aheadMs = SESSION_MS + 60_000;
    expect((await site.call(fresh)).status).toBe(200);
    expect((await site.call(cookie)).status).toBe(401);
  });

  test('does not become longer by a clock that is set back', async () => {
    site.aheadMs = 30 * 24 * 3_600_000;
    const cookie = await site.signedIn();
    site.aheadMs = 0;
    expect((await site.call(cookie)).status).toBe(401);
  });

  test('ends with the token: a new one signs everybody out, at once, streams too', async () => {
    const cookie = await site.signedIn();
    site.follow(cookie);
    await until('it follows', () => site.engine.listeners.size === 1);
    const fresh = renewConsoleToken(site.stateDir);
    expect((await site.call(cookie)).status).toBe(401);
    await until('the stream ended', () => site.engine.listeners.size === 0);
    expect((await site.signIn(site.token)).status).toBe(401);
    expect((await site.signIn(fresh)).status).toBe(200);
  });

  test('ends by signing out, with its stream, though somebody kept the cookie; another session stays', async () => {
    const [cookie, other] = [await site.signedIn(), await site.signedIn()];
    site.follow(cookie);
    await until('it follows', () => site.engine.listeners.size === 1);
    const out = await rawRequest({
      port: site.port,
      method: 'DELETE',
      path: '/api/session',
      headers: { cookie },
    });
    expect(out).toMatchObject({
      status: 200,
      headers: { 'set-cookie': expect.stringMatching(/Max-Age=0/) as string },
    });
    expect((await site.call(cookie)).status).toBe(401);
    await until('the stream ended', () => site.engine.listeners.size === 0);
    expect((await site.call(other)).status).toBe(200);
  });
});
