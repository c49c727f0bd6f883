import type { EventBatch } from '../../shared/event-batch.ts';
import type { Offset } from '../../shared/model/brand.ts';
import type { ClaimCursor, ClaimPage, OpenClaim } from '../../shared/model/claim.ts';
import type { EncodedRuns } from '../../shared/model/offset-runs.ts';
import type {
  Disposition,
  Fingerprint,
  PartitionRef,
  PartitionState,
  TenureRow,
} from '../../shared/model/partition.ts';
import type { QuarantinedEvent } from '../../shared/model/put.ts';

/**
 * A source pulls events and delivers them in order. Its life: `run` until the signal aborts, supervising itself; `stop` by
 * aborting. It holds no event longer than it takes to deliver it, and knows nothing of channels or sinks.
 */
export interface Source {
  readonly name: string;
  /** Runs until the signal aborts, through every fault; rejects only for programmer errors and unusable configuration. */
  run(signal: AbortSignal): Promise<void>;
  /** What an operator sees: per partition position, lag, and why anything waits. Cheap; called each second. */
  status(): SourceStatus;
}

/** What a source needs of the engine. */
export interface SourceHost {
  readonly store: SourceStore;
  /**
   * Runs the interceptors and puts the batch into all channels. Resolves when it is durable, in the order of calls for one
   * partition; waits while the channel is full. Several deliveries of one partition may be under way. Rejects with a
   * GatewayError: `stale-tenure` / `position-mismatch` (open or seek again; later deliveries under way are refused too),
   * `io-error` and the like (nothing was stored; deliver again after the backoff).
   */
  deliver(delivery: Delivery, signal: AbortSignal): Promise<void>;
  /** Resolves when the channels take more; returns at once when they do. Pull nothing before. */
  whenOpen(signal: AbortSignal): Promise<void>;
  /**
   * The same for what was accepted long ago and is pulled again: it goes on where intake has ended for good. Absent: as `whenOpen`.
   */
  whenRoom?(signal: AbortSignal): Promise<void>;
  /** Events that were taken and are not held any more, to be pulled again. */
  readonly claims: ClaimPort;
  /** A fact worth an operator's attention; the engine turns it into log lines and alerts. */
  report(event: SourceEvent): void;
}

/** The claims of one source (channel/claim-store.ts). */
export interface ClaimPort {
  /** Claims of accepted offsets that nobody holds, in the order of partitions and offsets. */
  open(after: ClaimCursor | undefined): Promise<ClaimPage>;
  /**
   * Sends events through the rules as they are now, for the claim's channel alone, and stores what becomes of them in the transaction that
   * takes their offsets off the claim. `changed`: some are not claimed any more, nothing was stored. `unfed`: the source does not feed that
   * channel now. Waits while the channel is full; rejects as `deliver` does.
   */
  redeem(again: PulledAgain, signal: AbortSignal): Promise<'done' | 'changed' | 'unfed'>;
}

/** Claimed offsets that were pulled again, and what became of each before interceptors saw it. */
export interface PulledAgain {
  readonly claim: OpenClaim;
  /** Exactly these are taken off: those of the events, the dispositions and the quarantined events together. */
  readonly runs: EncodedRuns;
  readonly events: EventBatch;
  readonly dispositions: readonly Disposition[];
  readonly quarantined: readonly QuarantinedEvent[];
}

/** One batch: what became of every offset in `[first, next)` before interceptors saw it. */
export interface Delivery {
  readonly partition: PartitionRef;
  readonly tenure: string;
  readonly first: Offset;
  readonly next: Offset;
  /** Fingerprint of the last record in the range; undefined when it holds no record (then the old one stays). */
  readonly fingerprint: Fingerprint | undefined;
  /** May be empty. Its offsets, the dispositions' and the quarantined events' together make up `[first, next)` exactly. */
  readonly events: EventBatch;
  readonly dispositions: readonly Disposition[];
  readonly quarantined: readonly QuarantinedEvent[];
}

