/**
 * Goal: a gateway that holds events and gives no sign of life is told, soon enough and only then, whatever the clocks of the machines say.
 * Method: made-up looks at made-up facts; times are given, nothing waits.
 */
import { describe, expect, test } from 'vitest';
import { silentPeers } from '../../main/engine/fleet/fleet-alerts.ts';
import type { FleetView } from '../../main/engine/fleet/fleet-keeper.ts';
import { PeerWatch, type Peer } from '../../main/engine/fleet/peer-watch.ts';
import type { FleetFacts } from '../../main/landing/fleet-facts.ts';
import { HOUR_MS, MINUTE_MS } from '../../shared/units.ts';
import { fleetFacts } from './fleet-fixture.ts';

const LIMIT_MS = 30 * MINUTE_MS;
const START_MS = 1_000 * HOUR_MS;

function entry(facts: FleetFacts) {
  return [{ path: '/logs/.headgate/xian-gw-2/state-2.hadoop.facts', facts }];
}

function view(peers: readonly Peer[]): FleetView {
  const rest = { readMs: 1, unreadable: [], fault: undefined, isOutdated: false };
  return { sink: 'hadoop', root: '/logs', peers, ...rest };
}

describe('signs of life', () => {
  const quiet = (watch: PeerWatch, facts: FleetFacts, steadyMs: number, nowMs = START_MS + steadyMs) =>
    watch.look(entry(facts), { nowMs, steadyMs })[0]?.quietMs;

  test('a peer that writes is not quiet, whatever its clock says', () => {
    const watch = new PeerWatch();
    for (let round = 0; round < 100; round++) {
      const facts = fleetFacts({ sequence: round, writtenMs: START_MS - 5 * HOUR_MS });
      expect(quiet(watch, facts, round * MINUTE_MS)).toBe(0);
    }
  });

  test('one that stopped grows quiet by our own steady clock, though ours is set back', () => {
    const watch = new PeerWatch();
    quiet(watch, fleetFacts({ sequence: 1, writtenMs: START_MS }), 0);
    const stopped = fleetFacts({ sequence: 2, writtenMs: START_MS + MINUTE_MS });
    expect(quiet(watch, stopped, MINUTE_MS)).toBe(0);
    expect(quiet(watch, stopped, 41 * MINUTE_MS, START_MS - HOUR_MS)).toBe(40 * MINUTE_MS);
    expect(quiet(watch, { ...stopped, sequence: 3 }, 42 * MINUTE_MS)).toBe(0);
  });

  test('after our own start its age counts by its own word, from the second look on', () => {
    const watch = new PeerWatch();
    const old = fleetFacts({ writtenMs: START_MS - HOUR_MS });
    expect(quiet(watch, old, 0)).toBe(0);
    expect(quiet(watch, old, MINUTE_MS)).toBe(HOUR_MS + MINUTE_MS);
  });
});

describe('the alert of a silent peer', () => {
  const peer = (change: Partial<FleetFacts>, quietMs = HOUR_MS): Peer => ({
    path: '/p',
    facts: fleetFacts(change),
    quietMs,
  });
  const LIMITS = { silentPeerMs: LIMIT_MS, ownStateId: 'own-state', untold: new Map<string, number>() };
  const raised = (...peers: Peer[]) => silentPeers([view(peers)], LIMITS);

  test('names the gateway, what it holds and for how long it is silent', () => {
    const [alert] = raised(peer({ waitingBytes: 3 * 1024 ** 3, waitingEvents: 12_345 }));
    expect(alert?.code).toBe('silent-peer');
    expect(alert?.message).toBe('xian-gw-2 holds 3 GiB (12,345 events) and has been silent for 1 h');
  });

  test('counts what it accepted after its last facts, by the word of the group', () => {
    const limits = { ...LIMITS, untold: new Map([['state-2', 1_500]]) };
    const messages = [0, 50].map(
      (waitingEvents) =>
        silentPeers([view([peer({ waitingEvents, waitingBytes: 100 * waitingEvents })])], limits)[0]?.message,
    );
    expect(messages).toEqual([
      'xian-gw-2 holds up to 1,500 events that it took after its last sign of life and has been silent for 1 h',
      'xian-gw-2 holds 4.9 KiB (50 events) and up to 1,500 events that it took after its last sign of life and has been silent for 1 h',
    ]);
  });

  test('is not raised before the time, for a peer that holds nothing, that ended for good, or for ourselves', () => {
    expect(raised(peer({}, LIMIT_MS - 1))).toEqual([]);
    expect(raised(peer({ waitingEvents: 0 }))).toEqual([]);
    expect(raised(peer({ ended: { atMs: 1, why: 'recovered', by: 'li' } }))).toEqual([]);
    expect(raised(peer({ stateId: 'own-state' }))).toEqual([]);
    expect(raised(peer({ waitingEvents: 0, claimedEvents: 3 }))).toHaveLength(1);
  });

  test('a peer with backlogs at two roots is told once, with both', () => {
    const views = [view([peer({ waitingEvents: 2 })]), view([peer({ sink: 'b', waitingEvents: 3 })])];
    const alerts = silentPeers(views, LIMITS);
    expect(alerts.map(({ message }) => message)).toEqual([expect.stringContaining('(5 events)')]);
  });
});
