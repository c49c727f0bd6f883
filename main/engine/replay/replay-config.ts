/** What the running configuration becomes for a replay: the same rules, one sink, another directory, names that say what the files are. */
import type { GatewayConfig, KafkaSourceConfig } from '../../../shared/contract/config.ts';
import type { ReplayRequest } from '../../../shared/contract/control-replay.ts';
import { GatewayError } from '../../../shared/errors.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { rootOf, sinkSettings, type SinkSettings } from '../sink-mapping.ts';
import type { SourceRules } from '../source-host.ts';
import { sourceRules } from '../source-mapping.ts';

/** Which source's rules the events go through, and which sink's target they land in. */
export interface ReplayWay {
  readonly source: string;
  readonly sink: string;
}

/** Throws `usage` when the request fits no source or sink, or several. */
export function replayWay(
  request: Pick<ReplayRequest, 'topic' | 'source' | 'sink'>,
  config: GatewayConfig,
): ReplayWay {
  const { topic } = request;
  const sources = Object.entries(config.sources).filter(
    ([name, source]) =>
      source.type === 'kafka' &&
      (request.source === undefined ? hasTopic(source, topic) : name === request.source),
  );
  const source = onlyOne(sources, {
    what: 'source',
    none:
      request.source === undefined
        ? `no Kafka source of the running configuration reads the topic ${topic}`
        : `the running configuration has no Kafka source ${request.source}`,
    option: '--source',
  });
  const channels = config.sources[source]?.channels ?? [];
  const sinks = Object.entries(config.sinks).filter(
    ([name, sink]) => channels.includes(sink.channel) && (request.sink ?? name) === name,
  );
  const sink = onlyOne(sinks, {
    what: 'sink',
    none: `source ${source} does not feed a sink ${request.sink ?? ''}`.trimEnd(),
    option: '--sink',
  });
  return { source, sink };
}

export interface ReplayPlace extends ReplayWay {
  readonly id: string;
  readonly into: string;
  readonly keepsLayout: boolean;
}

/** The sink's path and prefix replaced; everything else as it runs. */
export function replayConfig(running: GatewayConfig, place: ReplayPlace): GatewayConfig {
  const sink = running.sinks[place.sink];
  if (sink === undefined) throw new Error(`no sink ${place.sink}`);
  const root = rootOf(sink.path);
  const layout = root === '/' ? sink.path : sink.path.slice(root.length);
  const path = place.keepsLayout ? `${place.into}${layout}` : place.into;
  const mark = `replay-${place.id}`;
  const filePrefix = sink.filePrefix === '' ? mark : `${mark}.${sink.filePrefix}`;
  // A replay lands in one place, whoever else shares the channel.
  const { group: _, ...alone } = sink;
  const changed = { ...alone, path, filePrefix, isPausedAtStart: false, retainAfterLandingMs: 0 };
  return { ...running, sinks: { ...running.sinks, [place.sink]: changed } };
}

/** `stateId` is that of the replay's own directory. */
export function replaySink(config: GatewayConfig, place: ReplayPlace, stateId: string): SinkSettings {
  const settings = sinkSettings(place.sink, config, stateId);
  const lander = {
    ...settings.lander,
    markerDirectory: markerDirectory(place),
    replayId: place.id,
  };
  const { target } = settings;
  return { ...settings, lander, target: { ...target, root: place.into } };
}

/** Hidden in the replay's directory; it tells that an id was used there. */
export function markerDirectory({ into, id }: Pick<ReplayPlace, 'into' | 'id'>): string {
  return `${into === '/' ? '' : into}/.headgate/replay-${id}`;
}

/** The running source's interceptors and selector, with the one channel that leads to the sink. */
export function replayRules(
  config: GatewayConfig,
  { source, sink }: ReplayWay,
  context: { readonly configVersion: number; readonly clock: Clock },
): SourceRules {
  const rules = sourceRules(source, config, context);
  const name = config.sinks[sink]?.channel;
  const place = rules.channels.findIndex((channel) => channel.name === name);
  const channel = rules.channels[place];
  if (channel === undefined) throw new Error(`source ${source} does not feed sink ${sink}`);
  const { router } = rules;
  return {
    ...rules,
    channels: [channel],
    router: { routesAll: router.routesAll, routes: (batch, index) => router.routes(batch, index, place) },
  };
}

function hasTopic({ subscription }: KafkaSourceConfig, topic: string): boolean {
  if (subscription.kind === 'topics') return subscription.topics.includes(topic);
  return new RegExp(`^(?:${subscription.regex})$`).test(topic);
}

function onlyOne(
  found: readonly (readonly [string, unknown])[],
  { what, none, option }: { readonly what: string; readonly none: string; readonly option: string },
): string {
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first[0];
  const names = found.map(([name]) => name).join(', ');
  throw new GatewayError({
    code: 'usage',
    operation: 'replay a topic',
    place: '',
    message: first === undefined ? none : `there are several: ${names}`,
    retry: 'never',
    hint:
      first === undefined
        ? `Name a ${what} of the running configuration with ${option}.`
        : `Choose one with ${option}.`,
  });
}
