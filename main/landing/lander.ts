import type { GatewayError } from '../../shared/errors.ts';
import { isGatewayError, toErrorReport } from '../../shared/errors.ts';
import type { FileId } from '../../shared/model/brand.ts';
import type { FilePlan } from '../../shared/model/file-plan.ts';
import { backoffMs, isTimeFor } from './backoff.ts';
import { FilePlanner } from './file-planner.ts';
import { FileQueue, type LandingFile } from './file-queue.ts';
import { GroupMembership, type GroupDuty } from './group-membership.ts';
import { JanitorShift } from './janitor.ts';
import { KeySchedule } from './key-schedule.ts';
import { keyStanding, type KeyStanding } from './key-standing.ts';
import type { LanderParts, LandingContext } from './lander-settings.ts';
import { landerStatus } from './lander-standing.ts';
import type { LanderStatus, LandingEvent } from './lander-status.ts';
import { asGatewayError, failureScope, landingStopped } from './landing-failure.ts';
import { LandingMarker } from './landing-marker.ts';
import { FileLanding, type LandingOutcome } from './landing-protocol.ts';
import { SinkGate } from './sink-gate.ts';
import { TaskSet } from './task-set.ts';
import { WakeableSleep } from './wakeable-sleep.ts';

/** Files that fail and wait, over all keys. At the limit no new file is begun until one of them gets on; status shows them. */
export const WAITING_FILES_MAX = 2_000;
/** Summaries are asked for at most this often, and never for more than a twentieth of the time. */
export const REFRESH_MIN_MS = 200;
const REFRESH_SHARE = 20;
/** While paused, the switch is looked at this often, should nobody call `wake`. */
const PAUSE_LOOK_MS = 1_000;
/** The loop looks at everything again after this, whatever the timers say: the wall clock may have been set. */
const LOOK_MAX_MS = 30_000;
/** How long `stop` lets running files finish, unless told otherwise. */
export const DRAIN_LIMIT_DEFAULT_MS = 30_000;

/**
 * Lands one sink's backlog: decides which keys are due, plans their files and takes them through the protocol, `uploads` at a
 * time, oldest first.
 *
 * - Plans that an earlier process left are finished first.
 * - A file that fails waits by itself (`FileQueue`) and blocks only its own key; retries and fresh files take turns, so neither
 *   starves the other. When the target as a whole is gone, the gate lets one probe through per backoff.
 * - While the sink is paused nothing is begun and nothing is written; files that run already are finished.
 * - It is one `Service`: `run` until `stop`. Errors of the store make the loop wait; everything that waits is in `status`.
 */
export class Lander {
  readonly #context: LandingContext;
  readonly #schedule: KeySchedule;
  readonly #files: FileQueue;
  readonly #gate: SinkGate;
  readonly #group: GroupMembership;
  readonly #janitor: JanitorShift;
  readonly #planner: FilePlanner;
  /** Ends the uploads that run. */
  readonly #hardStop = new AbortController();
  readonly #tasks = new TaskSet(() => this.wake());
  #isStopping = false;
  #isPaused = false;
  #isProbing = false;
  #isRefreshNeeded = true;
  #arePlansUnknown = true;
  /** Files that ended while the store is asked for its plans; undefined while it is not. */
  #endedMeanwhile: Set<FileId> | undefined;
  #refreshAtMs = 0;
  #refreshedSteadyMs = -Infinity;
  #pauseLookAtMs = 0;
  #storeFailures = 0;
  /** Whether the last file begun was one that had failed before: the other kind is next. */
  #wasRetry = false;
  readonly #loopSleep: WakeableSleep;
  /** When a file ended last, landed or held: a long backlog that moves is not stuck. */
  #progressAtMs = 0;
  #landed = { files: 0, events: 0, bytes: 0 };

  constructor(parts: LanderParts) {
    const report = (event: LandingEvent): void => {
      if (event.kind === 'attempt-abandoned') this.#janitor.bringForward();
      parts.report(event);
    };
    this.#context = { ...parts, report, marker: parts.marker ?? new LandingMarker({ ...parts, report }) };
    this.#janitor = new JanitorShift(this.#context);
    this.#schedule = new KeySchedule(parts.settings.roll);
    this.#files = new FileQueue(parts.random);
    this.#gate = new SinkGate(parts.random, parts.settings.penaltyMaxMs);
    this.#group = new GroupMembership(parts.settings);
    this.#loopSleep = new WakeableSleep(parts.clock);
    this.#planner = new FilePlanner(this.#context);
  }

