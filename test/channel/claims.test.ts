import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openForReading } from '../../main/channel/channel-database.ts';
import type { ChannelWriter } from '../../main/channel/channel-writer.ts';
import { CLAIM_PAGE_ROWS_MAX, CLAIM_RUNS_BYTES_MAX } from '../../main/channel/channel-limits.ts';
import type { OpenClaim } from '../../shared/model/claim.ts';
import { holdsRuns, piecesOf, runsWithin, withoutRuns } from '../../shared/model/run-sets.ts';
import {
  CHANNEL,
  disposition,
  fatesIn,
  fileRequest,
  land,
  offsetsOf,
  openWriter,
  partition,
  putOf,
  quarantined,
  range,
  redemptionOf,
  runsOf,
  SINK,
  tenureStart,
  TestDirectory,
} from './channel-fixture.ts';

/**
 * Goal: claims are made and redeemed once, whole or not at all, and never mixed with what is held. Of what was in memory: memory-bodies.test.ts.
 * Method: a real writer on a real database; what stands there is read over a connection of its own.
 */
let directory: TestDirectory;
let writer: ChannelWriter;
beforeEach(async () => {
  directory = new TestDirectory();
  writer = openWriter(directory.path);
  await writer.perform('beginTenure', tenureStart('t1', 0));
});
afterEach(() => {
  writer.close();
  directory[Symbol.dispose]();
});

const KEY = { source: 'weblogs', topic: 'www', partition: 0 };

const fates = (): string => fatesIn(directory.path);

