import type { Offset } from './brand.ts';
import type { EncodedRuns } from './offset-runs.ts';

/**
 * One partition of one topic as a source of this gateway sees it. The incarnation tells a replaced log from the one before
 * (exactly-once.md §1): it is made of facts that every gateway sees, such as the topic id, never of a local counter.
 */
export interface PartitionRef {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
}

/** What is kept of the last accepted record, to notice that the log is no longer the one we knew. */
export interface Fingerprint {
  /** The record's own offset. */
  readonly offset: Offset;
  /** CRC-32C of the record's bytes (key, value, headers and timestamp as in the log). */
  readonly crc: number;
  readonly timestampMs: number;
  readonly leaderEpoch: number;
}

/** Life of a tenure: `open` until its end is known; `doubt` when puts after `acceptedTo` may or may not be accepted. */
export type TenureState = 'open' | 'doubt' | 'ended';

/**
 * A tenure: the time from one opening of a partition by this gateway to its end (exactly-once.md §4).
 * `startOffset <= acceptedTo <= putTo`. Offsets in `[startOffset, acceptedTo)` are ours for good; those in
 * `[acceptedTo, putTo)` are held: stored, but they may not land.
 */
export interface TenureRow {
  /** Row id in the channel's database. */
  readonly id: number;
  /** Random nonce, 16 hex digits or more; it is also in the offset's metadata at the broker. */
  readonly nonce: string;
  readonly sequence: number;
  readonly startOffset: Offset;
  readonly putTo: Offset;
  readonly acceptedTo: Offset;
  readonly state: TenureState;
  readonly startedAtMs: number;
}

/** What the state directory knows of a partition: the last incarnation, the position, and its tenures, oldest first. */
export interface PartitionState {
  readonly ref: PartitionRef;
  readonly clusterId: string;
  readonly group: string;
  readonly topicId: string;
  /** The next offset to pull: the offset after the last one that any put accounted for. */
  readonly position: Offset;
  readonly fingerprint: Fingerprint | undefined;
  /** Not-ended tenures and the last ended one. */
  readonly tenures: readonly TenureRow[];
}

/** Why an offset that is accounted for will not be found in a file. */
export type DispositionKind = 'filtered' | 'not-routed' | 'absent' | 'gap' | 'quarantined';

/** Offsets of one put that go into no chunk of a channel, with the reason that the audit prints. */
export interface Disposition {
  readonly kind: Exclude<DispositionKind, 'quarantined'>;
  /** The channel it speaks of; undefined: all channels of the source. */
  readonly channel: string | undefined;
  readonly runs: EncodedRuns;
  /** For filtered: the rule and the configuration version; for a gap: when and why. */
  readonly reason: string;
}