  /**
   * Lands until `stop` is called, then resolves when nothing runs any more. `signal` stops at once, as `stop` with no time does.
   * Rejects on a programmer error, and when the store fails in a way that will not pass.
   */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => {
      this.#isStopping = true;
      this.#hardStop.abort(landingStopped());
      this.wake();
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const unsubscribe = this.#group.onChange(this.#context.store, () => {
      this.#isRefreshNeeded = true;
      this.wake();
    });
    try {
      await this.#loop();
    } catch (error) {
      this.#hardStop.abort(landingStopped());
      throw error;
    } finally {
      unsubscribe();
      await this.#tasks.ended();
      signal.removeEventListener('abort', onAbort);
    }
    if (this.#tasks.failure !== undefined) throw this.#tasks.failure.error;
  }

  /** Begins nothing more; running files get `drainMs` to finish, then they are broken off cleanly. `run` resolves after that. */
  async stop(drainMs: number = DRAIN_LIMIT_DEFAULT_MS): Promise<void> {
    this.#isStopping = true;
    this.wake();
    const limit = new AbortController();
    const finished = this.#tasks.ended().then(() => {
      limit.abort();
    });
    try {
      await this.#context.clock.sleep(drainMs, limit.signal);
    } catch (error) {
      if (!limit.signal.aborted) throw error;
    }
    this.#hardStop.abort(landingStopped());
    await finished;
  }

  /** Everything that was put up to now, or all of one key, lands as soon as it is accepted, whatever the rolling rules say. */
  landNow(landingKeyId?: number): void {
    this.#schedule.force(this.#context.clock.nowMs(), landingKeyId);
    this.#isRefreshNeeded = true;
    this.wake();
  }

  /** Something outside changed (the write switch, for one): look now. */
  wake(): void {
    this.#pauseLookAtMs = 0;
    this.#loopSleep.wake();
  }

  /** What this sink may do for its group; without a group it changes nothing. */
  changeDuty(duty: GroupDuty): void {
    if (!this.#group.change(duty)) return;
    this.#isRefreshNeeded = true;
    this.wake();
  }

  /** An operator decided about held plans: look at the store's plans again. */
  reloadPlans(): void {
    this.#arePlansUnknown = true;
    this.wake();
  }

  /** What each of these keys waits for. */
  keyStandings(landingKeyIds: readonly number[]): KeyStanding[] {
    const nowMs = this.#nowMs();
    const files = this.#files.ofKeys(new Set(landingKeyIds));
    const common = { gate: this.#gate.status(), isPaused: this.#isPaused };
    return landingKeyIds.map((landingKeyId) =>
      keyStanding({
        landingKeyId,
        files: files.get(landingKeyId) ?? [],
        schedule: this.#schedule.stateOf(landingKeyId, nowMs),
        ...common,
      }),
    );
  }

  status(): LanderStatus {
    return landerStatus(
      { files: this.#files, schedule: this.#schedule, gate: this.#gate },
      {
        sink: this.#context.settings.sink,
        isPaused: this.#isPaused,
        isOnDuty: this.#group.isOnDuty,
        isStopping: this.#isStopping,
        landed: this.#landed,
        progressAtMs: this.#progressAtMs,
        nowMs: this.#nowMs(),
      },
    );
  }

  async #loop(): Promise<void> {
    while (!this.#isStopping && this.#tasks.failure === undefined) {
      this.#loopSleep.begin();
      try {
        if (this.#arePlansUnknown) await this.#loadPlans();
        await this.#lookAtStore();
        await this.#giveBack();
        await this.#startWhatMayStart();
        this.#storeFailures = 0;
      } catch (error) {
        await this.#storeFailed(error);
        continue;
      }
      this.#startJanitor();
      this.#startProbe();
      if (!this.#isStopping) await this.#loopSleep.sleep(this.#idleMs());
    }
  }

  /** The store could not be asked: the channel is restarting or its disk is busy. Anything else is ours to die of. */
  async #storeFailed(error: unknown): Promise<void> {
    if (!isGatewayError(error)) throw error;
    if (error.code === 'aborted' && this.#isStopping) return;
    this.#storeFailures++;
    // The call that failed may have planned a file.
    this.#arePlansUnknown = true;
    const waitMs = backoffMs(this.#storeFailures, error.retry, this.#context.random);
    const nextTryMs = this.#context.clock.nowMs() + waitMs;
    this.#context.report({ kind: 'store-waits', nextTryMs, why: toErrorReport(error) });
    this.#isRefreshNeeded = true;
    this.#loopSleep.begin();
    if (!this.#isStopping) await this.#loopSleep.sleep(waitMs);
  }

  /**
   * Takes over plans that the store has and we do not know: at the start, after the reply to a plan was lost, and after an
   * operator's decision. A file may end while the store answers; what it then says of this file is out of date.
   */
  async #loadPlans(): Promise<void> {
    this.#arePlansUnknown = false;
    const ended = new Set<FileId>();
    this.#endedMeanwhile = ended;
    const plans = await this.#context.store.openPlans(this.#context.settings.sink);
    this.#endedMeanwhile = undefined;
    const open = new Map(plans.map((plan) => [plan.fileId, plan]));
    for (const fileId of this.#files.ids()) {
      const isHeldHere = this.#files.get(fileId)?.state === 'held' && !ended.has(fileId);
      if (isHeldHere && open.get(fileId)?.state !== 'held') this.#files.remove(fileId);
    }
    for (const plan of plans) {
      const isKnown = this.#files.get(plan.fileId) !== undefined || ended.has(plan.fileId);
      if (!isKnown && plan.state !== 'landed') this.#adopt(plan);
    }
  }

  /** Plans left by an earlier process come before everything fresh: their time is the beginning of time. */
  #adopt(plan: FilePlan): void {
    this.#files.add(new FileLanding(this.#context, plan), 0);
  }

  async #lookAtStore(): Promise<void> {
    const { store, clock, settings } = this.#context;
    const startMs = clock.nowMs();
    if (isTimeFor(this.#pauseLookAtMs, startMs, PAUSE_LOOK_MS)) {
      this.#isPaused = await store.isPaused(settings.sink);
      this.#pauseLookAtMs = startMs + PAUSE_LOOK_MS;
    }
    const startedMs = clock.steadyMs();
    const isNeeded = this.#isRefreshNeeded || startedMs - this.#refreshedSteadyMs >= LOOK_MAX_MS;
    if (!isNeeded || !isTimeFor(this.#refreshAtMs, startMs, LOOK_MAX_MS)) return;
    this.#isRefreshNeeded = false;
    const summaries = await this.#group.keys(store);
    this.#schedule.replace(summaries, clock.nowMs());
    this.#refreshedSteadyMs = clock.steadyMs();
    const tookMs = this.#refreshedSteadyMs - startedMs;
    this.#refreshAtMs =
      clock.nowMs() + Math.min(LOOK_MAX_MS, Math.max(REFRESH_MIN_MS, REFRESH_SHARE * tookMs));
  }

  /** What this member of a group can't land goes back to the others, as long as nothing of it can appear here. */
  async #giveBack(): Promise<void> {
    if (!this.#group.givesBack(this.#gate.isClosed || this.#isPaused)) return;
    for await (const file of this.#group.givenBack(this.#files.waiting(), this.#context.store)) {
      this.#setBlocking(file, false);
      this.#files.remove(file.landing.plan.fileId);
      this.#isRefreshNeeded = true;
      this.#janitor.bringForward();
      this.#context.report({ kind: 'given-back', fileId: file.landing.plan.fileId });
    }
  }

  async #startWhatMayStart(): Promise<void> {
    while (this.#mayStart()) {
      const isFreshDue = this.#isFreshDue();
      const file = this.#files.next(this.#nowMs(), this.#gate.isClosed);
      const isLeftOver = file?.nextTryMs === 0;
      if (file !== undefined && (!isFreshDue || isLeftOver || this.#isRetrysTurn())) {
        this.#wasRetry = true;
        this.#start(file);
      } else if (isFreshDue) {
        this.#wasRetry = false;
        await this.#planAndStart();
      } else {
        return;
      }
    }
  }

  #isFreshDue(): boolean {
    return this.#files.count('waiting') < WAITING_FILES_MAX && this.#schedule.hasDue(this.#nowMs());
  }

  /** While fresh files wait, those that failed before take every second turn and at most half of the uploads. */
  #isRetrysTurn(): boolean {
    return !this.#wasRetry && this.#files.retrying < Math.max(1, this.#context.settings.uploads >> 1);
  }

  #mayStart(): boolean {
    if (this.#isStopping || this.#isPaused || this.#tasks.failure !== undefined) return false;
    if (this.#files.running >= this.#context.settings.uploads) return false;
    if (this.#group.isMember && this.#gate.isClosed) return false;
    return this.#gate.mayStart(this.#nowMs(), this.#files.running);
  }

  async #planAndStart(): Promise<void> {
    const { marker, report } = this.#context;
    const due = this.#schedule.take(this.#nowMs());
    if (due === undefined) return;
    let isPlanned = false;
    try {
      const namespace = await this.#namespaceOrWait(() => marker.checkedNamespace(this.#hardStop.signal));
      if (namespace === undefined) return;
      const made = await this.#planner.plan(due, namespace);
      isPlanned = true;
      this.#schedule.planned(due.summary.id, made, this.#nowMs());
      // A plan leaves no change behind that the store would report, but the key's summary is another one now.
      this.#isRefreshNeeded ||= made !== undefined;
      if (made === undefined) return;
      const { fileId, finalPath, events, expectedBytes: bytes } = made.plan;
      report({ kind: 'planned', fileId, finalPath, reason: due.reason, events, bytes });
      this.#start(this.#files.add(new FileLanding(this.#context, made.plan), this.#nowMs()));
    } finally {
      if (!isPlanned) this.#schedule.putBack(due.summary.id, this.#nowMs());
    }
  }

  /** A target that can't even say which cluster it is closes the gate at once: no plan is made for an unknown place. */
  async #namespaceOrWait(ask: () => Promise<string>): Promise<string | undefined> {
    try {
      return await ask();
    } catch (thrown) {
      const error = asGatewayError(thrown, 'ask the target for its namespace', this.#context.settings.sink);
      if (error.code === 'aborted' && this.#isStopping) return undefined;
      const nextTryMs = this.#gate.close(error, this.#nowMs());
      this.#context.report({ kind: 'sink-waits', nextTryMs, why: toErrorReport(error) });
      return undefined;
    }
  }

  #start(file: LandingFile): void {
    this.#files.started(file);
    this.#tasks.add(this.#runFile(file));
  }

  async #runFile(file: LandingFile): Promise<void> {
    const { landing } = file;
    try {
      const outcome = await landing.run(this.#hardStop.signal);
      this.#ended(file, outcome);
    } catch (thrown) {
      const error = asGatewayError(thrown, 'land a file', landing.plan.finalPath);
      if (this.#hardStop.signal.aborted) {
        this.#files.stopped(file, 'waiting', this.#nowMs());
        return;
      }
      const nextTryMs = this.#files.failed(file, error, this.#nowMs());
      this.#files.stopped(file, 'waiting', nextTryMs);
      this.#setBlocking(file, true);
      const { fileId } = landing.plan;
      this.#context.report({
        kind: 'file-waits',
        fileId,
        failures: file.failures,
        nextTryMs,
        why: toErrorReport(error),
      });
      if (failureScope(error) === 'sink') this.#gateFailed(file, error);
      else this.#gate.answered();
    }
  }

  #ended(file: LandingFile, outcome: LandingOutcome): void {
    const { plan } = file.landing;
    const { fileId, finalPath, events, expectedBytes: bytes, rawBytes, plannedAtMs } = plan;
    if (outcome === 'paused') {
      this.#isPaused = true;
      this.#files.stopped(file, 'waiting', this.#nowMs());
      return;
    }
    this.#endedMeanwhile?.add(fileId);
    this.#setBlocking(file, false);
    this.#gate.answered();
    this.#progressAtMs = this.#nowMs();
    this.#files.stopped(file, 'held', 0);
    if (outcome === 'held') {
      const why = file.landing.heldWhy;
      if (why !== undefined) this.#context.report({ kind: 'held', fileId, finalPath, why });
      return;
    }
    this.#files.remove(fileId);
    this.#isRefreshNeeded = true;
    if (outcome === 'gone') return;
    this.#landed = {
      files: this.#landed.files + 1,
      events: this.#landed.events + events,
      bytes: this.#landed.bytes + bytes,
    };
    const attempts = plan.attempts.length;
    this.#context.report({
      kind: 'landed',
      fileId,
      finalPath,
      events,
      bytes,
      rawBytes,
      attempts,
      plannedAtMs,
    });
  }

  /** While one file of a key fails, no other is begun, or a directory without permission would swallow the whole backlog. */
  #setBlocking(file: LandingFile, isBlocking: boolean): void {
    if (file.isBlocking === isBlocking) return;
    file.isBlocking = isBlocking;
    this.#schedule.failing(file.landing.plan.landingKeyId, isBlocking ? 1 : -1, this.#nowMs());
  }

  #gateFailed({ landing, failures }: LandingFile, error: GatewayError): void {
    // In a group others stand by: a second failure is enough, also of the only file there is.
    const isSure = this.#group.isMember && failures > 1;
    const nowMs = this.#nowMs();
    const nextTryMs = isSure
      ? this.#gate.close(error, nowMs)
      : this.#gate.failed(landing.plan.fileId, error, nowMs);
    if (nextTryMs !== undefined)
      this.#context.report({ kind: 'sink-waits', nextTryMs, why: toErrorReport(error) });
  }

  #startJanitor(): void {
    if (!this.#mayJanitorRun()) return;
    const round = this.#janitor.start(this.#hardStop.signal);
    if (round !== undefined) this.#tasks.add(round);
  }

  /**
   * In a group others land what is due, so no file may be left to find out by that a target is back: it is asked by a step of its
   * marker, which its NameNode has to write down.
   */
  #startProbe(): void {
    const isDue = this.#gate.isClosed && this.#gate.mayStart(this.#nowMs(), this.#files.running);
    if (!this.#group.isMember || !isDue || this.#isPaused || this.#isStopping || this.#isProbing) return;
    this.#isProbing = true;
    this.#tasks.add(this.#probe());
  }

  async #probe(): Promise<void> {
    try {
      const { marker } = this.#context;
      const namespace = await this.#namespaceOrWait(async () => {
        await marker.advance(this.#hardStop.signal);
        return marker.checkedNamespace(this.#hardStop.signal);
      });
      if (namespace !== undefined) this.#gate.probed();
    } finally {
      this.#isProbing = false;
    }
  }

  /** Nothing is written while paused, and a target that is gone is not asked by the janitor as well. */
  #mayJanitorRun(): boolean {
    return !this.#isPaused && !this.#gate.isClosed && !this.#isStopping;
  }

  /** How long nothing will be to do, unless something wakes the loop. */
  #idleMs(): number {
    const nowMs = this.#nowMs();
    if (this.#isPaused) return PAUSE_LOOK_MS;
    const moments: number[] = [];
    if (this.#mayJanitorRun()) moments.push(this.#janitor.nextMs ?? Infinity);
    if (this.#isRefreshNeeded) moments.push(this.#refreshAtMs);
    if (this.#files.running < this.#context.settings.uploads) {
      const { nextTryMs: gateMs } = this.#gate;
      const isFreshDue = this.#isFreshDue();
      const workMs = [this.#files.nextTryMs, isFreshDue ? nowMs : this.#schedule.nextMs].filter(
        (ms) => ms !== undefined,
      );
      const isProbeWaiting =
        (workMs.length > 0 || (this.#group.isMember && !this.#isProbing)) && this.#files.running === 0;
      if (gateMs === undefined) moments.push(...workMs);
      else if (isProbeWaiting) moments.push(gateMs);
    }
    // A moment that is past already (a limit is in its way) must not make the loop spin.
    return Math.min(LOOK_MAX_MS, Math.max(10, Math.min(...moments) - nowMs));
  }

  #nowMs(): number {
    return this.#context.clock.nowMs();
  }
}
