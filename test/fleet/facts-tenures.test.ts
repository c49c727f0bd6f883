/**
 * Goal: who owns what is told from the gateways' facts alone as the group would tell it: of two that call a partition theirs the later one, of
 * replaced logs and of gateways that are done for good nobody. Method: facts as they stand at the roots, and the desk's rows of them.
 */
import { expect, test } from 'vitest';
import { tenuresOfFacts } from '../../main/engine/fleet/facts-tenures.ts';
import { fleetGateways, fleetPartitions } from '../../main/engine/fleet/fleet-picture.ts';
import type { FleetView } from '../../main/engine/fleet/fleet-keeper.ts';
import type { FleetFacts } from '../../main/landing/fleet-facts.ts';
import { fleetFacts, partitionFacts } from './fleet-fixture.ts';

const NOW_MS = 1_000_000;
const SILENT_PEER_MS = 60_000;

interface Told {
  readonly facts: FleetFacts;
  readonly quietMs?: number;
}

function viewOf(told: readonly Told[], changes: Partial<FleetView> = {}): FleetView {
  const rest = { readMs: NOW_MS, unreadable: [], fault: undefined, isOutdated: false };
  const peers = told.map(({ facts, quietMs = 0 }, at) => ({ path: `/logs/${at}`, facts, quietMs }));
  return { sink: 'hadoop', root: '/logs', ...rest, peers, ...changes };
}

function gateway(
  id: string,
  partitions: FleetFacts['partitions'],
  changes: Partial<FleetFacts> = {},
): FleetFacts {
  return fleetFacts({ gatewayId: id, stateId: `${id}-state`, partitions, ...changes });
}

function owned(partition: number, start: number, sinceMs = start) {
  return partitionFacts({
    partition,
    acceptedTo: start + 10,
    tenure: { nonce: `n${start}`, start, sinceMs },
  });
}

function rowsOf(views: readonly FleetView[], untold?: ReadonlyMap<string, number>) {
  const { partitions: tenures } = tenuresOfFacts(views);
  const input = {
    ...{ views, tenures, ownStateId: 'a-state', silentPeerMs: SILENT_PEER_MS },
    ...(untold === undefined ? {} : { untold }),
  };
  return { gateways: fleetGateways(input), partitions: fleetPartitions(input) };
}

test('a silent gateway that still calls a partition its own has lost it to whoever began later', () => {
  const a = gateway('a', [owned(0, 500), owned(1, 40)]);
  const b = gateway('b', [owned(0, 100), owned(2, 70, 90)]);
  const { gateways, partitions } = rowsOf([viewOf([{ facts: b, quietMs: SILENT_PEER_MS }, { facts: a }])]);
  expect(partitions.map(({ partition, owner }) => [partition, owner?.gatewayId, owner?.sinceMs])).toEqual([
    [0, 'a', 500],
    [1, 'a', 40],
    [2, 'b', 90],
  ]);
  expect(gateways).toMatchObject([
    { gatewayId: 'a', isOwn: true, isSilent: false, owned: { partitions: 2, sinceMs: 500 } },
    { gatewayId: 'b', isOwn: false, isSilent: true, owned: { partitions: 1, sinceMs: 90 } },
  ]);
});

test('what two sinks of one gateway say of a partition counts once', () => {
  const facts = gateway('a', [owned(0, 500)]);
  const { gateways } = rowsOf([viewOf([{ facts }]), viewOf([{ facts }], { sink: 'archive' })]);
  expect(gateways[0]?.owned).toEqual({ partitions: 1, sinceMs: 500 });
});

test('a replaced log and a gateway that is done for good own nothing', () => {
  const old = partitionFacts({ isCurrent: false, tenure: { nonce: 'n', start: 5, sinceMs: 5 } });
  const ended = gateway('b', [owned(1, 5)], { ended: { atMs: 1, why: 'retired', by: 'li.wei' } });
  const { gateways, partitions } = rowsOf([viewOf([{ facts: gateway('a', [old]) }, { facts: ended }])]);
  expect(partitions).toEqual([]);
  expect(gateways.map((one) => one.owned)).toEqual([undefined, undefined]);
});

test('a sign of life gets older while the root can’t be read', () => {
  const view = viewOf([{ facts: gateway('b', []), quietMs: 3_000 }], { readMs: NOW_MS - 50_000 });
  expect(rowsOf([view]).gateways[0]).toMatchObject({ quietMs: 3_000, signMs: NOW_MS - 53_000 });
});

test('what the group said earlier of a silent one is told with it', () => {
  const view = viewOf([{ facts: gateway('b', [owned(0, 5)]), quietMs: SILENT_PEER_MS }]);
  expect(rowsOf([view], new Map([['b-state', 42]])).gateways[0]?.untoldEvents).toBe(42);
  expect(rowsOf([view]).gateways[0]?.untoldEvents).toBe(0);
});
