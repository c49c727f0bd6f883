/**
 * One connection to one broker, for the life of one socket.
 *
 * Promise: once it is its turn, every call settles within its time limit, or at once when its signal aborts, whatever the network does.
 *
 * 1. A lane that broke stays broken: bytes of one socket never meet those of the next. The owner makes a new one.
 * 2. A call without an answer in time breaks the lane, for on one connection nothing after it can be answered either.
 * 3. Breaking rejects all calls under way, and those that wait for their turn, with the reason, and leaves no socket and no timer behind.
 * 4. A few calls are under way at once, the others wait in the order of their coming: a gateway opens all partitions of a broker
 *    together. Nobody waits for ever, since each call before him settles or breaks the lane.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { GatewayError } from '../../../../shared/errors.ts';
import { breakConnection, kafkajsLogger, newConnection, type NewConnection } from './kafkajs-guards.ts';
import type { ApiVersions, ProtocolRequest } from './kafkajs-internals.ts';
import {
  abortedError,
  givenUpError,
  linkError,
  nonsenseError,
  timeoutError,
  unsupportedError,
  type LinkWork,
} from './link-error.ts';
import type { LinkLogLine, PullLinkOptions } from './pull-link.ts';

/** More than the two fetches that may be under way, and some aborted ones whose answer is still to come; enough to hide a far link. */
const CALLS_IN_FLIGHT_MAX = 16;
/** So many answers that nobody waits for are let in; then a new connection is cheaper. */
const ABANDONED_CALLS_MAX = 2;
const KEEP_ALIVE_DELAY_MS = 30_000;

export interface LaneOptions extends PullLinkOptions {
  readonly host: string;
  readonly port: number;
  readonly responseBytesMax: number;
}

export interface LaneCall<T> {
  /** `fetch records`, for errors. */
  readonly operation: string;
  /** undefined: the broker has no version of it that we speak. */
  readonly request: (versions: ApiVersions) => ProtocolRequest<T> | undefined;
  /** From the moment the connection is open. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export class BrokerLane {
  readonly #options: LaneOptions;
  /** `host:port`. */
  readonly place: string;
  readonly #connection: NewConnection;
  /** Rejects of the promises that wait for this lane. */
  readonly #waiting = new Set<(error: GatewayError) => void>();
  #socket: Socket | undefined;
  #socketError: Error | undefined;
  #opening: Promise<ApiVersions> | undefined;
  #broken: GatewayError | undefined;
  #inFlight = 0;
  /** Begin the calls that wait for their turn, first come first served. */
  readonly #turns = new Set<() => void>();
  #abandoned = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.place = placeOf(options);
    this.#connection = newConnection(
      {
        host: options.host,
        port: options.port,
        clientId: options.clientId,
        ssl: options.tls,
        sasl: options.sasl,
        connectionTimeout: options.connectTimeoutMs,
        logger: kafkajsLogger((line) => this.#log(line)),
        socketFactory: ({ onConnect }) => this.#createSocket(onConnect),
      },
      {
        responseBytesMax: options.responseBytesMax,
        onExcess: (bytes) => this.break(this.#excess(bytes)),
      },
    );
  }

  get isBroken(): boolean {
    return this.#broken !== undefined;
  }

  get isOpen(): boolean {
    return this.#opening !== undefined && this.#broken === undefined;
  }

  /**
   * Waits for its turn, connects if need be, sends, and waits for the answer. Rejects with a GatewayError: `timeout`, `transport`, `broker-unreachable`,
   * `name-unresolved`, `tls-failed`, `auth-failed`, `kafka-unsupported`, `aborted`.
   */
  async call<T>(call: LaneCall<T>): Promise<T> {
    const work = { operation: call.operation, place: this.place };
    if (call.signal.aborted) throw abortedError(work);
    await this.#turn(work, call.signal);
    try {
      this.#opening ??= this.#open();
      const versions = await this.#orAbort(this.#opening, work, call.signal);
      const request = call.request(versions);
      if (request === undefined) throw unsupportedError(work, call.operation);
      return await this.#send(request, work, call);
    } finally {
      this.#turnIsOver();
    }
  }

  /** Ends the lane: rejects what waits with `error`. A second call changes nothing. */
  break(error: GatewayError): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
    breakConnection(this.#connection.connection, this.#socket, error);
  }

