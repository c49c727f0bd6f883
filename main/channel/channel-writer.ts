import { isDiskFull, isSqliteError, toChannelError, wrapped } from './channel-database.ts';
import { GatewayError, isGatewayError } from '../../shared/errors.ts';
import { systemClock } from '../telemetry/clock.ts';
import type { ChunkCodec } from '../../shared/model/landing-key.ts';
import type { ClaimRedemption } from '../../shared/model/claim.ts';
import type { Put } from '../../shared/model/put.ts';
import type { QuarantineRetry } from '../../shared/model/quarantine-retry.ts';
import { crashPoint } from '../telemetry/crash-point.ts';
import type { CrashPoint } from '../telemetry/crash-point.ts';
import { Ballast } from './ballast.ts';
import { closeChannel, openChannel } from './channel.ts';
import type { Channel } from './channel.ts';
import {
  BALLAST_BYTES,
  FREE_DISK_TOLD_STEP_BYTES,
  GROUP_OPERATIONS_MAX,
  GROUP_RAW_BYTES_MAX,
  HOUSEKEEPING_INTERVAL_MS,
} from './channel-limits.ts';
import { WAL_BYTES_MAX, WAL_WAIT_MS, BUSY_WAIT_MS } from './channel-limits.ts';
import { operationsOn } from './channel-operations.ts';
import type { ChannelOperations, OperationName, RunnableOperations } from './channel-operations.ts';
import { encodeChunks } from './chunk-encoding.ts';
import { prepareRedemption } from './claim-store.ts';
import { Housekeeping } from './housekeeping.ts';
import { isSpillDue, spillAll } from './memory-spill.ts';
import type { MemoryUses } from './memory-bodies.ts';
import { preparePut } from './put-store.ts';
import { prepareRetry } from './quarantine-store.ts';
import { freeDiskOf, RoomGauge, walBytes } from './room-gauge.ts';
import type { FreeDiskProbe, RoomState } from './room-gauge.ts';

export interface ChannelSettings {
  /** The state directory, made and locked by the caller (state-directory.ts). */
  readonly directory: string;
  readonly stateId: string;
  readonly capacityBytes: number;
  readonly minFreeDiskBytes: number;
  /** Codec of chunks at rest by channel; channels that are not named keep them as they are. */
  readonly compression: Readonly<Record<string, ChunkCodec>>;
  /** Channels that have bodies in memory; default: none. */
  readonly memory?: MemoryUses;
  /** Room kept aside for a full disk; default `BALLAST_BYTES`, 0: none. */
  readonly ballastBytes?: number;
  /** The WAL is emptied at this size; default `WAL_CHECKPOINT_BYTES`. The ballast is to be larger, by what lands in some seconds. */
  readonly walCheckpointBytes?: number;
}

/** Where tests put their faults and their clock. */
export interface WriterSeams {
  readonly nowMs?: () => number;
  readonly freeDisk?: FreeDiskProbe;
  /** Runs where the transaction is about to commit; what it throws is what the commit threw. */
  readonly beforeCommit?: (channel: Channel) => void;
}

export interface WriterListener {
  /** Sinks that an operation touched, once it is committed. */
  touched(sinks: ReadonlySet<string>): void;
  /** At once when intake must stop or may go on, and about once a second while the figures move. */
  room(state: RoomState): void;
}

