/** One check or export of the channel of a running engine, in a thread of its own: it reads every page and every body, and writes nothing there. */
import { setImmediate as turn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { ChannelCheck, ChannelExport } from '../../../shared/contract/control-channel.ts';
import { checkChannel, type FoundDamage } from '../../channel/doctor/channel-check.ts';
import { exportChannel } from '../../channel/doctor/channel-export.ts';
import { toWireError, type WireError } from '../../channel/writer-protocol.ts';
import { systemClock } from '../../telemetry/clock.ts';

export type DoctorTask =
  | { readonly kind: 'check'; readonly stateDir: string }
  | {
      readonly kind: 'export';
      readonly stateDir: string;
      readonly to: string;
      readonly isDamagedIncluded: boolean;
    };

/** What is found, with all damaged chunks, also those that the report only counts. */
export interface CheckedChannel {
  readonly check: ChannelCheck;
  readonly found: readonly FoundDamage[];
}

export type FromDoctorThread =
  | { readonly kind: 'progress'; readonly step: string; readonly done: number; readonly total: number }
  | { readonly kind: 'checked'; readonly result: CheckedChannel }
  | { readonly kind: 'exported'; readonly result: ChannelExport }
  | { readonly kind: 'failed'; readonly error: WireError };

const PROGRESS_INTERVAL_MS = 200;

const port = parentPort;
if (port === null) throw new Error('channel-doctor-worker runs as a worker thread only');
const send = (message: FromDoctorThread): void => port.postMessage(message);
const stop = new AbortController();
port.on('message', () => stop.abort(new Error('the work was cancelled')));

async function work(task: DoctorTask): Promise<void> {
  let toldMs = -Infinity;
  const found: FoundDamage[] = [];
  const watch = {
    signal: stop.signal,
    turn: async () => void (await turn()),
    onDamaged: (one: FoundDamage) => void found.push(one),
    onProgress: (step: string, done: number, total: number) => {
      const nowMs = systemClock.steadyMs();
      if (nowMs - toldMs < PROGRESS_INTERVAL_MS) return;
      toldMs = nowMs;
      send({ kind: 'progress', step, done, total });
    },
  };
  const { stateDir: directory } = task;
  if (task.kind === 'check')
    send({
      kind: 'checked',
      result: { check: await checkChannel({ directory, isRunning: true }, watch), found },
    });
  else send({ kind: 'exported', result: await exportChannel({ ...task, directory }, watch) });
}

work(workerData as DoctorTask)
  .catch((error: unknown) => send({ kind: 'failed', error: toWireError(error) }))
  .finally(() => port.close());
