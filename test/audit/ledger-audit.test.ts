import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { singleRun } from '../../shared/model/offset-runs.ts';
import {
  CHANNEL,
  disposition,
  fileRequest,
  land,
  putOf,
  quarantined,
  range,
  tenureStart,
} from '../channel/channel-fixture.ts';
import { AuditedSite, said } from './audited-site.ts';

/**
 * Goal: the audit of the books is clean when every offset is accounted for once, and names the offsets when it is not.
 * Method: a real channel is filled through its writer; each test plants one fault in the database and reads the report.
 */
let site: AuditedSite;
beforeEach(() => {
  site = new AuditedSite();
});
afterEach(() => site[Symbol.asyncDispose]());

/** Offsets 0-49: chunks in two directories, every other kind of row, two files landed, one part held. */
async function fill(): Promise<void> {
  const { writer } = site;
  await writer.perform('beginTenure', tenureStart('t1', 0));
  await writer.perform('put', putOf({ tenure: 't1', first: 0, next: 10 }));
  await writer.perform(
    'put',
    putOf({
      tenure: 't1',
      first: 10,
      next: 30,
      chunks: [{ offsets: [10, 12, 14] }, { offsets: [11, 13], directory: '/logs/09' }],
      dispositions: [
        disposition('filtered', 15, 18),
        disposition('not-routed', 18, 20, { channel: CHANNEL }),
        disposition('absent', 20, 25),
        disposition('gap', 26, 30),
      ],
      quarantined: [quarantined(25)],
    }),
  );
  await writer.perform('put', putOf({ tenure: 't1', first: 30, next: 40 }));
  await writer.perform('accept', 't1', 40);
  const [key] = await site.keys();
  const planned = await writer.perform('plan', fileRequest(key?.id ?? 0, { maxEvents: 13 }));
  if (planned !== undefined) await land(writer, planned.plan.fileId);
  await writer.perform('put', putOf({ tenure: 't1', first: 40, next: 50 }));
}