interface QueuedOperation {
  readonly name: OperationName;
  readonly args: readonly unknown[];
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome =
  { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly error: unknown };

/** Places where a test may kill the process around the commit of an operation. */
const CRASH_BEFORE: Partial<Record<OperationName, CrashPoint>> = {
  put: 'put.before-commit',
  plan: 'plan.before-commit',
  landed: 'land.before-ledger-commit',
  retryQuarantined: 'retry.before-commit',
  decideCompleteness: 'complete.before-commit',
  damagedChunk: 'claim.before-commit',
  setAsideWaiting: 'claim.before-commit',
  addClaims: 'claim.before-commit',
  redeemClaim: 'redeem.before-commit',
  spill: 'spill.before-commit',
};
const CRASH_AFTER: Partial<Record<OperationName, CrashPoint>> = {
  put: 'put.after-commit',
  accept: 'accept.after-durable',
  plan: 'plan.after-commit',
  landed: 'land.after-ledger-commit',
  retryQuarantined: 'retry.after-commit',
  decideCompleteness: 'complete.after-commit',
  damagedChunk: 'claim.after-commit',
  setAsideWaiting: 'claim.after-commit',
  addClaims: 'claim.after-commit',
  redeemClaim: 'redeem.after-commit',
  spill: 'spill.after-commit',
};

/** Operations that bring events in: they carry bytes both ways, and wait while the disk is full. */
export const INTAKE: ReadonlySet<OperationName> = new Set<OperationName>([
  'put',
  'retryQuarantined',
  'redeemClaim',
]);

/**
 * The only writer of the channel. It runs in a worker thread (writer-worker.ts), where blocking is its job.
 *
 * Promise: an operation that is answered is on the disk, and one that failed left nothing behind.
 *
 * 1. Operations queue up while a transaction runs; then all that wait, up to GROUP_OPERATIONS_MAX and GROUP_RAW_BYTES_MAX, go into
 *    the next one, in the order they came. One sync serves many.
 * 2. Each has a savepoint of its own: a refusal undoes that operation alone and harms nobody else in the group.
 * 3. Answers are given after COMMIT has returned under `synchronous=FULL`, never before.
 * 4. After an I/O error on a write or a sync the database is closed and opened again before anything else is written: what a failed
 *    sync left in the page cache can't be trusted, and a second sync that succeeds would prove nothing.
 *
 * Crash argument: a kill before COMMIT leaves the last committed state and unanswered operations, which the caller makes again or
 * never mentions; a kill after COMMIT leaves a state whose answer was not heard, which the caller reads at its next opening
 * (positions, plans and tenures are all read from here, none is kept elsewhere).
 */
export class ChannelWriter {
  readonly #settings: ChannelSettings;
  readonly #seams: WriterSeams;
  readonly #listener: WriterListener;
  readonly #gauge: RoomGauge;
  readonly #housekeeping: Housekeeping;
  readonly #timer: NodeJS.Timeout;
  readonly #queue: QueuedOperation[] = [];
  #channel: Channel | undefined;
  #toldRoom: RoomState;
  #isScheduled = false;
  #isSpilling = false;
  #isClosing = false;
  #lastTouchMs = 0;

  /** Opens the channel; throws what `openChannel` throws. */
  constructor(settings: ChannelSettings, listener: WriterListener, seams: WriterSeams = {}) {
    const { capacityBytes, minFreeDiskBytes, ballastBytes = BALLAST_BYTES } = settings;
    this.#settings = settings;
    this.#seams = seams;
    this.#listener = listener;
    this.#gauge = new RoomGauge(
      { capacityBytes, minFreeDiskBytes, ballastBytes },
      seams.freeDisk ?? freeDiskOf,
    );
    const ballast = new Ballast(settings.directory, ballastBytes);
    this.#housekeeping = new Housekeeping(this.#gauge, ballast, minFreeDiskBytes);
    this.#channel = this.#housekeeping.openDespiteFullDisk(() => this.#open());
    this.#measure(this.#channel);
    this.#toldRoom = this.#gauge.state;
    this.#timer = setInterval(() => this.tidy(), HOUSEKEEPING_INTERVAL_MS);
    this.#timer.unref();
  }

  get room(): RoomState {
    return this.#gauge.state;
  }

  /** Queues one operation; resolves once it is durable. */
  perform<Name extends OperationName>(
    name: Name,
    ...args: Parameters<ChannelOperations[Name]>
  ): Promise<ReturnType<ChannelOperations[Name]>> {
    return this.submit(name, args) as Promise<ReturnType<ChannelOperations[Name]>>;
  }

