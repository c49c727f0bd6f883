/** The desk for leaving for good: keeps the durable word, starts the work, also again after a restart, and takes the word back. */
import type { Output, ParsedInput } from '../../../shared/contract/control.ts';
import type { RetirementRow } from '../../../shared/contract/control-retire.ts';
import { GatewayError } from '../../../shared/errors.ts';
import type { EngineApi } from '../../control/engine-api.ts';
import type { RaisedAlert } from '../../telemetry/alert-board.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { Flow } from '../flow.ts';
import type { Leftovers } from '../retire/retirement-books.ts';
import { readRetirements, writeRetirements, type Retirement } from '../retire/retirement-note.ts';
import { RetirementRun } from '../retire/retirement-run.ts';
import type { JobDesk, JobRun } from './job-desk.ts';

export interface RetireDeskOptions {
  readonly jobs: JobDesk;
  readonly flow: Flow;
  readonly clock: Clock;
  readonly setAlert: (isRaised: boolean, alert: RaisedAlert) => void;
  /** Tells the other gateways now; false: not all of them could be told. */
  readonly publishFacts: (signal: AbortSignal) => Promise<boolean>;
}

interface Progress {
  readonly step: string;
  readonly left: Pick<Leftovers, 'events' | 'files'>;
}

interface Work {
  readonly jobId: string;
  /** Settles when the job is over, however it ended. */
  readonly ended: Promise<void>;
}

const NOTHING: Progress = { step: '', left: { events: 0, files: 0 } };

export class RetireDesk {
  readonly #options: RetireDeskOptions;
  #retirements: Retirement[] = [];
  readonly #progress = new Map<string | undefined, Progress>();
  readonly #work = new Map<string | undefined, Work>();
  #isClosing = false;

  constructor(options: RetireDeskOptions) {
    this.#options = options;
  }

  /** Before anything flows: none of the sources that retire is started, and unfinished work goes on. */
  async open(): Promise<void> {
    const { flow } = this.#options;
    this.#retirements = await readRetirements(flow.writer);
    for (const one of this.#retirements) {
      await flow.endIntake(one.source);
      if (one.state === 'retiring') this.#begin(one, one.by);
      else if (one.source === undefined && one.endedMs !== undefined)
        flow.ended = { atMs: one.endedMs, why: 'retired', by: one.by };
      this.#alert(one);
    }
  }

  /** The jobs that are broken off from here on go on at the next start. */
  close(): void {
    this.#isClosing = true;
  }

  faces(): Pick<EngineApi, 'retireStart' | 'retireUndo'> {
    const { retireStart, retireUndo } = this;
    return { retireStart, retireUndo };
  }

