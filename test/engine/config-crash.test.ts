/**
 * Goal: an engine that is killed in the middle of applying a configuration comes back with the old one or the new one, whole, and file,
 * running configuration and newest version are the same; who applied it is not forgotten. Method: real processes, SIGKILL at each named point.
 */
import { readFileSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CrashPoint } from '../../main/telemetry/crash-point.ts';
import { makeSite, removeSite, type Site } from '../cli/site.ts';
import { EngineProcess } from '../e2e/engine-process.ts';

vi.setConfig({ testTimeout: 120_000 });

let site: Site;
let engine: EngineProcess | undefined;
beforeEach(async () => {
  site = await makeSite();
});
afterEach(async () => {
  await engine?.kill();
  await removeSite(site);
});

async function started(environment: Readonly<Record<string, string>> = {}): Promise<EngineProcess> {
  const { configFile, stateDir } = site;
  engine = new EngineProcess({ configFile, stateDir, environment });
  await engine.ready();
  return engine;
}

const POINTS: readonly (readonly [CrashPoint, 'old' | 'new'])[] = [
  ['config.before-file', 'old'],
  ['config.after-file', 'new'],
  ['config.after-history', 'new'],
];

describe('killed while a configuration is applied', () => {
  test.each(POINTS)('at %s: the %s one runs after the restart, and all agree', async (point, which) => {
    const before = readFileSync(site.configFile, 'utf8');
    const after = before.replace('pollInterval: 50ms', 'pollInterval: 70ms');
    const doomed = await started({ HEADGATE_CRASH_AT: point });
    const { text, sha256 } = await doomed.client.call('configText', {});
    const edited = text.replace('pollInterval: 50ms', 'pollInterval: 70ms');
    const applying = doomed.client.call('configApply', {
      text: edited,
      baseSha256: sha256,
      by: 'li',
      note: 'why',
    });
    await expect(applying).rejects.toMatchObject({ code: 'no-engine' });
    expect(await doomed.ended).toMatchObject({ signal: 'SIGKILL' });
    const expected = which === 'old' ? before : after;
    expect(readFileSync(site.configFile, 'utf8')).toBe(expected);

    const { client } = await started();
    const { versions } = await client.call('configHistory', {});
    const running = await client.call('configText', { of: { kind: 'running' } });
    const file = await client.call('configText', {});
    expect(running.sha256).toBe(file.sha256);
    expect(versions[0]).toMatchObject({ sha256: file.sha256, isRunning: true });
    expect(versions.length).toBe(which === 'old' ? 1 : 2);
    if (which === 'new') expect(versions[0]).toMatchObject({ number: 2, by: 'li', note: 'why' });
    expect(readFileSync(site.configFile, 'utf8')).toBe(expected);

    // What the killed one left behind is in nobody's way.
    await client.call('configApply', {
      text: file.text.replace(/pollInterval: \d+ms/, 'pollInterval: 90ms'),
      baseSha256: file.sha256,
      by: 'li',
    });
    const left = await readdir(dirname(site.configFile));
    expect(left.filter((name) => name.includes('headgate-new'))).toEqual([]);
    const history = await readdir(join(site.stateDir, 'config-history'));
    expect(history.filter((name) => name.startsWith('pending'))).toEqual([]);
  });
});

describe('killed in the first run', () => {
  const FIRST: readonly (readonly [CrashPoint, boolean])[] = [
    ['config.before-file', false],
    ['config.after-file', true],
    ['config.after-history', true],
  ];
  test.each(FIRST)('at %s: there is a whole file afterwards: %s', async (point, isMade) => {
    const wanted = readFileSync(site.configFile, 'utf8');
    rmSync(site.configFile);
    const { configFile, stateDir } = site;
    const words = ['--setup', '--state-dir', stateDir];
    engine = new EngineProcess({ configFile, stateDir, words, environment: { HEADGATE_CRASH_AT: point } });
    await engine.ready();
    const applying = engine.client.call('configApply', { text: wanted, baseSha256: '', by: 'wizard' });
    await expect(applying).rejects.toMatchObject({ code: 'no-engine' });
    expect(await engine.ended).toMatchObject({ signal: 'SIGKILL' });
    engine = new EngineProcess({ configFile, stateDir, words });
    await engine.ready();
    const { state } = await engine.client.call('status', {});
    expect(state === 'setup').toBe(!isMade);
    if (!isMade) return;
    expect(readFileSync(configFile, 'utf8')).toBe(wanted);
    const { versions } = await engine.client.call('configHistory', {});
    expect(versions).toMatchObject([{ number: 1, by: 'wizard', isRunning: true }]);
  });
});
