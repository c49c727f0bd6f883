import type { EncodedRuns } from './offset-runs.ts';
import type { Disposition, Fingerprint, PartitionRef } from './partition.ts';
import type { PutChunk, QuarantinedEvent } from './put.ts';

/** Why events of offsets that were taken are not held durably. */
export type ClaimCause = 'damaged-chunk' | 'lost-disk' | 'memory';

/** Offsets of one channel whose events are to be had from their source again. */
export interface ClaimedRuns {
  readonly channel: string;
  readonly runs: EncodedRuns;
  readonly cause: ClaimCause;
  /** For people: which chunk, which disk. */
  readonly detail: string;
}

/** Made outside of a put; the tenure by its nonce. */
export interface NewClaim extends ClaimedRuns {
  readonly tenure: string;
}

/** A claim as its source reads it. Accepted: its offsets are ours for good. */
export interface OpenClaim extends ClaimedRuns {
  readonly id: number;
  readonly partitionId: number;
  readonly partition: PartitionRef;
  /** The partition as it was known when the events were taken. */
  readonly clusterId: string;
  readonly topicId: string;
  /** The incarnation is the one that the source reads now. */
  readonly isCurrent: boolean;
  /** The last accepted record of the tenure, to prove that the log is still the one. */
  readonly fingerprint: Fingerprint | undefined;
  /** The offset after the last accepted one of the tenure. */
  readonly acceptedTo: number;
  readonly claimedMs: number;
  /** Each of its offsets was an event: of a damaged chunk, or in memory. Of others it is not known; some may never have held a record. */
  readonly wereEvents: boolean;
}

/** Goes on behind this claim, in the order of partitions and offsets. */
export interface ClaimCursor {
  readonly partitionId: number;
  readonly first: number;
  readonly id: number;
}

export interface ClaimPage {
  readonly claims: readonly OpenClaim[];
  /** Undefined: these were the last. */
  readonly next: ClaimCursor | undefined;
}

/**
 * What became of claimed offsets when they were pulled again: chunks, dispositions and quarantined events together are exactly `runs`, all
 * for the claim's channel. Stored whole or not at all, in the transaction that takes `runs` off the claim.
 */
export interface ClaimRedemption {
  readonly claimId: number;
  readonly channel: string;
  readonly runs: EncodedRuns;
  readonly chunks: readonly PutChunk[];
  /** Bytes of all chunks; transferred to the writer, and come back with the receipt. */
  readonly bytes: ArrayBuffer;
  readonly dispositions: readonly Disposition[];
  readonly quarantined: readonly QuarantinedEvent[];
  readonly configVersion: number;
}

export interface RedemptionReceipt {
  readonly bytes: ArrayBuffer;
  /** False: nothing was changed, for some of the offsets are not claimed any more. */
  readonly isDone: boolean;
}

/** Claims that an operator gives up for good; their offsets become gaps. */
export interface ClaimsGivenUp {
  readonly ids: readonly number[];
  readonly by: string;
  readonly why: string;
}
