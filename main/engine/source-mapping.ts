/** From a source of the configuration to a running source, and to the rules its events go through. */
import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { checkServerIdentity } from 'node:tls';
import type {
  GatewayConfig,
  KafkaSourceConfig,
  SecurityConfig,
  SinkConfig,
  SourceConfig,
} from '../../shared/contract/config.ts';
import { buildInterceptors } from '../interceptors/interceptor-registry.ts';
import { FilesSource } from '../sources/files/files-source.ts';
import { createKafkaSource } from '../sources/kafka/kafka-source.ts';
import {
  kafkaSourceSettings,
  type KafkaSourceSettings,
  type ReplayWord,
} from '../sources/kafka/kafka-source-settings.ts';
import type { Source, SourceHost } from '../sources/source.ts';
import type { Clock, Random } from '../telemetry/clock.ts';
import type { PackingChannel } from './batch-packer.ts';
import { multiplexingRouter, replicatingRouter, type ChannelRouter } from './channel-router.ts';
import { hostNames, landingKeyMaker, rootOf, tlsTexts } from './sink-mapping.ts';
import type { SourceRules } from './source-host.ts';

/** Interceptors, selector and landing keys of one source, as this version of the configuration says. */
export function sourceRules(
  name: string,
  config: GatewayConfig,
  context: { readonly configVersion: number; readonly clock: Clock },
): SourceRules {
  const source = config.sources[name];
  if (source === undefined) throw new Error(`no source ${name}`);
  const host = hostNames();
  const interceptors = buildInterceptors(source.interceptors, {
    nowMs: () => context.clock.nowMs(),
    randomUuid: () => randomUUID(),
    host: { ipAddress: host.ipAddress, canonicalHostName: host.canonicalHostName },
    timeZone: config.gateway.timeZone ?? 'UTC',
  });
  return {
    configVersion: context.configVersion,
    interceptors,
    router: routerOf(source),
    channels: source.channels.map((channel) => packingChannel(channel, config, context.clock)),
    maxEventBytes: source.maxEventBytes,
  };
}

function routerOf(source: SourceConfig): ChannelRouter {
  const { selector } = source;
  if (selector.type === 'replicating') return replicatingRouter;
  const mapping: Record<string, readonly string[]> = Object.fromEntries(Object.entries(selector.mapping));
  // Flume's optional channels get the event besides the required ones; here all of them are one transaction.
  for (const [value, channels] of Object.entries(selector.optional)) {
    mapping[value] = [...(mapping[value] ?? selector.defaultChannels), ...channels];
  }
  return multiplexingRouter(
    { header: selector.header, mapping, defaultChannels: selector.defaultChannels },
    source.channels,
  );
}

function packingChannel(channel: string, config: GatewayConfig, clock: Clock): PackingChannel {
  const [name, sink] = Object.entries(config.sinks).find(([, one]) => one.channel === channel) ?? [];
  if (name === undefined || sink === undefined) throw new Error(`channel ${channel} has no sink`);
  return {
    name: channel,
    keys: landingKeyMaker(name, sink, () => clock.nowMs()),
    appendNewline: sink.isNewlineAppended,
  };
}

export interface SourceEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  /** The operator's answer to partitions that are held; undefined: none was given. */
  readonly acceptReplay?: ReplayWord | undefined;
}

export function createSource(
  name: string,
  config: GatewayConfig,
  parts: { readonly host: SourceHost; readonly environment: SourceEnvironment },
): Source {
  const source = config.sources[name];
  if (source === undefined) throw new Error(`no source ${name}`);
  const { host, environment } = parts;
  if (source.type === 'files') {
    const { directory, fileNameRegex, topic, batchSize, maxEventBytes, pollIntervalMs } = source;
    return new FilesSource(
      { name, directory, fileNameRegex, topic, batchSize, maxEventBytes, pollIntervalMs },
      host,
      environment,
    );
  }
  const { clock, random, acceptReplay } = environment;
  const settings = { ...kafkaSettings(name, source, config), acceptReplay };
  return createKafkaSource(settings, host, { clock, random });
}

/** Identity and certificates of a source, as its connections are told. Throws `config-unreadable`. */
export function kafkaSecurity({ sasl, tls }: SecurityConfig): Pick<KafkaSourceSettings, 'tls' | 'sasl'> {
  return {
    sasl,
    tls:
      tls === undefined
        ? undefined
        : {
            ...tlsTexts(tls),
            ...(tls.passphrase === undefined ? {} : { passphrase: tls.passphrase }),
            ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
            checkServerIdentity: tls.isHostnameVerified ? checkServerIdentity : () => undefined,
          },
  };
}

/** What a Kafka source is told. Throws `config-unreadable` for a certificate that can't be read. */
export function kafkaSettings(
  name: string,
  source: KafkaSourceConfig,
  config: GatewayConfig,
): KafkaSourceSettings {
  return kafkaSourceSettings({
    name,
    bootstrapServers: source.bootstrapServers,
    clientId: source.clientId,
    topics:
      source.subscription.kind === 'regex'
        ? { kind: 'regex', pattern: source.subscription.regex }
        : { kind: 'list', names: source.subscription.topics },
    groupId: source.consumerGroupId,
    startAt: source.startAt.kind === 'time' ? { timeMs: source.startAt.timeMs } : source.startAt.kind,
    batchSize: source.batchSize,
    batchDurationMs: source.batchDurationMs,
    maxEventBytes: source.maxEventBytes,
    repulls: source.repulls,
    fence: source.fence,
    assignment: source.assignment.kind,
    fixedPartitions: source.assignment.kind === 'fixed' ? source.assignment.partitions : undefined,
    fetchBytes: source.maxFetchBytes,
    partitionBytes: source.maxPartitionBytes,
    ...kafkaSecurity(source.security),
    topicHeader: source.isTopicHeaderSet ? source.topicHeader : undefined,
    recordHeaders: source.recordHeaders,
    linkDownMs: config.alerts.linkDownMs,
    landingTargetId: landingTargetId(source, config),
    timing: {
      topicRefreshMs: source.metadataMaxAgeMs,
      sessionTimeoutMs: source.sessionTimeoutMs,
      heartbeatMs: source.heartbeatIntervalMs,
      rebalanceTimeoutMs: source.rebalanceTimeoutMs,
      requestTimeoutMs: source.requestTimeoutMs,
      connectTimeoutMs: source.connectionTimeoutMs,
    },
  });
}

/**
 * Names where this source's events land, so that two gateways that share a group by mistake but land in different places are told
 * apart (exactly-once.md §4). It is needed before HDFS was ever reached, so it is made of addresses and roots; the cluster's own
 * identity is part of every plan.
 */
function landingTargetId(source: KafkaSourceConfig, config: GatewayConfig): string {
  const places = source.channels
    .flatMap((channel) => Object.values(config.sinks).filter((sink) => sink.channel === channel))
    // A group is named by the sink that it lists first, so that it may grow and shrink.
    .filter((sink) => sink.group === undefined || sink.group.listedAt === 0)
    .map((sink) => `${serversOf(sink)}${rootOf(sink.path)}`)
    .sort();
  return createHash('sha256').update(places.join('\n')).digest('hex').slice(0, 16);
}

function serversOf(sink: SinkConfig): string {
  if (sink.type === 'directory') return `${hostname()}:`;
  return sink.endpoint.kind === 'httpfs' ? sink.endpoint.url : [...sink.endpoint.urls].sort().join(',');
}
