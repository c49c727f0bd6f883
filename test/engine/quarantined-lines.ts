import type { Job } from '../../shared/contract/control-job.ts';
import { until } from '../rig/until.ts';
import type { FileGateway } from './file-gateway.ts';

/** What tests of quarantine share: a rule that reads times, and waiting for what operators wait for. */
export const PATTERN = 'yyyy-MM-dd';

/** Interceptors that take an event's time from its text; what is no such time goes into quarantine. */
export function INTERCEPTED(pattern: string, regex = String.raw`at=(\S+)`) {
  return {
    interceptors: [
      { type: 'regex_extractor', regex, serializers: [{ type: 'millis', name: 'timestamp', pattern }] },
    ],
  };
}

/** Waits until so many events wait in quarantine, by the status. */
export async function quarantined(gateway: FileGateway, events: number): Promise<void> {
  await gateway.statusIs(
    `${events} events are in quarantine`,
    ({ channels }) => (channels[0]?.quarantined ?? 0) === events,
  );
}

export async function jobEnds(gateway: FileGateway, id: string): Promise<Job> {
  return until(`the job ${id} has ended`, async () => {
    const { jobs } = await gateway.client.call('jobs', {});
    const job = jobs.find((one) => one.id === id);
    return job?.state === 'running' ? undefined : job;
  });
}
