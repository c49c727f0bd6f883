/** What must hold between the parts of a configuration. Each rule is one small function; the list at the end is the order of reports. */
import { endpointOf, splitAuthority } from './config-endpoint.ts';
import type { FileConfig } from './config-schema.ts';
import type { ConfigFinding } from './config-problem.ts';
import { groupRules } from './config-check-group.ts';
import { sinkRules } from './config-check-sink.ts';
import { groupPlaceOf } from './config-sink-group.ts';
import { nearestName } from './config-nearest.ts';
import { error, errorAtKey, warning, warningAtKey } from './config-rule.ts';
import type { KafkaSource, Path, Rule } from './config-rule.ts';

const isNotEmpty: Rule = (file) =>
  (['sources', 'channels', 'sinks'] as const)
    .filter((kind) => Object.keys(file[kind]).length === 0)
    .map((kind) =>
      errorAtKey(
        [kind],
        `there are no ${kind}`,
        'A gateway needs at least one source, one channel and one sink.',
      ),
    );

const channelsExist: Rule = (file) => {
  const known = Object.keys(file.channels);
  const unknown = (path: Path, name: string): ConfigFinding[] => {
    if (Object.hasOwn(file.channels, name) || known.includes(name)) return [];
    const near = nearestName(name, known);
    return [
      error(
        path,
        `no channel is called "${name}"`,
        near === undefined ? 'Add it under "channels:".' : `Did you mean "${near}"?`,
      ),
    ];
  };
  const ofSources = Object.entries(file.sources).flatMap(([name, source]) =>
    source.channels.flatMap((channel) => unknown(['sources', name, 'channels'], channel)),
  );
  const ofSinks = Object.entries(file.sinks).flatMap(([name, sink]) =>
    unknown(['sinks', name, 'channel'], sink.channel),
  );
  return [...ofSources, ...ofSinks];
};

const selectorsStayInside: Rule = (file) =>
  Object.entries(file.sources).flatMap(([name, { selector, channels }]) => {
    if (selector.type !== 'multiplexing') return [];
    const base = ['sources', name, 'selector'];
    const lists: [Path, readonly string[]][] = [
      [[...base, 'default'], selector.defaultChannels],
      ...Object.entries(selector.mapping).map(([value, list]): [Path, readonly string[]] => [
        [...base, 'mapping', value],
        list,
      ]),
      ...Object.entries(selector.optional).map(([value, list]): [Path, readonly string[]] => [
        [...base, 'optional', value],
        list,
      ]),
    ];
    const strangers = lists.flatMap(([path, list]) =>
      list
        .filter((channel) => !channels.includes(channel))
        .map((channel) =>
          error(
            path,
            `the selector names "${channel}", which is not among the source's channels`,
            'Add it to "channels:" of the source.',
          ),
        ),
    );
    if (selector.defaultChannels.length > 0) return strangers;
    return [
      ...strangers,
      warningAtKey(
        base,
        'events with another header value are not routed anywhere',
        'They are counted as "not routed"; add "default: [channel]" to keep them.',
      ),
    ];
  });

const channelsHaveBothEnds: Rule = (file) =>
  Object.keys(file.channels).flatMap((name) => {
    const sinks = Object.entries(file.sinks).filter(([, sink]) => sink.channel === name);
    const isFed = Object.values(file.sources).some((source) => source.channels.includes(name));
    const findings: ConfigFinding[] = [];
    if (!isFed)
      findings.push(
        errorAtKey(
          ['channels', name],
          `no source feeds the channel "${name}"`,
          'Name it in "channels:" of a source, or remove it.',
        ),
      );
    if (sinks.length === 0)
      findings.push(
        errorAtKey(
          ['channels', name],
          `no sink empties the channel "${name}"`,
          'Add a sink with this "channel:", or remove it.',
        ),
      );
    const hint =
      'Give each sink a channel of its own and name both in the source’s "channels:" (a replicating selector copies every event), or put them into one group under "sinkgroups:".';
    const groups = new Set(sinks.map(([sink]) => groupPlaceOf(sink, file.sinkGroups)?.name));
    // One group lands for the channel: each of its events by one of them.
    if (groups.size === 1 && !groups.has(undefined)) return findings;
    for (const [sink] of sinks.slice(1)) {
      findings.push(
        error(
          ['sinks', sink, 'channel'],
          `the channel "${name}" already feeds the sink "${sinks[0]?.[0] ?? ''}": each event of it can land once only`,
          hint,
        ),
      );
    }
    return findings;
  });

