/** Electron's window, tray, notification and port in the shapes that the rest of the desktop knows. */
import { join } from 'node:path';
import {
  BrowserWindow,
  Menu,
  Notification,
  Tray,
  nativeImage,
  nativeTheme,
  type IpcMainEvent,
  type IpcMainInvokeEvent,
  type MenuItemConstructorOptions,
  type MessagePortMain,
} from 'electron';
import type { TrayHandle } from './app-tray.ts';
import type { WindowHandle, WindowOptions } from './app-window.ts';
import type { BridgeSender } from './bridge-sender.ts';
import type { EventPort } from './event-stream.ts';
import type { ShownNotice } from './notifications.ts';
import type { TrayAction, TrayIcon, TrayItem } from './tray-model.ts';

/** Notifications that are on the screen: without a reference their click would be lost. */
const SHOWN_MAX = 20;
const shown: Notification[] = [];

export function senderOf(event: IpcMainEvent | IpcMainInvokeEvent): BridgeSender {
  const frame = event.senderFrame;
  return {
    windowId: event.sender.id,
    url: frame?.url,
    isTopFrame: frame !== null && frame.parent === null,
  };
}

export function messagePort(port: MessagePortMain): EventPort {
  port.start();
  return {
    post: (message) => port.postMessage(message),
    onTaken: (listener) => port.on('message', ({ data }) => listener(data)),
    onClose: (listener) => port.on('close', listener),
    close: () => port.close(),
  };
}

export function createWindowHandle(options: WindowOptions): WindowHandle {
  const window = new BrowserWindow(options);
  const { webContents } = window;
  const { id } = webContents;
  window.removeMenu();
  // A page that died shows nothing: the tray, or another start, makes a new window.
  webContents.on('render-process-gone', () => window.destroy());
  return {
    id,
    load: (address) => window.loadURL(address),
    show: () => {
      if (window.isMinimized()) window.restore();
      window.show();
      window.focus();
    },
    hide: () => window.hide(),
    destroy: () => window.destroy(),
    maximize: () => window.maximize(),
    place: () => ({ bounds: window.getNormalBounds(), isMaximized: window.isMaximized() }),
    guard: ({ mayGoTo, windowAsked }) => {
      const stay = (event: { readonly url: string; preventDefault(): void }): void => {
        if (!mayGoTo(event.url)) event.preventDefault();
      };
      webContents.on('will-navigate', stay);
      webContents.on('will-frame-navigate', stay);
      webContents.on('will-redirect', stay);
      webContents.on('will-attach-webview', (event) => event.preventDefault());
      webContents.setWindowOpenHandler(({ url }) => {
        windowAsked(url);
        return { action: 'deny' };
      });
    },
    onReady: (listener) => void window.once('ready-to-show', listener),
    onPlaced: (listener) => {
      window.on('resized', listener);
      window.on('moved', listener);
      window.on('maximize', listener);
      window.on('unmaximize', listener);
      // Linux tells of no end of a move: the place is read once more when the window closes.
      window.on('close', listener);
    },
    onClose: (listener) =>
      void window.on('close', (event) => {
        if (listener()) event.preventDefault();
      }),
    onGone: (listener) => void window.once('closed', listener),
  };
}

/** `folder`: of the drawn icons; those for dark panels are light, and the other way round. */
export function createTrayHandle(folder: string, icon: TrayIcon, clicked: () => void): TrayHandle {
  let current = icon;
  const image = () => {
    const panel = nativeTheme.shouldUseDarkColors ? 'dark' : 'light';
    // 22 px and, beside it as @2x, 44: Electron takes the one that the screen wants. Windows asks for 16.
    const size = process.platform === 'win32' ? 16 : 22;
    return nativeImage.createFromPath(join(folder, 'tray', `${current}-${panel}-${size}.png`));
  };
  const tray = new Tray(image());
  const redraw = (): void => tray.setImage(image());
  tray.on('click', clicked);
  nativeTheme.on('updated', redraw);
  return {
    setIcon: (next) => {
      current = next;
      redraw();
    },
    setTooltip: (text) => tray.setToolTip(text),
    setMenu: (items, act) =>
      tray.setContextMenu(Menu.buildFromTemplate(items.map((item) => template(item, act)))),
    destroy: () => {
      nativeTheme.off('updated', redraw);
      tray.destroy();
    },
  };
}

export function createNotification({ title, body }: ShownNotice, clicked: () => void): void {
  if (!Notification.isSupported()) return;
  const notification = new Notification({ title, body });
  notification.on('click', clicked);
  shown.push(notification);
  if (shown.length > SHOWN_MAX) shown.shift();
  notification.show();
}

function template(item: TrayItem, act: (action: TrayAction) => void): MenuItemConstructorOptions {
  switch (item.kind) {
    case 'separator':
      return { type: 'separator' };
    case 'text':
      return { label: item.label, enabled: false };
    case 'menu':
      return { label: item.label, submenu: item.items.map((one) => template(one, act)) };
    case 'action':
      return { label: item.label, click: () => act(item.action) };
  }
}
