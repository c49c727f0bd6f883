/**
 * Goal: each doubt of exactly-once.md §3 ends as it says there: another attempt, landed where it is, or held; never a guess.
 * Method: one lander on a target that imitates the facts sheet, one fault at a time.
 */
import { describe, expect, test } from 'vitest';

import { fileStamp, runsDigest } from '../../main/landing/file-stamp.ts';
import type { LanderSettings } from '../../main/landing/lander-settings.ts';
import { singleRun } from '../../shared/model/offset-runs.ts';
import { changedTarget, LandingWorld } from './landing-world.ts';
import type { Life } from './landing-world.ts';
import { checksumOf } from './memory-target.ts';
import type { Fault, Operation } from './memory-target.ts';

/** The n-th call of an operation meets the fault. */
function faultAt(world: LandingWorld, operation: Operation, fault: Fault, nth = 1): void {
  let count = 0;
  world.target.fault = (asked) => (asked === operation && ++count === nth ? fault : undefined);
}

function oneFile(world: LandingWorld): void {
  world.store.addKey(1);
  world.store.put(1);
  world.store.put(1, { codec: 'zstd', partition: 1 });
}

async function landAll(world: LandingWorld, settings: Partial<LanderSettings> = {}): Promise<Life> {
  const life = world.live(settings);
  const isOver = await world.clock.until(() => world.store.backlog === 0 || life.lander.status().held > 0);
  expect(isOver).toBe(true);
  await world.stop(life);
  return life;
}

function creates(world: LandingWorld): number {
  return world.target.calls.filter((call) => call.startsWith('create')).length;
}

describe('an upload', () => {
  test('that goes well is one create, stands in the ledger with its proof, and is stamped with its runs', async () => {
    const world = new LandingWorld();
    oneFile(world);
    await landAll(world);
    expect(creates(world)).toBe(1);
    const [entry] = world.store.ledger;
    const file = world.target.files.get(entry?.facts.finalPath ?? '');
    expect(file?.bytes.toString()).toBe('1/0/0\n1/0/1\n1/0/2\n1/1/0\n1/1/1\n1/1/2\n');
    expect(entry?.facts).toMatchObject({
      checksum: checksumOf(file?.bytes ?? Buffer.alloc(0)),
      checksumNote: undefined,
      attempts: 1,
    });
    expect(entry?.facts.inode).toBe(file?.inode);
    expect(JSON.parse(file?.attributes['file'] ?? '')).toMatchObject({
      gateway: 'xian-gw-1',
      state: 'a1b2c3d4e5',
      channel: 'disk',
      events: 6,
    });
    expect(JSON.parse(file?.attributes['parts'] ?? '')).toEqual([
      ['weblogs', 'www', 0, 'i1', 0, 2, 3, expect.any(String)],
      ['weblogs', 'www', 1, 'i1', 0, 2, 3, expect.any(String)],
    ]);
  });

  test.each(['truncate', 'lose-reply', 'late', 'refuse'] as const)(
    'whose create ends in "%s" is made again under another name',
    async (fault) => {
      const world = new LandingWorld();
      oneFile(world);
      faultAt(world, 'create', fault);
      const life = await landAll(world);
      const paths = world.target.calls.filter((call) => call.startsWith('create'));
      expect(new Set(paths).size).toBe(2);
      expect(world.store.ledger[0]?.facts.attempts).toBe(2);
      expect(life.events.filter(({ kind }) => kind === 'attempt-abandoned').length).toBe(1);
    },
  );

  test('whose bytes were changed on the way is found by the checksum and avoided server, and made again', async () => {
    const world = new LandingWorld();
    oneFile(world);
    faultAt(world, 'create', 'corrupt');
    const life = await landAll(world);
    expect(life.events.find(({ kind }) => kind === 'attempt-abandoned')).toMatchObject({
      why: { code: 'checksum-mismatch' },
    });
    expect(world.landedText()).toContain('1/0/0\n');
  });

  test('is not repeated because the look at it afterwards failed', async () => {
    const world = new LandingWorld();
    oneFile(world);
    faultAt(world, 'stat', 'refuse');
    await landAll(world);
    expect(creates(world)).toBe(1);
  });

  test('goes on without a damaged chunk, whose file never becomes visible', async () => {
    const world = new LandingWorld();
    oneFile(world);
    const bad = world.store.put(1);
    const chunk = world.store.chunks.get(bad);
    if (chunk !== undefined) chunk.stored = Buffer.from(chunk.stored).fill(0, 0, 1);
    const life = await landAll(world);
    expect(world.store.damaged).toEqual([bad]);
    expect(life.events.filter(({ kind }) => kind === 'chunk-damaged').length).toBe(1);
    expect(world.store.ledger.map(({ plan }) => plan.events)).toEqual([6]);
  });

  test('of which every chunk is damaged leaves no file and no open plan', async () => {
    const world = new LandingWorld();
    world.store.addKey(1);
    const chunk = world.store.chunks.get(world.store.put(1));
    if (chunk !== undefined) chunk.stored = Buffer.from('bad');
    const life = await landAll(world);
    expect(world.target.visible()).toEqual([]);
    expect(life.lander.status()).toMatchObject({ running: 0, waiting: 0, held: 0, landedFiles: 0 });
  });
});

