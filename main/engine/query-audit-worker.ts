/**
 * One audit in a thread of its own: it sums and decodes for minutes, and the thread ends with it, so an idle engine pays nothing.
 * The targets are made here; the connection to the database only reads.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { AuditReport } from '../../shared/contract/control-audit.ts';
import { runAudit } from '../audit/audit.ts';
import { toWireError } from '../channel/writer-protocol.ts';
import { createTarget } from '../sinks/create-target.ts';
import { systemClock } from '../telemetry/clock.ts';
import type { AuditWorkerData, FromAudit, ToAudit } from './query-messages.ts';

/** The report as it stands goes to the main thread this often. */
const REPORT_INTERVAL_MS = 200;

const port = parentPort;
if (port === null) throw new Error('query-audit-worker runs as a worker thread only');
const send = (message: FromAudit): void => port.postMessage(message);

async function audit(data: AuditWorkerData): Promise<AuditReport> {
  const { stateDir, gatewayId, id, level, sinks } = data;
  const stop = new AbortController();
  port?.on('message', (_: ToAudit) => stop.abort(new Error('the audit was cancelled')));
  const targets = new Map(
    level === 'ledger'
      ? []
      : Object.entries(sinks).map(([name, sink]) => [name, createTarget(sink, systemClock)] as const),
  );
  let toldMs = -Infinity;
  try {
    return await runAudit({
      id,
      level,
      directory: stateDir,
      gatewayId,
      targets,
      clock: systemClock,
      signal: stop.signal,
      onProgress: (current) => {
        const nowMs = systemClock.steadyMs();
        if (nowMs - toldMs < REPORT_INTERVAL_MS) return;
        toldMs = nowMs;
        send({ kind: 'report', report: current() });
      },
    });
  } finally {
    for (const target of targets.values()) await target.close();
  }
}

// The last report goes out when nothing is left to do: who reads it may start the next audit.
audit(workerData as AuditWorkerData)
  .then((report) => send({ kind: 'report', report }))
  .catch((error: unknown) => send({ kind: 'failed', error: toWireError(error) }))
  .finally(() => port.close());
