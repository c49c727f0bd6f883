/**
 * The desktop put together: engine host, bridge, window, tray, notifications and settings, over a platform that is Electron in
 * `desktop.ts` and something else in tests. It keeps nothing of its own beyond the settings and the window's place.
 */
import { CONTRACT_VERSION, type StreamEvent } from '../../shared/contract/control.ts';
import type { BridgeLink } from '../../shared/contract/desktop-bridge.ts';
import type {
  ConsolePage,
  DesktopInfo,
  DesktopMessage,
  EngineConnection,
} from '../../shared/contract/desktop.ts';
import type { Clock } from '../telemetry/clock.ts';
import { AppTray, type TrayHandle } from './app-tray.ts';
import { AppWindow, type WindowHandle, type WindowOptions } from './app-window.ts';
import type { Autostart } from './autostart.ts';
import { Bridge, type DesktopApi } from './bridge.ts';
import { checkSender, type BridgeSender } from './bridge-sender.ts';
import { desktopTexts, languageOf, type DesktopTexts, type Language } from './desktop-texts.ts';
import { EngineHost, type EngineHostDelegate } from './engine-host.ts';
import { EventStream, type EventPort } from './event-stream.ts';
import { allowedLink } from './external-links.ts';
import { Notifications, type ShownNotice } from './notifications.ts';
import { PrivateFile } from './private-file.ts';
import { SettingsDesk } from './settings-desk.ts';
import type { TrayAction, TrayIcon } from './tray-model.ts';
import { windowPlace, type Rectangle, type WindowPlace } from './window-bounds.ts';

/** Subscriptions of a window: the console needs one. */
export const STREAMS_MAX = 4;

export interface DesktopPlatform {
  readonly clock: Clock;
  readonly version: string;
  readonly user: string;
  readonly locale: string;
  readonly settingsFile: string;
  readonly placeFile: string;
  readonly preload: string;
  readonly autostart: Autostart;
  /** The parts of the engine host that reach outside; they read the settings as they are at that moment. */
  engine(desk: SettingsDesk): Pick<EngineHostDelegate, 'homes' | 'probe' | 'clientOf' | 'start'>;
  createWindow(options: WindowOptions): WindowHandle;
  workAreas(): readonly Rectangle[];
  createTray(icon: TrayIcon, clicked: () => void): TrayHandle;
  showNotification(notice: ShownNotice, clicked: () => void): void;
  openOutside(address: string): void;
  /** A question with two answers; false unless the operator says yes. */
  confirm(question: DesktopTexts['stopQuestion']): Promise<boolean>;
  tellFailure(title: string, error: unknown): void;
  log(message: string, error?: unknown): void;
  quit(): void;
  later(delayMs: number, callback: () => void): () => void;
}

export class DesktopApp {
  readonly #platform: DesktopPlatform;
  readonly #place: PrivateFile<WindowPlace>;
  readonly #desk: SettingsDesk;
  readonly #host: EngineHost;
  readonly #bridge: Bridge;
  readonly #tray: AppTray;
  readonly #notifications: Notifications;
  readonly #streams = new Map<EventStream, number>();
  readonly #ended = new AbortController();
  #window: AppWindow | undefined;
  #running: Promise<void> | undefined;

