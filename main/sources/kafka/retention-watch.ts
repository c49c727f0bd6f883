import { isGatewayError } from '../../../shared/errors.ts';
import type { ProtocolLink } from './protocol-link.ts';
import type { SourceClock } from './source-clock.ts';

/** A topic's limits as the brokers apply them; undefined: none, or we may not know (no right to describe the topic's configuration). */
export interface TopicRetention {
  readonly ms: number | undefined;
  readonly bytes: number | undefined;
}

/** Somebody may change a topic's retention at any time, above all when the alert says so. */
const LOOK_MS = 60_000;
const KEYS = ['retention.ms', 'retention.bytes', 'cleanup.policy'];

/** For the data-loss countdown: how long, and how much of it, the brokers keep each topic. Nothing else depends on it. */
export class RetentionWatch {
  readonly #parts: { readonly protocol: Pick<ProtocolLink, 'topicConfigs'>; readonly clock: SourceClock };
  #known: ReadonlyMap<string, TopicRetention> = new Map();
  #isAsking = false;
  #askedMs = -Infinity;

  constructor(parts: { readonly protocol: Pick<ProtocolLink, 'topicConfigs'>; readonly clock: SourceClock }) {
    this.#parts = parts;
  }

  of(topic: string): TopicRetention | undefined {
    return this.#known.get(topic);
  }

  /** To be called from time to time. What can't be had now stays as it was; the link's faults are others' to tell. */
  async check(topics: readonly string[]): Promise<void> {
    const { protocol, clock } = this.#parts;
    if (topics.length === 0 || this.#isAsking || clock.steadyMs() - this.#askedMs < LOOK_MS) return;
    this.#isAsking = true;
    this.#askedMs = clock.steadyMs();
    try {
      const found = await protocol.topicConfigs(topics, KEYS);
      this.#known = new Map([...found].map(([topic, values]) => [topic, retentionOf(values)]));
    } catch (error) {
      if (!isGatewayError(error)) throw error;
    } finally {
      this.#isAsking = false;
    }
  }
}

function retentionOf(values: ReadonlyMap<string, string>): TopicRetention {
  const isDeleted = (values.get('cleanup.policy') ?? 'delete').includes('delete');
  const limit = (key: string): number | undefined => {
    const value = Number(values.get(key) ?? -1);
    return isDeleted && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  };
  return { ms: limit('retention.ms'), bytes: limit('retention.bytes') };
}
