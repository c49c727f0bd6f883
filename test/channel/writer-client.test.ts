import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startChannelWriter, WriterClient } from '../../main/channel/writer-client.ts';
import type { LandingStore } from '../../main/landing/landing-store.ts';
import type { SourceStore } from '../../main/sources/source.ts';
import { GatewayError } from '../../shared/errors.ts';
import { fileRequest, landedFacts, putOf, range, settings, SINK } from './channel-fixture.ts';
import { tenureStart, TestDirectory } from './channel-fixture.ts';

/** Goal: several threads talk to one writer through ports, and results, errors and notices arrive whole. */
let directory: TestDirectory;
let client: WriterClient;
beforeEach(async () => {
  directory = new TestDirectory();
  client = await startChannelWriter(settings(directory.path, { capacityBytes: 3_000_000 }), 'gw-1');
});
afterEach(async () => {
  await client.close();
  directory[Symbol.dispose]();
});

test('the client is the store that sources and landing ask for', () => {
  const source: SourceStore = client;
  const landing: LandingStore = client;
  expect(source.identity).toEqual({ gatewayId: 'gw-1', stateId: settings('').stateId });
  expect(typeof landing.plan).toBe('function');
});

test('puts cross by transfer both ways, and refusals are GatewayErrors again', async () => {
  await client.beginTenure(tenureStart('t1', 0));
  const put = putOf({ tenure: 't1', first: 0, next: 10 });
  const size = put.bytes.byteLength;
  const storing = client.put(put);
  await Promise.resolve();
  await Promise.resolve();
  expect(put.bytes.byteLength).toBe(0);
  expect((await storing).bytes.byteLength).toBe(size);
  const refused = await client
    .put(putOf({ tenure: 'other', first: 0, next: 1 }))
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(GatewayError);
  expect(refused).toMatchObject({ code: 'stale-tenure', place: 'tenure other' });
  const assertion = client.put(putOf({ tenure: 't1', first: 10, next: 12, chunks: [{ offsets: [10] }] }));
  await expect(assertion).rejects.toMatchObject({ name: 'AssertionError' });
});

test('a second port works beside the first and hears of changes', async () => {
  const lander = await WriterClient.connect(client.connectPort());
  const heard = new Promise<void>((resolve) => void lander.onChange(SINK, resolve));
  await client.beginTenure(tenureStart('t1', 0));
  await client.put(putOf({ tenure: 't1', first: 0, next: 10 }));
  await heard;
  const switched = new Promise<void>((resolve) => void lander.onChange(SINK, resolve));
  await client.perform('setSwitch', { sink: '*', isPaused: true, who: 'test', why: 'test', atMs: 1 });
  await switched;
  expect(await lander.isPaused(SINK)).toBe(true);
  await client.accept('t1', 10);
  const [key] = await lander.keys(SINK);
  expect((await lander.plan(fileRequest(key?.id ?? 0)))?.plan.events).toBe(10);
  lander.disconnect();
});

test('a full channel holds puts back until their signal ends', async () => {
  await client.beginTenure(tenureStart('t1', 0));
  let at = 0;
  const big = () => {
    const put = putOf({ tenure: 't1', first: at, next: at + 1 });
    at++;
    const bytes = crypto.getRandomValues(new Uint32Array(16_000)).buffer;
    return { ...put, bytes, chunks: put.chunks.map((chunk) => ({ ...chunk, byteLength: bytes.byteLength })) };
  };
  while (client.room.isOpen) await client.put(big());
  const stop = new AbortController();
  const waiting = client.put(big(), stop.signal);
  const opening = client.whenOpen(stop.signal);
  stop.abort(new Error('stopped'));
  await expect(waiting).rejects.toThrow('stopped');
  await expect(opening).rejects.toThrow('stopped');
  expect(await client.perform('room')).toMatchObject({ isOpen: false, reason: 'capacity' });
});

test('who feeds a channel whose memory is full waits, and nobody else; puts that are made go on', async () => {
  const memory = { quick: { capacityBytes: 1_650, stopsIntake: true, spillAfterMs: undefined } };
  using place = new TestDirectory();
  const full = await startChannelWriter(settings(place.path, { memory }), 'gw-1');
  try {
    await full.beginTenure(tenureStart('t1', 0));
    const put = (first: number) =>
      full.put(
        putOf({
          tenure: 't1',
          first,
          next: first + 200,
          chunks: [{ offsets: range(first, first + 200), channel: 'quick' }],
        }),
      );
    await put(0);
    const stop = new AbortController();
    await full.whenOpen(stop.signal, ['disk']);
    let isIn = false;
    const waiting = full.whenOpen(stop.signal, ['disk', 'quick']).then(() => (isIn = true));
    await put(200);
    await full.accept('t1', 400);
    expect(isIn).toBe(false);
    const [key] = await full.keys(SINK);
    const planned = await full.plan(fileRequest(key?.id ?? 0));
    if (planned === undefined) throw new Error('no plan');
    const { fileId } = planned.plan;
    await full.startAttempt(fileId, { number: 1, tempPath: '/logs/.t1' });
    await full.attemptUploaded(fileId, { number: 1, inode: undefined });
    await full.startRename(fileId, 1);
    await full.landed(fileId, landedFacts(), undefined);
    await waiting;
  } finally {
    await full.close();
  }
});

test('a directory that cannot be used is reported by the start', async () => {
  await expect(startChannelWriter(settings(join(directory.path, 'missing')), 'gw')).rejects.toMatchObject({
    code: 'io-error',
  });
});

test('on a small disk that fills up for real, landing makes room and intake goes on', () => {
  const output = onSmallDisk('full-disk-child.ts');
  if (output !== undefined) expect(output).toBe('every offset once');
});

test('a disk that was filled while no engine ran is met with the ballast: it lands, and closes in order', () => {
  const output = onSmallDisk('full-disk-start-child.ts');
  if (output === undefined) return;
  const expected = { isOpen: false, reason: 'disk-full', without: 'disk-full', left: 0 };
  expect(JSON.parse(output)).toEqual(expected);
});

/** The last line that the script prints; undefined where no small disk can be mounted. */
function onSmallDisk(name: string): string | undefined {
  const mount = 'mount -t tmpfs -o size=24m tmpfs "$1" && exec "$2" "$3" "$1"';
  const canMount = spawnSync('unshare', ['-Urm', 'true']).status === 0;
  if (!canMount) {
    // Without user namespaces the same path is shown with SQLite's own page limit, in room-and-faults.test.ts.
    console.info('this machine has no user namespaces: no small disk could be mounted');
    return undefined;
  }
  const script = join(import.meta.dirname, name);
  const args = ['-Urm', 'sh', '-c', mount, 'sh', directory.path, process.execPath, script];
  return execFileSync('unshare', args, { encoding: 'utf8' }).trim().split('\n').at(-1);
}
