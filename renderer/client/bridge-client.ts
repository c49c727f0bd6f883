/** An engine through Electron's preload: the app keeps the connection, this page hears how it is. */
import {
  CONTRACT_VERSION,
  type Input,
  type Output,
  type ProcedureName,
} from '../../shared/contract/control.ts';
import type { BridgeLink, BridgeMessage, DesktopBridge } from '../../shared/contract/desktop-bridge.ts';
import { CallError } from './call-error.ts';
import {
  checkedAnswer,
  checkedEvent,
  type ClientListener,
  type EngineClient,
  type LinkState,
} from './engine-client.ts';

export class BridgeClient implements EngineClient {
  readonly kind = 'desktop';
  readonly #bridge: DesktopBridge;
  #lostMs: number | undefined;

  constructor(bridge: DesktopBridge) {
    this.#bridge = bridge;
  }

  async call<N extends ProcedureName>(name: N, input: Input<N>, signal?: AbortSignal): Promise<Output<N>> {
    const answer = await untilAborted(this.#bridge.call(name, input), signal);
    if (!answer.ok) throw new CallError(answer.error);
    return checkedAnswer(name, answer.value);
  }

  follow(listener: ClientListener): () => void {
    let isStopped = false;
    const unsubscribe = this.#bridge.subscribe((message) => this.#take(message, listener));
    void this.#bridge.info().then(({ contract }) => {
      if (contract !== CONTRACT_VERSION && !isStopped)
        listener({ type: 'link', link: { state: 'other-version', engineContract: contract } });
    });
    return () => {
      isStopped = true;
      unsubscribe();
    };
  }

  // The app tries on its own, and nobody signs in to it.
  retryNow(): void {}
  async signIn(): Promise<void> {}
  async signOut(): Promise<void> {}

  #take(message: BridgeMessage, listener: ClientListener): void {
    if (message.type === 'link') {
      listener({ type: 'link', link: this.#linkOf(message.link) });
      return;
    }
    const checked = checkedEvent(message.event);
    if (checked.kind === 'event') listener({ type: 'event', event: checked.event });
    else if (checked.kind === 'other-version')
      listener({ type: 'link', link: { state: 'other-version', engineContract: checked.engineContract } });
  }

  #linkOf(link: BridgeLink): LinkState {
    if (link.state !== 'lost') {
      if (link.state === 'live') this.#lostMs = undefined;
      return link;
    }
    this.#lostMs ??= Date.now();
    const { error, nextTryMs } = link;
    return {
      state: 'lost',
      sinceMs: this.#lostMs,
      error: new CallError(error),
      ...(nextTryMs === undefined ? {} : { nextTryMs }),
    };
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(new CallError({ code: 'aborted', message: '' }));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