  /** For the status. */
  rows(): RetirementRow[] {
    return this.#retirements.map((one) => {
      const { step, left } = this.#progress.get(one.source) ?? NOTHING;
      return { ...one, ...(step === '' ? {} : { step }), eventsLeft: left.events, filesLeft: left.files };
    });
  }

  /** Asked again while it works, it answers the job at work. */
  readonly retireStart = async ({
    source,
    by,
  }: ParsedInput<'retireStart'>): Promise<Output<'retireStart'>> => {
    const { flow, clock } = this.#options;
    if (source !== undefined && !flow.sources.has(source))
      throw usage(`there is no source ${source}`, `The sources are ${[...flow.sources.keys()].join(', ')}.`);
    const known = this.#retirements.find((one) => one.source === source);
    const running = this.#work.get(source);
    if (running !== undefined) return { jobId: running.jobId };
    const retirement: Retirement = known ?? {
      ...(source === undefined ? {} : { source }),
      ...{ state: 'retiring', by, sinceMs: clock.nowMs() },
    };
    if (known === undefined) await this.#write([...this.#retirements, retirement]);
    return { jobId: this.#begin(retirement, by) };
  };

  readonly retireUndo = async ({ source }: ParsedInput<'retireUndo'>): Promise<Output<'retireUndo'>> => {
    const { jobs } = this.#options;
    const known = this.#retirements.find((one) => one.source === source);
    if (known === undefined) throw usage('it does not retire', '`headgate status` shows what does.');
    const running = this.#work.get(source);
    if (running !== undefined) {
      await jobs.jobCancel({ id: running.jobId });
      await running.ended;
    }
    if (this.#retirements.some((one) => one.source === source)) await this.#undo(source);
    return {};
  };

  #begin(retirement: Retirement, by: string): string {
    const { jobs } = this.#options;
    const { source } = retirement;
    const end = Promise.withResolvers<void>();
    const title = source === undefined ? 'retire this gateway' : `retire the source ${source}`;
    const jobId = jobs.start({ kind: 'retire', title, by }, async (run) => {
      try {
        await this.#retire(retirement, run);
        const what = source === undefined ? 'this gateway' : `the source ${source}`;
        return { result: {}, summary: `nothing is left and the audit is clean: ${what} may be removed` };
      } catch (error) {
        // Whoever cancels it takes the word back; an engine that stops does not.
        if (run.signal.aborted && !this.#isClosing) await this.#undo(source);
        throw error;
      } finally {
        this.#work.delete(source);
        end.resolve();
      }
    });
    this.#work.set(source, { jobId, ended: end.promise });
    return jobId;
  }

  async #retire(retirement: Retirement, run: JobRun): Promise<void> {
    const { flow, clock } = this.#options;
    const { source } = retirement;
    if (retirement.state === 'retired') return;
    await new RetirementRun({
      ...{ retirement, flow, clock },
      signal: run.signal,
      progress: (step, left, total) => {
        this.#progress.set(source, { step, left });
        this.#alert(retirement);
        run.progress(step, Math.max(0, total - left.events), total);
      },
      tellOthers: async (end, signal) => {
        flow.ended = end;
        return this.#options.publishFacts(signal);
      },
    }).work();
    await this.#end({ ...retirement, state: 'retired', endedMs: flow.ended?.atMs ?? clock.nowMs() });
  }

  async #end(ended: Retirement): Promise<void> {
    await this.#write(this.#retirements.map((one) => (one.source === ended.source ? ended : one)));
    this.#progress.delete(ended.source);
    this.#alert(ended);
  }

  async #undo(source: string | undefined): Promise<void> {
    const { flow } = this.#options;
    const known = this.#retirements.find((one) => one.source === source);
    if (known?.state === 'retired')
      throw usage('it has retired, and the others were told so', 'Begin anew with an empty state directory.');
    await this.#write(this.#retirements.filter((one) => one.source !== source));
    this.#progress.delete(source);
    if (known !== undefined) this.#options.setAlert(false, alertOf(known, ''));
    if (source === undefined) flow.ended = undefined;
    flow.resumeIntake(source);
  }

  async #write(retirements: Retirement[]): Promise<void> {
    await writeRetirements(this.#options.flow.writer, retirements);
    this.#retirements = retirements;
  }

  #alert(one: Retirement): void {
    this.#options.setAlert(true, alertOf(one, this.#progress.get(one.source)?.step ?? ''));
  }
}

function alertOf({ source, state }: Retirement, step: string): RaisedAlert {
  const what = source === undefined ? 'this gateway' : `the source ${source}`;
  const place = source ?? 'gateway';
  if (state === 'retired') {
    const message = `${what} has retired: nothing is left, the audit was clean; it may be removed`;
    return { code: 'retiring', level: 'info', place, message, hint: undefined };
  }
  return {
    code: 'retiring',
    level: 'info',
    place,
    message: `${what} is retiring${step === '' ? '' : `: ${step}`}`,
    hint: 'it takes nothing new; `headgate retire --undo` takes that back until it is done',
  };
}

function usage(message: string, hint: string): GatewayError {
  return new GatewayError({ code: 'usage', operation: 'retire', place: '', message, retry: 'never', hint });
}