  /** As `perform`, for a name and arguments that came in a message. */
  submit(name: OperationName, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      // An upload waits for it, and it changes nothing: it does not stand in line behind what comes in.
      const channel = this.#channel;
      if (name === 'chunkBody' && channel !== undefined)
        return resolve(
          wrapped('read a chunk', channel.path, () => channel.bodies.ofChunk(args[0] as number)),
        );
      this.#queue.push({ name, args, resolve, reject });
      this.#schedule();
    });
  }

  /** One round of looking after room, and of opening again after a fault; the timer calls it each second. */
  tidy(): void {
    const before = this.#gauge.state;
    try {
      // After a fault intake waits, and perhaps nobody else asks for anything: so it is here that work begins again.
      const channel = (this.#channel ??= this.#reopen());
      this.#housekeeping.tidy(channel, { nowMs: this.#now(), idleMs: this.#now() - this.#lastTouchMs });
      this.#tellRoom(before);
      this.#tellFigures();
      if (isSpillDue(channel, this.#now())) this.#spill();
    } catch (error) {
      this.#failed(toChannelError(error, 'look after the channel', this.#settings.directory));
    }
  }

  /** Finishes what is queued, brings what is in memory to the disk while there is room, then closes the database. */
  close(): void {
    clearInterval(this.#timer);
    this.#isClosing = true;
    while (this.#queue.length > 0) this.#runGroup();
    this.#keepMemory();
    const channel = this.#channel;
    this.#channel = undefined;
    if (channel !== undefined) closeChannel(channel);
  }

  /** One step after the other, with what others asked for in between; a disk without room keeps its room for landing. */
  #spill(): void {
    if (this.#isSpilling || this.#isClosing || !this.#gauge.state.isOpen) return;
    this.#isSpilling = true;
    this.perform('spill', 'old').then(
      ({ more }) => {
        this.#isSpilling = false;
        if (more) this.#spill();
      },
      // Told and dealt with as the failure of its group; the next round tries again.
      () => {
        this.#isSpilling = false;
      },
    );
  }

  /** What finds no room here becomes claims at the next start. */
  #keepMemory(): void {
    const { isOpen, reason } = this.#gauge.state;
    const channel = this.#channel;
    if (channel === undefined || (!isOpen && reason !== 'capacity')) return;
    try {
      spillAll(channel, this.#now());
    } catch (error) {
      // Losing it costs pulling it again, and the stop goes on; an error that nobody knows is a bug and is not passed over.
      if (!isGatewayError(error)) throw error;
    }
  }

  #now(): number {
    return this.#seams.nowMs?.() ?? systemClock.nowMs();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#runGroup();
      if (this.#queue.length > 0) this.#schedule();
    });
  }

  #runGroup(): void {
    const group = this.#prepared(this.#takeGroup());
    if (group.length === 0) return;
    this.#lastTouchMs = this.#now();
    try {
      this.#channel ??= this.#reopen();
      this.#settle(group, this.#transact(this.#channel, group));
    } catch (error) {
      this.#groupFailed(group, error);
    }
  }

  #takeGroup(): QueuedOperation[] {
    let bytes = 0;
    let count = 0;
    for (
      ;
      count < this.#queue.length && count < GROUP_OPERATIONS_MAX && bytes < GROUP_RAW_BYTES_MAX;
      count++
    ) {
      const { name, args } = this.#queue[count] ?? { name: 'room', args: [] };
      if (INTAKE.has(name)) bytes += (args[0] as Put | QuarantineRetry | ClaimRedemption).bytes.byteLength;
    }
    return this.#queue.splice(0, count);
  }

  /** Checks and compresses what comes in before the transaction; puts whose books do not balance are refused here. */
  #prepared(group: readonly QueuedOperation[]): QueuedOperation[] {
    const { compression } = this.#settings;
    const codecOf = (channel: string): ChunkCodec => compression[channel] ?? 'none';
    return group.flatMap((operation) => {
      if (!INTAKE.has(operation.name)) return [operation];
      try {
        if (this.#gauge.state.reason === 'disk-full') throw diskStillFull(this.#settings.directory);
        return [{ ...operation, args: [preparedIntake(operation, codecOf)] }];
      } catch (error) {
        operation.reject(error);
        return [];
      }
    });
  }

  #transact(channel: Channel, group: readonly QueuedOperation[]): Outcome[] {
    return wrapped('write to the channel', channel.path, () => {
      const { db } = channel;
      const touched = new Set<string>();
      const context = {
        channel,
        nowMs: this.#now(),
        touch: (sink: string) => void touched.add(sink),
        room: () => this.#gauge.state,
      };
      const operations = operationsOn(context);
      db.exec('BEGIN IMMEDIATE');
      try {
        const outcomes = group.map((operation) => runInSavepoint(channel, operations, operation));
        for (const { name } of group) crashAt(CRASH_BEFORE[name]);
        this.#seams.beforeCommit?.(channel);
        db.exec('COMMIT');
        for (const { name } of group) crashAt(CRASH_AFTER[name]);
        if (touched.size > 0) this.#listener.touched(touched);
        return outcomes;
      } catch (error) {
        channel.totals.discard();
        // SQLite has rolled back by itself after some errors.
        if (db.inTransaction) db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  #settle(group: readonly QueuedOperation[], outcomes: readonly Outcome[]): void {
    group.forEach((operation, at) => {
      const outcome = outcomes[at];
      if (outcome?.ok === true) operation.resolve(outcome.result);
      else operation.reject(outcome?.error);
    });
    // What is committed stays answered as such, even when looking at the room fails.
    try {
      if (this.#channel !== undefined) this.#measure(this.#channel);
    } catch (error) {
      this.#failed(toChannelError(error, 'look after the channel', this.#settings.directory));
    }
  }

  #measure(channel: Channel): void {
    const before = this.#gauge.state;
    this.#gauge.measureMemory(channel.memory);
    this.#gauge.measure(channel.db, channel.path);
    // A WAL counts as used, but it can be emptied: before intake is stopped for it, that is tried.
    const isStopping = before.isOpen && this.#gauge.state.reason === 'capacity';
    if (walBytes(channel.path) > (isStopping ? 0 : WAL_BYTES_MAX)) {
      channel.db.pragma(`busy_timeout = ${WAL_WAIT_MS}`);
      this.#housekeeping.emptyWal(channel);
      channel.db.pragma(`busy_timeout = ${BUSY_WAIT_MS}`);
      this.#gauge.reopenIfRoom(channel.db, channel.path, before);
    }
    this.#tellRoom(before);
  }

  /** Whether intake may go on is told at once. */
  #tellRoom(before: RoomState): void {
    const { isOpen, reason, memory } = this.#gauge.state;
    const isSameMemory = memory.every((one, at) => one.isFull === before.memory[at]?.isFull);
    if (isOpen !== before.isOpen || reason !== before.reason || !isSameMemory) this.#tell();
  }

  /** How much room is left is told once a round: the status and the alerts of a channel that fills up live on it. */
  #tellFigures(): void {
    const { usedBytes, freeDiskBytes, memory } = this.#gauge.state;
    const hasMoved =
      // Said again each round: what is to be landed before its time may not have been accepted the last time.
      memory.some((one, at) => one.isFilling || one.usedBytes !== this.#toldRoom.memory[at]?.usedBytes) ||
      usedBytes !== this.#toldRoom.usedBytes ||
      Math.abs(freeDiskBytes - this.#toldRoom.freeDiskBytes) >= FREE_DISK_TOLD_STEP_BYTES;
    if (hasMoved) this.#tell();
  }

  #tell(): void {
    this.#toldRoom = this.#gauge.state;
    this.#listener.room(this.#toldRoom);
  }

  /** Nothing of the group is stored. What can be done about it is done once; then everybody is told. */
  #groupFailed(group: readonly QueuedOperation[], error: unknown): void {
    const { rest, failure } = this.#afterFailure(group, error);
    for (const operation of group) if (!rest.includes(operation)) operation.reject(failure);
    if (rest.length === 0 || this.#channel === undefined) return;
    try {
      this.#settle(rest, this.#transact(this.#channel, rest));
    } catch (again) {
      for (const operation of rest) operation.reject(again);
      this.#failed(again);
    }
  }

  #afterFailure(group: readonly QueuedOperation[], error: unknown) {
    const failure = toChannelError(error, 'write to the channel', this.#settings.directory);
    this.#failed(failure);
    const isFull = isDiskFull(failure);
    // The transaction was rolled back whole, and the freed ballast is for landing: its operations get their second chance.
    const isForLanding = (name: OperationName): boolean => !INTAKE.has(name) && name !== 'spill';
    return { failure, rest: isFull ? group.filter(({ name }) => isForLanding(name)) : [] };
  }

  #failed(failure: unknown): void {
    const before = this.#gauge.state;
    const code = isGatewayError(failure) ? failure.code : undefined;
    if (code === 'disk-full') {
      this.#gauge.close('disk-full');
      this.#housekeeping.freeBallast();
    } else if (code === 'database-damaged') {
      this.#gauge.close('database-damaged');
    } else if (code === 'io-error') {
      this.#gauge.close('io-error');
      this.#letGo();
    } else if (code === undefined) {
      throw failure;
    }
    this.#tellRoom(before);
  }

  #letGo(): void {
    const channel = this.#channel;
    this.#channel = undefined;
    try {
      channel?.db.close();
    } catch (error) {
      // The handle is gone either way; the fault itself has been reported already.
      if (!isSqliteError(error)) throw error;
    }
  }

  #open(isReopened = false): Channel {
    const { directory, stateId, memory = {}, walCheckpointBytes } = this.#settings;
    return openChannel(directory, stateId, { memory, nowMs: this.#now(), isReopened, walCheckpointBytes });
  }

  /** After an I/O error: a new connection, and a WAL that begins anew. Throws while the fault lasts. */
  #reopen(): Channel {
    const channel = this.#open(true);
    try {
      wrapped('empty the WAL after an I/O error', channel.path, () =>
        channel.db.pragma('wal_checkpoint(TRUNCATE)'),
      );
    } catch (error) {
      channel.db.close();
      throw error;
    }
    const before = this.#gauge.state;
    this.#gauge.recovered();
    this.#tellRoom(before);
    return channel;
  }
}

