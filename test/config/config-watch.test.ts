/**
 * Goal: a change of the file is seen however an editor writes it; an invalid file is told, never thrown; nothing is told twice.
 * Method: real files in a temporary folder, real chokidar; every wait is for a condition.
 */
import { mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readConfigFile } from '../../main/config/config-file.ts';
import type { LoadedConfig } from '../../main/config/config-file.ts';
import { watchConfig } from '../../main/config/config-watch.ts';
import type { ConfigWatch } from '../../main/config/config-watch.ts';
import { SAMPLE, sampleWith } from './sample-config.ts';

const WAIT = { timeout: 15_000, interval: 20 };
let folder: string;
let path: string;
let stopper: AbortController;
let watch: ConfigWatch | undefined;
let seen: LoadedConfig[];
let running: LoadedConfig;
let faults: Error[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-watch-'));
  path = join(folder, 'headgate.yaml');
  stopper = new AbortController();
  [seen, faults, watch] = [[], [], undefined];
});
afterEach(async () => {
  stopper.abort();
  await watch?.closed;
  expect(faults).toEqual([]);
  await rm(folder, { recursive: true });
});

async function begin(text: string): Promise<LoadedConfig> {
  await writeFile(path, text);
  const current = (running = await readConfigFile(path));
  watch = watchConfig({
    path,
    signal: stopper.signal,
    debounceMs: 30,
    current,
    running: () => running,
    onChange: (loaded) => seen.push(loaded),
    onFault: (error) => faults.push(error),
  });
  await watch.ready;
  return current;
}

/** As editors do that never leave a half-written file. */
async function replace(text: string): Promise<void> {
  await writeFile(join(folder, '.headgate.yaml.swp'), text);
  await rename(join(folder, '.headgate.yaml.swp'), path);
}

const ids = (): (string | undefined)[] => seen.map(({ config }) => config?.gateway.id);
const named = (id: string): string => sampleWith('gw-1', id);

describe('the configuration is watched', () => {
  test('a file written in place, replaced by a rename, and removed and written again', async () => {
    await begin(SAMPLE);
    await writeFile(path, named('in-place'));
    await vi.waitFor(() => expect(ids()).toEqual(['in-place']), WAIT);
    for (const id of ['renamed-1', 'renamed-2']) {
      await writeFile(join(folder, '.headgate.yaml.swp'), named(id));
      await rename(join(folder, '.headgate.yaml.swp'), path);
      await vi.waitFor(() => expect(ids().at(-1)).toBe(id), WAIT);
    }
    await unlink(path);
    await vi.waitFor(() => expect(seen.at(-1)?.problems[0]?.message).toMatch(/does not exist/), WAIT);
    await writeFile(path, named('again'));
    await vi.waitFor(() => expect(ids().at(-1)).toBe('again'), WAIT);
  });

  test('an invalid file is told with its problems, and the next valid one as well', async () => {
    await begin(SAMPLE);
    await writeFile(path, `${SAMPLE}\n  nonsense: [`);
    await vi.waitFor(() => expect(seen.at(-1)?.problems.length).toBeGreaterThan(0), WAIT);
    expect(seen.at(-1)?.config).toBeUndefined();
    await writeFile(path, named('good'));
    await vi.waitFor(() => expect(ids().at(-1)).toBe('good'), WAIT);
  });

  test('the same text written again is not news; the change after it is', async () => {
    await begin(SAMPLE);
    await replace(SAMPLE);
    await writeFile(join(folder, 'other.yaml'), 'x');
    await replace(named('news'));
    await vi.waitFor(() => expect(ids()).toContain('news'), WAIT);
    expect(ids()).toEqual(['news']);
  });

  test('a text that was announced before is news again once something else runs', async () => {
    const current = await begin(SAMPLE);
    await replace(named('by-hand'));
    await vi.waitFor(() => expect(ids()).toEqual(['by-hand']), WAIT);
    // A console has applied another text, which was gone before the watch could read it.
    running = { ...current };
    await replace(named('by-hand'));
    await vi.waitFor(() => expect(ids()).toEqual(['by-hand', 'by-hand']), WAIT);
  });

  test('a change between the first reading and the watch is not missed', async () => {
    await writeFile(path, SAMPLE);
    const current = await readConfigFile(path);
    await writeFile(path, named('between'));
    watch = watchConfig({
      path,
      signal: stopper.signal,
      debounceMs: 30,
      current,
      onChange: (loaded) => seen.push(loaded),
      onFault: (error) => faults.push(error),
    });
    await vi.waitFor(() => expect(ids()).toEqual(['between']), WAIT);
  });

  test('a file that the configuration refers to is watched too', async () => {
    await writeFile(join(folder, 'id'), 'first');
    await begin(sampleWith('gw-1', '${file:id}'));
    await writeFile(join(folder, 'id'), 'second');
    await vi.waitFor(() => expect(ids()).toEqual(['second']), WAIT);
  });

  test('a link that is swapped is a change', async () => {
    const [old, fresh] = [join(folder, 'v1.yaml'), join(folder, 'v2.yaml')];
    await writeFile(old, SAMPLE);
    await writeFile(fresh, named('swapped'));
    await symlink(old, path);
    watch = watchConfig({
      path,
      signal: stopper.signal,
      debounceMs: 30,
      current: await readConfigFile(path),
      onChange: (loaded) => seen.push(loaded),
      onFault: (error) => faults.push(error),
    });
    await watch.ready;
    await symlink(fresh, join(folder, 'next'));
    await rename(join(folder, 'next'), path);
    await vi.waitFor(() => expect(ids()).toEqual(['swapped']), WAIT);
  });

  test('a signal that was aborted before ends it at once', async () => {
    await writeFile(path, SAMPLE);
    stopper.abort();
    watch = watchConfig({
      path,
      signal: stopper.signal,
      onChange: (loaded) => seen.push(loaded),
      onFault: (error) => faults.push(error),
    });
    await watch.ready;
    await watch.closed;
    expect(seen).toEqual([]);
  });
});
