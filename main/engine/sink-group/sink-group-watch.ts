/**
 * Tells the members of each group of sinks who works, a few times a second, from how their landers stand. It keeps nothing: a worker that
 * was started again is told at the next look, and until then begins nothing.
 */
import type { GatewayConfig } from '../../../shared/contract/config.ts';
import type { SinkGroupPlace } from '../../../shared/contract/config-sink-group.ts';
import type { LandingLink } from '../landing-link.ts';
import { groupDuties } from './group-duties.ts';

const LOOK_INTERVAL_MS = 250;

export interface SinkGroupSources {
  readonly config: () => GatewayConfig;
  readonly landings: ReadonlyMap<string, LandingLink>;
}

interface Member {
  readonly name: string;
  readonly place: SinkGroupPlace;
  readonly link: LandingLink | undefined;
}

export class SinkGroupWatch {
  readonly #sources: SinkGroupSources;
  #timer: NodeJS.Timeout | undefined;

  constructor(sources: SinkGroupSources) {
    this.#sources = sources;
  }

  start(): void {
    this.look();
    this.#timer = setInterval(() => this.look(), LOOK_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    for (const members of groupsOf(this.#sources).values()) {
      const [first] = members;
      if (first === undefined) continue;
      const standings = members.map(({ name, link }) => ({ name, isAble: isAble(link) }));
      groupDuties(first.place.processor, standings).forEach((duty, at) =>
        members[at]?.link?.order({ kind: 'duty', duty }),
      );
    }
  }
}

/** Members of each group, the first to land first. */
function groupsOf({ config, landings }: SinkGroupSources): ReadonlyMap<string, readonly Member[]> {
  const groups = new Map<string, Member[]>();
  for (const [name, { group: place }] of Object.entries(config().sinks)) {
    if (place === undefined) continue;
    const members = groups.get(place.name) ?? [];
    members.push({ name, place, link: landings.get(name) });
    groups.set(place.name, members);
  }
  for (const members of groups.values()) members.sort((left, right) => left.place.rank - right.place.rank);
  return groups;
}

/** A worker that is just starting is given the time to; one that died is not able. */
function isAble(link: LandingLink | undefined): boolean {
  if (link === undefined || link.failure !== undefined) return false;
  const { status } = link;
  return status === undefined || (status.gate === undefined && !status.isPaused);
}
