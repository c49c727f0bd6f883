/**
 * What a new configuration touches, and what it may not touch while data is held (exactly-once.md §2, "A change of configuration"):
 * the backlog keeps the directory it was given when it came in, so a change of rules is for later events only, and is said; a change that
 * would orphan chunks or claims is refused; a sink pointed at another cluster is another sink.
 */
import { isDeepStrictEqual } from 'node:util';
import type { GatewayConfig, SinkConfig } from '../../shared/contract/config.ts';
import type { HeldClaims, Holdings } from '../../shared/model/holdings.ts';

export type ComponentKind = 'source' | 'channel' | 'sink';

export interface ComponentChange {
  readonly kind: ComponentKind;
  readonly name: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** Resolved keys that differ, sorted; empty for what was added or removed. Names only, for values may be secrets. */
  readonly keys: readonly string[];
}

/** A change that is not done, with the reason and the way out. */
export interface RefusedChange {
  readonly kind: ComponentKind | 'gateway';
  readonly name: string;
  readonly reason: string;
  readonly hint: string;
}

export interface ConfigChange {
  readonly components: readonly ComponentChange[];
  /** Sections outside the flow that differ: `alerts`, `console`, `metrics`. */
  readonly sections: readonly ('alerts' | 'console' | 'metrics')[];
  readonly refused: readonly RefusedChange[];
  /** What an operator should know about a change that is done: `the backlog of … keeps its directories`. */
  readonly notes: readonly string[];
  /** Keys of `gateway` that take effect after a restart of the engine only. */
  readonly needsRestart: readonly string[];
  readonly isEmpty: boolean;
}

/** Bytes that are held in a channel for a sink, also in plans that are not finished. */
type BacklogOf = (channel: string, sink: string) => number;

const KINDS = [
  ['source', 'sources'],
  ['channel', 'channels'],
  ['sink', 'sinks'],
] as const;

export function compareConfigs(
  before: GatewayConfig,
  after: GatewayConfig,
  holdings: Holdings,
): ConfigChange {
  const backlogOf = backlogIn(holdings);
  const components = KINDS.flatMap(([kind, section]) =>
    componentChanges(kind, before[section], after[section]),
  );
  const sections = (['alerts', 'console', 'metrics'] as const).filter(
    (section) => !isDeepStrictEqual(before[section], after[section]),
  );
  const needsRestart = differing(before.gateway, after.gateway).filter((key) => key !== 'timeZone');
  const refused = [
    ...refusedGateway(before, after),
    ...orphaned(before, after, holdings),
    ...refusedClusters(before, after, backlogOf),
  ];
  return {
    components,
    sections,
    refused,
    notes: notesOf({ before, after, backlogOf, components }),
    needsRestart,
    isEmpty:
      components.length === 0 &&
      sections.length === 0 &&
      differing(before.gateway, after.gateway).length === 0,
  };
}

/**
 * What of the held data nobody would land, or pull again, any more: also asked when a file comes into force that was edited while no engine ran.
 */
export function orphaned(before: GatewayConfig, after: GatewayConfig, holdings: Holdings): RefusedChange[] {
  const backlogOf = backlogIn(holdings);
  const all = [
    ...orphanedChunks(before, after, backlogOf),
    ...orphanedGroups(before, after, backlogOf),
    ...holdings.claims.flatMap((claims) =>
      orphanedClaims(before, claims) === undefined ? (orphanedClaims(after, claims) ?? []) : [],
    ),
  ];
  // A channel that goes orphans what waits in it, and what is claimed for it: it is named with each reason, once.
  return all.filter((one, at) => all.findIndex((other) => isDeepStrictEqual(one, other)) === at);
}

function backlogIn({ chunks }: Holdings): BacklogOf {
  return (channel, sink) =>
    chunks.find((one) => one.channel === channel && one.sink === sink)?.storedBytes ?? 0;
}

function componentChanges(
  kind: ComponentKind,
  before: Readonly<Record<string, object>>,
  after: Readonly<Record<string, object>>,
): ComponentChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name): ComponentChange[] => {
    const [old, fresh] = [before[name], after[name]];
    if (old === undefined) return [{ kind, name, change: 'added', keys: [] }];
    if (fresh === undefined) return [{ kind, name, change: 'removed', keys: [] }];
    const keys = differing(old, fresh);
    return keys.length === 0 ? [] : [{ kind, name, change: 'changed', keys }];
  });
}

function differing(before: object, after: object): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.filter((key) => !isDeepStrictEqual(Reflect.get(before, key), Reflect.get(after, key)));
}

function refusedGateway(before: GatewayConfig, after: GatewayConfig): RefusedChange[] {
  if (before.gateway.id === after.gateway.id) return [];
  const reason = 'the gateway id is part of tenures, file names and markers already written';
  return [
    {
      kind: 'gateway',
      name: after.gateway.id,
      reason,
      hint: 'Start a new gateway with a state directory of its own, and let this one land its backlog.',
    },
  ];
}

function orphanedChunks(before: GatewayConfig, after: GatewayConfig, backlogOf: BacklogOf): RefusedChange[] {
  return Object.entries(before.sinks).flatMap(([name, sink]): RefusedChange[] => {
    const heldBytes = backlogOf(sink.channel, name);
    if (heldBytes <= 0) return [];
    const fresh = after.sinks[name];
    if (!Object.hasOwn(after.channels, sink.channel)) {
      return [refusal('channel', sink.channel, `it still holds ${heldBytes} bytes for the sink "${name}"`)];
    }
    if (fresh === undefined)
      return [refusal('sink', name, `${heldBytes} bytes wait for it in the channel "${sink.channel}"`)];
    if (fresh.channel === sink.channel) return [];
    const reason = `${heldBytes} bytes wait for it in the channel "${sink.channel}", which it would no longer empty`;
    return [refusal('sink', name, reason)];
  });
}

