import type { EncodedRuns } from '../../shared/model/offset-runs.ts';
import { mergeRuns, singleRun } from '../../shared/model/offset-runs.ts';
import { holdsRuns } from '../../shared/model/run-sets.ts';
import type { ChannelDatabase } from './channel-database.ts';

/**
 * Which channels had a part in which offsets of a tenure: what the audit holds chunks and landings against. Ranges of one channel in one
 * tenure never overlap.
 */
export class ChannelParts {
  readonly #statements;

  constructor(db: ChannelDatabase) {
    this.#statements = {
      widen: db.prepare(
        'UPDATE tenure_channels SET next = @next WHERE tenure_id = @tenureId AND channel = @channel AND next = @first',
      ),
      insert: db.prepare(
        'INSERT INTO tenure_channels (tenure_id, channel, first, next) VALUES (@tenureId, @channel, @first, @next)',
      ),
      between: db.prepare<[number, number, number], { channel: string; first: number; next: number }>(
        'SELECT channel, first, next FROM tenure_channels WHERE tenure_id = ? AND first < ? AND next > ?',
      ),
    };
  }

  /** The channel takes a part in `[first, next)`, of which it had none. */
  take(part: {
    readonly tenureId: number;
    readonly channel: string;
    readonly first: number;
    readonly next: number;
  }): void {
    if (this.#statements.widen.run(part).changes === 0) this.#statements.insert.run(part);
  }

  /** True when the channel had a part in each of these offsets. */
  covers(tenureId: number, channel: string, runs: EncodedRuns): boolean {
    const ranges = this.#statements.between
      .all(tenureId, runs.next, runs.first)
      .filter((one) => one.channel === channel)
      .map(({ first, next }) => singleRun(first, next));
    return ranges.length > 0 && holdsRuns(mergeRuns(ranges), runs);
  }

  /** By channel: which of these offsets, in rising order, it had a part in. */
  of(tenureId: number, offsets: readonly number[]): ReadonlyMap<string, ReadonlySet<number>> {
    const [first, last] = [offsets[0], offsets.at(-1)];
    const parts = new Map<string, Set<number>>();
    if (first === undefined || last === undefined) return parts;
    for (const { channel, ...range } of this.#statements.between.all(tenureId, last + 1, first)) {
      const had = parts.get(channel) ?? new Set();
      parts.set(channel, had);
      for (const at of offsets) if (at >= range.first && at < range.next) had.add(at);
    }
    return parts;
  }
}
