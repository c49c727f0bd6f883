/**
 * Goal: an operator reads the engine's log and its audits where all else is, without a shell on the machine. Method: a real engine over its
 * socket; its log in the text form, which people have at a terminal.
 */
import { describe, expect, test, vi } from 'vitest';
import { createConsoleLogger } from '../../main/cli/console-logger.ts';
import { AuditJobs } from '../../main/engine/audit-jobs.ts';
import { readConfigFile } from '../../main/config/config-file.ts';
import { ControlClient } from '../../main/control/control-client.ts';
import { startEngine } from '../../main/engine/engine.ts';
import type { AuditReport } from '../../shared/contract/control-audit.ts';
import type { Job } from '../../shared/contract/control-job.ts';
import { until } from '../rig/until.ts';
import { FileGateway } from './file-gateway.ts';

vi.setConfig({ testTimeout: 120_000 });

describe('the log of an engine that writes text', () => {
  test('is read over the socket from its start on, newest first, at the level it is written', async () => {
    await using gateway = new FileGateway();
    let written = '';
    const log = createConsoleLogger({
      level: 'info',
      nowMs: () => 0,
      write: (text) => void (written += text),
    });
    const engine = await startEngine({ loaded: await readConfigFile(gateway.configFile), log });
    try {
      const client = new ControlClient(engine.socketPath);
      gateway.write(20);
      await until('a file landed', async () => {
        await client.call('landNow', {});
        return gateway.landedFiles().length > 0;
      });
      const landed = await until('it is told', async () => {
        const { lines } = await client.call('logTail', { text: 'landed' });
        return lines[0];
      });
      expect(landed).toMatchObject({ level: 'info', message: 'landed', fields: { sink: 'out' } });
      expect(written).toContain('landed');
      const { lines } = await client.call('logTail', { level: 'debug', limit: 1_000 });
      expect(lines.at(-1)?.message).toBe('engine started');
      expect(lines.some(({ level }) => level === 'debug')).toBe(false);
      expect(lines.map(({ id }) => id)).toEqual(lines.map(({ id }) => id).sort((a, b) => b - a));
    } finally {
      await engine.stop(0);
    }
  });
});

describe('an audit', () => {
  test('is a job while it runs and afterwards, with its verdict', async () => {
    await using gateway = new FileGateway();
    gateway.write(500);
    await gateway.start();
    await gateway.allLanded();
    const stop = new AbortController();
    const told: Job[] = [];
    const snapshot = Promise.withResolvers<void>();
    const following = (async () => {
      for await (const event of gateway.client.events(stop.signal))
        if (event.type === 'job') told.push(event.job);
        else if (event.type === 'status' && told.length === 0) snapshot.resolve();
    })();
    await snapshot.promise;
    const { id } = await gateway.client.call('auditStart', { level: 'deep', by: 'joe' });
    await until('its end is told', () => told.at(-1)?.state === 'done');
    expect(told[0]).toMatchObject({ id, kind: 'audit', by: 'joe', state: 'running' });
    const report = await gateway.client.call('auditReport', { id });
    const { jobs } = await gateway.client.call('jobs', {});
    expect(jobs).toMatchObject([
      { id, kind: 'audit', state: 'done', summary: report.summary, finishedMs: report.finishedMs },
    ]);
    expect(report.summary).toBeTruthy();
    expect(await gateway.client.call('jobCancel', { id })).toEqual({});
    await expect(gateway.client.call('jobFile', { id })).rejects.toMatchObject({
      code: 'usage',
      message: 'an audit makes no file',
    });
    await expect(gateway.client.call('jobCancel', { id: 'nobody' })).rejects.toMatchObject({ code: 'usage' });
    stop.abort();
    await following;
  });

  test('is cancelled as a job; other jobs are left to their own desk', async () => {
    const report: AuditReport = {
      id: 'audit-1',
      state: 'running',
      startedMs: 20,
      level: 'ledger',
      progress: { step: 'chunks', done: 3, total: 9 },
      verdict: 'unknown',
      offsets: 0,
      files: 0,
      coverage: [],
      findings: [],
      findingsLeftOut: 0,
    };
    const audits = new AuditJobs(() => undefined);
    audits.take({ report, by: '' });
    const asked: string[] = [];
    const other: Job = {
      ...{ id: 'j', kind: 'export', title: 't', by: '', state: 'running', startedMs: 30 },
      progress: { step: '', done: 0, total: 0 },
    };
    const calls = audits.beside(
      {
        jobs: async () => ({ jobs: [other] }),
        jobCancel: async ({ id }) => (asked.push(`job ${id}`), {}),
        jobFile: async ({ id }) => (asked.push(`file ${id}`), { name: 'n', bytes: 0, base64: '' }),
      },
      async ({ id }) => (asked.push(`audit ${id}`), {}),
    );
    await calls.jobCancel({ id: 'audit-1' });
    await calls.jobCancel({ id: 'j' });
    await calls.jobFile({ id: 'j', offset: 0 });
    expect(asked).toEqual(['audit audit-1', 'job j', 'file j']);
    expect((await calls.jobs({})).jobs.map(({ id }) => id)).toEqual(['j', 'audit-1']);
    for (let at = 2; at < 50; at++) audits.take({ report: { ...report, id: `audit-${at}` }, by: '' });
    expect((await calls.jobs({})).jobs.length).toBeLessThanOrEqual(11);
  });
});
