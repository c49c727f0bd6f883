import { Worker } from 'node:worker_threads';
import { GatewayError } from '../../shared/errors.ts';
import { fromWireError } from '../channel/writer-protocol.ts';
import type { AnsweringThread } from './engine-queries.ts';
import type { FromQueries, Queries, QueryName, QueryWorkerData, ToQueries } from './query-messages.ts';

/** Calls that may wait for a thread; more are refused, so that a slow disk does not gather them without end. */
const CALLS_MAX = 256;
/** A thread that is still in the middle of a question is ended after this. */
const CLOSE_GRACE_MS = 5_000;

/** What a thread's JavaScript may take beside its columns; less young garbage is left lying about than V8 leaves by itself. */
const HEAP_MIB = 256;
const YOUNG_MIB = 8;

interface PendingCall {
  /** Called when it is settled, by whichever way. */
  readonly onSettled: (() => void)[];
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The main thread's end of one thread that answers questions, one after the other. */
export class QueryThread implements AnsweringThread {
  readonly name: string;
  readonly #pending = new Map<number, PendingCall>();
  readonly #worker: Worker;
  /** Resolves when it can answer; rejects with the reason when it never will. */
  readonly opened: Promise<void>;
  readonly #gone: Promise<void>;
  #lastId = 0;
  #end: Error | undefined;

  constructor(data: QueryWorkerData, name: string) {
    const worker = new Worker(new URL('./query-worker.ts', import.meta.url), {
      workerData: data,
      transferList: data.writer === undefined ? [] : [data.writer],
      name,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB, maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    this.name = name;
    this.#worker = worker;
    // One set of listeners for the worker's whole life. Taking all listeners off a Worker takes off Node's own as well, which
    // start its port: after that its messages never arrive.
    this.#gone = new Promise((resolve) => worker.once('exit', () => resolve()));
    this.opened = new Promise((resolve, reject) => {
      this.#listen(worker, { opened: resolve, failed: reject });
    });
    // Its questions reject with the same reason, whether or not anybody waits for it to open.
    this.opened.catch((error: unknown) =>
      this.#ended(error instanceof Error ? error : new Error(String(error))),
    );
  }

  /** Why it answers no more; undefined while it does. */
  get end(): Error | undefined {
    return this.#end;
  }

  get isBusy(): boolean {
    return this.#pending.size > 0;
  }

  /** Rejects what the question throws, `timeout` when too many wait, `aborted` when the thread is gone. */
  call<Name extends QueryName>(
    name: Name,
    input: Parameters<Queries[Name]>[0],
  ): Promise<Awaited<ReturnType<Queries[Name]>>> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    if (this.#pending.size >= CALLS_MAX) return Promise.reject(overrun());
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (result: unknown) => void, reject, onSettled: [] });
      this.#worker.postMessage({ kind: 'call', id, name, input } satisfies ToQueries);
    });
  }

  answer(): Promise<void> {
    const [oldest] = this.#pending.values();
    if (oldest === undefined) return Promise.resolve();
    return new Promise((resolve) => oldest.onSettled.push(resolve));
  }

  endNow(why: GatewayError): void {
    this.#ended(why);
    void this.#worker.terminate();
  }

  /** Ends the thread; calls under way reject. */
  async close(): Promise<void> {
    this.#ended(closed());
    this.#worker.postMessage({ kind: 'close' } satisfies ToQueries);
    const limit = setTimeout(() => void this.#worker.terminate(), CLOSE_GRACE_MS);
    await this.#gone;
    clearTimeout(limit);
  }

  #listen(
    worker: Worker,
    start: { readonly opened: () => void; readonly failed: (error: Error) => void },
  ): void {
    const ended = (error: Error): void => {
      start.failed(error);
      this.#ended(error);
    };
    worker.on('message', (message: FromQueries) => {
      switch (message.kind) {
        case 'ready':
          return start.opened();
        case 'unopened':
          return ended(fromWireError(message.error));
        case 'result':
          return this.#take(message.id)?.resolve(message.result);
        case 'error':
          return this.#take(message.id)?.reject(fromWireError(message.error));
      }
    });
    worker.on('error', (error) => ended(error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', () => ended(closed()));
  }

  #take(id: number): PendingCall | undefined {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    for (const tell of call?.onSettled ?? []) tell();
    return call;
  }

  #ended(error: Error): void {
    this.#end ??= error;
    for (const { reject, onSettled } of this.#pending.values()) {
      reject(this.#end);
      for (const tell of onSettled) tell();
    }
    this.#pending.clear();
  }
}

/** What is asked of a thread that has ended. */
export function closed(): GatewayError {
  return new GatewayError({
    code: 'aborted',
    operation: 'ask about the channel',
    place: 'channel',
    message: 'The thread that answers questions has ended.',
    retry: 'never',
    hint: 'Start the engine again; the log has the reason.',
  });
}

function overrun(): GatewayError {
  return new GatewayError({
    code: 'timeout',
    operation: 'ask about the channel',
    place: 'channel',
    message: `${CALLS_MAX} questions wait for an answer already.`,
    retry: 'backoff',
    hint: 'Ask again later; look at the disk of the state directory if this goes on.',
  });
}
