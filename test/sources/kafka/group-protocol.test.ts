/**
 * Goal: members understand each other, and a rebalance moves as few partitions as an even share allows: one that stays keeps its tenure.
 * Method: round trips, and fast-check over members, topics and what they own.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assignSticky,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type Subscription,
  type TopicPartition,
} from '../../../main/sources/kafka/group-protocol.ts';

const owned: readonly TopicPartition[] = [
  { topic: 'orders', partition: 0 },
  { topic: 'orders', partition: 7 },
  { topic: 'www', partition: 2 },
];

describe('the group protocol', () => {
  it('a subscription and an assignment read back as written', () => {
    const subscription = { topics: ['orders', 'www'], owned };
    expect(decodeSubscription(encodeSubscription(subscription))).toEqual(subscription);
    expect(decodeAssignment(encodeAssignment(owned))).toEqual(owned);
    expect(decodeAssignment(Buffer.alloc(0))).toEqual([]);
  });

  it('bytes that are cut off are refused, not guessed at', () => {
    const bytes = encodeSubscription({ topics: ['orders'], owned });
    expect(() => decodeSubscription(bytes.subarray(0, bytes.length - 3))).toThrow(RangeError);
  });

  it('a newcomer takes no more than its share, and nothing else moves', () => {
    const partitions = Array.from({ length: 6 }, (_, partition) => ({ topic: 't', partition }));
    const members = new Map<string, Subscription>([
      ['old', { topics: ['t'], owned: partitions }],
      ['new', { topics: ['t'], owned: [] }],
    ]);
    const shares = assignSticky(members, partitions);
    expect(shares.get('old')).toEqual(partitions.slice(0, 3));
    expect(shares.get('new')).toEqual(partitions.slice(3));
  });

  it('every partition goes to exactly one member, and shares differ by one at most', () => {
    const counts = fc.tuple(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 40 }),
      fc.array(fc.nat(5)),
    );
    // Found by chance: two members that both kept one more than the others left a third with nothing.
    fc.assert(
      fc.property(counts, ([memberCount, partitionCount, owners]) => {
        const partitions = Array.from({ length: partitionCount }, (_, partition) => ({
          topic: 't',
          partition,
        }));
        const members = new Map<string, Subscription>();
        for (let index = 0; index < memberCount; index++) {
          members.set(`m${index}`, {
            topics: ['t'],
            owned: partitions.filter((_, at) => owners[at] === index),
          });
        }
        const shares = [...assignSticky(members, partitions).values()];
        const given = shares.flat().map((one) => one.partition);
        expect(given.sort((a, b) => a - b)).toEqual(partitions.map((one) => one.partition));
        const sizes = shares.map((share) => share.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 1_000, examples: [[[5, 6, [0, 3, 3, 0]]]] },
    );
  });
});
