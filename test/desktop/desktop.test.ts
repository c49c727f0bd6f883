/**
 * Goal: the whole desktop program works together: one instance, a guarded window, bridge, tray, notifications, settings, and an engine
 * that outlives it. Method: the entry file itself with a stub in place of Electron, the shipped preload over real message ports, and a
 * real engine.
 */
import { appendFile, mkdtemp, readFile, rm, stat, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { MessageChannel } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '../../main/control/control-client.ts';
import { controlSocketPath } from '../../main/control/socket-path.ts';
import { bundleDesktop } from '../../build/desktop/bundle-desktop.ts';
import { CONTRACT_VERSION } from '../../shared/contract/control.ts';
import type { DesktopBridge } from '../../shared/contract/desktop-bridge.ts';
import type { DesktopMessage } from '../../shared/contract/desktop.ts';
import { accessLine, appendLines, makeSite, removeSite, startEngineOf, type Site } from '../cli/site.ts';
import type { EngineProcess } from '../e2e/engine-process.ts';
import { guardProcess, releaseProcess } from '../rig/orphan-guard.ts';
import { until } from '../rig/until.ts';
import * as stub from './electron-stub.ts';

vi.mock('electron', () => import('./electron-stub.ts'));

const { app, BrowserWindow, Notification, Tray, dialog, opened, session } = stub;
const PAGE = 'app://headgate/';

let folder = '';
let userData = '';
let site: Site;
let engine: EngineProcess;
/** The engine that the desktop started. */
let revived = 0;
const got: DesktopMessage[] = [];
let bridge: DesktopBridge;
const view = { hash: '' };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-desktop-'));
  userData = join(folder, 'data');
  site = await makeSite();
  await appendLines(site, 'www', [accessLine(1, 7)]);
  await appendFile(site.configFile, 'alerts: { backlogBytes: 1 }\n');
  engine = await startEngineOf(site);
  await bundleDesktop({ folder: join(folder, 'app') });
  await mkdir(join(folder, 'app', 'renderer'));
  await writeFile(join(folder, 'app', 'renderer', 'index.html'), '<title>__CSP_NONCE__</title>');
  await mkdir(userData);
  await writeFile(
    join(userData, 'settings.json'),
    JSON.stringify({ engine: { stateDir: site.stateDir, configFile: site.configFile } }),
  );
  process.env['HEADGATE_CHECKOUT'] = fileURLToPath(new URL('../..', import.meta.url));
  app.appPath = join(folder, 'app');
  app.paths.set('userData', userData);
  await import('../../main/desktop/desktop.ts');
  await until('the window is there', () => BrowserWindow.all.length > 0);
  bridge = await preloadIn(lastWindow().webContents.id, PAGE);
  bridge.subscribe((message) => {
    got.push(message);
  });
  await until('the engine is followed', () => got.some(isLive));
}, 120_000);

afterAll(async () => {
  app.quit();
  await until('it has quit', () => app.quits > 0);
  await engine.kill();
  if (revived !== 0) {
    process.kill(revived, 'SIGKILL');
    releaseProcess(revived);
  }
  await removeSite(site);
  await rm(folder, { recursive: true, force: true });
});

function lastWindow() {
  const window = BrowserWindow.all.at(-1);
  if (window === undefined) throw new Error('there is no window');
  return window;
}

function tray() {
  const [only, ...others] = Tray.all;
  if (only === undefined || others.length > 0) throw new Error(`${Tray.all.length} trays`);
  return only;
}

async function preloadIn(windowId: number, url: string, parent: stub.StubFrame | null = null) {
  const { electron, exposed } = stub.rendererOf(windowId, { url, parent });
  const code = await readFile(join(folder, 'app', 'preload.cjs'), 'utf8');
  const world = {
    require: () => electron,
    MessageChannel,
    Error,
    exports: {},
    module: { exports: {} },
    location: view,
  };
  runInNewContext(code, world);
  return exposed['headgate'] as DesktopBridge;
}

const isLive = (message: DesktopMessage): boolean => message.type === 'link' && message.link.state === 'live';

