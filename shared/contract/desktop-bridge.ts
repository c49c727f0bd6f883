/**
 * What Electron's preload offers the page as `window.headgate`: three functions and nothing else. Inputs and answers are those of the
 * control contract and are checked on both sides. Errors come as values, since an exception loses its fields on the way through a bridge.
 */
import type { ErrorReport } from '../errors.ts';

export type BridgeAnswer =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: ErrorReport };

/** How the app's own connection to the engine is. While it is not `live` no stream events come. */
export type BridgeLink =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  /** `nextTryMs`: epoch ms of this machine. */
  | { readonly state: 'lost'; readonly error: ErrorReport; readonly nextTryMs?: number }
  | { readonly state: 'other-version'; readonly engineContract: number };

export type BridgeMessage =
  | { readonly type: 'link'; readonly link: BridgeLink }
  /** A `StreamEvent` of the control contract, not checked yet. */
  | { readonly type: 'event'; readonly event: unknown };

export interface BridgeInfo {
  /** Of the app's own build. */
  readonly contract: number;
  readonly appVersion: string;
  /** `process.platform` of the app. */
  readonly platform: string;
}

export interface DesktopBridge {
  call(name: string, input: unknown): Promise<BridgeAnswer>;
  /** The listener first gets the link as it is, and a status when there is one. Returns how to stop. */
  subscribe(listener: (message: BridgeMessage) => void): () => void;
  info(): Promise<BridgeInfo>;
}
