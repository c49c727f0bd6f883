/**
 * Finds HTTP requests in a stream of bytes and decides what is to happen to one of them. It looks at the beginning of each chunk
 * only: clients write a request's head at the beginning of a chunk, and a head in the middle of one would be body.
 */
export type RequestAction =
  /** The server gets the request and answers; the client hears nothing, and its connection stays open. */
  | 'swallow-reply'
  /** The client's connection is reset; the server never sees the request. */
  | 'reset-before-forward'
  /** The server gets the request, its answer arrives at the proxy, so the effect is done, and the client gets a reset instead. */
  | 'reset-after-forward'
  /** `bytes` of the request (head and body) reach the server, then both sides see the connection end. */
  | 'cut-after-bytes';

export interface RequestFault {
  /** Gets the request's head: request line and headers. */
  readonly match: (head: string) => boolean;
  readonly action: RequestAction;
  readonly bytes: number;
  remaining: number;
  hits: number;
  readonly onHit: () => void;
}

const HEAD_BYTES_MAX = 64 * 1024;
const METHOD = /^(?:GET|PUT|POST|DELETE|HEAD|OPTIONS) /;
const HEAD_END = '\r\n\r\n';

/** One per connection: puts heads together that come in several chunks. */
export class RequestWatch {
  #partialHead: string | undefined;

  /** The head of the request that is complete with this chunk; undefined when there is none. */
  headIn(chunk: Buffer): string | undefined {
    const text = chunk.toString('latin1', 0, HEAD_BYTES_MAX);
    if (this.#partialHead === undefined && !METHOD.test(text)) return undefined;
    const seen = (this.#partialHead ?? '') + text;
    const end = seen.indexOf(HEAD_END);
    if (end < 0) {
      this.#partialHead = seen.length < HEAD_BYTES_MAX ? seen : undefined;
      return undefined;
    }
    this.#partialHead = undefined;
    return seen.slice(0, end);
  }
}

/** False for bytes that hold interim answers (`100 Continue`, which a DataNode sends unasked) and nothing more. */
export function hasFinalAnswer(chunk: Buffer): boolean {
  let text = chunk.toString('latin1');
  while (/^HTTP\/1\.[01] 1\d\d/.test(text)) {
    const end = text.indexOf(HEAD_END);
    if (end < 0) return false;
    text = text.slice(end + HEAD_END.length);
  }
  return text.length > 0;
}
