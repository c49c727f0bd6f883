/**
 * Goal: a fixed assignment takes the partitions that the configuration names, and no others. Method: the membership itself, told of
 * topics that grow and vanish.
 */
import { expect, test } from 'vitest';
import { kafkaSourceSettings } from '../../../main/sources/kafka/kafka-source-settings.ts';
import { FixedMembership, type MembershipParts } from '../../../main/sources/kafka/membership.ts';
import { systemClock } from '../../../main/sources/kafka/source-clock.ts';
import type { PartitionInfo } from '../../../main/sources/kafka/protocol-link.ts';

function partition(topic: string, number: number): PartitionInfo {
  return { topic, topicId: 'id', partition: number, leader: 1, leaderEpoch: 0 };
}

/** What a membership takes, each time that the topics change. */
function taken(fixedPartitions: Readonly<Record<string, readonly number[]>> | undefined): {
  readonly see: (partitions: readonly PartitionInfo[]) => readonly string[];
} {
  let known: readonly PartitionInfo[] = [];
  let ours: readonly string[] = [];
  const settings = kafkaSourceSettings({
    name: 'weblogs',
    bootstrapServers: ['kafka1:9092'],
    topics: { kind: 'list', names: ['www', 'order'] },
    groupId: 'g',
    landingTargetId: 't',
    assignment: 'fixed',
    fixedPartitions,
  });
  const parts: MembershipParts = {
    settings,
    clock: systemClock,
    random: () => 0,
    partitions: () => known,
    onAssigned: (assigned) => (ours = assigned.map((one) => `${one.topic}/${one.partition}`)),
  };
  const membership = new FixedMembership(parts);
  return {
    see: (partitions) => {
      known = partitions;
      membership.topicsChanged();
      return ours;
    },
  };
}

test('only the named partitions are ours, also when more come', () => {
  const { see } = taken({ www: [0, 2] });
  expect(see([partition('www', 0), partition('www', 1), partition('order', 0)])).toEqual(['www/0']);
  expect(see([partition('www', 0), partition('www', 1), partition('www', 2)])).toEqual(['www/0', 'www/2']);
  expect(see([])).toEqual([]);
});

test('without names all are ours', () => {
  expect(taken(undefined).see([partition('www', 0), partition('order', 7)])).toEqual(['www/0', 'order/7']);
});
