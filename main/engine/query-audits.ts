import type { AuditReport } from '../../shared/contract/control-audit.ts';
import type { Output } from '../../shared/contract/control.ts';
import { GatewayError } from '../../shared/errors.ts';
import { auditSummary } from '../audit/audit-summary.ts';
import { fromWireError } from '../channel/writer-protocol.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { AuditNews } from './audit-jobs.ts';
import { runInThread } from './job-thread.ts';
import type { AuditWorkerData, FromAudit } from './query-messages.ts';

/** Reports kept, the running one among them. */
const REPORTS_MAX = 10;
/** A connection that a dead server holds open must not keep the thread, and so the next audit, waiting. */
const CANCEL_GRACE_MS = 5_000;
/** What the audit's own JavaScript may take; an engine of 450 MB in all must be able to afford it. */
const HEAP_MIB = 160;

interface RunningAudit {
  readonly id: string;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** The audits of an engine: one at a time, each in a worker of its own, and the reports of the last ones. */
export class AuditRoom {
  readonly #clock: Clock;
  readonly #onNews: (news: AuditNews) => void;
  readonly #reports = new Map<string, AuditReport>();
  #running: RunningAudit | undefined;
  #lastNumber = 0;

  /** `onNews` hears of each report, from the first to the last. */
  constructor(clock: Clock, onNews: (news: AuditNews) => void = () => undefined) {
    this.#clock = clock;
    this.#onNews = onNews;
  }

  /** Throws `usage` while another audit runs. */
  async start(work: Omit<AuditWorkerData, 'id'>, by = ''): Promise<Output<'auditStart'>> {
    while (this.#running !== undefined) {
      if (this.report(this.#running.id).state === 'running') throw busy(this.#running.id);
      // Its verdict is out and its thread is about to end: who asks for the next audit at once is not sent away.
      await this.#running.ended;
    }
    const startedMs = this.#clock.nowMs();
    const id = `audit-${new Date(startedMs).toISOString().replace(/[-:.TZ]/g, '')}-${++this.#lastNumber}`;
    const keep = (report: AuditReport): void => {
      this.#keep(report);
      this.#onNews({ report, by });
    };
    keep(newReport(id, work.level, startedMs));
    const stop = new AbortController();
    this.#running = { id, stop, ended: this.#run({ ...work, id }, stop.signal, keep) };
    return { id };
  }

  /** Throws `usage` for an id that is unknown, or no longer kept. */
  report(id: string): AuditReport {
    const report = this.#reports.get(id);
    if (report === undefined) throw unknownAudit(id);
    return report;
  }

  /** Resolves when the audit has ended; one that is over already stays as it is. */
  async cancel(id: string): Promise<void> {
    this.report(id);
    if (this.#running?.id !== id) return;
    const { stop, ended } = this.#running;
    stop.abort();
    await ended;
  }

  async close(): Promise<void> {
    if (this.#running !== undefined) await this.cancel(this.#running.id);
  }

  /** Resolves when the thread is gone; whatever it left, the report says how it ended. */
  async #run(data: AuditWorkerData, signal: AbortSignal, keep: (report: AuditReport) => void): Promise<void> {
    const { failure } = await runInThread({
      url: new URL('./query-audit-worker.ts', import.meta.url),
      ...{ name: 'audit', data, heapMib: HEAP_MIB, graceMs: CANCEL_GRACE_MS, signal },
      onMessage: (message: FromAudit) => {
        if (message.kind === 'failed') return { failure: fromWireError(message.error) };
        keep(message.report);
        return { isLast: message.report.state !== 'running' };
      },
    });
    this.#running = undefined;
    const last = this.report(data.id);
    if (last.state === 'running') keep(this.#ended(last, failure));
  }

  #ended(last: AuditReport, failure: Error | undefined): AuditReport {
    const end = {
      finishedMs: this.#clock.nowMs(),
      verdict: last.findings.length > 0 ? 'wrong' : 'unknown',
    } as const;
    const report: AuditReport =
      failure === undefined
        ? { ...last, ...end, state: 'cancelled' }
        : { ...last, ...end, state: 'failed', error: failure.message };
    return { ...report, summary: auditSummary(report) };
  }

  #keep(report: AuditReport): void {
    this.#reports.set(report.id, report);
    const [oldest] = this.#reports.keys();
    if (this.#reports.size > REPORTS_MAX && oldest !== undefined) this.#reports.delete(oldest);
  }
}

function newReport(id: string, level: AuditReport['level'], startedMs: number): AuditReport {
  return {
    id,
    state: 'running',
    startedMs,
    level,
    progress: { step: 'start', done: 0, total: 1 },
    verdict: 'unknown',
    offsets: 0,
    files: 0,
    coverage: [],
    findings: [],
    findingsLeftOut: 0,
  };
}

function busy(id: string): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'start an audit',
    place: id,
    message: 'Another audit is running.',
    retry: 'backoff',
    hint: 'Wait for its end, or cancel it.',
  });
}

function unknownAudit(id: string): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'read the report of an audit',
    place: id,
    message: `There is no report of this audit; the last ${REPORTS_MAX} are kept until the engine stops.`,
    retry: 'never',
    hint: 'Start another audit.',
  });
}
