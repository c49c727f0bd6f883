/** Real events to try rules on, from wherever they are, as the source of the configuration would give them; passed on in small slices. */
import type { GatewayConfig, KafkaSourceConfig, SourceConfig } from '../../../shared/contract/config.ts';
import type { WhatIfInput } from '../../../shared/contract/control-what-if.ts';
import type { EventBatch } from '../../../shared/event-batch.ts';
import { GatewayError } from '../../../shared/errors.ts';
import { formatBytes, MIB } from '../../../shared/units.ts';
import { KafkaSurvey, type KafkaReach } from '../../sources/kafka/kafka-survey.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { kafkaSecurity } from '../source-mapping.ts';
import { fileSample } from './file-sample.ts';
import { pastedEvents } from './pasted-events.ts';
import { shownBody, type SampleEvent, type SampleOrigin } from './sample-event.ts';
import { backlogSample, quarantineSample } from './stored-sample.ts';

/** Bytes that a sample reads from a topic; on a slow line the limit of time comes first. */
const TOPIC_BYTES_MAX = 256 * MIB;
/** A sample reads the configured link beside the source; its own name tells it apart in the brokers' logs. */
const CLIENT_ID_ENDING = '-sample';

export interface SampleSlice {
  readonly origin: SampleOrigin;
  /** Untouched: rules are tried on copies. */
  readonly events: EventBatch;
  /** Events that the source itself would put into quarantine. */
  readonly failed: readonly { readonly reason: string; readonly sample: SampleEvent }[];
}

export interface EventSample {
  /** Events at most. */
  readonly total: number;
  /** What events have for a time before any rule sees them, in words. */
  readonly sourceTime: string;
  slices(signal: AbortSignal): AsyncGenerator<SampleSlice>;
  /** What is to be said of it, once it was read. */
  note(): string | undefined;
}

export interface SampleContext {
  readonly source: string;
  readonly config: GatewayConfig;
  readonly clock: Clock;
  /** Holds the backlog and the quarantine; undefined: no engine's data is at hand. */
  readonly stateDir: string | undefined;
  /** Events the next slice should have: small while rules turn out to be slow. */
  readonly sliceEvents: () => number;
}

/** Throws `usage` for a sample that can't be had here. Nothing is read before `slices`. */
export function openSample(sample: WhatIfInput['sample'], context: SampleContext): EventSample {
  const source = context.config.sources[context.source];
  if (source === undefined) throw noSuchSource(context);
  switch (sample.kind) {
    case 'lines':
      return lineSample(sample, source, context);
    case 'topic':
      return source.type === 'kafka'
        ? topicSample(sample, source, context)
        : fileSample({ ...sample, settings: source, clock: context.clock, sliceEvents: context.sliceEvents });
    case 'backlog':
      return backlogSample({
        ...sample,
        stateDir: storedIn(context),
        source,
        sliceEvents: context.sliceEvents,
      });
    case 'quarantine':
      return quarantineSample({ ...sample, source: context.source, stateDir: storedIn(context) });
  }
}

/** How the brokers of a source are reached for looking. Throws `config-unreadable` for a certificate that is not there. */
export function reachOf(source: KafkaSourceConfig): KafkaReach {
  const { bootstrapServers, clientId, security } = source;
  return { bootstrapServers, clientId: `${clientId}${CLIENT_ID_ENDING}`, ...securityOf(security) };
}

function securityOf(security: KafkaSourceConfig['security']): Pick<KafkaReach, 'tls' | 'sasl'> {
  const { tls, sasl } = kafkaSecurity(security);
  return { tls, sasl };
}

function lineSample(
  { lines, topic }: Extract<WhatIfInput['sample'], { kind: 'lines' }>,
  source: SourceConfig,
  { clock, sliceEvents }: SampleContext,
): EventSample {
  const nowMs = clock.nowMs();
  const origin: SampleOrigin = { topic, partition: 0, hasRecordTimes: false, mapsTimestamp: false };
  return {
    total: lines.length,
    sourceTime: 'the time of pasting',
    note: () => undefined,
    async *slices() {
      for (let from = 0; from < lines.length;) {
        const bodies = lines.slice(from, from + sliceEvents()).map((line) => Buffer.from(line));
        yield { origin, events: pastedEvents(bodies, { source, topic, from, nowMs }), failed: [] };
        from += bodies.length;
      }
    },
  };
}

function topicSample(
  { topic, last }: Extract<WhatIfInput['sample'], { kind: 'topic' }>,
  source: KafkaSourceConfig,
  { sliceEvents }: SampleContext,
): EventSample {
  const { maxEventBytes, recordHeaders, subscription } = source;
  let isCut = false;
  return {
    total: last,
    sourceTime: 'the record’s time in Kafka',
    note: () =>
      isCut ? `The sample ended after ${formatBytes(TOPIC_BYTES_MAX)}: the events are large.` : undefined,
    async *slices(signal) {
      const survey = new KafkaSurvey(reachOf(source));
      try {
        const topics = topic === undefined ? await topicsOf(subscription, survey, signal) : [topic];
        const topicHeader = source.isTopicHeaderSet ? source.topicHeader : undefined;
        const mapsTimestamp = Object.hasOwn(recordHeaders, 'timestamp');
        const request = { topics, last, maxEventBytes, topicHeader, recordHeaders };
        const bytesMax = TOPIC_BYTES_MAX;
        for await (const slice of survey.sample({ ...request, bytesMax, sliceEvents }, signal)) {
          const origin = {
            topic: slice.topic,
            partition: slice.partition,
            hasRecordTimes: true,
            mapsTimestamp,
          };
          const failed = slice.oversized.map(({ reason, offset, body }) => ({
            reason,
            sample: { topic: slice.topic, partition: slice.partition, offset, body: shownBody(body) },
          }));
          yield { origin, events: slice.events, failed };
        }
        isCut = survey.hasReached(bytesMax);
      } finally {
        await survey.close();
      }
    },
  };
}

async function topicsOf(
  subscription: KafkaSourceConfig['subscription'],
  survey: KafkaSurvey,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (subscription.kind === 'topics') return subscription.topics;
  await survey.connect(signal);
  const { partitions, internalTopics } = await survey.view(undefined, signal);
  // As the source takes them: the whole name must match, and Kafka's own topics are none.
  const pattern = new RegExp(`^(?:${subscription.regex})$`);
  const names = new Set(partitions.map(({ topic }) => topic));
  return [...names].filter((name) => pattern.test(name) && !internalTopics.has(name)).sort();
}

function storedIn({ stateDir }: SampleContext): string {
  if (stateDir !== undefined) return stateDir;
  throw new GatewayError({
    code: 'usage',
    operation: 'take a sample',
    place: '',
    message: 'there is no engine whose backlog or quarantine could be looked at',
    retry: 'never',
    hint: 'Take the last events of a topic, or paste lines.',
  });
}

function noSuchSource({ source, config }: SampleContext): GatewayError {
  const names = Object.keys(config.sources);
  return new GatewayError({
    code: 'usage',
    operation: 'try the rules of a source',
    place: source,
    message: `the configuration has no source ${JSON.stringify(source)}`,
    retry: 'never',
    hint: names.length === 0 ? 'It has no source at all.' : `It has: ${names.join(', ')}.`,
  });
}
