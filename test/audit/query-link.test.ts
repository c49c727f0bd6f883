import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EngineQueries } from '../../main/engine/engine-queries.ts';
import { startQueries } from '../../main/engine/query-link.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import { procedures } from '../../shared/contract/control.ts';
import type { AuditReport } from '../../shared/contract/control-audit.ts';
import {
  CHANNEL,
  disposition,
  partition,
  putOf,
  quarantined,
  range,
  SINK,
  tenureStart,
} from '../channel/channel-fixture.ts';
import { until } from '../rig/until.ts';
import { AuditedSite, GATEWAY } from './audited-site.ts';

/**
 * Goal: what control asks is answered from the database in the shapes of the contract, while the writer goes on.
 * Method: the real workers over a real channel; every answer is parsed with the contract's own schema.
 */
let site: AuditedSite;
let queries: EngineQueries;
beforeEach(async () => {
  site = new AuditedSite();
  await fill();
  queries = await startQueries({
    stateDir: site.directory,
    gatewayId: GATEWAY,
    targets: () => ({ [SINK]: { type: 'directory', root: site.root } }),
    clock: systemClock,
  });
});
afterEach(async () => {
  await queries.close();
  await site[Symbol.asyncDispose]();
});

async function fill(): Promise<void> {
  const { writer, root } = site;
  const directory = join(root, 'logs/08');
  await writer.perform('beginTenure', tenureStart('t1', 0));
  await writer.perform(
    'put',
    putOf({
      tenure: 't1',
      first: 0,
      next: 30,
      chunks: [
        { offsets: range(0, 10), directory },
        { offsets: range(10, 30), directory },
      ],
    }),
  );
  await writer.perform('accept', 't1', 30);
  await site.landAll(10);
  const chunks = [
    { offsets: [30, 32], directory },
    { offsets: [31], directory: join(root, 'logs/09') },
  ];
  await writer.perform(
    'put',
    putOf({
      tenure: 't1',
      first: 30,
      next: 36,
      chunks,
      quarantined: [33, 34].map((at) => quarantined(at)),
      dispositions: [disposition('filtered', 35, 36)],
    }),
  );
  await writer.perform('accept', 't1', 36);
  await writer.perform(
    'put',
    putOf({ tenure: 't1', first: 36, next: 40, chunks: [{ offsets: range(36, 40), directory }] }),
  );
  const ref = partition(1);
  await writer.perform('beginTenure', tenureStart('t2', 0, { ref: { ...ref, topic: 'shop' } }));
  await writer.perform(
    'put',
    putOf({
      tenure: 't2',
      first: 0,
      next: 2,
      partition: { ...ref, topic: 'shop' },
      chunks: [{ offsets: [0, 1], directory: join(root, 'shop') }],
    }),
  );
}

async function ended(id: string): Promise<AuditReport> {
  let report = await queries.auditReport({ id });
  await until(
    'the end of the audit',
    async () => (report = await queries.auditReport({ id })).state !== 'running',
  );
  return procedures.auditReport.output.parse(report);
}

