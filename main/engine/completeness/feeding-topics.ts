/** Which partitions feed a directory: those of all topics of all sources of its channel, unless its path says which topic. */
import type { GatewayConfig, SinkConfig, SourceConfig } from '../../../shared/contract/config.ts';
import { compileDirectoryTemplate } from '../../landing/path-template.ts';
import { hostNames } from '../sink-mapping.ts';

/** Stands for what a header or a time expands to; no path has it by itself. */
const ANY = 'zqAnyTextqz';
/** Longer names may be cut in a path, and then the path does not tell the topic. */
const PLAIN_TOPIC = /^[A-Za-z0-9-][A-Za-z0-9._-]{0,99}$/;

/** Sources whose events may go into the sink's channel. */
export function sourcesOf(sink: SinkConfig, config: GatewayConfig): string[] {
  return Object.entries(config.sources)
    .filter(([, source]) => source.channels.includes(sink.channel))
    .map(([name]) => name);
}

/**
 * Answers whether a topic may feed a directory. A path with the topic's header tells them apart, as long as nothing but the source
 * sets that header; where that can't be told, every topic may.
 */
export class FeedingTopics {
  readonly #sink: SinkConfig;
  readonly #config: GatewayConfig;
  readonly #patterns = new Map<string, RegExp | undefined>();

  constructor(sink: SinkConfig, config: GatewayConfig) {
    this.#sink = sink;
    this.#config = config;
  }

  mayFeed(directory: string, source: string, topic: string): boolean {
    const key = `${source}\n${topic}`;
    if (!this.#patterns.has(key)) this.#patterns.set(key, this.#patternOf(source, topic));
    return this.#patterns.get(key)?.test(directory) ?? true;
  }

  #patternOf(sourceName: string, topic: string): RegExp | undefined {
    const source = this.#config.sources[sourceName];
    const header = source === undefined ? undefined : ownTopicHeader(source);
    if (header === undefined || !PLAIN_TOPIC.test(topic) || topic.includes(ANY)) return undefined;
    const template = compileDirectoryTemplate(this.#sink.path, hostNames());
    if (!template.headerNames.includes(header)) return undefined;
    const directory = template.expand({
      header: (name) => (name === header ? topic : ANY),
      time: () => ANY,
    });
    // What a name was cut to is not the topic any more.
    if (directory.includes('~')) return undefined;
    const text = directory
      .split(ANY)
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('[^/]*');
    return new RegExp(`^${text}$`);
  }
}

/** The header that holds the topic and that nothing else of the source's rules can set; undefined: there is none such. */
function ownTopicHeader(source: SourceConfig): string | undefined {
  const isKafka = source.type === 'kafka';
  if (isKafka && !source.isTopicHeaderSet) return undefined;
  const header = isKafka ? source.topicHeader : 'topic';
  if (isKafka && Object.hasOwn(source.recordHeaders, header)) return undefined;
  const isTouched = source.interceptors.some(
    (one) => one.type === 'remove_header' || JSON.stringify(one).includes(JSON.stringify(header)),
  );
  return isTouched ? undefined : header;
}
