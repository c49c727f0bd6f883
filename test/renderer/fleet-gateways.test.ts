/** Goal: the reckoning behind the fleet's card. Method: known rows. */
import { expect, test } from 'vitest';
import { isAlarm, mayHold, rankedGateways, signOf } from '../../renderer/pages/overview/fleet-gateways.ts';
import type { FleetGateway } from '../../shared/contract/control-fleet.ts';

function row(gatewayId: string, changes: Partial<FleetGateway> = {}): FleetGateway {
  return {
    ...{ gatewayId, stateId: `${gatewayId}-state`, isOwn: false, isSilent: false, quietMs: 0 },
    ...{ isPaused: false, waitingEvents: 0, waitingBytes: 0, claimedEvents: 0, untoldEvents: 0 },
    ...changes,
  };
}

test('silence alone is no alarm: only what nobody else will land is', () => {
  expect(isAlarm(row('a', { isSilent: true }))).toBe(false);
  expect(isAlarm(row('a', { waitingEvents: 9 }))).toBe(false);
  for (const held of ['waitingEvents', 'claimedEvents', 'untoldEvents'] as const)
    expect(isAlarm(row('a', { isSilent: true, [held]: 1 })), held).toBe(true);
});

test('what a living gateway has not told yet is on its way and not counted', () => {
  expect(mayHold(row('a', { waitingEvents: 2, claimedEvents: 3, untoldEvents: 5 }))).toBe(5);
  expect(mayHold(row('a', { waitingEvents: 2, untoldEvents: 5, isSilent: true }))).toBe(7);
});

test('who needs somebody comes first, who is done for good last', () => {
  const ended = row('a', { ended: { why: 'retired', atMs: 1, by: '' }, isSilent: false, waitingEvents: 3 });
  const rows = [
    ended,
    row('b'),
    row('c', { isSilent: true }),
    row('d', { isOwn: true }),
    row('e', { isSilent: true, waitingEvents: 1 }),
    row('f', { isPaused: true }),
  ];
  expect(rankedGateways(rows).map(({ gatewayId }) => gatewayId)).toEqual(['e', 'd', 'c', 'b', 'f', 'a']);
  expect(rankedGateways(rows).map(signOf)).toEqual([
    'silent',
    'alive',
    'silent',
    'alive',
    'paused',
    'retired',
  ]);
});
