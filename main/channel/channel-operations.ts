import type { FileId } from '../../shared/model/brand.ts';
import type { FilePlan, LandedFacts, LandingKeySummary } from '../../shared/model/file-plan.ts';
import type { PartitionState, TenureRow } from '../../shared/model/partition.ts';
import type { Put, PutReceipt } from '../../shared/model/put.ts';
import type { QuarantineDrop, QuarantineRetry, RetryReceipt } from '../../shared/model/quarantine-retry.ts';
import type { AbandonedTemp } from './attempt-store.ts';
import type { Channel } from './channel.ts';
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
  damagedChunk: (fileId: FileId, chunkId: number, reason: string) => FilePlan | undefined;
  abandonedNames: (sink: string, beforeMs: number) => readonly AbandonedTemp[];
  abandonedRemoved: (names: readonly FileName[]) => void;
  landedInodes: (sink: string, inodes: readonly string[]) => readonly string[];
  isPaused: (sink: string) => boolean;
  setSwitch: (value: WriteSwitch) => void;
  setSwitchInitially: (value: WriteSwitch) => void;
  switches: () => readonly WriteSwitch[];
  retryQuarantined: (retry: QuarantineRetry) => RetryReceipt;
  dropQuarantined: (drop: QuarantineDrop) => { readonly dropped: number };
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
 * A put, or events that are retried, have been prepared by the writer before the transaction; the other operations run on their arguments
 * as they are.
 */
export type RunnableOperations = Omit<ChannelOperations, 'put' | 'retryQuarantined'> & {
  put: (prepared: PreparedPut) => PutReceipt;
  retryQuarantined: (prepared: PreparedRetry) => RetryReceipt;
};

/** The operations on an open channel. Each is called within a savepoint of the writer's transaction. */
export function operationsOn(context: OperationContext): RunnableOperations {
  return { ...sourceOperations(context), ...landingOperations(context), ...operatorOperations(context) };
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

function landingOperations({ channel, nowMs, touch }: OperationContext) {
  const { plans, attempts, ledger } = channel;
  const touchFile = (fileId: FileId): void => touch(plans.row(fileId).sink);
  return {
    keys: (sink) => channel.keys.summaries(sink),
    plan: (request) => {
      const planned = plans.plan(request);
      if (planned !== undefined) touch(request.sink);
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
    damagedChunk: (fileId, chunkId, reason) => {
      touchFile(fileId);
      return plans.setAside(fileId, { id: chunkId, reason, nowMs });
    },
    abandonedNames: (sink, beforeMs) => attempts.abandoned(sink, beforeMs),
    abandonedRemoved: (names) => attempts.removed(names),
    landedInodes: (sink, inodes) => ledger.landedInodes(sink, inodes),
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