describe('the audit of the books', () => {
  test('is clean when every offset is accounted for once, and counts each kind', async () => {
    await fill();
    const report = await site.audit();
    expect(said(report)).toEqual([]);
    expect(report).toMatchObject({ state: 'done', verdict: 'clean', offsets: 40, findingsLeftOut: 0 });
    expect(report.coverage).toEqual([
      {
        ...{ channel: CHANNEL, topic: 'www', partition: 0, incarnation: 'a', from: 0, to: 40 },
        ...{
          landed: 13,
          inChannel: 12,
          quarantined: 1,
          filtered: 3,
          notRouted: 2,
          absent: 5,
          gap: 4,
          held: 10,
        },
      },
    ]);
  });

  test('lists gaps with why and when, joined, each once', async () => {
    await fill();
    await site.writer.perform(
      'put',
      putOf({
        ...{ tenure: 't1', first: 50, next: 54, chunks: [{ offsets: [53] }] },
        dispositions: [disposition('gap', 50, 52), disposition('gap', 52, 53)],
      }),
    );
    await site.writer.perform('accept', 't1', 54);
    const { gaps, gapsLeftOut, summary } = await site.audit();
    const place = { channel: CHANNEL, topic: 'www', partition: 0, incarnation: 'a' };
    const reason = expect.stringMatching(
      /^gap in a test \(noticed \d{4}-\d\d-\d\d \d\d:\d\d UTC\)$/,
    ) as string;
    expect(gaps).toEqual([
      { ...place, from: 26, to: 30, reason },
      { ...place, from: 50, to: 53, reason },
    ]);
    expect(gapsLeftOut).toBe(0);
    expect(summary).toContain('7 of them are gaps');
  });

  test('names the offsets of a chunk row that is gone, and the counter that still has it', async () => {
    await fill();
    site.tamper('DELETE FROM chunks WHERE first = 11');
    const report = await site.audit();
    expect(report.verdict).toBe('wrong');
    expect(said(report)).toEqual([
      expect.stringMatching(/^missing www\/0 in disk: offsets 11, 13 \(2 offsets\)/),
      expect.stringMatching(/^books-differ landing key \d+ \/logs\/09: it counts 1 chunks, 2 events/),
    ]);
  });

  test('names what two rows claim', async () => {
    await fill();
    site.tamper(`INSERT INTO ledger_parts (file_id, partition_id, channel, first, next, events, runs)
      SELECT file_id, partition_id, channel, 38, 40, 2, x'0002' FROM ledger_parts`);
    const report = await site.audit();
    expect(report.findings.map(({ kind }) => kind)).toEqual(['overlap', 'books-differ']);
    expect(report.findings[0]?.what).toMatch(/^offsets 38-39 \(2 offsets\) are in chunk \d+ and file file-/);
  });

  test.each([
    [
      'a missing disposition',
      "DELETE FROM dispositions WHERE kind = 'absent'",
      /^missing .*20-24 \(5 offsets\)/,
    ],
    ['a missing quarantined event', 'DELETE FROM quarantine', /^missing .*offsets 25 \(1 offset\)/],
    [
      'an event that is to be tried again and is nowhere',
      "UPDATE quarantine SET state = 'retried'",
      /^missing .*offsets 25 /,
    ],
    [
      'a counter off by one',
      'UPDATE landing_keys SET events = events + 1 WHERE id = 1',
      /^books-differ landing key 1/,
    ],
    [
      'a ledger row with other events',
      'UPDATE ledger SET events = events + 1',
      /^books-differ file .*says 14 events, its 1 parts hold 13/,
    ],
    ['a part of no file', 'DELETE FROM ledger', /^books-differ file .*belongs to no file/],
    [
      'a row with other events than runs',
      'UPDATE chunks SET events = 9 WHERE first = 30',
      /^books-differ .*hold 10 offsets, the row says 9/,
    ],
    ['runs that are no runs', "UPDATE chunks SET runs = x'00' WHERE first = 30", /^books-differ .*cut off/],
    [
      'runs beyond their row',
      "UPDATE chunks SET runs = x'0064' WHERE first = 30",
      /^books-differ .*go to 130, its end is 40/,
    ],
    [
      'a held chunk that is gone',
      'DELETE FROM chunks WHERE first = 40',
      /^missing .*40-49 \(10 offsets\) of puts that are not accepted/,
    ],
    ['a chunk beyond its tenure', 'UPDATE tenures SET accepted_to = 30, put_to = 30', /^outside .*30-39/],
    [
      'a tenure that no channel had a part in',
      'DELETE FROM tenure_channels',
      /^missing www\/0: offsets 0-14, 18-19, 30-39 \(27 offsets\)/,
    ],
    ['a body that is gone', 'DELETE FROM chunk_bodies', /^books-differ chunk \d+: its body is missing/],
    [
      'a position that is not the tenure’s',
      'UPDATE partitions SET position = 49',
      /^books-differ www\/0: the position is 49/,
    ],
    ['a held put that is gone', 'DELETE FROM held_puts', /^books-differ tenure t1: it holds 10 offsets/],
    [
      'rows of a partition that is not known',
      'UPDATE dispositions SET partition_id = 77',
      /^outside partition row 77/,
    ],
    ['rows of another channel', "UPDATE chunks SET channel = 'other' WHERE first = 30", /^outside .*30-39/],
  ])('finds %s', async (_, sql, expected) => {
    await fill();
    expect(site.tamper(sql)).toBeGreaterThan(0);
    const report = await site.audit();
    expect(report.verdict).toBe('wrong');
    expect(
      said(report).some((line) => expected.test(line)),
      said(report).join('\n'),
    ).toBe(true);
  });

  test('counts the offsets of a chunk that was set aside as claimed, and names them in a note', async () => {
    await fill();
    const [key] = await site.keys();
    const planned = await site.writer.perform('plan', fileRequest(key?.id ?? 0));
    const [chunk] = planned?.plan.chunks ?? [];
    await site.writer.perform('damagedChunk', planned?.plan.fileId as never, chunk?.chunkId ?? 0, 'CRC');
    const report = await site.audit();
    expect(report.coverage[0]).toMatchObject({ claimed: 10, inChannel: 2 });
    expect(report.verdict).toBe('clean');
    expect(report.notes).toContainEqual(
      expect.stringMatching(
        /^www\/0 in disk: offsets 30-39 \(10 offsets\) are claimed, to be pulled again: chunk \d+: CRC/,
      ),
    );
  });

  test('finds a plan whose chunks are others, and one that is renamed without an upload', async () => {
    await fill();
    const [key] = await site.keys();
    await site.writer.perform('plan', fileRequest(key?.id ?? 0));
    expect((await site.audit()).verdict).toBe('clean');
    site.tamper('UPDATE plans SET lines = lines + 1');
    expect(said(await site.audit())).toEqual([expect.stringMatching(/^books-differ file .*its plan says/)]);
    site.tamper("UPDATE plans SET lines = lines - 1, state = 'renaming', renaming_attempt = 1");
    expect(said(await site.audit())).toEqual([expect.stringMatching(/no uploaded attempt 1/)]);
  });

  test('a gap of a million million offsets costs nothing and is exact', async () => {
    const far = 10 ** 12;
    await site.writer.perform('beginTenure', tenureStart('t1', 5));
    const gap = { ...disposition('gap', 5, 6), runs: singleRun(5, far) };
    await site.writer.perform(
      'put',
      putOf({
        tenure: 't1',
        first: 5,
        next: far + 2,
        chunks: [{ offsets: [far, far + 1] }],
        dispositions: [gap],
      }),
    );
    await site.writer.perform('accept', 't1', far + 2);
    const report = await site.audit();
    expect(said(report)).toEqual([]);
    expect(report.offsets).toBe(far - 3);
    site.tamper('UPDATE dispositions SET first = 6, next = next + 1');
    expect(said(await site.audit())).toEqual([
      expect.stringMatching(/^missing www\/0 in disk: offsets 5 \(1 offset\)/),
      expect.stringMatching(/^overlap www\/0 in disk: offsets 1000000000000 \(1 offset\) are in gap 1/),
    ]);
  });

  test('a put without any channel is accounted for by what it says of all channels', async () => {
    await site.writer.perform('beginTenure', tenureStart('t1', 0));
    await site.writer.perform('put', putOf({ tenure: 't1', first: 0, next: 5 }));
    await site.writer.perform(
      'put',
      putOf({ tenure: 't1', first: 5, next: 9, chunks: [], dispositions: [disposition('filtered', 5, 9)] }),
    );
    await site.writer.perform('accept', 't1', 9);
    const report = await site.audit();
    expect(said(report)).toEqual([]);
    expect(report.coverage.map(({ channel, from, to, filtered }) => [channel, from, to, filtered])).toEqual([
      [CHANNEL, 0, 5, 0],
      ['*', 5, 9, 4],
    ]);
    site.tamper('DELETE FROM dispositions');
    expect(said(await site.audit())).toEqual([
      expect.stringMatching(/^missing www\/0: offsets 5-8 \(4 offsets\)/),
    ]);
  });

  test('two tenures over the same offsets are named', async () => {
    await fill();
    site.tamper(`INSERT INTO tenures (nonce, partition_id, sequence, start_offset, put_to, accepted_to, state, started_at_ms)
      VALUES ('t0', 1, 1, 3, 8, 8, 'ended', 1)`);
    expect(said(await site.audit())).toEqual([
      expect.stringMatching(/^overlap www\/0: offsets 3-7 belong to two tenures/),
    ]);
  });

  test('findings are bounded, and what is left out is counted', async () => {
    await site.writer.perform('beginTenure', tenureStart('t1', 0));
    const odd = range(0, 100).filter((at) => at % 2 === 1);
    const chunks = range(0, 50).map((at) => ({ offsets: [2 * at] }));
    await site.writer.perform(
      'put',
      putOf({
        tenure: 't1',
        first: 0,
        next: 100,
        chunks,
        dispositions: odd.map((at) => disposition('filtered', at, at + 1)),
      }),
    );
    await site.writer.perform('accept', 't1', 100);
    site.tamper('DELETE FROM chunks');
    const [missing] = said(await site.audit());
    expect(missing).toMatch(/ 36, 38 and 30 more runs \(50 offsets\)/);
    for (let key = 0; key < 600; key++) {
      site.tamper(`INSERT INTO landing_keys SELECT NULL, channel, 'k${key}', sink, directory, prefix, suffix, codec, serializer, version,
        bucket_end_ms, 1, 1, 1, 1, 1, 1 FROM landing_keys WHERE id = 1`);
    }
    const report = await site.audit();
    expect(report.findings.length).toBe(500);
    expect(report.findingsLeftOut).toBe(102);
  });

  test('an abort ends it as cancelled, with what it knew', async () => {
    await fill();
    const stop = new AbortController();
    const onProgress = (report: () => { progress: { step: string } }): void => {
      if (report().progress.step === 'books') stop.abort(new Error('enough'));
    };
    const report = await site.audit('hdfs', { signal: stop.signal, onProgress });
    expect(report).toMatchObject({ state: 'cancelled', verdict: 'unknown' });
    expect(report.coverage.length).toBe(1);
  });
});
