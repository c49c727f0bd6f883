/** How a gateway of the fleet is, and which comes first. */
import type { FleetGateway } from '../../../shared/contract/control-fleet.ts';

export type Sign = 'alive' | 'paused' | 'silent' | 'retired' | 'recovered';

export function signOf({ ended, isSilent, isPaused }: FleetGateway): Sign {
  if (ended !== undefined) return ended.why;
  if (isSilent) return 'silent';
  return isPaused ? 'paused' : 'alive';
}

/** Events that it accepted and that are not known to have landed. */
export function mayHold({ waitingEvents, claimedEvents, untoldEvents, isSilent }: FleetGateway): number {
  return waitingEvents + claimedEvents + (isSilent ? untoldEvents : 0);
}

/** It is silent, and nobody else will land what it holds. */
export function isAlarm(gateway: FleetGateway): boolean {
  return gateway.isSilent && mayHold(gateway) > 0;
}

/** Those that need somebody first, then the one that answers, the others by name, and at the end those that are done for good. */
export function rankedGateways(gateways: readonly FleetGateway[]): readonly FleetGateway[] {
  const rank = (one: FleetGateway): number => {
    if (one.ended !== undefined) return 4;
    if (isAlarm(one)) return 0;
    if (one.isOwn) return 1;
    return one.isSilent ? 2 : 3;
  };
  return [...gateways].sort((a, b) => rank(a) - rank(b) || (a.gatewayId < b.gatewayId ? -1 : 1));
}
