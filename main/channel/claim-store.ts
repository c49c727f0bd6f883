/**
 * Claims: offsets that were taken and whose events are not held durably (exactly-once.md §2). A chunk's bytes went bad, a disk was lost, or
 * a memory channel's process died; the events are to be had from their source again, while it still has them.
 *
 * Promise: a claimed offset has no other fate, and leaves the claim once: in the transaction that stores what became of it.
 *
 * 1. A claim is made in the transaction that takes the offset's former fate away (a chunk that is set aside), or gives it its first one
 *    (a put, a rebuilt ledger). So no offset is ever claimed and somewhere else at the same time.
 * 2. A redemption stores chunks, dispositions and quarantined events that together are exactly its offsets, in its claim's channel, and takes
 *    exactly these off the claim, in one transaction. A claim that does not hold all of them any more changes nothing at all: so no
 *    offset is redeemed twice, whoever pulls it again, and how often.
 * 3. Only claims of accepted offsets are redeemed. Held ones go away or change hands with the rest of their put (held-rows.ts).
 * 4. What the source has no more, and what an operator gives up, becomes a gap with the reason. That is a redemption like any other.
 * 5. Chunks of a redemption are chunks like any other, of the claim's tenure. Their offsets lie behind others that may have landed long
 *    since; a plan never mixes what would step back within a file (plan-choice.ts).
 * 6. Events that a running process has in memory are chunks and no claims (memory-bodies.ts): the next opening makes claims of those whose
 *    process is gone, so nothing is pulled again while somebody has it.
 * 7. The bytes of a damaged chunk stay for the doctor until its last offset is redeemed, and for good when some of them were lost.
 *
 * Crash argument: making and redeeming are each one operation, which is one savepoint of the writer's transaction. A kill before its commit
 * leaves the offsets where they were: claimed, and pulled again from the start; or in the chunk, whose damage is found again. A kill after
 * it leaves them redeemed: the claim that is read next does not hold them.
 */
import assert from 'node:assert/strict';
import type {
  ClaimCause,
  ClaimCursor,
  ClaimPage,
  ClaimRedemption,
  ClaimedRuns,
  ClaimsGivenUp,
  NewClaim,
  OpenClaim,
} from '../../shared/model/claim.ts';
import type { EncodedRuns } from '../../shared/model/offset-runs.ts';
import { holdsRuns, piecesOf, withoutRuns } from '../../shared/model/run-sets.ts';
import type { BodyStore } from './body-store.ts';
import type { ChannelDatabase } from './channel-database.ts';
import { CLAIM_PAGE_ROWS_MAX, CLAIM_RUNS_BYTES_MAX } from './channel-limits.ts';
import type { ChannelParts } from './channel-parts.ts';
import type { EncodedChunk } from './chunk-encoding.ts';
import type { ChunkStore } from './chunk-store.ts';
import { assertRedemptionIsWhole } from './claim-books.ts';
import { prepareClaimStatements, toOpenClaim } from './claim-statements.ts';
import type { ClaimColumns } from './claim-statements.ts';
import type { DispositionStore } from './disposition-store.ts';
import type { QuarantineStore } from './quarantine-store.ts';
import type { PartitionKey, TenureStore } from './tenure-store.ts';
import type { Totals } from './totals.ts';

/** A redemption whose chunks are compressed and checksummed, ready to be written. */
export interface PreparedRedemption {
  readonly redemption: ClaimRedemption;
  readonly chunks: readonly EncodedChunk[];
}

/** Checks the books of a redemption and encodes its chunks: the part that needs no transaction. */
export function prepareRedemption(
  redemption: ClaimRedemption,
  encode: (redemption: ClaimRedemption) => EncodedChunk[],
): PreparedRedemption {
  assertRedemptionIsWhole(redemption);
  return { redemption, chunks: encode(redemption) };
}

