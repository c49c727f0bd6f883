import { GatewayError } from '../../../shared/errors.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { ClaimKeeper } from '../claim-keeper.ts';
import type { PartitionStatus, SourceHost, SourceStatus } from '../source.ts';
import { BrokerConnections } from './broker-connections.ts';
import { KafkaClaimPuller } from './claim-puller.ts';
import { Committer } from './committer.ts';
import type { TopicPartition } from './group-protocol.ts';
import type { KafkaSourceSettings } from './kafka-source-settings.ts';
import type { LinkWatch } from './link-watch.ts';
import { DoubtKeeper } from './doubt-keeper.ts';
import { LogEndWatch } from './log-end-watch.ts';
import { FixedMembership, GroupMembership, type Membership } from './membership.ts';
import { NodePuller } from './node-puller.ts';
import type { OpeningParts } from './opening.ts';
import type { PartitionSession } from './partition-session.ts';
import { PartitionWorker } from './partition-worker.ts';
import { ProtocolLink } from './protocol-link.ts';
import type { Random, SourceClock } from './source-clock.ts';
import type { MutableCounters } from './source-counters.ts';
import { RetentionWatch } from './retention-watch.ts';
import { StableOffsetWatch } from './stable-offset-watch.ts';
import { noteFirstLook } from './start-point.ts';
import { TopicCatalog } from './topic-catalog.ts';
import { PullLink } from './wire/pull-link.ts';

export interface KafkaRunParts {
  readonly settings: KafkaSourceSettings;
  readonly host: SourceHost;
  readonly clock: SourceClock;
  /** The same, for parts that are not of Kafka alone. */
  readonly engineClock: Clock;
  readonly random: Random;
  readonly counters: MutableCounters;
  readonly linkWatch: LinkWatch;
}

interface RunningWorker {
  readonly worker: PartitionWorker;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

const WATCH_MS = 1_000;
/** For the last word to the group; nobody depends on it. */
const LEAVE_GROUP_MS = 2_000;

/** One run of the source: all parts wired together, from connecting to the last commit. Used once. */
export class KafkaRun {
  readonly #parts: KafkaRunParts;
  readonly #protocol: ProtocolLink;
  readonly #pull: PullLink;
  readonly #memberConnections: BrokerConnections;
  readonly #catalog: TopicCatalog;
  readonly #committer: Committer;
  readonly #membership: Membership;
  readonly #stableWatch: StableOffsetWatch;
  readonly #logEndWatch: LogEndWatch;
  readonly #retentionWatch: RetentionWatch;
  readonly #doubtKeeper: DoubtKeeper;
  readonly #claimKeeper: ClaimKeeper;
  /** Partitions that were ours and whose doubts may outlast them. */
  readonly #givenUp = new Map<string, TopicPartition>();
  readonly #workers = new Map<string, RunningWorker>();
  /** Workers that are on their way out, with their last commit. */
  readonly #leaving = new Map<string, Promise<void>>();
  readonly #pullers = new Map<number, NodePuller>();
  readonly #failed = Promise.withResolvers<never>();
  readonly #pulling = new AbortController();
  #knownTopics = '';
  #isStarted = false;
  #fenceKind: 'transactions' | 'none' = 'transactions';

