/**
 * Goal: the same protocol lands on a real file system: whole files, no temp left, also after a death at each step.
 * Method: the real directory target on a temporary directory, the store double, deaths at every crash point of landing.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { DirectoryTarget } from '../../main/sinks/directory/directory-target.ts';
import { CRASH_POINTS } from '../../main/telemetry/crash-point.ts';
import { diskTurn } from './fake-clock.ts';
import { LandingWorld } from './landing-world.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'headgate-landing-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('landing on a directory', () => {
  test.each(CRASH_POINTS.filter((name) => name.startsWith('land.')))(
    'writes each event once when the process dies at %s',
    async (point) => {
      const world = new LandingWorld();
      for (const id of [1, 2]) {
        world.store.addKey(id, { directory: join(root, 'logs', `k${id}`) });
        world.store.put(id, { codec: 'zstd', events: 500 });
        world.store.put(id, { events: 500, partition: 1 });
      }
      const settings = { markerDirectory: join(root, '.headgate', 'xian-gw-1') };
      const first = world.live(
        settings,
        (name) => name === point,
        new DirectoryTarget({ type: 'directory', root }),
      );
      expect(await world.clock.until(() => first.isDead(), 3_600_000, diskTurn)).toBe(true);
      const life = world.live(settings, undefined, new DirectoryTarget({ type: 'directory', root }));
      expect(await world.clock.until(() => world.store.backlog === 0, 3_600_000, diskTurn)).toBe(true);
      await world.clock.until(() => false, 60_000, diskTurn);
      await world.stop(life);
      const names = (await readdir(join(root, 'logs'), { recursive: true, withFileTypes: true })).filter(
        (entry) => entry.isFile(),
      );
      const visible = names.filter(({ name }) => !/^[._]/.test(name));
      const texts = await Promise.all(
        visible.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')),
      );
      const lines = texts
        .join('')
        .split('\n')
        .filter((line) => line !== '');
      expect(lines.length).toBe(2_000);
      expect(new Set(lines).size).toBe(2_000);
      expect(visible.length).toBe(world.store.ledger.length);
      expect(names.filter(({ name }) => name.startsWith('.') && !name.startsWith('.headgate-'))).toEqual([]);
    },
  );
});
