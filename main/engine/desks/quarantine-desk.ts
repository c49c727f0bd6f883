/** Events in quarantine: in groups, tried again, given up. */
import type { Output, ParsedInput } from '../../../shared/contract/control.ts';
import type { QuarantineSelection } from '../../../shared/contract/control-rows.ts';
import { formatCount } from '../../../shared/units.ts';
import type { EngineApi } from '../../control/engine-api.ts';
import type { QuarantineCursor } from '../../channel/quarantine-target.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { EngineQueries } from '../engine-queries.ts';
import type { Flow } from '../flow.ts';
import { retryQuarantined } from '../quarantine-retry.ts';
import type { JobDesk } from './job-desk.ts';

type Faces = Pick<EngineApi, 'quarantineGroups' | 'quarantineRetry' | 'quarantineDrop'>;

export interface QuarantineDeskOptions {
  readonly jobs: JobDesk;
  readonly flow: Flow;
  /** The thread that answers questions now. */
  readonly queries: () => EngineQueries;
  readonly log: Logger;
}

export class QuarantineDesk implements Faces {
  readonly #options: QuarantineDeskOptions;

  constructor(options: QuarantineDeskOptions) {
    this.#options = options;
  }

  readonly quarantineGroups = () => this.#options.queries().quarantineGroups();

  /** One retry runs at a time; a drop beside it is safe, of each event one of them wins. */
  readonly quarantineRetry = async ({
    selection,
    by,
  }: ParsedInput<'quarantineRetry'>): Promise<Output<'quarantineRetry'>> => {
    const { jobs, flow, queries } = this.#options;
    const title = `retry ${describe(selection)}`;
    const jobId = jobs.start({ kind: 'quarantine-retry', title, by }, (run) =>
      retryQuarantined({ flow, queries }, { selection, by }, run),
    );
    return { jobId };
  };

  /** In steps, each a transaction: if it is cut off, what was dropped stays so, and the call can be made again. */
  readonly quarantineDrop = async ({
    selection,
    by,
    why,
  }: ParsedInput<'quarantineDrop'>): Promise<Output<'quarantineDrop'>> => {
    const { flow, queries, log } = this.#options;
    const { upTo } = await queries().quarantineTarget(selection);
    const target = { selection, upTo };
    let dropped = 0;
    let after: QuarantineCursor | undefined;
    do {
      const { ids, next } = await queries().quarantineIds({ target, after });
      if (ids.length > 0) dropped += (await flow.writer.perform('dropQuarantined', { ids, by, why })).dropped;
      after = next;
    } while (after !== undefined);
    log.info('events in quarantine were dropped', { what: describe(selection), events: dropped, by, why });
    return { dropped };
  };
}

function describe(selection: QuarantineSelection): string {
  if ('ids' in selection) {
    const { ids } = selection;
    return ids.length === 1 ? `event ${ids[0]}` : `${formatCount(ids.length)} events`;
  }
  const { source, topic } = selection;
  const of = topic ?? source;
  const which = 'reason' in selection ? `events with “${selection.reason.slice(0, 120)}”` : 'all events';
  return of === undefined ? which : `${which} of ${of}`;
}
