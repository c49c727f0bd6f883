import { Worker } from 'node:worker_threads';
import type { AuditReport } from '../../shared/contract/control-audit.ts';
import type { Output } from '../../shared/contract/control.ts';
import { GatewayError } from '../../shared/errors.ts';
import { auditSummary } from '../audit/audit-summary.ts';
import { fromWireError } from '../channel/writer-protocol.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { AuditNews } from './audit-jobs.ts';
import type { AuditWorkerData, FromAudit, ToAudit } from './query-messages.ts';

/** Reports kept, the running one among them. */
const REPORTS_MAX = 10;
/** A cancelled audit that waits in a call to a dead server is ended after this. */
const CANCEL_GRACE_MS = 5_000;
/** What the audit's own JavaScript may take; an engine of 450 MB in all must be able to afford it. */
const HEAP_MIB = 160;

interface RunningAudit {
  readonly id: string;
  readonly worker: Worker;
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
    const worker = new Worker(new URL('./query-audit-worker.ts', import.meta.url), {
      workerData: { ...work, id } satisfies AuditWorkerData,
      name: 'audit',
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
    });
    this.#running = { id, worker, ended: this.#follow(id, worker, keep) };
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
    const { worker, ended } = this.#running;
    worker.postMessage({ kind: 'cancel' } satisfies ToAudit);
    const limit = setTimeout(() => void worker.terminate(), CANCEL_GRACE_MS);
    await ended;
    clearTimeout(limit);
  }

  async close(): Promise<void> {
    if (this.#running !== undefined) await this.cancel(this.#running.id);
  }

  /** Resolves when the worker is gone; whatever it left, the report says how it ended. */
  #follow(id: string, worker: Worker, keep: (report: AuditReport) => void): Promise<void> {
    return new Promise((resolve) => {
      let failure: Error | undefined;
      let limit: NodeJS.Timeout | undefined;
      worker.on('message', (message: FromAudit) => {
        if (message.kind === 'failed') failure = fromWireError(message.error);
        else keep(message.report);
        // A connection that a dead server holds open must not keep the thread, and so the next audit, waiting.
        if (message.kind === 'failed' || message.report.state !== 'running')
          limit ??= setTimeout(() => void worker.terminate(), CANCEL_GRACE_MS);
      });
      worker.on('error', (error) => (failure = error instanceof Error ? error : new Error(String(error))));
      worker.on('exit', () => {
        clearTimeout(limit);
        this.#running = undefined;
        const last = this.report(id);
        if (last.state === 'running') keep(this.#ended(last, failure));
        resolve();
      });
    });
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