  constructor(parts: KafkaRunParts) {
    const { settings, host, clock, random, counters, linkWatch } = parts;
    const { connectTimeoutMs, requestTimeoutMs, rebalanceTimeoutMs } = settings.timing;
    const connection = {
      clientId: settings.clientId,
      tls: settings.tls,
      sasl: settings.sasl,
      connectTimeoutMs,
    };
    this.#parts = parts;
    this.#failed.promise.catch(() => undefined);
    this.#protocol = new ProtocolLink(
      new BrokerConnections({ ...connection, requestTimeoutMs }),
      settings.bootstrapServers,
    );
    this.#memberConnections = new BrokerConnections({
      ...connection,
      requestTimeoutMs: requestTimeoutMs + rebalanceTimeoutMs,
    });
    const newPullLink = (): PullLink =>
      new PullLink({
        bootstrapServers: settings.bootstrapServers,
        clientId: settings.clientId,
        ...(settings.tls === undefined ? {} : { tls: settings.tls }),
        ...(settings.sasl === undefined ? {} : { sasl: settings.sasl }),
        connectTimeoutMs,
        requestTimeoutMs,
        // Every failure comes back as an error of the call; kafkajs' own lines say nothing more.
        log: () => undefined,
      });
    this.#pull = newPullLink();
    this.#catalog = new TopicCatalog({
      settings,
      host,
      protocol: this.#protocol,
      clock,
      linkWatch,
      onRefreshed: () => this.#topicsRefreshed(),
    });
    this.#committer = new Committer({ settings, host, clock, counters, sessions: () => this.#sessions() });
    this.#stableWatch = new StableOffsetWatch({ settings, host, clock });
    this.#logEndWatch = new LogEndWatch({ pull: this.#pull, clock, linkWatch });
    this.#retentionWatch = new RetentionWatch({ protocol: this.#protocol, clock });
    this.#claimKeeper = this.#newClaimKeeper(newPullLink);
    this.#doubtKeeper = new DoubtKeeper({
      settings,
      host,
      clock,
      protocol: this.#protocol,
      isOurs: ({ topic, partition }) => this.#isAtWork(`${topic}/${partition}`),
    });
    const membership = {
      settings,
      clock,
      random,
      partitions: () => this.#catalog.partitions,
      onAssigned: (partitions: readonly TopicPartition[]) => this.#assigned(partitions),
    };
    this.#membership =
      settings.assignment === 'fixed'
        ? new FixedMembership(membership)
        : new GroupMembership({
            ...membership,
            protocol: this.#protocol,
            connections: this.#memberConnections,
            onRebalance: () => this.#committer.commitAll(this.#pulling.signal),
          });
  }

  #newClaimKeeper(connect: () => PullLink): ClaimKeeper {
    const { settings, host, engineClock: clock, random } = this.#parts;
    return new ClaimKeeper({
      ...{ name: settings.name, host, clock, random },
      timing: { checkMs: settings.timing.claimCheckMs },
      puller: new KafkaClaimPuller({
        ...{ settings, connect, protocol: this.#protocol },
        clusterId: () => this.#catalog.clusterId,
        info: (topic, partition) => this.#catalog.info(topic, partition),
        onStaleMetadata: () => this.#catalog.refreshSoon(),
      }),
    });
  }

  /** Resolves after an orderly end by the signal; rejects with the failure of any part, after the same orderly end. */
  async run(signal: AbortSignal): Promise<void> {
    const helpers = new AbortController();
    const work: Promise<void>[] = [];
    try {
      await this.#connect(signal);
      this.#isStarted = true;
      const { signal: helping } = helpers;
      work.push(
        this.#catalog.run(helping),
        this.#membership.run(helping),
        this.#committer.run(helping),
        this.#keepDoubts(helping),
        this.#claimKeeper.run(helping),
        this.#watch(helping),
      );
      for (const one of work) one.catch((error: unknown) => this.#failed.reject(error));
      await Promise.race([this.#failed.promise, aborted(signal)]);
    } finally {
      // Workers first: their last deliveries and commits need the links. Then everybody else.
      this.#pulling.abort();
      for (const running of this.#workers.values()) running.stop.abort();
      const leaving = Promise.allSettled([
        ...[...this.#workers.values()].map((one) => one.done),
        ...this.#leaving.values(),
      ]);
      const isOver = new AbortController();
      // Twice the limit: once for the deliveries under way, once for the last commits. Then the calls are broken off.
      const late = this.#parts.clock.wait(2 * this.#parts.settings.timing.stopLimitMs, isOver.signal);
      await Promise.race([leaving, late]);
      isOver.abort();
      helpers.abort();
      await Promise.race([
        Promise.allSettled(work),
        leaving.then(() => this.#parts.clock.wait(LEAVE_GROUP_MS, signal)),
      ]);
      await Promise.allSettled([this.#pull.close(), this.#protocol.close(), this.#memberConnections.close()]);
      await Promise.allSettled([leaving, ...work]);
    }
  }

  status(): Omit<SourceStatus, 'name' | 'type' | 'counters'> {
    const partitions = this.partitionStatus();
    const pullers = [...this.#pullers.values()];
    const problem = pullers.map((one) => one.problem).find((one) => one !== undefined);
    const worst = problem?.error ?? this.#parts.linkWatch.problem ?? this.#membership.problem;
    const isPaused = pullers.some((one) => one.isWaitingForRoom);
    const waiting = partitions.find((one) => one.cause !== undefined);
    const state = this.#stateOf({ isWaiting: worst !== undefined, isPaused, partitions });
    return {
      state,
      cause: worst?.message ?? (state === 'waiting' ? waiting?.cause : undefined),
      hint: worst?.hint,
      nextTryMs: problem?.nextTryMs ?? (state === 'waiting' ? this.#nextTryMs() : undefined),
      fence: this.#fenceKind,
      repull: this.#claimKeeper.status,
      partitions,
      knownPartitions: this.#catalog.partitions,
      missingTopics: this.#catalog.missingTopics,
    };
  }

  /** When the first of the partitions that wait is tried again. */
  #nextTryMs(): number | undefined {
    const times = [...this.#workers.values()].flatMap(({ worker }) => worker.nextTryMs ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #stateOf(facts: {
    readonly isWaiting: boolean;
    readonly isPaused: boolean;
    readonly partitions: readonly PartitionStatus[];
  }): SourceStatus['state'] {
    const has = (state: PartitionStatus['state']): boolean =>
      facts.partitions.some((one) => one.state === state);
    if (!this.#isStarted) return 'starting';
    if (facts.isWaiting) return 'waiting';
    if (facts.isPaused) return 'paused';
    if (has('flowing')) return 'flowing';
    if (has('caught-up')) return 'idle';
    return facts.partitions.some((one) => one.cause !== undefined) ? 'waiting' : 'starting';
  }

  partitionStatus(): PartitionStatus[] {
    return [...this.#workers.values()].map(({ worker }) => ({
      ...worker.status(),
      retention: this.#retentionWatch.of(worker.topic),
    }));
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const { settings, host } = this.#parts;
    await this.#pull.connect(signal);
    const canFence = await this.#protocol.canFence();
    this.#fenceKind =
      settings.fence === 'none' || (settings.fence === 'auto' && !canFence) ? 'none' : 'transactions';
    if (settings.fence === 'transactions' && !canFence) {
      throw new GatewayError({
        code: 'kafka-unsupported',
        operation: 'connect',
        place: settings.bootstrapServers.join(','),
        message: 'the broker cannot fence owners: it is older than Kafka 2.5',
        retry: 'backoff',
        hint: 'Set fence: none, and run one gateway only.',
      });
    }
    await this.#catalog.refresh();
    await noteFirstLook({ settings, host }, this.#catalog.partitions);
  }

  #topicsRefreshed(): void {
    const partitions = this.#catalog.partitions;
    for (const session of this.#sessions()) {
      const info = this.#catalog.info(session.opened.ref.topic, session.opened.ref.partition);
      const isElsewhere = info !== undefined && info.leader >= 0 && session.isElsewhere(info);
      const isOther = info !== undefined && info.topicId !== session.opened.info.topicId;
      if (isElsewhere || isOther) session.doubtLog();
    }
    const known = partitions
      .map((one) => `${one.topic}/${one.partition}`)
      .sort()
      .join(' ');
    if (known === this.#knownTopics) return;
    this.#knownTopics = known;
    if (this.#isStarted) this.#membership.topicsChanged();
  }

  #assigned(partitions: readonly TopicPartition[]): void {
    const { settings, host, counters } = this.#parts;
    if (this.#pulling.signal.aborted) return;
    const wanted = new Map(partitions.map((one) => [`${one.topic}/${one.partition}`, one]));
    const lost = [...this.#workers.keys()].filter((key) => !wanted.has(key));
    const gained = [...wanted.keys()].filter((key) => !this.#workers.has(key));
    for (const key of lost) this.#stopWorker(key);
    for (const [key, place] of wanted) if (!this.#workers.has(key)) this.#startWorker(key, place);
    if (lost.length + gained.length === 0) return;
    counters.rebalances++;
    const message = `${wanted.size} partitions are ours: ${gained.length} gained, ${lost.length} given up`;
    host.report({
      code: 'rebalanced',
      level: 'info',
      source: settings.name,
      place: '',
      message,
      hint: undefined,
    });
  }

  #stopWorker(key: string): void {
    const running = this.#workers.get(key);
    if (running === undefined) return;
    running.stop.abort();
    this.#workers.delete(key);
    const { topic, partition } = running.worker;
    const leaving = running.done.finally(() => {
      this.#leaving.delete(key);
      this.#givenUp.set(key, { topic, partition });
    });
    this.#leaving.set(key, leaving);
  }

  #startWorker(key: string, place: TopicPartition): void {
    const { settings, host, clock, random, counters } = this.#parts;
    const worker = new PartitionWorker(place, {
      opening: () => this.#openingParts(),
      session: { settings, host, counters, clock, onWanting: () => this.#wakePuller(place) },
      committer: this.#committer,
      random,
      info: () => this.#catalog.info(place.topic, place.partition),
      onStaleMetadata: () => this.#catalog.refreshSoon(),
      confirmOwnership: (signal) => this.#membership.confirm(signal),
      isPaused: () => [...this.#pullers.values()].some((one) => one.isWaitingForRoom),
    });
    const stop = new AbortController();
    // Given up and given back: what the worker before still holds is ended by itself first.
    const before = this.#leaving.get(key) ?? Promise.resolve();
    const done = before
      .then(() => worker.run(stop.signal))
      .catch((error: unknown) => this.#failed.reject(error));
    this.#workers.set(key, { worker, stop, done });
  }

  /** True while a worker has the partition open or may still commit for it. */
  #isAtWork(key: string): boolean {
    return this.#workers.has(key) || this.#leaving.has(key);
  }

  #openingParts(): OpeningParts {
    const { settings, host, clock } = this.#parts;
    return {
      settings,
      host,
      clock,
      protocol: this.#protocol,
      pull: this.#pull,
      fenceKind: this.#fenceKind,
      clusterId: this.#catalog.clusterId,
    };
  }

  #sessions(): PartitionSession[] {
    return [...this.#workers.values()].flatMap(({ worker }) => worker.session ?? []);
  }

  /** Wakes the puller of the broker that leads the partition; begins it when there is none yet. */
  #wakePuller(place: TopicPartition): void {
    const session = this.#workers.get(`${place.topic}/${place.partition}`)?.worker.session;
    if (session === undefined || session.leader < 0 || this.#pulling.signal.aborted) return;
    const node = session.leader;
    const known = this.#pullers.get(node);
    if (known !== undefined) {
      known.wake();
      return;
    }
    const { settings, host, clock, random, counters, linkWatch } = this.#parts;
    const puller = new NodePuller({
      node,
      settings,
      host,
      pull: this.#pull,
      clock,
      random,
      counters,
      linkWatch,
      sessions: () => this.#sessions().filter((one) => one.leader === node && !one.isEnded),
      onStaleMetadata: () => this.#catalog.refreshSoon(),
    });
    this.#pullers.set(node, puller);
    puller.run(this.#pulling.signal).catch((error: unknown) => this.#failed.reject(error));
  }

  /** Now and then, those partitions that are not ours and may have puts in doubt. */
  async #keepDoubts(signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#parts;
    while (!signal.aborted) {
      await clock.wait(settings.timing.idleCheckMs, signal);
      const places = new Map<string, TopicPartition>(this.#givenUp);
      for (const info of this.#catalog.partitions) places.set(`${info.topic}/${info.partition}`, info);
      for (const key of [...places.keys()]) if (this.#isAtWork(key)) places.delete(key);
      await this.#doubtKeeper.check([...places.values()], signal);
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#parts.clock.wait(WATCH_MS, signal);
      this.#parts.linkWatch.check();
      this.#stableWatch.check(this.#sessions());
      const topics = [...new Set(this.#catalog.partitions.map(({ topic }) => topic))];
      this.#retentionWatch.check(topics).catch((error: unknown) => this.#failed.reject(error));
      const waiting = [...this.#pullers].flatMap(([node, one]) => (one.isWaitingForRoom ? [node] : []));
      const unfetched = this.#sessions().filter(
        ({ leader, isEnded }) => !isEnded && waiting.includes(leader),
      );
      this.#logEndWatch.check(unfetched, signal).catch((error: unknown) => this.#failed.reject(error));
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