export interface ClaimStoreParts {
  readonly tenures: TenureStore;
  readonly chunks: ChunkStore;
  readonly channelParts: ChannelParts;
  readonly dispositions: DispositionStore;
  readonly quarantine: QuarantineStore;
  readonly bodies: BodyStore;
  readonly totals: Totals;
}

/** Whose claim it is, and since when. */
export interface ClaimOwner {
  readonly partitionId: number;
  readonly tenureId: number;
  readonly nowMs: number;
}

/** What of a claim was taken off, and how. */
interface Taken {
  readonly runs: EncodedRuns;
  readonly isLost: boolean;
}

export class ClaimStore {
  readonly #statements;
  readonly #parts: ClaimStoreParts;

  constructor(db: ChannelDatabase, parts: ClaimStoreParts) {
    this.#statements = prepareClaimStatements(db);
    this.#parts = parts;
  }

  /**
   * Claims offsets that have no fate yet: of a put, or of a chunk that is being set aside. Long runs go into several rows. Gives the rows'
   * ids in the order of offsets.
   */
  add(claimed: ClaimedRuns, owner: ClaimOwner, damagedId?: number): readonly number[] {
    const ids: number[] = [];
    for (const runs of piecesOf(claimed.runs, CLAIM_RUNS_BYTES_MAX)) {
      const { lastInsertRowid } = this.#statements.insert.run({
        ...owner,
        ...runColumns(runs),
        channel: claimed.channel,
        cause: claimed.cause,
        detail: claimed.detail,
        damagedId: damagedId ?? null,
      });
      ids.push(Number(lastInsertRowid));
    }
    this.#parts.totals.add('claims.made', claimed.runs.count);
    return ids;
  }

  /**
   * Claims offsets of tenures that are known, in bulk: of a disk that was lost. Asserts that each lies within its tenure and that the
   * channel had a part in it; that nothing else speaks of it is for the caller to know, and for the audit to prove.
   */
  addAll(claims: readonly NewClaim[], nowMs: number): readonly number[] {
    return claims.flatMap((claim) => {
      const tenure = this.#parts.tenures.get(claim.tenure);
      const { first, next } = claim.runs;
      assert.ok(
        first >= tenure.start_offset && next <= tenure.put_to,
        `a claim of ${first}..${next} lies outside tenure ${claim.tenure}`,
      );
      assert.ok(
        this.#parts.channelParts.covers(tenure.id, claim.channel, claim.runs),
        `channel ${claim.channel} had no part in all of ${first}..${next} of tenure ${claim.tenure}`,
      );
      return this.add(claim, { partitionId: tenure.partition_id, tenureId: tenure.id, nowMs });
    });
  }

  /** Accepted claims of one source, in the order of partitions and offsets. */
  page(source: string, after: ClaimCursor | undefined): ClaimPage {
    const rows = this.#statements.page.all({
      source,
      ...(after ?? { partitionId: 0, first: -1, id: 0 }),
      limit: CLAIM_PAGE_ROWS_MAX,
    });
    const last = rows.at(-1);
    const isEnd = last === undefined || rows.length < CLAIM_PAGE_ROWS_MAX;
    const next = isEnd ? undefined : { partitionId: last.partition_id, first: last.first, id: last.id };
    return { claims: rows.map((row) => toOpenClaim(row)), next };
  }

  get(id: number): OpenClaim | undefined {
    const row = this.#statements.open.get(id);
    return row === undefined ? undefined : toOpenClaim(row);
  }

  /**
   * The first offset of the partition's present incarnation that the broker must still have: for a claim's sake, held ones included, or for
   * that of events that would be lost with this process's memory. Undefined: none.
   */
  oldestOffset(key: PartitionKey): number | undefined {
    const { claimed, inMemory } = this.#statements.oldest.get(key) ?? { claimed: null, inMemory: null };
    const oldest = Math.min(claimed ?? Infinity, inMemory ?? Infinity);
    return oldest === Infinity ? undefined : oldest;
  }

  /**
   * Stores what became of claimed offsets; gives the sinks that have more to land. Undefined: nothing was changed, for some of the
   * offsets are not claimed any more.
   */
  redeem(
    { redemption, chunks }: PreparedRedemption,
    nowMs: number,
  ): { readonly sinks: readonly string[] } | undefined {
    const claim = this.#statements.row.get(redemption.claimId);
    if (claim === undefined || !holdsRuns(toRuns(claim), redemption.runs)) return undefined;
    assert.equal(claim.channel, redemption.channel, `claim ${claim.id} is of another channel`);
    assert.ok(claim.next <= claim.accepted_to, `claim ${claim.id} is not accepted`);
    const { configVersion } = redemption;
    const owner = { partitionId: claim.partition_id, tenureId: claim.tenure_id, configVersion, nowMs };
    this.#parts.chunks.add(chunks, owner);
    for (const disposition of redemption.dispositions) this.#parts.dispositions.add(disposition, owner);
    for (const event of redemption.quarantined) this.#parts.quarantine.add(event, owner);
    const lost = redemption.dispositions.filter(({ kind }) => kind === 'gap');
    this.#take(claim, { runs: redemption.runs, isLost: lost.length > 0 });
    const { totals } = this.#parts;
    totals.add('claims.redeemed', redemption.runs.count);
    for (const { runs } of lost) totals.add('claims.lost', runs.count);
    return { sinks: [...new Set(redemption.chunks.map(({ landingKey }) => landingKey.sink))] };
  }

  /** Accepted claims become gaps, by the word of an operator; gives how many offsets. Those that are gone already are passed by. */
  giveUp({ ids, by, why }: ClaimsGivenUp, nowMs: number): number {
    let offsets = 0;
    for (const id of ids) {
      const claim = this.#statements.row.get(id);
      if (claim === undefined || claim.next > claim.accepted_to) continue;
      const { channel } = claim;
      const runs = toRuns(claim);
      const reason = `given up by ${by} (${why}): ${causeText(claim.cause)}, ${claim.detail}`;
      const owner = { partitionId: claim.partition_id, tenureId: claim.tenure_id, nowMs, configVersion: 0 };
      this.#parts.dispositions.add({ kind: 'gap', channel, runs, reason }, owner);
      this.#take(claim, { runs, isLost: true });
      offsets += runs.count;
    }
    this.#parts.totals.add('claims.lost', offsets);
    return offsets;
  }

  /** The claims that a damaged chunk left, by the chunk's own id. */
  ofChunk(chunkId: number): readonly number[] {
    return this.#statements.ofChunk.all(chunkId).map(({ id }) => id);
  }

  #take(claim: ClaimColumns, { runs, isLost }: Taken): void {
    const left = withoutRuns(toRuns(claim), runs);
    if (left === undefined) this.#statements.remove.run(claim.id);
    else this.#statements.shrink.run({ id: claim.id, ...runColumns(left) });
    if (claim.damaged_id === null) return;
    if (isLost) this.#statements.markLost.run(claim.damaged_id);
    this.#forgetDamage(claim.damaged_id);
  }

  /** All events of a damaged chunk are here again: nobody needs its bytes any more. */
  #forgetDamage(damagedId: number): void {
    const damage = this.#statements.settledDamage.get(damagedId);
    if (damage === undefined) return;
    this.#parts.bodies.release(damage.body_id);
    this.#statements.forgetDamage.run(damagedId);
  }
}

/** Why there is a claim, in words. */
export function causeText(cause: ClaimCause): string {
  switch (cause) {
    case 'damaged-chunk':
      return 'damaged on disk';
    case 'lost-disk':
      return 'on a disk that was lost';
    case 'memory':
      return 'in memory when the process ended';
  }
}

function toRuns(row: ClaimColumns): EncodedRuns {
  return { first: row.first, next: row.next, count: row.events, bytes: row.runs };
}

function runColumns(runs: EncodedRuns) {
  return { first: runs.first, next: runs.next, count: runs.count, bytes: runs.bytes };
}
