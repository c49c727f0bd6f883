/** The one window: made when it is needed, guarded against everything a page could be talked into, hidden or gone when it is closed. */
import { CONSOLE_ORIGIN } from '../../shared/contract/desktop-channels.ts';
import type { ConsolePage } from '../../shared/contract/desktop.ts';
import { isConsoleAddress } from './bridge-sender.ts';
import { allowedLink } from './external-links.ts';
import { WINDOW_LEAST, startBounds, type Rectangle, type WindowPlace } from './window-bounds.ts';

/** What a window is made with; `webPreferences` is the sandbox that the design asks for. */
export interface WindowOptions {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly x?: number;
  readonly y?: number;
  readonly minWidth: number;
  readonly minHeight: number;
  readonly show: false;
  readonly autoHideMenuBar: true;
  readonly backgroundColor: string;
  readonly webPreferences: WebPreferences;
}

interface WebPreferences {
  readonly preload: string;
  readonly sandbox: true;
  readonly contextIsolation: true;
  readonly nodeIntegration: false;
  readonly nodeIntegrationInWorker: false;
  readonly nodeIntegrationInSubFrames: false;
  readonly webSecurity: true;
  readonly webviewTag: false;
  readonly allowRunningInsecureContent: false;
  readonly navigateOnDragDrop: false;
  readonly spellcheck: false;
}

/** A window of Electron, as far as it is used here. */
export interface WindowHandle {
  /** Of its contents: what the bridge's senders are compared with. */
  readonly id: number;
  load(address: string): Promise<void>;
  show(): void;
  hide(): void;
  destroy(): void;
  maximize(): void;
  place(): WindowPlace;
  /** Calls back for each attempt to leave the page, to open a window, or to embed a view. */
  guard(guards: WindowGuards): void;
  onReady(listener: () => void): void;
  /** Moved, resized, maximised. */
  onPlaced(listener: () => void): void;
  /** Answers whether the closing is taken over. */
  onClose(listener: () => boolean): void;
  onGone(listener: () => void): void;
}

export interface WindowGuards {
  /** Whether an address may be gone to. */
  readonly mayGoTo: (address: string) => boolean;
  /** A page asked for a new window; it never gets one. */
  readonly windowAsked: (address: string) => void;
}

export interface AppWindowDelegate {
  readonly preload: string;
  create(options: WindowOptions): WindowHandle;
  workAreas(): readonly Rectangle[];
  openOutside(address: string): void;
  closesToTray(): boolean;
  placed(place: WindowPlace): void;
  /** The page can be told where to go only when it listens. */
  openPage(page: ConsolePage): void;
  gone(windowId: number): void;
  /** The last window is closed and no tray keeps the program. */
  closed(): void;
  failed(error: unknown): void;
}

export class AppWindow {
  readonly #delegate: AppWindowDelegate;
  #place: WindowPlace;
  #handle: WindowHandle | undefined;
  #isQuitting = false;

  constructor(delegate: AppWindowDelegate, place: WindowPlace) {
    this.#delegate = delegate;
    this.#place = place;
  }

  isOurs(id: number): boolean {
    return this.#handle?.id === id;
  }

  /** Brings the window to the front, made anew if there is none; at a page, if one is named. */
  show(page?: ConsolePage): void {
    if (this.#handle === undefined) this.#create(page);
    else {
      this.#handle.show();
      if (page !== undefined) this.#delegate.openPage(page);
    }
  }

  /** The program ends: closing is no longer taken over. */
  quit(): void {
    this.#isQuitting = true;
    this.#handle?.destroy();
  }

  #create(page: ConsolePage | undefined): void {
    const delegate = this.#delegate;
    const handle = delegate.create({
      title: 'Headgate',
      ...startBounds(this.#place.bounds, delegate.workAreas()),
      minWidth: WINDOW_LEAST.width,
      minHeight: WINDOW_LEAST.height,
      show: false,
      autoHideMenuBar: true,
      backgroundColor: '#14181d',
      webPreferences: webPreferences(delegate.preload),
    });
    this.#handle = handle;
    handle.guard({
      mayGoTo: isConsoleAddress,
      windowAsked: (address) => {
        const link = allowedLink(address);
        if (link !== undefined) delegate.openOutside(link);
      },
    });
    if (this.#place.isMaximized) handle.maximize();
    handle.onReady(() => handle.show());
    handle.onPlaced(() => {
      this.#place = handle.place();
      delegate.placed(this.#place);
    });
    handle.onClose(() => this.#closing(handle));
    handle.onGone(() => {
      if (this.#handle === handle) this.#handle = undefined;
      delegate.gone(handle.id);
      if (!this.#isQuitting) delegate.closed();
    });
    // The page reads where to begin from its address: it may not listen yet.
    handle
      .load(`${CONSOLE_ORIGIN}/${page === undefined ? '' : `#/${page}`}`)
      .catch((error: unknown) => delegate.failed(error));
  }

  #closing(handle: WindowHandle): boolean {
    if (this.#isQuitting || !this.#delegate.closesToTray()) return false;
    handle.hide();
    return true;
  }
}

function webPreferences(preload: string): WebPreferences {
  return {
    preload,
    sandbox: true,
    contextIsolation: true,
    nodeIntegration: false,
    nodeIntegrationInWorker: false,
    nodeIntegrationInSubFrames: false,
    webSecurity: true,
    webviewTag: false,
    allowRunningInsecureContent: false,
    navigateOnDragDrop: false,
    spellcheck: false,
  };
}
