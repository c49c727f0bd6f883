import { parse } from 'yaml';
import { resolveConfig, type GatewayConfig } from '../../shared/contract/config.ts';

/** Rules that read a time from lines. */
export interface LineRules {
  readonly regex: string;
  /** Without it the text is taken as a number. */
  readonly pattern?: string;
  /** Default UTC. */
  readonly timeZone?: string;
  readonly path?: string;
  readonly useLocalTimeStamp?: boolean;
}

/** A configuration with one source, `web`, and one sink below /out by topic, day and hour. */
export function lineRules(rules: LineRules): GatewayConfig {
  const {
    regex,
    pattern,
    timeZone = 'UTC',
    path = '/out/%{topic}/%Y-%m-%d/%H',
    useLocalTimeStamp = false,
  } = rules;
  const serializer =
    pattern === undefined ? { name: 'timestamp' } : { type: 'millis', name: 'timestamp', pattern };
  const tree: unknown = parse(
    JSON.stringify({
      gateway: { id: 'gw-1', timeZone },
      sources: {
        web: {
          type: 'kafka',
          'kafka.bootstrap.servers': ['127.0.0.1:1'],
          'kafka.topics': ['www'],
          interceptors: [{ type: 'regex_extractor', regex, serializers: [serializer] }],
          channels: ['disk'],
        },
      },
      channels: { disk: { type: 'file' } },
      sinks: { out: { type: 'directory', channel: 'disk', path, useLocalTimeStamp } },
    }),
  );
  const { config, findings } = resolveConfig(tree, { defaultStateDir: '/state' });
  if (config === undefined) throw new Error(JSON.stringify(findings));
  return config;
}
