import { GatewayError, isGatewayError } from '../../../shared/errors.ts';
import type { SourceHost } from '../source.ts';
import type { KafkaSourceSettings } from './kafka-source-settings.ts';
import type { LinkWatch } from './link-watch.ts';
import { isLeaderError, throwOnError } from './log-check.ts';
import type { PartitionSession } from './partition-session.ts';
import { backoffMs, type Random, type SourceClock } from './source-clock.ts';
import type { MutableCounters } from './source-counters.ts';
import { WakeUp } from './wake-up.ts';
import type { PartitionFetch, PullLink } from './wire/pull-link.ts';

/**
 * Pulls from one broker: one fetch at a time for all its partitions that want something, the next sent while the last one's events
 * are delivered.
 *
 * 1. A fetch that failed is sent again at once at most `repulls` times; then the broker is left alone for a while (full jitter).
 * 2. Two fetches that bring nothing never follow each other faster than `emptyPullSpacingMs`, whatever the broker answers.
 * 3. Partitions take turns at the head of the request, because a broker fills its answer in that order.
 * 4. After a broken link (also one that broke while nothing was asked) and after a pause in which a topic could have been replaced,
 *    every partition's log is compared with what we know before more is pulled.
 */
export interface NodePullerParts {
  readonly node: number;
  readonly settings: KafkaSourceSettings;
  readonly host: SourceHost;
  readonly pull: Pick<PullLink, 'fetch' | 'isConnected'>;
  readonly clock: SourceClock;
  readonly random: Random;
  readonly counters: MutableCounters;
  readonly linkWatch: LinkWatch;
  /** Open partitions that this broker leads. */
  readonly sessions: () => readonly PartitionSession[];
  /** The leaders, or the brokers' addresses, may have changed. */
  readonly onStaleMetadata: () => void;
}

/** With data waiting for one partition, the broker may hold back an answer for the others only so long. */
const BUSY_WAIT_MS = 50;
const IDLE_SLEEP_MS = 1_000;
/** After so many pulls that brought nothing the next are left with the broker longer: an idle gateway costs less. */
const CALM_AFTER_PULLS = 5;
/** With the default of 1 s still well within `PAUSE_TO_DOUBT_MS`. */
const CALM_FACTOR = 2.5;
/**
 * Fetches name a topic, not its id, so one that was deleted, created again and filled between two fetches answers as if nothing
 * had happened. While fetches follow each other, one of them meets the deletion; after a pause this long the log is compared.
 */
const PAUSE_TO_DOUBT_MS = 5_000;

export class NodePuller {
  readonly #parts: NodePullerParts;
  readonly #wake = new WakeUp();
  #turn = 0;
  /** Pulls since the last one that brought something. */
  #emptyInRow = 0;
  #failures = 0;
  #isWaitingForRoom = false;
  #problem: GatewayError | undefined;
  #nextTryMs: number | undefined;
  /** True once something was pulled over the connection at hand. */
  #hasPulled = false;

  constructor(parts: NodePullerParts) {
    this.#parts = parts;
  }

  wake(): void {
    this.#wake.call();
  }

  /** Why nothing is pulled from this broker now. */
  get problem(): { readonly error: GatewayError; readonly nextTryMs: number | undefined } | undefined {
    return this.#problem === undefined ? undefined : { error: this.#problem, nextTryMs: this.#nextTryMs };
  }

  get isWaitingForRoom(): boolean {
    return this.#isWaitingForRoom;
  }

