/**
 * Whether all partitions have passed a directory's end, and what is waited for where they have not. Pure: facts in, verdict out.
 *
 * A partition has passed when an event of a later time came from it, or when it stood at its log's end at a moment after end + grace.
 * One that is held, paused, not reached or not known has not: nobody can say what it still holds.
 */
import type { PartitionEvidence } from '../../../shared/model/completeness.ts';
import { formatCount } from '../../../shared/units.ts';

export interface FeedingPartition {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  /** Undefined: this gateway does not read it now. */
  readonly reading:
    | {
        readonly state: 'opening' | 'flowing' | 'caught-up' | 'paused' | 'waiting' | 'held';
        readonly cause: string | undefined;
        readonly logEnd: number;
        readonly lag: number;
        /** When the log was last seen to end there, epoch ms. */
        readonly endSeenMs: number | undefined;
      }
    | undefined;
  /** By the writer's books; undefined: nothing of it was ever taken. */
  readonly mark: { readonly position: number; readonly newestEventMs: number } | undefined;
}

/** What the other gateways say; see fleet-progress.ts. */
export interface FleetWord {
  /** Why nothing can be decided at all. */
  readonly obstacles: readonly string[];
  /** Ours included. */
  readonly gateways: readonly string[];
  /** The gateway that says that this partition has passed; undefined: none does. */
  readonly passed: (topic: string, partition: number, passedMs: number) => string | undefined;
}

export interface VerdictFacts {
  readonly endMs: number;
  readonly graceMs: number;
  readonly usesLocalTime: boolean;
  readonly partitions: readonly FeedingPartition[];
  /** Topics that should feed it and are not there. */
  readonly missingTopics: readonly string[];
  readonly fleet: FleetWord;
}

export type Verdict =
  | { readonly kind: 'passed'; readonly evidence: readonly PartitionEvidence[] }
  | { readonly kind: 'waits'; readonly why: readonly string[] };

/** Reasons that are told of one directory. */
export const REASONS_MAX = 5;

export function directoryVerdict(facts: VerdictFacts): Verdict {
  const { partitions, missingTopics, fleet } = facts;
  const evidence: PartitionEvidence[] = [];
  const why: string[] = [...fleet.obstacles];
  for (const topic of missingTopics) why.push(`the topic ${topic} is not there`);
  if (partitions.length === 0 && missingTopics.length === 0) why.push('no partition is known yet');
  for (const one of partitions) {
    const found = evidenceOf(one, facts);
    if (typeof found === 'string') why.push(found);
    else evidence.push(found);
  }
  if (why.length === 0) return { kind: 'passed', evidence };
  const more = why.length - REASONS_MAX;
  return { kind: 'waits', why: more > 0 ? [...why.slice(0, REASONS_MAX), `and ${more} more`] : why };
}

function evidenceOf(one: FeedingPartition, facts: VerdictFacts): PartitionEvidence | string {
  const { source, topic, partition, reading, mark } = one;
  const key = { source, topic, partition };
  const place = `${topic}/${partition}`;
  const passedMs = facts.endMs + facts.graceMs;
  // The directory was chosen by the gateway's clock when the event came in: nothing that comes now can belong there.
  if (facts.usesLocalTime) return { ...key, passedBy: 'gateway-clock' };
  if (reading === undefined) {
    const gateway = facts.fleet.passed(topic, partition, passedMs);
    if (gateway !== undefined) return { ...key, passedBy: 'other-gateway', gateway };
    return `${place} is not read by this gateway, and no other says that it has passed`;
  }
  if (mark !== undefined && mark.newestEventMs >= passedMs) return { ...key, passedBy: 'event-time' };
  const { state, logEnd, endSeenMs, lag, cause } = reading;
  const isAtEnd = state === 'caught-up' && mark !== undefined && logEnd >= 0 && mark.position >= logEnd;
  if (isAtEnd && endSeenMs !== undefined && endSeenMs >= passedMs)
    return { ...key, passedBy: 'log-end', logEnd };
  if (state === 'held') return `${place} is held${cause === undefined ? '' : `: ${cause}`}`;
  if (state === 'paused') return `${place} waits for room in the channel`;
  if (state === 'waiting' || state === 'opening')
    return `${place} is not read${cause === undefined ? '' : `: ${cause}`}`;
  const newest = mark === undefined || mark.newestEventMs === 0 ? undefined : new Date(mark.newestEventMs);
  const came = newest === undefined ? 'brought no event yet' : `has come to ${newest.toISOString()}`;
  return `${place} ${came}${lag > 0 ? `, ${formatCount(lag)} events behind` : ''}`;
}
