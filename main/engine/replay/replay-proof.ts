/** The audit of a replay's own books and files: the very one of the engine, in a thread of its own. */
import type { AuditReport } from '../../../shared/contract/control-audit.ts';
import { fromWireError } from '../../channel/writer-protocol.ts';
import { runInThread } from '../job-thread.ts';
import type { AuditWorkerData, FromAudit } from '../query-messages.ts';

const HEAP_MIB = 256;
/** A connection that a dead server holds open must not keep the replay from ending. */
const CANCEL_GRACE_MS = 5_000;

/** Resolves with the last report; a cancelled audit has no verdict. Rejects when the thread fails. */
export async function auditReplay(data: AuditWorkerData, signal: AbortSignal): Promise<AuditReport> {
  const { answer, failure } = await runInThread<FromAudit, AuditReport>({
    url: new URL('../query-audit-worker.ts', import.meta.url),
    ...{ name: 'audit of a replay', data, heapMib: HEAP_MIB, graceMs: CANCEL_GRACE_MS, signal },
    onMessage: (message) =>
      message.kind === 'failed'
        ? { failure: fromWireError(message.error) }
        : { answer: message.report, isLast: message.report.state !== 'running' },
  });
  if (answer !== undefined && failure === undefined) return answer;
  throw failure ?? new Error('the audit of a replay ended without a report');
}
