import type { FileId } from '../../shared/model/brand.ts';
import type * as completeness from '../../shared/model/completeness.ts';
import type {
  ClaimCursor,
  ClaimPage,
  ClaimRedemption,
  ClaimsGivenUp,
  NewClaim,
  RedemptionReceipt,
} from '../../shared/model/claim.ts';
import type { FilePlan, LandedFacts, LandingKeySummary } from '../../shared/model/file-plan.ts';
import type { Holdings } from '../../shared/model/holdings.ts';
import type { PartitionState, TenureRow } from '../../shared/model/partition.ts';
import type { Put, PutReceipt } from '../../shared/model/put.ts';
import type { QuarantineDrop, QuarantineRetry, RetryReceipt } from '../../shared/model/quarantine-retry.ts';
import type { AbandonedTemp } from './attempt-store.ts';
import type { Channel } from './channel.ts';
import type { PreparedRedemption } from './claim-store.ts';
import { giveUpSegment } from './doctor/damaged-segment.ts';
import type { Segment } from './doctor/damaged-segment.ts';
import { holdingsOf } from './holdings.ts';
import { spillMemory } from './memory-spill.ts';
import type { SpillOrder } from './memory-spill.ts';
import type { FileRequest } from './plan-store.ts';
import type { PreparedPut } from './put-store.ts';
import type { PreparedRetry } from './quarantine-store.ts';
import type { RoomState } from './room-gauge.ts';
import type { WriteSwitch } from './switch-store.ts';
import type { PartitionKey, TenureStart } from './tenure-store.ts';

type FileName = { readonly fileId: FileId; readonly number: number; readonly atMs: number };
type AttemptEnd = { readonly number: number; readonly inode: string | undefined };

/**
 * Everything one may ask of the writer, as arguments and result. The client offers each as a promise that resolves once the
 * result is durable; sources and landing know the subset that their own interfaces name.
 */
export interface ChannelOperations {
  put: (put: Put) => PutReceipt;
  partitionState: (key: PartitionKey) => PartitionState | undefined;
  beginTenure: (start: TenureStart) => TenureRow;
  accept: (nonce: string, acceptedTo: number) => void;
  endTenure: (nonce: string) => TenureRow;
  resolveDoubt: (nonce: string, verdict: 'accepted' | 'rejected') => void;
  readNote: (name: string) => string | undefined;
  writeNote: (name: string, value: string) => void;
  keys: (sink: string) => readonly LandingKeySummary[];
  plan: (request: FileRequest) => { readonly plan: FilePlan; readonly more: boolean } | undefined;
  openPlans: (sink: string) => readonly FilePlan[];
  startAttempt: (fileId: FileId, attempt: { readonly number: number; readonly tempPath: string }) => void;
  attemptUploaded: (fileId: FileId, attempt: AttemptEnd) => void;
  abandonAttempt: (fileId: FileId, attempt: AttemptEnd) => void;
  startRename: (fileId: FileId, attempt: number) => void;
  landed: (fileId: FileId, facts: LandedFacts, retainUntilMs: number | undefined) => void;
  hold: (fileId: FileId, reason: string) => void;
  release: (fileId: FileId) => void;
  giveBack: (fileId: FileId) => boolean;
  damagedChunk: (fileId: FileId, chunkId: number, reason: string) => FilePlan | undefined;
  setAsideWaiting: (chunkId: number, reason: string) => { readonly isSetAside: boolean };
  addClaims: (claims: readonly NewClaim[]) => { readonly ids: readonly number[] };
  openClaims: (source: string, after: ClaimCursor | undefined) => ClaimPage;
  oldestClaimedOffset: (key: PartitionKey) => number | undefined;
  redeemClaim: (redemption: ClaimRedemption) => RedemptionReceipt;
  /** The stored bytes of a chunk, wherever they are; undefined: it has landed, or its body is lost. Changes nothing. */
  chunkBody: (chunkId: number) => Uint8Array | undefined;
  /** Takes a bounded step at bringing bodies from memory to the disk (memory-spill.ts). */
  spill: (what: SpillOrder) => { readonly more: boolean };
  /** A damaged chunk or a claim, by the word of an operator: its offsets become gaps. Throws `usage` when it is none. */
  giveUpSegment: (
    segment: Segment,
    word: { readonly by: string; readonly why: string },
  ) => { readonly offsets: number };
  giveUpClaims: (given: ClaimsGivenUp) => { readonly offsets: number };
  abandonedNames: (sink: string, beforeMs: number) => readonly AbandonedTemp[];
  abandonedRemoved: (names: readonly FileName[]) => void;
  landedInodes: (sink: string, inodes: readonly string[]) => readonly string[];
  isPaused: (sink: string) => boolean;
  setSwitch: (value: WriteSwitch) => void;
  setSwitchInitially: (value: WriteSwitch) => void;
  switches: () => readonly WriteSwitch[];
  /** What a configuration must keep: sinks that are waited for, channels and sources of claims. */
  holdings: () => Holdings;
  retryQuarantined: (retry: QuarantineRetry) => RetryReceipt;
  dropQuarantined: (drop: QuarantineDrop) => { readonly dropped: number };
  completenessSinks: (sinks: readonly string[]) => void;
  dueDirectories: (sink: string, endedBeforeMs: number) => readonly completeness.DueDirectory[];
  partitionMarks: (sources: readonly string[]) => readonly completeness.PartitionMark[];
  decideCompleteness: (request: completeness.CompletenessRequest) => completeness.CompletenessAnswer;
  openMarkers: (sink: string) => readonly completeness.OpenMarker[];
  markerAttempt: (id: number, tempPath: string) => void;
  markerTaken: (id: number) => void;
  markerWritten: (id: number) => void;
  forgetDirectories: (sink: string, decidedBeforeMs: number) => boolean;
  directoryStandings: (sink: string, limit: number) => completeness.DirectoryList;
  totals: () => Readonly<Record<string, number>>;
  room: () => RoomState;
}