describe('the window', () => {
  test('is sandboxed, isolated, without Node, and shows the console', () => {
    const window = lastWindow();
    expect(window.options).toMatchObject({
      width: 1280,
      height: 800,
      webPreferences: {
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        nodeIntegrationInWorker: false,
        nodeIntegrationInSubFrames: false,
        webSecurity: true,
        webviewTag: false,
        preload: join(folder, 'app', 'preload.cjs'),
      },
    });
    expect(app.isSandboxed).toBe(true);
    expect(window.address).toBe(PAGE);
    expect(window.isShown).toBe(true);
    expect(stub.schemes).toEqual([
      { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
    ]);
  });

  test.each(['will-navigate', 'will-frame-navigate', 'will-redirect'])('%s leads nowhere else', (kind) => {
    const stays = (url: string): boolean => {
      let isPrevented = false;
      lastWindow().webContents.emit(kind, { url, preventDefault: () => (isPrevented = true) });
      return isPrevented;
    };
    expect(stays('https://evil.example/')).toBe(true);
    expect(stays('file:///etc/passwd')).toBe(true);
    expect(stays('app://evil/')).toBe(true);
    expect(stays('app://headgate/')).toBe(false);
  });

  test('never opens another, nor embeds a view; links of the allow list open outside', () => {
    const { webContents } = lastWindow();
    for (const url of ['https://evil.example/', 'https://kafka.apache.org/documentation/', 'file:///x'])
      expect(webContents.windowOpen?.({ url })).toEqual({ action: 'deny' });
    expect(opened).toEqual(['https://kafka.apache.org/documentation/']);
    let isPrevented = false;
    webContents.emit('will-attach-webview', { preventDefault: () => (isPrevented = true) });
    expect(isPrevented).toBe(true);
  });

  test('gets no permission of any kind', () => {
    const { request, check, device } = session.defaultSession;
    for (const permission of ['media', 'geolocation', 'notifications', 'clipboard-read', 'openExternal']) {
      const answers: boolean[] = [];
      request?.({}, permission, (isAllowed) => answers.push(isAllowed));
      expect(answers).toEqual([false]);
    }
    expect([check?.(), device?.()]).toEqual([false, false]);
  });

  test('loads the console’s files by app://', async () => {
    const answer = await session.defaultSession.serve?.({ url: PAGE, method: 'GET' });
    expect(await answer?.text()).toMatch(/^<title>[A-Za-z0-9+/]{24}<\/title>$/);
  });

  test('is hidden when it is closed, and a second start of the program shows it again', async () => {
    const window = lastWindow();
    window.close();
    expect([window.isShown, window.isDestroyed]).toEqual([false, false]);
    await until('its place is remembered', () => fileOf('window.json'));
    expect(JSON.parse((await fileOf('window.json')) ?? '')).toEqual({
      bounds: window.bounds,
      isMaximized: false,
    });
    app.emit('second-instance');
    expect([window.isShown, BrowserWindow.all.length]).toEqual([true, 1]);
  });
});

describe('the bridge', () => {
  test('begins with the link and the last status', () => {
    expect(got[0]?.type).toBe('link');
    const first = got.find(({ type }) => type === 'event');
    expect(first).toMatchObject({
      event: { type: 'status', status: { gateway: 'cli-test', pid: engine.pid } },
    });
  });

  test('says what this is', async () => {
    expect(await bridge.info()).toMatchObject({
      contract: CONTRACT_VERSION,
      appVersion: '0.1.0',
      platform: process.platform,
      language: 'en',
      autostart: { isSupported: true },
      engine: { state: 'connected', isOwn: true },
    });
  });

  test('passes calls to the engine, with the user’s name, and its errors back', async () => {
    const paused = await bridge.call('pause', { sink: 'local', by: 'somebody', why: 'a test' });
    expect(paused).toEqual({ ok: true, value: { paused: ['local'] } });
    await until('the switch comes by the stream', () =>
      got.some(
        ({ type, ...message }) =>
          type === 'event' &&
          JSON.stringify(message).includes('"why":"a test"') &&
          !JSON.stringify(message).includes('somebody'),
      ),
    );
    const answer = await bridge.call('pause', { sink: 'none', by: '' });
    expect(answer).toMatchObject({ ok: false, error: { code: 'usage' } });
    expect(JSON.stringify(answer)).not.toContain('.ts:');
  });

  test('gives other pages, frames and windows neither answers nor events', async () => {
    const { id } = lastWindow().webContents;
    const strangers = [
      await preloadIn(id, 'https://evil.example/'),
      await preloadIn(id, PAGE, { url: PAGE, parent: null }),
      await preloadIn(id + 1000, PAGE),
    ];
    const heard: unknown[] = [];
    for (const stranger of strangers) {
      stranger.subscribe((message) => {
        heard.push(message);
      });
      expect(await stranger.call('status', {})).toMatchObject({
        ok: false,
        error: { code: 'permission-denied' },
      });
      await expect(stranger.info()).rejects.toThrow();
    }
    const before = got.length;
    await until('events go on for the console', () => got.length > before + 3);
    expect(heard).toEqual([]);
  });

  test('changes settings, says so to the page, and the page hears where to go', async () => {
    const answer = await bridge.call('desktop.setSettings', { language: 'zh-CN' });
    expect(answer).toMatchObject({ ok: true, value: { settings: { language: 'zh-CN' }, problems: [] } });
    expect((await stat(join(userData, 'settings.json'))).mode & 0o777).toBe(0o600);
    await until('the page has heard', () => got.some(({ type }) => type === 'settings'));
    await until('the tray speaks it', () => /[\u4e00-\u9fff]/.test(tray().tooltip));
    await bridge.call('desktop.openPage', { page: 'landings' });
    await until('the page has gone there', () => view.hash === '#/landings');
    await bridge.call('desktop.setSettings', { language: 'en' });
    await until('the tray speaks the other', () => tray().tooltip.includes('backlog'));
  });

  test('opens links of the allow list only', async () => {
    const open = (url: string) => bridge.call('desktop.openLink', { url });
    expect(await open('https://hadoop.apache.org/docs/')).toEqual({ ok: true, value: { isOpened: true } });
    expect(await open('https://evil.example/')).toEqual({ ok: true, value: { isOpened: false } });
    expect(opened.at(-1)).toBe('https://hadoop.apache.org/docs/');
  });
});

describe('the tray', () => {
  test('shows the worst there is for either panel, and resumes by its menu', async () => {
    await bridge.call('pause', { by: '' });
    // The backlog over its limit is worse than the pause, and is what the icon shows.
    await until('the tray warns', () => String(tray().image).includes('warning-light'));
    stub.nativeTheme.shouldUseDarkColors = true;
    stub.nativeTheme.emit('updated');
    expect(String(tray().image)).toContain('warning-dark');
    expect((await stat(String(tray().image))).isFile()).toBe(true);
    await until('its menu has it', () => tray().menu.some(({ label }) => label?.startsWith('Resume')));
    tray().choose('Resume writing to all sinks');
    await until('nothing is paused', async () => {
      const { sinks } = await engine.client.call('status', {});
      return sinks.every(({ paused }) => paused === undefined);
    });
    await until('its menu has it', () => !tray().menu.some(({ label }) => label?.startsWith('Resume')));
  });

  test('asks before it stops the engine, and keeps it when the answer is no', async () => {
    dialog.answer = 0;
    await until('its menu has it', () => tray().menu.some(({ label }) => label === 'Stop the engine…'));
    tray().choose('Stop the engine…');
    await until('it has asked', () => dialog.questions.length === 1);
    expect(dialog.questions[0]).toMatchObject({ type: 'warning', defaultId: 0, cancelId: 0 });
    expect(engine.isRunning).toBe(true);
  });
});

describe('a notification', () => {
  test('tells of the backlog once, and its click opens the page', async () => {
    const [first, ...others] = await until('it has come', () =>
      Notification.all.length > 0 ? Notification.all : undefined,
    );
    expect(others).toEqual([]);
    expect(first?.options.body).toContain('backlog');
    lastWindow().hide();
    first?.emit('click');
    expect(lastWindow().isShown).toBe(true);
    await until('the page has gone there', () => ['#/alerts', '#/backlog'].includes(view.hash));
  });
});

describe('when the engine goes', () => {
  test('the page and the tray say so, and the desktop brings it back', async () => {
    const before = Notification.all.length;
    got.length = 0;
    await engine.kill();
    await until('the page has heard', () =>
      got.some((message) => message.type === 'link' && message.link.state === 'lost'),
    );
    await until('the tray shows it', () => String(tray().image).includes('engine-gone'));
    await until('it is back', () => got.some(isLive));
    const { pid } = await clientOf(site).call('status', {});
    expect(pid).not.toBe(engine.pid);
    revived = pid;
    guardProcess(pid);
    // At most that it is gone, on a machine that is slow to start it.
    expect(Notification.all.length - before).toBeLessThanOrEqual(1);
    expect(lastWindow().isShown).toBe(true);
  });

  test('a window that dies takes its calls with it, and the next one starts afresh', async () => {
    const dead = lastWindow();
    dead.webContents.emit('render-process-gone');
    expect(dead.isDestroyed).toBe(true);
    expect(await bridge.call('status', {})).toMatchObject({
      ok: false,
      error: { code: 'permission-denied' },
    });
    tray().emit('click');
    expect(lastWindow()).not.toBe(dead);
    bridge = await preloadIn(lastWindow().webContents.id, PAGE);
    expect(await bridge.call('status', {})).toMatchObject({ ok: true });
  });
});

describe('quitting', () => {
  test('leaves the engine running and the tray empty', async () => {
    tray().choose('Quit (the engine goes on)');
    await until('it has quit', () => app.quits > 0);
    expect([tray().isDestroyed, lastWindow().isDestroyed]).toEqual([true, true]);
    expect(await clientOf(site).call('status', {})).toMatchObject({ pid: revived });
    expect(dialog.errors).toEqual([]);
  });
});

function clientOf({ stateDir }: Site): ControlClient {
  return new ControlClient(controlSocketPath(stateDir));
}

function fileOf(name: string): Promise<string | undefined> {
  return readFile(join(userData, name), 'utf8').catch(() => undefined);
}
