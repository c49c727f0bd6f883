/** From what the roots, the group and our own place say to the picture of the fleet that operators see. */
import type { FleetGateway, FleetPartition } from '../../../shared/contract/control-fleet.ts';
import type { PartitionFacts } from '../../landing/fleet-facts.ts';
import type { FleetView } from './fleet-keeper.ts';
import type { Peer } from './peer-watch.ts';
import type { PartitionTenures } from './tenure-survey.ts';

export interface PictureInput {
  readonly views: readonly FleetView[];
  readonly tenures: readonly PartitionTenures[];
  readonly ownStateId: string;
  readonly silentPeerMs: number;
}

/** All facts of one state directory: one object a sink. */
export interface StateFacts {
  readonly gatewayId: string;
  readonly stateId: string;
  /** Empty: only the group's metadata knows of it. */
  readonly peers: readonly Peer[];
}

/** By state id, those that the group alone knows of among them. */
export function statesOf({
  views,
  tenures,
}: Pick<PictureInput, 'views' | 'tenures'>): ReadonlyMap<string, StateFacts> {
  const states = new Map<string, { gatewayId: string; stateId: string; peers: Peer[] }>();
  const of = (stateId: string, gatewayId: string) => {
    let state = states.get(stateId);
    if (state === undefined) states.set(stateId, (state = { gatewayId, stateId, peers: [] }));
    return state;
  };
  for (const { peers } of views)
    for (const peer of peers) of(peer.facts.stateId, peer.facts.gatewayId).peers.push(peer);
  for (const { tenures: listed } of tenures) for (const one of listed) of(one.stateId, one.gatewayId);
  return states;
}

export function fleetGateways(input: PictureInput): FleetGateway[] {
  return [...statesOf(input).values()]
    .map((state) => gatewayRow(state, input))
    .sort((a, b) => compare(a.gatewayId, b.gatewayId) || compare(a.stateId, b.stateId));
}

function gatewayRow({ gatewayId, stateId, peers }: StateFacts, input: PictureInput): FleetGateway {
  const isOwn = stateId === input.ownStateId;
  const quietMs = peers.length === 0 ? 0 : Math.min(...peers.map((peer) => peer.quietMs));
  const oldest = Math.min(...peers.map(({ facts }) => facts.oldestEventMs ?? Infinity));
  const sum = (of: (peer: Peer) => number): number => peers.reduce((total, peer) => total + of(peer), 0);
  const ended = peers.find(({ facts }) => facts.ended !== undefined)?.facts.ended;
  return {
    ...{ gatewayId, stateId, isOwn },
    isSilent: !isOwn && ended === undefined && (peers.length === 0 || quietMs >= input.silentPeerMs),
    quietMs,
    ...(peers.length === 0 ? {} : { writtenMs: Math.max(...peers.map(({ facts }) => facts.writtenMs)) }),
    isPaused: peers.some(({ facts }) => facts.isPaused),
    waitingEvents: sum(({ facts }) => facts.waitingEvents),
    waitingBytes: sum(({ facts }) => facts.waitingBytes),
    claimedEvents: sum(({ facts }) => facts.claimedEvents),
    untoldEvents: ended === undefined ? untoldOf(stateId, peers, input.tenures) : 0,
    ...(oldest === Infinity ? {} : { oldestEventMs: oldest }),
    ...(ended === undefined ? {} : { ended }),
  };
}

/** Offsets that the group calls accepted by this state directory, and that are beyond what its facts say. */
export function untoldOf(
  stateId: string,
  peers: readonly Peer[],
  tenures: readonly PartitionTenures[],
): number {
  let untold = 0;
  for (const place of tenures) {
    const own = place.tenures.filter((one) => one.stateId === stateId);
    if (own.length === 0) continue;
    const told = Math.max(0, ...factsOf(peers, place).map(({ acceptedTo }) => acceptedTo));
    for (const { start, end } of own) untold += Math.max(0, end - Math.max(start, told));
  }
  return untold;
}

function factsOf(peers: readonly Peer[], place: PartitionTenures): PartitionFacts[] {
  return peers.flatMap(({ facts }) =>
    facts.partitions.filter(
      (one) =>
        one.topic === place.topic &&
        one.partition === place.partition &&
        one.group === place.group &&
        one.incarnation === place.incarnation,
    ),
  );
}

export function fleetPartitions(input: PictureInput): FleetPartition[] {
  const states = statesOf(input);
  return input.tenures.map((place) => {
    const { group, topic, partition, committed } = place;
    const last = place.tenures.at(-1);
    const since = factsOf(states.get(last?.stateId ?? '')?.peers ?? [], place).find(
      ({ tenure }) => tenure !== undefined && tenure.nonce === last?.nonce,
    )?.tenure?.sinceMs;
    const holders = [...states.values()].flatMap(({ gatewayId, stateId, peers }) => {
      const events = peers
        .flatMap(({ facts }) => facts.partitions)
        .filter((one) => one.topic === topic && one.partition === partition && one.group === group)
        .reduce((sum, { waitingEvents }) => sum + waitingEvents, 0);
      return events === 0 ? [] : [{ gatewayId, stateId, events }];
    });
    return {
      ...{ group, topic, partition, committed, holders },
      ...(last === undefined
        ? {
            note:
              committed < 0 ? 'nothing is committed yet' : 'the committed offset is not one of Headgate’s',
          }
        : {
            owner: {
              ...{ gatewayId: last.gatewayId, stateId: last.stateId, start: last.start },
              ...(since === undefined ? {} : { sinceMs: since }),
            },
          }),
    };
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