/** The durable side of a source: implemented by the channel's writer, every call is one transaction. */
export interface SourceStore {
  /** Who this state directory is: written into every tenure and marker. */
  readonly identity: { readonly gatewayId: string; readonly stateId: string };
  /** Everything known of a partition; undefined when this state directory never saw it. */
  partitionState(key: {
    source: string;
    topic: string;
    partition: number;
  }): Promise<PartitionState | undefined>;
  /**
   * Records a new tenure and makes it the partition's current one, at `startOffset`, which becomes the position. Every earlier
   * tenure must be ended or in doubt. With `adopt`, the puts in doubt of that tenure, which must reach from `startOffset` on,
   * become puts of the new one instead of being pulled again, and the position is their end.
   */
  beginTenure(tenure: NewTenure): Promise<TenureRow>;
  /** The broker accepted our commit of `acceptedTo` under this tenure: puts below it may land. Never steps back. */
  accept(tenure: string, acceptedTo: Offset): Promise<void>;
  /** The tenure is over. Puts beyond `acceptedTo` make it `doubt`, else it is `ended`. */
  endTenure(tenure: string): Promise<TenureRow>;
  /** What a later fact said of the doubt: all held rows accepted, or all of them removed, in one transaction. */
  resolveDoubt(tenure: string, verdict: 'accepted' | 'rejected'): Promise<void>;
  /** Small durable facts of a source that fit nowhere else (a resolved start point, an alarm's time). */
  readNote(key: string): Promise<string | undefined>;
  writeNote(key: string, value: string): Promise<void>;
}

export interface NewTenure {
  readonly ref: PartitionRef;
  readonly clusterId: string;
  readonly group: string;
  readonly topicId: string;
  readonly nonce: string;
  readonly sequence: number;
  readonly startOffset: Offset;
  readonly fingerprint: Fingerprint | undefined;
  readonly adopt: string | undefined;
}

export interface SourceStatus {
  readonly name: string;
  readonly type: string;
  readonly state: 'starting' | 'flowing' | 'idle' | 'paused' | 'waiting' | 'failed';
  /** Why it waits or failed, in words, with the time of the next try in epoch ms. */
  readonly cause: string | undefined;
  readonly hint: string | undefined;
  readonly nextTryMs: number | undefined;
  readonly fence: 'transactions' | 'none' | 'not-needed';
  readonly counters: SourceCounters;
  /** Absent: nothing is to be pulled again. */
  readonly repull?: RepullStatus | undefined;
  readonly partitions: readonly PartitionStatus[];
  /** All partitions of its topics, also those that another gateway reads; absent: it reads all there are. */
  readonly knownPartitions?: readonly { readonly topic: string; readonly partition: number }[];
  /** Topics that it should read and that are not there. */
  readonly missingTopics?: readonly string[];
}

/** How far the events of claims are here again. */
export interface RepullStatus {
  readonly state: 'pulling' | 'waiting';
  /** Why it waits, and what to do. */
  readonly cause: string | undefined;
  readonly hint: string | undefined;
  readonly nextTryMs: number | undefined;
  /** Offsets that were redeemed since the source started, those that were lost among them. */
  readonly redeemed: number;
  readonly lost: number;
}

export interface SourceCounters {
  readonly events: number;
  readonly bytes: number;
  readonly pulls: number;
  readonly repulls: number;
  readonly failedPulls: number;
  readonly emptyPulls: number;
  readonly commits: number;
  readonly rebalances: number;
}

export interface PartitionStatus {
  readonly topic: string;
  readonly partition: number;
  readonly state: 'opening' | 'flowing' | 'caught-up' | 'paused' | 'waiting' | 'held';
  readonly cause: string | undefined;
  readonly position: number;
  readonly acceptedTo: number;
  /** End of the log (last stable offset) as last seen; -1: not known. */
  readonly logEnd: number;
  /** Start of the log as last seen; -1: not known. */
  readonly logStart: number;
  /** logEnd - position, never negative; -1: not known. */
  readonly lag: number;
  readonly leader: number;
  /** The log ended at `logEnd` then, or later, as last seen (when that was asked for), epoch ms; absent: not known. */
  readonly endSeenMs?: number | undefined;
  /** Time of the last durable record, epoch ms; absent: not known. */
  readonly positionMs?: number | undefined;
  /** How long, and how much of it, the broker keeps the log; absent: not known. */
  readonly retention?: { readonly ms: number | undefined; readonly bytes: number | undefined } | undefined;
}

/** Facts that become alerts and log lines. `level` error: an operator should act. */
export interface SourceEvent {
  readonly code:
    | 'link-down'
    | 'link-up'
    | 'gap'
    | 'claim-lost'
    | 'claims-redeemed'
    | 'incarnation'
    | 'held'
    | 'fenced'
    | 'doubt'
    | 'doubt-resolved'
    | 'opened'
    | 'rebalanced'
    | 'topic-missing'
    | 'leader-missing'
    | 'stable-offset-stuck'
    | 'restarted'
    | 'undecodable';
  readonly level: 'info' | 'warn' | 'error';
  readonly source: string;
  readonly place: string;
  readonly message: string;
  readonly hint: string | undefined;
}
