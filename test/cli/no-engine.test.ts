/**
 * Goal: with no engine there, every verb that needs one says so, says what to do, and ends with 3.
 * Method: the verbs on an empty directory, in this process; one of them through bin/headgate, as `npx headgate` starts it.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { likelyStateDirectory } from '../../main/cli/engine-connection.ts';
import type { ErrorReport } from '../../shared/errors.ts';
import { headgate, HeadgateProcess } from './command-line.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headgate-nobody-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const VERBS: readonly (readonly string[])[] = [
  ['status'],
  ['status', '--watch'],
  ['pause'],
  ['resume', 'hadoop'],
  ['backlog'],
  ['backlog', 'peek', '1'],
  ['landings'],
  ['landings', 'release', '20261121-115830123-3c7ae939-000orh6i'],
  ['audit', '--deep'],
  ['quarantine'],
  ['quarantine', 'show', '1'],
  ['config', 'show'],
];

test.each(VERBS.map((verb) => [verb.join(' '), verb] as const))('headgate %s', async (_name, verb) => {
  const { status, stdout, stderr } = await headgate(...verb, '-d', directory);
  expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
  expect(stderr).toContain('no engine answers there');
  expect(stderr).toContain(join(directory, 'control.sock'));
  expect(stderr).toContain('hint: start it with `headgate run --config FILE`');
  const asJson = await headgate(...verb, '-d', directory, '--json');
  expect(asJson.status).toBe(3);
  const { error } = JSON.parse(asJson.stderr) as { error: ErrorReport };
  expect(error.code).toBe('no-engine');
});

test('without options the caller’s own engine is asked first, then the service’s', async () => {
  const own = join(directory, 'own');
  const service = join(directory, 'service');
  for (const one of [own, service]) await mkdir(one);
  expect(likelyStateDirectory(own, service)).toBe(own);
  await writeFile(join(service, 'control.sock'), '');
  expect(likelyStateDirectory(own, service)).toBe(service);
  await writeFile(join(own, 'control.sock'), '');
  expect(likelyStateDirectory(own, service)).toBe(own);
});

test('an export without an engine leaves no file behind', async () => {
  const file = join(directory, 'out.log');
  expect((await headgate('backlog', 'export', '1', file, '-d', directory)).status).toBe(3);
  expect((await headgate('backlog', 'export', '1', file, '-d', directory)).stderr).not.toContain('EEXIST');
});

test('the program that npx starts ends with the same status', async () => {
  const { status, stderr } = await new HeadgateProcess(['status', '-d', directory], { isLauncher: true })
    .ended;
  expect(status).toBe(3);
  expect(stderr).toContain('code: no-engine');
});
