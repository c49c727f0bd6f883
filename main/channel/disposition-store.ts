import type { EncodedRuns } from '../../shared/model/offset-runs.ts';
import { mergeRuns } from '../../shared/model/offset-runs.ts';
import type { Disposition } from '../../shared/model/partition.ts';
import type { ChannelDatabase } from './channel-database.ts';
import { DISPOSITION_RUNS_BYTES_MAX } from './channel-limits.ts';

interface DispositionRow {
  readonly id: number;
  readonly tenure_id: number;
  readonly kind: string;
  readonly channel: string | null;
  readonly reason: string;
  readonly config_version: number;
  readonly first: number;
  readonly next: number;
  readonly events: number;
  readonly runs: Uint8Array;
}

export interface DispositionOwner {
  readonly partitionId: number;
  readonly tenureId: number;
  readonly configVersion: number;
  readonly nowMs: number;
}

/** An accepted row is joined with one of so many rows before it; more kinds than that in one place are rare. */
const JOIN_CANDIDATES = 8;

/**
 * Offsets that went into no chunk, with the reason. Rows come in with each put; once accepted they are joined with their
 * neighbours of the same kind and reason, so that a filter's trace grows with the holes it leaves and not with the puts.
 */
export class DispositionStore {
  readonly #statements;

  constructor(db: ChannelDatabase) {
    this.#statements = {
      insert: db.prepare(`INSERT INTO dispositions
        (partition_id, tenure_id, kind, channel, reason, config_version, first, next, events, runs) VALUES
        (@partitionId, @tenureId, @kind, @channel, @reason, @configVersion, @first, @next, @count, @bytes)`),
      between: db.prepare<[number, number, number, number], DispositionRow>(`SELECT * FROM dispositions
        WHERE partition_id = ? AND first >= ? AND first < ? AND tenure_id = ? ORDER BY first, id`),
      before: db.prepare<[number, number], DispositionRow>(`SELECT * FROM dispositions
        WHERE partition_id = ? AND first < ? ORDER BY first DESC LIMIT ${JOIN_CANDIDATES}`),
      widen: db.prepare(
        'UPDATE dispositions SET next = @next, events = @count, runs = @bytes WHERE id = @id',
      ),
      remove: db.prepare<[number]>('DELETE FROM dispositions WHERE id = ?'),
    };
  }

  /** Of a gap it is also kept when it was noticed, to the minute: rows of the same one are still joined. */
  add({ kind, channel, reason: why, runs }: Disposition, { nowMs, ...owner }: DispositionOwner): void {
    const reason = kind === 'gap' ? `${why} (noticed ${minuteOf(nowMs)})` : why;
    this.#statements.insert.run({ ...owner, kind, channel: channel ?? null, reason, ...runColumns(runs) });
  }

  /** Joins rows of one tenure that have just been accepted, `from <= first < to`. */
  settle(partitionId: number, tenureId: number, range: { readonly from: number; readonly to: number }): void {
    const fresh = this.#statements.between.all(partitionId, range.from, range.to, tenureId);
    if (fresh.length === 0) return;
    const open: DispositionRow[] = this.#statements.before
      .all(partitionId, range.from)
      .filter((row) => row.tenure_id === tenureId);
    for (const row of fresh) {
      const at = open.findIndex((candidate) => canJoin(candidate, row));
      const candidate = open[at];
      if (candidate === undefined) {
        open.push(row);
        continue;
      }
      const runs = mergeRuns([toRuns(candidate), toRuns(row)]);
      this.#statements.widen.run({ id: candidate.id, ...runColumns(runs) });
      this.#statements.remove.run(row.id);
      open[at] = { ...candidate, next: runs.next, events: runs.count, runs: runs.bytes };
    }
  }
}

function canJoin(a: DispositionRow, b: DispositionRow): boolean {
  return (
    a.kind === b.kind &&
    a.channel === b.channel &&
    a.reason === b.reason &&
    a.config_version === b.config_version &&
    a.next <= b.first &&
    a.runs.byteLength + b.runs.byteLength <= DISPOSITION_RUNS_BYTES_MAX
  );
}

/** `2026-11-22 08:12 UTC`. */
function minuteOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function toRuns(row: DispositionRow): EncodedRuns {
  return { first: row.first, next: row.next, count: row.events, bytes: row.runs };
}

function runColumns(runs: EncodedRuns) {
  return { first: runs.first, next: runs.next, count: runs.count, bytes: runs.bytes };
}
