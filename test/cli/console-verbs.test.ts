/**
 * Goal: `headgate console` lets the engine's own user in and says plainly why not otherwise; `headgate support-bundle` fetches a bundle of a whole
 * engine in which no secret and no event is; and an engine that can't serve its console runs all the same. Method: a real engine within the test's
 * process on files and a directory, with its real console; the browser is a program that keeps what it was given.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openerOf, openInBrowser } from '../../main/cli/browser-opener.ts';
import { readConsoleToken } from '../../main/control/console-token.ts';
import { rawRequest, type RawAnswer } from '../control/raw-request.ts';
import { FileGateway } from '../engine/file-gateway.ts';
import { until } from '../rig/until.ts';
import { headgate } from './command-line.ts';

const LITERAL = 'literal-secret-6021';
const FROM_FILE = 'file-secret-7132';
const FROM_VARIABLE = 'variable-secret-8243';
const BODY = 'marked-body-of-an-event';

let gateway: FileGateway;
let port: number;

/** Kafka sources that never reach a broker, for their secrets. */
function withSecrets(own: FileGateway): void {
  writeFileSync(join(own.directory, 'kafka.pw'), `${FROM_FILE}\n`);
  process.env['HEADGATE_TEST_SECRET'] = FROM_VARIABLE;
  const source = (password: string) => ({
    type: 'kafka',
    'kafka.bootstrap.servers': ['127.0.0.1:1'],
    'kafka.consumer.socket.connection.setup.timeout.ms': '200ms',
    security: { sasl: { mechanism: 'plain', username: 'gw', password }, tls: {} },
    channels: ['disk'],
  });
  own.configure({
    sink: { path: `${own.output}/%{topic}/%Y` },
    more: {
      console: { listen: '127.0.0.1:0' },
      sources: {
        lines: {
          type: 'files',
          directory: own.input,
          pattern: '*.log',
          pollInterval: '20ms',
          channels: ['disk'],
          // Every line of `bad.log` fails: what is in quarantine must not be in the bundle either.
          interceptors: [
            {
              type: 'regex_extractor',
              regex: 'at=(\\S+)',
              serializers: [{ type: 'millis', name: 'timestamp', pattern: 'yyyy', timeZone: 'UTC' }],
            },
          ],
        },
        one: { ...source(LITERAL), 'kafka.topics': ['a'], 'kafka.consumer.group.id': 'a' },
        two: {
          ...source(`\${file:${join(own.directory, 'kafka.pw')}}`),
          'kafka.topics': ['b'],
          'kafka.consumer.group.id': 'b',
        },
        three: {
          ...source('${env:HEADGATE_TEST_SECRET}'),
          'kafka.topics': ['c'],
          'kafka.consumer.group.id': 'c',
        },
      },
    },
  });
}

beforeAll(async () => {
  gateway = new FileGateway();
  withSecrets(gateway);
  await gateway.start();
  const { stdout } = await headgate('console', '--print', '-d', gateway.stateDir);
  port = Number(new URL(stdout.trim()).port);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  delete process.env['HEADGATE_TEST_SECRET'];
});

function tokenOf(stdout: string): string {
  return /^http:\/\/127\.0\.0\.1:\d+\/#token=([\w-]{43})\n$/.exec(stdout)?.[1] ?? '';
}

async function signIn(token: string): Promise<RawAnswer> {
  return rawRequest({ port, method: 'POST', path: '/api/session', body: JSON.stringify({ token }) });
}

async function statusWith(cookie: string): Promise<RawAnswer> {
  return rawRequest({ port, method: 'POST', path: '/api/call/status', headers: { cookie }, body: '{}' });
}

