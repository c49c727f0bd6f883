import type { FleetAuditReport } from '../../shared/contract/control-fleet.ts';
import { formatCount } from '../../shared/units.ts';
import type { ControlClient } from '../control/control-client.ts';
import { operatorName } from './engine-connection.ts';
import { followJob } from './job-follower.ts';
import { note } from './output.ts';
import { oneLine } from './terminal-text.ts';

/** Has the engine audit the fleet, and follows it to its end. Throws the job's own error. */
export async function runFleetAudit(
  client: ControlClient,
  {
    level,
    signal,
    isQuiet,
  }: {
    readonly level: FleetAuditReport['level'];
    /** Its abort cancels the audit at the engine too. */
    readonly signal: AbortSignal;
    readonly isQuiet: boolean;
  },
): Promise<FleetAuditReport> {
  const isShown = !isQuiet && process.stderr.isTTY;
  let jobId = '';
  const cancel = (): void => {
    if (jobId === '') return;
    void client.call('jobCancel', { id: jobId }).catch((error: unknown) => note(String(error)));
  };
  signal.addEventListener('abort', cancel, { once: true });
  const start = async (): Promise<{ readonly jobId: string }> => {
    const started = await client.call('fleetAuditStart', { level, by: operatorName() });
    jobId = started.jobId;
    return started;
  };
  try {
    await followJob(client, start, ({ progress: { step, done } }) => {
      if (isShown) process.stderr.write(`\r\u001b[Kfleet audit: ${oneLine(step)} ${formatCount(done)}`);
    });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
    if (isShown) process.stderr.write('\r\u001b[K');
  }
  return client.call('fleetAuditResult', { jobId });
}
