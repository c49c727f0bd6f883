import { Worker } from 'node:worker_threads';
import type { Output, ParsedInput } from '../../shared/contract/control.ts';
import { GatewayError } from '../../shared/errors.ts';
import { fromWireError } from '../channel/writer-protocol.ts';
import type { TargetSettings } from '../sinks/create-target.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { ChannelFigures, EngineQueries } from './engine-queries.ts';
import { AuditRoom } from './query-audits.ts';
import type { FromQueries, Queries, QueryName, QueryWorkerData, ToQueries } from './query-messages.ts';

/** Calls that may wait for the worker; more are refused, so that a slow disk does not gather them without end. */
const CALLS_MAX = 256;
/** A worker that is still in the middle of a question is ended after this. */
const CLOSE_GRACE_MS = 5_000;

export interface QueryLinkOptions {
  /** The state directory, after the channel's writer has opened it. */
  readonly stateDir: string;
  readonly gatewayId: string;
  /** Where each sink writes to, asked for at the start of each audit. */
  readonly targets: () => Readonly<Record<string, TargetSettings>>;
  readonly clock: Clock;
}

interface PendingCall {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Starts the worker that answers questions. Throws what opening the database for reading throws. */
export async function startQueries(options: QueryLinkOptions): Promise<EngineQueries> {
  const link = new QueryLink(options);
  await link.opened;
  return link;
}

/**
 * The main thread's end of everything that only reads the database. Two workers: one answers questions, each within
 * milliseconds, for as long as the engine runs; each audit has one of its own for as long as it lasts. So an audit never
 * delays the status, its memory goes back with its thread, and a cancelled one can be ended even in the middle of a call.
 */
class QueryLink implements EngineQueries {
  readonly #options: QueryLinkOptions;
  readonly #audits: AuditRoom;
  readonly #pending = new Map<number, PendingCall>();
  readonly #worker: Worker;
  /** Resolves when the worker can answer; rejects with the reason when it never will. */
  readonly opened: Promise<void>;
  readonly #gone: Promise<void>;
  #lastId = 0;
  #end: Error | undefined;

  constructor(options: QueryLinkOptions) {
    this.#options = options;
    this.#audits = new AuditRoom(options.clock);
    const worker = new Worker(new URL('./query-worker.ts', import.meta.url), {
      workerData: { stateDir: options.stateDir } satisfies QueryWorkerData,
      name: 'queries',
    });
    this.#worker = worker;
    // One set of listeners for the worker's whole life. Taking all listeners off a Worker takes off Node's own as well, which
    // start its port: after that its messages never arrive.
    this.#gone = new Promise((resolve) => worker.once('exit', () => resolve()));
    this.opened = new Promise((resolve, reject) => {
      this.#listen(worker, { opened: resolve, failed: reject });
    });
  }

  channelFigures(): Promise<readonly ChannelFigures[]> {
    return this.#call('channelFigures', undefined);
  }
  backlogList(input: ParsedInput<'backlogList'>): Promise<Output<'backlogList'>> {
    return this.#call('backlogList', input);
  }
  backlogPeek(input: ParsedInput<'backlogPeek'>): Promise<Output<'backlogPeek'>> {
    return this.#call('backlogPeek', input);
  }
  backlogExport(input: ParsedInput<'backlogExport'>): Promise<Output<'backlogExport'>> {
    return this.#call('backlogExport', input);
  }
  landings(input: ParsedInput<'landings'>): Promise<Output<'landings'>> {
    return this.#call('landings', input);
  }
  quarantineList(input: ParsedInput<'quarantineList'>): Promise<Output<'quarantineList'>> {
    return this.#call('quarantineList', input);
  }
  quarantineShow(input: ParsedInput<'quarantineShow'>): Promise<Output<'quarantineShow'>> {
    return this.#call('quarantineShow', input);
  }

  /** Throws `usage` while another audit runs. */
  async auditStart({ level }: ParsedInput<'auditStart'>): Promise<Output<'auditStart'>> {
    if (this.#end !== undefined) throw this.#end;
    const { stateDir, gatewayId, targets } = this.#options;
    return this.#audits.start({ stateDir, gatewayId, level, sinks: targets() });
  }
  async auditReport({ id }: ParsedInput<'auditReport'>): Promise<Output<'auditReport'>> {
    return this.#audits.report(id);
  }
  async auditCancel({ id }: ParsedInput<'auditCancel'>): Promise<Output<'auditCancel'>> {
    await this.#audits.cancel(id);
    return {};
  }

  /** Cancels the audit that runs, ends the worker; calls under way reject. */
  async close(): Promise<void> {
    this.#ended(closed());
    await this.#audits.close();
    this.#worker.postMessage({ kind: 'close' } satisfies ToQueries);
    const limit = setTimeout(() => void this.#worker.terminate(), CLOSE_GRACE_MS);
    await this.#gone;
    clearTimeout(limit);
  }

  #call<Name extends QueryName>(
    name: Name,
    input: Parameters<Queries[Name]>[0],
  ): Promise<ReturnType<Queries[Name]>> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    if (this.#pending.size >= CALLS_MAX) return Promise.reject(overrun());
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (result: unknown) => void, reject });
      this.#worker.postMessage({ kind: 'call', id, name, input } satisfies ToQueries);
    });
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
    return call;
  }

  #ended(error: Error): void {
    this.#end ??= error;
    for (const { reject } of this.#pending.values()) reject(this.#end);
    this.#pending.clear();
  }
}

function closed(): GatewayError {
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