  /** Takes one of the places of calls under way. Rejects when the signal aborts before, or the lane breaks. */
  async #turn(work: LinkWork, signal: AbortSignal): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#inFlight < CALLS_IN_FLIGHT_MAX) {
      this.#inFlight++;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      // At once, or a place could go over to somebody who left.
      this.#turns.delete(resolve);
      reject(abortedError(work));
    };
    this.#turns.add(resolve);
    this.#waiting.add(reject);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await promise;
    } finally {
      this.#waiting.delete(reject);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** The place goes over to who waits longest. */
  #turnIsOver(): void {
    const [next] = this.#turns;
    if (next === undefined) {
      this.#inFlight--;
      return;
    }
    this.#turns.delete(next);
    next();
  }

  async #open(): Promise<ApiVersions> {
    const work = { operation: 'connect to a broker', place: this.place };
    const limitMs = this.#options.connectTimeoutMs;
    const timer = setTimeout(() => this.break(timeoutError(work, limitMs)), limitMs);
    try {
      return await this.#orBroken(this.#connection.open());
    } catch (cause) {
      const error = this.#broken ?? linkError(work, this.#socketError ?? cause);
      this.break(error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #createSocket(onConnect: () => void): Socket {
    const { host, port, tls } = this.#options;
    const socket =
      tls === undefined
        ? connectTcp({ host, port }, onConnect)
        : connectTls(tlsOptions(host, port, tls), onConnect);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    socket.on('error', (error: Error) => {
      this.#socketError ??= error;
    });
    // 'close' is the one event that always comes; kafkajs listens for 'end' and 'error' only.
    socket.on('close', () => {
      const work = { operation: 'talk to a broker', place: this.place };
      this.break(linkError(work, this.#socketError ?? new Error('closed by the other side')));
    });
    this.#socket = socket;
    if (this.#broken !== undefined) socket.destroy(this.#broken);
    return socket;
  }

  async #send<T>(request: ProtocolRequest<T>, work: LinkWork, call: LaneCall<T>): Promise<T> {
    if (this.#broken !== undefined) throw this.#broken;
    const { requestQueue } = this.#connection.connection;
    // A broker that enforces a quota makes kafkajs hold requests back; that is no stall.
    const throttledMs = Math.max(0, requestQueue.throttledUntil - Date.now());
    const limitMs = call.timeoutMs + throttledMs;
    const timer = setTimeout(() => this.break(timeoutError(work, limitMs)), limitMs);
    const answer = this.#orBroken(this.#connection.connection.send(request)).then(
      (value) => {
        clearTimeout(timer);
        return value;
      },
      (cause: unknown) => {
        clearTimeout(timer);
        throw this.#answerFailed(work, cause);
      },
    );
    return this.#orAbort(answer, work, call.signal);
  }

  #answerFailed(work: LinkWork, cause: unknown): GatewayError {
    if (this.#broken !== undefined) return this.#broken;
    // Thrown by a decoder: the answer was framed and yet is none.
    const isNonsense = cause instanceof RangeError || cause instanceof TypeError;
    const error = isNonsense
      ? nonsenseError(work, `the answer of ${this.place} can't be read`, cause)
      : linkError(work, this.#socketError ?? cause);
    this.break(error);
    return error;
  }

  /** Settles with `promise`, or rejects when the lane breaks: kafkajs does not settle everything. */
  #orBroken<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#broken !== undefined) reject(this.#broken);
      else this.#waiting.add(reject);
      void promise.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  /** Settles with `promise`, or rejects when the signal aborts; the work goes on then, and its answer is dropped. */
  #orAbort<T>(promise: Promise<T>, work: LinkWork, signal: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let isAbandoned = false;
      const onAbort = (): void => {
        isAbandoned = true;
        this.#abandoned++;
        reject(abortedError(work));
        if (this.#abandoned > ABANDONED_CALLS_MAX) this.break(givenUpError(work));
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
      void promise.then(resolve, reject).finally(() => {
        signal.removeEventListener('abort', onAbort);
        if (isAbandoned) this.#abandoned--;
      });
    });
  }

  #excess(bytes: number): GatewayError {
    const work = { operation: 'read an answer', place: this.place };
    return nonsenseError(
      work,
      `${this.place} announces an answer of ${bytes} bytes, the limit is ${this.#options.responseBytesMax}`,
    );
  }

  #log(line: LinkLogLine): void {
    // What kafkajs says after the lane broke is our own doing.
    if (this.#broken === undefined) this.#options.log({ ...line, place: line.place ?? this.place });
  }
}

export function placeOf(address: { readonly host: string; readonly port: number }): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

function tlsOptions(host: string, port: number, tls: ConnectionOptions): ConnectionOptions {
  // Server names are names: RFC 6066 allows no address there.
  return { ...(isIP(host) === 0 ? { servername: host } : {}), ...tls, host, port };
}
