/** Who may call over the bridge: the top frame of a window of ours that shows the console, and nobody else. */
import { CONSOLE_ORIGIN } from '../../shared/contract/desktop-channels.ts';
import { GatewayError } from '../../shared/errors.ts';

/** A sender as Electron names it, without Electron. */
export interface BridgeSender {
  readonly windowId: number;
  /** The frame's address; undefined when the frame is gone already. */
  readonly url: string | undefined;
  readonly isTopFrame: boolean;
}

/** Throws `permission-denied`. */
export function checkSender(sender: BridgeSender, isOurWindow: (id: number) => boolean): void {
  if (!isOurWindow(sender.windowId)) throw denied('another window');
  if (!sender.isTopFrame) throw denied('a frame inside the page');
  if (sender.url === undefined || !isConsoleAddress(sender.url)) throw denied('another address');
}

/** `app://headgate/…` exactly: neither another host, nor a port, nor a user in front of it. */
export function isConsoleAddress(address: string): boolean {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined) return false;
  // Node gives unknown schemes no origin, so it is put together here.
  const origin = `${url.protocol}//${url.host}`;
  return origin === CONSOLE_ORIGIN && url.username === '' && url.password === '';
}

function denied(who: string): GatewayError {
  return new GatewayError({
    code: 'permission-denied',
    operation: 'take a call of the window',
    place: 'bridge',
    message: `the call came from ${who}`,
    retry: 'never',
    hint: 'only the console’s own page may call',
  });
}
