/** From what is seen at the roots to alerts: who is silent and holds events, and where we can't be heard ourselves. */
import { formatBytes, formatCount, formatDuration, SECOND_MS } from '../../../shared/units.ts';
import type { FleetFacts } from '../../landing/fleet-facts.ts';
import type { RaisedAlert } from '../../telemetry/alert-board.ts';
import type { FleetView } from './fleet-keeper.ts';

/** Peers that hold something and have given no sign of life for so long. */
export function silentPeers(
  views: readonly FleetView[],
  {
    silentPeerMs,
    ownStateId,
    untold,
  }: {
    readonly silentPeerMs: number;
    readonly ownStateId: string;
    /** By state id: events that it accepted after its last facts. */
    readonly untold: ReadonlyMap<string, number>;
  },
): RaisedAlert[] {
  const byState = new Map<string, { facts: FleetFacts; quietMs: number; events: number; bytes: number }>();
  for (const { peers } of views)
    for (const { facts, quietMs } of peers) {
      const isQuiet = quietMs >= silentPeerMs && facts.stateId !== ownStateId && facts.ended === undefined;
      const more = untold.get(facts.stateId) ?? 0;
      if (!isQuiet || facts.waitingEvents + facts.claimedEvents + more === 0) continue;
      const place = `${facts.gatewayId}/${facts.stateId}`;
      const before = byState.get(place);
      byState.set(place, {
        facts,
        quietMs: Math.min(quietMs, before?.quietMs ?? Infinity),
        events: facts.waitingEvents + facts.claimedEvents + (before?.events ?? 0),
        bytes: facts.waitingBytes + (before?.bytes ?? 0),
      });
    }
  return [...byState].map(([place, { facts, quietMs, events, bytes }]) => ({
    code: 'silent-peer',
    level: 'error',
    place,
    message: `${facts.gatewayId} holds ${heldText(events, bytes, untold.get(facts.stateId) ?? 0)} and has been silent for ${formatDuration(Math.round(quietMs / SECOND_MS) * SECOND_MS)}`,
    hint: 'its events land as soon as it runs again; if its disk is lost, see “A fleet” in docs/operations.md; do not delete its folder under .headgate',
  }));
}

function heldText(events: number, bytes: number, untold: number): string {
  const told = `${formatBytes(bytes)} (${formatCount(events)} events)`;
  if (untold === 0) return told;
  const more = `${formatCount(untold)} events that it took after its last sign of life`;
  return events === 0 ? `up to ${more}` : `${told} and up to ${more}`;
}

/** Roots where our own facts can't be written, or the others' not read, for too long. */
export function factsFaults(
  views: readonly FleetView[],
  { silentPeerMs, steadyMs }: { readonly silentPeerMs: number; readonly steadyMs: number },
): RaisedAlert[] {
  return views.flatMap(({ sink, root, fault, isOutdated }): RaisedAlert[] => {
    const isLasting = fault !== undefined && steadyMs - fault.sinceSteadyMs >= silentPeerMs;
    if (!isLasting && !isOutdated) return [];
    const why = isOutdated
      ? 'newer facts of this state directory stand there: it is an older copy, or a clone runs elsewhere'
      : (fault?.error.message ?? '');
    return [
      {
        code: 'fleet-facts',
        level: 'warn',
        place: sink,
        message: `what this gateway holds can’t be told to the others at ${root}: ${why}`,
        hint:
          fault?.error.hint ??
          'put the newest copy of the state directory back; `headgate status --fleet` shows what the others see',
      },
    ];
  });
}
