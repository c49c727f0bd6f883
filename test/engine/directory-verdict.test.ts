/**
 * Goal: a partition holds a directory back unless it is known to have passed; in a fleet, unless the others' facts say so without a hole.
 * Method: facts by hand.
 */
import { describe, expect, test } from 'vitest';
import {
  directoryVerdict,
  type FeedingPartition,
  type FleetWord,
} from '../../main/engine/completeness/directory-verdict.ts';
import { fleetWord } from '../../main/engine/completeness/fleet-progress.ts';
import { FeedingTopics } from '../../main/engine/completeness/feeding-topics.ts';
import type { FleetFacts, PartitionFacts } from '../../main/landing/fleet-facts.ts';
import type { GatewayConfig, SinkConfig } from '../../shared/contract/config.ts';
import { HOUR_MS, MINUTE_MS } from '../../shared/units.ts';

const END_MS = Date.UTC(2026, 10, 21, 9);
const GRACE_MS = 10 * MINUTE_MS;
const PASSED_MS = END_MS + GRACE_MS;
const ALONE: FleetWord = { obstacles: [], gateways: ['gw-1'], passed: () => undefined };

type Reading = NonNullable<FeedingPartition['reading']>;

function partition(
  reading: Partial<Reading> | undefined,
  mark?: Partial<NonNullable<FeedingPartition['mark']>>,
): FeedingPartition {
  return {
    ...{ source: 'weblogs', topic: 'www', partition: 3 },
    reading:
      reading === undefined
        ? undefined
        : { state: 'flowing', cause: undefined, logEnd: 100, lag: 0, endSeenMs: undefined, ...reading },
    mark: mark === undefined ? undefined : { position: 100, newestEventMs: 0, ...mark },
  };
}

function verdict(partitions: readonly FeedingPartition[], fleet: FleetWord = ALONE, usesLocalTime = false) {
  const found = directoryVerdict({
    ...{ endMs: END_MS, graceMs: GRACE_MS, usesLocalTime, partitions, missingTopics: [], fleet },
  });
  return found.kind === 'passed'
    ? found.evidence.map(({ passedBy }) => passedBy).join()
    : found.why.join('; ');
}

describe('a partition', () => {
  test.each<[string, FeedingPartition, string]>([
    ['an event of a later time', partition({}, { newestEventMs: PASSED_MS }), 'event-time'],
    [
      'its end seen after the end and the grace',
      partition({ state: 'caught-up', endSeenMs: PASSED_MS }, {}),
      'log-end',
    ],
  ])('has passed by %s', (_, one, by) => {
    expect(verdict([one])).toBe(by);
  });

  test.each<[string, FeedingPartition, RegExp]>([
    ['an event within the grace', partition({}, { newestEventMs: PASSED_MS - 1 }), /^www\/3 has come to/],
    [
      'its end seen within the grace',
      partition({ state: 'caught-up', endSeenMs: PASSED_MS - 1 }, {}),
      /brought no event/,
    ],
    [
      'an end that is not durable yet',
      partition({ state: 'caught-up', endSeenMs: PASSED_MS }, { position: 99 }),
      /www\/3/,
    ],
    ['an end that was never seen', partition({ state: 'caught-up' }, {}), /www\/3/],
    [
      'held',
      partition({ state: 'held', cause: 'group reset', endSeenMs: PASSED_MS }, {}),
      /is held: group reset$/,
    ],
    ['paused', partition({ state: 'paused', endSeenMs: PASSED_MS }, {}), /waits for room/],
    [
      'not reached',
      partition({ state: 'waiting', cause: 'no leader', endSeenMs: PASSED_MS }, {}),
      /is not read: no leader$/,
    ],
    [
      'read by nobody we know',
      partition(undefined, { newestEventMs: PASSED_MS }),
      /is not read by this gateway/,
    ],
    ['behind', partition({ lag: 1_204 }, { newestEventMs: END_MS - HOUR_MS }), /, 1,204 events behind$/],
  ])('has not: %s', (_, one, why) => {
    expect(verdict([one])).toMatch(why);
  });

  test('does not matter where the directory is the gateway’s own clock', () => {
    expect(verdict([partition({ state: 'held' })], ALONE, true)).toBe('gateway-clock');
  });

  test('must be known at all', () => {
    expect(verdict([])).toBe('no partition is known yet');
  });
});

