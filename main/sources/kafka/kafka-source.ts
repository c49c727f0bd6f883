import { isGatewayError, type GatewayError } from '../../../shared/errors.ts';
import { systemClock, type Clock } from '../../telemetry/clock.ts';
import type { Source, SourceHost, SourceStatus } from '../source.ts';
import type { KafkaSourceSettings } from './kafka-source-settings.ts';
import { LinkWatch } from './link-watch.ts';
import { KafkaRun } from './kafka-run.ts';
import { backoffMs, sourceClock, type Random, type SourceClock } from './source-clock.ts';
import { newCounters } from './source-counters.ts';

/**
 * The Kafka source: pulls topics over an unreliable link and delivers every offset once, under tenures (exactly-once.md §1, §4).
 *
 *     TopicCatalog ── which partitions exist, who leads them ──┐
 *     Membership ──── which of them are ours ─────────────────▶ PartitionWorker (one each)
 *                                                               │ Opening → Fence, LogCheck
 *     NodePuller (one a broker) ── fetches ──▶ PartitionSession ┤ deliveries in order
 *     Committer ── about once a second ────────▶ Fence.commit ──┘ store.accept
 *
 * This class is the supervisor: when any part of a run fails in a way that the part itself does not wait through, the whole run is
 * ended in order and begun again after a while, with the cause in status and an event. It never stops silently.
 */
export interface KafkaSourceEnvironment {
  readonly clock?: Clock;
  readonly random?: Random;
}

const RESTART_FIRST_MS = 1_000;
const RESTART_LAST_MS = 60_000;
/** A run that lived so long was healthy: its failure begins the backoff anew. */
const HEALTHY_RUN_MS = 5 * 60_000;

export function createKafkaSource(
  settings: KafkaSourceSettings,
  host: SourceHost,
  environment: KafkaSourceEnvironment = {},
): Source {
  return new KafkaSource(settings, host, environment);
}

class KafkaSource implements Source {
  readonly #settings: KafkaSourceSettings;
  readonly #host: SourceHost;
  readonly #engineClock: Clock;
  readonly #clock: SourceClock;
  readonly #random: Random;
  readonly #counters = newCounters();
  readonly #linkWatch: LinkWatch;
  #run: KafkaRun | undefined;
  #failure: GatewayError | Error | undefined;
  #nextTryMs: number | undefined;

  constructor(settings: KafkaSourceSettings, host: SourceHost, environment: KafkaSourceEnvironment) {
    this.#settings = settings;
    this.#host = host;
    this.#engineClock = environment.clock ?? systemClock;
    this.#clock = sourceClock(this.#engineClock);
    this.#random = environment.random ?? Math.random;
    this.#linkWatch = new LinkWatch({
      name: settings.name,
      linkDownMs: settings.linkDownMs,
      host,
      clock: this.#clock,
    });
  }

  get name(): string {
    return this.#settings.name;
  }

  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const startedMs = this.#clock.steadyMs();
      const run = new KafkaRun({
        settings: this.#settings,
        host: this.#host,
        clock: this.#clock,
        engineClock: this.#engineClock,
        random: this.#random,
        counters: this.#counters,
        linkWatch: this.#linkWatch,
      });
      this.#run = run;
      this.#nextTryMs = undefined;
      try {
        await run.run(signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (isGatewayError(error) && error.code === 'config-invalid') throw error;
        failures = this.#clock.steadyMs() - startedMs > HEALTHY_RUN_MS ? 1 : failures + 1;
        await this.#waitAfter(error, failures, signal);
      }
    }
  }

  status(): SourceStatus {
    const base = {
      name: this.#settings.name,
      type: 'kafka',
      counters: { ...this.#counters },
    };
    const run = this.#run;
    const failure = this.#failure;
    if (failure !== undefined || run === undefined) {
      return {
        ...base,
        state: failure === undefined ? 'starting' : 'waiting',
        cause: failure?.message,
        hint: isGatewayError(failure) ? failure.hint : undefined,
        nextTryMs: this.#nextTryMs,
        fence: this.#settings.fence === 'none' ? 'none' : 'transactions',
        partitions: run?.partitionStatus() ?? [],
      };
    }
    return { ...base, ...run.status() };
  }

  async #waitAfter(error: unknown, failures: number, signal: AbortSignal): Promise<void> {
    const failure = error instanceof Error ? error : new Error(String(error));
    const waitMs = backoffMs(failures, { firstMs: RESTART_FIRST_MS, lastMs: RESTART_LAST_MS }, this.#random);
    this.#failure = failure;
    this.#nextTryMs = this.#clock.now() + waitMs;
    if (isGatewayError(failure)) this.#linkWatch.failed(failure);
    this.#host.report({
      code: 'restarted',
      level: 'warn',
      source: this.#settings.name,
      place: isGatewayError(failure) ? failure.place : '',
      message: `the source begins again in ${waitMs} ms: ${failure.message}`,
      hint: isGatewayError(failure)
        ? failure.hint
        : 'This failure has no name yet; please report it with the log.',
    });
    await this.#clock.wait(waitMs, signal);
    this.#failure = undefined;
  }
}
