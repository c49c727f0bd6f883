/**
 * Goal: `headgate doctor` says before the first start what will not work, and its exit status can be scripted. Method: the program itself, without an engine and with one.
 */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DoctorReport } from '../../shared/contract/control-what-if.ts';
import { FileGateway } from '../engine/file-gateway.ts';
import { headgate } from './command-line.ts';
import { makeSite, removeSite, type Site } from './site.ts';

describe('headgate doctor', () => {
  let site: Site;
  beforeAll(async () => {
    site = await makeSite();
  });
  afterAll(() => removeSite(site));

  test('names what failed with what to do, ends with 1, and leaves nothing behind', async () => {
    const before = await readdir(site.directory);
    const { status, stdout } = await headgate('doctor', '-c', site.configFile);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^FAILED +broker +127\.0\.0\.1:1/m);
    expect(stdout).toMatch(/FAILED broker 127\.0\.0\.1:1: .*\n {2}hint: /);
    // Its sink is paused in the file.
    expect(stdout).toMatch(/^skipped +probe/m);
    expect(stdout).toMatch(/not ready: 1 of \d+ checks failed/);
    expect(stdout).not.toMatch(/fish-7/);
    expect(await readdir(site.directory)).toEqual(before);
  });

  test('a configuration that can’t be used ends with 2, no engine with 3', async () => {
    const broken = join(site.directory, 'broken.yaml');
    await writeFile(broken, 'gateway: [');
    expect((await headgate('doctor', '-c', broken)).status).toBe(2);
    expect((await headgate('doctor', '-d', join(site.directory, 'nowhere'))).status).toBe(3);
  });

  test('a running engine does it with its own configuration', async () => {
    await using gateway = new FileGateway();
    await gateway.start();
    const { status, stdout } = await headgate('doctor', '-d', gateway.stateDir, '--json');
    const report = JSON.parse(stdout) as DoctorReport;
    expect([status, report.isReady]).toEqual([0, true]);
    expect(report.checks.find(({ area }) => area === 'probe')?.state).toBe('ok');
    const here = await headgate('doctor', '-c', gateway.configFile);
    expect(here).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^ready: \d+ checks/m) as unknown,
    });
    // The running engine's facts for the others are all there is (docs/operations.md, "A fleet"); of the probe nothing is left.
    const left = await readdir(join(gateway.directory, 'output')).catch(() => []);
    expect(left.filter((name) => name !== '.headgate')).toEqual([]);
  });
});
