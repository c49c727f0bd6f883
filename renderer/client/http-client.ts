/** An engine over HTTP: calls as POST, events as a stream of JSON lines, a session cookie that this page never sees. */
import {
  CONTRACT_VERSION,
  type Input,
  type Output,
  type ProcedureName,
} from '../../shared/contract/control.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { CallError, isAborted, toCallError } from './call-error.ts';
import {
  checkedAnswer,
  checkedEvent,
  isErrorReport,
  type ClientListener,
  type EngineClient,
  type LinkState,
} from './engine-client.ts';
import { jsonLines } from './json-lines.ts';
import { reconnectDelayMs } from './reconnect-delay.ts';

/** An engine says something every second; after this much silence the line is taken for dead. */
const SILENCE_MAX_MS = 8_000;
const OPEN_LIMIT_MS = 10_000;
const CALL_LIMIT_MS = 60_000;

export interface HttpClientOptions {
  /** Where `/api` is; the page's own origin when empty. */
  readonly base?: string;
  readonly token?: string | undefined;
}

export class HttpClient implements EngineClient {
  readonly kind = 'browser';
  readonly #base: string;
  #token: string | undefined;
  #wasSignedIn = false;
  /** On request: the server ends the stream, which then is no lost connection. */
  #isSignedOut = false;
  #listener: ClientListener | undefined;
  #link: LinkState = { state: 'connecting' };
  #wake: (() => void) | undefined;

  constructor({ base = '', token }: HttpClientOptions = {}) {
    this.#base = base;
    this.#token = token;
  }

  async call<N extends ProcedureName>(name: N, input: Input<N>, signal?: AbortSignal): Promise<Output<N>> {
    const limit = AbortSignal.timeout(CALL_LIMIT_MS);
    const answer = await this.#request('POST', `/api/call/${name}`, {
      body: input,
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
    return checkedAnswer(name, await readJson(answer));
  }

  follow(listener: ClientListener): () => void {
    this.#listener = listener;
    const abort = new AbortController();
    void this.#run(abort.signal);
    return () => abort.abort();
  }

  retryNow(): void {
    this.#wake?.();
  }

