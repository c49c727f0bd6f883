/**
 * The events that a window follows, over a message port of its own. A window that reads slower than the engine tells must not cost
 * memory here: the reader says how many messages it has taken, and what does not fit is gathered (of statuses only the newest
 * counts) or left out and counted.
 */
import type { DesktopMessage } from '../../shared/contract/desktop.ts';

/** Messages that may be on the way to a window. */
export const UNREAD_MAX = 64;
/** Events that wait behind those. */
export const WAITING_MAX = 500;

/** One end of a message channel, of Electron or of Node. */
export interface EventPort {
  post(message: unknown): void;
  /** `taken`: the reader has worked on this many more messages. */
  onTaken(listener: (count: unknown) => void): void;
  onClose(listener: () => void): void;
  close(): void;
}

export class EventStream {
  readonly #port: EventPort;
  #unread = 0;
  #leftOut = 0;
  #isClosed = false;
  #waiting: DesktopMessage[] = [];

  /** `ended` is called once, when the reader or the window has gone. */
  constructor(port: EventPort, ended: () => void) {
    this.#port = port;
    port.onTaken((count) => {
      if (typeof count !== 'number' || !Number.isInteger(count) || count < 1) return;
      this.#unread = Math.max(0, this.#unread - count);
      this.#flush();
    });
    port.onClose(() => {
      this.#isClosed = true;
      this.#waiting = [];
      ended();
    });
  }

  send(message: DesktopMessage): void {
    if (this.#isClosed) return;
    const key = replaceable(message);
    // An older one of its kind says nothing any more.
    if (key !== undefined) this.#waiting = this.#waiting.filter((one) => replaceable(one) !== key);
    if (this.#waiting.length >= WAITING_MAX) {
      this.#waiting.shift();
      this.#leftOut++;
    }
    this.#waiting.push(message);
    this.#flush();
  }

  close(): void {
    if (!this.#isClosed) this.#port.close();
  }

  #flush(): void {
    if (this.#leftOut > 0 && this.#unread < UNREAD_MAX && !this.#isClosed) {
      this.#post({ type: 'left-out', messages: this.#leftOut });
      this.#leftOut = 0;
    }
    while (this.#unread < UNREAD_MAX && !this.#isClosed) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#post(next);
    }
  }

  #post(message: DesktopMessage): void {
    this.#unread++;
    this.#port.post(message);
  }
}

/** Events of which only the newest counts. */
function replaceable(message: DesktopMessage): string | undefined {
  if (message.type === 'link' || message.type === 'settings') return message.type;
  return message.type === 'event' && isStatus(message.event) ? 'status' : undefined;
}

function isStatus(event: unknown): boolean {
  return typeof event === 'object' && event !== null && Reflect.get(event, 'type') === 'status';
}
