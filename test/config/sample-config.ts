/** A small valid file for the tests of this room, and the surroundings in which it is read. */
import { readConfigText } from '../../main/config/config-file.ts';
import type { LoadedConfig } from '../../main/config/config-file.ts';
import type { GatewayConfig } from '../../shared/contract/config.ts';

export const SAMPLE = `gateway:
  id: gw-1
  timeZone: Asia/Shanghai
sources:
  weblogs:
    type: kafka
    kafka.bootstrap.servers: [kafka1:9092]
    kafka.topics: [www]
    interceptors:
      - type: regex_extractor
        regex: '\\[([^\\]]+)\\]'
        serializers: [ { type: millis, name: timestamp, pattern: 'dd/MMM/yyyy:HH:mm:ss Z' } ]
    channels: [disk]
channels:
  disk: { type: file }
sinks:
  beijing:
    type: hdfs
    channel: disk
    hdfs.namenodes: [http://nn1:9870, http://nn2:9870]
    hdfs.path: /logs/%{topic}/%Y-%m-%d/%H
`;

export function load(text: string, environment: Readonly<Record<string, string>> = {}): LoadedConfig {
  return readConfigText(text, {
    path: '/etc/headgate/headgate.yaml',
    environment,
    defaultStateDir: '/state',
  });
}

export function configOf(text: string): GatewayConfig {
  const { config, problems } = load(text);
  if (config === undefined) throw new Error(`the sample is not valid: ${JSON.stringify(problems)}`);
  return config;
}

/** The sample with one piece of text exchanged; fails when the piece is not there, so that a test can't silently test nothing. */
export function sampleWith(piece: string, replacement: string): string {
  if (!SAMPLE.includes(piece)) throw new Error(`not in the sample: ${piece}`);
  return SAMPLE.replace(piece, () => replacement);
}
