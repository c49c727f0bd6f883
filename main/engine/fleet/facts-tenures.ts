/**
 * Who owns what by the gateways' own words alone: nothing is asked, so it is told at once, also while no broker can be reached. It is as old
 * as the facts are: a minute, or for a silent gateway as long as it is silent. Where two say that a partition is theirs, the
 * tenure that starts at the higher offset is the later one (exactly-once.md §4): a silent gateway never hears that it lost its own.
 */
import { FLEET_PARTITIONS_MAX } from '../../../shared/contract/control-fleet.ts';
import type { FleetFacts, PartitionFacts } from '../../landing/fleet-facts.ts';
import type { FleetView } from './fleet-keeper.ts';
import type { ListedTenure, PartitionTenures, TenureSurvey } from './tenure-survey.ts';

interface Claimant {
  readonly facts: FleetFacts;
  readonly row: PartitionFacts;
  readonly tenure: ListedTenure;
  readonly sinceMs: number;
}

export function tenuresOfFacts(views: readonly Pick<FleetView, 'peers'>[]): TenureSurvey {
  const places = new Map<string, Claimant[]>();
  for (const { peers } of views)
    for (const { facts } of peers)
      for (const row of facts.partitions) {
        const claimant = claimantOf(facts, row);
        if (claimant === undefined) continue;
        const key = JSON.stringify([row.group, row.topic, row.partition]);
        places.set(key, [...(places.get(key) ?? []), claimant]);
      }
  const partitions = [...places.values()].map((claimants) => tenuresOfPlace(claimants));
  partitions.sort((a, b) => compare(a.topic, b.topic) || a.partition - b.partition);
  const told = partitions.slice(0, FLEET_PARTITIONS_MAX);
  return { partitions: told, leftOut: partitions.length - told.length, problems: [] };
}

function claimantOf(facts: FleetFacts, row: PartitionFacts): Claimant | undefined {
  const { tenure, isCurrent, acceptedTo } = row;
  if (tenure === undefined || !isCurrent || facts.ended !== undefined) return undefined;
  const { nonce, start, sinceMs } = tenure;
  const { stateId, gatewayId } = facts;
  return { facts, row, tenure: { nonce, stateId, gatewayId, start, end: acceptedTo }, sinceMs };
}

/** The owner last, as the group lists them. */
function tenuresOfPlace(claimants: readonly Claimant[]): PartitionTenures {
  const inOrder = [...claimants].sort((a, b) => a.tenure.start - b.tenure.start || a.sinceMs - b.sinceMs);
  const latest = inOrder.at(-1);
  if (latest === undefined) throw new Error('nobody says that this partition is his');
  const { source, group, topic, partition, incarnation } = latest.row;
  const tenures = inOrder.filter(({ row }) => row.incarnation === incarnation).map(({ tenure }) => tenure);
  const committed = Math.max(...tenures.map(({ end }) => end));
  return {
    ...{ source, group, topic, partition, incarnation, committed, tenures },
    ...{ topicId: '', isWhole: false },
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
