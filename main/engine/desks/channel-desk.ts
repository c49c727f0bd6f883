/** The channel doctor of a running engine: what it reads it reads in a thread of its own, what it changes the writer changes. */
import type { Output, ParsedInput } from '../../../shared/contract/control.ts';
import type { ChannelCheck, ChannelExport, ChannelRepair } from '../../../shared/contract/control-channel.ts';
import { GatewayError } from '../../../shared/errors.ts';
import { formatCount } from '../../../shared/units.ts';
import { repairReport } from '../../channel/doctor/channel-repair.ts';
import type { EngineApi } from '../../control/engine-api.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { checkInThread, exportInThread } from '../channel-doctor/channel-doctor-link.ts';
import type { Flow } from '../flow.ts';
import type { JobDesk, JobOutcome, JobRun } from './job-desk.ts';

type Faces = Pick<
  EngineApi,
  | 'channelCheckStart'
  | 'channelCheckResult'
  | 'channelRepairStart'
  | 'channelRepairResult'
  | 'channelExportStart'
  | 'channelExportResult'
  | 'channelSkip'
>;

export interface ChannelDeskOptions {
  readonly jobs: JobDesk;
  readonly flow: Flow;
  readonly stateDir: string;
  readonly log: Logger;
}

export class ChannelDesk implements Faces {
  readonly #options: ChannelDeskOptions;

  constructor(options: ChannelDeskOptions) {
    this.#options = options;
  }

  readonly channelCheckStart = async ({ by }: ParsedInput<'channelCheckStart'>) => {
    const { jobs, stateDir } = this.#options;
    const work = async (run: JobRun): Promise<JobOutcome> => {
      const { check } = await checkInThread(stateDir, run);
      return { result: check, summary: check.summary.join(' ') };
    };
    return { jobId: jobs.start({ kind: 'channel-check', title: 'check the channel', by }, work) };
  };

  readonly channelCheckResult = async ({ jobId }: ParsedInput<'channelCheckResult'>) =>
    this.#options.jobs.resultOf(jobId, 'channel-check') as ChannelCheck;

  readonly channelRepairStart = async ({ by }: ParsedInput<'channelRepairStart'>) => ({
    jobId: this.#options.jobs.start({ kind: 'channel-repair', title: 'repair the channel', by }, (run) =>
      this.#repair(run),
    ),
  });

  readonly channelRepairResult = async ({ jobId }: ParsedInput<'channelRepairResult'>) =>
    this.#options.jobs.resultOf(jobId, 'channel-repair') as ChannelRepair;

  readonly channelExportStart = async ({ to, isDamagedIncluded, by }: ParsedInput<'channelExportStart'>) => {
    const { jobs, stateDir } = this.#options;
    const work = async (run: JobRun): Promise<JobOutcome> => {
      const result = await exportInThread({ kind: 'export', stateDir, to, isDamagedIncluded }, run);
      return { result, summary: `${formatCount(result.events)} events written to ${result.directory}` };
    };
    return { jobId: jobs.start({ kind: 'channel-export', title: `export the channel to ${to}`, by }, work) };
  };

  readonly channelExportResult = async ({ jobId }: ParsedInput<'channelExportResult'>) =>
    this.#options.jobs.resultOf(jobId, 'channel-export') as ChannelExport;

  readonly channelSkip = async ({
    segment,
    by,
    why,
  }: ParsedInput<'channelSkip'>): Promise<Output<'channelSkip'>> => {
    const { flow, log } = this.#options;
    const { offsets } = await flow.writer.perform('giveUpSegment', segment, { by, why });
    log.warn('a segment of the channel was given up', { ...segment, offsets, by, why });
    return { offsets };
  };

  /** Chunks only: a database whose pages are damaged can't be changed under a running engine. */
  async #repair(run: JobRun): Promise<JobOutcome> {
    const { flow, stateDir, log } = this.#options;
    const { check, found } = await checkInThread(stateDir, run);
    if (check.pages.state === 'damaged' || check.pages.state === 'unreadable') throw stopFirst(stateDir);
    const setAside = [];
    for (const [index, one] of found.entries()) {
      run.signal.throwIfAborted();
      run.progress('damaged chunks set aside', index, found.length);
      const { isSetAside } = await flow.writer.perform('setAsideWaiting', one.id, one.what);
      if (isSetAside) setAside.push(one);
    }
    const result = repairReport(found, setAside);
    if (setAside.length > 0)
      log.warn('damaged chunks were set aside', { chunks: setAside.length, events: result.claimedEvents });
    return { result, summary: result.summary.join(' ') };
  }
}

function stopFirst(place: string): GatewayError {
  return new GatewayError({
    code: 'database-damaged',
    operation: 'repair the channel',
    place,
    message:
      'Pages of the database are damaged, not only chunks: it has to be written anew, which a running engine can’t do.',
    retry: 'never',
    hint: 'Stop the engine and call `headgate channel repair` again.',
  });
}