const subscriptionsAreClear: Rule = (file) =>
  kafkaSources(file).flatMap(([name, source]) => {
    const base = ['sources', name];
    const findings: ConfigFinding[] = [];
    const { topics, topicsRegex, partitions } = source;
    if (topics === undefined && topicsRegex === undefined) {
      findings.push(
        errorAtKey(base, 'a Kafka source needs "kafka.topics" or "kafka.topics.regex"', 'Name what to read.'),
      );
    }
    if (topics !== undefined && topicsRegex !== undefined) {
      findings.push(
        warningAtKey(
          [...base, 'kafka.topics'],
          '"kafka.topics" has no effect beside "kafka.topics.regex"',
          'Remove one of them; the regex wins, as in Flume.',
        ),
      );
    }
    const fixed = Object.keys(partitions);
    if (source.assignment === 'group' && fixed.length > 0) {
      findings.push(
        errorAtKey(
          [...base, 'partitions'],
          '"partitions" is for "assignment: fixed" only',
          'Add "assignment: fixed", or remove the partitions.',
        ),
      );
    }
    if (source.assignment === 'fixed') findings.push(...fixedIsWhole(base, source, fixed));
    if (source.heartbeatIntervalMs * 2 > source.sessionTimeoutMs) {
      findings.push(
        errorAtKey(
          base,
          'a heartbeat must come at least twice in a session',
          'Raise kafka.consumer.session.timeout.ms, or lower the heartbeat interval.',
        ),
      );
    }
    if (source.maxPartitionBytes > source.maxFetchBytes) {
      findings.push(
        errorAtKey(
          base,
          '"maxPartitionBytes" is larger than "maxFetchBytes"',
          'A fetch is the sum of its partitions.',
        ),
      );
    }
    if (source.security.sasl?.mechanism === 'plain' && source.security.tls === undefined) {
      findings.push(
        warningAtKey(
          [...base, 'security', 'sasl'],
          'the password travels in clear text',
          'Add "tls: { … }", or use a SCRAM mechanism.',
        ),
      );
    }
    return findings;
  });

function fixedIsWhole(base: Path, source: KafkaSource, fixed: readonly string[]): ConfigFinding[] {
  if (source.topicsRegex !== undefined)
    return [
      errorAtKey(
        [...base, 'kafka.topics.regex'],
        'a fixed assignment needs topics by name',
        'Use "kafka.topics".',
      ),
    ];
  const topics = source.topics ?? [];
  const missing = topics.filter((topic) => !fixed.includes(topic));
  const extra = fixed.filter((topic) => !topics.includes(topic));
  if (fixed.length === 0)
    return [
      errorAtKey(base, '"assignment: fixed" needs "partitions"', 'For example  partitions: { www: [0, 1] }.'),
    ];
  return [
    ...missing.map((topic) =>
      errorAtKey(
        [...base, 'partitions'],
        `no partitions are named for the topic "${topic}"`,
        'Name them, or remove the topic.',
      ),
    ),
    ...extra.map((topic) =>
      errorAtKey(
        [...base, 'partitions', topic],
        `the topic "${topic}" is not in "kafka.topics"`,
        'Add it there, or remove it here.',
      ),
    ),
  ];
}

const channelsHoldTheirEvents: Rule = (file) =>
  Object.entries(file.channels).flatMap(([name, channel]) => {
    const findings: ConfigFinding[] = [];
    if (channel.minFreeDiskBytes > channel.capacityBytes) {
      findings.push(
        warning(
          ['channels', name, 'minFreeDiskBytes'],
          'the disk keeps more room free than the channel may use',
          'Is capacityBytes meant to be larger?',
        ),
      );
    }
    for (const [sourceName, source] of Object.entries(file.sources)) {
      if (!source.channels.includes(name) || source.maxEventBytes * 2 <= channel.capacityBytes) continue;
      const hint = 'Raise capacityBytes to at least twice maxEventBytes.';
      findings.push(
        error(
          ['channels', name, 'capacityBytes'],
          `the channel cannot hold the largest event of the source "${sourceName}"`,
          hint,
        ),
      );
    }
    return findings;
  });

