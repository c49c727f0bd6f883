import {
  addOffsetsToTxnV3,
  apiVersionsV3,
  consumerGroupDescribeV0,
  describeGroupsV5,
  endTxnV3,
  findCoordinatorV1,
  findCoordinatorV4,
  initProducerIdV3,
  initProducerIdV4,
  metadataV10,
  metadataV12,
  metadataV7,
  metadataV9,
  offsetCommitV7,
  offsetFetchV5,
  offsetFetchV7,
  offsetForLeaderEpochV4,
  txnOffsetCommitV3,
  type Connection,
} from '@platformatic/kafka';
import { GatewayError } from '../../../shared/errors.ts';
import type { BrokerConnections, BrokerHost } from './broker-connections.ts';
import { readTopicConfigs, type TopicConfigs } from './topic-configs.ts';
import { isCoordinatorName, kafkaErrorName, replyOf, wireError } from './protocol-error.ts';

const API_METADATA = 3;
const API_FIND_COORDINATOR = 10;
const API_OFFSET_FETCH = 9;
const API_INIT_PRODUCER_ID = 22;
const API_TXN_OFFSET_COMMIT = 28;
const API_CONSUMER_GROUP_DESCRIBE = 69;
const API_DESCRIBE_CONFIGS = 32;
const TXN_OFFSET_COMMIT_VERSION = 3;
const OFFSET_FETCH_STABLE_VERSION = 7;
const NO_TOPIC_ID = '00000000-0000-0000-0000-000000000000';
const NO_ERROR = 0;
const OPERATIONS_NOT_TOLD = -2_147_483_648;
const ERROR_NAMES_BY_CODE: ReadonlyMap<number, string> = new Map([
  [3, 'UNKNOWN_TOPIC_OR_PARTITION'],
  [5, 'LEADER_NOT_AVAILABLE'],
  [17, 'INVALID_TOPIC_EXCEPTION'],
  [29, 'TOPIC_AUTHORIZATION_FAILED'],
]);

/** A value stored in the group for one partition; offset -1: there is none. */
export interface CommittedValue {
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
}

export const NO_COMMITTED_VALUE: CommittedValue = { offset: -1, leaderEpoch: -1, metadata: '' };

export interface GroupPartition {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
}

export interface ProducerIdentity {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

export interface PartitionInfo {
  readonly topic: string;
  readonly partition: number;
  /** '' where the broker has no topic ids (before 2.8). */
  readonly topicId: string;
  /** Node id; -1: none at present. */
  readonly leader: number;
  readonly leaderEpoch: number;
}

export interface ClusterView {
  readonly clusterId: string;
  readonly partitions: readonly PartitionInfo[];
  /** Topics the broker would not tell about, with Kafka's name of the reason. */
  readonly refused: ReadonlyMap<string, string>;
  readonly brokers: readonly (BrokerHost & { readonly node: number })[];
  /** Kafka's own topics among those asked for; they are in `partitions` only when they were wanted. */
  readonly internalTopics: ReadonlySet<string>;
}

type CoordinatorKind = 'group' | 'transaction';

/**
 * The protocol calls by which a gateway owns partitions: plain requests over one shared connection a broker, with coordinators
 * kept in mind until one says that it is none. Nothing is repeated here: whether a call may be repeated depends on what it is for.
 * Every failure is a GatewayError; `kafkaErrorName` tells an answer of the broker from an unknown outcome.
 */
export class ProtocolLink {
  readonly #connections: BrokerConnections;
  readonly #bootstrap: readonly BrokerHost[];
  readonly #coordinators = new Map<string, BrokerHost>();
  readonly #brokers = new Map<number, BrokerHost>();
  #versions: ReadonlyMap<number, number> | undefined;
  #lastGood: BrokerHost | undefined;

  constructor(connections: BrokerConnections, bootstrapServers: readonly string[]) {
    this.#connections = connections;
    this.#bootstrap = bootstrapServers.map(parseHost);
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  /** Whether the broker can fence owners and read stable offsets (Kafka 2.5 and later). */
  async canFence(): Promise<boolean> {
    await this.#anyBroker('ask for versions', async () => undefined);
    return (
      this.#versionOf(API_TXN_OFFSET_COMMIT) >= TXN_OFFSET_COMMIT_VERSION &&
      this.#versionOf(API_OFFSET_FETCH) >= OFFSET_FETCH_STABLE_VERSION &&
      this.#versionOf(API_INIT_PRODUCER_ID) >= 3
    );
  }

  /** Brokers and partitions of the topics; `undefined`: of all topics, Kafka's own only `withInternal`. */
  async metadata(topics: readonly string[] | undefined, withInternal = false): Promise<ClusterView> {
    const wanted = topics === undefined ? null : [...topics];
    const reply = await this.#anyBroker('read the metadata', async (connection): Promise<MetadataReply> => {
      const version = this.#versionOf(API_METADATA);
      try {
        if (version >= 12) return await metadataV12.api.async(connection, wanted, false, false);
        if (version >= 10) return await metadataV10.api.async(connection, wanted, false, false, false);
        if (version >= 9) return await metadataV9.api.async(connection, wanted, false, false, false);
        return await metadataV7.api.async(connection, wanted, false, false);
      } catch (error) {
        // One missing topic or leader makes the client throw; the rest of the reply is as good as ever.
        const whole = replyOf(error);
        if (isMetadataReply(whole)) return whole;
        throw error;
      }
    });
    for (const broker of reply.brokers) this.#brokers.set(broker.nodeId, broker);
    return clusterView(reply, withInternal);
  }