describe('headgate console', () => {
  test('prints an address that signs in to the engine itself', async () => {
    const { status, stdout, stderr } = await headgate('console', '--print', '-d', gateway.stateDir);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const answer = await signIn(tokenOf(stdout));
    expect(answer.status).toBe(200);
    const cookie = answer.headers['set-cookie']?.split(';')[0] ?? '';
    const called = await statusWith(cookie);
    expect(JSON.parse(called.body)).toMatchObject({ gateway: 'gw-1', state: 'running' });
    const json = await headgate('console', '--json', '-d', gateway.stateDir);
    expect(JSON.parse(json.stdout)).toEqual({ url: stdout.trim() });
  });

  test('--new-token shuts out who knew the old one', async () => {
    const before = await headgate('console', '--print', '-d', gateway.stateDir);
    const old = await signIn(tokenOf(before.stdout));
    const cookie = old.headers['set-cookie']?.split(';')[0] ?? '';
    const { status, stdout } = await headgate('console', '--new-token', '--print', '-d', gateway.stateDir);
    expect(status).toBe(0);
    expect(stdout).not.toBe(before.stdout);
    expect((await statusWith(cookie)).status).toBe(401);
    expect((await signIn(tokenOf(before.stdout))).status).toBe(401);
    expect((await signIn(tokenOf(stdout))).status).toBe(200);
  });

  test('opens the browser without showing the token to other users, and leaves nothing behind', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'headgate-browser-'));
    const opener = join(folder, 'browser');
    // Written whole and renamed: who waits for it never reads half.
    writeFileSync(
      opener,
      `#!/bin/sh\n{ tr '\\0' ' ' < /proc/$$/cmdline 2>/dev/null || echo "$@"; echo; stat -c %a "$1" 2>/dev/null || stat -f %Lp "$1"; cat "$1"; } > ${folder}/seen.new\nmv ${folder}/seen.new ${folder}/seen\n`,
    );
    chmodSync(opener, 0o700);
    const stop = new AbortController();
    const opened = openInBrowser('http://127.0.0.1:1/#token=abc', { opener: [opener], signal: stop.signal });
    await until('the browser has it', () => readdirSync(folder).includes('seen'));
    stop.abort();
    expect(await opened).toBe(true);
    const [words = '', mode = '', page = ''] = readFileSync(join(folder, 'seen'), 'utf8').split('\n');
    expect(words).toContain('console.html');
    expect(words).not.toContain('token');
    expect(mode).toBe('600');
    expect(page).toContain('content="0;url=http://127.0.0.1:1/#token=abc"');
    const file = words.trim().split(' ').at(-1) ?? '';
    expect(() => statSync(file)).toThrow(/ENOENT/);
    expect(await openInBrowser('http://x/', { opener: ['/nonexistent'], signal: stop.signal })).toBe(false);
    rmSync(folder, { recursive: true });
  });

  test('knows where there is a desktop', () => {
    expect(openerOf({ platform: 'linux', environment: {} })).toBeUndefined();
    expect(openerOf({ platform: 'linux', environment: { WAYLAND_DISPLAY: 'wayland-0' } })).toEqual([
      'xdg-open',
    ]);
    expect(openerOf({ platform: 'linux', environment: { DISPLAY: ':0' } })).toEqual(['xdg-open']);
    expect(openerOf({ platform: 'darwin', environment: {} })).toEqual(['open']);
    expect(openerOf({ platform: 'win32', environment: {} })?.[0]).toBe('rundll32');
  });

  test('of an engine without one says what to configure, and nothing of an earlier one is left', async () => {
    await using other = new FileGateway();
    await other.start();
    const { status, stdout, stderr } = await headgate('console', '-d', other.stateDir);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('serves no console');
    expect(stderr).toContain('console: { listen: 127.0.0.1:8642 }');
    expect(readConsoleToken(other.stateDir)).toBeUndefined();
  });

  test('without an engine says so', async () => {
    const { status, stderr } = await headgate('console', '-d', join(gateway.directory, 'nothing'));
    expect(status).toBe(3);
    expect(stderr).toContain('no engine answers there');
  });
});