/** Undefined: there is a source that can pull them again, and a channel that they go to. */
function orphanedClaims(config: GatewayConfig, held: HeldClaims): RefusedChange | undefined {
  const { channel, source, events } = held;
  const hint =
    'Keep it until `headgate status` shows no events to be pulled again, or give them up with `headgate channel skip`; then remove or rename it.';
  const count = (of: number): string => (of === 1 ? '1 event' : `${of} events`);
  if (!Object.hasOwn(config.channels, channel)) {
    const reason = `${count(events)} of it are still to be pulled again from the source "${source}"`;
    return { kind: 'channel', name: channel, reason, hint };
  }
  const feeder = config.sources[source];
  const reason = `${count(events)} for the channel "${channel}" are still to be pulled again from it`;
  if (feeder === undefined) return { kind: 'source', name: source, reason, hint };
  if (feeder.channels.includes(channel)) return undefined;
  return {
    kind: 'source',
    name: source,
    reason: `${reason}, and it would no longer feed that channel`,
    hint,
  };
}

function refusedClusters(before: GatewayConfig, after: GatewayConfig, backlogOf: BacklogOf): RefusedChange[] {
  return Object.entries(before.sinks).flatMap(([name, sink]): RefusedChange[] => {
    const heldBytes = backlogOf(sink.channel, name);
    const fresh = after.sinks[name];
    if (heldBytes <= 0 || fresh === undefined || isSameCluster(sink, fresh)) return [];
    if (fresh.channel !== sink.channel || !Object.hasOwn(after.channels, sink.channel)) return [];
    const reason = `${heldBytes} bytes were taken in for the cluster it pointed at; a sink pointed at another cluster is another sink`;
    const hint =
      'Add a new sink with a channel of its own for the other cluster, and remove this one when its backlog is empty.';
    return [{ kind: 'sink', name, reason, hint }];
  });
}

/** A group may gain and lose sinks; while something waits for it, one of them must be left. */
function orphanedGroups(before: GatewayConfig, after: GatewayConfig, backlogOf: BacklogOf): RefusedChange[] {
  const groups = new Map(
    Object.values(before.sinks).flatMap(({ group, channel }) =>
      group === undefined ? [] : [[group.name, channel] as const],
    ),
  );
  return [...groups].flatMap(([name, channel]): RefusedChange[] => {
    const heldBytes = backlogOf(channel, name);
    const isLeft = Object.values(after.sinks).some(
      (sink) => sink.group?.name === name && sink.channel === channel,
    );
    if (heldBytes <= 0 || isLeft) return [];
    return [
      refusal('sink', name, `${heldBytes} bytes wait for this group of sinks in the channel "${channel}"`),
    ];
  });
}

function refusal(kind: ComponentKind, name: string, reason: string): RefusedChange {
  return {
    kind,
    name,
    reason,
    hint: 'Keep it until `headgate backlog` shows nothing, then remove or rename it.',
  };
}

/** Servers may be added or replaced one by one (a NameNode that moved); none in common is another cluster. */
function isSameCluster(before: SinkConfig, after: SinkConfig): boolean {
  const [old, fresh] = [serversOf(before), serversOf(after)];
  if (old === undefined || fresh === undefined) return before.type === after.type;
  return before.type === after.type && old.some((server) => fresh.includes(server));
}

function serversOf(sink: SinkConfig): readonly string[] | undefined {
  if (sink.type === 'directory') return undefined;
  const urls = sink.endpoint.kind === 'httpfs' ? [sink.endpoint.url] : sink.endpoint.urls;
  return urls.map((url) => url.toLowerCase());
}

/** Keys that decide where or how an event lands; they are applied when it comes in. */
const PLACING_KEYS = new Set([
  'path',
  'filePrefix',
  'fileSuffix',
  'codec',
  'serializer',
  'isNewlineAppended',
  'rounding',
  'timeZone',
  'usesLocalTime',
  'onMissingTime',
]);

interface NoteFacts {
  readonly before: GatewayConfig;
  readonly after: GatewayConfig;
  readonly backlogOf: BacklogOf;
  readonly components: readonly ComponentChange[];
}

function notesOf({ before, after, backlogOf, components }: NoteFacts): string[] {
  return components.flatMap(({ kind, name, change, keys }) => {
    if (change !== 'changed') return [];
    if (kind === 'sink') {
      const sink = before.sinks[name];
      const isPlacing = keys.some((key) => PLACING_KEYS.has(key));
      const held = sink === undefined ? 0 : backlogOf(sink.channel, sink.group?.name ?? name);
      if (sink === undefined || !isPlacing || held <= 0) return [];
      return [
        `The backlog of the sink "${name}" keeps the directories, names and codec it was given when it came in; the change is for later events.`,
      ];
    }
    const [old, fresh] = [before.sources[name], after.sources[name]];
    if (kind !== 'source' || old?.type !== 'kafka' || fresh?.type !== 'kafka') return [];
    const notes: string[] = [];
    if (keys.includes('interceptors'))
      notes.push(`The interceptors of the source "${name}" change for events that come in from now on.`);
    if (keys.includes('consumerGroupId'))
      notes.push(
        `The source "${name}" takes another group: partitions that this state directory knows need --accept-replay.`,
      );
    if (keys.includes('startAt'))
      notes.push(`"startAt" of the source "${name}" matters only for partitions that were never opened.`);
    return notes;
  });
}
