import type { ConnectionOptions } from 'node:tls';
import { DAY_MS, MIB, MINUTE_MS, SECOND_MS } from '../../../shared/units.ts';
import type { SaslIdentity } from './wire/pull-link.ts';

/** Everything a Kafka source is told; `kafkaSourceSettings` fills in the defaults. All times in ms, all sizes in bytes. */
export interface KafkaSourceSettings {
  readonly name: string;
  /** `host:port`. */
  readonly bootstrapServers: readonly string[];
  readonly clientId: string;
  readonly topics: TopicSelection;
  readonly groupId: string;
  /** Where to begin when the group has no position; resolved once. Partitions that appear later start at the earliest. */
  readonly startAt: StartAt;
  /** Events a delivery. */
  readonly batchSize: number;
  /** Bytes a delivery. */
  readonly batchBytes: number;
  /** How long the broker may wait for data before it answers a fetch. */
  readonly batchDurationMs: number;
  readonly maxEventBytes: number;
  /** How often a failed pull is pulled again at once, before the source waits. */
  readonly repulls: number;
  /** `auto`: transactions where the broker can, else none, said in status. */
  readonly fence: 'auto' | 'transactions' | 'none';
  /** By the group `<group>.members`, or all partitions of the topics without asking anybody. */
  readonly assignment: 'group' | 'fixed';
  /** With `fixed`: the partitions that are ours, by topic; undefined: all. */
  readonly fixedPartitions: Readonly<Record<string, readonly number[]>> | undefined;
  /** Bytes a fetch may answer, for all partitions of one broker. */
  readonly fetchBytes: number;
  /** Bytes a fetch may answer for one partition, and bytes of one partition that may wait for delivery. */
  readonly partitionBytes: number;
  /** How far `partitionBytes` is raised for a record batch that does not fit. */
  readonly partitionBytesMax: number;
  readonly tls: ConnectionOptions | undefined;
  readonly sasl: SaslIdentity | undefined;
  /** Event header that holds the topic; undefined: none. */
  readonly topicHeader: string | undefined;
  /** Event header name -> record header name. */
  readonly recordHeaders: Readonly<Record<string, string>>;
  /** Alarm when no broker answered for so long. */
  readonly linkDownMs: number;
  /** Names the place this gateway lands in; two gateways of one group with different targets are a mistake. */
  readonly landingTargetId: string;
  /** The operator's answer to a hold; each word counts once for each partition. */
  readonly acceptReplay: ReplayWord | undefined;
  readonly timing: KafkaTiming;
}

export type TopicSelection =
  | { readonly kind: 'list'; readonly names: readonly string[] }
  | { readonly kind: 'regex'; readonly pattern: string };

export type StartAt = 'earliest' | 'latest' | { readonly timeMs: number };

/** `stored`: go on from the position in the state directory. `broker`: go where the group's offset says, even back. */
export interface ReplayWord {
  readonly choice: 'stored' | 'broker';
  /** Any text; a word that was used for a partition is not taken a second time. */
  readonly word: string;
}

export interface KafkaTiming {
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly transactionTimeoutMs: number;
  readonly commitIntervalMs: number;
  readonly idleCheckMs: number;
  readonly renewMs: number;
  readonly topicRefreshMs: number;
  /** Refresh while a listed topic or a leader is missing. */
  readonly topicRefreshFastMs: number;
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly rebalanceTimeoutMs: number;
  /** How long our position may lie beyond the leader's end before the log counts as truncated. */
  readonly beyondEndMs: number;
  /** How long a last stable offset may stand still below the end before it is alarmed. */
  readonly stableStuckMs: number;
  readonly backoffFirstMs: number;
  readonly backoffLastMs: number;
  /** A held partition is looked at again so often. */
  readonly heldRetryMs: number;
  /** Least time between two fetches of one broker that bring nothing. */
  readonly emptyPullSpacingMs: number;
  /** How often it is asked whether events are to be pulled again. */
  readonly claimCheckMs: number;
  /** At a stop, for the last deliveries and the last commit. */
  readonly stopLimitMs: number;
}

export const KAFKA_TIMING: KafkaTiming = {
  connectTimeoutMs: 10 * SECOND_MS,
  requestTimeoutMs: 20 * SECOND_MS,
  transactionTimeoutMs: 60 * SECOND_MS,
  commitIntervalMs: 1 * SECOND_MS,
  idleCheckMs: 1 * MINUTE_MS,
  renewMs: 1 * DAY_MS,
  topicRefreshMs: 10 * SECOND_MS,
  topicRefreshFastMs: 2 * SECOND_MS,
  sessionTimeoutMs: 30 * SECOND_MS,
  heartbeatMs: 3 * SECOND_MS,
  rebalanceTimeoutMs: 30 * SECOND_MS,
  beyondEndMs: 1 * MINUTE_MS,
  stableStuckMs: 5 * MINUTE_MS,
  backoffFirstMs: 1 * SECOND_MS,
  backoffLastMs: 1 * MINUTE_MS,
  heldRetryMs: 1 * MINUTE_MS,
  emptyPullSpacingMs: 100,
  claimCheckMs: 5 * SECOND_MS,
  stopLimitMs: 10 * SECOND_MS,
};

/** What has no default, and anything that differs from it. */
export type KafkaSourceInput = Pick<
  KafkaSourceSettings,
  'name' | 'bootstrapServers' | 'topics' | 'groupId' | 'landingTargetId'
> &
  Partial<Omit<KafkaSourceSettings, 'timing'>> & { readonly timing?: Partial<KafkaTiming> };

export function kafkaSourceSettings(input: KafkaSourceInput): KafkaSourceSettings {
  return {
    clientId: `headgate-${input.name}`,
    startAt: 'earliest',
    batchSize: 10_000,
    batchBytes: 2 * MIB,
    batchDurationMs: 1 * SECOND_MS,
    maxEventBytes: 16 * MIB,
    repulls: 1,
    fence: 'auto',
    assignment: 'group',
    fixedPartitions: undefined,
    fetchBytes: 8 * MIB,
    partitionBytes: 1 * MIB,
    partitionBytesMax: 64 * MIB,
    tls: undefined,
    sasl: undefined,
    topicHeader: 'topic',
    recordHeaders: {},
    linkDownMs: 5 * MINUTE_MS,
    acceptReplay: undefined,
    ...input,
    timing: { ...KAFKA_TIMING, ...input.timing },
  };
}
