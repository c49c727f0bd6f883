import {
  ConfigResourceTypes,
  describeConfigsV2,
  describeConfigsV4,
  type Connection,
} from '@platformatic/kafka';
import { replyOf } from './protocol-error.ts';

/** By topic, then by key. */
export type TopicConfigs = ReadonlyMap<string, ReadonlyMap<string, string>>;

const NO_ERROR = 0;

/** Settings of topics as one broker tells them; topics that may not be described are left out. Throws what the client throws. */
export async function readTopicConfigs(
  connection: Connection,
  wanted: { readonly version: number; readonly topics: readonly string[]; readonly keys: readonly string[] },
): Promise<TopicConfigs> {
  const resources = wanted.topics.map((resourceName) => ({
    ...{ resourceType: ConfigResourceTypes.TOPIC, resourceName },
    configurationKeys: [...wanted.keys],
  }));
  const { api } = wanted.version >= 4 ? describeConfigsV4 : describeConfigsV2;
  let reply: ConfigsReply;
  try {
    reply = await api.async(connection, resources, false, false);
  } catch (error) {
    // One topic that is refused makes the client throw; what it says of the others is as good as ever.
    const whole = replyOf(error);
    if (!isConfigsReply(whole)) throw error;
    reply = whole;
  }
  return new Map(
    reply.results
      .filter(({ errorCode }) => errorCode === NO_ERROR)
      .map(({ resourceName, configs }) => [
        resourceName,
        new Map(configs.map(({ name, value }) => [name, value ?? ''])),
      ]),
  );
}

type ConfigsReply = Awaited<ReturnType<typeof describeConfigsV4.api.async>>;

function isConfigsReply(value: unknown): value is ConfigsReply {
  return typeof value === 'object' && value !== null && Array.isArray(Reflect.get(value, 'results'));
}
