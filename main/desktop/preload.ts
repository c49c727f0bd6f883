/**
 * All that the page sees of Electron: three functions. It runs in the sandbox, so it is bundled into one CommonJS file
 * (build/desktop/bundle-desktop.ts) and imports nothing but Electron and constants; every check is made at the other end.
 */
import { contextBridge, ipcRenderer } from 'electron';
import { BRIDGE_CHANNELS } from '../../shared/contract/desktop-channels.ts';
import type {
  BridgeAnswer,
  BridgeInfo,
  BridgeMessage,
  DesktopBridge,
} from '../../shared/contract/desktop-bridge.ts';
import type { DesktopMessage } from '../../shared/contract/desktop.ts';

/** What a sandboxed preload has of the page's world; the project's main process is compiled without DOM types. */
interface ReaderPort {
  onmessage: ((message: { readonly data: unknown }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

declare const location: { hash: string };

function call(name: string, input: unknown): Promise<BridgeAnswer> {
  return ipcRenderer.invoke(BRIDGE_CHANNELS.call, name, input) as Promise<BridgeAnswer>;
}

function subscribe(listener: (event: BridgeMessage) => void): () => void {
  const { port1, port2 } = new MessageChannel();
  const reader = port1 as unknown as ReaderPort;
  reader.onmessage = ({ data }) => {
    try {
      const message = data as DesktopMessage;
      // The console's pages are addressed by the part after `#`: this is no navigation, and the page keeps its state.
      if (message.type === 'open-page') location.hash = `#/${message.page}`;
      else listener(message as BridgeMessage);
    } finally {
      // Said even when the listener throws: a page with one fault must not stop its own events.
      reader.postMessage(1);
    }
  };
  ipcRenderer.postMessage(BRIDGE_CHANNELS.subscribe, null, [port2 as never]);
  return () => reader.close();
}

async function info(): Promise<BridgeInfo> {
  const answer = await call('desktop.info', {});
  if (!answer.ok) throw new Error(answer.error.message);
  return answer.value as BridgeInfo;
}

const bridge: DesktopBridge = { call, subscribe, info };
contextBridge.exposeInMainWorld('headgate', bridge);
