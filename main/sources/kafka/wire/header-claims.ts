/**
 * What stands in the first 16 bytes of a batch header, which no CRC covers (`record-batch.ts`): the base offset and the leader epoch.
 *
 * Promise: a damaged byte there neither becomes a wrong offset or fingerprint, nor a hole that would be taken for compaction.
 *
 * 1. A batch that begins where the one before ended (the first one: at the fetch offset), in a leader epoch that we know, proves
 *    itself: damage would have to hit exactly that number.
 * 2. Everything else is a *claim*: a hole between batches, a first batch that begins before the fetch offset, another leader epoch. It
 *    is believed only when a second answer of the broker says exactly the same; damage does not hit the same byte twice alike.
 * 3. Compacted topics are full of holes. When several claims of holes in a row turned out to be true, holes are this log's nature,
 *    and are believed at once; the order of the batches and the end of the log still bound them.
 * 4. A batch beyond the log's end is never believed. The broker reads the end before the records, so a busy log may show it for a
 *    moment; the next answer has caught up.
 */
import type { RecordBatch } from './record-batch.ts';

export interface HeaderClaim {
  readonly kind: 'hole' | 'overlap' | 'epoch' | 'beyond';
  /**
   * Offsets that are missing, lie before the fetch offset, or beyond the log's end; for an epoch: its number and where it begins.
   */
  readonly from: number;
  readonly to: number;
}

/**
 * What the batches say that nothing proves. They are complete, verified, in order, and the first one reaches beyond `fetchOffset`.
 * `knownEpochs`: of the record before, and of the leader, as far as known.
 */
export function claimsOf(
  batches: readonly RecordBatch[],
  answer: { readonly fetchOffset: number; readonly highWatermark: number },
  knownEpochs: readonly number[],
): HeaderClaim[] {
  const { fetchOffset, highWatermark } = answer;
  const claims: HeaderClaim[] = [];
  let expected = fetchOffset;
  let epoch: number | undefined;
  for (const { baseOffset, nextOffset, leaderEpoch } of batches) {
    if (baseOffset > expected) claims.push({ kind: 'hole', from: expected, to: baseOffset });
    if (baseOffset < expected) claims.push({ kind: 'overlap', from: baseOffset, to: expected });
    if (leaderEpoch !== epoch && !knownEpochs.includes(leaderEpoch)) {
      claims.push({ kind: 'epoch', from: leaderEpoch, to: baseOffset });
    }
    if (highWatermark >= 0 && nextOffset > highWatermark)
      claims.push({ kind: 'beyond', from: highWatermark, to: nextOffset });
    expected = nextOffset;
    epoch = leaderEpoch;
  }
  return claims;
}

/** So many holes that turned out to be true make holes the log's nature. */
const HOLES_BELIEVED = 3;
/** Answers in a row that contradict each other: then somebody must look. A compaction under way changes a few. */
const CONTRADICTIONS_MAX = 8;

export type ClaimVerdict = 'believed' | 'ask-again' | 'contradiction';

/** Remembers the claims of the last answer until the next one confirms them. One for each open partition. */
export class ClaimMemory {
  #claimed: ReadonlySet<string> = new Set();
  #holesConfirmed = 0;
  #contradictions = 0;

  /** Whether an answer with these claims may be used; `ask-again`: not yet, fetch the same again. */
  judge(claims: readonly HeaderClaim[]): ClaimVerdict {
    const areHolesNormal = this.#holesConfirmed >= HOLES_BELIEVED;
    const doubtful = claims.filter((one) => one.kind !== 'hole' || !areHolesNormal);
    if (doubtful.every((one) => one.kind !== 'beyond' && this.#claimed.has(keyOf(one)))) {
      if (doubtful.some((one) => one.kind === 'hole')) this.#holesConfirmed++;
      this.#claimed = new Set();
      this.#contradictions = 0;
      return 'believed';
    }
    const isContradiction = this.#claimed.size > 0;
    this.#claimed = new Set(doubtful.map(keyOf));
    if (!isContradiction) return 'ask-again';
    this.#contradictions++;
    return this.#contradictions > CONTRADICTIONS_MAX ? 'contradiction' : 'ask-again';
  }
}

function keyOf(claim: HeaderClaim): string {
  return `${claim.kind} ${claim.from} ${claim.to}`;
}
