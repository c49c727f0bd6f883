import { MessageChannel, Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { GatewayError } from '../../shared/errors.ts';
import type { ClaimRedemption, RedemptionReceipt } from '../../shared/model/claim.ts';
import type { Put, PutReceipt } from '../../shared/model/put.ts';
import type { QuarantineRetry, RetryReceipt } from '../../shared/model/quarantine-retry.ts';
import { PUT_BYTES_UNDER_WAY_MAX } from './channel-limits.ts';
import type { ChannelOperations, OperationName } from './channel-operations.ts';
import type { ChannelSettings } from './channel-writer.ts';
import { PutGate } from './put-gate.ts';
import type { RoomState } from './room-gauge.ts';
import { fromWireError } from './writer-protocol.ts';
import type { FromWriter, ToWriter, WriterIdentity } from './writer-protocol.ts';

type Arguments<Name extends OperationName> = Parameters<ChannelOperations[Name]>;
type Result<Name extends OperationName> = Promise<ReturnType<ChannelOperations[Name]>>;
type Port = Worker | MessagePort;

interface PendingCall {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Starts the writer's thread and gives the first client of it. Throws what opening the channel throws. */
export async function startChannelWriter(
  settings: ChannelSettings,
  gatewayId: string,
): Promise<WriterClient> {
  const worker = new Worker(new URL('./writer-worker.ts', import.meta.url), {
    workerData: { settings, gatewayId },
  });
  return WriterClient.connect(worker);
}

/**
 * The channel's writer as other threads see it: every method is one durable transaction there and resolves after its commit.
 * Errors arrive as GatewayErrors; an assertion that failed arrives as an Error named AssertionError and should end the
 * process. When the writer's thread ends, all calls under way reject: whether they were stored is then unknown until a restart.
 */
export class WriterClient {
  readonly identity: WriterIdentity;
  readonly #port: Port;
  readonly #pending = new Map<number, PendingCall>();
  readonly #changeListeners = new Map<string, Set<() => void>>();
  readonly #roomListeners = new Set<(room: RoomState) => void>();
  readonly #gate = new PutGate(PUT_BYTES_UNDER_WAY_MAX);
  readonly #closed = Promise.withResolvers<void>();
  readonly #gone = Promise.withResolvers<Error>();
  #room: RoomState;
  #lastId = 0;
  #end: Error | undefined;

  private constructor(port: Port, ready: FromWriter & { kind: 'ready' }) {
    this.#port = port;
    this.identity = ready.identity;
    this.#room = ready.room;
    this.#setGate(ready.room);
    this.#closed.promise.catch(() => undefined);
  }

  /** A client over the worker itself, or in another thread over a port that `connectPort` gave. */
  static connect(port: Worker | MessagePort): Promise<WriterClient> {
    return new Promise((resolve, reject) => {
      let client: WriterClient | undefined;
      const ended = (cause: unknown): void => {
        const error = cause instanceof Error ? cause : writerEnded();
        if (client === undefined) reject(error);
        else client.#ended(error);
      };
      const receive = (message: FromWriter): void => {
        if (client !== undefined) client.#receive(message);
        else if (message.kind === 'ready') resolve((client = new WriterClient(port, message)));
        else if (message.kind === 'unopened') reject(fromWireError(message.error));
      };
      port.on('message', receive);
      if (port instanceof Worker) port.on('error', ended).on('exit', () => ended(undefined));
      else port.on('close', () => ended(undefined));
    });
  }

  /** A port for another thread: hand it over (transferred) and call `WriterClient.connect` on it there. */
  connectPort(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#post({ kind: 'connect', port: port1 }, [port1]);
    return port2;
  }

  /** Room in the channel as last told; `perform('room')` asks for the present figures. */
  get room(): RoomState {
    return this.#room;
  }

  /** Resolves when the writer's thread is gone, asked for or not, with the reason. */
  get ended(): Promise<Error> {
    return this.#gone.promise;
  }

  onRoom(listener: (room: RoomState) => void): () => void {
    this.#roomListeners.add(listener);
    return () => this.#roomListeners.delete(listener);
  }

  /** Resolves when intake may go on into these channels. */
  whenOpen(signal: AbortSignal, channels: readonly string[] = []): Promise<void> {
    return this.#gate.whenOpen(channels, signal);
  }

  /**
   * Stores one batch. Puts go out in the order of calls; they wait here while the channel is closed or too many bytes are
   * under way. `put.bytes` is transferred, and comes back with the receipt.
   * Throws `stale-tenure`, `position-mismatch`, `disk-full`, `io-error`, `database-damaged`; nothing was stored then.
   */
  async put(put: Put, signal?: AbortSignal): Promise<PutReceipt> {
    const bytes = put.bytes.byteLength;
    await this.#gate.enter(bytes, signal);
    try {
      return (await this.#call('put', [compacted(put)], [put.bytes])) as PutReceipt;
    } finally {
      this.#gate.leave(bytes);
    }
  }

  /** Stores what became of events that were retried: waits for room, in line with the puts. `retry.bytes` is transferred, as a put's. */
  async retryQuarantined(retry: QuarantineRetry, signal?: AbortSignal): Promise<RetryReceipt> {
    const bytes = retry.bytes.byteLength;
    await this.#gate.enter(bytes, signal);
    try {
      return (await this.#call('retryQuarantined', [retry], [retry.bytes])) as RetryReceipt;
    } finally {
      this.#gate.leave(bytes);
    }
  }

  /** Stores what became of claimed offsets: waits for room, in line with the puts. `redemption.bytes` is transferred, as a put's. */
  async redeemClaim(redemption: ClaimRedemption, signal?: AbortSignal): Promise<RedemptionReceipt> {
    const bytes = redemption.bytes.byteLength;
    await this.#gate.enter(bytes, signal);
    try {
      const answer = this.#call('redeemClaim', [compacted(redemption)], [redemption.bytes]);
      return (await answer) as RedemptionReceipt;
    } finally {
      this.#gate.leave(bytes);
    }
  }

  partitionState(...args: Arguments<'partitionState'>): Result<'partitionState'> {
    return this.perform('partitionState', ...args);
  }
  beginTenure(...args: Arguments<'beginTenure'>): Result<'beginTenure'> {
    return this.perform('beginTenure', ...args);
  }
  accept(...args: Arguments<'accept'>): Result<'accept'> {
    return this.perform('accept', ...args);
  }
  endTenure(...args: Arguments<'endTenure'>): Result<'endTenure'> {
    return this.perform('endTenure', ...args);
  }
  resolveDoubt(...args: Arguments<'resolveDoubt'>): Result<'resolveDoubt'> {
    return this.perform('resolveDoubt', ...args);
  }
  readNote(...args: Arguments<'readNote'>): Result<'readNote'> {
    return this.perform('readNote', ...args);
  }
  writeNote(...args: Arguments<'writeNote'>): Result<'writeNote'> {
    return this.perform('writeNote', ...args);
  }
  keys(...args: Arguments<'keys'>): Result<'keys'> {
    return this.perform('keys', ...args);
  }
  plan(...args: Arguments<'plan'>): Result<'plan'> {
    return this.perform('plan', ...args);
  }
  openPlans(...args: Arguments<'openPlans'>): Result<'openPlans'> {
    return this.perform('openPlans', ...args);
  }
  startAttempt(...args: Arguments<'startAttempt'>): Result<'startAttempt'> {
    return this.perform('startAttempt', ...args);
  }
  attemptUploaded(...args: Arguments<'attemptUploaded'>): Result<'attemptUploaded'> {
    return this.perform('attemptUploaded', ...args);
  }
  abandonAttempt(...args: Arguments<'abandonAttempt'>): Result<'abandonAttempt'> {
    return this.perform('abandonAttempt', ...args);
  }
  startRename(...args: Arguments<'startRename'>): Result<'startRename'> {
    return this.perform('startRename', ...args);
  }
  landed(...args: Arguments<'landed'>): Result<'landed'> {
    return this.perform('landed', ...args);
  }
  hold(...args: Arguments<'hold'>): Result<'hold'> {
    return this.perform('hold', ...args);
  }
  giveBack(...args: Arguments<'giveBack'>): Result<'giveBack'> {
    return this.perform('giveBack', ...args);
  }
  damagedChunk(...args: Arguments<'damagedChunk'>): Result<'damagedChunk'> {
    return this.perform('damagedChunk', ...args);
  }
  abandonedNames(...args: Arguments<'abandonedNames'>): Result<'abandonedNames'> {
    return this.perform('abandonedNames', ...args);
  }
  abandonedRemoved(...args: Arguments<'abandonedRemoved'>): Result<'abandonedRemoved'> {
    return this.perform('abandonedRemoved', ...args);
  }
  landedInodes(...args: Arguments<'landedInodes'>): Result<'landedInodes'> {
    return this.perform('landedInodes', ...args);
  }
  isPaused(...args: Arguments<'isPaused'>): Result<'isPaused'> {
    return this.perform('isPaused', ...args);
  }

  /** Any other operation by its name: switches, totals, room, release. */
  perform<Name extends OperationName>(name: Name, ...args: Arguments<Name>): Result<Name> {
    return this.#call(name, args, []) as Result<Name>;
  }

  /** Called after commits that touch the sink, or any switch for all; at most ten times a second. */
  onChange(sink: string, listener: () => void): () => void {
    const listeners = this.#changeListeners.get(sink) ?? new Set();
    this.#changeListeners.set(sink, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Finishes what is queued at the writer, closes the database and ends the thread. For the client that started it. */
  async close(): Promise<void> {
    if (this.#end !== undefined) return;
    this.#post({ kind: 'close' }, []);
    await this.#closed.promise;
    if (this.#port instanceof Worker) await this.#port.terminate();
  }

  /**
   * For a writer that does not answer: everything under way rejects with `why`, and its thread is ended wherever it stands, as by a kill. For
   * the client that started it.
   */
  abandon(why: Error): void {
    this.#ended(why);
    if (this.#port instanceof Worker) void this.#port.terminate();
  }

  /** Leaves the writer running and lets go of this port. */
  disconnect(): void {
    if (!(this.#port instanceof Worker)) this.#port.close();
  }

  #call(
    operation: OperationName,
    args: readonly unknown[],
    transfer: readonly ArrayBuffer[],
  ): Promise<unknown> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#post({ kind: 'call', id, operation, args }, transfer);
    });
  }

  #post(message: ToWriter, transfer: readonly (ArrayBuffer | MessagePort)[]): void {
    this.#port.postMessage(message, [...transfer]);
  }

  #receive(message: FromWriter): void {
    switch (message.kind) {
      case 'result':
        this.#take(message.id)?.resolve(message.result);
        return;
      case 'error':
        this.#take(message.id)?.reject(fromWireError(message.error));
        return;
      case 'changed':
        for (const sink of message.sinks) this.#tellChanged(sink);
        return;
      case 'room':
        this.#room = message.room;
        this.#setGate(message.room);
        for (const listener of this.#roomListeners) listener(message.room);
        return;
      case 'closed':
        if (message.error === undefined) this.#closed.resolve();
        else this.#closed.reject(fromWireError(message.error));
        return;
      case 'ready':
      case 'unopened':
        return;
    }
  }

  #setGate({ isOpen, memory }: RoomState): void {
    this.#gate.setFull(memory.filter(({ isFull }) => isFull).map(({ channel }) => channel));
    this.#gate.setOpen(isOpen);
  }

  #take(id: number): PendingCall | undefined {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    return call;
  }

  #tellChanged(sink: string): void {
    if (sink !== '*') return this.#changeListeners.get(sink)?.forEach((listener) => listener());
    for (const listeners of this.#changeListeners.values()) listeners.forEach((listener) => listener());
  }

  #ended(error: Error): void {
    this.#end ??= error;
    this.#gone.resolve(error);
    this.#closed.resolve();
    this.#gate.fail(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

/** Small views may lie in large buffers, which a message would carry whole. */
function compacted<T extends Pick<Put, 'quarantined'>>(put: T): T {
  if (put.quarantined.length === 0) return put;
  const quarantined = put.quarantined.map((event) => ({
    ...event,
    key: event.key === undefined ? undefined : Uint8Array.from(event.key),
    body: Uint8Array.from(event.body),
  }));
  return { ...put, quarantined };
}

function writerEnded(): GatewayError {
  return new GatewayError({
    code: 'aborted',
    operation: 'ask the channel writer',
    place: 'channel',
    message: 'The channel writer has ended; what was under way is known again after the next start.',
    retry: 'never',
    hint: 'Start the engine again; the log has the reason.',
  });
}
