/**
 * One audit in a thread of its own: it sums and decodes for minutes, and the thread ends with it, so an idle engine pays nothing.
 * The targets are made here; the connection to the database only reads.
 */
import { parentPort, workerData } from 'node:worker_threads';
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

async function audit({ stateDir, gatewayId, id, level, sinks }: AuditWorkerData): Promise<void> {
  const stop = new AbortController();
  port?.on('message', (_: ToAudit) => stop.abort(new Error('the audit was cancelled')));
  const targets = new Map(
    level === 'ledger'
      ? []
      : Object.entries(sinks).map(([name, sink]) => [name, createTarget(sink, systemClock)] as const),
  );
  let toldMs = -Infinity;
  try {
    const report = await runAudit({
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
    send({ kind: 'report', report });
  } finally {
    for (const target of targets.values()) await target.close();
  }
}

audit(workerData as AuditWorkerData)
  .catch((error: unknown) => send({ kind: 'failed', error: toWireError(error) }))
  .finally(() => port.close());
