/** Goal: every applied version is kept whole, private and bounded. Method: real files, damaged as a crash or a person would. */
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigStore, MAX_VERSIONS } from '../../main/config/config-store.ts';
import { GatewayError } from '../../shared/errors.ts';

let stateDir: string;
let store: ConfigStore;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'headgate-store-'));
  store = new ConfigStore(stateDir);
});
afterEach(() => rm(stateDir, { recursive: true }));

describe('the history', () => {
  test('numbers versions, says when and who, and gives the text back', async () => {
    expect(await store.list()).toEqual([]);
    await store.record({ text: 'a: 1\n', by: 'start', nowMs: 1_000 });
    await store.record({ text: 'a: 2\n', by: 'cli (root)', nowMs: 2_000 });
    const versions = await new ConfigStore(stateDir).list();
    expect(versions.map(({ number, appliedAtMs, by }) => [number, appliedAtMs, by])).toEqual([
      [1, 1_000, 'start'],
      [2, 2_000, 'cli (root)'],
    ]);
    expect(await store.read(1)).toBe('a: 1\n');
  });

  test('does not record the same text twice in a row, but a return to an older one', async () => {
    for (const text of ['a', 'a', 'b', 'a']) await store.record({ text, by: 'x', nowMs: 1 });
    expect((await store.list()).map(({ number }) => number)).toEqual([1, 2, 3]);
  });

  test.skipIf(process.platform === 'win32')('is for the owner only', async () => {
    await store.record({ text: 'password: x', by: 'x', nowMs: 1 });
    const folder = join(stateDir, 'config-history');
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(folder))
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  });

  test('keeps the newest and forgets the oldest', async () => {
    for (let number = 1; number <= MAX_VERSIONS + 3; number++)
      await store.record({ text: String(number), by: 'x', nowMs: number });
    const numbers = (await store.list()).map(({ number }) => number);
    expect([numbers[0], numbers.at(-1), numbers.length]).toEqual([4, MAX_VERSIONS + 3, MAX_VERSIONS]);
    expect(await readdir(join(stateDir, 'config-history'))).toHaveLength(2 * MAX_VERSIONS);
  });

  test('a text without its description (a crash between the two) is no version, and is written over', async () => {
    await store.record({ text: 'a', by: 'x', nowMs: 1 });
    await writeFile(join(stateDir, 'config-history', '000002.yaml'), 'half');
    await writeFile(join(stateDir, 'config-history', '000002.json.new'), '{"num');
    expect((await store.list()).map(({ number }) => number)).toEqual([1]);
    await store.record({ text: 'b', by: 'x', nowMs: 2 });
    expect(await store.read(2)).toBe('b');
  });

  test('a version that was changed afterwards, or never was, is refused', async () => {
    await store.record({ text: 'a', by: 'x', nowMs: 1 });
    await writeFile(join(stateDir, 'config-history', '000001.yaml'), 'b');
    await expect(store.read(1)).rejects.toMatchObject({ code: 'checksum-mismatch' });
    await expect(store.read(9)).rejects.toMatchObject({ code: 'file-missing' });
  });

  test('a state directory that is a file gives one of our errors', async () => {
    const path = join(stateDir, 'file');
    await writeFile(path, '');
    await expect(new ConfigStore(path).record({ text: 'a', by: 'x', nowMs: 1 })).rejects.toBeInstanceOf(
      GatewayError,
    );
  });
});
