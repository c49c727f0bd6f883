import { Readable } from 'node:stream';
import type http from 'node:http';
import { connectionError, type CallPlace } from './connection-error.ts';
import { beginRequest, headOf, readReply, responseOf, type ExchangeOptions } from './http-exchange.ts';
import { ProgressLimit } from './progress-limit.ts';
import { refusal } from './remote-exception.ts';
import type { Destination } from './webhdfs-url.ts';

export interface DownloadOptions extends Pick<ExchangeOptions, 'tls' | 'connectMs' | 'signal'> {
  /** Without a byte received, the head included. */
  readonly inactivityMs: number;
  readonly place: CallPlace;
}

/**
 * The body of a GET as a stream that fails with a GatewayError when it ends before its time, falls silent, or the signal aborts.
 * Memory: the stream's own buffer. Throws GatewayError for a refusal or a dead server.
 */
export async function download(destination: Destination, options: DownloadOptions): Promise<Readable> {
  const { place, signal } = options;
  const request = beginRequest(destination, { ...options, method: 'GET' });
  const silence = new SilenceLimit(request, options.inactivityMs);
  try {
    request.end();
    const response = await silence.during(() => responseOf(request));
    if (headOf(response).status !== 200) {
      throw refusal(await silence.during(() => readReply(response)), place.operation, place.server);
    }
    const stream = Readable.from(bodyOf(response, silence, options), { objectMode: false });
    // A stream that is closed before it was read never entered the generator, which could not tidy up then.
    stream.once('close', () => request.destroy());
    return stream;
  } catch (error) {
    request.destroy();
    throw connectionError(error, place, signal);
  }
}

async function* bodyOf(
  response: http.IncomingMessage,
  silence: SilenceLimit,
  { place, signal }: DownloadOptions,
): AsyncGenerator<Uint8Array> {
  const parts = (response as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const part = await silence.during(() => parts.next());
      if (part.done === true) return;
      yield part.value;
    }
  } catch (error) {
    throw connectionError(error, place, signal);
  } finally {
    response.destroy();
  }
}

/** Runs only while we wait for the server, because the reader may take his time. */
class SilenceLimit {
  readonly #limit: ProgressLimit;
  readonly #ms: number;

  constructor(request: http.ClientRequest, ms: number) {
    this.#limit = new ProgressLimit(request);
    this.#ms = ms;
  }

  async during<T>(wait: () => Promise<T>): Promise<T> {
    this.#limit.arm('no byte within', this.#ms);
    try {
      return await wait();
    } catch (error) {
      throw this.#limit.reasonFor(error);
    } finally {
      this.#limit.disarm();
    }
  }
}
