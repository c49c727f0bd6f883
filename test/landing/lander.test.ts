/**
 * Goal: the loop lands oldest first, a failing file holds up only its own key, a dead target costs few calls whatever waits,
 * the write switch stops new files only, and everything that waits says why.
 * Method: a lander on a fake clock; faults by path; calls counted.
 */
import { describe, expect, test } from 'vitest';

import { changedTarget, LandingWorld, ROLL } from './landing-world.ts';

describe('the lander', () => {
  test('lands the oldest key first', async () => {
    const world = new LandingWorld();
    for (const id of [3, 1, 2]) {
      world.store.addKey(id);
      world.store.put(id);
      world.clock.advance(10);
    }
    world.clock.advance(5_000);
    const life = world.live({ uploads: 1 });
    await world.clock.until(() => world.store.backlog === 0);
    expect(world.store.ledger.map(({ plan }) => plan.landingKeyId)).toEqual([3, 1, 2]);
    await world.stop(life);
  });

  test('finishes what an earlier process planned before anything new', async () => {
    const world = new LandingWorld();
    world.store.addKey(9);
    world.store.put(9);
    const first = world.live({}, (name) => name === 'land.after-create');
    await world.clock.until(() => first.isDead());
    world.store.addKey(1);
    const chunk = world.store.chunks.get(world.store.put(1));
    if (chunk !== undefined) Object.assign(chunk, { putMs: 0 });
    const life = world.live({ uploads: 1 });
    await world.clock.until(() => world.store.backlog === 0);
    expect(world.store.ledger.map(({ plan }) => plan.landingKeyId)).toEqual([9, 1]);
    await world.stop(life);
  });

  test('does not let a directory without permission hold up the others, nor swallow its own backlog into plans', async () => {
    const world = new LandingWorld();
    for (let id = 1; id <= 20; id++) {
      world.store.addKey(id);
      world.store.put(id);
    }
    world.target.fault = (operation, path) =>
      operation === 'mkdirs' && /k[1-5]$/.test(path) ? 'permission-denied' : undefined;
    const life = world.live();
    expect(await world.clock.until(() => world.store.ledger.length === 15, 60_000)).toBe(true);
    for (let minute = 0; minute < 30; minute++) {
      world.store.put(1);
      await world.clock.until(() => false, 60_000);
    }
    const status = life.lander.status();
    expect(status).toMatchObject({ waiting: 5, held: 0, gate: undefined });
    expect(status.files[0]).toMatchObject({
      why: { code: 'permission-denied', hint: expect.any(String) as string },
      step: 'mkdirs',
    });
    expect(status.keys.find(({ landingKeyId }) => landingKeyId === 1)?.state).toBe('blocked');
    expect(status.stuckSinceMs).toBeLessThan(world.clock.nowMs() - 29 * 60_000);
    world.target.fault = () => undefined;
    expect(await world.clock.until(() => world.store.backlog === 0, 120_000)).toBe(true);
    expect(life.lander.status().stuckSinceMs).toBeUndefined();
    await world.stop(life);
  });

  test('asks a dead name node no more than a few times a minute, with ten thousand keys waiting', async () => {
    const world = new LandingWorld();
    for (let id = 1; id <= 10_000; id++) {
      world.store.addKey(id);
      world.store.put(id, { events: 1 });
    }
    world.clock.advance(10_000);
    world.target.fault = (operation) => (operation === 'namespace' ? undefined : 'namenode-unreachable');
    const life = world.live();
    await world.clock.until(() => life.events.some(({ kind }) => kind === 'sink-waits'), 60_000);
    await world.clock.until(() => false, 1_200_000);
    const calls = world.target.calls.filter((call) => call.startsWith('mkdirs')).length;
    expect(calls).toBeGreaterThan(15);
    expect(calls).toBeLessThan(150);
    expect(world.store.plans.size).toBeLessThan(75);
    expect(world.store.keysCalls).toBeLessThan(150);
    expect(life.lander.status().gate).toMatchObject({ why: { code: 'namenode-unreachable' } });
    // It comes back: the first probe opens the gate for all.
    world.target.fault = () => undefined;
    expect(await world.clock.until(() => world.store.ledger.length > 200, 120_000)).toBe(true);
    expect(life.lander.status().gate).toBeUndefined();
    await world.stop(life);
  });

  test('begins nothing while paused, finishes what runs, and stays paused over a restart', async () => {
    const world = new LandingWorld();
    for (const id of [1, 2, 3]) {
      world.store.addKey(id);
      world.store.put(id);
    }
    world.target.fault = (operation) => {
      if (operation === 'create') world.store.isPausedNow = true;
      return undefined;
    };
    const life = world.live({ uploads: 1 });
    await world.clock.until(() => world.store.ledger.length === 1);
    await world.clock.until(() => false, 600_000);
    expect(world.store.ledger.length).toBe(1);
    expect(life.lander.status()).toMatchObject({ isPaused: true, stuckSinceMs: undefined, running: 0 });
    await world.stop(life);
    const calls = world.target.calls.length;
    const next = world.live({ uploads: 1 });
    await world.clock.until(() => false, 600_000);
    expect(world.target.calls.length).toBe(calls);
    world.target.fault = () => undefined;
    world.store.isPausedNow = false;
    expect(await world.clock.until(() => world.store.backlog === 0, 10_000)).toBe(true);
    await world.stop(next);
  });

  test('lands chunks as soon as they are accepted, and asks seldom while they are not', async () => {
    const world = new LandingWorld();
    world.store.addKey(1);
    const id = world.store.put(1, { isAccepted: false });
    const life = world.live();
    await world.clock.until(() => false, 3_600_000);
    expect(world.store.planCalls).toBeLessThan(150);
    expect(life.lander.status().keys[0]?.state).toBe('accepting');
    expect(life.lander.status().stuckSinceMs).toBeUndefined();
    const chunk = world.store.chunks.get(id);
    if (chunk !== undefined) chunk.isAccepted = true;
    expect(await world.clock.until(() => world.store.backlog === 0, 60_000)).toBe(true);
    await world.stop(life);
  });

  test('splits a standing backlog by size and lands the rest by its age', async () => {
    const world = new LandingWorld();
    world.store.addKey(1);
    for (let at = 0; at < 25; at++) world.store.put(1, { raw: Buffer.alloc(100, 'x') });
    const life = world.live({ roll: { ...ROLL, sizeBytes: 1_000, idleMs: 60_000 } });
    await world.clock.until(() => world.store.ledger.length === 2, 10_000);
    await world.clock.until(() => false, 30_000);
    expect(world.store.ledger.map(({ plan }) => plan.expectedBytes)).toEqual([1_000, 1_000]);
    await world.clock.until(() => world.store.backlog === 0, 60_000);
    expect(world.store.ledger.map(({ plan }) => plan.expectedBytes)).toEqual([1_000, 1_000, 500]);
    await world.stop(life);
  });

  test('lands everything at once when it is asked to', async () => {
    const world = new LandingWorld();
    world.store.addKey(1);
    world.store.put(1);
    const life = world.live({ roll: { ...ROLL, idleMs: 3_600_000 } });
    await world.clock.until(() => false, 10_000);
    expect(world.store.backlog).toBe(1);
    life.lander.landNow();
    expect(await world.clock.until(() => world.store.backlog === 0, 5_000)).toBe(true);
    await world.stop(life);
  });

  test('goes on although the wall clock is set back by a year', async () => {
    const world = new LandingWorld();
    world.store.addKey(1);
    world.store.addKey(2);
    world.store.put(1);
    let isDown = true;
    world.target.fault = (operation) => (isDown && operation === 'mkdirs' ? 'standby' : undefined);
    const life = world.live();
    await world.clock.until(() => (life.lander.status().files[0]?.failures ?? 0) > 3);
    world.store.put(2);
    world.clock.jump(-365 * 86_400_000);
    isDown = false;
    expect(await world.clock.until(() => world.store.backlog === 0, 180_000)).toBe(true);
    await world.stop(life);
  });

  test('breaks a running upload off when the drain limit is over, and abandons its name durably', async () => {
    const world = new LandingWorld();
    world.store.addKey(1);
    world.store.put(1);
    let isCreating = false;
    const stalled = changedTarget(world.target, {
      create: (_path, _upload, signal) => {
        isCreating = true;
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
        });
      },
    });
    const life = world.live({}, undefined, stalled);
    expect(await world.clock.until(() => isCreating)).toBe(true);
    await world.stop(life);
    const [plan] = await world.store.openPlans('beijing');
    expect(plan?.attempts.map(({ state }) => state)).toEqual(['abandoned']);
    const next = world.live();
    expect(await world.clock.until(() => world.store.backlog === 0)).toBe(true);
    await world.stop(next);
  });

  test('shows a file on its way with its step, its bytes and its attempt', async () => {
    const world = new LandingWorld();
    world.store.addKey(1);
    world.store.put(1);
    world.target.fault = (operation) => (operation === 'create' ? 'truncate' : undefined);
    const life = world.live();
    await world.clock.until(() => (life.lander.status().files[0]?.failures ?? 0) >= 2);
    const [file] = life.lander.status().files;
    expect(file).toMatchObject({ state: 'waiting', step: 'create', attempt: 2, why: { code: 'timeout' } });
    expect(file?.nextTryMs).toBeGreaterThan(0);
    expect(() => structuredClone(life.lander.status())).not.toThrow();
    world.target.fault = () => undefined;
    await world.clock.until(() => world.store.backlog === 0);
    await world.stop(life);
  });
});
