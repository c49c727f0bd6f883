import http from 'node:http';
import https from 'node:https';
import { LimitError } from './connection-error.ts';
import { ProgressLimit } from './progress-limit.ts';
import type { Destination } from './webhdfs-url.ts';

export interface TlsTexts {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly passphrase?: string | undefined;
}

export interface ExchangeOptions {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  /** Connections to share; undefined: one of its own, closed afterwards. */
  readonly agent?: http.Agent | undefined;
  readonly tls?: TlsTexts | undefined;
  readonly connectMs: number;
  readonly signal: AbortSignal;
}

export interface HttpReply {
  readonly status: number;
  readonly location: string | undefined;
  /** The server's clock, as HTTP writes it. */
  readonly date?: string | undefined;
  readonly body: string;
}

/** A reply without a file in it. The longest is the listing of a directory: this is about 250,000 entries. */
export const MAX_REPLY_BYTES = 64 * 1024 * 1024;

/**
 * Begins a request on node:http, with a limit on the connection attempt. (fetch is no choice: undici fails on the `100 Continue`
 * that a DataNode sends unasked.) Aborting the signal destroys it.
 */
export function beginRequest(destination: Destination, options: ExchangeOptions): http.ClientRequest {
  const { url, connectHost, connectPort } = destination;
  const isTls = url.protocol === 'https:';
  const request = (isTls ? https : http).request({
    method: options.method,
    host: connectHost,
    port: connectPort,
    path: `${url.pathname}${url.search}`,
    // A CSRF filter, where there is one, wants this header to be there with any value.
    headers: { Host: url.host, 'X-XSRF-HEADER': 'headgate', ...options.headers },
    agent: options.agent ?? false,
    ...(isTls ? { servername: url.hostname, ...options.tls } : {}),
  });
  limitConnecting(request, options.connectMs, isTls);
  const stop = (): void => void request.destroy(options.signal.reason as Error);
  if (options.signal.aborted) stop();
  options.signal.addEventListener('abort', stop, { once: true });
  request.once('close', () => options.signal.removeEventListener('abort', stop));
  return request;
}

function limitConnecting(request: http.ClientRequest, connectMs: number, isTls: boolean): void {
  // Begins when there is a socket: waiting for a shared one to become free is no fault of the network.
  request.once('socket', (socket) => {
    if (request.reusedSocket) return;
    const timer = setTimeout(() => {
      request.destroy(new LimitError(`no connection within ${connectMs / 1000} s`, true));
    }, connectMs);
    const done = (): void => clearTimeout(timer);
    socket.once(isTls ? 'secureConnect' : 'connect', done);
    request.once('close', done);
  });
}

/** One call without a body; resolves with whatever the server answered. Rejects with the socket's error or a LimitError. */
export async function exchange(
  destination: Destination,
  options: ExchangeOptions & { readonly answerMs: number },
): Promise<HttpReply> {
  const request = beginRequest(destination, options);
  const limit = new ProgressLimit(request);
  limit.arm('no answer within', options.answerMs);
  try {
    request.end();
    return await readReply(await responseOf(request));
  } catch (error) {
    request.destroy();
    throw limit.reasonFor(error);
  } finally {
    limit.disarm();
  }
}

/** The response's head; rejects when the request fails before it. */
export function responseOf(request: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    // Stays on: a later error of the same request must find a listener, and the response reports it too.
    request.on('error', reject);
    // A destroy() without an error of its own ends here.
    request.once('close', () => reject(new Error('the connection was closed')));
  });
}

/** Reads a whole reply. Rejects when it is cut off or longer than `MAX_REPLY_BYTES`. */
export async function readReply(response: http.IncomingMessage): Promise<HttpReply> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_REPLY_BYTES) throw new Error(`a reply longer than ${MAX_REPLY_BYTES} bytes`);
    parts.push(part);
  }
  return { ...headOf(response), body: Buffer.concat(parts).toString('utf8') };
}

export function headOf(response: http.IncomingMessage): {
  status: number;
  location: string | undefined;
  date: string | undefined;
} {
  const { location, date } = response.headers;
  return { status: response.statusCode ?? 0, location, date };
}
