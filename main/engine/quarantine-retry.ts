/**
 * A retry of events in quarantine, from the first to the last: each is read, goes through the running rules of its source, and is stored
 * with what became of it, once. The work is a job: it may be cancelled between any two groups and begun again at any time, for each
 * group is one transaction of the writer and what left quarantine is not selected any more (channel/quarantine-store.ts).
 *
 * What is meant is settled when it begins: rows up to the newest that waits then. So events that come in meanwhile, and those that go on
 * waiting for one channel in a row of their own, are left for the next retry, and it ends.
 */
import type { QuarantineSelection } from '../../shared/contract/control-rows.ts';
import { formatCount } from '../../shared/units.ts';
import type { QuarantineCursor, QuarantineTarget, SliceEvent } from '../channel/quarantine-target.ts';
import type { WriterClient } from '../channel/writer-client.ts';
import type { JobOutcome, JobRun } from './desks/job-desk.ts';
import type { EngineQueries } from './engine-queries.ts';
import type { Flow } from './flow.ts';
import { retryGroups, type RetryTally } from './quarantine-batch.ts';

export interface QuarantineRetryParts {
  readonly flow: Pick<Flow, 'retry'> & { readonly writer: Pick<WriterClient, 'room'> };
  /** The thread that answers questions now. */
  readonly queries: () => Pick<EngineQueries, 'quarantineTarget' | 'quarantineSlice'>;
}

/** Counts of events. */
interface Sum {
  placed: number;
  filtered: number;
  notRouted: number;
  stays: number;
  /** Dropped by somebody while this ran. */
  gone: number;
  /** By the name of a source that is not configured any more. */
  readonly sourceless: Map<string, number>;
}

/** Sends the selected events through the running rules again. Throws what storing throws, and the signal's reason. */
export async function retryQuarantined(
  parts: QuarantineRetryParts,
  request: { readonly selection: QuarantineSelection; readonly by: string },
  run: JobRun,
): Promise<JobOutcome> {
  const { selection, by } = request;
  const { events: total, held, upTo } = await parts.queries().quarantineTarget(selection);
  const target: QuarantineTarget = { selection, upTo };
  const sum: Sum = { placed: 0, filtered: 0, notRouted: 0, stays: 0, gone: 0, sourceless: new Map() };
  let done = 0;
  let after: QuarantineCursor | undefined;
  do {
    run.signal.throwIfAborted();
    const { events, next } = await parts.queries().quarantineSlice({ target, after });
    for (const group of retryGroups(events)) {
      run.signal.throwIfAborted();
      const { isOpen } = parts.flow.writer.room;
      const step = isOpen ? 'events through the running rules' : 'waiting for room in the channel';
      run.progress(step, done, total);
      await retryGroup(parts, group, { target, by, signal: run.signal, sum });
      done += group.length;
    }
    after = next;
  } while (after !== undefined);
  run.progress('events through the running rules', done, Math.max(total, done));
  const { sourceless, ...counts } = sum;
  return {
    summary: summaryOf(sum, { done, held }),
    result: { ...counts, held, sourceless: Object.fromEntries(sourceless) },
  };
}

async function retryGroup(
  parts: QuarantineRetryParts,
  group: readonly SliceEvent[],
  context: {
    readonly target: QuarantineTarget;
    readonly by: string;
    readonly signal: AbortSignal;
    readonly sum: Sum;
  },
): Promise<void> {
  const { target, by, signal, sum } = context;
  let left = group;
  for (let [head] = left; head !== undefined; [head] = left) {
    const outcome = await parts.flow.retry(head.source, left, { by, signal });
    if (outcome === 'no-source') {
      sum.sourceless.set(head.source, (sum.sourceless.get(head.source) ?? 0) + left.length);
      return;
    }
    if (outcome !== 'changed') return add(sum, outcome);
    // Somebody dropped some of them between reading and storing: the others are asked for again, and are fewer.
    const ids = left.map(({ id }) => id);
    const again = { selection: { ids }, upTo: target.upTo };
    const { events } = await parts.queries().quarantineSlice({ target: again, after: undefined });
    sum.gone += left.length - events.length;
    left = events;
  }
}

function add(sum: Sum, tally: RetryTally): void {
  sum.placed += tally.placed;
  sum.filtered += tally.filtered;
  sum.notRouted += tally.notRouted;
  sum.stays += tally.stays;
}

function summaryOf(sum: Sum, facts: { readonly done: number; readonly held: number }): string {
  const { placed, filtered, notRouted, stays, gone, sourceless } = sum;
  const named = (events: number, what: string): string[] =>
    events === 0 ? [] : [`${formatCount(events)} ${what}`];
  const parts = [
    `${formatCount(placed)} into the channel`,
    ...named(filtered, 'filtered'),
    ...named(notRouted, 'routed to no channel'),
    ...named(stays, 'still in quarantine'),
    ...named(gone, 'dropped meanwhile'),
    ...[...sourceless].flatMap(([source, events]) =>
      named(events, `still in quarantine, for their source ${source} is not configured any more`),
    ),
    ...named(facts.held, 'more not tried, for the broker has not accepted their offsets yet: ask again'),
  ];
  const { done } = facts;
  return `${formatCount(done)} event${done === 1 ? '' : 's'} tried again: ${parts.join(', ')}.`;
}
