/** Audits as jobs: they show their progress and can be cancelled where all long work is shown, without being run by the same desk. */
import type { AuditReport } from '../../shared/contract/control-audit.ts';
import type { Job } from '../../shared/contract/control-job.ts';
import type { ParsedInput } from '../../shared/contract/control.ts';
import type { EngineApi } from '../control/engine-api.ts';
import { GatewayError } from '../../shared/errors.ts';
import type { RaisedAlert } from '../telemetry/alert-board.ts';

/** As many as reports are kept. */
const AUDITS_MAX = 10;
const TITLES: Readonly<Record<AuditReport['level'], string>> = {
  ledger: 'audit of the books',
  hdfs: 'audit of the books and the files',
  deep: 'audit of the books, the files and each line in them',
};

/** A report as it stands, and who asked for the audit. */
export interface AuditNews {
  readonly report: AuditReport;
  readonly by: string;
}

const DEPTHS: readonly AuditReport['level'][] = ['ledger', 'hdfs', 'deep'];

type JobCalls = Pick<EngineApi, 'jobs' | 'jobCancel' | 'jobFile'>;

export class AuditJobs {
  readonly #publish: (job: Job) => void;
  readonly #setAlert: (isRaised: boolean, alert: RaisedAlert) => void;
  /** Oldest first. */
  readonly #jobs = new Map<string, Job>();
  /** How deep the audit looked that found something. */
  #failedAt: AuditReport['level'] | undefined;

  constructor(
    publish: (job: Job) => void,
    setAlert: (isRaised: boolean, alert: RaisedAlert) => void = () => undefined,
  ) {
    this.#publish = publish;
    this.#setAlert = setAlert;
  }

  readonly take = ({ report, by }: AuditNews): void => {
    const job = jobOf(report, by);
    this.#jobs.set(job.id, job);
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > AUDITS_MAX && oldest !== undefined) this.#jobs.delete(oldest);
    this.#publish(job);
    if (report.state === 'done') this.#judge(report);
  };

  /** What an audit found stands until one that looks at least as deep finds nothing. */
  #judge({ level, verdict, summary }: AuditReport): void {
    if (verdict === 'wrong') this.#failedAt = level;
    else if (this.#failedAt === undefined || verdict !== 'clean') return;
    else if (DEPTHS.indexOf(level) < DEPTHS.indexOf(this.#failedAt)) return;
    else this.#failedAt = undefined;
    this.#setAlert(verdict === 'wrong', {
      code: 'audit-failed',
      level: 'error',
      place: 'audit',
      message: summary ?? 'the audit found offsets that are not accounted for exactly once',
      hint: 'its findings are under Landings, and `headgate audit` prints them; keep the state directory as it is and ask for help',
    });
  }

  /** The calls about jobs, for audits too. */
  beside(others: JobCalls, auditCancel: EngineApi['auditCancel']): JobCalls {
    return {
      jobs: async () => {
        const { jobs } = await others.jobs({});
        return { jobs: [...jobs, ...this.#jobs.values()].sort((a, b) => b.startedMs - a.startedMs) };
      },
      jobCancel: async ({ id }: ParsedInput<'jobCancel'>) =>
        this.#jobs.has(id) ? auditCancel({ id }) : others.jobCancel({ id }),
      jobFile: async (input: ParsedInput<'jobFile'>) => {
        if (this.#jobs.has(input.id)) throw withoutFile(input.id);
        return others.jobFile(input);
      },
    };
  }
}

function jobOf(report: AuditReport, by: string): Job {
  const { id, state, startedMs, finishedMs, progress, level, summary, error } = report;
  return {
    ...{ id, kind: 'audit', title: TITLES[level], by, state, startedMs, progress },
    ...(finishedMs === undefined ? {} : { finishedMs }),
    ...(summary === undefined ? {} : { summary }),
    ...(error === undefined
      ? {}
      : { error: { code: 'unknown', message: error, hint: 'start another audit; the log may say more' } }),
  };
}

function withoutFile(id: string): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'read the file of a job',
    place: id,
    message: 'an audit makes no file',
    retry: 'never',
    hint: 'ask for its report',
  });
}
