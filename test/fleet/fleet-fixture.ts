/** Facts, entries and notes for the tests of the fleet. */
import type { FleetFacts, PartitionFacts } from '../../main/landing/fleet-facts.ts';

export const NO_ABORT = new AbortController().signal;

export function partitionFacts(change: Partial<PartitionFacts> = {}): PartitionFacts {
  return {
    source: 'weblogs',
    group: 'to-hdfs',
    topic: 'nginx',
    partition: 0,
    incarnation: 'topic-1',
    isCurrent: true,
    acceptedTo: 100,
    landedTo: 60,
    heldTo: 110,
    waitingEvents: 50,
    waitingBytes: 5_000,
    oldestEventMs: 1_000,
    recordMs: 2_000,
    endSeenMs: undefined,
    tenure: { nonce: 'n1', start: 60, sinceMs: 500 },
    ranges: [[0, 100]],
    rangesFrom: 0,
    landedEvents: 60,
    ...change,
  };
}

export function fleetFacts(change: Partial<FleetFacts> = {}): FleetFacts {
  return {
    gatewayId: 'xian-gw-2',
    stateId: 'state-2',
    sink: 'hadoop',
    channel: 'disk',
    nonce: 'run-1',
    sequence: 7,
    startedMs: 400,
    writtenMs: 3_000,
    isPaused: false,
    waitingEvents: 50,
    waitingBytes: 5_000,
    oldestEventMs: 1_000,
    oldestPutMs: 2_500,
    claimedEvents: 0,
    partitions: [partitionFacts()],
    leftOut: 0,
    ended: undefined,
    ...change,
  };
}
