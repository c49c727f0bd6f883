/** Brokers, topics and sample events for whoever writes a source: before there is one, and without taking part in anything. */
import { dirname } from 'node:path';
import { isRawMap } from '../../../shared/contract/config-table.ts';
import { securitySchema, type SecurityConfig } from '../../../shared/contract/config-source.ts';
import { SECRET_KEPT } from '../../../shared/contract/control-config.ts';
import type { Output, ParsedInput } from '../../../shared/contract/control.ts';
import type { KafkaAddress } from '../../../shared/contract/control-what-if.ts';
import type { GatewayConfig } from '../../../shared/contract/config.ts';
import { GatewayError, isGatewayError } from '../../../shared/errors.ts';
import { MIB, SECOND_MS } from '../../../shared/units.ts';
import { ReferenceReader } from '../../config/config-reference.ts';
import { KafkaSurvey, type KafkaReach } from '../../sources/kafka/kafka-survey.ts';
import { kafkaSecurity } from '../source-mapping.ts';

const LOOK_LIMIT_MS = 25 * SECOND_MS;
const SAMPLE_BYTES_MAX = 32 * MIB;
const EVENT_BYTES_MAX = 64 * MIB;
const BODY_CHARS_MAX = 4_096;
const CLIENT_ID = 'headgate-look';
/** A header of the sample's own events, which never leave this file. */
const ALL_HEADERS = 'headgate.record.headers';

export interface LookContext {
  /** Of the configuration file: relative references begin in its folder. */
  readonly path: string;
  /** Whose written-out secrets a mark may stand for. */
  readonly running: GatewayConfig | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Throws a GatewayError that says what keeps the brokers from answering, and what to change. */
export async function kafkaTopics(
  address: ParsedInput<'kafkaTopics'>,
  context: LookContext,
): Promise<Output<'kafkaTopics'>> {
  return withSurvey(address, context, async (survey, signal) => {
    const { clusterId, brokers, topics } = await survey.facts(signal);
    return {
      clusterId,
      brokers: brokers.map(({ host, port }) => `${host}:${port}`),
      topics: topics.map((topic) => ({ ...topic, records: Math.max(0, topic.records) })),
    };
  });
}

/** The last events of a topic, newest last. */
export async function kafkaSample(
  { topic, last, ...address }: ParsedInput<'kafkaSample'>,
  context: LookContext,
): Promise<Output<'kafkaSample'>> {
  return withSurvey(address, context, async (survey, signal) => {
    const request = {
      topics: [topic],
      last,
      maxEventBytes: EVENT_BYTES_MAX,
      topicHeader: undefined,
      recordHeaders: {},
      allHeadersName: ALL_HEADERS,
      bytesMax: SAMPLE_BYTES_MAX,
      sliceEvents: () => last,
    };
    const found: Output<'kafkaSample'>['events'] = [];
    for await (const { partition, events } of survey.sample(request, signal)) {
      for (let index = 0; index < events.count; index++) {
        const timestampMs = events.timestamps[index] ?? NaN;
        const headers = JSON.parse(events.getHeader(index, ALL_HEADERS) ?? '{}') as Record<string, string>;
        found.push({
          ...{ topic, partition, offset: events.offsets[index] ?? 0, headers },
          body: bodyText(events.body(index)),
          bodyBytes: events.bodyLength(index),
          timestampMs: Number.isNaN(timestampMs) ? 0 : timestampMs,
        });
      }
    }
    return {
      events: found.sort((left, right) => left.timestampMs - right.timestampMs || left.offset - right.offset),
    };
  });
}

async function withSurvey<Answer>(
  address: KafkaAddress,
  { path, running, signal }: LookContext,
  look: (survey: KafkaSurvey, signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const reach: KafkaReach = {
    bootstrapServers: address.bootstrapServers,
    clientId: CLIENT_ID,
    ...kafkaSecurity(securityOf(address, { path, running })),
  };
  const limit = AbortSignal.timeout(LOOK_LIMIT_MS);
  const survey = new KafkaSurvey(reach);
  try {
    return await look(survey, signal === undefined ? limit : AbortSignal.any([limit, signal]));
  } catch (error) {
    if (limit.aborted && (!isGatewayError(error) || error.code === 'aborted')) throw tooSlow(reach);
    throw error;
  } finally {
    await survey.close();
  }
}

/** The security that is meant, references resolved, a kept password taken from the running source of the same brokers and user. */
function securityOf(
  address: KafkaAddress,
  { path, running }: Pick<LookContext, 'path' | 'running'>,
): SecurityConfig {
  const references = new ReferenceReader({ environment: process.env, folder: dirname(path) });
  const parsed = securitySchema.safeParse(expanded(address.security ?? {}, references));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(
      references.redact(`security.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'can’t be used'}`),
      'Write it as under `security` of a source.',
    );
  }
  const { sasl } = parsed.data;
  if (sasl?.password !== SECRET_KEPT) return parsed.data;
  const password = keptPassword(address, sasl.username, running);
  if (password === undefined)
    throw invalid('the password was not given', 'Type it in, or name a file: ${file:…}.');
  return { ...parsed.data, sasl: { ...sasl, password } };
}

/** Never for other brokers than those that it was written for: they would learn it. */
function keptPassword(
  { bootstrapServers }: KafkaAddress,
  username: string,
  running: GatewayConfig | undefined,
): string | undefined {
  const wanted = [...bootstrapServers].sort().join();
  for (const source of Object.values(running?.sources ?? {})) {
    if (source.type !== 'kafka' || source.security.sasl?.username !== username) continue;
    if ([...source.bootstrapServers].sort().join() === wanted) return source.security.sasl.password;
  }
  return undefined;
}

function expanded(value: unknown, references: ReferenceReader): unknown {
  if (typeof value === 'string') {
    const expansion = references.expand(value);
    if ('value' in expansion) return expansion.value;
    throw invalid(expansion.message, expansion.hint);
  }
  if (!isRawMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, expanded(one, references)]));
}

/** Enough bytes for the characters that are shown, so that a large body is not decoded whole. */
function bodyText(body: Buffer): string {
  return body
    .subarray(0, BODY_CHARS_MAX * 4)
    .toString('utf8')
    .slice(0, BODY_CHARS_MAX)
    .toWellFormed();
}

function invalid(message: string, hint: string): GatewayError {
  return new GatewayError({
    code: 'config-invalid',
    operation: 'read the brokers’ security',
    place: 'security',
    message,
    retry: 'never',
    hint,
  });
}

function tooSlow({ bootstrapServers }: KafkaReach): GatewayError {
  return new GatewayError({
    code: 'timeout',
    operation: 'look at the topics',
    place: bootstrapServers.join(', '),
    message: `the brokers did not answer within ${LOOK_LIMIT_MS / SECOND_MS} s`,
    retry: 'backoff',
    hint: 'The link or the brokers are slow, or a broker other than the first can’t be reached.',
  });
}