function rows(table: string): number {
  const db = openForReading(join(directory.path, 'channel.sqlite'));
  try {
    return Number(db.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
  } finally {
    db.close();
  }
}
async function open(): Promise<readonly OpenClaim[]> {
  return (await writer.perform('openClaims', 'weblogs', undefined)).claims;
}
async function theOne(): Promise<OpenClaim> {
  const [claim, ...others] = await open();
  if (claim === undefined || others.length > 0) throw new Error('there is not one claim');
  return claim;
}
/** Three chunks of ten offsets each, accepted. */
async function filled(): Promise<void> {
  for (const first of [0, 10, 20])
    await writer.perform('put', putOf({ tenure: 't1', first, next: first + 10 }));
  await writer.perform('accept', 't1', 30);
}

describe('a damaged chunk', () => {
  test('is a claim from the transaction on that sets it aside, planned or waiting', async () => {
    await filled();
    const [key] = await writer.perform('keys', SINK);
    const planned = await writer.perform('plan', fileRequest(key?.id ?? 0, { maxEvents: 10 }));
    const [chunk] = planned?.plan.chunks ?? [];
    await writer.perform('damagedChunk', planned?.plan.fileId as never, chunk?.chunkId ?? 0, 'CRC');
    expect(await writer.perform('setAsideWaiting', 3, 'its body is missing')).toEqual({ isSetAside: true });
    expect(await writer.perform('setAsideWaiting', 3, 'told twice')).toEqual({ isSetAside: false });
    expect(fates()).toBe('0-9 claimed, 10-19 in-channel, 20-29 claimed');
    expect((await open()).map(({ cause, detail, runs }) => [cause, detail, offsetsOf(runs).length])).toEqual([
      ['damaged-chunk', 'chunk 1: CRC', 10],
      ['damaged-chunk', 'chunk 3: its body is missing', 10],
    ]);
    expect((await writer.perform('keys', SINK))[0]?.events).toBe(10);
  });

  test('in a put that is not accepted is left where it is', async () => {
    await writer.perform('put', putOf({ tenure: 't1', first: 0, next: 10 }));
    expect(await writer.perform('setAsideWaiting', 1, 'CRC')).toEqual({ isSetAside: false });
    expect(fates()).toBe('0-9 in-channel held');
  });

  test('keeps its bytes for the doctor until its last offset is redeemed, and for good when some were lost', async () => {
    await filled();
    for (const id of [1, 2]) await writer.perform('setAsideWaiting', id, 'CRC');
    expect([rows('damaged_chunks'), rows('chunk_bodies')]).toEqual([2, 3]);
    const [one, other] = await open();
    if (one === undefined || other === undefined) throw new Error('no claims');
    await writer.perform('redeemClaim', redemptionOf({ claim: one, chunks: [{ offsets: range(0, 4) }] }));
    expect(rows('damaged_chunks')).toBe(2);
    await writer.perform('redeemClaim', redemptionOf({ claim: one, chunks: [{ offsets: range(4, 10) }] }));
    expect([rows('damaged_chunks'), rows('chunk_bodies')]).toEqual([1, 4]);
    await writer.perform(
      'redeemClaim',
      redemptionOf({ claim: other, dispositions: [disposition('gap', 10, 20)] }),
    );
    expect([rows('damaged_chunks'), rows('claims')]).toEqual([1, 0]);
    expect(fates()).toBe('0-3 in-channel, 4-9 in-channel, 10-19 gap, 20-29 in-channel');
  });
});

describe('a redemption', () => {
  beforeEach(async () => {
    await filled();
    await writer.perform('setAsideWaiting', 2, 'CRC');
  });

  test('takes exactly its offsets off the claim, from its middle too, and they land', async () => {
    const claim = await theOne();
    const parts = {
      chunks: [{ offsets: [12, 13, 16], directory: '/logs/again' }],
      dispositions: [disposition('filtered', 14, 15)],
      quarantined: [quarantined(15)],
    };
    await writer.perform('redeemClaim', redemptionOf({ claim, ...parts }));
    expect(offsetsOf((await theOne()).runs)).toEqual([10, 11, 17, 18, 19]);
    const again = (await writer.perform('keys', SINK)).find(({ key }) => key.directory === '/logs/again');
    const planned = await writer.perform('plan', fileRequest(again?.id ?? 0));
    if (planned === undefined) throw new Error('no plan');
    await land(writer, planned.plan.fileId);
    expect(fates()).toBe(
      '0-9 in-channel, 10-11 claimed, 12-13 landed, 14-14 filtered, 15-15 quarantined, 16-16 landed, 17-19 claimed, 20-29 in-channel',
    );
  });

  test('of offsets that are not all claimed any more changes nothing', async () => {
    const claim = await theOne();
    const first = redemptionOf({ claim, chunks: [{ offsets: range(10, 15) }] });
    const overlapping = redemptionOf({ claim, chunks: [{ offsets: range(14, 20) }] });
    expect(await writer.perform('redeemClaim', first)).toMatchObject({ isDone: true });
    expect(await writer.perform('redeemClaim', overlapping)).toMatchObject({ isDone: false });
    expect(await writer.perform('redeemClaim', { ...overlapping, claimId: 99 })).toMatchObject({
      isDone: false,
    });
    expect(fates()).toBe('0-9 in-channel, 10-14 in-channel, 15-19 claimed, 20-29 in-channel');
  });

  test.each([
    ['leaves an offset out', (whole: number[]) => ({ chunks: [{ offsets: whole.slice(1) }] })],
    [
      'accounts for one twice',
      (whole: number[]) => ({
        chunks: [{ offsets: whole.slice(0, 5) }, { offsets: whole.slice(4), directory: '/other' }],
      }),
    ],
    ['speaks of offsets it does not take', (whole: number[]) => ({ chunks: [{ offsets: [...whole, 20] }] })],
  ])('whose books do not balance is refused: it %s', async (_, parts) => {
    const claim = await theOne();
    const whole = offsetsOf(claim.runs);
    const { chunks, bytes } = putOf({ tenure: '', first: 0, next: 0, ...parts(whole) });
    const redemption = {
      ...{ claimId: claim.id, channel: CHANNEL, runs: claim.runs, chunks, bytes, configVersion: 1 },
      ...{ dispositions: [], quarantined: [] },
    };
    await expect(writer.perform('redeemClaim', redemption)).rejects.toThrow(/redemption/);
    expect(fates()).toBe('0-9 in-channel, 10-19 claimed, 20-29 in-channel');
  });

  test('for another channel is refused', async () => {
    const claim = await theOne();
    const redemption = redemptionOf({
      claim: { ...claim, channel: 'other' },
      chunks: [{ offsets: range(10, 20) }],
    });
    await expect(writer.perform('redeemClaim', redemption)).rejects.toThrow(/another channel/);
  });
});

describe('claims of a lost disk', () => {
  test('are made in bulk within their tenures, and refused outside of them', async () => {
    await filled();
    const claim = { tenure: 't1', channel: CHANNEL, cause: 'lost-disk' as const, detail: 'disk of gw-1' };
    const bulk = writer.perform('addClaims', [
      { ...claim, runs: runsOf(range(0, 10)) },
      { ...claim, runs: runsOf([10, 12]) },
    ]);
    expect((await bulk).ids).toEqual([1, 2]);
    const outside = writer.perform('addClaims', [{ ...claim, runs: runsOf([30]) }]);
    await expect(outside).rejects.toThrow(/outside tenure t1/);
    const other = writer.perform('addClaims', [{ ...claim, channel: 'other', runs: runsOf([3]) }]);
    await expect(other).rejects.toThrow(/had no part/);
    expect((await open()).length).toBe(2);
  });

  test('of very many runs go into several rows, and are told of by the page', async () => {
    const offsets = range(0, CLAIM_RUNS_BYTES_MAX * 10).filter((at) => at % 2 === 0);
    const next = offsets.length * 2;
    await writer.perform('put', putOf({ tenure: 't1', first: 0, next, line: () => '\n' }));
    await writer.perform('accept', 't1', next);
    const claim = { tenure: 't1', channel: CHANNEL, cause: 'lost-disk' as const, detail: '' };
    const { ids } = await writer.perform('addClaims', [{ ...claim, runs: runsOf(offsets) }]);
    expect(ids.length).toBeGreaterThan(CLAIM_PAGE_ROWS_MAX);
    const page = await writer.perform('openClaims', 'weblogs', undefined);
    expect(page.claims.length).toBe(CLAIM_PAGE_ROWS_MAX);
    const found = page.claims.flatMap(({ runs }) => offsetsOf(runs));
    for (let cursor = page.next; cursor !== undefined;) {
      const more = await writer.perform('openClaims', 'weblogs', cursor);
      found.push(...more.claims.flatMap(({ runs }) => offsetsOf(runs)));
      cursor = more.next;
    }
    expect(found).toEqual(offsets);
    expect(await writer.perform('openClaims', 'another source', undefined)).toEqual({
      claims: [],
      next: undefined,
    });
  });
});

test('what an operator gives up is a gap with who and why, once', async () => {
  await filled();
  await writer.perform('setAsideWaiting', 1, 'CRC');
  const given = { ids: [(await theOne()).id, 77], by: 'li', why: 'no backup' };
  expect(await writer.perform('giveUpClaims', given)).toEqual({ offsets: 10 });
  expect(await writer.perform('giveUpClaims', given)).toEqual({ offsets: 0 });
  expect(fates()).toBe('0-9 gap, 10-19 in-channel, 20-29 in-channel');
  const db = openForReading(join(directory.path, 'channel.sqlite'));
  expect(db.prepare('SELECT reason FROM dispositions').pluck().get()).toMatch(
    /^given up by li \(no backup\): damaged on disk, chunk 1: CRC \(noticed \d{4}-.* UTC\)$/,
  );
  db.close();
  expect(await writer.perform('oldestClaimedOffset', KEY)).toBeUndefined();
});

test('the oldest claimed offset is of the incarnation that is read now', async () => {
  await filled();
  await writer.perform('setAsideWaiting', 2, 'CRC');
  expect(await writer.perform('oldestClaimedOffset', KEY)).toBe(10);
  await writer.perform('endTenure', 't1');
  await writer.perform('beginTenure', tenureStart('t2', 0, { ref: partition(0, 'b') }));
  expect(await writer.perform('oldestClaimedOffset', KEY)).toBeUndefined();
  expect(await theOne()).toMatchObject({ isCurrent: false, partition: { incarnation: 'a' } });
});

describe('sets of runs', () => {
  const whole = runsOf([1, 2, 3, 7, 8, 20]);
  test('lose what is taken away, and only what they hold', () => {
    expect(offsetsOf(withoutRuns(whole, runsOf([2, 8])) ?? runsOf([0]))).toEqual([1, 3, 7, 20]);
    expect(withoutRuns(whole, whole)).toBeUndefined();
    for (const part of [[4], [3, 4], [0], [20, 21], [1, 2, 3, 4, 5, 6, 7]]) {
      expect(() => withoutRuns(whole, runsOf(part))).toThrow(RangeError);
      expect(holdsRuns(whole, runsOf(part))).toBe(false);
    }
    expect(holdsRuns(whole, runsOf([1, 3, 20]))).toBe(true);
  });
  test('are cut to a range and into pieces without losing an offset', () => {
    expect(offsetsOf(runsWithin(whole, { from: 2, to: 8 }) ?? runsOf([0]))).toEqual([2, 3, 7]);
    expect(runsWithin(whole, { from: 9, to: 20 })).toBeUndefined();
    const many = runsOf(range(0, 1_000).filter((at) => at % 3 > 0));
    const pieces = [...piecesOf(many, 100)];
    expect(pieces.every(({ bytes }) => bytes.byteLength <= 100)).toBe(true);
    expect(pieces.flatMap(offsetsOf)).toEqual(offsetsOf(many));
    expect([...piecesOf(whole, 100)]).toEqual([whole]);
  });
});