  constructor(platform: DesktopPlatform) {
    this.#platform = platform;
    const { clock, autostart } = platform;
    const later = (delayMs: number, callback: () => void) => platform.later(delayMs, callback);
    this.#place = new PrivateFile(platform.placeFile, windowPlace);
    this.#desk = new SettingsDesk(platform.settingsFile, {
      setAutostart: (isOn) => autostart.set(isOn),
      changed: (settings) => {
        this.#tell({ type: 'settings', settings });
        this.#drawTray();
      },
    });
    this.#host = new EngineHost({
      clock,
      ...platform.engine(this.#desk),
      connectionChanged: (connection) => this.#connectionChanged(connection),
      event: (event) => this.#event(event),
    });
    this.#bridge = new Bridge({
      desktop: this.#api(),
      user: platform.user,
      isOurWindow: (id) => this.#window?.isOurs(id) === true,
      callEngine: (name, input, signal) => this.#host.call(name, input, signal),
    });
    this.#tray = new AppTray({
      create: (icon, clicked) => platform.createTray(icon, clicked),
      act: (action) => void this.act(action),
      steadyMs: () => clock.steadyMs(),
      later,
      failed: (error) => platform.log('there is no tray here', error),
    });
    this.#notifications = new Notifications({
      clock,
      settings: () => this.#desk.current,
      language: () => this.language,
      show: (notice) => platform.showNotification(notice, () => this.show(notice.page)),
      later,
    });
  }

  get language(): Language {
    return languageOf(this.#desk.current.language, this.#platform.locale);
  }

  /** `isHidden`: started by the computer, so that only the tray appears. */
  async open(isHidden: boolean): Promise<void> {
    await this.#desk.open();
    this.#window = new AppWindow(this.#windowDelegate(), await this.#readPlace());
    this.#tray.open();
    this.#drawTray();
    // Without a tray a hidden program could not be reached at all.
    if (!isHidden || !this.#tray.isOpen) this.#window.show();
    this.#running = this.#host.run(this.#ended.signal);
  }

  show(page?: ConsolePage): void {
    this.#window?.show(page);
  }

  /** Ends this program's part; the engine goes on. */
  async close(): Promise<void> {
    this.#ended.abort();
    this.#notifications.close();
    this.#tray.close();
    for (const stream of this.#streams.keys()) stream.close();
    this.#window?.quit();
    await this.#running;
  }

  call(sender: BridgeSender, name: unknown, input: unknown): ReturnType<Bridge['call']> {
    return this.#bridge.call(sender, name, input);
  }

  /** A window wants the events. Closes the port of who may not have them. */
  subscribe(sender: BridgeSender, port: EventPort): void {
    try {
      checkSender(sender, (id) => this.#window?.isOurs(id) === true);
      const open = [...this.#streams.values()].filter((id) => id === sender.windowId).length;
      if (open >= STREAMS_MAX) throw new Error(`${STREAMS_MAX} subscriptions of one window`);
    } catch (error) {
      this.#platform.log('a subscription was refused', error);
      return port.close();
    }
    const stream = new EventStream(port, () => this.#streams.delete(stream));
    this.#streams.set(stream, sender.windowId);
    stream.send({ type: 'link', link: linkOf(this.#host.connection) });
    const { status, connection } = this.#host;
    if (status !== undefined && connection.state !== 'mismatch')
      stream.send({ type: 'event', event: { type: 'status', status } });
  }

  /** What the tray's menu asks for. Never rejects: the operator is told what failed. */
  async act(action: TrayAction): Promise<void> {
    const texts = desktopTexts[this.language];
    try {
      switch (action.type) {
        case 'open':
          return this.show(action.page);
        case 'quit':
          return this.#platform.quit();
        case 'start-engine':
          return this.#host.tryNow();
        case 'stop-engine':
          if (await this.#platform.confirm(texts.stopQuestion)) await this.#host.call('stop', {});
          return;
        case 'pause':
        case 'resume': {
          const sink = action.sink === undefined ? {} : { sink: action.sink };
          const why = action.type === 'pause' ? { why: texts.pausedFromTray } : {};
          await this.#host.call(action.type, { ...sink, ...why, by: this.#platform.user });
        }
      }
    } catch (error) {
      this.#platform.tellFailure(texts.failedAction, error);
    }
  }

  #api(): DesktopApi {
    return {
      'desktop.info': () => this.#info(),
      'desktop.settings': async () => this.#desk.answer(),
      'desktop.setSettings': async (change) => {
        const answer = await this.#desk.change(change);
        if (change.engine !== undefined) this.#host.forget();
        return answer;
      },
      'desktop.openPage': async ({ page }) => {
        this.show(page);
        return {};
      },
      'desktop.openLink': async ({ url }) => {
        const link = allowedLink(url);
        if (link !== undefined) this.#platform.openOutside(link);
        return { isOpened: link !== undefined };
      },
      'desktop.startEngine': async () => {
        this.#host.tryNow();
        return this.#host.connection;
      },
    };
  }

  async #info(): Promise<DesktopInfo> {
    const { autostart, version, user } = this.#platform;
    const { isSupported } = autostart;
    return {
      contract: CONTRACT_VERSION,
      appVersion: version,
      platform: process.platform,
      user,
      language: this.language,
      autostart: { isSupported, isOn: await autostart.isOn() },
      engine: this.#host.connection,
    };
  }

  #windowDelegate(): ConstructorParameters<typeof AppWindow>[0] {
    const platform = this.#platform;
    return {
      preload: platform.preload,
      create: (options) => platform.createWindow(options),
      workAreas: () => platform.workAreas(),
      openOutside: (address) => platform.openOutside(address),
      closesToTray: () => this.#tray.isOpen && this.#desk.current.closesToTray,
      placed: (place) =>
        void this.#place.write(place).catch((error: unknown) => platform.log('the window’s place', error)),
      openPage: (page) => this.#tell({ type: 'open-page', page }),
      gone: (windowId) => this.#windowGone(windowId),
      closed: () => {
        if (!this.#tray.isOpen || !this.#desk.current.closesToTray) platform.quit();
      },
      failed: (error) => platform.tellFailure(desktopTexts[this.language].failedAction, error),
    };
  }

  async #readPlace(): Promise<WindowPlace> {
    try {
      return (await this.#place.read()).value;
    } catch (error) {
      this.#platform.log('the window’s place can’t be read', error);
      return windowPlace.parse({});
    }
  }

  #windowGone(windowId: number): void {
    this.#bridge.forget(windowId);
    for (const [stream, id] of this.#streams) if (id === windowId) stream.close();
  }

  #connectionChanged(connection: EngineConnection): void {
    this.#tell({ type: 'link', link: linkOf(connection) });
    this.#notifications.connectionChanged(connection);
    this.#drawTray();
  }

  #event(event: StreamEvent): void {
    this.#tell({ type: 'event', event });
    this.#notifications.event(event);
    if (event.type === 'status') this.#drawTray();
  }

  #tell(message: DesktopMessage): void {
    for (const stream of this.#streams.keys()) stream.send(message);
  }

  #drawTray(): void {
    const { connection, status } = this.#host;
    this.#tray.show({ connection, status, language: this.language });
  }
}

/** The console's view of the connection. */
export function linkOf({ state, error, nextTryMs, engineContract }: EngineConnection): BridgeLink {
  if (state === 'connected') return { state: 'live' };
  if (state === 'mismatch') return { state: 'other-version', engineContract: engineContract ?? 0 };
  if (error === undefined) return { state: 'connecting' };
  return { state: 'lost', error, ...(nextTryMs === undefined ? {} : { nextTryMs }) };
}
