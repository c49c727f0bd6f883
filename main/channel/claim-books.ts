import assert from 'node:assert/strict';
import type { ClaimRedemption } from '../../shared/model/claim.ts';
import { decodeRuns, formatRuns, mergeRuns, singleRun } from '../../shared/model/offset-runs.ts';
import type { EncodedRuns } from '../../shared/model/offset-runs.ts';
import { assertChunks } from './put-tiling.ts';

/**
 * The books of a redemption must balance before it is stored, as those of a put must: chunks, dispositions and quarantined events together are
 * exactly the offsets that come off the claim, each once, and all in the claim's channel. One that does not is a programmer's error.
 */
export function assertRedemptionIsWhole(redemption: ClaimRedemption): void {
  assertChunks(redemption);
  const { channel, runs, chunks, dispositions, quarantined } = redemption;
  for (const account of [...chunks, ...dispositions, ...quarantined])
    assert.equal(
      account.channel,
      channel,
      `a redemption for ${channel} speaks of ${account.channel ?? 'all'}`,
    );
  const all = mergedRuns([
    ...chunks.map((chunk) => chunk.runs),
    ...dispositions.map((disposition) => disposition.runs),
    ...quarantined.map(({ offset }) => singleRun(offset, offset + 1)),
  ]);
  const isSame = all.first === runs.first && all.next === runs.next && all.count === runs.count;
  assert.ok(
    isSame && Buffer.compare(all.bytes, runs.bytes) === 0,
    `a redemption of offsets ${textOf(runs)} accounts for ${textOf(all)}`,
  );
}

function mergedRuns(parts: readonly EncodedRuns[]): EncodedRuns {
  try {
    return mergeRuns(parts);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    assert.fail(`a redemption accounts for an offset twice, or for none: ${error.message}`);
  }
}

function textOf(runs: EncodedRuns): string {
  return formatRuns(decodeRuns(runs.first, runs.bytes));
}
