/** A Kafka source's brokers, topics and rights. Only questions: a group that a gateway works with never notices them. */
import type { KafkaSourceConfig } from '../../../shared/contract/config.ts';
import { isGatewayError } from '../../../shared/errors.ts';
import { formatCount, formatDuration, MIB, MINUTE_MS } from '../../../shared/units.ts';
import { KafkaSurvey, type KafkaReach } from '../../sources/kafka/kafka-survey.ts';
import type { ClusterView } from '../../sources/kafka/protocol-link.ts';
import { reachOf } from '../what-if/event-sample.ts';
import { eachOf, type CheckList, type Outcome } from './check-list.ts';

const BROKERS_AT_ONCE = 16;
const BROKERS_MAX = 100;
const TOPICS_AT_ONCE = 4;
const TOPICS_MAX = 50;
const SAMPLE_BYTES_MAX = 8 * MIB;
/** Kafka's `AclOperation`. */
const READ = 3;
/** A record from the future says that a clock is wrong: its producer's, or this machine's. */
const FUTURE_MS = MINUTE_MS;
const RIGHTS_HINT =
  'Grant the rights in docs/operations.md, "Rights in Kafka": topic Read and Describe, both groups Read, transactional id prefix headgate: Write and Describe.';

export async function checkKafkaSource(list: CheckList, source: KafkaSourceConfig): Promise<void> {
  let reach: KafkaReach;
  try {
    reach = reachOf(source);
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    const { message, hint, place } = error;
    return list.add({ area: 'broker', place }, { state: 'failed', message, hint });
  }
  const survey = new KafkaSurvey(reach);
  try {
    const view = await list.run({ area: 'broker', place: reach.bootstrapServers.join(', ') }, (signal) =>
      clusterOf(survey, signal),
    );
    if (view === undefined) return;
    const topics = topicsOf(source, view);
    await Promise.all([
      checkBrokers(list, reach, view),
      checkTopics(list, { source, survey, view, topics }),
      checkGroup(list, { source, survey, topic: topics[0] }),
    ]);
  } finally {
    await survey.close();
  }
}

async function clusterOf(
  survey: KafkaSurvey,
  signal: AbortSignal,
): Promise<Outcome & { found: ClusterView }> {
  await survey.connect(signal);
  const found = await survey.view(undefined, signal);
  const count = found.brokers.length;
  return {
    state: 'ok',
    message: `cluster ${found.clusterId} with ${count} broker${count === 1 ? '' : 's'}`,
    found,
  };
}

/** Each broker under the name that it gives itself: whoever reads a partition must reach its leader. */
async function checkBrokers(list: CheckList, reach: KafkaReach, view: ClusterView): Promise<void> {
  await eachOf(view.brokers.slice(0, BROKERS_MAX), BROKERS_AT_ONCE, async ({ node, host, port }) => {
    const place = `${host}:${port}`;
    await list.run({ area: 'broker', place }, async (signal) => {
      const one = new KafkaSurvey({
        ...reach,
        bootstrapServers: [host.includes(':') ? `[${host}]:${port}` : place],
      });
      try {
        await one.connect(signal);
        const canFence = await one.protocol.canFence();
        const identity = reach.sasl === undefined ? 'without a user' : `as ${reach.sasl.username}`;
        const link = `${reach.tls === undefined ? 'plain' : 'TLS'}, ${identity}`;
        return canFence
          ? { state: 'ok', message: `broker ${node} answers (${link}); Kafka 2.5 or later` }
          : {
              state: 'warning',
              message: `broker ${node} answers (${link}); it is older than Kafka 2.5, so owners can't be fenced`,
              hint: 'Run one gateway alone on this group, with fence: none.',
            };
      } finally {
        await one.close();
      }
    });
  });
}

function topicsOf({ subscription }: KafkaSourceConfig, view: ClusterView): readonly string[] {
  if (subscription.kind === 'topics') return subscription.topics;
  const pattern = new RegExp(`^(?:${subscription.regex})$`);
  const names = new Set(view.partitions.map(({ topic }) => topic));
  return [...names].filter((name) => pattern.test(name) && !view.internalTopics.has(name)).sort();
}

