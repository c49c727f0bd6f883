import { decodeRuns, singleRun } from '../../shared/model/offset-runs.ts';
import type { EncodedRuns, OffsetRun } from '../../shared/model/offset-runs.ts';
import type { TenureState } from '../../shared/model/partition.ts';
import type { ChannelDatabase } from './channel-database.ts';
import { PAGE_ROWS } from './channel-limits.ts';

/**
 * What became of the offsets of a partition, for the audit: intervals in offset order, read by the page, so that memory
 * depends neither on the backlog nor on the ledger. All functions take a reading connection (`openForReading`); an audit
 * reads all of them in one transaction (`readConsistently`), for between two of them a chunk may become a ledger row.
 */
export type CoverageKind =
  'landed' | 'in-channel' | 'claimed' | 'quarantined' | 'filtered' | 'not-routed' | 'absent' | 'gap';

/** Offsets `from <= o < to` of which one row speaks. */
export interface CoverageInterval extends OffsetRun {
  readonly kind: CoverageKind;
  /** True: of a put that is not accepted; it is shown apart and proves nothing yet. */
  readonly isHeld: boolean;
  /** The file id, the reason, or the landing key's directory. */
  readonly detail: string;
}

/** One incarnation of a partition that this state directory knows. */
export interface KnownPartition {
  readonly id: number;
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
  readonly isCurrent: boolean;
  readonly position: number;
  /** Channels that ever had a part in it. */
  readonly channels: readonly string[];
}

/** A tenure's own range: accepted offsets are `[startOffset, acceptedTo)`, held ones `[acceptedTo, putTo)`. */
export interface TenureRange {
  readonly nonce: string;
  readonly sequence: number;
  readonly startOffset: number;
  readonly acceptedTo: number;
  readonly putTo: number;
  readonly state: TenureState;
  readonly startedAtMs: number;
}

/** Runs `read` on one snapshot. The WAL grows with what is put meanwhile and is cut back afterwards: keep it short. */
export function readConsistently<T>(db: ChannelDatabase, read: () => T): T {
  return db.transaction(read).deferred();
}

export function knownPartitions(db: ChannelDatabase): KnownPartition[] {
  const channels = db.prepare<[number], { channel: string }>(`SELECT DISTINCT channel FROM tenure_channels
    WHERE tenure_id IN (SELECT id FROM tenures WHERE partition_id = ?) ORDER BY channel`);
  return db
    .prepare<[], Omit<KnownPartition, 'isCurrent' | 'channels'> & { is_current: number }>(
      'SELECT id, source, topic, partition, incarnation, is_current, position FROM partitions ORDER BY source, topic, partition, id',
    )
    .all()
    .map(({ is_current, ...row }) => ({
      ...row,
      isCurrent: is_current === 1,
      channels: channels.all(row.id).map(({ channel }) => channel),
    }));
}

/** Tenures of one incarnation, oldest first. */
export function tenureRanges(db: ChannelDatabase, partitionId: number): TenureRange[] {
  return db
    .prepare<[number], TenureRange>(
      `SELECT nonce, sequence, start_offset AS startOffset, accepted_to AS acceptedTo,
      put_to AS putTo, state, started_at_ms AS startedAtMs FROM tenures WHERE partition_id = ? ORDER BY id`,
    )
    .all(partitionId);
}

/** Accepted offsets in which the channel had a part: each must be in `coverage` once. In order of tenures. */
export function participation(db: ChannelDatabase, partitionId: number, channel: string): OffsetRun[] {
  return db
    .prepare<[number, string], OffsetRun>(
      `SELECT c.first AS "from", min(c.next, t.accepted_to) AS "to"
      FROM tenures t JOIN tenure_channels c ON c.tenure_id = t.id
      WHERE t.partition_id = ? AND c.channel = ? AND c.first < t.accepted_to ORDER BY t.id, c.first`,
    )
    .all(partitionId, channel);
}

interface CoverageRow {
  readonly id: number;
  readonly kind: CoverageKind;
  readonly first: number;
  readonly next: number;
  readonly events: number;
  readonly runs: Uint8Array | null;
  readonly detail: string;
  readonly is_held: number;
}

