/**
 * What the desktop uses of Electron, without its binary: windows that record what was done to them, and message ports that are real
 * ones of Node. Tests take it in place of `electron` and play the operating system and the user.
 */
import { EventEmitter } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';

type Handler = (event: unknown, ...words: unknown[]) => unknown;

/** A frame as the main process sees it. */
export interface StubFrame {
  readonly url: string;
  readonly parent: StubFrame | null;
}

class App extends EventEmitter {
  readonly paths = new Map<string, string>();
  appPath = '';
  isPackaged = false;
  hasLock = true;
  quits = 0;
  readonly loginItems: unknown[] = [];
  isSandboxed = false;
  getAppPath = (): string => this.appPath;
  getPath = (name: string): string => this.paths.get(name) ?? '';
  getVersion = (): string => '0.1.0';
  getLocale = (): string => 'en-GB';
  whenReady = async (): Promise<void> => undefined;
  enableSandbox = (): void => void (this.isSandboxed = true);
  setAppUserModelId = (): void => undefined;
  requestSingleInstanceLock = (): boolean => this.hasLock;
  getLoginItemSettings = (): { openAtLogin: boolean } => ({ openAtLogin: false });
  setLoginItemSettings = (settings: unknown): void => void this.loginItems.push(settings);
  exit = (code: number): void => void this.emit('exited', code);
  /** As Electron's: asks first, and only then it is over. */
  quit = (): void => {
    let isPrevented = false;
    this.emit('before-quit', { preventDefault: () => (isPrevented = true) });
    if (!isPrevented) this.quits++;
  };
}

class Ipc extends EventEmitter {
  readonly handlers = new Map<string, Handler>();
  handle = (channel: string, handler: Handler): void => void this.handlers.set(channel, handler);
}

class WebContents extends EventEmitter {
  static count = 0;
  readonly id = ++WebContents.count;
  windowOpen: ((details: { url: string }) => unknown) | undefined;
  setWindowOpenHandler = (handler: (details: { url: string }) => unknown): void =>
    void (this.windowOpen = handler);
}

export class BrowserWindow extends EventEmitter {
  static readonly all: BrowserWindow[] = [];
  readonly options: unknown;
  readonly webContents = new WebContents();
  address = '';
  isShown = false;
  isDestroyed = false;
  bounds = { x: 10, y: 20, width: 1100, height: 700 };

  constructor(options: unknown) {
    super();
    this.options = options;
    BrowserWindow.all.push(this);
  }

  removeMenu = (): void => undefined;
  loadURL = async (address: string): Promise<void> => {
    this.address = address;
    this.emit('ready-to-show');
  };
  isMinimized = (): boolean => false;
  isMaximized = (): boolean => false;
  restore = (): void => undefined;
  maximize = (): void => undefined;
  focus = (): void => undefined;
  show = (): void => void (this.isShown = true);
  hide = (): void => void (this.isShown = false);
  getNormalBounds = () => this.bounds;
  destroy = (): void => {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.emit('closed');
  };
  /** As the user's click on the cross. */
  close = (): void => {
    let isPrevented = false;
    this.emit('close', { preventDefault: () => (isPrevented = true) });
    if (!isPrevented) this.destroy();
  };
}

interface MenuTemplate {
  readonly label?: string;
  readonly click?: () => void;
  readonly submenu?: readonly MenuTemplate[];
}

export class Tray extends EventEmitter {
  static readonly all: Tray[] = [];
  image: unknown;
  tooltip = '';
  menu: readonly MenuTemplate[] = [];
  isDestroyed = false;

  constructor(image: unknown) {
    super();
    this.image = image;
    Tray.all.push(this);
  }

  setImage = (image: unknown): void => void (this.image = image);
  setToolTip = (text: string): void => void (this.tooltip = text);
  setContextMenu = (menu: readonly MenuTemplate[]): void => void (this.menu = menu);
  destroy = (): void => void (this.isDestroyed = true);

