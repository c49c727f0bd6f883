/**
 * Goal: a marker stands whole or not at all, nothing is overwritten, and whatever dies or is lost in between, the next try ends well.
 * Method: the writer over a tree in memory that fails as an HDFS does, and a queue in memory that outlives its processes.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { CompletenessWriter, type MarkerQueue } from '../../main/landing/completeness-writer.ts';
import type { LandingEvent } from '../../main/landing/lander-status.ts';
import { CRASH_POINTS, type CrashPoint } from '../../main/telemetry/crash-point.ts';
import type { OpenMarker } from '../../shared/model/completeness.ts';
import { FakeClock, seededRandom } from './fake-clock.ts';
import { MemoryTarget, type Fault, type Operation } from './memory-target.ts';

const DIRECTORY = '/logs/08';
const FINAL = `${DIRECTORY}/_SUCCESS`;

function factsOf(changes: Record<string, unknown> = {}): string {
  return JSON.stringify({
    ...{ headgate: 'completeness', version: 1, directory: DIRECTORY, sink: 'beijing', gateway: 'xian-gw-1' },
    ...{
      stateId: 'a1b2',
      gateways: ['xian-gw-1'],
      decided: '2026-11-21T09:00:00.000Z',
      files: 3,
      events: 30,
    },
    ...{ lastLanded: '2026-11-21T08:59:00.000Z', ...changes },
  });
}

class Queue implements MarkerQueue {
  markers: OpenMarker[] = [];
  isPausedNow = false;
  add(changes: Partial<OpenMarker> = {}): void {
    const id = this.markers.length + 1;
    this.markers.push({ id, directory: DIRECTORY, revision: 1, facts: factsOf(), tempPaths: [], ...changes });
  }
  openMarkers = async (): Promise<readonly OpenMarker[]> => [...this.markers];
  markerAttempt = async (id: number, tempPath: string): Promise<void> =>
    this.#change(id, (one) => ({ ...one, tempPaths: [...one.tempPaths, tempPath] }));
  markerTaken = async (id: number): Promise<void> =>
    this.#change(id, (one) => ({ ...one, revision: one.revision + 1 }));
  markerWritten = async (id: number): Promise<void> => {
    this.markers = this.markers.filter((one) => one.id !== id);
  };
  isPaused = async (): Promise<boolean> => this.isPausedNow;
  onChange = () => () => undefined;
  #change(id: number, change: (one: OpenMarker) => OpenMarker): void {
    this.markers = this.markers.map((one) => (one.id === id ? change(one) : one));
  }
}

let queue: Queue;
let target: MemoryTarget;
let clock: FakeClock;
let events: LandingEvent[];
let lives: number;

beforeEach(() => {
  queue = new Queue();
  target = new MemoryTarget();
  target.directories.add(DIRECTORY);
  clock = new FakeClock();
  events = [];
  lives = 0;
});

function writer(crashAt?: CrashPoint, checkedNamespace = async () => 'memory:1'): CompletenessWriter {
  return new CompletenessWriter({
    ...{ queue, target, clock, checkedNamespace },
    settings: {
      ...{ sink: 'beijing', stateId: 'a1b2', gatewayId: 'xian-gw-1', permission: '644' },
      markerName: '_SUCCESS',
    },
    random: seededRandom(++lives),
    report: (event) => events.push(event),
    crashPoint: (name) => {
      if (name === crashAt) throw new Error(`killed at ${name}`);
    },
  });
}

const look = (one = writer()): Promise<number> => one.look(new AbortController().signal);
const textOf = (path: string): string | undefined => target.files.get(path)?.bytes.toString();
const hidden = (): string[] => [...target.files.keys()].filter((path) => path.includes('/.'));

describe('a marker', () => {
  test('is written with its revision and facts, and leaves nothing hidden behind', async () => {
    queue.add();
    await look();
    expect(JSON.parse(textOf(FINAL) ?? '')).toMatchObject({
      headgate: 'completeness',
      revision: 1,
      events: 30,
    });
    expect(queue.markers).toEqual([]);
    expect(hidden()).toEqual([]);
    expect(events.map(({ kind }) => kind)).toEqual(['marker-written']);
  });

  const points = CRASH_POINTS.filter(
    (name) => name === 'complete.after-create' || name === 'complete.after-rename',
  );
  test.each(points)('after a kill at %s the next start ends with exactly one marker', async (point) => {
    queue.add();
    await look(writer(point));
    expect(queue.markers).toHaveLength(1);
    await look();
    expect(queue.markers).toEqual([]);
    expect([...target.files.keys()]).toEqual([FINAL]);
  });

  const faults: [Operation, Fault][] = [
    ['create', 'lose-reply'],
    ['create', 'truncate'],
    ['create', 'refuse'],
    ['rename', 'lose-reply'],
    ['rename', 'refuse'],
    ['rename', 'unjournaled'],
    ['remove', 'lose-reply'],
    ['stat', 'refuse'],
  ];
  test.each(faults)('after %s: %s the next try ends well', async (operation, fault) => {
    queue.add();
    let isLeft = true;
    target.fault = (asked) => {
      if (asked !== operation || !isLeft) return undefined;
      isLeft = false;
      return fault;
    };
    const one = writer();
    await look(one);
    target.forgetUnjournaled();
    for (let tries = 0; tries < 5 && queue.markers.length > 0; tries++) await look(one);
    expect(queue.markers).toEqual([]);
    expect(JSON.parse(textOf(FINAL) ?? '{}')).toMatchObject({ revision: 1, events: 30 });
    expect(hidden()).toEqual([]);
  });

  test('is not written over anything: a foreign file stays, and the marker follows when it is gone', async () => {
    queue.add();
    target.files.set(FINAL, { inode: '1', bytes: Buffer.from('from a job'), attributes: {} });
    const one = writer();
    await look(one);
    expect(textOf(FINAL)).toBe('from a job');
    expect(events).toMatchObject([{ kind: 'marker-waits', isForeign: true, directory: DIRECTORY }]);
    target.files.delete(FINAL);
    await look(one);
    expect(queue.markers).toHaveLength(1);
    clock.advance(61_000);
    await look(one);
    expect(queue.markers).toEqual([]);
  });

  test('of ours that is not known any more keeps its name; the next number is taken', async () => {
    queue.add({ facts: factsOf({ decided: '2026-12-30T00:00:00.000Z' }) });
    const old = `${JSON.stringify({ ...(JSON.parse(factsOf()) as object), revision: 1 })}\n`;
    for (const name of [FINAL, `${FINAL}.r2`])
      target.files.set(name, { inode: name, bytes: Buffer.from(old), attributes: {} });
    await look();
    expect(textOf(FINAL)).toBe(old);
    expect(JSON.parse(textOf(`${FINAL}.r3`) ?? '{}')).toMatchObject({
      revision: 3,
      decided: '2026-12-30T00:00:00.000Z',
    });
  });

  const byOther = (decided: string) => ({
    ...(JSON.parse(
      factsOf({ stateId: 'other', gateway: 'xian-gw-2', gateways: ['xian-gw-1', 'xian-gw-2'], decided }),
    ) as object),
    revision: 1,
  });
  test('that another gateway of the fleet wrote for the same decision stands for ours', async () => {
    queue.add({ facts: factsOf({ gateways: ['xian-gw-1', 'xian-gw-2'] }) });
    const text = JSON.stringify(byOther('2026-11-21T09:00:01.000Z'));
    target.files.set(FINAL, { inode: '1', bytes: Buffer.from(text), attributes: {} });
    await look();
    expect([...target.files.keys()]).toEqual([FINAL]);
    expect(queue.markers).toEqual([]);
  });

  test('but not when files of ours landed after it: then a further one says so', async () => {
    queue.add({
      facts: factsOf({ gateways: ['xian-gw-1', 'xian-gw-2'], lastLanded: '2026-11-21T09:30:00.000Z' }),
    });
    const text = JSON.stringify(byOther('2026-11-21T09:00:01.000Z'));
    target.files.set(FINAL, { inode: '1', bytes: Buffer.from(text), attributes: {} });
    await look();
    expect([...target.files.keys()].sort()).toEqual([FINAL, `${FINAL}.r2`]);
  });

  test('waits while writing is paused, and while the state directory may not land anything', async () => {
    queue.add();
    queue.isPausedNow = true;
    await look();
    queue.isPausedNow = false;
    await look(writer(undefined, () => Promise.reject(new Error('cloned'))));
    expect([...target.files.keys()]).toEqual([]);
    expect(queue.markers).toHaveLength(1);
  });
});