/** Every table that speaks of offsets; `next` of a quarantined event follows from its one offset. */
const TABLES = [
  `SELECT r.id, 'landed' AS kind, r.first, r.next, r.events, r.runs, r.file_id AS detail, 0 AS is_held
   FROM ledger_parts r WHERE r.channel = @channel`,
  `SELECT r.id, 'in-channel' AS kind, r.first, r.next, r.events, r.runs, k.directory AS detail, r.next > t.accepted_to AS is_held
   FROM chunks r JOIN tenures t ON t.id = r.tenure_id JOIN landing_keys k ON k.id = r.landing_key_id WHERE r.channel = @channel`,
  `SELECT r.id, 'claimed' AS kind, r.first, r.next, r.events, r.runs, r.detail, r.next > t.accepted_to AS is_held
   FROM claims r JOIN tenures t ON t.id = r.tenure_id WHERE r.channel = @channel`,
  `SELECT r.id, r.kind, r.first, r.next, r.events, r.runs, r.reason AS detail, r.next > t.accepted_to AS is_held
   FROM dispositions r JOIN tenures t ON t.id = r.tenure_id WHERE (r.channel IS NULL OR r.channel = @channel)`,
  `SELECT r.id, 'quarantined' AS kind, r.first, r.first + 1 AS next, 1 AS events, NULL AS runs, r.reason AS detail,
   r.first >= t.accepted_to AS is_held
   FROM quarantine r JOIN tenures t ON t.id = r.tenure_id WHERE r.state <> 'retried' AND (r.channel IS NULL OR r.channel = @channel)`,
] as const;

/**
 * Everything that the books say of a partition's offsets in one channel, in offset order. Overlaps are not resolved: two
 * intervals over the same offset are two claims to it, which is for the audit to report.
 */
export function* coverage(
  db: ChannelDatabase,
  partitionId: number,
  channel: string,
): Generator<CoverageInterval> {
  const lanes = TABLES.map((table) => new RowLane(db, table, { partitionId, channel }));
  let open: OpenRow[] = [];
  for (;;) {
    const lowest = open.reduce((least, row) => Math.min(least, row.run.from), Infinity);
    const lane = earliest(lanes);
    const head = lane?.head();
    if (lane !== undefined && head !== undefined && head.first <= lowest) {
      lane.take();
      const row = OpenRow.of(head);
      if (row !== undefined) open.push(row);
      continue;
    }
    const at = open.findIndex((row) => row.run.from === lowest);
    const row = open[at];
    if (row === undefined) return;
    yield row.interval();
    if (!row.advance()) open = open.filter((_, index) => index !== at);
  }
}

function earliest(lanes: readonly RowLane[]): RowLane | undefined {
  let found: RowLane | undefined;
  for (const lane of lanes) {
    const head = lane.head();
    if (head !== undefined && head.first < (found?.head()?.first ?? Infinity)) found = lane;
  }
  return found;
}

/** Rows of one table in order of their first offset, a page at a time. */
class RowLane {
  readonly #page;
  readonly #where: { readonly partitionId: number; readonly channel: string };
  #rows: readonly CoverageRow[] = [];
  #at = 0;
  #last = { first: -1, id: -1 };
  #isDone = false;

  constructor(
    db: ChannelDatabase,
    select: string,
    where: { readonly partitionId: number; readonly channel: string },
  ) {
    this.#where = where;
    this.#page = db.prepare<unknown[], CoverageRow>(`${select} AND r.partition_id = @partitionId
      AND (r.first, r.id) > (@first, @id) ORDER BY r.first, r.id LIMIT ${PAGE_ROWS}`);
  }

  head(): CoverageRow | undefined {
    if (this.#at >= this.#rows.length && !this.#isDone) {
      this.#rows = this.#page.all({ ...this.#where, ...this.#last });
      this.#at = 0;
      this.#isDone = this.#rows.length < PAGE_ROWS;
    }
    return this.#rows[this.#at];
  }

  take(): void {
    const row = this.#rows[this.#at++];
    if (row !== undefined) this.#last = { first: row.first, id: row.id };
  }
}

/** A row whose runs are being read. */
class OpenRow {
  run: OffsetRun;
  readonly #row: CoverageRow;
  readonly #runs: Iterator<OffsetRun>;

  private constructor(row: CoverageRow, runs: Iterator<OffsetRun>, run: OffsetRun) {
    this.#row = row;
    this.#runs = runs;
    this.run = run;
  }

  static of(row: CoverageRow): OpenRow | undefined {
    const encoded: EncodedRuns =
      row.runs === null
        ? singleRun(row.first, row.next)
        : { first: row.first, next: row.next, count: row.events, bytes: row.runs };
    const runs = decodeRuns(encoded.first, encoded.bytes);
    const head = runs.next();
    return head.done === true ? undefined : new OpenRow(row, runs, head.value);
  }

  interval(): CoverageInterval {
    return { ...this.run, kind: this.#row.kind, isHeld: this.#row.is_held === 1, detail: this.#row.detail };
  }

  advance(): boolean {
    const next = this.#runs.next();
    if (next.done !== true) this.run = next.value;
    return next.done !== true;
  }
}