  /** As the user's click on an item. */
  choose(label: string): void {
    const found = this.menu
      .flatMap((item) => [item, ...(item.submenu ?? [])])
      .find((item) => item.label === label);
    if (found?.click === undefined) throw new Error(`no such item: ${label}`);
    found.click();
  }
}

export class Notification extends EventEmitter {
  static readonly all: Notification[] = [];
  static isSupported = (): boolean => true;
  readonly options: { readonly title: string; readonly body: string };

  constructor(options: { readonly title: string; readonly body: string }) {
    super();
    this.options = options;
  }

  show = (): void => void Notification.all.push(this);
}

type Answer = (isAllowed: boolean) => void;

export const app = new App();
export const ipcMain = new Ipc();
export const Menu = { buildFromTemplate: (items: readonly MenuTemplate[]) => items };
export const nativeImage = { createFromPath: (path: string) => path };
export const nativeTheme = Object.assign(new EventEmitter(), { shouldUseDarkColors: false });
export const screen = { getAllDisplays: () => [{ workArea: { x: 0, y: 0, width: 1920, height: 1040 } }] };
export const opened: string[] = [];
export const shell = { openExternal: async (address: string) => void opened.push(address) };
export const dialog = {
  answer: 0,
  errors: [] as string[],
  questions: [] as unknown[],
  showMessageBox: async (question: unknown) => {
    dialog.questions.push(question);
    return { response: dialog.answer };
  },
  showErrorBox: (_title: string, text: string) => void dialog.errors.push(text),
};
export const schemes: unknown[] = [];
export const protocol = { registerSchemesAsPrivileged: (list: unknown[]) => void schemes.push(...list) };
export const session = {
  defaultSession: {
    serve: undefined as ((request: { url: string; method: string }) => Promise<Response>) | undefined,
    request: undefined as ((contents: unknown, permission: string, answer: Answer) => void) | undefined,
    check: undefined as (() => boolean) | undefined,
    device: undefined as (() => boolean) | undefined,
    protocol: {
      handle: (_scheme: string, serve: (request: { url: string; method: string }) => Promise<Response>) =>
        void (session.defaultSession.serve = serve),
    },
    setPermissionRequestHandler: (handler: (contents: unknown, permission: string, answer: Answer) => void) =>
      void (session.defaultSession.request = handler),
    setPermissionCheckHandler: (handler: () => boolean) => void (session.defaultSession.check = handler),
    setDevicePermissionHandler: (handler: () => boolean) => void (session.defaultSession.device = handler),
  },
};

/** A port of Node in the shape of Electron's `MessagePortMain`. */
class MainPort extends EventEmitter {
  readonly #port: MessagePort;

  constructor(port: MessagePort) {
    super();
    this.#port = port;
    port.on('close', () => this.emit('close'));
  }

  start = (): void => void this.#port.on('message', (data: unknown) => this.emit('message', { data }));
  postMessage = (message: unknown): void => this.#port.postMessage(message);
  close = (): void => this.#port.close();
}

/** The renderer's end of a window: what the preload gets as `electron`, as if that frame called. */
export function rendererOf(windowId: number, frame: StubFrame) {
  const event = { sender: { id: windowId }, senderFrame: frame };
  const exposed: Record<string, unknown> = {};
  return {
    exposed,
    electron: {
      contextBridge: { exposeInMainWorld: (name: string, value: unknown) => void (exposed[name] = value) },
      ipcRenderer: {
        // Everything that crosses is copied, as between processes.
        invoke: async (channel: string, ...words: unknown[]) => {
          const handler = ipcMain.handlers.get(channel);
          if (handler === undefined) throw new Error(`nobody handles ${channel}`);
          return structuredClone(await handler(event, ...words.map((word) => structuredClone(word))));
        },
        postMessage: (channel: string, _message: unknown, ports: MessagePort[]) =>
          void ipcMain.emit(channel, { ...event, ports: ports.map((port) => new MainPort(port)) }),
      },
    },
  };
}

export { MessageChannel };
