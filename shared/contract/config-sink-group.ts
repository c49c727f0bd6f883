/** Groups of sinks that share a channel, as the file names them (Flume's `sinkgroups`: `flume-properties.md` §7). */
import type * as z from 'zod';
import { choice, duration, integer, texts } from './config-fields.ts';
import { alias, defaulted, family, ignored, required, tableSchema } from './config-table.ts';

const PRIORITY_MAX = 1_000_000;
const maxPenalty = duration({ bareUnit: 'ms', minMs: 1_000 });

const sinkGroupKeys = {
  /** The first one names the group's landing target in the offsets' metadata: keep it the first. */
  sinks: required('sinks', texts()),
  'processor.type': required('processor', choice(['failover', 'load_balance'])),
  /** Higher first; those without one come after, in the order of `sinks`. */
  'processor.priority.*': family('priorities', integer({ min: -PRIORITY_MAX, max: PRIORITY_MAX })),
  /** A sink that fails is tried again at least this often. */
  'processor.maxpenalty': defaulted('maxPenaltyMs', maxPenalty, '30s'),
  'processor.selector.maxTimeOut': alias('processor.maxpenalty', maxPenalty),
  'processor.selector': ignored('each sink takes the next file when it has an upload free'),
  'processor.backoff': ignored('a sink that fails is always left alone for a while'),
} as const;

export const sinkGroupSchema = tableSchema(sinkGroupKeys, { what: 'a group of sinks' });
export type SinkGroupFileConfig = z.output<typeof sinkGroupSchema>;

/** A sink's place in its group, as the engine is told. */
export interface SinkGroupPlace {
  readonly name: string;
  readonly processor: SinkGroupFileConfig['processor'];
  /** 0: the first to land. */
  readonly rank: number;
  /** 0: listed first. */
  readonly listedAt: number;
  readonly maxPenaltyMs: number;
}

/** Where a sink stands in the group that lists it; undefined: in none. */
export function groupPlaceOf(
  sink: string,
  groups: Readonly<Record<string, SinkGroupFileConfig>>,
): SinkGroupPlace | undefined {
  for (const [name, group] of Object.entries(groups)) {
    const listedAt = group.sinks.indexOf(sink);
    if (listedAt < 0) continue;
    const rank = byPriority(group).indexOf(sink);
    return { name, processor: group.processor, rank, listedAt, maxPenaltyMs: group.maxPenaltyMs };
  }
  return undefined;
}

function byPriority({ sinks, priorities }: SinkGroupFileConfig): string[] {
  const priorityOf = (sink: string): number => priorities[sink] ?? -Infinity;
  const order = [...sinks.entries()].sort(([leftAt, left], [rightAt, right]) => {
    const [one, other] = [priorityOf(left), priorityOf(right)];
    return one === other ? leftAt - rightAt : other - one;
  });
  return order.map(([, sink]) => sink);
}
