import type { ChannelExport } from '../../../shared/contract/control-channel.ts';
import { fromWireError } from '../../channel/writer-protocol.ts';
import type { JobRun } from '../desks/job-desk.ts';
import { answerOfThread } from '../job-thread.ts';
import type { CheckedChannel, DoctorTask, FromDoctorThread } from './channel-doctor-worker.ts';

const HEAP_MIB = 192;
/** SQLite's own check can't be interrupted. */
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
  return answerOfThread({
    url: new URL('./channel-doctor-worker.ts', import.meta.url),
    ...{ name: 'channel-doctor', data: task, heapMib: HEAP_MIB, graceMs: CANCEL_GRACE_MS, signal },
    onMessage: (message: FromDoctorThread) => {
      if (message.kind === 'failed') return { failure: fromWireError(message.error) };
      if (message.kind !== 'progress') return { answer: message, isLast: true };
      progress(message.step, message.done, message.total);
      return {};
    },
  });
}