describe('an engine whose console’s port is taken', () => {
  test('runs, raises an alert, and serves it as soon as the port is free', async () => {
    const stranger = createServer();
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const address = stranger.address();
    const taken = typeof address === 'object' ? (address?.port ?? 0) : 0;
    await using other = new FileGateway({ more: { console: { listen: `127.0.0.1:${taken}` } } });
    await other.start();
    const status = await other.statusIs('the alert stands', ({ alerts }) =>
      alerts.some(({ code, clearedMs }) => code === 'console-unavailable' && clearedMs === undefined),
    );
    expect(status.state).toBe('running');
    expect(status.alerts.find(({ code }) => code === 'console-unavailable')).toMatchObject({
      place: `127.0.0.1:${taken}`,
      message: expect.stringContaining('taken by another program') as string,
      hint: expect.stringContaining('console.listen') as string,
    });
    other.write(3);
    await other.allLanded();
    stranger.close();
    await other.statusIs('the alert is over', ({ alerts }) =>
      alerts.some(({ code, clearedMs }) => code === 'console-unavailable' && clearedMs !== undefined),
    );
    expect((await rawRequest({ port: taken })).status).toBeGreaterThanOrEqual(200);
  });
});

describe('the state directory of a running engine', () => {
  test('shows its group the socket and nothing else', () => {
    expect(statSync(gateway.stateDir).mode & 0o777).toBe(0o710);
    for (const name of readdirSync(gateway.stateDir))
      expect(statSync(join(gateway.stateDir, name)).mode & 0o077, name).toBe(
        name === 'control.sock' ? 0o060 : 0,
      );
  });
});

describe('headgate support-bundle', () => {
  test('fetches a bundle of the whole engine without secrets and without events', async () => {
    gateway.write(3, 'www.log', ` ${BODY} at=2026`);
    gateway.write(2, 'bad.log', ` ${BODY} at=never`);
    await gateway.statusIs('all is taken', ({ sources, channels }) => {
      const isTaken = sources.find(({ name }) => name === 'lines')?.events === 5;
      return isTaken && channels[0]?.quarantined === 2;
    });
    // An operator pastes a password where everybody reads it.
    const why = `${LITERAL} ${FROM_FILE} password=${FROM_VARIABLE} hdfs://joe:url-secret-1@nn`;
    expect((await headgate('pause', '--why', why, '-d', gateway.stateDir)).status).toBe(0);
    const file = join(gateway.directory, 'bundle.zip');
    const { status, stdout, stderr } = await headgate('support-bundle', '-o', file, '-d', gateway.stateDir);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(/bundle\.zip: [\d.]+ KiB, \d+ parts/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const files = unzipSync(readFileSync(file));
    const texts = Object.fromEntries(
      Object.entries(files).map(([name, data]) => [name, Buffer.from(data).toString()]),
    );
    const whole = Object.entries(texts).flat().join('\n');
    const token = readConsoleToken(gateway.stateDir) ?? 'no token';
    for (const secret of [LITERAL, FROM_FILE, FROM_VARIABLE, 'url-secret-1', token, BODY])
      expect(whole.includes(secret), secret).toBe(false);
    expect(texts['status.json']).toContain('"gateway": "gw-1"');
    expect(texts['log.jsonl']).toContain('engine started');
    expect(texts['configuration/versions/000001.yaml']).toContain('gw-1');
    expect(JSON.parse(texts['database.json'] ?? '{}')).toMatchObject({
      pragmas: { journal_mode: 'wal' },
      rows: { chunks: expect.any(Number) as number, quarantine: expect.any(Number) as number },
    });
    expect(JSON.parse(texts['quarantine.json'] ?? '{}')).toMatchObject({ total: 2 });
    expect(texts['disk.json']).toContain('channel.sqlite');
    expect(texts['machine.json']).toContain('rss');
  });

  test('never overwrites a file', async () => {
    const file = join(gateway.directory, 'mine.txt');
    writeFileSync(file, 'precious');
    const { status, stderr } = await headgate('support-bundle', '-o', file, '-d', gateway.stateDir);
    expect(status).toBe(1);
    expect(stderr).toContain('is there already');
    expect(readFileSync(file, 'utf8')).toBe('precious');
  });
});
