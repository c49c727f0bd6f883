import { Worker } from 'node:worker_threads';
import { fromWireError } from '../../channel/writer-protocol.ts';
import type { FromThread, TaskKind, ThreadTask, ThreadTasks, ToThread } from './what-if-worker.ts';

/** What a task's own JavaScript may take: slices are small, and one large event must fit several times. */
const HEAP_MIB = 192;
/** An expression may hold the thread a second; then it is ended where it stands, for it holds nothing that must be kept. */
const CANCEL_GRACE_MS = 1_500;

export interface ThreadWatch {
  readonly signal: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Runs the task in a thread of its own. Rejects with the task's own error, or the signal's reason when it was cancelled. */
export function inThread<Kind extends TaskKind>(
  task: Extract<ThreadTask, { kind: Kind }>,
  { signal, onProgress }: ThreadWatch,
): Promise<ThreadTasks[Kind]['result']> {
  signal.throwIfAborted();
  const worker = new Worker(new URL('./what-if-worker.ts', import.meta.url), {
    workerData: task,
    name: 'what-if',
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
  });
  return new Promise((resolve, reject) => {
    let limit: NodeJS.Timeout | undefined;
    let result: ThreadTasks[TaskKind]['result'] | undefined;
    let failure: Error = new Error('the what-if thread ended without a result');
    const end = (): void => {
      limit ??= setTimeout(() => void worker.terminate(), CANCEL_GRACE_MS);
    };
    const cancel = (): void => {
      worker.postMessage({ kind: 'cancel' } satisfies ToThread);
      end();
    };
    signal.addEventListener('abort', cancel, { once: true });
    worker.on('message', (message: FromThread) => {
      if (message.kind === 'progress') return onProgress?.(message.done, message.total);
      if (message.kind === 'result') ({ result } = message);
      else failure = fromWireError(message.error);
      // A connection that a dead server holds open must not keep the thread.
      end();
    });
    worker.on('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
    });
    worker.on('exit', () => {
      clearTimeout(limit);
      signal.removeEventListener('abort', cancel);
      if (signal.aborted) reject(signal.reason as Error);
      else if (result === undefined) reject(failure);
      // The thread answers a task with a result of its kind.
      else resolve(result);
    });
  });
}
