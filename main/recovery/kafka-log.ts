/** The Kafka side of a recovery: what a group has committed for the partitions of a source, and where their logs begin. */
import { GatewayError } from '../../shared/errors.ts';
import { SECOND_MS } from '../../shared/units.ts';
import type { Clock } from '../telemetry/clock.ts';
import { BrokerConnections } from '../sources/kafka/broker-connections.ts';
import { openTransactionalPartition, readStableValue } from '../sources/kafka/fence.ts';
import type { KafkaSourceSettings } from '../sources/kafka/kafka-source-settings.ts';
import { readLogRange } from '../sources/kafka/log-check.ts';
import { ProtocolLink, type CommittedValue, type PartitionInfo } from '../sources/kafka/protocol-link.ts';
import { sourceClock, type SourceClock } from '../sources/kafka/source-clock.ts';
import { PullLink } from '../sources/kafka/wire/pull-link.ts';

const TRANSACTION_LIMIT_MS = 60 * SECOND_MS;

export class KafkaLog {
  readonly #settings: KafkaSourceSettings;
  readonly #clock: SourceClock;
  readonly #protocol: ProtocolLink;
  readonly #pull: PullLink;
  #canFence = false;
  #clusterId = '';

  constructor(settings: KafkaSourceSettings, clock: Clock) {
    const { clientId, tls, sasl, bootstrapServers, timing } = settings;
    const { connectTimeoutMs, requestTimeoutMs } = timing;
    this.#settings = settings;
    this.#clock = sourceClock(clock);
    this.#protocol = new ProtocolLink(
      new BrokerConnections({ clientId, tls, sasl, connectTimeoutMs, requestTimeoutMs }),
      bootstrapServers,
    );
    this.#pull = new PullLink({
      ...{ bootstrapServers, clientId, connectTimeoutMs, requestTimeoutMs },
      ...(tls === undefined ? {} : { tls }),
      ...(sasl === undefined ? {} : { sasl }),
      log: () => undefined,
    });
  }

  get group(): string {
    return this.#settings.groupId;
  }

  get clusterId(): string {
    return this.#clusterId;
  }

  /** Partitions of the source's topics. Throws GatewayError when the cluster can't be reached, or does not tell of a listed topic. */
  async connect(signal: AbortSignal): Promise<readonly PartitionInfo[]> {
    const { topics, fence } = this.#settings;
    await this.#pull.connect(signal);
    this.#canFence = fence !== 'none' && (await this.#protocol.canFence());
    const view = await this.#protocol.metadata(topics.kind === 'list' ? topics.names : undefined);
    this.#clusterId = view.clusterId;
    if (topics.kind === 'list') {
      const [topic, why] = [...view.refused][0] ?? [];
      // A topic that is gone took its log with it; one that may not be seen, or has no leader, says nothing.
      if (topic !== undefined && why !== 'UNKNOWN_TOPIC_OR_PARTITION') throw untold(topic, why ?? '');
      return view.partitions;
    }
    const pattern = new RegExp(`^(?:${topics.pattern})$`);
    return view.partitions.filter(({ topic }) => pattern.test(topic));
  }

  /** What is committed now; it may change, and a transaction that is open on it is not waited for. */
  committed({ topic, partition }: PartitionInfo): Promise<CommittedValue> {
    return this.#protocol.offsetFetch({ group: this.group, topic, partition }, false);
  }

  /** What is committed when no transaction is open on it: one that a dead owner left is ended by its time limit. */
  settled({ topic, partition }: PartitionInfo, signal: AbortSignal): Promise<CommittedValue> {
    const place = { group: this.group, topic, partition };
    return readStableValue({ link: this.#protocol, clock: this.#clock, place }, signal);
  }

  /** Whoever held the partition can't commit any more; then what is committed. Without transactions nothing holds him off. */
  async takenFrom({ topic, partition }: PartitionInfo, signal: AbortSignal): Promise<CommittedValue> {
    const place = { group: this.group, topic, partition };
    const parts = {
      link: this.#protocol,
      clock: this.#clock,
      place,
      transactionTimeoutMs: TRANSACTION_LIMIT_MS,
    };
    if (!this.#canFence) return readStableValue(parts, signal);
    const fence = await openTransactionalPartition(parts, signal);
    return fence.readStable(signal);
  }

  async logStart(info: PartitionInfo, signal: AbortSignal): Promise<number> {
    return (await readLogRange({ pull: this.#pull, info }, signal)).logStart;
  }

  async close(): Promise<void> {
    await Promise.all([this.#pull.close(), this.#protocol.close()]);
  }
}

function untold(topic: string, why: string): GatewayError {
  return new GatewayError({
    code: 'topic-missing',
    operation: 'look at the topics of the source',
    place: topic,
    message: `the broker answered ${why}`,
    retry: 'backoff',
    hint: 'Recover when the topic can be read: what was accepted of it would be called gone otherwise.',
  });
}
