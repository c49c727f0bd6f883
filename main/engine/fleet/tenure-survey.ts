/**
 * Who owned what, as the group says: the committed offset of every partition that the configuration reads, and the tenures in its metadata
 * (exactly-once.md §4). Only questions; no group notices them. It needs no other gateway, only the brokers.
 */
import type { GatewayConfig, KafkaSourceConfig } from '../../../shared/contract/config.ts';
import { FLEET_PARTITIONS_MAX } from '../../../shared/contract/control-fleet.ts';
import { isGatewayError } from '../../../shared/errors.ts';
import { KafkaSurvey } from '../../sources/kafka/kafka-survey.ts';
import { isCoordinatorName, kafkaErrorName } from '../../sources/kafka/protocol-error.ts';
import type { CommittedValue, GroupPartition, PartitionInfo } from '../../sources/kafka/protocol-link.ts';
import { parseTenureMetadata, type TenureMetadata } from '../../sources/kafka/tenure-metadata.ts';
import { reachOf } from '../what-if/event-sample.ts';

const AT_ONCE = 16;

/** One listed tenure: accepted offsets `[start, end)`; the last one's end is the committed offset. */
export interface ListedTenure {
  readonly nonce: string;
  readonly stateId: string;
  readonly gatewayId: string;
  readonly start: number;
  readonly end: number;
}

export interface PartitionTenures {
  readonly source: string;
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly topicId: string;
  /** -1: the group has none. */
  readonly committed: number;
  /** Of the log that the committed offset belongs to; '' where there is no metadata of ours. */
  readonly incarnation: string;
  /** Oldest first, of that log only. Empty: there is no metadata of ours. */
  readonly tenures: readonly ListedTenure[];
  /** False: older tenures were listed once and had to give way. */
  readonly isWhole: boolean;
}

export interface TenureSurvey {
  readonly partitions: readonly PartitionTenures[];
  readonly leftOut: number;
  readonly problems: readonly FleetProblem[];
}

export interface FleetProblem {
  readonly place: string;
  readonly message: string;
}

/** Never rejects for servers that can't be asked: they are problems in the answer. */
export async function surveyTenures(config: GatewayConfig, signal: AbortSignal): Promise<TenureSurvey> {
  const partitions: PartitionTenures[] = [];
  const problems: FleetProblem[] = [];
  let leftOut = 0;
  for (const [name, source] of Object.entries(config.sources)) {
    if (source.type !== 'kafka') continue;
    const room = FLEET_PARTITIONS_MAX - partitions.length;
    try {
      const found = await surveySource(name, source, { room, signal });
      partitions.push(...found.partitions);
      problems.push(...found.problems);
      leftOut += found.leftOut;
    } catch (error) {
      if (!isGatewayError(error) || signal.aborted) throw error;
      problems.push({ place: `source ${name}`, message: error.message });
    }
  }
  return { partitions, leftOut, problems };
}

async function surveySource(
  name: string,
  source: KafkaSourceConfig,
  { room, signal }: { readonly room: number; readonly signal: AbortSignal },
): Promise<TenureSurvey> {
  const survey = new KafkaSurvey(reachOf(source));
  try {
    await survey.connect(signal);
    const wanted = await partitionsOf(survey, source, signal);
    const asked = wanted.slice(0, room);
    const partitions: PartitionTenures[] = [];
    const problems: FleetProblem[] = [];
    for (let at = 0; at < asked.length; at += AT_ONCE) {
      signal.throwIfAborted();
      const slice = asked.slice(at, at + AT_ONCE);
      await Promise.all(
        slice.map(async ({ topic, partition, topicId }) => {
          const place = { group: source.consumerGroupId, topic, partition };
          try {
            const committed = await committedValue(survey, place);
            partitions.push({ source: name, ...place, topicId, ...tenuresOf(committed) });
          } catch (error) {
            if (!isGatewayError(error)) throw error;
            problems.push({ place: `${topic}/${partition}`, message: error.message });
          }
        }),
      );
    }
    partitions.sort((a, b) => compare(a.topic, b.topic) || a.partition - b.partition);
    return { partitions, problems, leftOut: wanted.length - asked.length };
  } finally {
    await survey.close();
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function partitionsOf(
  survey: KafkaSurvey,
  { subscription }: KafkaSourceConfig,
  signal: AbortSignal,
): Promise<readonly PartitionInfo[]> {
  if (subscription.kind === 'topics') return (await survey.view(subscription.topics, signal)).partitions;
  const pattern = new RegExp(`^(?:${subscription.regex})$`);
  const view = await survey.view(undefined, signal);
  return view.partitions.filter(({ topic }) => pattern.test(topic) && !view.internalTopics.has(topic));
}

/** Stable where it can be; while a transaction on it is open, what is committed before it. */
async function committedValue(survey: KafkaSurvey, place: GroupPartition): Promise<CommittedValue> {
  try {
    return await survey.protocol.offsetFetch(place, true);
  } catch (error) {
    const name = kafkaErrorName(error);
    if (name === undefined || !isCoordinatorName(name)) throw error;
    return survey.protocol.offsetFetch(place, false);
  }
}

/** What a committed value says, of the log that it belongs to. */
export function tenuresOf(
  value: CommittedValue,
): Pick<PartitionTenures, 'committed' | 'incarnation' | 'tenures' | 'isWhole'> {
  const parsed = parseTenureMetadata(value.metadata);
  const committed = value.offset;
  if (committed < 0 || parsed.kind !== 'ours')
    return { committed, incarnation: '', tenures: [], isWhole: false };
  const { metadata } = parsed;
  const { entries, gateways, sequence, incarnation } = metadata;
  const first = Math.max(
    0,
    entries.findLastIndex(({ oldLogEnd }) => oldLogEnd !== undefined),
  );
  const tenures = entries.slice(first).map(({ nonce, stateId, start, end }) => ({
    ...{ nonce, stateId, start },
    gatewayId: gateways[stateId] ?? stateId,
    end: end ?? committed,
  }));
  return { committed, incarnation, tenures, isWhole: isWhole(metadata, first, sequence) };
}

function isWhole({ entries }: TenureMetadata, first: number, sequence: number): boolean {
  return first > 0 || sequence === entries.length || entries[0]?.oldLogEnd !== undefined;
}