describe('questions', () => {
  test('figures of a channel are what it holds', async () => {
    expect(await queries.channelFigures()).toEqual([
      expect.objectContaining({
        channel: CHANNEL,
        events: 9,
        heldEvents: 6,
        quarantined: 2,
        damagedChunks: 0,
        oldestEventMs: 1_000_000,
      }),
    ]);
    const [key] = await site.keys();
    await site.writer.perform('plan', {
      sink: SINK,
      landingKeyId: key?.id ?? 0,
      fileId: 'file-planned-0001' as never,
      finalPath: '/x',
      namespace: 'n',
      maxBytes: 0,
      maxEvents: 0,
      nowMs: 1,
    });
    expect((await queries.channelFigures())[0]).toMatchObject({ events: 9, heldEvents: 6 });
    const planned = await queries.backlogList({ limit: 9 });
    expect(planned, 'what is on its way is still listed').toMatchObject({ totalKeys: 3, totalEvents: 9 });
  });

  test('the backlog comes by the page, by sink and by topic', async () => {
    const first = procedures.backlogList.output.parse(await queries.backlogList({ limit: 2 }));
    expect(first).toMatchObject({ totalKeys: 3, totalEvents: 9 });
    expect(first.rows.map(({ directory, events }) => [directory.slice(site.root.length), events])).toEqual([
      ['/logs/08', 6],
      ['/logs/09', 1],
    ]);
    const second = await queries.backlogList({ limit: 2, after: first.next });
    expect(second.rows.map(({ directory }) => directory.slice(site.root.length))).toEqual(['/shop']);
    expect(second.next).toBeUndefined();
    expect((await queries.backlogList({ limit: 9, topic: 'shop' })).rows.length).toBe(1);
    expect((await queries.backlogList({ limit: 9, topic: 'www' })).totalEvents).toBe(7);
    expect((await queries.backlogList({ limit: 9, sink: 'none' })).rows).toEqual([]);
    await expect(queries.backlogList({ limit: 1, after: 'x' })).rejects.toMatchObject({
      code: 'usage',
      name: 'GatewayError',
    });
  });

  test('a look into the backlog gives events with their offsets', async () => {
    const [key] = (await queries.backlogList({ limit: 1 })).rows;
    const peeked = procedures.backlogPeek.output.parse(
      await queries.backlogPeek({ landingKeyId: key?.id ?? 0, limit: 3 }),
    );
    expect(
      peeked.events.map(({ topic, offset, body, bodyBytes }) => [topic, offset, body, bodyBytes]),
    ).toEqual([
      ['www', 30, '0:30', 4],
      ['www', 32, '0:32', 4],
      ['www', 36, '0:36', 4],
    ]);
    site.tamper("UPDATE chunk_bodies SET bytes = x'0011'");
    site.tamper("UPDATE chunks SET codec = 'zstd'");
    await expect(queries.backlogPeek({ landingKeyId: key?.id ?? 0, limit: 3 })).rejects.toMatchObject({
      code: 'chunk-damaged',
    });
  });

  test('landings come newest first, by path, topic and time', async () => {
    const first = procedures.landings.output.parse(await queries.landings({ limit: 1 }));
    expect(first.rows).toEqual([
      expect.objectContaining({
        events: 20,
        parts: [expect.objectContaining({ topic: 'www', first: 10, last: 29, count: 20 })],
      }),
    ]);
    const second = await queries.landings({ limit: 1, after: first.next });
    expect(second.rows[0]).toMatchObject({ events: 10, sink: SINK, codec: 'none' });
    expect((await queries.landings({ limit: 5, topic: 'shop' })).rows).toEqual([]);
    expect(
      (await queries.landings({ limit: 5, topic: 'www', path: join(site.root, 'logs') })).rows.length,
    ).toBe(2);
    expect((await queries.landings({ limit: 5, path: second.rows[0]?.path })).rows.length).toBe(1);
    expect((await queries.landings({ limit: 5, sinceMs: 11 })).rows).toEqual([]);
  });

  test('quarantine comes newest first, is counted, and shown whole', async () => {
    const page = procedures.quarantineList.output.parse(await queries.quarantineList({ limit: 1 }));
    expect(page).toMatchObject({
      total: 2,
      rows: [{ offset: 34, preview: 'bad 34', reason: 'no time', topic: 'www' }],
    });
    expect(
      (await queries.quarantineList({ limit: 5, after: page.next })).rows.map(({ offset }) => offset),
    ).toEqual([33]);
    expect(await queries.quarantineList({ limit: 5, reason: 'other' })).toEqual({ total: 0, rows: [] });
    expect((await queries.quarantineList({ limit: 5, reason: 'time' })).total).toBe(2);
    const shown = procedures.quarantineShow.output.parse(
      await queries.quarantineShow({ id: page.rows[0]?.id ?? 0 }),
    );
    expect(shown).toMatchObject({
      body: 'bad 34',
      bodyBase64: Buffer.from('bad 34').toString('base64'),
      headers: { a: 'b' },
    });
    await expect(queries.quarantineShow({ id: 99 })).rejects.toMatchObject({ code: 'usage' });
    site.tamper('DELETE FROM quarantine WHERE first = 33');
    expect((await queries.quarantineList({ limit: 5 })).total).toBe(1);
    await site.writer.perform(
      'put',
      putOf({ tenure: 't1', first: 40, next: 41, chunks: [], quarantined: [quarantined(40)] }),
    );
    expect((await queries.channelFigures())[0]?.quarantined).toBe(2);
  });
});