const extractorsAreWhole: Rule = (file) =>
  Object.entries(file.sources).flatMap(([name, source]) =>
    source.interceptors.flatMap((interceptor, index) => {
      const base = ['sources', name, 'interceptors', index];
      if (interceptor.type === 'remove_header') {
        const isIdle =
          interceptor.withName === undefined &&
          interceptor.fromList === undefined &&
          interceptor.matching === undefined;
        return isIdle
          ? [
              errorAtKey(
                base,
                'remove_header names nothing to remove',
                'Give it withName, fromList or matching.',
              ),
            ]
          : [];
      }
      if (interceptor.type !== 'regex_extractor') return [];
      if (interceptor.serializers.length === 0)
        return [
          errorAtKey(
            [...base, 'serializers'],
            'regex_extractor has no serializers',
            'The n-th one takes group n.',
          ),
        ];
      return interceptor.serializers.flatMap((serializer, place) => {
        const path = [...base, 'serializers', place];
        if (serializer.type !== 'millis') {
          return serializer.pattern === undefined
            ? []
            : [
                errorAtKey(
                  [...path, 'pattern'],
                  'a pattern is for "type: millis" only',
                  'Add "type: millis", or remove the pattern.',
                ),
              ];
        }
        if (serializer.pattern === undefined)
          return [
            errorAtKey(path, 'a millis serializer needs "pattern"', "For example 'dd/MMM/yyyy:HH:mm:ss Z'."),
          ];
        const zone = serializer.timeZone ?? file.gateway.timeZone;
        const hasZone = /[Zz]/.test(serializer.pattern.replace(/'[^']*'/g, ''));
        if (hasZone || zone !== undefined) return [];
        return [
          error(
            [...path, 'pattern'],
            'the pattern has no zone, and no time zone is set',
            'Set "timeZone:" here or under "gateway:".',
          ),
        ];
      });
    }),
  );

const sourcesDoNotOverlap: Rule = (file) => {
  const findings: ConfigFinding[] = [];
  const sources = kafkaSources(file);
  sources.forEach(([name, source], index) => {
    for (const [otherName, other] of sources.slice(0, index)) {
      if (!source.bootstrapServers.some((server) => other.bootstrapServers.includes(server))) continue;
      const key = source.topicsRegex === undefined ? 'kafka.topics' : 'kafka.topics.regex';
      const topic = sharedTopic(source, other);
      if (topic !== undefined && sharesDirectory(file, source, other)) {
        const hint =
          'Every event would land twice. Remove the topic from one of them, or give the sinks different paths.';
        findings.push(
          errorAtKey(
            ['sources', name, key],
            `the source "${otherName}" reads ${topic} too, and lands it in the same directory`,
            hint,
          ),
        );
      } else if (
        source.consumerGroupId === other.consumerGroupId &&
        source.assignment === 'group' &&
        other.assignment === 'group'
      ) {
        const hint = `Give this one its own, for example  kafka.consumer.group.id: headgate.${file.gateway.id}.${name}`;
        findings.push(
          errorAtKey(
            ['sources', name],
            `the sources "${otherName}" and "${name}" share a consumer group`,
            hint,
          ),
        );
      }
    }
  });
  return findings;
};

function kafkaSources(file: FileConfig): [string, KafkaSource][] {
  return Object.entries(file.sources).flatMap(([name, source]): [string, KafkaSource][] =>
    source.type === 'kafka' ? [[name, source]] : [],
  );
}

function sharedTopic(left: KafkaSource, right: KafkaSource): string | undefined {
  if (left.topicsRegex !== undefined && right.topicsRegex !== undefined)
    return left.topicsRegex === right.topicsRegex ? 'the same topics' : undefined;
  if (left.topicsRegex !== undefined) return sharedTopic(right, left);
  const isRead =
    right.topicsRegex === undefined
      ? (topic: string) => right.topics?.includes(topic) ?? false
      : wholeMatcher(right.topicsRegex);
  const found = left.topics?.find(isRead);
  return found === undefined ? undefined : `the topic "${found}"`;
}

/** Most topic expressions are the same in Java and JavaScript; one that is not is left to the source, which refuses or translates it. */
function wholeMatcher(javaRegex: string): (topic: string) => boolean {
  try {
    const matcher = new RegExp(`^(?:${javaRegex})$`, 'u');
    return (topic) => matcher.test(topic);
  } catch {
    return () => false;
  }
}

function sharesDirectory(file: FileConfig, left: KafkaSource, right: KafkaSource): boolean {
  const places = (source: KafkaSource): string[] =>
    Object.values(file.sinks)
      .filter((sink) => source.channels.includes(sink.channel))
      .map((sink) => {
        if (sink.type === 'directory') return JSON.stringify([sink.path]);
        const { path, authority } = splitAuthority(sink.path);
        return JSON.stringify([path, endpointOf({ ...sink, authority })]);
      });
  const ofRight = new Set(places(right));
  return places(left).some((place) => ofRight.has(place));
}

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/i;
/** Whoever signs in to the console can do everything, and a token that travels in clear text is nobody's secret. */
const consoleStaysLocal: Rule = (file) => {
  if (file.console === undefined || file.console.tls !== undefined) return [];
  if (LOOPBACK.test(file.console.listen.host)) return [];
  return [
    error(
      ['console', 'listen'],
      'the console would be reachable from other machines over plain HTTP',
      'Listen on 127.0.0.1, or add "tls: { cert: FILE, key: FILE }".',
    ),
  ];
};

const RULES: readonly Rule[] = [
  isNotEmpty,
  channelsExist,
  selectorsStayInside,
  channelsHaveBothEnds,
  subscriptionsAreClear,
  extractorsAreWhole,
  ...sinkRules,
  ...groupRules,
  channelsHoldTheirEvents,
  sourcesDoNotOverlap,
  consoleStaysLocal,
];

export function findConflicts(file: FileConfig): readonly ConfigFinding[] {
  return RULES.flatMap((rule) => rule(file));
}
