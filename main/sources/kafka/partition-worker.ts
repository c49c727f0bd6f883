import { GatewayError, isGatewayError } from '../../../shared/errors.ts';
import type { PartitionStatus, SourceEvent } from '../source.ts';
import type { Committer } from './committer.ts';
import { checkLog, type LogFinding } from './log-check.ts';
import { openPartition, type BeyondEndWatch, type OpeningParts } from './opening.ts';
import { PartitionSession, type SessionEnd, type SessionParts } from './partition-session.ts';
import { isFencedName, kafkaErrorName } from './protocol-error.ts';
import type { PartitionInfo } from './protocol-link.ts';
import { backoffMs, type Random } from './source-clock.ts';
import { WakeUp } from './wake-up.ts';

/**
 * Owns one assigned partition from assignment to loss: opens it, keeps its session going, opens it again when the session ends, and
 * says why whenever it waits. Trouble of one partition never touches another.
 */
export interface WorkerParts {
  readonly opening: () => OpeningParts;
  readonly session: Omit<SessionParts, 'onTrouble'>;
  readonly committer: Committer;
  readonly random: Random;
  /** As last seen; undefined: the topic, or the partition, is not there. */
  readonly info: () => PartitionInfo | undefined;
  readonly onStaleMetadata: () => void;
  /** Resolves when the partition is surely still ours: a heartbeat sent from now on was answered, or the assignment is fixed. */
  readonly confirmOwnership: (signal: AbortSignal) => Promise<void>;
  readonly isPaused: () => boolean;
}

type WaitKind = 'opening' | 'waiting' | 'held';
const TEND_MS = 5_000;
/** After so many failures in a row of the same record batch the partition counts as held; it is still tried. */
const UNDECODABLE_CODES: ReadonlySet<string> = new Set([
  'crc-mismatch',
  'batch-undecodable',
  'codec-unknown',
]);

export class PartitionWorker {
  readonly topic: string;
  readonly partition: number;
  readonly #parts: WorkerParts;
  readonly #wake = new WakeUp();
  readonly #watch: BeyondEndWatch = { sinceMs: undefined };
  #session: PartitionSession | undefined;
  #wait: WaitKind = 'opening';
  #cause: string | undefined;
  #nextTryMs: number | undefined;
  #failures = 0;
  #reported = '';
  #lastPosition = -1;

  constructor(place: { readonly topic: string; readonly partition: number }, parts: WorkerParts) {
    this.topic = place.topic;
    this.partition = place.partition;
    this.#parts = parts;
  }

  get session(): PartitionSession | undefined {
    return this.#session;
  }

  get place(): string {
    return `${this.topic}/${this.partition}`;
  }

  /** Why it waits or is held, undefined while it flows. */
  get cause(): string | undefined {
    return this.#cause;
  }

  /** When it is tried again, while it waits for that. */
  get nextTryMs(): number | undefined {
    return this.#nextTryMs;
  }

  get isHeld(): boolean {
    return this.#wait === 'held';
  }

