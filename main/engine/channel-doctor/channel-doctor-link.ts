import { Worker } from 'node:worker_threads';
import type { ChannelExport } from '../../../shared/contract/control-channel.ts';
import { fromWireError } from '../../channel/writer-protocol.ts';
import type { JobRun } from '../desks/job-desk.ts';
import type { CheckedChannel, DoctorTask, FromDoctorThread } from './channel-doctor-worker.ts';

const HEAP_MIB = 192;
/** SQLite's own check can't be interrupted: then the thread is ended where it stands, for it holds nothing that must be kept. */
const CANCEL_GRACE_MS = 1_500;

type Watch = Pick<JobRun, 'signal' | 'progress'>;
type Result = Extract<FromDoctorThread, { readonly result: unknown }>;

/** Rejects with what the check throws, or the signal's reason. */
export async function checkInThread(stateDir: string, watch: Watch): Promise<CheckedChannel> {
  const answer = await inThread({ kind: 'check', stateDir }, watch);
  if (answer.kind !== 'checked') throw new Error('the thread answered another question');
  return answer.result;
}

/** Rejects with what the export throws, or the signal's reason. */
export async function exportInThread(
  task: Extract<DoctorTask, { kind: 'export' }>,
  watch: Watch,
): Promise<ChannelExport> {
  const answer = await inThread(task, watch);
  if (answer.kind !== 'exported') throw new Error('the thread answered another question');
  return answer.result;
}

function inThread(task: DoctorTask, { signal, progress }: Watch): Promise<Result> {
  signal.throwIfAborted();
  const worker = new Worker(new URL('./channel-doctor-worker.ts', import.meta.url), {
    workerData: task,
    name: 'channel-doctor',
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
  });
  return new Promise((resolve, reject) => {
    let limit: NodeJS.Timeout | undefined;
    let answer: Result | undefined;
    let failure: Error = new Error('the thread of the channel doctor ended without a result');
    const cancel = (): void => {
      worker.postMessage('cancel');
      limit ??= setTimeout(() => void worker.terminate(), CANCEL_GRACE_MS);
    };
    signal.addEventListener('abort', cancel, { once: true });
    worker.on('message', (message: FromDoctorThread) => {
      if (message.kind === 'progress') progress(message.step, message.done, message.total);
      else if (message.kind === 'failed') failure = fromWireError(message.error);
      else answer = message;
    });
    worker.on('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
    });
    worker.on('exit', () => {
      clearTimeout(limit);
      signal.removeEventListener('abort', cancel);
      if (signal.aborted) reject(signal.reason as Error);
      else if (answer === undefined) reject(failure);
      else resolve(answer);
    });
  });
}
