/** The configuration of the pictured gateway in its three versions, as somebody would type it. */
import { join } from 'node:path';
import type { Rig } from '../rig/rig.ts';

export const GATEWAY = 'xian-gw-1';
/** Shares topics and roots with the pictured one. */
export const OTHER_GATEWAY = 'xian-gw-2';
export const FLOWING_SINK = 'hadoop';
export const PAUSED_SINK = 'archive';

export interface ConfigPlace {
  readonly rig: Rig;
  readonly directory: string;
  readonly port: number;
}

/** What the first version has, what came with the second, and with the third; who applied them and what he noted. */
export const CHANGES = [
  { by: 'zhang.min', note: 'orders too' },
  { by: 'li.wei', note: 'archive copy' },
] as const;

/** The other gateway's, with a port and a place of its own: the same pipeline, and by name the groups of the first. */
export function otherConfigText(place: ConfigPlace): string {
  const group = `    kafka.consumer.group.id: headgate.${GATEWAY}\n`;
  return configText(place, 3)
    .replace(`id: ${GATEWAY}\n`, `id: ${OTHER_GATEWAY}\n`)
    .replace('    kafka.topics: [www, api]\n', (line) => `${group}${line}`);
}

/** The text of version 1, 2 or 3. */
export function configText({ rig, directory, port }: ConfigPlace, version: number): string {
  const [hasOrders, hasArchive] = [version >= 2, version >= 3];
  const channels = hasArchive ? '[disk, archive]' : '[disk]';
  return `# The gateway in Xi'an. Questions: li.wei
gateway:
  id: ${GATEWAY}
  stateDir: ${join(directory, 'state')}
  timeZone: Asia/Shanghai

console: { listen: 127.0.0.1:${port} }

sources:
  weblogs:
    type: kafka
    kafka.bootstrap.servers: ['${rig.kafka.bootstrap}']
    kafka.topics: [www, api]
    maxEventBytes: 64KiB
    batchSize: 2000
    interceptors:
      # The time in the line, not the one of Kafka.
      - type: regex_extractor
        regex: '\\[([^\\]]+)\\]'
        serializers: [{ type: millis, name: timestamp, pattern: 'dd/MMM/yyyy:HH:mm:ss Z' }]
    channels: ${channels}
${hasOrders ? orders(rig, channels) : ''}
channels:
  disk: { type: file, capacityBytes: 20GiB, minFreeDiskBytes: 256MiB }
${hasArchive ? '  archive: { type: file, capacityBytes: 8GiB, minFreeDiskBytes: 256MiB }\n' : ''}
sinks:
${sink(rig, FLOWING_SINK, { channel: 'disk', path: '/logs' })}    completeness: { marker: _SUCCESS, grace: 5s }
${hasArchive ? sink(rig, PAUSED_SINK, { channel: 'archive', path: '/archive' }) : ''}
alerts:
  backlogBytes: 1GiB
  landingStuck: 10s
  linkDown: 10s
  silentPeer: 15s
`;
}

function orders(rig: Rig, channels: string): string {
  return `  orders:
    type: kafka
    kafka.bootstrap.servers: ['${rig.kafka.bootstrap}']
    kafka.consumer.group.id: headgate.${GATEWAY}.orders
    kafka.topics: [order]
    interceptors:
      - type: regex_extractor
        regex: '\\[([^\\]]+)\\]'
        serializers: [{ type: millis, name: timestamp, pattern: 'dd/MMM/yyyy:HH:mm:ss Z' }]
      - { type: static, key: site, value: xian }
    channels: ${channels}
`;
}

function sink(
  rig: Rig,
  name: string,
  { channel, path }: { readonly channel: string; readonly path: string },
): string {
  return `  ${name}:
    type: hdfs
    channel: ${channel}
    hdfs.namenodes: [${rig.hdfs.webhdfsUrls.join(', ')}]
    hdfs.user: headgate
    hdfs.path: ${path}/%{topic}/%Y-%m-%d/%H
    hdfs.filePrefix: '%{topic}'
    hdfs.fileSuffix: .log
    hdfs.rollInterval: 5s
    hdfs.idleTimeout: 2s
    hdfs.callTimeout: 3s
`;
}
