/**
 * Goal: a window follows the engine over a real message channel, a slow one costs a bounded amount of memory and is told what it
 * missed, and the preload, as it is shipped, offers three functions and nothing else. Method: Node's message ports; the bundled
 * preload runs in a context of its own.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleDesktop } from '../../build/desktop/bundle-desktop.ts';
import { EventStream, UNREAD_MAX, WAITING_MAX, type EventPort } from '../../main/desktop/event-stream.ts';
import type { DesktopBridge } from '../../shared/contract/desktop-bridge.ts';
import type { DesktopMessage } from '../../shared/contract/desktop.ts';
import { until } from '../rig/until.ts';
import { ipcMain, rendererOf } from './electron-stub.ts';

function nodePort(port: MessagePort): EventPort {
  return {
    post: (message) => port.postMessage(message),
    onTaken: (listener) => void port.on('message', listener),
    onClose: (listener) => void port.on('close', listener),
    close: () => port.close(),
  };
}

/** `take`: how many messages the reader says it has taken, for each that it gets. */
function streamTo(take: number) {
  const { port1, port2 } = new MessageChannel();
  const got: DesktopMessage[] = [];
  let isEnded = false;
  const stream = new EventStream(nodePort(port1), () => (isEnded = true));
  port2.on('message', (message: DesktopMessage) => {
    got.push(message);
    if (take > 0) port2.postMessage(take);
  });
  return { stream, got, reader: port2, isEnded: () => isEnded };
}

const log = (id: number): DesktopMessage => ({ type: 'event', event: { type: 'log', line: { id } } });
const status = (pid: number): DesktopMessage => ({
  type: 'event',
  event: { type: 'status', status: { pid } },
});

describe('a stream of events', () => {
  test('brings everything in order to a reader that keeps up', async () => {
    const { stream, got } = streamTo(1);
    const sent = Array.from({ length: 3 * UNREAD_MAX }, (_, id) => log(id));
    for (const message of sent) stream.send(message);
    await until('all have come', () => got.length === sent.length);
    expect(got).toEqual(sent);
    stream.close();
  });

  test('never has more on the way than a window may leave unread', async () => {
    const { stream, got, reader } = streamTo(0);
    for (let id = 0; id < 10 * UNREAD_MAX; id++) stream.send(log(id));
    await until('the first have come', () => got.length >= UNREAD_MAX);
    reader.postMessage(1);
    await until('one more has come', () => got.length > UNREAD_MAX);
    expect(got.length).toBe(UNREAD_MAX + 1);
    stream.close();
  });

  test('leaves out the oldest for a reader that is far behind, and says how many', async () => {
    const { stream, got, reader } = streamTo(0);
    const sent = UNREAD_MAX + WAITING_MAX + 7;
    for (let id = 0; id < sent; id++) stream.send(log(id));
    await until('the first have come', () => got.length === UNREAD_MAX);
    reader.on('message', () => reader.postMessage(1));
    reader.postMessage(UNREAD_MAX);
    await until('the last has come', () => got.length === UNREAD_MAX + 1 + WAITING_MAX);
    expect(got[UNREAD_MAX]).toEqual({ type: 'left-out', messages: 7 });
    expect(got[UNREAD_MAX + 1]).toEqual(log(UNREAD_MAX + 7));
    expect(got.at(-1)).toEqual(log(sent - 1));
    stream.close();
  });

  test('keeps only the newest status of those that wait', async () => {
    const { stream, got, reader } = streamTo(0);
    for (let id = 0; id < UNREAD_MAX; id++) stream.send(log(id));
    for (let pid = 1; pid <= 1000; pid++) stream.send(status(pid));
    stream.send({ type: 'link', link: { state: 'connecting' } });
    stream.send({ type: 'link', link: { state: 'live' } });
    await until('the first have come', () => got.length === UNREAD_MAX);
    reader.postMessage(UNREAD_MAX);
    await until('the rest has come', () => got.length === UNREAD_MAX + 2);
    expect(got.slice(UNREAD_MAX)).toEqual([status(1000), { type: 'link', link: { state: 'live' } }]);
    stream.close();
  });

  test('takes no nonsense from a reader as progress', async () => {
    const { stream, got, reader } = streamTo(0);
    for (let id = 0; id < 2 * UNREAD_MAX; id++) stream.send(log(id));
    await until('the first have come', () => got.length === UNREAD_MAX);
    for (const count of [-5, 0.5, Infinity, '9', null, {}, 0]) reader.postMessage(count);
    // The last word is a true one: when its effect is there, the others had none.
    reader.postMessage(1);
    await until('one more has come', () => got.length > UNREAD_MAX);
    expect(got.length).toBe(UNREAD_MAX + 1);
    stream.close();
  });

  test('ends when the reader goes, and what is sent then goes nowhere', async () => {
    const { stream, got, reader, isEnded } = streamTo(1);
    reader.close();
    await until('the stream has ended', isEnded);
    for (let id = 0; id < 10 * WAITING_MAX; id++) stream.send(log(id));
    expect(got).toEqual([]);
    stream.close();
  });
});

