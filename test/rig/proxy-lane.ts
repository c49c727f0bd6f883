import type { Socket } from 'node:net';

/** 'up' runs from the client to the server, 'down' from the server to the client. */
export type Direction = 'up' | 'down';

/** What one direction of a proxy suffers now. Shared by all its connections. */
export interface LaneFaults {
  delayMs: number;
  /** Infinity: no limit. */
  bytesPerSecond: number;
  isStalled: boolean;
  /** Epoch milliseconds up to which the rate limit is spent. */
  spentUntilMs: number;
}

export function noFaults(): LaneFaults {
  return { delayMs: 0, bytesPerSecond: Infinity, isStalled: false, spentUntilMs: 0 };
}

/** Beyond this much waiting data the lane stops reading, so that a slow or stalled lane pushes back on its sender. */
const QUEUE_BYTES_MAX = 256 * 1024;
/** A limited lane sends pieces worth about this long. */
const LIMITED_PIECE_MS = 20;

interface QueuedPiece {
  /** undefined: the sender's FIN. */
  readonly bytes: Buffer | undefined;
  readonly dueAtMs: number;
}

/** Carries the bytes of one direction of one connection, in order, under the faults of its direction. */
export class ProxyLane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #faults: LaneFaults;
  readonly #queue: QueuedPiece[] = [];
  #queuedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isWaitingForDrain = false;
  bytesCarried = 0;

  constructor(from: Socket, to: Socket, faults: LaneFaults) {
    this.#from = from;
    this.#to = to;
    this.#faults = faults;
    to.on('drain', () => {
      this.#isWaitingForDrain = false;
      this.pump();
    });
    to.on('close', () => clearTimeout(this.#timer));
  }

  push(bytes: Buffer | undefined): void {
    this.#queue.push({ bytes, dueAtMs: Date.now() + this.#faults.delayMs });
    this.#queuedBytes += bytes?.length ?? 0;
    if (this.#queuedBytes > QUEUE_BYTES_MAX) this.#from.pause();
    this.pump();
  }

  /** Sends what may be sent now. To be called whenever the faults change. */
  pump(): void {
    clearTimeout(this.#timer);
    while (!this.#isWaitingForDrain && !this.#faults.isStalled) {
      const head = this.#queue[0];
      if (head === undefined) break;
      const now = Date.now();
      const openAtMs = Math.max(head.dueAtMs, this.#faults.spentUntilMs);
      if (openAtMs > now) {
        this.#timer = setTimeout(() => this.pump(), openAtMs - now);
        return;
      }
      this.#send(head, now);
    }
    if (this.#queuedBytes <= QUEUE_BYTES_MAX && this.#from.isPaused()) this.#from.resume();
  }

  #send(head: QueuedPiece, now: number): void {
    if (head.bytes === undefined) {
      this.#queue.shift();
      this.#to.end();
      return;
    }
    const limit = this.#faults.bytesPerSecond;
    const pieceMax =
      limit === Infinity ? head.bytes.length : Math.max(1, Math.floor((limit * LIMITED_PIECE_MS) / 1000));
    const piece = head.bytes.subarray(0, pieceMax);
    const rest = head.bytes.subarray(pieceMax);
    if (rest.length === 0) this.#queue.shift();
    else this.#queue[0] = { bytes: rest, dueAtMs: head.dueAtMs };
    this.#queuedBytes -= piece.length;
    this.bytesCarried += piece.length;
    if (limit !== Infinity) this.#faults.spentUntilMs = now + Math.ceil((piece.length / limit) * 1000);
    if (this.#to.writable && !this.#to.write(piece)) this.#isWaitingForDrain = true;
  }
}