function facts(
  gatewayId: string,
  changes: Partial<FleetFacts> = {},
  rows: Partial<PartitionFacts>[] = [],
): FleetFacts {
  return {
    ...{ gatewayId, stateId: `s-${gatewayId}`, sink: 'beijing', channel: 'disk', nonce: 'n', sequence: 1 },
    ...{ startedMs: 0, writtenMs: PASSED_MS, isPaused: false, waitingEvents: 0, waitingBytes: 0 },
    ...{ oldestEventMs: undefined, oldestPutMs: undefined, claimedEvents: 0, leftOut: 0, ended: undefined },
    partitions: rows.map((row) => ({
      ...{ source: 'weblogs', group: 'g', topic: 'www', partition: 3, incarnation: 'i', isCurrent: true },
      ...{
        acceptedTo: 100,
        landedTo: 100,
        heldTo: 100,
        waitingEvents: 0,
        waitingBytes: 0,
        tenure: undefined,
      },
      ...{ oldestEventMs: undefined, recordMs: undefined, endSeenMs: undefined, landedEvents: 0 },
      ...{ ranges: [], rangesFrom: 0, ...row },
    })),
    ...changes,
  };
}

describe('a fleet', () => {
  const word = (peers: FleetFacts[], changes: { readMs?: number | undefined; nowMs?: number } = {}) =>
    fleetWord(
      { readMs: PASSED_MS, unreadable: [], ...changes, peers: peers.map((one) => ({ facts: one })) },
      {
        sink: 'beijing',
        gatewayId: 'gw-1',
        stateId: 's-gw-1',
        endMs: END_MS,
        graceMs: GRACE_MS,
        nowMs: changes.nowMs ?? PASSED_MS,
      },
    );

  test('of one decides by itself, from facts that were read lately', () => {
    expect(word([facts('gw-1')])).toMatchObject({ obstacles: [], gateways: ['gw-1'] });
    expect(word([facts('gw-1')], { readMs: undefined }).obstacles).toHaveLength(1);
    expect(word([facts('gw-1')], { nowMs: PASSED_MS + HOUR_MS }).obstacles).toHaveLength(1);
  });

  test('lets a partition pass that another gateway has passed, with whole books', () => {
    const other = facts('gw-2', {}, [{ recordMs: PASSED_MS, ranges: [[50, 100]] }]);
    const own = facts('gw-1', {}, [{ ranges: [[0, 50]] }]);
    const fleet = word([own, other]);
    expect(fleet).toMatchObject({ obstacles: [], gateways: ['gw-1', 'gw-2'] });
    expect(verdict([partition(undefined)], fleet)).toBe('other-gateway');
  });

  test.each<[string, FleetFacts[], RegExp]>([
    [
      'one holds events of that time',
      [facts('gw-2', { oldestEventMs: END_MS - 1, waitingEvents: 7 })],
      /^gw-2 holds 7 events/,
    ],
    ['one has claims', [facts('gw-2', { claimedEvents: 4 })], /^gw-2 has 4 events to pull again/],
    ['one does not tell of all its partitions', [facts('gw-2', { leftOut: 2 })], /^gw-2 does not tell of 2/],
    [
      'offsets were taken by somebody who does not tell',
      [facts('gw-1', {}, [{ ranges: [[0, 50]] }]), facts('gw-2', {}, [{ ranges: [[60, 100]] }])],
      /^the offsets 50 to 59 of www\/3 were taken by no gateway/,
    ],
  ])('holds back while %s', (_, peers, why) => {
    expect(word(peers).obstacles.join()).toMatch(why);
  });

  test('facts from before the end say nothing; those of a gateway that ended hold nothing back', () => {
    expect(word([facts('gw-2')], { readMs: PASSED_MS - 1 }).obstacles).toEqual([
      'the other gateways’ facts are to be read again',
    ]);
    const ended = { atMs: 1, why: 'retired', by: 'li' } as const;
    expect(word([facts('gw-2', { oldestEventMs: 1, ended })]).obstacles).toEqual([]);
  });
});

describe('topics', () => {
  const feeding = (path: string, interceptors: unknown[] = []) => {
    const source = {
      type: 'kafka',
      channels: ['disk'],
      isTopicHeaderSet: true,
      topicHeader: 'topic',
      recordHeaders: {},
      interceptors,
    };
    const config = { sources: { weblogs: source } } as unknown as GatewayConfig;
    return new FeedingTopics({ type: 'hdfs', channel: 'disk', path } as unknown as SinkConfig, config);
  };

  test('are told apart by a path with their header', () => {
    const topics = feeding('/logs/%{topic}/%Y-%m-%d/%H-%{host}');
    expect(topics.mayFeed('/logs/www/2026-11-21/08-a', 'weblogs', 'www')).toBe(true);
    expect(topics.mayFeed('/logs/www/2026-11-21/08-a', 'weblogs', 'api')).toBe(false);
  });

  test.each<[string, string, unknown[]]>([
    ['the path has no topic', '/logs/%Y-%m-%d/%H', []],
    ['an interceptor sets the header', '/logs/%{topic}/%Y', [{ type: 'static', key: 'topic', value: 'x' }]],
    ['an interceptor removes headers', '/logs/%{topic}/%Y', [{ type: 'remove_header', matching: '.*' }]],
  ])('all feed it where %s', (_, path, interceptors) => {
    expect(feeding(path, interceptors).mayFeed('/logs/www/2026', 'weblogs', 'api')).toBe(true);
  });
});