describe('the preload, as it is shipped', () => {
  let folder = '';
  let code = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'headgate-preload-'));
    await bundleDesktop({ folder });
    code = await readFile(join(folder, 'preload.cjs'), 'utf8');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  function runPreload() {
    const { electron, exposed } = rendererOf(1, { url: 'app://headgate/', parent: null });
    const asked: string[] = [];
    const require = (name: string): unknown => {
      asked.push(name);
      if (name !== 'electron') throw new Error(`a sandboxed preload has no ${name}`);
      return electron;
    };
    runInNewContext(code, { require, MessageChannel, Error, exports: {}, module: { exports: {} } });
    return { asked, exposed, bridge: exposed['headgate'] as DesktopBridge };
  }

  test('asks for Electron only, and shows the page three functions and nothing else', () => {
    const { asked, exposed, bridge } = runPreload();
    expect(asked).toEqual(['electron']);
    expect(Object.keys(exposed)).toEqual(['headgate']);
    expect(Object.keys(bridge).sort()).toEqual(['call', 'info', 'subscribe']);
    expect(Object.values(bridge).every((member) => typeof member === 'function')).toBe(true);
    expect(code.length).toBeLessThan(10_000);
  });

  test('passes calls on as they are, and what comes back', async () => {
    ipcMain.handlers.set('headgate:call', (_event, name, input) =>
      name === 'desktop.info'
        ? { ok: true, value: { contract: 2, appVersion: '1', platform: 'linux' } }
        : { ok: true, value: { name, input } },
    );
    const { bridge } = runPreload();
    expect(await bridge.call('pause', { sink: 'a' })).toEqual({
      ok: true,
      value: { name: 'pause', input: { sink: 'a' } },
    });
    expect(await bridge.info()).toMatchObject({ contract: 2, appVersion: '1' });
    ipcMain.handlers.clear();
  });

  test('reads events one by one, says that it has, and closes its port', async () => {
    const { bridge } = runPreload();
    let stream: EventStream | undefined;
    let isEnded = false;
    ipcMain.once('headgate:subscribe', ({ ports }: { ports: MessagePort[] }) => {
      const [port] = ports as unknown as {
        start(): void;
        on: MessagePort['on'];
        postMessage(m: unknown): void;
        close(): void;
      }[];
      if (port === undefined) throw new Error('no port came');
      port.start();
      stream = new EventStream(
        {
          post: (message) => port.postMessage(message),
          onTaken: (listener) => port.on('message', ({ data }: { data: unknown }) => listener(data)),
          onClose: (listener) => port.on('close', listener),
          close: () => port.close(),
        },
        () => (isEnded = true),
      );
    });
    const got: unknown[] = [];
    const stop = bridge.subscribe((message) => {
      got.push(message);
    });
    const sent = Array.from({ length: 2 * UNREAD_MAX }, (_, id) => log(id));
    for (const message of sent) stream?.send(message);
    await until('more than fit on the way have come', () => got.length === sent.length);
    expect(got).toEqual(sent);
    stop();
    await until('the stream has ended', () => isEnded);
  });
});
