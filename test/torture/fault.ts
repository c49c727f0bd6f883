import type { SeededRandom } from './seeded-random.ts';
import type { TortureSite } from './torture-site.ts';

/** One thing that the adversary does. `end` takes it back; without it there is nothing to take back. */
export interface Fault {
  /** What it needs for itself while it lasts: two faults never hold the same thing. */
  readonly holds: string;
  /** For the time line. */
  readonly text: string;
  readonly begin: () => Promise<void> | void;
  readonly end?: () => Promise<void> | void;
}

/** A kind of fault: how often it is chosen, how it is counted, and how one of it is made. */
export interface FaultKind {
  readonly name: string;
  readonly weight: number;
  readonly counts:
    'kill' | 'cut' | 'server' | 'freeze' | 'edit' | 'switch' | 'clock' | 'room' | 'hdfs' | 'retention';
  /** Longest that it lasts, ms. */
  readonly longestMs: number;
  /** Draws what it needs from `random`, and the same number of times whatever the site looks like. */
  readonly make: (site: TortureSite, random: SeededRandom) => Fault;
}
