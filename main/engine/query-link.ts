import type { MessagePort } from 'node:worker_threads';
import { procedures, type Input, type Output, type ParsedInput } from '../../shared/contract/control.ts';
import type { QuarantineSelection } from '../../shared/contract/control-rows.ts';
import type { QuarantineIds, QuarantineSlice, QuarantineTargetSize } from '../channel/quarantine-target.ts';
import type { TargetSettings } from '../sinks/create-target.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { AuditNews } from './audit-jobs.ts';
import type { AnsweringThread, ChannelFigures, EngineQueries } from './engine-queries.ts';
import type { FleetAcceptedInput, FleetBookRow, FleetWaiting } from './fleet/fleet-books.ts';
import { AuditRoom } from './query-audits.ts';
import type {
  ExportedChunk,
  ExportInput,
  ExportSize,
  QuarantineSliceInput,
  Queries,
  QueryName,
} from './query-messages.ts';
import { closed, QueryThread } from './query-thread.ts';

/** Nobody looked at a list for so long: its thread ends, and the memory of what it sorted goes back. */
const LISTS_IDLE_MS = 5 * 60_000;

export interface QueryLinkOptions {
  /** The state directory, after the channel's writer has opened it. */
  readonly stateDir: string;
  readonly gatewayId: string;
  /** A port to the channel's writer, for looking at events in memory; absent: these are passed by. */
  readonly connectWriter?: () => MessagePort;
  /** Where each sink writes to, asked for at the start of each audit. */
  readonly targets: () => Readonly<Record<string, TargetSettings>>;
  readonly clock: Clock;
  /** Hears of each audit's report while it runs, and of the last one. */
  readonly onAudit?: (news: AuditNews) => void;
  /** How long the lists' thread outlives the last question. */
  readonly listsIdleMs?: number;
}

/** Starts the worker that answers questions. Throws what opening the database for reading throws. */
export async function startQueries(options: QueryLinkOptions): Promise<EngineQueries> {
  const link = new QueryLink(options);
  await link.opened;
  return link;
}

/**
 * The main thread's end of everything that only reads the database. Three kinds of threads: one answers the status each second, for
 * as long as the engine runs; one answers what operators look up in lists, begins with the first such question and ends when nobody
 * looks any more; each audit has one of its own for as long as it lasts. So neither a list of a million rows nor an audit ever delays
 * the status, and their memory goes back with their thread.
 */
class QueryLink implements EngineQueries {
  readonly #options: QueryLinkOptions;
  readonly #audits: AuditRoom;
  readonly #status: QueryThread;
  #lists: QueryThread | undefined;
  #listsTimer: NodeJS.Timeout | undefined;
  /** Threads of lists that are ending. */
  readonly #ending = new Set<Promise<void>>();
  #end: Error | undefined;

  constructor(options: QueryLinkOptions) {
    this.#options = options;
    this.#audits = new AuditRoom(options.clock, options.onAudit);
    this.#status = new QueryThread({ stateDir: options.stateDir }, 'queries');
  }

  get opened(): Promise<void> {
    return this.#status.opened;
  }