  /** Until the signal aborts. Rejects only for programmer errors. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, host } = this.#parts;
    while (!signal.aborted) {
      this.#isWaitingForRoom = true;
      try {
        await host.whenOpen(signal);
      } catch (error) {
        if (isAborted(signal)) return;
        throw error;
      }
      this.#isWaitingForRoom = false;
      this.#doubtAfterPause();
      const sessions = this.#inTurn();
      const wanted = sessions.flatMap((session) => session.wanted() ?? []);
      if (wanted.length === 0) {
        await this.#wake.sleep(IDLE_SLEEP_MS, { clock, signal });
        continue;
      }
      await this.#pullOnce(sessions, signal);
    }
  }

  /** Sessions that were opened meanwhile compared their log then; comparing it once more does no harm. */
  #doubtAfterPause(): void {
    const { clock, pull, node, sessions } = this.#parts;
    const isNewLink = this.#hasPulled && !pull.isConnected(node);
    if (isNewLink) this.#hasPulled = false;
    const nowMs = clock.steadyMs();
    for (const session of sessions()) {
      const isPaused = session.answeredMs !== undefined && nowMs - session.answeredMs >= PAUSE_TO_DOUBT_MS;
      if (isNewLink || (isPaused && session.wanted() !== undefined)) session.doubtLog();
    }
  }

  /** The open partitions, another one first each time. */
  #inTurn(): PartitionSession[] {
    const sessions = this.#parts.sessions();
    if (sessions.length === 0) return [];
    this.#turn = (this.#turn + 1) % sessions.length;
    return [...sessions.slice(this.#turn), ...sessions.slice(0, this.#turn)];
  }

  async #pullOnce(sessions: readonly PartitionSession[], signal: AbortSignal): Promise<void> {
    const { settings, pull, clock, counters, linkWatch, node } = this.#parts;
    const partitions = sessions.flatMap((session) => session.wanted() ?? []);
    const isBusy = partitions.length < sessions.length && sessions.some((session) => session.isBusy);
    const request = {
      node,
      partitions,
      maxBytes: settings.fetchBytes,
      minBytes: 1,
      maxWaitMs: isBusy ? Math.min(BUSY_WAIT_MS, settings.batchDurationMs) : this.#calmWaitMs(),
    };
    const startedMs = clock.steadyMs();
    counters.pulls++;
    let answers: readonly PartitionFetch[];
    try {
      answers = await pull.fetch(request, signal);
    } catch (error) {
      if (isAborted(signal)) return;
      await this.#failed(toGatewayError(error, node), sessions, signal);
      return;
    }
    linkWatch.answered();
    this.#hasPulled = true;
    this.#failures = 0;
    this.#problem = undefined;
    const bringing = answers.filter((answer) => this.#take(answer, { sessions, askedMs: startedMs })).length;
    this.#emptyInRow = bringing > 0 ? 0 : this.#emptyInRow + 1;
    if (bringing > 0) return;
    counters.emptyPulls++;
    const restMs = settings.timing.emptyPullSpacingMs - (clock.steadyMs() - startedMs);
    if (restMs > 0) await clock.wait(restMs, signal);
  }

  /** How long the broker may hold an answer back while it has nothing; it answers at once when something comes. */
  #calmWaitMs(): number {
    const { batchDurationMs } = this.#parts.settings;
    return this.#emptyInRow < CALM_AFTER_PULLS ? batchDurationMs : CALM_FACTOR * batchDurationMs;
  }

  #take(
    answer: PartitionFetch,
    { sessions, askedMs }: { readonly sessions: readonly PartitionSession[]; readonly askedMs: number },
  ): boolean {
    const session = sessions.find(
      ({ opened }) => opened.ref.topic === answer.topic && opened.ref.partition === answer.partition,
    );
    if (session === undefined) return false;
    if (answer.error === undefined) return session.take(answer, askedMs);
    if (answer.error === 'OFFSET_OUT_OF_RANGE') {
      session.doubtLog();
      return false;
    }
    if (isLeaderError(answer.error) || answer.error.startsWith('UNKNOWN_TOPIC')) {
      session.doubtLog();
      this.#parts.onStaleMetadata();
    }
    try {
      throwOnError(answer);
    } catch (error) {
      session.fail(toGatewayError(error, this.#parts.node));
    }
    return false;
  }

  async #failed(
    error: GatewayError,
    sessions: readonly PartitionSession[],
    signal: AbortSignal,
  ): Promise<void> {
    const { settings, clock, random, counters, linkWatch } = this.#parts;
    this.#failures++;
    counters.failedPulls++;
    this.#problem = error;
    linkWatch.failed(error);
    this.#hasPulled = false;
    for (const session of sessions) session.doubtLog();
    if (this.#failures <= settings.repulls) {
      counters.repulls++;
      return;
    }
    this.#parts.onStaleMetadata();
    const { backoffFirstMs, backoffLastMs } = settings.timing;
    const waitMs = backoffMs(
      this.#failures - settings.repulls,
      { firstMs: backoffFirstMs, lastMs: backoffLastMs },
      random,
    );
    this.#nextTryMs = clock.now() + waitMs;
    await clock.wait(waitMs, signal);
    this.#nextTryMs = undefined;
  }
}

/** Read after an await: the signal may have aborted meanwhile. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function toGatewayError(error: unknown, node: number): GatewayError {
  if (isGatewayError(error)) return error;
  return new GatewayError({
    code: 'transport',
    operation: 'pull events',
    place: `broker ${node}`,
    message: error instanceof Error ? error.message : String(error),
    retry: 'backoff',
    hint: 'Headgate goes on by itself.',
    cause: error,
  });
}
