/** The audit of a replay's own books and files: the very one of the engine, in a thread of its own. */
import { Worker } from 'node:worker_threads';
import type { AuditReport } from '../../../shared/contract/control-audit.ts';
import { fromWireError } from '../../channel/writer-protocol.ts';
import type { AuditWorkerData, FromAudit, ToAudit } from '../query-messages.ts';

const HEAP_MIB = 256;
/** A connection that a dead server holds open must not keep the replay from ending. */
const CANCEL_GRACE_MS = 5_000;

/** Resolves with the last report; a cancelled audit has no verdict. Rejects when the thread fails. */
export function auditReplay(data: AuditWorkerData, signal: AbortSignal): Promise<AuditReport> {
  const worker = new Worker(new URL('../query-audit-worker.ts', import.meta.url), {
    workerData: data,
    name: 'audit of a replay',
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
  });
  let limit: NodeJS.Timeout | undefined;
  const endSoon = (): void => void (limit ??= setTimeout(() => void worker.terminate(), CANCEL_GRACE_MS));
  const cancel = (): void => {
    worker.postMessage({ kind: 'cancel' } satisfies ToAudit);
    endSoon();
  };
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  return new Promise<AuditReport>((resolve, reject) => {
    let last: AuditReport | undefined;
    let failure: Error | undefined;
    worker.on('message', (message: FromAudit) => {
      if (message.kind === 'failed') failure = fromWireError(message.error);
      else last = message.report;
      if (message.kind === 'failed' || message.report.state !== 'running') endSoon();
    });
    worker.on('error', (error) => (failure = error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', () => {
      clearTimeout(limit);
      signal.removeEventListener('abort', cancel);
      if (last !== undefined && failure === undefined) resolve(last);
      else reject(failure ?? new Error('the audit of a replay ended without a report'));
    });
  });
}