  async signIn(token: string): Promise<void> {
    await this.#request('POST', '/api/session', {
      body: { token },
      signal: AbortSignal.timeout(OPEN_LIMIT_MS),
    });
    this.#wasSignedIn = true;
    this.#isSignedOut = false;
    this.#setLink({ state: 'connecting' });
    this.retryNow();
  }

  async signOut(): Promise<void> {
    await this.#request('DELETE', '/api/session', { signal: AbortSignal.timeout(OPEN_LIMIT_MS) });
    this.#wasSignedIn = false;
    this.#isSignedOut = true;
    this.#setLink({ state: 'signed-out', wasSignedIn: false });
  }

  async #run(signal: AbortSignal): Promise<void> {
    let attempt = 0;
    let lostMs: number | undefined;
    while (!signal.aborted) {
      try {
        await this.#useToken();
        await this.#followOnce(signal, () => {
          attempt = 0;
          lostMs = undefined;
        });
      } catch (thrown) {
        if (signal.aborted) return;
        const error = toCallError(thrown);
        lostMs ??= Date.now();
        const delayMs = reconnectDelayMs(attempt++);
        this.#setLink(this.#afterFailure(error, { lostMs, nextTryMs: Date.now() + delayMs }));
        // Nothing but a sign-in helps a page that is signed out.
        const isSignedOut = this.#isSignedOut || error.code === 'not-signed-in';
        await this.#sleep(isSignedOut ? undefined : delayMs, signal);
      }
    }
  }

  #afterFailure(error: CallError, times: { readonly lostMs: number; readonly nextTryMs: number }): LinkState {
    if (this.#isSignedOut || error.code === 'not-signed-in')
      return { state: 'signed-out', wasSignedIn: this.#wasSignedIn };
    if (error instanceof OtherVersion)
      return { state: 'other-version', engineContract: error.engineContract };
    return { state: 'lost', sinceMs: times.lostMs, error, nextTryMs: times.nextTryMs };
  }

  /** A token is used once: a second engine that comes up later must not be offered it. */
  async #useToken(): Promise<void> {
    const token = this.#token;
    if (token === undefined) return;
    try {
      await this.#request('POST', '/api/session', {
        body: { token },
        signal: AbortSignal.timeout(OPEN_LIMIT_MS),
      });
      this.#token = undefined;
    } catch (error) {
      // Refused: what is left is the cookie of an earlier session, or the sign-in page.
      if (error instanceof CallError && error.code === 'not-signed-in') this.#token = undefined;
      else throw error;
    }
  }

  /** Follows until the connection ends; always throws. */
  async #followOnce(signal: AbortSignal, onLive: () => void): Promise<never> {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE_MAX_MS);
    const either = AbortSignal.any([signal, silence.signal]);
    try {
      const info: unknown = await readJson(await this.#request('GET', '/api/info', { signal: either }));
      refuseOtherContract(info);
      const { body } = await this.#request('GET', '/api/events', { signal: either });
      if (body === null) throw lineEnded();
      for await (const raw of jsonLines(body)) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MAX_MS);
        const checked = checkedEvent(raw);
        if (checked.kind === 'other-version') throw new OtherVersion(checked.engineContract);
        if (checked.kind === 'unknown') continue;
        if (this.#link.state !== 'live' && checked.event.type === 'status') {
          this.#wasSignedIn = true;
          this.#setLink({ state: 'live' });
          onLive();
        }
        this.#listener?.({ type: 'event', event: checked.event });
      }
      throw lineEnded();
    } catch (error) {
      if (silence.signal.aborted && isAborted(error)) throw lineEnded();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #request(
    method: string,
    path: string,
    { body, signal }: { readonly body?: unknown; readonly signal: AbortSignal },
  ): Promise<Response> {
    let answer: Response;
    try {
      answer = await fetch(this.#base + path, {
        method,
        signal,
        credentials: 'same-origin',
        cache: 'no-store',
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
    } catch (error) {
      throw new CallError({ code: codeOf(error), message: error instanceof Error ? error.message : '' });
    }
    if (answer.ok) return answer;
    const error = await errorOf(answer);
    if (error.code === 'not-signed-in' && path !== '/api/session' && this.#link.state === 'live')
      this.#setLink({ state: 'signed-out', wasSignedIn: true });
    throw error;
  }

  #setLink(link: LinkState): void {
    this.#link = link;
    this.#listener?.({ type: 'link', link });
  }

  /** Until the time is over, `retryNow` is called, the network comes back or the page is looked at again. */
  #sleep(delayMs: number | undefined, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        signal.removeEventListener('abort', wake);
        removeEventListener('online', wake);
        resolve();
      };
      const timer = delayMs === undefined ? undefined : setTimeout(wake, delayMs);
      this.#wake = wake;
      signal.addEventListener('abort', wake);
      addEventListener('online', wake);
    });
  }
}

/** The engine speaks another contract than this page was built for. */
class OtherVersion extends CallError {
  readonly engineContract: number;

  constructor(engineContract: number) {
    super({ code: 'contract-mismatch', message: '' });
    this.engineContract = engineContract;
  }
}

function refuseOtherContract(info: unknown): void {
  if (typeof info !== 'object' || info === null || !('contract' in info)) return;
  const { contract } = info;
  if (typeof contract === 'number' && contract !== CONTRACT_VERSION) throw new OtherVersion(contract);
}

function lineEnded(): CallError {
  return new CallError({ code: 'no-engine', message: '' });
}

function codeOf(error: unknown): ErrorCode {
  if (!(error instanceof DOMException)) return 'no-engine';
  if (error.name === 'TimeoutError') return 'timeout';
  return error.name === 'AbortError' ? 'aborted' : 'no-engine';
}

async function readJson(answer: Response): Promise<unknown> {
  try {
    return (await answer.json()) as unknown;
  } catch (error) {
    throw new CallError({ code: 'transport', message: error instanceof Error ? error.message : '' });
  }
}

async function errorOf(answer: Response): Promise<CallError> {
  const text = await answer.text();
  try {
    const body = JSON.parse(text) as { readonly error?: unknown };
    if (isErrorReport(body.error)) return new CallError(body.error);
  } catch {
    // No report of an engine: something between says no, and its status is all there is to tell.
  }
  if (answer.status === 401) return new CallError({ code: 'not-signed-in', message: '' });
  return new CallError({
    code: answer.status >= 500 ? 'no-engine' : 'transport',
    message: `HTTP ${answer.status}`,
  });
}