  /** Settings of topics, by topic and key; topics that may not be described are left out. */
  topicConfigs(topics: readonly string[], keys: readonly string[]): Promise<TopicConfigs> {
    return this.#anyBroker('read topic settings', (connection) =>
      readTopicConfigs(connection, { version: this.#versionOf(API_DESCRIBE_CONFIGS), topics, keys }),
    );
  }

  /** True when the brokers know no topic with this id any more; false when they do, or can't say. */
  async isTopicGone(topicId: string): Promise<boolean> {
    return this.#anyBroker('look for a topic id', async (connection) => {
      if (this.#versionOf(API_METADATA) < 12) return false;
      try {
        await metadataV12.api.async(connection, [{ topicId }], false, false);
        return false;
      } catch (error) {
        if (kafkaErrorName(error) === 'UNKNOWN_TOPIC_ID') return true;
        throw error;
      }
    });
  }

  async initProducerId(transactionalId: string, transactionTimeoutMs: number): Promise<ProducerIdentity> {
    const { producerId, producerEpoch } = await this.#atCoordinator(
      { kind: 'transaction', key: transactionalId, operation: 'take the transactional id' },
      (connection) => {
        const api = this.#versionOf(API_INIT_PRODUCER_ID) >= 4 ? initProducerIdV4.api : initProducerIdV3.api;
        return api.async(connection, transactionalId, transactionTimeoutMs);
      },
    );
    return { transactionalId, producerId, producerEpoch };
  }

  async addOffsetsToTxn(producer: ProducerIdentity, group: string): Promise<void> {
    await this.#atCoordinator(
      { kind: 'transaction', key: producer.transactionalId, operation: 'begin the offset transaction' },
      (connection) =>
        addOffsetsToTxnV3.api.async(
          connection,
          producer.transactionalId,
          producer.producerId,
          producer.producerEpoch,
          group,
        ),
    );
  }

  async txnOffsetCommit(
    producer: ProducerIdentity,
    place: GroupPartition,
    value: CommittedValue,
  ): Promise<void> {
    await this.#atCoordinator(
      { kind: 'group', key: place.group, operation: 'write the offset in the transaction' },
      (connection) =>
        txnOffsetCommitV3.api.async(
          connection,
          producer.transactionalId,
          place.group,
          producer.producerId,
          producer.producerEpoch,
          -1,
          '',
          null,
          commitTopics(place, value),
        ),
    );
  }

  async endTxn(producer: ProducerIdentity, outcome: 'commit' | 'abort'): Promise<void> {
    await this.#atCoordinator(
      { kind: 'transaction', key: producer.transactionalId, operation: 'end the offset transaction' },
      (connection) =>
        endTxnV3.api.async(
          connection,
          producer.transactionalId,
          producer.producerId,
          producer.producerEpoch,
          outcome === 'commit',
        ),
    );
  }

  /** A commit without a fence, as a consumer that is in no group. */
  async offsetCommit(place: GroupPartition, value: CommittedValue): Promise<void> {
    await this.#atCoordinator(
      { kind: 'group', key: place.group, operation: 'commit the offset' },
      (connection) =>
        offsetCommitV7.api.async(connection, place.group, -1, '', null, commitTopics(place, value)),
    );
  }

  /** `isStable`: refused with UNSTABLE_OFFSET_COMMIT while a transaction on the offset is open. */
  async offsetFetch(place: GroupPartition, isStable: boolean): Promise<CommittedValue> {
    const topics = [{ name: place.topic, partitionIndexes: [place.partition] }];
    const reply = await this.#atCoordinator(
      { kind: 'group', key: place.group, operation: 'read the committed offset' },
      (connection) => {
        // The versions are known by now: finding the coordinator asked for them.
        const canBeStable = this.#versionOf(API_OFFSET_FETCH) >= OFFSET_FETCH_STABLE_VERSION;
        const api = canBeStable ? offsetFetchV7.api : offsetFetchV5.api;
        return api.async(connection, [{ groupId: place.group, topics }], isStable);
      },
    );
    const found = reply.topics[0]?.partitions[0];
    if (found === undefined || found.committedOffset < 0n) return NO_COMMITTED_VALUE;
    return {
      offset: Number(found.committedOffset),
      leaderEpoch: found.committedLeaderEpoch,
      metadata: found.metadata ?? '',
    };
  }

  /** Members that a group has now, as `client id at host`; consumers of the new protocol (KIP-848) too. */
  async groupMembers(group: string): Promise<readonly string[]> {
    const classic = await this.#atCoordinator(
      { kind: 'group', key: group, operation: 'list the members of the group' },
      (connection) => describeGroupsV5.api.async(connection, [group], false),
    );
    const members: { clientId: string; clientHost: string }[] = classic.groups.flatMap((one) => one.members);
    if (members.length === 0 && this.#versionOf(API_CONSUMER_GROUP_DESCRIBE) >= 0) {
      members.push(...(await this.#newProtocolMembers(group)));
    }
    return members.map((one) => `${one.clientId} at ${one.clientHost}`);
  }

  /**
   * What we may do with a group: numbers of Kafka's `AclOperation` (3 Read, 8 Describe). undefined: the broker does not say. Reading
   * about a group changes nothing in it.
   */
  async groupOperations(group: string): Promise<ReadonlySet<number> | undefined> {
    const reply = await this.#atCoordinator(
      { kind: 'group', key: group, operation: 'ask for the rights on the group' },
      (connection) => describeGroupsV5.api.async(connection, [group], true),
    );
    const bits = reply.groups[0]?.authorizedOperations;
    if (bits === undefined || bits === OPERATIONS_NOT_TOLD) return undefined;
    return new Set(Array.from({ length: 31 }, (_, bit) => bit).filter((bit) => (bits & (1 << bit)) !== 0));
  }

  /** The broker that coordinates a transactional id; asking takes the right to describe it, and creates nothing. */
  async transactionCoordinator(transactionalId: string): Promise<BrokerHost> {
    return this.#coordinator('transaction', transactionalId);
  }

  /** Where the log of a leader epoch ends: below it nothing was truncated (KIP-320). undefined: the broker can't say. */
  async endOfLeaderEpoch(info: PartitionInfo, leaderEpoch: number): Promise<number | undefined> {
    const broker = this.#brokers.get(info.leader);
    if (broker === undefined) return undefined;
    const connection = await this.#connections.to(broker);
    const where = {
      operation: 'ask for the end of a leader epoch',
      place: `${info.topic}/${info.partition}`,
    };
    const partitions = [{ partitionIndex: info.partition, currentLeaderEpoch: -1, leaderEpoch }];
    try {
      const reply = await offsetForLeaderEpochV4.api.async(connection, -1, [
        { name: info.topic, partitions },
      ]);
      const end = reply.topics[0]?.partitions[0]?.endOffset;
      return end === undefined || end < 0n ? undefined : Number(end);
    } catch (error) {
      throw wireError(error, where);
    }
  }

  /** The broker that coordinates a group; asked for again after `forgetCoordinator`. */
  async groupCoordinator(group: string): Promise<BrokerHost> {
    return this.#coordinator('group', group);
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.delete(`${kind} ${key}`);
  }

  async #newProtocolMembers(group: string): Promise<{ clientId: string; clientHost: string }[]> {
    try {
      const reply = await this.#atCoordinator(
        { kind: 'group', key: group, operation: 'list the members of the group' },
        (connection) => consumerGroupDescribeV0.api.async(connection, [group], false),
      );
      return reply.groups.flatMap((one) => one.members);
    } catch (error) {
      // A group without consumers of that protocol is none to this call.
      const name = kafkaErrorName(error);
      if (name === 'GROUP_ID_NOT_FOUND' || name === 'UNSUPPORTED_VERSION') return [];
      throw error;
    }
  }

  async #atCoordinator<Reply>(
    what: { readonly kind: CoordinatorKind; readonly key: string; readonly operation: string },
    call: (connection: Connection) => Promise<Reply>,
  ): Promise<Reply> {
    const broker = await this.#coordinator(what.kind, what.key);
    try {
      return await call(await this.#connections.to(broker));
    } catch (error) {
      const name = kafkaErrorName(error);
      if (name === undefined || isCoordinatorName(name)) this.forgetCoordinator(what.kind, what.key);
      throw wireError(error, { operation: what.operation, place: what.key });
    }
  }

  async #coordinator(kind: CoordinatorKind, key: string): Promise<BrokerHost> {
    const cacheKey = `${kind} ${key}`;
    const known = this.#coordinators.get(cacheKey);
    if (known !== undefined) return known;
    const reply = await this.#anyBroker(`find the ${kind} coordinator`, (connection) => {
      const api = this.#versionOf(API_FIND_COORDINATOR) >= 4 ? findCoordinatorV4.api : findCoordinatorV1.api;
      return api.async(connection, kind === 'group' ? 0 : 1, [key]);
    });
    const found = reply.coordinators[0];
    if (found === undefined) throw new RangeError('a coordinator reply without a coordinator');
    const broker = { host: found.host, port: found.port };
    this.#coordinators.set(cacheKey, broker);
    return broker;
  }

  /** The last broker that answered, then those known, then the bootstrap servers: the first that can be reached is asked. */
  async #anyBroker<Reply>(
    operation: string,
    call: (connection: Connection) => Promise<Reply>,
  ): Promise<Reply> {
    const candidates = [
      ...(this.#lastGood === undefined ? [] : [this.#lastGood]),
      ...this.#bootstrap,
      ...this.#brokers.values(),
    ];
    let failure: GatewayError | undefined;
    const tried = new Set<string>();
    for (const broker of candidates) {
      const place = `${broker.host}:${broker.port}`;
      if (tried.has(place)) continue;
      tried.add(place);
      try {
        const connection = await this.#connections.to(broker);
        await this.#learnVersions(connection);
        const reply = await call(connection);
        this.#lastGood = broker;
        return reply;
      } catch (error) {
        failure = wireError(error, { operation, place });
        if (kafkaErrorName(error) !== undefined) throw failure;
      }
    }
    throw failure ?? new RangeError('no bootstrap server');
  }

  async #learnVersions(connection: Connection): Promise<void> {
    if (this.#versions !== undefined) return;
    const reply = await apiVersionsV3.api.async(connection, 'headgate', '1');
    this.#versions = new Map(reply.apiKeys.map((api) => [api.apiKey, api.maxVersion]));
  }

  /** -1: the broker has no such call. */
  #versionOf(apiKey: number): number {
    return this.#versions?.get(apiKey) ?? -1;
  }
}

