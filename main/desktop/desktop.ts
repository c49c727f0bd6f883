/** Entry of the desktop program: hands Electron's parts to `DesktopApp`. The only file, with preload.ts, that imports Electron. */
import { randomBytes } from 'node:crypto';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { app, dialog, ipcMain, protocol, screen, session, shell } from 'electron';
import { BRIDGE_CHANNELS } from '../../shared/contract/desktop-channels.ts';
import { isGatewayError } from '../../shared/errors.ts';
import { ControlClient } from '../control/control-client.ts';
import { systemClock } from '../telemetry/clock.ts';
import { HIDDEN_FLAG, linuxAutostart, loginItemAutostart, noAutostart, type Autostart } from './autostart.ts';
import { ConsoleFiles } from './console-files.ts';
import { DesktopApp, type DesktopPlatform } from './desktop-app.ts';
import {
  createNotification,
  createTrayHandle,
  createWindowHandle,
  messagePort,
  senderOf,
} from './electron-parts.ts';
import {
  checkoutEngine,
  engineHomes,
  linuxConfigHome,
  ownConfigFile,
  packagedEngine,
} from './engine-homes.ts';
import { probeEngine } from './engine-probe.ts';
import { EngineProgram } from './engine-program.ts';
import type { SettingsDesk } from './settings-desk.ts';
import { runOnce } from './single-instance.ts';

/** Also the id of shortcuts and notifications on Windows. */
const APP_ID = 'dev.headgate.desktop';
const NONCE_BYTES = 18;
/** Set by build/desktop/run-desktop.ts, where the engine comes from the checkout. */
const CHECKOUT_VARIABLE = 'HEADGATE_CHECKOUT';

/** Folder of this bundle: the app's own, with `renderer/`, `icons/` and the preload beside it. */
const appFolder = app.getAppPath();

// Must stand before the app is ready.
protocol.registerSchemesAsPrivileged([
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);
app.enableSandbox();
app.setAppUserModelId(APP_ID);

let desktop: DesktopApp | undefined;
let isClosed = false;

runOnce(
  {
    request: () => app.requestSingleInstanceLock(),
    onSecond: (listener) => app.on('second-instance', listener),
  },
  { start: () => void start().catch(fail), show: () => desktop?.show(), quit: () => app.quit() },
);

async function start(): Promise<void> {
  // The tray, not a window, keeps the program.
  app.on('window-all-closed', () => undefined);
  app.on('before-quit', (event) => {
    if (isClosed || desktop === undefined) return;
    event.preventDefault();
    isClosed = true;
    void desktop.close().finally(() => app.quit());
  });
  app.on('activate', () => desktop?.show());
  await app.whenReady();
  guardSession();
  const own = new DesktopApp(platform());
  desktop = own;
  ipcMain.handle(BRIDGE_CHANNELS.call, (event, name: unknown, input: unknown) =>
    own.call(senderOf(event), name, input),
  );
  ipcMain.on(BRIDGE_CHANNELS.subscribe, (event) => {
    const [port] = event.ports;
    if (port !== undefined) own.subscribe(senderOf(event), messagePort(port));
  });
  await own.open(process.argv.includes(HIDDEN_FLAG));
}

/** No permission is ever given, and only the console's own files are served. */
function guardSession(): void {
  const files = new ConsoleFiles({
    folder: join(appFolder, 'renderer'),
    nonce: () => randomBytes(NONCE_BYTES).toString('base64'),
  });
  const { defaultSession } = session;
  defaultSession.protocol.handle('app', ({ url, method }) => files.answer({ url, method }));
  defaultSession.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  defaultSession.setPermissionCheckHandler(() => false);
  defaultSession.setDevicePermissionHandler(() => false);
}

function platform(): DesktopPlatform {
  const userData = app.getPath('userData');
  return {
    clock: systemClock,
    version: app.getVersion(),
    user: userName(),
    locale: app.getLocale(),
    settingsFile: join(userData, 'settings.json'),
    placeFile: join(userData, 'window.json'),
    preload: join(appFolder, 'preload.cjs'),
    autostart: autostart(),
    engine: (desk) => engineParts(desk, userData),
    createWindow: createWindowHandle,
    workAreas: () => screen.getAllDisplays().map(({ workArea }) => workArea),
    createTray: (icon, clicked) => createTrayHandle(join(appFolder, 'icons'), icon, clicked),
    showNotification: createNotification,
    openOutside: (address) =>
      void shell.openExternal(address).catch((error: unknown) => log('a link', error)),
    confirm: async ({ message, detail, stop, keep }) => {
      const question = { type: 'warning' as const, message, detail, buttons: [keep, stop] };
      const { response } = await dialog.showMessageBox({ ...question, defaultId: 0, cancelId: 0 });
      return response === 1;
    },
    tellFailure: (title, error) => dialog.showErrorBox(title, textOf(error)),
    log,
    quit: () => app.quit(),
    later: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
  };
}

function engineParts(desk: SettingsDesk, userData: string): ReturnType<DesktopPlatform['engine']> {
  const checkout = process.env[CHECKOUT_VARIABLE];
  const files =
    app.isPackaged || checkout === undefined
      ? packagedEngine(process.resourcesPath, process.platform)
      : checkoutEngine(checkout, process.platform);
  const program = new EngineProgram({
    ...files,
    errorFile: join(userData, 'engine-errors.log'),
    compileCache: join(userData, 'engine-cache'),
    environment: process.env,
  });
  return {
    homes: async (signal) =>
      engineHomes(desk.current, await program.socketOf(ownConfigFile(desk.current), signal)),
    probe: probeEngine,
    clientOf: (socketPath) => {
      const client = new ControlClient(socketPath);
      return {
        call: (name, input, signal) => client.call(name, input as never, signal),
        events: (signal) => client.events(signal),
      };
    },
    start: () => program.start(ownConfigFile(desk.current), desk.current.engine.stateDir),
  };
}

function autostart(): Autostart {
  if (process.platform === 'linux')
    return linuxAutostart({
      configHome: linuxConfigHome(),
      program: process.env['APPIMAGE'] ?? process.execPath,
    });
  if (process.platform !== 'win32') return noAutostart;
  return loginItemAutostart({
    get: (options) => app.getLoginItemSettings(options),
    set: (options) => app.setLoginItemSettings(options),
  });
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // An account may have a number and no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

function log(message: string, error?: unknown): void {
  process.stderr.write(`headgate desktop: ${message}${error === undefined ? '' : `: ${textOf(error)}`}\n`);
}

function textOf(error: unknown): string {
  if (isGatewayError(error)) return [error.message, error.hint].filter((part) => part !== '').join('\n');
  return error instanceof Error ? error.message : String(error);
}

function fail(error: unknown): void {
  dialog.showErrorBox('Headgate', textOf(error));
  app.exit(1);
}
