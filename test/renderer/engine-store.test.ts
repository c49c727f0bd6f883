/**
 * Goal: what didn't change stays identical, so that a page draws again only what changed, and ages follow the engine's clock. Method:
 * a store fed with statuses, and the sharing checked against plain equality with generated values.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EngineClock } from '../../renderer/client/engine-clock.ts';
import { EngineStore } from '../../renderer/client/engine-store.ts';
import { shareUnchanged } from '../../renderer/client/structural-sharing.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import type { Job } from '../../shared/contract/control-job.ts';

describe('structural sharing', () => {
  test('the result equals the new value, and is the old one when they are equal', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (before, next) => {
        expect(shareUnchanged(before, next)).toEqual(next);
        const copy = JSON.parse(JSON.stringify(next)) as unknown;
        expect(shareUnchanged(next, copy)).toBe(next);
      }),
      { examples: [null, {}].map((before) => [before, JSON.parse('{"__proto__":{"a":1}}') as fc.JsonValue]) },
    );
  });

  test('a part that did not change is the same object', () => {
    const before = { a: { x: 1 }, b: [{ y: 1 }, { y: 2 }] };
    const next = shareUnchanged(before, { a: { x: 1 }, b: [{ y: 1 }, { y: 3 }] });
    expect(next.a).toBe(before.a);
    expect(next.b[0]).toBe(before.b[0]);
    expect(next.b).not.toBe(before.b);
  });

  test('a field that comes or goes is a change', () => {
    const before = { a: 1, b: undefined as number | undefined };
    expect(shareUnchanged(before, { a: 1 })).not.toBe(before);
    expect(Object.keys(shareUnchanged({ a: 1 }, before))).toEqual(['a', 'b']);
  });
});

describe('engine store', () => {
  test('a status with the same sinks leaves the sinks identical', () => {
    const store = new EngineStore();
    store.take({ type: 'event', event: { type: 'status', status: status({ nowMs: 1 }) } });
    const { sinks } = store.view().status ?? {};
    store.take({ type: 'event', event: { type: 'status', status: status({ nowMs: 2 }) } });
    expect(store.view().status?.nowMs).toBe(2);
    expect(store.view().status?.sinks).toBe(sinks);
  });

  test('another run of the engine forgets the jobs and the log of the one before', () => {
    const store = new EngineStore();
    store.take({ type: 'event', event: { type: 'status', status: status({}) } });
    store.take({ type: 'event', event: { type: 'job', job: job('a', 1) } });
    store.take({ type: 'event', event: { type: 'status', status: status({ startedMs: 7 }) } });
    expect(store.view().jobs).toEqual([]);
  });

  test('jobs are listed once each, the newest first, and the list is bounded', () => {
    const store = new EngineStore();
    for (let place = 0; place < 100; place++) store.takeJobs([job(`job-${place}`, place), job('job-0', 0)]);
    const ids = store.view().jobs.map(({ id }) => id);
    expect(ids[0]).toBe('job-99');
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeLessThanOrEqual(60);
  });

  test('the last status stays when the connection is lost', () => {
    const store = new EngineStore();
    store.take({ type: 'event', event: { type: 'status', status: status({}) } });
    store.take({ type: 'link', link: { state: 'connecting' } });
    expect(store.view().status).toBeDefined();
    expect(store.view().lastDataMs).toBeDefined();
  });
});

describe('signing out', () => {
  test('nothing of the gateway is kept, but a session that ran out keeps the page', () => {
    const store = new EngineStore();
    store.take({ type: 'event', event: { type: 'status', status: status({}) } });
    store.take({ type: 'link', link: { state: 'signed-out', wasSignedIn: true } });
    expect(store.view().status).toBeDefined();
    store.take({ type: 'link', link: { state: 'signed-out', wasSignedIn: false } });
    expect(store.view().status).toBeUndefined();
  });
});

describe('engine clock', () => {
  test('the sample that travelled least is believed', () => {
    const clock = new EngineClock();
    const aheadMs = 90_000;
    for (const delayMs of [80, 15, 400]) clock.hear(1_000_000 + aheadMs, 1_000_000 + delayMs);
    expect(clock.differenceMs).toBe(aheadMs - 15);
    expect(clock.nowMs(2_000_000)).toBe(2_000_000 + aheadMs - 15);
  });

  test('a clock that is set back is followed after a while', () => {
    const clock = new EngineClock();
    clock.hear(10_000, 0);
    for (let sample = 0; sample < 20; sample++) clock.hear(0, 0);
    expect(clock.differenceMs).toBe(0);
  });
});

function job(id: string, startedMs: number): Job {
  return {
    id,
    kind: 'export',
    title: id,
    by: '',
    state: 'running',
    startedMs,
    progress: { step: '', done: 0, total: 0 },
  };
}

function status(part: Partial<EngineStatus>): EngineStatus {
  return {
    contract: 2,
    version: '0',
    pid: 1,
    gateway: 'g',
    stateId: 's',
    stateDir: '/s',
    state: 'running',
    startedMs: 1,
    nowMs: 1,
    configVersion: 1,
    configFile: '/c',
    configProblems: [],
    memoryBytes: 0,
    sources: [],
    channels: [],
    sinks: [],
    alerts: [],
    ...part,
  };
}