function preparedIntake({ name, args }: QueuedOperation, codecOf: (channel: string) => ChunkCodec): unknown {
  if (name === 'retryQuarantined')
    return prepareRetry(args[0] as QuarantineRetry, (retry) => encodeChunks(retry, codecOf));
  if (name === 'redeemClaim')
    return prepareRedemption(args[0] as ClaimRedemption, (redemption) => encodeChunks(redemption, codecOf));
  crashPoint('put.before-transaction');
  return preparePut(args[0] as Put, (put) => encodeChunks(put, codecOf));
}

function runInSavepoint(
  channel: Channel,
  operations: RunnableOperations,
  operation: QueuedOperation,
): Outcome {
  const { db, totals } = channel;
  const run = operations[operation.name] as (...args: readonly unknown[]) => unknown;
  db.exec('SAVEPOINT operation');
  try {
    const result = run(...operation.args);
    totals.flush();
    db.exec('RELEASE operation');
    return { ok: true, result };
  } catch (error) {
    totals.discard();
    // A fault of the disk or the database is everybody's; a refusal or an assertion is this operation's alone.
    if (isSqliteError(error) && !error.code.startsWith('SQLITE_CONSTRAINT')) throw error;
    db.exec('ROLLBACK TO operation');
    db.exec('RELEASE operation');
    return { ok: false, error };
  }
}

/** The room that the ballast gave back is for landing: a put may not use it up. */
function diskStillFull(place: string): GatewayError {
  return new GatewayError({
    code: 'disk-full',
    operation: 'put a batch into the channel',
    place,
    message: 'The disk was full; what is left is kept for landing.',
    retry: 'backoff',
    hint: 'Make room on the disk of the state directory; intake goes on by itself, nothing is lost.',
  });
}

function crashAt(point: CrashPoint | undefined): void {
  if (point !== undefined) crashPoint(point);
}