export type OperationName = keyof ChannelOperations;

/** What an operation works with besides its arguments. */
export interface OperationContext {
  readonly channel: Channel;
  readonly nowMs: number;
  readonly room: () => RoomState;
  /** Notes that listeners of the sink want to know, once this is committed. */
  readonly touch: (sink: string) => void;
}

/**
 * A put, events that are retried, or claims that are redeemed have been prepared by the writer before the transaction; the other operations run on their arguments
 * as they are.
 */
export type RunnableOperations = Omit<ChannelOperations, 'put' | 'retryQuarantined' | 'redeemClaim'> & {
  put: (prepared: PreparedPut) => PutReceipt;
  redeemClaim: (prepared: PreparedRedemption) => RedemptionReceipt;
  retryQuarantined: (prepared: PreparedRetry) => RetryReceipt;
};

/** The operations on an open channel. Each is called within a savepoint of the writer's transaction. */
export function operationsOn(context: OperationContext): RunnableOperations {
  return {
    ...sourceOperations(context),
    ...claimOperations(context),
    ...landingOperations(context),
    ...operatorOperations(context),
    ...completenessOperations(context),
  };
}

function sourceOperations({ channel, nowMs, touch }: OperationContext) {
  const { tenures, db } = channel;
  return {
    put: (prepared: PreparedPut) => {
      const { storedBytes, sinks } = channel.puts.store(prepared, nowMs);
      sinks.forEach(touch);
      return { bytes: prepared.put.bytes, storedBytes };
    },
    partitionState: (key) => tenures.partitionState(key),
    beginTenure: (start) => tenures.begin(start, nowMs),
    accept: (nonce, acceptedTo) => tenures.accept(nonce, acceptedTo).forEach(touch),
    endTenure: (nonce) => tenures.end(nonce),
    resolveDoubt: (nonce, verdict) => tenures.resolve(nonce, verdict).forEach(touch),
    readNote: (name) =>
      db.prepare<[string], { value: string }>('SELECT value FROM notes WHERE name = ?').get(name)?.value,
    writeNote: (name, value) =>
      void db
        .prepare(
          'INSERT INTO notes (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
        )
        .run(name, value),
  } satisfies Partial<RunnableOperations>;
}

function claimOperations({ channel, nowMs, touch }: OperationContext) {
  const { claims, damage } = channel;
  return {
    addClaims: (made) => ({ ids: claims.addAll(made, nowMs) }),
    openClaims: (source, after) => claims.page(source, after),
    oldestClaimedOffset: (key) => claims.oldestOffset(key),
    redeemClaim: (prepared: PreparedRedemption) => {
      const done = claims.redeem(prepared, nowMs);
      done?.sinks.forEach(touch);
      return { bytes: prepared.redemption.bytes, isDone: done !== undefined };
    },
    giveUpClaims: (given) => ({ offsets: claims.giveUp(given, nowMs) }),
    giveUpSegment: (segment, word) => ({ offsets: giveUpSegment(channel, segment, { ...word, nowMs }) }),
    setAsideWaiting: (chunkId, reason) => {
      const sink = damage.setAsideWaiting({ id: chunkId, reason, nowMs });
      if (sink !== undefined) touch(sink);
      return { isSetAside: sink !== undefined };
    },
  } satisfies Partial<RunnableOperations>;
}