  channelFigures(): Promise<readonly ChannelFigures[]> {
    return this.#status.call('channelFigures', undefined);
  }
  backlogList(input: Input<'backlogList'>): Promise<Output<'backlogList'>> {
    return this.#ask('backlogList', procedures.backlogList.input.parse(input));
  }
  backlogHeat(input: Input<'backlogHeat'>): Promise<Output<'backlogHeat'>> {
    return this.#ask('backlogHeat', procedures.backlogHeat.input.parse(input));
  }
  backlogChunks(input: Input<'backlogChunks'>): Promise<Output<'backlogChunks'>> {
    return this.#ask('backlogChunks', procedures.backlogChunks.input.parse(input));
  }
  backlogPeek(input: Input<'backlogPeek'>): Promise<Output<'backlogPeek'>> {
    return this.#ask('backlogPeek', procedures.backlogPeek.input.parse(input));
  }
  backlogExport(input: Input<'backlogExport'>): Promise<Output<'backlogExport'>> {
    return this.#ask('backlogExport', procedures.backlogExport.input.parse(input));
  }
  exportSize(landingKeyIds: readonly number[]): Promise<ExportSize> {
    return this.#ask('exportSize', landingKeyIds);
  }
  exportedChunk(input: ExportInput): Promise<ExportedChunk | undefined> {
    return this.#ask('exportedChunk', input);
  }
  sinkOfKey(landingKeyId: number): Promise<string | undefined> {
    return this.#ask('sinkOfKey', landingKeyId);
  }
  landings(input: Input<'landings'>): Promise<Output<'landings'>> {
    return this.#ask('landings', procedures.landings.input.parse(input));
  }
  quarantineList(input: Input<'quarantineList'>): Promise<Output<'quarantineList'>> {
    return this.#ask('quarantineList', procedures.quarantineList.input.parse(input));
  }
  quarantineShow(input: Input<'quarantineShow'>): Promise<Output<'quarantineShow'>> {
    return this.#ask('quarantineShow', input);
  }
  quarantineGroups(): Promise<Output<'quarantineGroups'>> {
    return this.#ask('quarantineGroups', undefined);
  }
  quarantineTarget(selection: QuarantineSelection): Promise<QuarantineTargetSize> {
    return this.#ask('quarantineTarget', selection);
  }
  quarantineSlice(input: QuarantineSliceInput): Promise<QuarantineSlice> {
    return this.#ask('quarantineSlice', input);
  }
  quarantineIds(input: QuarantineSliceInput): Promise<QuarantineIds> {
    return this.#ask('quarantineIds', input);
  }

  fleetAccepted(input: FleetAcceptedInput): Promise<FleetBookRow[]> {
    return this.#status.call('fleetAccepted', input);
  }
  fleetWaiting(input: { readonly sink: string; readonly after: number }): Promise<FleetWaiting> {
    return this.#status.call('fleetWaiting', input);
  }

  /** Throws `usage` while another audit runs. */
  async auditStart({ level, by }: ParsedInput<'auditStart'>): Promise<Output<'auditStart'>> {
    if (this.#end !== undefined) throw this.#end;
    const { stateDir, gatewayId, targets } = this.#options;
    return this.#audits.start({ stateDir, gatewayId, level, sinks: targets() }, by);
  }
  async auditReport({ id }: ParsedInput<'auditReport'>): Promise<Output<'auditReport'>> {
    return this.#audits.report(id);
  }
  async auditCancel({ id }: ParsedInput<'auditCancel'>): Promise<Output<'auditCancel'>> {
    await this.#audits.cancel(id);
    return {};
  }

  threads(): readonly AnsweringThread[] {
    return this.#lists === undefined ? [this.#status] : [this.#status, this.#lists];
  }

  /** Cancels the audit that runs, ends the threads; calls under way reject. */
  async close(): Promise<void> {
    this.#end ??= closed();
    const status = this.#status.close();
    this.#endLists();
    await this.#audits.close();
    await status;
    await Promise.all(this.#ending);
  }

  /** Asks the lists' thread, which is started when there is none. */
  async #ask<Name extends QueryName>(
    name: Name,
    input: Parameters<Queries[Name]>[0],
  ): Promise<Awaited<ReturnType<Queries[Name]>>> {
    if (this.#end !== undefined) throw this.#end;
    // One that died rejected its own questions; the next one gets a new thread.
    if (this.#lists?.end !== undefined) this.#lists = undefined;
    let lists = this.#lists;
    if (lists === undefined) {
      const { stateDir, connectWriter } = this.#options;
      lists = new QueryThread(
        connectWriter === undefined ? { stateDir } : { stateDir, writer: connectWriter() },
        'lists',
      );
      this.#lists = lists;
    }
    try {
      return await lists.call(name, input);
    } finally {
      this.#waitForIdle();
    }
  }

  #waitForIdle(): void {
    clearTimeout(this.#listsTimer);
    if (this.#end !== undefined) return;
    this.#listsTimer = setTimeout(() => {
      if (this.#lists?.isBusy === true) this.#waitForIdle();
      else this.#endLists();
    }, this.#options.listsIdleMs ?? LISTS_IDLE_MS);
    this.#listsTimer.unref();
  }

  #endLists(): void {
    clearTimeout(this.#listsTimer);
    const lists = this.#lists;
    this.#lists = undefined;
    if (lists === undefined) return;
    const ending = lists.close().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}
