import type { DesktopBridge } from '../../shared/contract/desktop-bridge.ts';
import { BridgeClient } from './bridge-client.ts';
import type { EngineClient } from './engine-client.ts';
import { HttpClient } from './http-client.ts';
import { takeTokenFromAddress } from './session-token.ts';

declare global {
  interface Window {
    /** Only inside the desktop app. */
    readonly headgate?: DesktopBridge;
  }
}

/** The app's bridge where there is one, otherwise HTTP to where this page came from. */
export function chooseClient(): EngineClient {
  if (window.headgate !== undefined) return new BridgeClient(window.headgate);
  return new HttpClient({ token: takeTokenFromAddress(window) });
}