function landingOperations({ channel, nowMs, touch }: OperationContext) {
  const { plans, attempts, ledger } = channel;
  const touchFile = (fileId: FileId): void => touch(plans.row(fileId).sink);
  return {
    keys: (sink) => channel.keys.summaries(sink),
    plan: (request) => {
      const planned = plans.plan(request);
      if (planned !== undefined) {
        touch(request.sink);
        // Others of a group look at the same landing key.
        touch(planned.plan.landingKey.sink);
      }
      return planned;
    },
    openPlans: (sink) => plans.open(sink),
    startAttempt: (fileId, attempt) =>
      attempts.start({ ...attempt, fileId, sink: plans.row(fileId).sink, nowMs }),
    attemptUploaded: (fileId, attempt) => attempts.uploaded(fileId, attempt),
    abandonAttempt: (fileId, attempt) => attempts.abandon(fileId, attempt, nowMs),
    startRename: (fileId, attempt) => plans.startRename(fileId, attempt),
    landed: (fileId, facts, retainUntilMs) => {
      const plan = plans.find(fileId);
      if (plan !== undefined) touch(plan.sink);
      ledger.landed(fileId, facts, retainUntilMs);
    },
    hold: (fileId, reason) => {
      plans.hold(fileId, reason);
      touchFile(fileId);
    },
    release: (fileId) => {
      plans.release(fileId);
      touchFile(fileId);
    },
    giveBack: (fileId) => {
      const plan = plans.giveBack(fileId, nowMs);
      if (plan === undefined) return false;
      touch(plan.sink);
      touch(channel.keys.get(plan.landing_key_id)?.sink ?? plan.sink);
      return true;
    },
    damagedChunk: (fileId, chunkId, reason) => {
      touchFile(fileId);
      return plans.setAside(fileId, { id: chunkId, reason, nowMs });
    },
    abandonedNames: (sink, beforeMs) => attempts.abandoned(sink, beforeMs),
    abandonedRemoved: (names) => attempts.removed(names),
    landedInodes: (sink, inodes) => ledger.landedInodes(sink, inodes),
    chunkBody: (chunkId) => channel.bodies.ofChunk(chunkId),
    spill: (what) => spillMemory(channel, what, nowMs),
  } satisfies Partial<RunnableOperations>;
}

function completenessOperations({ channel: { completeness }, nowMs, touch }: OperationContext) {
  return {
    completenessSinks: (sinks) => completeness.setSinks(sinks),
    dueDirectories: (sink, endedBeforeMs) => completeness.due(sink, endedBeforeMs),
    partitionMarks: (sources) => completeness.partitionMarks(sources),
    decideCompleteness: (request) => {
      const answer = completeness.decide(request, nowMs);
      if (answer.kind === 'decided') touch(request.sink);
      return answer;
    },
    openMarkers: (sink) => completeness.openMarkers(sink),
    markerAttempt: (id, tempPath) => completeness.markerAttempt(id, tempPath),
    markerTaken: (id) => completeness.markerTaken(id),
    markerWritten: (id) => completeness.markerWritten(id),
    forgetDirectories: (sink, decidedBeforeMs) => completeness.forget(sink, decidedBeforeMs),
    directoryStandings: (sink, limit) => ({
      ...completeness.counts(sink),
      directories: completeness.standings(sink, limit),
    }),
  } satisfies Partial<RunnableOperations>;
}

function operatorOperations({ channel, nowMs, touch, room }: OperationContext) {
  const { switches } = channel;
  return {
    isPaused: (sink) => switches.isPaused(sink),
    setSwitch: (value) => {
      switches.set(value);
      touch(value.sink);
    },
    setSwitchInitially: (value) => {
      switches.setInitially(value);
      touch(value.sink);
    },
    switches: () => switches.list(),
    holdings: () => holdingsOf(channel.db),
    retryQuarantined: (prepared: PreparedRetry) => {
      const done = channel.quarantine.retry(prepared, nowMs);
      done?.sinks.forEach(touch);
      return { bytes: prepared.retry.bytes, isDone: done !== undefined };
    },
    dropQuarantined: (drop) => ({ dropped: channel.quarantine.drop(drop, nowMs) }),
    totals: () => channel.totals.read(),
    room,
  } satisfies Partial<RunnableOperations>;
}
