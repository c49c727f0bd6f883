/**
 * Goal: events that were quarantined for an unreadable time land once, in the directory of their own hour, after the rule was edited and
 * they were retried; also when the engine dies in the middle of the retry, on either side of a commit (exactly-once.md §6).
 * Method: real Kafka, HDFS and engine process; the first rule can't read any time; the file is edited while the engine runs; the engine
 * kills itself (SIGKILL) at the crash point. The judge reads HDFS, the engine audits itself.
 */
import { describe, expect, it } from 'vitest';
import type { Job } from '../../shared/contract/control-job.ts';
import { gatewaySite } from '../e2e/gateway-site.ts';
import { SOURCE, type TestGateway } from '../e2e/test-gateway.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { until } from '../rig/until.ts';

const EVENTS = 4_000;
const CASE_LIMIT_MS = 240_000;
const KILLED = { code: null, signal: 'SIGKILL' };
const BY = 'li';

/** A rule that takes an access line's time for a date of another form: no event has a time under it. */
const BLIND = {
  source: {
    interceptors: [
      {
        type: 'regex_extractor',
        regex: String.raw`\[([^\]]+)\]`,
        serializers: [{ type: 'millis', name: 'timestamp', pattern: 'yyyy-MM-dd' }],
      },
    ],
  },
};

const SEEING = {
  interceptors: [
    {
      type: 'regex_extractor',
      regex: String.raw`\[([^\]]+)\]`,
      serializers: [{ type: 'millis', name: 'timestamp', pattern: 'dd/MMM/yyyy:HH:mm:ss Z' }],
    },
  ],
};

async function untilWaiting(gateway: TestGateway, events: number): Promise<void> {
  await gateway.untilStatus(
    `${events} events wait in quarantine`,
    ({ channels }) => (channels[0]?.quarantined ?? 0) === events,
  );
}

/** Retries all that waits and is accepted. */
async function retryAll(gateway: TestGateway): Promise<Job> {
  const { client } = gateway.engine;
  const { jobId } = await client.call('quarantineRetry', { selection: { all: true }, by: BY });
  return until('the retry has ended', async () => {
    const { jobs } = await client.call('jobs', {});
    const job = jobs.find(({ id }) => id === jobId);
    return job?.state === 'running' ? undefined : job;
  });
}

async function untilAccepted(gateway: TestGateway): Promise<void> {
  await gateway.untilStatus('all puts are accepted', ({ sources }) =>
    sources.every(({ partitions }) => partitions.every((one) => one.position === one.acceptedTo)),
  );
}

async function retryUntilEmpty(gateway: TestGateway): Promise<void> {
  await untilAccepted(gateway);
  const job = await retryAll(gateway);
  expect(job, JSON.stringify(job)).toMatchObject({ state: 'done', by: BY });
  await untilWaiting(gateway, 0);
}

describe.skipIf(skipsWithoutJava('quarantine'))('events whose time the rule could not read', () => {
  const site = gatewaySite();

  it.concurrent.each(['retry.before-commit', 'retry.after-commit', 'retry.after-commit:4'])(
    'land once in their own hour after an edit and a retry, also when the engine dies at %s',
    async (point) => {
      const name = `quarantined-${point.replaceAll(/[.:]/g, '-')}`;
      await using gateway = await site.gateway(name, BLIND);
      const engine = gateway.start(point);
      await engine.ready();
      await gateway.produce(EVENTS);
      await untilWaiting(gateway, EVENTS);
      await untilAccepted(gateway);
      const { groups } = await engine.client.call('quarantineGroups', {});
      expect(groups.map(({ source, topic, waiting }) => [source, topic, waiting])).toEqual([
        [SOURCE, gateway.topic, EVENTS],
      ]);
      await gateway.writeConfig({ source: SEEING });
      await gateway.untilStatus('the rule can read times', ({ configVersion }) => configVersion >= 2);
      // Later events land while the earlier ones are retried.
      await gateway.produce(EVENTS / 4);
      await retryAll(gateway).catch(() => undefined);
      expect(await engine.end(), 'it was killed at the point').toEqual(KILLED);

      await gateway.startReady();
      const { rows } = await gateway.engine.client.call('quarantineList', { state: 'retried', limit: 1 });
      expect(rows.length, 'what was stored before the kill is stored').toBe(point.includes('before') ? 0 : 1);
      const before = await gateway.audit('ledger');
      expect(before).toMatchObject({ verdict: 'clean', findings: [] });
      await retryUntilEmpty(gateway);
      await gateway.verdict({ level: 'hdfs' });
      const { total } = await gateway.engine.client.call('quarantineList', { state: 'retried', limit: 1 });
      expect(total).toBe(EVENTS);
    },
    CASE_LIMIT_MS,
  );
});
