/**
 * What the published facts of all gateways (fleet-facts.ts) say about a directory: whether anybody may still hold an event of it.
 *
 * Facts that are old are still true of what they cover: what had landed stays landed, and what a partition had passed stays passed. What
 * they do not cover shows as a hole between the offsets that the gateways accepted; a hole holds the directory back.
 */
import { MINUTE_MS } from '../../../shared/units.ts';
import type { FactRange, FleetFacts } from '../../landing/fleet-facts.ts';
import type { FleetWord } from './directory-verdict.ts';

/** One landing root as it was read last; a part of the fleet keeper's view. */
export interface RootView {
  readonly readMs: number | undefined;
  readonly peers: readonly { readonly facts: FleetFacts }[];
  readonly unreadable: readonly string[];
}

export interface FleetQuestion {
  readonly sink: string;
  readonly gatewayId: string;
  readonly stateId: string;
  readonly endMs: number;
  readonly graceMs: number;
  readonly nowMs: number;
}

/** Alone, a root that was read so long ago is good enough: who joins since takes partitions from us, which shows. */
const ALONE_AGE_MAX_MS = 3 * MINUTE_MS;

export function fleetWord(view: RootView | undefined, question: FleetQuestion): FleetWord {
  const { gatewayId, stateId, sink, endMs, graceMs, nowMs } = question;
  const nobody = (obstacle: string): FleetWord => ({
    obstacles: [obstacle],
    gateways: [gatewayId],
    passed: () => undefined,
  });
  if (view?.readMs === undefined) return nobody('the other gateways’ facts at the target were not read yet');
  if (view.unreadable.length > 0)
    return nobody(`facts of a gateway can’t be read: ${view.unreadable[0] ?? ''}`);
  const all = view.peers.map(({ facts }) => facts);
  const others = all.filter((facts) => facts.stateId !== stateId && facts.ended === undefined);
  const alone: FleetWord = { obstacles: [], gateways: [gatewayId], passed: () => undefined };
  if (others.length === 0)
    return nowMs - view.readMs <= ALONE_AGE_MAX_MS
      ? alone
      : nobody('the other gateways’ facts at the target were not read lately');
  if (view.readMs < endMs + graceMs) return nobody('the other gateways’ facts are to be read again');
  const obstacles: string[] = [];
  for (const { gatewayId: name, oldestEventMs, claimedEvents, leftOut, waitingEvents } of others) {
    if (oldestEventMs !== undefined && oldestEventMs < endMs)
      obstacles.push(`${name} holds ${waitingEvents} events, some of them of this time`);
    if (claimedEvents > 0) obstacles.push(`${name} has ${claimedEvents} events to pull again`);
    if (leftOut > 0) obstacles.push(`${name} does not tell of ${leftOut} partitions`);
  }
  for (const hole of holes(all.filter((facts) => facts.sink === sink)))
    obstacles.push(`${hole} were taken by no gateway that tells of it`);
  return {
    obstacles,
    gateways: [...new Set([gatewayId, ...others.map((facts) => facts.gatewayId)])].sort(),
    passed: (topic, partition, passedMs) => {
      for (const facts of others)
        for (const row of facts.partitions)
          if (row.topic === topic && row.partition === partition && row.isCurrent) {
            const hasPassed = (row.recordMs ?? 0) >= passedMs || (row.endSeenMs ?? 0) >= passedMs;
            if (hasPassed) return facts.gatewayId;
          }
      return undefined;
    },
  };
}

/** Offsets between those that the gateways accepted, as far back as all of them tell. */
function holes(all: readonly FleetFacts[]): string[] {
  const byPartition = new Map<string, { ranges: FactRange[]; from: number }>();
  for (const { partitions } of all)
    for (const one of partitions) {
      if (!one.isCurrent || one.ranges.length === 0) continue;
      const place = `${one.topic}/${one.partition}`;
      const known = byPartition.get(place) ?? { ranges: [], from: 0 };
      known.ranges.push(...one.ranges);
      known.from = Math.max(known.from, one.rangesFrom);
      byPartition.set(place, known);
    }
  const found: string[] = [];
  for (const [place, { ranges, from }] of byPartition) {
    let reached: number | undefined;
    for (const [first, next] of ranges.toSorted((a, b) => a[0] - b[0])) {
      if (next <= from) continue;
      if (reached !== undefined && first > reached)
        found.push(`the offsets ${reached} to ${first - 1} of ${place}`);
      reached = Math.max(reached ?? 0, next);
    }
  }
  return found;
}
