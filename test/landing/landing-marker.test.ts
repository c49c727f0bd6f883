import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LandingMarker, type MarkerParts } from '../../main/landing/landing-marker.ts';
import type { LandingEvent } from '../../main/landing/lander-status.ts';
import { DirectoryTarget } from '../../main/sinks/directory/directory-target.ts';
import { seededRandom } from './fake-clock.ts';
import { LandingWorld } from './landing-world.ts';
import { Notes } from './marker-notes.ts';
import { failure, MemoryTarget } from './memory-target.ts';

/**
 * Goal: an older copy of a state directory, and a second engine on a copy, land nothing (exactly-once.md §5 and §6: a restored
 * image, a clone). Method: databases are copied as maps of notes, engines are markers over one target; whole landings go through
 * `LandingWorld`.
 */
const signal = new AbortController().signal;
let seeds = 1;

function engineOn(
  store: Notes,
  target: MarkerParts['target'],
  change: Partial<MarkerParts> = {},
): LandingMarker {
  return new LandingMarker({
    settings: { sink: 'beijing', stateId: 'a1b2c3d4e5', markerDirectory: '/logs/.headgate/xian-gw-1' },
    store,
    target,
    random: seededRandom(seeds++),
    report: () => undefined,
    crashPoint: () => undefined,
    ...change,
  });
}

/** What the target holds of markers, to bring again later. */
function clone(target: MemoryTarget): Pick<MemoryTarget, 'markers' | 'files'> {
  return { markers: new Map(target.markers), files: new Map(target.files) };
}

function put(late: Pick<MemoryTarget, 'markers' | 'files'>, target: MemoryTarget): void {
  for (const [path, marker] of late.markers) target.markers.set(path, marker);
  for (const [path, file] of late.files) target.files.set(path, file);
}

describe.each([{ hasAttributes: true }, { hasAttributes: false }])('the marker, %o', (options) => {
  test('lets one state directory land, through restarts', async () => {
    const target = new MemoryTarget(options);
    const store = new Notes();
    for (let start = 0; start < 3; start++) {
      const engine = engineOn(store, target);
      await engine.checkedNamespace(signal);
      await engine.advance(signal);
      await engine.advance(signal);
    }
    expect([...store.map.values()].map((text) => JSON.parse(text) as unknown)).toMatchObject([{ step: 6 }]);
  });

  test('refuses a restored image, also one that was copied while the engine ran', async () => {
    const target = new MemoryTarget(options);
    const store = new Notes();
    const engine = engineOn(store, target);
    await engine.advance(signal);
    const image = store.copy();
    await engine.advance(signal);
    await expect(engineOn(image, target).checkedNamespace(signal)).rejects.toMatchObject({
      code: 'state-outdated',
    });
    await expect(engineOn(new Notes(), target).checkedNamespace(signal)).rejects.toMatchObject({
      code: 'state-outdated',
    });
    await engineOn(store, target).advance(signal);
  });

  test('lets an image land that is as new as the target', async () => {
    const target = new MemoryTarget(options);
    const store = new Notes();
    await engineOn(store, target).advance(signal);
    await engineOn(store.copy(), target).advance(signal);
  });

  test('refuses the engine whose clone was started, and keeps refusing it', async () => {
    const target = new MemoryTarget(options);
    const store = new Notes();
    const original = engineOn(store, target);
    await original.advance(signal);
    const clone = engineOn(store.copy(), target);
    await clone.checkedNamespace(signal);
    for (let tries = 0; tries < 3; tries++)
      await expect(original.advance(signal)).rejects.toMatchObject({ code: 'state-cloned' });
    await clone.advance(signal);
    await expect(original.checkedNamespace(signal)).rejects.toMatchObject({ code: 'state-cloned' });
  });

  test('lets only one of two engines go on that looked at the same moment', async () => {
    const target = new MemoryTarget(options);
    const store = new Notes();
    await engineOn(store, target).advance(signal);
    const twins = [engineOn(store, target), engineOn(store.copy(), target)];
    await Promise.all(twins.map((twin) => twin.checkedNamespace(signal)));
    for (let round = 0; round < 4; round++) {
      const outcomes: string[] = [];
      for (const twin of twins)
        outcomes.push(
          await twin.advance(signal).then(
            () => 'went on',
            (error: { code: string }) => error.code,
          ),
        );
      expect(outcomes.sort()).toEqual(['state-cloned', 'went on']);
    }
  });

  test('takes a write of an earlier start that comes late for its own, and a later step under it for a clone’s', async () => {
    const target = new MemoryTarget(options);
    const store = new Notes();
    const first = engineOn(store, target);
    await first.advance(signal);
    const late = clone(target);
    await engineOn(store, target).advance(signal);
    const third = engineOn(store, target);
    await third.checkedNamespace(signal);
    put(late, target);
    await third.advance(signal);
    put(late, target);
    const fourth = engineOn(store, target);
    await fourth.advance(signal);
    // The engine of the first start goes on after all, from its copy of the notes: it was frozen, or is a clone.
    target.markers.clear();
    target.files.clear();
    await first.advance(signal);
    for (let tries = 0; tries < 3; tries++)
      await expect(fourth.advance(signal)).rejects.toMatchObject({ code: 'state-cloned' });
  });

  test('is written anew, aloud, when somebody removed it', async () => {
    const target = new MemoryTarget(options);
    const store = new Notes();
    const events: LandingEvent[] = [];
    await engineOn(store, target).advance(signal);
    target.markers.clear();
    target.files.clear();
    const engine = engineOn(store, target, { report: (event) => events.push(event) });
    await engine.advance(signal);
    expect(events.map(({ kind }) => kind)).toEqual(['marker-missing']);
    await expect(engineOn(new Notes(), target).checkedNamespace(signal)).rejects.toMatchObject({
      code: 'state-outdated',
    });
  });

  test.each(['refuse', 'lose-reply'] as const)(
    'survives a write that is met by %s, and a crash after it',
    async (fault) => {
      for (const operation of ['mkdirs', 'stamp', 'create', 'remove'] as const) {
        const target = new MemoryTarget(options);
        const store = new Notes();
        const engine = engineOn(store, target);
        await engine.advance(signal);
        let faults = 1;
        target.fault = (one) => (one === operation && faults-- > 0 ? fault : undefined);
        const outcome = await engine.advance(signal).then(
          () => 'done',
          () => 'failed',
        );
        // A restart in place of a second try.
        if (outcome === 'failed') await engineOn(store.copy(), target).advance(signal);
        await engineOn(store, target)
          .checkedNamespace(signal)
          .catch((error: unknown) => {
            // The copy above went on, so that this one is a clone or outdated; without it there is nothing to refuse.
            if (outcome === 'done') throw error;
          });
      }
    },
  );
});

