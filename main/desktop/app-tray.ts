/** The tray icon: drawn anew only when what it shows has changed, since a menu that is replaced closes under the mouse. */
import { trayModel, type TrayAction, type TrayFacts, type TrayIcon, type TrayItem } from './tray-model.ts';

/** Numbers in the tooltip move all the time; they are shown this often at most. */
export const REDRAW_EVERY_MS = 2_000;

export interface TrayHandle {
  setIcon(icon: TrayIcon): void;
  setTooltip(text: string): void;
  setMenu(items: readonly TrayItem[], act: (action: TrayAction) => void): void;
  destroy(): void;
}

export interface AppTrayDelegate {
  /** Throws where there is no tray. */
  create(icon: TrayIcon, clicked: () => void): TrayHandle;
  act(action: TrayAction): void;
  steadyMs(): number;
  /** Calls back once after that time. Returns how to stop it. */
  later(delayMs: number, callback: () => void): () => void;
  failed(error: unknown): void;
}

export class AppTray {
  readonly #delegate: AppTrayDelegate;
  #handle: TrayHandle | undefined;
  #icon: TrayIcon = 'engine-gone';
  #tooltip = '';
  #menu = '';
  #drawnMs = -Infinity;
  #facts: TrayFacts | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(delegate: AppTrayDelegate) {
    this.#delegate = delegate;
  }

  /** A desktop without a tray keeps the window alone. */
  open(): void {
    try {
      this.#handle = this.#delegate.create(this.#icon, () => this.#delegate.act({ type: 'open' }));
    } catch (error) {
      this.#delegate.failed(error);
    }
  }

  get isOpen(): boolean {
    return this.#handle !== undefined;
  }

  show(facts: TrayFacts): void {
    this.#facts = facts;
    if (this.#handle === undefined || this.#stopTimer !== undefined) return;
    const waitMs = this.#drawnMs + REDRAW_EVERY_MS - this.#delegate.steadyMs();
    if (waitMs <= 0) return this.#draw();
    this.#stopTimer = this.#delegate.later(waitMs, () => {
      this.#stopTimer = undefined;
      this.#draw();
    });
  }

  close(): void {
    this.#stopTimer?.();
    this.#handle?.destroy();
    this.#handle = undefined;
  }

  #draw(): void {
    if (this.#handle === undefined || this.#facts === undefined) return;
    this.#drawnMs = this.#delegate.steadyMs();
    const { icon, tooltip, menu } = trayModel(this.#facts);
    if (icon !== this.#icon) this.#handle.setIcon(icon);
    if (tooltip !== this.#tooltip) this.#handle.setTooltip(tooltip);
    const drawn = JSON.stringify(menu);
    if (drawn !== this.#menu) this.#handle.setMenu(menu, (action) => this.#delegate.act(action));
    this.#icon = icon;
    this.#tooltip = tooltip;
    this.#menu = drawn;
  }
}
