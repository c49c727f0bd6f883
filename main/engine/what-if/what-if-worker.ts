/**
 * One what-if run, or one look at a cluster's topics, in a thread of its own: whatever an expression, a configuration under trial or a strange broker's data does to it,
 * the engine's threads go on. The thread ends with its work.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Output, ParsedInput } from '../../../shared/contract/control.ts';
import type { WhatIfResult } from '../../../shared/contract/control-what-if.ts';
import { toWireError, type WireError } from '../../channel/writer-protocol.ts';
import { systemClock } from '../../telemetry/clock.ts';
import { kafkaSample, kafkaTopics, type LookContext } from './topic-look.ts';
import { runWhatIf, type WhatIfWork } from './what-if-run.ts';

/** What the thread may be asked, and what it answers. */
export interface ThreadTasks {
  readonly rules: { readonly input: WhatIfWork; readonly result: WhatIfResult };
  readonly topics: { readonly input: ParsedInput<'kafkaTopics'>; readonly result: Output<'kafkaTopics'> };
  readonly sample: { readonly input: ParsedInput<'kafkaSample'>; readonly result: Output<'kafkaSample'> };
}
export type TaskKind = keyof ThreadTasks;
export type ThreadTask =
  | { readonly kind: 'rules'; readonly input: WhatIfWork }
  | {
      readonly kind: 'topics';
      readonly input: ThreadTasks['topics']['input'];
      readonly context: Omit<LookContext, 'signal'>;
    }
  | {
      readonly kind: 'sample';
      readonly input: ThreadTasks['sample']['input'];
      readonly context: Omit<LookContext, 'signal'>;
    };

export type ToThread = { readonly kind: 'cancel' };
export type FromThread =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'result'; readonly result: ThreadTasks[TaskKind]['result'] }
  | { readonly kind: 'failed'; readonly error: WireError };

/** Progress goes to the main thread this often. */
const PROGRESS_INTERVAL_MS = 200;

const port = parentPort;
if (port === null) throw new Error('what-if-worker runs as a worker thread only');
const send = (message: FromThread): void => port.postMessage(message);
const stop = new AbortController();
port.on('message', (_: ToThread) => stop.abort(new Error('the work was cancelled')));

function work(task: ThreadTask): Promise<ThreadTasks[TaskKind]['result']> {
  const { signal } = stop;
  switch (task.kind) {
    case 'rules': {
      let toldMs = -Infinity;
      const onProgress = (done: number, total: number): void => {
        const nowMs = systemClock.steadyMs();
        if (nowMs - toldMs < PROGRESS_INTERVAL_MS) return;
        toldMs = nowMs;
        send({ kind: 'progress', done, total });
      };
      return runWhatIf(task.input, { clock: systemClock, signal, onProgress });
    }
    case 'topics':
      return kafkaTopics(task.input, { ...task.context, signal });
    case 'sample':
      return kafkaSample(task.input, { ...task.context, signal });
  }
}

work(workerData as ThreadTask)
  .then((result) => send({ kind: 'result', result }))
  .catch((error: unknown) => send({ kind: 'failed', error: toWireError(error) }))
  .finally(() => port.close());
