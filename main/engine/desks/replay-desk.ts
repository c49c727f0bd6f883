/** The desk for replays: starts one as a job, and shows the list of all. */
import type { Output, ParsedInput } from '../../../shared/contract/control.ts';
import type { ReplayRow } from '../../../shared/contract/control-replay.ts';
import type { GatewayConfig } from '../../../shared/contract/config.ts';
import { formatBytes, formatCount } from '../../../shared/units.ts';
import type { EngineApi } from '../../control/engine-api.ts';
import type { Clock, Random } from '../../telemetry/clock.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Flow } from '../flow.ts';
import { ReplayBook, REPLAYS_MAX, type ReplayRecord } from '../replay/replay-book.ts';
import { replayWay } from '../replay/replay-config.ts';
import { replayDirectory } from '../replay/replay-directory.ts';
import { replayBounds, replayUsage } from '../replay/replay-range.ts';
import { ReplayRun } from '../replay/replay-run.ts';
import type { JobDesk } from './job-desk.ts';

export interface ReplayDeskOptions {
  readonly jobs: JobDesk;
  readonly flow: Flow;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export class ReplayDesk {
  readonly #options: ReplayDeskOptions;
  readonly #book: ReplayBook;
  /** The one that runs: jobs of this kind run one at a time. */
  #running: string | undefined;

  constructor(options: ReplayDeskOptions) {
    this.#options = options;
    this.#book = new ReplayBook(options.flow.stateDir);
  }

  /** The calls it answers, bound to it. */
  faces(): Pick<EngineApi, 'replayStart' | 'replayList' | 'replayFiles'> {
    const { replayStart, replayList, replayFiles } = this;
    return { replayStart, replayList, replayFiles };
  }

  /** Throws `usage` for a request that fits no source, sink or directory, and for an id that means another request. */
  readonly replayStart = async (input: ParsedInput<'replayStart'>): Promise<Output<'replayStart'>> => {
    const { jobs, flow, clock, random, log } = this.#options;
    const record = await this.#recordOf(input, flow.config);
    const { id, topic, from, to, into } = record;
    const title = `replay ${topic} from ${from} to ${to} into ${into}`;
    const jobId = jobs.start({ kind: 'replay', title, by: input.by }, async (run) => {
      this.#running = id;
      try {
        await this.#book.write({ ...record, state: 'running' });
        const { config, configVersion, writer: switches } = flow;
        const parts = { book: this.#book, record, config, configVersion, switches };
        await new ReplayRun({ ...parts, clock, random, log, run }).work();
        const row = await this.#row(id);
        return { result: row, summary: summaryOf(row) };
      } finally {
        this.#running = undefined;
      }
    });
    return { jobId, id };
  };

  readonly replayList = async (): Promise<Output<'replayList'>> => {
    const rows: ReplayRow[] = [];
    for (const id of await this.#book.ids()) {
      const row = await this.#book.row(id, id === this.#running);
      if (row !== undefined) rows.push(row);
    }
    return { replays: rows.sort((left, right) => right.startedMs - left.startedMs) };
  };

  readonly replayFiles = async ({
    id,
    ...page
  }: ParsedInput<'replayFiles'>): Promise<Output<'replayFiles'>> => {
    if ((await this.#book.find(id)) === undefined)
      throw replayUsage(`there is no replay ${id}`, 'See `headgate replay --list`.');
    return this.#book.files(id, page);
  };

  async #row(id: string): Promise<ReplayRow> {
    const row = await this.#book.row(id, true);
    if (row === undefined) throw new Error(`the record of replay ${id} is gone`);
    return row;
  }

  /** A new record, or the one that this id has when it means the same. */
  async #recordOf(input: ParsedInput<'replayStart'>, config: GatewayConfig): Promise<ReplayRecord> {
    const { clock } = this.#options;
    const { id: given, by, ...request } = input;
    replayBounds(request);
    const way = replayWay(request, config);
    const type = config.sinks[way.sink]?.type ?? 'directory';
    const into = await replayDirectory(request.into, config, type);
    const id = given ?? newId(clock.nowMs());
    if (id === this.#running)
      throw replayUsage(`the replay ${id} runs already`, 'Follow it with `headgate replay --list`.');
    const wanted = { ...request, ...way, into, id };
    const known = await this.#book.find(id);
    if (known !== undefined) {
      if (sameText(known) === sameText(wanted)) return { ...known, finishedMs: undefined, error: undefined };
      throw replayUsage(
        `the id ${id} belongs to another replay: ${known.topic} from ${known.from} to ${known.to} into ${known.into}`,
        'Say the same again to go on with it, or choose another --id.',
      );
    }
    const ids = await this.#book.ids();
    if (ids.length >= REPLAYS_MAX)
      throw replayUsage(
        `there are ${REPLAYS_MAX} replays on record`,
        'Move old folders of `replays` out of the state directory.',
      );
    return { ...wanted, by, startedMs: clock.nowMs(), state: 'running', isPlaceChecked: false };
  }
}

/** What must be the same for a rerun. */
function sameText(one: Omit<ReplayRecord, 'by' | 'startedMs' | 'state' | 'isPlaceChecked'>): string {
  const { topic, from, to, isByTime, into, partition, source, sink, keepsLayout } = one;
  return JSON.stringify([topic, from, to, isByTime, into, partition, source, sink, keepsLayout]);
}

/** `20261121-2155-07`: people read it in file names. */
function newId(nowMs: number): string {
  const digits = new Date(nowMs).toISOString().replace(/\D/g, '');
  return `${digits.slice(0, 8)}-${digits.slice(8, 14)}-${digits.slice(14, 17)}`;
}

function summaryOf({ events, files, bytes, gone, quarantined }: ReplayRow): string {
  const landed = `${formatCount(events)} events in ${formatCount(files)} files, ${formatBytes(bytes)}`;
  return [
    landed,
    ...(quarantined > 0 ? [`${formatCount(quarantined)} could not be placed`] : []),
    ...(gone > 0 ? [`${formatCount(gone)} offsets are gone at the broker`] : []),
  ].join('; ');
}