describe('audits', () => {
  test('run in a thread of their own, to a report', async () => {
    const { id } = await queries.auditStart({ level: 'deep' });
    const report = await ended(id);
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ id, state: 'done', verdict: 'clean', files: 2, offsets: 36 });
  });

  test('may follow each other at once', async () => {
    const first = await queries.auditStart({ level: 'ledger' });
    expect((await ended(first.id)).state).toBe('done');
    const next = await queries.auditStart({ level: 'ledger' });
    expect((await ended(next.id)).state).toBe('done');
  });

  test('are one at a time, can be cancelled, and questions are answered meanwhile', async () => {
    const { id } = await queries.auditStart({ level: 'ledger' });
    await expect(queries.auditStart({ level: 'ledger' })).rejects.toMatchObject({ code: 'usage' });
    expect((await queries.channelFigures()).length).toBe(1);
    await queries.auditCancel({ id });
    expect((await queries.auditReport({ id })).state).toMatch(/^(cancelled|done)$/);
    const again = await queries.auditStart({ level: 'ledger' });
    expect((await ended(again.id)).verdict).toBe('clean');
    await expect(queries.auditReport({ id: 'none' })).rejects.toMatchObject({ code: 'usage' });
  });

  test('keep their last ten reports', async () => {
    const ids: string[] = [];
    for (let at = 0; at < 11; at++) {
      const { id } = await queries.auditStart({ level: 'ledger' });
      await ended(id);
      ids.push(id);
    }
    await expect(queries.auditReport({ id: ids[0] ?? '' })).rejects.toMatchObject({ code: 'usage' });
  });

  test('that cannot read the database fail with the reason', async () => {
    site.tamper('DROP TABLE ledger_parts');
    const { id } = await queries.auditStart({ level: 'ledger' });
    const report = await ended(id);
    expect(report).toMatchObject({ state: 'failed', verdict: 'unknown' });
    expect(report.error).toMatch(/ledger_parts/);
    expect(report.summary).toMatch(/^There is no verdict\. .*ledger_parts/);
  });
});

test('what is asked after the end is refused, and an audit that runs is ended with it', async () => {
  const other = await startQueries({
    stateDir: site.directory,
    gatewayId: GATEWAY,
    targets: () => ({}),
    clock: systemClock,
  });
  await other.auditStart({ level: 'ledger' });
  const asked = other.channelFigures().then(
    () => 'answered',
    (error: unknown) => error,
  );
  await other.close();
  expect(await asked).toMatchObject({ code: 'aborted' });
  await expect(other.channelFigures()).rejects.toMatchObject({ code: 'aborted', name: 'GatewayError' });
  await expect(other.auditStart({ level: 'ledger' })).rejects.toMatchObject({ code: 'aborted' });
  // A second call finds the worker gone, and does not wait for it.
  await other.close();
});

test('a state directory without a channel is refused at the start', async () => {
  const options = {
    stateDir: join(site.directory, 'none'),
    gatewayId: GATEWAY,
    targets: () => ({}),
    clock: systemClock,
  };
  await expect(startQueries(options)).rejects.toMatchObject({ name: 'GatewayError', code: 'io-error' });
});
