import type http from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  beginRequest,
  headOf,
  readReply,
  responseOf,
  type ExchangeOptions,
  type HttpReply,
} from './http-exchange.ts';
import { ProgressLimit } from './progress-limit.ts';
import type { Destination } from './webhdfs-url.ts';

export interface UploadOptions extends Omit<ExchangeOptions, 'method' | 'agent' | 'headers'> {
  readonly lengthBytes: number;
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Sees each piece before it is sent. */
  readonly onPiece: (piece: Uint8Array) => void;
  /** Without a byte accepted while sending. */
  readonly inactivityMs: number;
  /** From the last byte to the answer. */
  readonly uploadAnswerMs: number;
  readonly totalMs: number;
}

export interface UploadReply extends HttpReply {
  /** False: the server answered before it had all bytes, which can't be a success. */
  readonly isWhole: boolean;
}

/** Large pieces go out in slices, so that a slow link shows progress while a piece is under way. */
const SLICE_BYTES = 256 * 1024;

/**
 * PUTs a body of known length over a connection of its own, and resolves with the server's answer, also when it comes early:
 * a refusal in mid-body wins over the broken pipe that follows it. Memory: one piece, and what the socket holds of a slice.
 *
 * Rejects with the socket's error or a LimitError (then it is unknown what the server has), with the error of `pieces` as it
 * is, or with a RangeError when `pieces` are not `lengthBytes` long (nothing that the server could take for a whole file was
 * sent then).
 */
export async function uploadBody(destination: Destination, options: UploadOptions): Promise<UploadReply> {
  const request = beginRequest(destination, {
    ...options,
    method: 'PUT',
    // HttpFS wants exactly this type, without a charset; a DataNode does not care.
    headers: { 'Content-Type': 'application/octet-stream', 'Content-Length': String(options.lengthBytes) },
  });
  const watch = new ProgressLimit(request);
  const total = new ProgressLimit(request);
  total.arm('an upload still unfinished after', options.totalMs);
  const answer = new EarlyAnswer(request);
  try {
    const isWhole = await sendPieces(request, options, { answer, watch });
    if (isWhole) {
      request.end();
      watch.arm('no answer after the last byte within', options.uploadAnswerMs);
    } else {
      watch.arm('no end of an early answer within', options.inactivityMs);
    }
    return { ...(await answer.reply), isWhole };
  } catch (error) {
    throw total.reasonFor(watch.reasonFor(error));
  } finally {
    watch.disarm();
    total.disarm();
    request.destroy();
  }
}

/** True when all bytes went out; false when the server answered or broke off before that. */
async function sendPieces(
  request: http.ClientRequest,
  options: UploadOptions,
  { answer, watch }: { answer: EarlyAnswer; watch: ProgressLimit },
): Promise<boolean> {
  // The head goes first, and the first piece only after a turn of the event loop, which may bring a connection error.
  request.flushHeaders();
  let sent = 0;
  for await (const piece of options.pieces) {
    if (answer.isSettled) return false;
    sent += piece.length;
    if (sent > options.lengthBytes)
      throw new RangeError(`more than the announced ${options.lengthBytes} bytes`);
    options.onPiece(piece);
    for (let at = 0; at < piece.length; at += SLICE_BYTES) {
      const isRoom = request.write(piece.subarray(at, at + SLICE_BYTES));
      if (!isRoom) await drained(request, { answer, watch, inactivityMs: options.inactivityMs });
      // A turn of the event loop between two writes: an answer that waits in the kernel is read before a write can fail
      // on the reset that follows it, and take the connection down with the answer unread.
      else await nextTurn();
      if (answer.isSettled) return false;
    }
  }
  if (sent < options.lengthBytes)
    throw new RangeError(`${sent} of the announced ${options.lengthBytes} bytes`);
  return true;
}

async function drained(
  request: http.ClientRequest,
  { answer, watch, inactivityMs }: { answer: EarlyAnswer; watch: ProgressLimit; inactivityMs: number },
): Promise<void> {
  watch.arm('no byte accepted within', inactivityMs);
  await new Promise<void>((resolve) => {
    request.once('drain', resolve);
    answer.onSettled(resolve);
  });
  watch.disarm();
}

/** The server's answer, which may come at any time; listens from the beginning so that none is missed. */
class EarlyAnswer {
  readonly reply: Promise<HttpReply>;
  #isSettled = false;
  #wake: (() => void) | undefined;

  constructor(request: http.ClientRequest) {
    const settled = (): void => {
      this.#isSettled = true;
      this.#wake?.();
    };
    request.once('response', settled);
    request.once('error', settled);
    this.reply = responseOf(request).then(readReplyOrHead);
    // It may fail before anybody waits for it; the one who does wait gets the rejection all the same.
    this.reply.catch(settled);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** At most one waiter at a time. */
  onSettled(wake: () => void): void {
    if (this.#isSettled) wake();
    else this.#wake = wake;
  }
}

/** An answer whose text was cut off by a reset still has its status, and that says more than the reset does. */
async function readReplyOrHead(response: http.IncomingMessage): Promise<HttpReply> {
  const { status } = headOf(response);
  if (status < 400) return readReply(response);
  return readReply(response).catch((): HttpReply => ({ ...headOf(response), body: '' }));
}
