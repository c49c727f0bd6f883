/**
 * Goal: the control socket lets in the engine's user and its group, and nobody else; the group gets the socket and nothing beside it.
 * Method: a real state directory and socket; children under other user and group ids try. Only root can start those: elsewhere the modes are
 * compared, and the test says loudly that it saw no more.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStateDirectory, type StateDirectory } from '../../main/channel/state-directory.ts';
import { startControlServer, type ControlServer } from '../../main/control/control-server.ts';
import { controlSocketPath } from '../../main/control/socket-path.ts';
import { ScriptedApi } from './scripted-api.ts';

const STRANGER_ID = 54_321;

let parent: string;
let directory: StateDirectory;
let server: ControlServer;
beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'headgate-group-'));
  chmodSync(parent, 0o755);
  directory = openStateDirectory(join(parent, 'state'), 1);
  server = await startControlServer(controlSocketPath(directory.path), new ScriptedApi().api);
});
afterEach(async () => {
  await server.close();
  directory.close();
  rmSync(parent, { recursive: true });
});

/** What another user meets: `ok`, or the code of the error. */
async function tried(script: string, ids: { readonly uid: number; readonly gid: number }): Promise<string> {
  const program = `const done = (text) => { console.log(text); process.exit(); };
    const [path, file] = process.argv.slice(1); ${script}`;
  // Any Node will do, and the one of the checkout may lie where another user can't go.
  const child = spawn(
    '/usr/bin/env',
    ['node', '-e', program, controlSocketPath(directory.path), directory.path],
    {
      ...ids,
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString()));
  child.stderr.on('data', (data: Buffer) => (text += data.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  return text.trim();
}

const CONNECT = `require('node:net').connect(path, () => done('ok')).on('error', (error) => done(error.code));`;
const LIST = `try { require('node:fs').readdirSync(file); done('ok'); } catch (error) { done(error.code); }`;
const READ = `try { require('node:fs').readFileSync(file + '/identity.json'); done('ok'); } catch (error) { done(error.code); }`;
const MAKE = `try { require('node:fs').writeFileSync(file + '/mine', ''); done('ok'); } catch (error) { done(error.code); }`;

test('the socket is for user and group, everything beside it for the user alone', () => {
  expect(statSync(directory.path).mode & 0o777).toBe(0o710);
  expect(statSync(controlSocketPath(directory.path)).mode & 0o777).toBe(0o660);
  const others = readdirSync(directory.path).filter((name) => !name.endsWith('.sock'));
  expect(others.length).toBeGreaterThan(2);
  for (const name of others) expect(statSync(join(directory.path, name)).mode & 0o077, name).toBe(0);
});

test('a user of the group gets in, and can do no more than that; one outside of it gets nowhere', async () => {
  const ownGroup = process.getgid?.() ?? 0;
  if (process.getuid?.() !== 0) {
    console.warn('SKIPPED, for only root can become another user: that a stranger is kept out of the socket');
    return;
  }
  const member = { uid: STRANGER_ID, gid: ownGroup };
  const stranger = { uid: STRANGER_ID, gid: STRANGER_ID };
  expect(await tried(CONNECT, member)).toBe('ok');
  for (const script of [LIST, READ, MAKE]) expect(await tried(script, member)).toBe('EACCES');
  for (const script of [CONNECT, LIST, READ, MAKE]) expect(await tried(script, stranger)).toBe('EACCES');
  // The directory alone would do; the socket holds by itself too.
  chmodSync(directory.path, 0o755);
  expect(await tried(CONNECT, stranger)).toBe('EACCES');
});