/** `host:port` or `[v6]:port`; throws GatewayError config-invalid. */
export function parseHost(text: string): BrokerHost {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  if (match === null || host === undefined) {
    throw new GatewayError({
      code: 'config-invalid',
      operation: 'read the bootstrap servers',
      place: text,
      message: 'a bootstrap server is written host:port',
      retry: 'never',
      hint: 'Write kafka.bootstrap.servers as a list of host:port.',
    });
  }
  return { host, port: Number(match[3]) };
}

function commitTopics(place: GroupPartition, value: CommittedValue) {
  const partition = {
    partitionIndex: place.partition,
    committedOffset: BigInt(value.offset),
    committedLeaderEpoch: value.leaderEpoch,
    committedMetadata: value.metadata,
  };
  return [{ name: place.topic, partitions: [partition] }];
}

interface MetadataReply {
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  readonly clusterId?: string | null | undefined;
  readonly topics: readonly {
    readonly errorCode: number;
    readonly name?: string | null | undefined;
    readonly topicId?: string | undefined;
    readonly isInternal: boolean;
    readonly partitions: readonly {
      readonly partitionIndex: number;
      readonly leaderId: number;
      readonly leaderEpoch: number;
    }[];
  }[];
}

function isMetadataReply(reply: unknown): reply is MetadataReply {
  return (
    typeof reply === 'object' &&
    reply !== null &&
    'brokers' in reply &&
    'topics' in reply &&
    'clusterId' in reply
  );
}

function clusterView(reply: MetadataReply, withInternal: boolean): ClusterView {
  const partitions: PartitionInfo[] = [];
  const refused = new Map<string, string>();
  const internalTopics = new Set<string>();
  for (const topic of reply.topics) {
    if (topic.name === null || topic.name === undefined) continue;
    if (topic.isInternal) internalTopics.add(topic.name);
    if (topic.isInternal && !withInternal) continue;
    if (topic.errorCode !== NO_ERROR) {
      refused.set(topic.name, ERROR_NAMES_BY_CODE.get(topic.errorCode) ?? `error ${topic.errorCode}`);
      continue;
    }
    const topicId = topic.topicId === undefined || topic.topicId === NO_TOPIC_ID ? '' : topic.topicId;
    for (const { partitionIndex, leaderId, leaderEpoch } of topic.partitions) {
      partitions.push({
        topic: topic.name,
        partition: partitionIndex,
        topicId,
        leader: leaderId,
        leaderEpoch,
      });
    }
  }
  const brokers = reply.brokers.map(({ nodeId, host, port }) => ({ node: nodeId, host, port }));
  return { clusterId: reply.clusterId ?? '', partitions, refused, brokers, internalTopics };
}
