import { setTimeout as wait } from 'node:timers/promises';
import { NO_CLAIMS } from '../../../main/sources/claim-keeper.ts';
import type { ClaimPort, Delivery, Source, SourceEvent, SourceHost } from '../../../main/sources/source.ts';
import { createKafkaSource, type KafkaSourceEnvironment } from '../../../main/sources/kafka/kafka-source.ts';
import {
  kafkaSourceSettings,
  type KafkaSourceInput,
} from '../../../main/sources/kafka/kafka-source-settings.ts';
import { systemClock, type Clock } from '../../../main/telemetry/clock.ts';
import { MemorySourceStore } from './memory-source-store.ts';

/** Short waits, so that a test sees in seconds what takes minutes at a site. */
const QUICK = {
  connectTimeoutMs: 2_000,
  requestTimeoutMs: 3_000,
  transactionTimeoutMs: 20_000,
  commitIntervalMs: 100,
  topicRefreshMs: 1_000,
  topicRefreshFastMs: 300,
  sessionTimeoutMs: 3_000,
  heartbeatMs: 300,
  rebalanceTimeoutMs: 3_000,
  backoffFirstMs: 100,
  backoffLastMs: 1_000,
  heldRetryMs: 1_000,
  stopLimitMs: 3_000,
  claimCheckMs: 100,
};

export type GatewayOptions = Partial<KafkaSourceInput> & {
  readonly bootstrap: string;
  readonly topicNames?: readonly string[];
};

/** A gateway's Kafka source over a store that outlives it. `start` again after `stop` or `crash` is a restart. */
export class TestGateway {
  readonly store: MemorySourceStore;
  readonly options: GatewayOptions;
  readonly events: SourceEvent[] = [];
  source: Source | undefined;
  /** Set by a test to refuse or delay puts. */
  beforePut: ((delivery: Delivery) => Promise<void>) | undefined;
  isOpen = true;
  /** Set by a test before `start`: what is to be pulled again. */
  claims: ClaimPort = NO_CLAIMS;
  /** Set by a test before `start`: its own clock or chance. */
  environment: KafkaSourceEnvironment = {};
  #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(options: GatewayOptions, store = new MemorySourceStore()) {
    this.options = options;
    this.store = store;
  }

  start(change: Partial<KafkaSourceInput> = {}): this {
    const { bootstrap, topicNames = [], ...rest } = this.options;
    const settings = kafkaSourceSettings({
      name: 'logs',
      bootstrapServers: [bootstrap],
      topics: { kind: 'list', names: topicNames },
      groupId: 'headgate.test',
      landingTargetId: 'beijing',
      batchDurationMs: 200,
      ...rest,
      ...change,
      timing: { ...QUICK, ...rest.timing, ...change.timing },
    });
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const isCurrent = (): boolean => !signal.aborted || this.#stop.signal === signal;
    const host: SourceHost = {
      store: this.store,
      claims: this.claims,
      report: (event) => void this.events.push(event),
      whenOpen: async (aborting) => {
        while (!this.isOpen && !aborting.aborted) await wait(10);
      },
      deliver: async (delivery) => {
        await this.beforePut?.(delivery);
        if (isCurrent()) this.store.put(delivery);
      },
    };
    this.source = createKafkaSource(settings, host, this.environment);
    this.#done = this.source.run(signal);
    return this;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  /** Bodies that may land, in the order of offsets within each partition. */
  landable(): string[] {
    return this.store.accepted.flatMap((put) => put.bodies.map((one) => one.body));
  }

  has(code: SourceEvent['code'], text = ''): boolean {
    return this.events.some((event) => event.code === code && event.message.includes(text));
  }
}

/** The real clock, whose steady time a test can move on without waiting. */
export class SkippingClock implements Clock {
  skippedMs = 0;

  nowMs(): number {
    return systemClock.nowMs();
  }

  steadyMs(): number {
    return systemClock.steadyMs() + this.skippedMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }
}

/** Waits for a condition; throws with what is there when it does not come. */
export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`waited ${limitMs} ms for: ${what}`);
    await wait(20);
  }
}

export function ids(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `id-${from + index}`);
}
