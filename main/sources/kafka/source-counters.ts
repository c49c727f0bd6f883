import type { SourceCounters } from '../source.ts';

/** Counts that only grow, from the start of the process. `bytes` are those fetched, as they came over the link. */
export type MutableCounters = { -readonly [Name in keyof SourceCounters]: number };

export function newCounters(): MutableCounters {
  return {
    events: 0,
    bytes: 0,
    pulls: 0,
    repulls: 0,
    failedPulls: 0,
    emptyPulls: 0,
    commits: 0,
    rebalances: 0,
  };
}
