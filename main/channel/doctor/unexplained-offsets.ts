import { OffsetRunsBuilder } from '../../../shared/model/offset-runs.ts';
import type { EncodedRuns } from '../../../shared/model/offset-runs.ts';
import type { ChannelDatabase } from '../channel-database.ts';
import { coverage, knownPartitions } from '../coverage-reader.ts';

/** Offsets in which a channel had a part and of which no row says what became of them: of one tenure, on one side of what is accepted. */
export interface UnexplainedOffsets {
  readonly partitionId: number;
  readonly tenureId: number;
  readonly channel: string;
  readonly runs: EncodedRuns;
}

interface Part {
  readonly tenureId: number;
  readonly first: number;
  readonly next: number;
}

/** Read in the order of offsets; memory depends on neither the backlog nor the ledger. */
export function* unexplainedOffsets(db: ChannelDatabase): Generator<UnexplainedOffsets> {
  const parts = db.prepare<unknown[], Part>(
    `SELECT c.tenure_id AS tenureId, c.first, min(c.next, t.accepted_to) AS next FROM tenures t JOIN tenure_channels c ON c.tenure_id = t.id
    WHERE t.partition_id = @partitionId AND c.channel = @channel AND c.first < t.accepted_to
    UNION ALL SELECT c.tenure_id, max(c.first, t.accepted_to), c.next FROM tenures t JOIN tenure_channels c ON c.tenure_id = t.id
    WHERE t.partition_id = @partitionId AND c.channel = @channel AND c.next > t.accepted_to ORDER BY 2`,
  );
  for (const { id: partitionId, channels } of knownPartitions(db)) {
    for (const channel of channels) {
      const told = coverage(db, partitionId, channel);
      let run = told.next();
      for (const { tenureId, first, next } of parts.all({ partitionId, channel })) {
        const missing = new OffsetRunsBuilder();
        let at = first;
        for (; run.done !== true && run.value.from < next; run = told.next()) {
          if (run.value.from > at) missing.addRun(at, run.value.from);
          at = Math.max(at, run.value.to);
          // What goes on behind this part is for the next one, too.
          if (at >= next) break;
        }
        if (at < next) missing.addRun(at, next);
        if (missing.count > 0) yield { partitionId, tenureId, channel, runs: missing.finish() };
      }
    }
  }
}