interface TopicWork {
  readonly source: KafkaSourceConfig;
  readonly survey: KafkaSurvey;
  readonly view: ClusterView;
  readonly topics: readonly string[];
}

async function checkTopics(list: CheckList, { source, survey, view, topics }: TopicWork): Promise<void> {
  const { subscription } = source;
  if (topics.length === 0 && subscription.kind === 'regex') {
    const hint = 'Topics that are made later are found; check the expression if there should be some now.';
    list.add(
      { area: 'topic', place: subscription.regex },
      { state: 'warning', message: 'no topic has such a name', hint },
    );
  }
  if (topics.length > TOPICS_MAX) {
    const message = `${formatCount(topics.length - TOPICS_MAX)} more topics were not looked at`;
    list.add({ area: 'topic', place: `${topics[TOPICS_MAX] ?? ''} …` }, { state: 'skipped', message });
  }
  await eachOf(topics.slice(0, TOPICS_MAX), TOPICS_AT_ONCE, (topic) =>
    list.run({ area: 'topic', place: topic }, (signal) =>
      lookAtTopic(list, { topic, source, survey, view }, signal),
    ),
  );
}

async function lookAtTopic(
  list: CheckList,
  { topic, source, survey, view }: Omit<TopicWork, 'topics'> & { readonly topic: string },
  signal: AbortSignal,
): Promise<Outcome> {
  const partitions = view.partitions.filter((info) => info.topic === topic);
  const leaderless = partitions.filter(({ leader }) => leader < 0).length;
  const request = {
    topics: [topic],
    last: 1,
    maxEventBytes: source.maxEventBytes,
    topicHeader: undefined,
    recordHeaders: {},
    bytesMax: SAMPLE_BYTES_MAX,
    sliceEvents: () => 1,
  };
  let newestMs = NaN;
  // Reading one record shows the right to read, and that its compression is one we have.
  for await (const { events } of survey.sample(request, signal)) newestMs = events.timestamps[0] ?? NaN;
  const facts = `${partitions.length} partition${partitions.length === 1 ? '' : 's'}, readable`;
  if (leaderless > 0)
    return {
      state: 'warning',
      message: `${facts}; ${leaderless} without a leader`,
      hint: 'Look which broker is down; the others are read meanwhile.',
    };
  const aheadMs = newestMs - list.clock.nowMs();
  if (aheadMs > FUTURE_MS)
    return {
      state: 'warning',
      message: `${facts}; its newest record is ${formatDuration(aheadMs)} ahead of this machine's clock`,
      hint: 'Compare the clocks of this machine and of the producers; run NTP on both.',
    };
  return { state: 'ok', message: Number.isNaN(newestMs) ? `${facts}; it has no record yet` : facts };
}

interface GroupWork {
  readonly source: KafkaSourceConfig;
  readonly survey: KafkaSurvey;
  readonly topic: string | undefined;
}

async function checkGroup(list: CheckList, { source, survey, topic }: GroupWork): Promise<void> {
  const group = source.consumerGroupId;
  const groups = source.assignment.kind === 'group' ? [group, `${group}.members`] : [group];
  for (const place of groups) {
    await list.run({ area: 'group', place }, async () => {
      const operations = await survey.protocol.groupOperations(place);
      if (operations !== undefined && !operations.has(READ))
        return {
          state: 'failed',
          message: 'the right to read with this group is missing',
          hint: RIGHTS_HINT,
        };
      const members = await survey.protocol.groupMembers(place);
      if (place !== group)
        return { state: 'ok', message: `${members.length} gateways share the partitions now` };
      if (members.length === 0) return { state: 'ok', message: 'described; it has no members of its own' };
      return {
        state: 'failed',
        message: `the group has members that are no gateways: ${members.slice(0, 3).join(', ')}`,
        hint: 'Stop them, or give this source a kafka.consumer.group.id of its own.',
      };
    });
  }
  if (source.fence === 'none' || topic === undefined) return;
  const transactionalId = `headgate:${topic}:0:${group}`;
  await list.run({ area: 'group', place: transactionalId }, async () => {
    await survey.protocol.transactionCoordinator(transactionalId);
    return {
      state: 'ok',
      message:
        'the transactional id may be described; the right to write with it is not tried, for that would fence a running gateway',
    };
  });
}