describe('a rename', () => {
  test.each(['refuse', 'lose-reply', 'moved-by-others', 'unjournaled'] as const)(
    'that ends in "%s" uploads nothing again',
    async (fault) => {
      const world = new LandingWorld();
      oneFile(world);
      faultAt(world, 'rename', fault);
      await landAll(world);
      expect(creates(world)).toBe(1);
      expect(world.target.visible()).toEqual([world.store.ledger[0]?.facts.finalPath]);
      expect(world.store.ledger[0]?.facts.finalPath.startsWith('/moved/')).toBe(fault === 'moved-by-others');
    },
  );

  test('whose reply was lost is confirmed by a write before it is believed', async () => {
    const world = new LandingWorld();
    oneFile(world);
    faultAt(world, 'rename', 'lose-reply');
    await landAll(world);
    const at = world.target.calls.findIndex((call) => call.startsWith('rename'));
    const later = world.target.calls.slice(at + 1);
    expect(later.some((call) => call === `stamp ${world.store.ledger[0]?.facts.finalPath}`)).toBe(true);
  });

  test('that a dying name node only showed is made again after the write that unmasks it', async () => {
    const world = new LandingWorld({ hasAttributes: false });
    oneFile(world);
    faultAt(world, 'rename', 'unjournaled');
    await landAll(world);
    expect(world.target.calls.filter((call) => call.startsWith('rename')).length).toBe(2);
    expect(world.target.visible().length).toBe(1);
  });

  test('onto a foreign file is held with an alarm, and overwrites nothing', async () => {
    const world = new LandingWorld();
    oneFile(world);
    world.target.fault = (operation) => {
      const path = [...world.store.plans.values()][0]?.plan.finalPath ?? '';
      if (operation === 'rename' && !world.target.files.has(path)) {
        world.target.files.set(path, { inode: '1', bytes: Buffer.from('foreign'), attributes: {} });
      }
      return undefined;
    };
    const life = await landAll(world);
    expect(life.events.find(({ kind }) => kind === 'held')).toMatchObject({
      why: { code: 'file-exists', retry: 'never' },
    });
    expect(world.landedText()).toBe('foreign');
    expect(world.store.backlog).toBe(2);
    expect(world.target.hidden().length).toBe(1);
  });

  test('onto a directory is held', async () => {
    const world = new LandingWorld();
    oneFile(world);
    world.target.fault = (operation) => {
      if (operation === 'rename')
        world.target.directories.add([...world.store.plans.values()][0]?.plan.finalPath ?? '');
      return undefined;
    };
    const life = await landAll(world);
    expect(life.lander.status().files[0]).toMatchObject({ state: 'held', why: { code: 'file-exists' } });
  });

  test('after which the file is nowhere is held after a second look, and lands when the operator releases it', async () => {
    const world = new LandingWorld();
    oneFile(world);
    let kept: { readonly path: string; readonly node: ReturnType<typeof world.target.files.get> } | undefined;
    faultAt(world, 'rename', 'lose-reply');
    const life = world.live();
    await world.clock.until(() => {
      const path = world.target.visible()[0];
      if (path !== undefined && kept === undefined) {
        kept = { path, node: world.target.files.get(path) };
        world.target.files.delete(path);
      }
      return life.lander.status().held === 1;
    });
    const [file] = life.lander.status().files;
    expect(file).toMatchObject({ state: 'held', why: { code: 'rename-uncertain' } });
    expect(creates(world)).toBe(1);
    expect(world.store.backlog).toBe(2);
    if (kept?.node !== undefined && file !== undefined) {
      world.target.files.set(kept.path, kept.node);
      world.store.release(file.fileId, 'renaming');
    }
    life.lander.reloadPlans();
    expect(await world.clock.until(() => world.store.backlog === 0)).toBe(true);
    await world.stop(life);
  });

  test('of a plan for another namespace waits, visibly, and touches nothing', async () => {
    const world = new LandingWorld();
    oneFile(world);
    const first = world.live({}, (name) => name === 'land.after-renaming-durable');
    await world.clock.until(() => first.isDead());
    const callsBefore = world.target.calls.length;
    const other = changedTarget(world.target, { namespace: () => Promise.resolve('memory:2') });
    const life = world.live({}, undefined, other);
    await world.clock.until(() => (life.lander.status().files[0]?.failures ?? 0) > 1);
    expect(life.lander.status().files[0]).toMatchObject({
      state: 'waiting',
      why: { code: 'config-change-refused' },
    });
    expect(world.target.calls.length).toBe(callsBefore);
    await world.stop(life);
  });

  test('on a target without inodes is recognised by what the file says of itself', async () => {
    const world = new LandingWorld({ hasInodes: false, hasInodeLookup: false });
    oneFile(world);
    faultAt(world, 'rename', 'lose-reply');
    await landAll(world);
    expect(creates(world)).toBe(1);
    expect(world.target.visible().length).toBe(1);
  });
});

