/** Which sinks of a group work: Flume's failover and load-balancing processors, decided from how the members stand. */
import type { GroupDuty } from '../../landing/group-membership.ts';

export interface GroupMember {
  readonly name: string;
  /** It lands what it is given: its target answers, its worker lives, and nobody has paused it. */
  readonly isAble: boolean;
}

/**
 * `failover`: the first member in the order of their priority that is able works; those before it, which are not, go on trying with one
 * file at a time, so that they are found able again by landing something. `load_balance`: all work, each as it has uploads free.
 * Which of them works is never a matter of truth (group-membership.ts): two at once land different events.
 */
export function groupDuties(
  kind: 'failover' | 'load_balance',
  /** Highest priority first. */
  members: readonly GroupMember[],
): GroupDuty[] {
  let isTaken = false;
  const onDuty = members.map(({ isAble }) => {
    const isOnDuty = kind === 'load_balance' || !isTaken;
    isTaken ||= isAble;
    return isOnDuty;
  });
  return members.map((_, at) => ({
    isOnDuty: onDuty[at] === true,
    hasOthers: members.some((other, place) => place !== at && other.isAble && onDuty[place] === true),
  }));
}
