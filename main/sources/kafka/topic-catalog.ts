import { isGatewayError } from '../../../shared/errors.ts';
import type { SourceHost } from '../source.ts';
import type { KafkaSourceSettings } from './kafka-source-settings.ts';
import type { LinkWatch } from './link-watch.ts';
import type { ClusterView, PartitionInfo, ProtocolLink } from './protocol-link.ts';
import type { SourceClock } from './source-clock.ts';
import { WakeUp } from './wake-up.ts';

/**
 * The topics of the source and their partitions, as the brokers last told. Refreshed from time to time, faster while something is
 * missing; a topic that was created later is found, one that vanished is reported, and neither stops the others.
 */
export interface CatalogParts {
  readonly settings: KafkaSourceSettings;
  readonly host: Pick<SourceHost, 'report'>;
  readonly protocol: ProtocolLink;
  readonly clock: SourceClock;
  readonly linkWatch: LinkWatch;
  /** After each refresh. Leaders, ids and the set of partitions may have changed. */
  readonly onRefreshed: () => void;
}

/** A partition must be missing in so many views in a row before it counts as gone: one broker may be behind. */
const MISSING_VIEWS = 2;

export class TopicCatalog {
  readonly #parts: CatalogParts;
  readonly #wake = new WakeUp();
  readonly #pattern: RegExp | undefined;
  readonly #reported = new Map<string, string>();
  #partitions: ReadonlyMap<string, PartitionInfo> = new Map();
  readonly #missingViews = new Map<string, number>();
  #clusterId = '';
  #isMissing = false;

  constructor(parts: CatalogParts) {
    this.#parts = parts;
    const { topics } = parts.settings;
    // Flume's kafka.topics.regex must match the whole name.
    this.#pattern = topics.kind === 'regex' ? new RegExp(`^(?:${topics.pattern})$`) : undefined;
  }

  get clusterId(): string {
    return this.#clusterId;
  }

  get partitions(): readonly PartitionInfo[] {
    return [...this.#partitions.values()];
  }

  /** Topics that should be there and are not. */
  get missingTopics(): readonly string[] {
    return [...this.#reported.keys()];
  }

  /** undefined: it is not there, or was never seen. */
  info(topic: string, partition: number): PartitionInfo | undefined {
    return this.#partitions.get(`${topic}/${partition}`);
  }

  refreshSoon(): void {
    this.#wake.call();
  }

  /** Until the signal aborts. A link that fails is waited for. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#parts;
    const { topicRefreshMs, topicRefreshFastMs } = settings.timing;
    while (!signal.aborted) {
      await this.#wake.sleep(this.#isMissing ? topicRefreshFastMs : topicRefreshMs, { clock, signal });
      if (signal.aborted) return;
      const startedMs = clock.steadyMs();
      try {
        await this.refresh();
      } catch (error) {
        if (!isGatewayError(error)) throw error;
        this.#parts.linkWatch.failed(error);
        this.#isMissing = true;
      }
      // `refreshSoon` may be called by many; the broker is asked at most twice a fast interval.
      await clock.wait(Math.max(0, topicRefreshFastMs / 2 - (clock.steadyMs() - startedMs)), signal);
    }
  }

  /** Asks the brokers now. Throws GatewayError when none answers. */
  async refresh(): Promise<void> {
    const { protocol, settings, linkWatch, onRefreshed } = this.#parts;
    const { topics } = settings;
    const view = await protocol.metadata(topics.kind === 'list' ? topics.names : undefined);
    linkWatch.answered();
    this.#take(view);
    onRefreshed();
  }

  #take(view: ClusterView): void {
    this.#clusterId = view.clusterId;
    const next = new Map<string, PartitionInfo>();
    for (const info of view.partitions) {
      if (this.#pattern !== undefined && !this.#pattern.test(info.topic)) continue;
      next.set(`${info.topic}/${info.partition}`, info);
    }
    for (const [key, info] of this.#partitions) {
      if (next.has(key)) {
        this.#missingViews.delete(key);
        continue;
      }
      const views = (this.#missingViews.get(key) ?? 0) + 1;
      this.#missingViews.set(key, views);
      if (views < MISSING_VIEWS) next.set(key, { ...info, leader: -1 });
    }
    for (const key of this.#missingViews.keys()) if (!next.has(key)) this.#missingViews.delete(key);
    this.#reportMissing(view, next);
    this.#partitions = next;
    this.#isMissing =
      this.#reported.size > 0 ||
      this.#missingViews.size > 0 ||
      [...next.values()].some((info) => info.leader < 0);
  }

  #reportMissing(view: ClusterView, next: ReadonlyMap<string, PartitionInfo>): void {
    const problems = new Map<string, string>();
    const { topics } = this.#parts.settings;
    const seen = new Set([...next.values()].map((info) => info.topic));
    if (topics.kind === 'list') {
      for (const name of topics.names) {
        if (!seen.has(name)) problems.set(name, view.refused.get(name) ?? 'not there');
      }
    }
    for (const info of this.#partitions.values()) {
      if (!seen.has(info.topic)) problems.set(info.topic, view.refused.get(info.topic) ?? 'gone');
    }
    for (const [topic, reason] of problems) {
      if (this.#reported.has(topic)) continue;
      const message = `topic ${topic} is not there (${reason}); the others go on`;
      const hint =
        'Create it, grant Describe on it, or take it out of the configuration. It is looked for all the time.';
      this.#report('topic-missing', { place: topic, message, hint });
      this.#reported.set(topic, reason);
    }
    for (const topic of this.#reported.keys()) if (seen.has(topic)) this.#reported.delete(topic);
    this.#reportLeaders(next);
  }

  #reportLeaders(next: ReadonlyMap<string, PartitionInfo>): void {
    for (const [key, info] of next) {
      const before = this.#partitions.get(key);
      if (info.leader >= 0 || (before !== undefined && before.leader < 0)) continue;
      const message = `${key} has no leader at present; the other partitions go on`;
      this.#report('leader-missing', { place: key, message, hint: 'Look which broker is down.' });
    }
  }

  #report(
    code: 'topic-missing' | 'leader-missing',
    event: { readonly place: string; readonly message: string; readonly hint: string },
  ): void {
    this.#parts.host.report({ ...event, code, level: 'warn', source: this.#parts.settings.name });
  }
}
