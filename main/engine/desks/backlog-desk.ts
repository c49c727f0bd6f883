/** The desk that answers for the backlog: what waits and why, and a copy of it for whoever needs one. */
import type { Output, ParsedInput } from '../../../shared/contract/control.ts';
import type { EngineApi } from '../../control/engine-api.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { exportBacklog } from '../backlog-export.ts';
import { withStandings } from '../backlog-standing.ts';
import type { EngineQueries } from '../engine-queries.ts';
import type { Flow } from '../flow.ts';
import type { JobDesk } from './job-desk.ts';

type Faces = Pick<EngineApi, 'backlogList' | 'backlogHeat' | 'backlogChunks' | 'backlogExportStart'>;

export interface BacklogDeskOptions {
  readonly jobs: JobDesk;
  readonly flow: Flow;
  /** The thread that answers questions now. */
  readonly queries: () => EngineQueries;
  readonly clock: Clock;
}

export class BacklogDesk implements Faces {
  readonly #options: BacklogDeskOptions;

  constructor(options: BacklogDeskOptions) {
    this.#options = options;
  }

  /** Its calls, bound to it. */
  faces(): Faces {
    const { backlogList, backlogHeat, backlogChunks, backlogExportStart } = this;
    return { backlogList, backlogHeat, backlogChunks, backlogExportStart };
  }

  readonly backlogList = async (input: ParsedInput<'backlogList'>): Promise<Output<'backlogList'>> => {
    const { flow, queries } = this.#options;
    const answer = await queries().backlogList(input);
    const switches = () => flow.writer.perform('switches');
    return {
      ...answer,
      rows: await withStandings(answer.rows, { landersOf: (name) => flow.landersOf(name), switches }),
    };
  };

  readonly backlogHeat = (input: ParsedInput<'backlogHeat'>) => this.#options.queries().backlogHeat(input);

  readonly backlogChunks = (input: ParsedInput<'backlogChunks'>) =>
    this.#options.queries().backlogChunks(input);

  /** Throws `usage` when too many jobs run; the job itself fails with it when nothing waits under any of the keys. */
  readonly backlogExportStart = async ({
    landingKeyIds,
    by,
  }: ParsedInput<'backlogExportStart'>): Promise<Output<'backlogExportStart'>> => {
    const { jobs, flow, queries, clock } = this.#options;
    const ids = [...new Set(landingKeyIds)];
    const title = ids.length === 1 ? 'export a directory' : `export ${ids.length} directories`;
    const jobId = jobs.start({ kind: 'export', title, by }, (run) =>
      exportBacklog(run, {
        landingKeyIds: ids,
        queries,
        nowMs: clock.nowMs(),
        minFreeDiskBytes: flow.writer.room.minFreeDiskBytes,
      }),
    );
    return { jobId };
  };
}
