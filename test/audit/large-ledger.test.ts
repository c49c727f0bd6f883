import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AuditWorkerData, FromAudit } from '../../main/engine/query-messages.ts';
import type { AuditReport } from '../../shared/contract/control-audit.ts';
import { CHANNEL, putOf, SINK, tenureStart } from '../channel/channel-fixture.ts';
import { AuditedSite, GATEWAY, said } from './audited-site.ts';

/**
 * Goal: the audit of a long past takes no more memory than that of a short one, says how far it is, and finds one wrong row in it.
 * Method: 100,000 files of 50 offsets each are written into the books behind the writer's back; the audit's own worker reads
 * them with a heap in which they would not fit.
 */
const FILES = 100_000;
const EVENTS = 50;
const OFFSETS = FILES * EVENTS + 1;
/** A report and the code; the rows alone are three times as much. */
const HEAP_MIB = 32;

let site: AuditedSite;
beforeAll(async () => {
  site = new AuditedSite();
  const { writer } = site;
  await writer.perform('beginTenure', tenureStart('t1', 0));
  await writer.perform(
    'put',
    putOf({ tenure: 't1', first: 0, next: 1, chunks: [{ offsets: [0], directory: `${site.root}/logs` }] }),
  );
  await writer.perform('accept', 't1', 1);
  await site.landAll();
  const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${FILES})`;
  site.tamper(`${numbers} INSERT INTO ledger SELECT NULL, 'file-' || printf('%08d', i), sink, channel, directory, prefix, suffix, codec,
    serializer, version, final_path || i, namespace, bytes, raw_bytes, ${EVENTS}, lines, crc32c, checksum, checksum_note, inode,
    attempts, planned_at_ms, landed_at_ms FROM n, ledger WHERE ledger.id = 1`);
  const runs = Buffer.from([0, EVENTS]).toString('hex');
  site.tamper(`${numbers} INSERT INTO ledger_parts (file_id, partition_id, channel, first, next, events, runs)
    SELECT 'file-' || printf('%08d', i), 1, '${CHANNEL}', 1 + (i - 1) * ${EVENTS}, 1 + i * ${EVENTS}, ${EVENTS}, x'${runs}' FROM n`);
  site.tamper('UPDATE tenures SET put_to = ?, accepted_to = ?', OFFSETS, OFFSETS);
  site.tamper('UPDATE tenure_channels SET next = ?', OFFSETS);
  site.tamper('UPDATE partitions SET position = ?', OFFSETS);
});
afterAll(() => site[Symbol.asyncDispose]());

/** All reports of an audit by the engine's own worker, the last one at the end. */
async function audited(heapMib: number): Promise<AuditReport[]> {
  const worker = new Worker(new URL('../../main/engine/query-audit-worker.ts', import.meta.url), {
    workerData: {
      stateDir: site.directory,
      gatewayId: GATEWAY,
      id: 'a1',
      level: 'ledger',
      sinks: { [SINK]: { type: 'directory', root: site.root } },
    } satisfies AuditWorkerData,
    resourceLimits: { maxOldGenerationSizeMb: heapMib },
  });
  const reports: AuditReport[] = [];
  worker.on('message', (message: FromAudit) => {
    if (message.kind === 'report') reports.push(message.report);
  });
  await once(worker, 'exit');
  return reports;
}

test(
  'five million offsets in 100,000 files are proven within a small heap',
  { timeout: 60_000 },
  async () => {
    const reports = await audited(HEAP_MIB);
    const last = reports.at(-1);
    expect(last).toMatchObject({ state: 'done', verdict: 'clean', offsets: OFFSETS });
    expect(last?.coverage).toEqual([expect.objectContaining({ landed: OFFSETS, from: 0, to: OFFSETS })]);
    // On the way it says how many offsets it has been through.
    expect(reports.length).toBeGreaterThan(1);
    expect(reports[0]?.progress).toMatchObject({ step: 'offsets', total: OFFSETS });
  },
);

test('one offset that is lost among five million is named', { timeout: 60_000 }, async () => {
  const first = 1 + 77_777 * EVENTS;
  site.tamper(
    "UPDATE ledger_parts SET events = events - 1, next = next - 1, runs = x'0031' WHERE first = ?",
    first,
  );
  const report = await site.audit();
  expect(said(report)).toEqual([
    expect.stringMatching(
      new RegExp(`^missing www/0 in disk: offsets ${first + EVENTS - 1} \\(1 offset\\) were accepted`),
    ),
    expect.stringMatching(/^books-differ file file-00077778: the ledger says 50 events, its 1 parts hold 49/),
  ]);
});
