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
  /** As the switches are now; our facts say how they were when they were last written. */
  readonly isOwnPaused?: boolean;
  readonly silentPeerMs: number;
  /** By state id, what the group said of it earlier, where the tenures are not the group's word. */
  readonly untold?: ReadonlyMap<string, number>;
}

/** All facts of one state directory: one object a sink. */
export interface StateFacts {
  readonly gatewayId: string;
  readonly stateId: string;
  /** Empty: only the group's metadata knows of it. */
  readonly peers: readonly Peer[];
  /** When its last sign of life was seen, by our clock; undefined: never. */
  readonly signMs: number | undefined;
}

/** By state id, those that the group alone knows of among them. */
export function statesOf({
  views,
  tenures,
}: Pick<PictureInput, 'views' | 'tenures'>): ReadonlyMap<string, StateFacts> {
  const states = new Map<string, Omit<StateFacts, 'peers' | 'signMs'> & { peers: Peer[]; signMs?: number }>();
  const of = (stateId: string, gatewayId: string) => {
    let state = states.get(stateId);
    if (state === undefined) states.set(stateId, (state = { gatewayId, stateId, peers: [] }));
    return state;
  };
  for (const { peers, readMs } of views)
    for (const peer of peers) {
      const state = of(peer.facts.stateId, peer.facts.gatewayId);
      state.peers.push(peer);
      // A root that can't be read any more tells nothing new: the sign is as old as it was then, and older by what passed since.
      if (readMs !== undefined) state.signMs = Math.max(state.signMs ?? -Infinity, readMs - peer.quietMs);
    }
  for (const { tenures: listed } of tenures) for (const one of listed) of(one.stateId, one.gatewayId);
  return new Map([...states].map(([id, state]) => [id, { ...state, signMs: state.signMs }]));
}

export function fleetGateways(input: PictureInput): FleetGateway[] {
  const owned = ownedBy(fleetPartitions(input));
  return [...statesOf(input).values()]
    .map((state) => {
      const own = owned.get(state.stateId);
      return { ...gatewayRow(state, input), ...(own === undefined ? {} : { owned: own }) };
    })
    .sort((a, b) => compare(a.gatewayId, b.gatewayId) || compare(a.stateId, b.stateId));
}

function gatewayRow({ gatewayId, stateId, peers, signMs }: StateFacts, input: PictureInput): FleetGateway {
  const isOwn = stateId === input.ownStateId;
  const quietMs = peers.length === 0 ? 0 : Math.min(...peers.map((peer) => peer.quietMs));
  const oldest = Math.min(...peers.map(({ facts }) => facts.oldestEventMs ?? Infinity));
  const sum = (of: (peer: Peer) => number): number => peers.reduce((total, peer) => total + of(peer), 0);
  const ended = peers.find(({ facts }) => facts.ended !== undefined)?.facts.ended;
  return {
    ...{ gatewayId, stateId, isOwn },
    isSilent: !isOwn && ended === undefined && (peers.length === 0 || quietMs >= input.silentPeerMs),
    quietMs,
    ...(signMs === undefined ? {} : { signMs }),
    ...(peers.length === 0 ? {} : { writtenMs: Math.max(...peers.map(({ facts }) => facts.writtenMs)) }),
    isPaused: (isOwn ? input.isOwnPaused : undefined) ?? peers.some(({ facts }) => facts.isPaused),
    waitingEvents: sum(({ facts }) => facts.waitingEvents),
    waitingBytes: sum(({ facts }) => facts.waitingBytes),
    claimedEvents: sum(({ facts }) => facts.claimedEvents),
    untoldEvents:
      ended === undefined ? (input.untold?.get(stateId) ?? untoldOf(stateId, peers, input.tenures)) : 0,
    ...(oldest === Infinity ? {} : { oldestEventMs: oldest }),
    ...(ended === undefined ? {} : { ended }),
  };
}

type Owned = NonNullable<FleetGateway['owned']>;

function ownedBy(partitions: readonly FleetPartition[]): ReadonlyMap<string, Owned> {
  const owned = new Map<string, Owned>();
  for (const { owner } of partitions) {
    if (owner === undefined) continue;
    const { partitions: before, sinceMs } = owned.get(owner.stateId) ?? { partitions: 0, sinceMs: undefined };
    const latestMs = Math.max(sinceMs ?? -Infinity, owner.sinceMs ?? -Infinity);
    owned.set(owner.stateId, {
      partitions: before + 1,
      ...(latestMs === -Infinity ? {} : { sinceMs: latestMs }),
    });
  }
  return owned;
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