describe('a file’s stamp', () => {
  test('goes to a hidden sidecar where there are no attributes', async () => {
    const world = new LandingWorld({ hasAttributes: false });
    oneFile(world);
    await landAll(world);
    const path = [...world.target.files.keys()].find((name) => name.includes('/.headgate-'));
    const sidecar = JSON.parse(world.target.files.get(path ?? '')?.bytes.toString() ?? '') as {
      parts: unknown[];
      digest: string;
    };
    expect(sidecar.parts.length).toBe(2);
    expect(sidecar.digest).toBe(runsDigest(world.store.ledger[0]?.plan.parts ?? []));
  });

  test('stays within the limits of HDFS for any number of partitions, and says where the rest is', async () => {
    const world = new LandingWorld();
    oneFile(world);
    await landAll(world);
    const plan = world.store.ledger[0]?.plan;
    if (plan === undefined) throw new Error('nothing landed');
    for (const partitions of [1, 10, 100, 500, 10_000]) {
      const parts = Array.from({ length: partitions }, (_, partition) => ({
        source: 'weblogs',
        topic: 'tópic',
        partition,
        incarnation: 'AAAAAAAAAAAAAAAAAAAAAA',
        runs: singleRun(partition, partition + 10),
      }));
      const facts = { gatewayId: 'xian-gw-1', stateId: 's', crc32c: 1, checksum: 'c' };
      const stamp = fileStamp({ ...plan, parts }, facts);
      const sizes = Object.entries(stamp.attributes).map(([name, value]) =>
        Buffer.byteLength(`user.headgate.${name}${value}`),
      );
      expect(Math.max(...sizes)).toBeLessThan(4_096);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(16_384);
      expect(sizes.length).toBeLessThanOrEqual(4);
      const text = Object.entries(stamp.attributes)
        .filter(([name]) => name.startsWith('parts'))
        .map(([, value]) => value)
        .join('');
      if (!stamp.isSidecarNeeded) expect((JSON.parse(text) as unknown[]).length).toBe(partitions);
      expect((JSON.parse(stamp.sidecar) as { parts: unknown[] }).parts.length).toBe(partitions);
      expect(JSON.parse(stamp.attributes['file'] ?? '')).toMatchObject({
        runs: stamp.isSidecarNeeded ? 'sidecar' : 'here',
      });
    }
  });
});

describe('the janitor', () => {
  test('leaves a landed file alone that somebody moved onto an abandoned name', async () => {
    const world = new LandingWorld();
    oneFile(world);
    faultAt(world, 'create', 'refuse');
    const life = world.live();
    await world.clock.until(() => world.store.backlog === 0);
    const landed = world.store.ledger[0]?.facts.finalPath ?? '';
    const name = world.store.ledger[0]?.plan.attempts[0]?.tempPath ?? '';
    const node = world.target.files.get(landed);
    if (node === undefined) throw new Error('nothing landed');
    world.target.files.delete(landed);
    world.target.files.set(name, node);
    await world.clock.until(() => life.events.some(({ kind }) => kind === 'temp-removed'));
    expect(world.target.files.has(name)).toBe(true);
    await world.stop(life);
  });

  test('removes nothing while the sink is paused', async () => {
    const world = new LandingWorld();
    oneFile(world);
    faultAt(world, 'create', 'truncate');
    const life = world.live();
    await world.clock.until(() => life.events.some(({ kind }) => kind === 'attempt-abandoned'));
    world.store.isPausedNow = true;
    life.lander.wake();
    const calls = world.target.calls.length;
    await world.clock.until(() => false, 3_600_000);
    expect(
      world.target.calls.slice(calls).filter((call) => /^(remove|create|mkdirs|rename)/.test(call)),
    ).toEqual([]);
    expect(world.target.hidden().length).toBe(1);
    await world.stop(life);
  });
});
