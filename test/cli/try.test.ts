/**
 * Goal: `headgate try` tells an operator what rules do to real events, without an engine, and its exit status can be scripted. Method: the program itself, on files and
 * on lines; once beside a running engine, whose rules it compares with.
 */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WhatIfResult } from '../../shared/contract/control-what-if.ts';
import { FileGateway } from '../engine/file-gateway.ts';
import { headgate } from './command-line.ts';
import { accessLine, appendLines, HOSTILE, makeSite, removeSite, type Site } from './site.ts';

describe('headgate try', () => {
  let site: Site;
  let temp: string;
  beforeAll(async () => {
    site = await makeSite();
    temp = await mkdtemp(join(tmpdir(), 'headgate-try-'));
    await appendLines(site, 'www', [accessLine(1, 8), accessLine(2, 8), accessLine(3, 9)]);
  });
  afterAll(async () => {
    await removeSite(site);
    await rm(temp, { recursive: true });
  });

  test('says where the last lines of a files source would land, and leaves no trace', async () => {
    const { status, stdout } = await headgate('try', '-c', site.configFile, '-s', 'lines');
    expect(status).toBe(0);
    expect(stdout).toMatch(/source lines: 3 events/);
    expect(stdout).toMatch(/placed +3 +100\.0 %/);
    expect(stdout).toMatch(/local +\S+\/www\/2026-11-21\/08 +2/);
    expect(await readdir(site.directory)).toEqual(expect.not.arrayContaining(['state', 'output']) as unknown);
  });

  test('lines that no rule can place end with 1 and are shown with their reason, hostile text harmless', async () => {
    const file = join(temp, 'lines.log');
    await writeFile(file, `${accessLine(1, 8)}${accessLine(2, 99)}[${HOSTILE}]\n`);
    const { status, stdout } = await headgate(
      'try',
      '-c',
      site.configFile,
      '-s',
      'lines',
      '--lines',
      file,
      '-t',
      'x',
    );
    expect(status).toBe(1);
    expect(stdout).toMatch(/quarantined +2 +66\.7 %/);
    expect(stdout).toMatch(/FAILURES/);
    expect(stdout).toMatch(/is no time of the pattern/);
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toContain('\\x1b[2J');
  });

  test('as JSON it is the contract’s result', async () => {
    const { stdout } = await headgate('try', '-c', site.configFile, '-s', 'lines', '-n', '2', '--json');
    const result = JSON.parse(stdout) as WhatIfResult;
    expect(result).toMatchObject({ source: 'lines', events: 2, placed: 2 });
  });

  test('what can’t be used ends with 2 and says what is missing', async () => {
    expect(await headgate('try')).toMatchObject({ status: 2 });
    const which = await headgate('try', '-c', site.configFile);
    expect(which).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/which source\?.*lines, remote/) as unknown,
    });
    expect((await headgate('try', '-c', site.configFile, '-s', 'nope')).status).toBe(2);
    expect((await headgate('try', '-c', site.configFile, '-s', 'lines', '-n', '0')).status).toBe(2);
    expect((await headgate('try', '-c', join(temp, 'none.yaml'))).status).toBe(2);
  });

  test('brokers that do not answer end with 1 and the reason', async () => {
    const { status, stderr } = await headgate('try', '-c', site.configFile, '-s', 'remote');
    expect(status).toBe(1);
    expect(stderr).toMatch(/code: broker-unreachable/);
  });

  test('beside a running engine the difference to its rules is told', async () => {
    await using gateway = new FileGateway({ sink: { paused: true } });
    gateway.write(5);
    await gateway.start();
    const other = join(temp, 'other.yaml');
    await writeFile(other, gateway.configText({ sink: { path: `${gateway.output}/new/%{topic}` } }));
    const { status, stdout } = await headgate('try', '-c', other);
    expect(status).toBe(0);
    expect(stdout).toMatch(/AGAINST THE RUNNING RULES: same 0, moved 5, now placed 0, now not placed 0/);
    expect(stdout).toMatch(/was out → \S+\/www\n +now out → \S+\/new\/www/);
  });
});