test('one step serves all files that wait for one', async () => {
  const target = new MemoryTarget();
  const store = new Notes();
  const engine = engineOn(store, target);
  await Promise.all(Array.from({ length: 20 }, () => engine.advance(signal)));
  expect([...store.map.values()].map((text) => JSON.parse(text) as unknown)).toMatchObject([{ step: 2 }]);
});

test('a step that failed does not stop the next one', async () => {
  const target = new MemoryTarget();
  const engine = engineOn(new Notes(), target);
  await engine.advance(signal);
  let faults = 1;
  target.fault = (operation) => (operation === 'stamp' && faults-- > 0 ? 'refuse' : undefined);
  const steps = await Promise.allSettled([
    engine.advance(signal),
    engine.advance(signal),
    engine.advance(signal),
  ]);
  expect(steps.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
});

test('no RENAME goes out that the database and the marker do not know of', async () => {
  const world = new LandingWorld();
  world.store.addKey(1);
  for (let at = 0; at < 5; at++) world.store.put(1, { events: 10 });
  const stepOf = (text: string | undefined): number =>
    Number((JSON.parse(text ?? '{"step":0}') as { step: number }).step);
  let renames = 0;
  world.target.fault = (operation) => {
    if (operation !== 'rename') return undefined;
    renames++;
    expect(stepOf([...world.store.notes.values()][0])).toBeGreaterThanOrEqual(renames);
    expect(Number([...world.target.markers.values()][0]?.['step'])).toBeGreaterThanOrEqual(renames);
    return undefined;
  };
  const life = world.live();
  expect(await world.clock.until(() => world.store.backlog === 0, 600_000)).toBe(true);
  await world.stop(life);
  expect(renames).toBeGreaterThan(0);
});

test('a restored image holds its backlog, says so, and touches nothing', async () => {
  const world = new LandingWorld();
  world.store.addKey(1);
  world.store.put(1, { events: 10 });
  const notesBefore = new Map(world.store.notes);
  const first = world.live();
  expect(await world.clock.until(() => world.store.backlog === 0, 600_000)).toBe(true);
  await world.stop(first);
  const landed = world.target.visible();
  // The image of before: its notes and its backlog.
  world.store.notes.clear();
  for (const [name, value] of notesBefore) world.store.notes.set(name, value);
  world.store.put(1, { events: 10 });
  const second = world.live();
  await world.clock.until(() => second.lander.status().gate !== undefined, 600_000);
  expect(second.lander.status().gate?.why).toMatchObject({ code: 'state-outdated' });
  expect(second.lander.status().gate?.why.hint).toMatch(/newest copy/);
  expect(world.target.visible()).toEqual(landed);
  await world.stop(second);
});

test('on a real directory the marker is one file, whose name says all', async () => {
  const root = await mkdtemp(join(tmpdir(), 'headgate-marker-'));
  try {
    const markerDirectory = join(root, '.headgate', 'gw');
    const settings = { sink: 'out', stateId: 's1', markerDirectory };
    const store = new Notes();
    const target = new DirectoryTarget({ type: 'directory', root });
    const engine = engineOn(store, target, { settings });
    await engine.advance(signal);
    const image = store.copy();
    await engine.advance(signal);
    expect(await readdir(join(markerDirectory, 's1.out'))).toEqual([
      expect.stringMatching(/^step-2-[a-z0-9]+$/),
    ]);
    await expect(engineOn(image, target, { settings }).checkedNamespace(signal)).rejects.toMatchObject({
      code: 'state-outdated',
    });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

test('a target that does not answer stops nothing but the file at hand', async () => {
  const target = new MemoryTarget();
  target.fault = () => 'namenode-unreachable';
  const engine = engineOn(new Notes(), target);
  await expect(engine.advance(signal)).rejects.toMatchObject(failureLike('namenode-unreachable'));
  target.fault = () => undefined;
  await engine.advance(signal);
});

function failureLike(code: Parameters<typeof failure>[0]): { code: string } {
  return { code: failure(code, 'x', 'y').code };
}