  /** Until the signal aborts; then stops within `stopLimitMs`, with a last commit. Never rejects for a fault of the partition. */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#wake.call();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted) await this.#life(signal);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  status(): PartitionStatus {
    const session = this.#session;
    const position = session?.position ?? this.#lastPosition;
    const logEnd = session?.logEnd ?? -1;
    return {
      topic: this.topic,
      partition: this.partition,
      state: this.#state(),
      cause: this.#cause,
      position,
      acceptedTo: session?.acceptedTo ?? -1,
      logEnd,
      logStart: session?.logStart ?? -1,
      lag: logEnd < 0 ? -1 : Math.max(0, logEnd - position),
      leader: this.#parts.info()?.leader ?? -1,
      endSeenMs: this.#endSeenMs(),
      positionMs: session?.fingerprint?.timestampMs,
    };
  }

  /** By the wall clock, from the steady time: an answer may have been long on its way, but not longer than since it was asked for. */
  #endSeenMs(): number | undefined {
    const askedMs = this.#session?.askedMs;
    if (askedMs === undefined) return undefined;
    const { clock } = this.#parts.session;
    return Math.floor(clock.now() - (clock.steadyMs() - askedMs));
  }

  #state(): PartitionStatus['state'] {
    if (this.#session === undefined || this.#cause !== undefined) return this.#wait;
    if (this.#parts.isPaused()) return 'paused';
    const { logEnd, position } = this.#session;
    return logEnd >= 0 && position >= logEnd ? 'caught-up' : 'flowing';
  }

  /** One opening and the session that follows, or the wait after an opening that failed. */
  async #life(signal: AbortSignal): Promise<void> {
    const info = this.#parts.info();
    if (info === undefined || info.leader < 0) {
      this.#parts.onStaleMetadata();
      this.#waiting('waiting', info === undefined ? 'the topic is not there' : 'the partition has no leader');
      await this.#restUntil(this.#timing.topicRefreshFastMs, (ms) => this.#sleep(ms, signal));
      return;
    }
    if (this.#cause === undefined) this.#wait = 'opening';
    let session: PartitionSession;
    try {
      session = await this.#open(info, signal);
    } catch (error) {
      await this.#openingFailed(error, signal);
      return;
    }
    const end = await this.#keepGoing(session, signal);
    this.#lastPosition = session.position;
    await this.#settle(session, end, signal);
    this.#session = undefined;
  }

  async #open(info: PartitionInfo, signal: AbortSignal): Promise<PartitionSession> {
    const opened = await openPartition(this.#parts.opening(), info, { watch: this.#watch, signal });
    const session = new PartitionSession(opened, {
      ...this.#parts.session,
      onTrouble: () => this.#wake.call(),
    });
    this.#session = session;
    this.#failures = 0;
    this.#cause = undefined;
    this.#reported = '';
    this.#report({
      code: 'opened',
      level: 'info',
      message: `open from offset ${opened.position} under tenure ${opened.tenure.nonce}`,
      hint: undefined,
    });
    this.#parts.session.onWanting();
    return session;
  }

  async #openingFailed(error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    if (!isGatewayError(error)) throw error;
    this.#failures++;
    const isHeld = error.retry === 'never';
    this.#waiting(isHeld ? 'held' : 'waiting', error.message);
    const reportKey = `${error.code} ${error.message}`;
    if (reportKey !== this.#reported) {
      this.#reported = reportKey;
      const level = isHeld ? 'error' : 'warn';
      this.#report({ code: isHeld ? 'held' : 'restarted', level, message: error.message, hint: error.hint });
    }
    if (!isHeld) this.#parts.onStaleMetadata();
    const waitMs = isHeld ? this.#timing.heldRetryMs : this.#backoff(this.#failures);
    await this.#restUntil(waitMs, (ms) => this.#sleep(ms, signal));
  }

  /** Until the session ends: brings it back after failures and compares the log when it must. */
  async #keepGoing(session: PartitionSession, signal: AbortSignal): Promise<SessionEnd> {
    while (!session.isEnded) {
      if (signal.aborted) {
        session.stop();
        break;
      }
      if (session.failure !== undefined) await this.#mend(session, session.failure, signal);
      else if (session.needsLogCheck) await this.#compareLog(session, signal);
      else {
        if (session.failures === 0) this.#clearCause();
        await this.#sleep(TEND_MS, signal);
      }
    }
    const limit = new AbortController();
    const abortLate = this.#parts
      .opening()
      .clock.wait(this.#timing.stopLimitMs, limit.signal)
      .then(() => {
        if (!limit.signal.aborted) session.abort();
      });
    const end = await session.ended;
    limit.abort();
    await abortLate;
    return end;
  }

  async #mend(session: PartitionSession, failure: GatewayError, signal: AbortSignal): Promise<void> {
    const { settings } = this.#parts.opening();
    const isUndecodable = UNDECODABLE_CODES.has(failure.code);
    const isRepull = session.failures <= settings.repulls;
    if (isRepull) this.#parts.session.counters.repulls++;
    this.#parts.session.counters.failedPulls++;
    if (!isRepull) {
      this.#waiting(isUndecodable ? 'held' : 'waiting', failure.message);
      const reportKey = `${failure.code} ${failure.message}`;
      if (this.#reported !== reportKey) {
        this.#reported = reportKey;
        const { message, hint } = failure;
        if (isUndecodable) this.#report({ code: 'undecodable', level: 'error', message, hint });
        else this.#report({ code: 'restarted', level: 'warn', message: `waits: ${message}`, hint });
      }
      await this.#sleepWhole(this.#backoff(session.failures - settings.repulls), signal);
      if (signal.aborted) return;
    }
    try {
      await session.recover();
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      this.#waiting('waiting', error.message);
      await this.#sleepWhole(this.#backoff(session.failures), signal);
    }
  }

  async #compareLog(session: PartitionSession, signal: AbortSignal): Promise<void> {
    // What waits or is under way was read from the log we knew; the record compared must be the last durable one.
    if (session.isBusy) {
      await this.#sleep(TEND_MS, signal);
      return;
    }
    const info = this.#parts.info();
    if (info === undefined || info.leader < 0) {
      this.#parts.onStaleMetadata();
      this.#waiting('waiting', info === undefined ? 'the topic is not there' : 'the partition has no leader');
      await this.#sleepWhole(this.#timing.topicRefreshFastMs, signal);
      return;
    }
    const known = session.opened.info.topicId;
    if (known !== '' && info.topicId !== '' && info.topicId !== known) {
      session.reopen('log', this.#logError('the topic was deleted and created again'));
      return;
    }
    try {
      const { pull, protocol } = this.#parts.opening();
      const check = { pull, protocol, info, fingerprint: session.fingerprint, position: session.position };
      const finding = await checkLog(check, signal);
      this.#found(session, finding, info);
    } catch (error) {
      if (signal.aborted) return;
      if (!isGatewayError(error)) throw error;
      this.#failures++;
      this.#waiting('waiting', error.message);
      this.#parts.onStaleMetadata();
      await this.#sleepWhole(this.#backoff(this.#failures), signal);
    }
  }

  #found(session: PartitionSession, finding: LogFinding, leader: PartitionInfo): void {
    if (finding.kind === 'replaced' || finding.kind === 'short') {
      session.reopen(
        'log',
        this.#logError(finding.kind === 'replaced' ? finding.why : `the log ends at ${finding.logEnd}`),
      );
      return;
    }
    this.#failures = 0;
    session.logStart = finding.logStart;
    if (finding.logStart > session.position) {
      session.skipTo(finding.logStart, 'the broker deleted them before they were pulled (retention)');
    }
    this.#clearCause();
    session.trustLog(leader);
  }

  /** After the session: the last commit where that makes sense, and the tenure's end; then perhaps a wait before the next opening. */
  async #settle(session: PartitionSession, end: SessionEnd, signal: AbortSignal): Promise<void> {
    const { host } = this.#parts.session;
    const late = new AbortController();
    try {
      while (session.commitUnderWay !== undefined) await session.commitUnderWay;
      const isClean = end.kind === 'stopped' && session.durableTo > session.acceptedTo;
      if (isClean) await this.#parts.committer.commit(session, late.signal);
      await host.store.endTenure(session.opened.tenure.nonce);
    } catch (error) {
      // The next opening ends what is still open; until then nothing lands.
      if (!isGatewayError(error)) throw error;
      this.#waiting('waiting', error.message);
    }
    if (end.kind === 'stopped' || signal.aborted) return;
    const name = kafkaErrorName(end.error);
    const isFenced = end.why === 'commit' && name !== undefined && isFencedName(name);
    this.#waiting('waiting', end.error.message);
    if (isFenced) await this.#parts.confirmOwnership(signal);
    // However it ended: openings of one partition never follow each other without a pause.
    else await this.#sleepWhole(this.#backoff(++this.#failures), signal);
  }

  get #timing() {
    return this.#parts.session.settings.timing;
  }

  #backoff(failures: number): number {
    const { backoffFirstMs, backoffLastMs } = this.#timing;
    return backoffMs(failures, { firstMs: backoffFirstMs, lastMs: backoffLastMs }, this.#parts.random);
  }

  #waiting(kind: WaitKind, cause: string): void {
    this.#wait = kind;
    this.#cause = cause;
  }

  #clearCause(): void {
    this.#cause = undefined;
    this.#reported = '';
    this.#wait = 'opening';
  }

  /** Wakes when the session has news. */
  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    return this.#wake.sleep(ms, { clock: this.#parts.opening().clock, signal });
  }

  #sleepWhole(ms: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts.opening();
    return this.#restUntil(ms, () => clock.wait(ms, signal));
  }

  /** A wait that ends with another try, and says when. */
  async #restUntil(ms: number, wait: (ms: number) => Promise<void>): Promise<void> {
    this.#nextTryMs = this.#parts.opening().clock.now() + ms;
    await wait(ms);
    this.#nextTryMs = undefined;
  }

  #logError(message: string): GatewayError {
    return new GatewayError({
      code: 'log-replaced',
      operation: 'compare the log',
      place: this.place,
      message,
      retry: 'backoff',
      hint: 'The partition is opened again and finds out.',
    });
  }

  #report(event: Pick<SourceEvent, 'code' | 'level' | 'message' | 'hint'>): void {
    const { host, settings } = this.#parts.session;
    host.report({ ...event, source: settings.name, place: this.place });
  }
}
