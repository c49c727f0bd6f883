/**
 * Goal: an audit that finds something tells everybody, and only one that looks at least as deep takes it back.
 * Method: reports by hand, on a real board.
 */
import { expect, test } from 'vitest';
import { AuditJobs } from '../../main/engine/audit-jobs.ts';
import { AlertBoard } from '../../main/telemetry/alert-board.ts';
import type { AuditReport } from '../../shared/contract/control-audit.ts';

function report(level: AuditReport['level'], change: Partial<AuditReport>): AuditReport {
  return {
    ...{
      id: level,
      state: 'done',
      startedMs: 1,
      level,
      progress: { step: '', done: 1, total: 1 },
      verdict: 'clean',
    },
    ...{ offsets: 1, files: 1, coverage: [], findings: [], findingsLeftOut: 0 },
    ...change,
  };
}

test('a wrong verdict stands until an audit as deep is clean; one that failed or was cancelled says nothing', () => {
  const board = new AlertBoard(
    () => 1,
    () => undefined,
  );
  const jobs = new AuditJobs(
    () => undefined,
    (isRaised, alert) => board.set(isRaised, alert),
  );
  const active = () => board.list().filter((alert) => alert.clearedMs === undefined);
  const take = (one: AuditReport) => jobs.take({ report: one, by: 'me' });
  take(report('hdfs', { state: 'running', verdict: 'unknown' }));
  expect(active()).toEqual([]);
  take(report('hdfs', { verdict: 'wrong', summary: '3 offsets are missing' }));
  expect(active()).toMatchObject([
    { code: 'audit-failed', level: 'error', message: '3 offsets are missing' },
  ]);
  take(report('ledger', {}));
  take(report('deep', { state: 'failed', verdict: 'unknown' }));
  take(report('deep', { state: 'cancelled', verdict: 'unknown' }));
  expect(active()).toHaveLength(1);
  take(report('deep', {}));
  expect(active()).toEqual([]);
});
