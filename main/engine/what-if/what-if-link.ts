import { fromWireError } from '../../channel/writer-protocol.ts';
import { answerOfThread } from '../job-thread.ts';
import type { FromThread, TaskKind, ThreadTask, ThreadTasks } from './what-if-worker.ts';

/** What a task's own JavaScript may take: slices are small, and one large event must fit several times. */
const HEAP_MIB = 192;
/** An expression may hold the thread a second. */
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
  return answerOfThread({
    url: new URL('./what-if-worker.ts', import.meta.url),
    ...{ name: 'what-if', data: task, heapMib: HEAP_MIB, graceMs: CANCEL_GRACE_MS, signal },
    onMessage: (message: FromThread) => {
      if (message.kind === 'failed') return { failure: fromWireError(message.error) };
      // The thread answers a task with a result of its kind.
      if (message.kind === 'result') return { answer: message.result, isLast: true };
      onProgress?.(message.done, message.total);
      return {};
    },
  });
}
