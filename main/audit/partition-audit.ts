import type { AuditCoverage, AuditGap } from '../../shared/contract/control-audit.ts';
import type { ChannelDatabase } from '../channel/channel-database.ts';
import type { KnownPartition } from '../channel/coverage-reader.ts';
import { BookRows } from './book-rows.ts';
import type { RowListener } from './book-rows.ts';
import type { BookRow } from './book-tables.ts';
import { rowLabel } from './book-tables.ts';
import { ChannelSweep } from './channel-sweep.ts';
import { FindingList } from './finding-list.ts';
import { NO_CHANNEL, obligationsOf } from './obligations.ts';
import type { AuditedTenure, Obligations, TenurePart } from './obligations.ts';
import type { Pace } from './pace.ts';

export interface PartitionAudit {
  readonly coverage: readonly AuditCoverage[];
  /** Accepted offsets of the partition, each counted once. */
  readonly offsets: number;
  /** The first of them by name. */
  readonly gaps: readonly AuditGap[];
  readonly gapsLeftOut: number;
}

export interface AuditContext {
  readonly db: ChannelDatabase;
  readonly findings: FindingList;
  readonly pace: Pace;
  /** Told now and then: offsets of the partition before this one have been read. */
  readonly reached?: (offset: number) => void;
}

type Partition = Pick<KnownPartition, 'id' | 'topic' | 'partition' | 'incarnation'>;

/** Runs between two looks at the clock. */
const STEPS_PER_LOOK = 16;

/**
 * Proves one incarnation of one partition, or adds findings that name the offsets. `db` must be the audit's own connection: a
 * transaction is held on it over turns of the event loop. Throws what SQLite throws, and the signal's reason.
 *
 * Why the channel may work meanwhile. In every state of the books each owed offset stands in one row, since each change of
 * state is one transaction of the writer. So it is enough to judge each offset in one snapshot, and not all of them in the
 * same: the partition is read in stretches of offsets, each in a snapshot of its own that is soon given back, for a snapshot
 * that is held stops the WAL from being cut (exactly-once.md §2.6). A stretch ends at a *seam* (book-rows.ts): all that was
 * read before it stays true, or, like a chunk that becomes a part of a file, is true of the same offsets in another row. It
 * ends before the offsets that are held, which may still go away.
 *
 * What a reading in stretches finds is never reported by itself: it is found again in one snapshot of the whole partition, or
 * it was not there.
 */
export async function auditPartition(context: AuditContext, partition: Partition): Promise<PartitionAudit> {
  const findings = new FindingList();
  const audit = await new PartitionReading({ ...context, findings }, partition).read('in stretches');
  if (findings.verdict === 'clean') {
    for (const note of findings.notes) context.findings.note(note);
    return audit;
  }
  return new PartitionReading(context, partition).read('whole');
}

/** One reading of a partition, to be used once. In stretches it may find what is not there (see above). */
export class PartitionReading {
  readonly #context: AuditContext;
  readonly #partition: Partition;
  readonly #place: string;
  readonly #sweeps = new Map<string, ChannelSweep>();
  #owners: ReadonlyMap<number, AuditedTenure> = new Map();
  #obligations: Obligations = obligationsOf([], []);
  #heldFrom = Infinity;
  /** The snapshot is old: it is given back at the next seam. */
  #isSeamSought = false;

  constructor(context: AuditContext, partition: Partition) {
    this.#context = context;
    this.#partition = partition;
    this.#place = `${partition.topic}/${partition.partition}`;
  }

  async read(way: 'in stretches' | 'whole'): Promise<PartitionAudit> {
    const { db } = this.#context;
    this.#begin();
    try {
      const rows = new BookRows(db, this.#partition.id, this.#listener());
      for (let steps = 1; ; steps++) {
        if (this.#isSeamSought || steps % STEPS_PER_LOOK === 0) await this.#look(rows, way);
        const head = rows.head();
        if (head === undefined) return this.#finish();
        this.#claim(head);
        rows.advance();
      }
    } finally {
      if (db.inTransaction) db.exec('ROLLBACK');
    }
  }

  /** A snapshot, and what is owed in it. */
  #begin(): void {
    const { db, pace } = this.#context;
    const { id } = this.#partition;
    db.exec('BEGIN');
    pace.snapshotBegins();
    const tenures = tenuresOf(db, id);
    this.#owners = new Map(tenures.map((tenure) => [tenure.id, tenure]));
    this.#obligations = obligationsOf(tenures, partsOf(db, id));
    const held = [...this.#obligations.byChannel.values()].flat().filter(({ isHeld }) => isHeld);
    this.#heldFrom = held.reduce((least, { from }) => Math.min(least, from), Infinity);
    this.#isSeamSought = false;
    for (const channel of this.#obligations.byChannel.keys()) this.#sweepOf(channel);
  }

  async #look(rows: BookRows, way: 'in stretches' | 'whole'): Promise<void> {
    const { pace } = this.#context;
    this.#isSeamSought = way === 'in stretches' && pace.isSnapshotOld;
    const at = this.#isSeamSought ? rows.seam() : undefined;
    if (at !== undefined && at <= this.#heldFrom) return this.#renew(rows, at);
    if (!pace.isDue) return;
    this.#tell(rows);
    await pace.turn();
  }

  /** Gives the snapshot back, lets others have their turn, and goes on in another one. */
  async #renew(rows: BookRows, at: number): Promise<void> {
    const { db, pace } = this.#context;
    this.#tell(rows);
    db.exec('ROLLBACK');
    await pace.turn();
    this.#begin();
    const { byChannel } = this.#obligations;
    for (const [channel, sweep] of this.#sweeps) sweep.restart(at, byChannel.get(channel) ?? []);
    rows.restart(at);
  }

  #tell(rows: BookRows): void {
    const from = rows.head()?.from;
    if (from !== undefined) this.#context.reached?.(from);
  }

  #listener(): RowListener {
    const { findings } = this.#context;
    const place = this.#place;
    return {
      opened: (row) => checkOwner(row, this.#owners, { place, findings }),
      damaged: (row, what) => findings.add('books-differ', place, `${rowLabel(row)}: ${what}`),
    };
  }

  #claim({ row, from, to }: { readonly row: BookRow; readonly from: number; readonly to: number }): void {
    if (row.channel === null) for (const one of this.#sweeps.values()) one.claim(row, from, to);
    else this.#sweepOf(row.channel).claim(row, from, to);
  }

  /** A channel that rows name and no tenure does has no obligations: all its offsets are outside. */
  #sweepOf(channel: string): ChannelSweep {
    let found = this.#sweeps.get(channel);
    if (found === undefined) {
      found = new ChannelSweep(this.#obligations.byChannel.get(channel) ?? []);
      this.#sweeps.set(channel, found);
    }
    return found;
  }

  #finish(): PartitionAudit {
    const { findings } = this.#context;
    const place = this.#place;
    reportObligations(this.#obligations, { place, findings });
    const coverage: AuditCoverage[] = [];
    const gaps: AuditGap[] = [];
    let gapsLeftOut = 0;
    for (const [channel, one] of this.#sweeps) {
      one.finish();
      reportSweep(one, { place: channel === NO_CHANNEL ? place : `${place} in ${channel}`, findings });
      // All that a channel had a part in was held, and went away between two snapshots.
      if (one.isIdle) continue;
      coverage.push(coverageOf(this.#partition, channel, one));
      gaps.push(...one.gaps.runs.map((run) => ({ ...placeOf(this.#partition, channel), ...run })));
      gapsLeftOut += one.gaps.leftOut;
    }
    return { coverage, offsets: this.#obligations.acceptedOffsets, gaps, gapsLeftOut };
  }
}

function tenuresOf(db: ChannelDatabase, partitionId: number): AuditedTenure[] {
  return db
    .prepare<[number], AuditedTenure>(
      `SELECT id, nonce, start_offset AS startOffset, accepted_to AS acceptedTo, put_to AS putTo, state
      FROM tenures WHERE partition_id = ? ORDER BY id`,
    )
    .all(partitionId);
}

function partsOf(db: ChannelDatabase, partitionId: number): TenurePart[] {
  return db
    .prepare<[number], TenurePart>(
      `SELECT c.tenure_id AS tenureId, c.channel, c.first, c.next
      FROM tenures t JOIN tenure_channels c ON c.tenure_id = t.id WHERE t.partition_id = ? ORDER BY c.id`,
    )
    .all(partitionId);
}

interface Report {
  readonly place: string;
  readonly findings: FindingList;
}

function reportObligations(obligations: Obligations, { place, findings }: Report): void {
  for (const { who, run } of obligations.claimedTwice) {
    findings.add('overlap', place, `offsets ${run.from}-${run.to - 1} belong to ${who}`);
  }
  for (const part of obligations.astray) {
    findings.add(
      'books-differ',
      place,
      `the part of channel ${part.channel} in offsets ${part.first}-${part.next - 1} lies outside its tenure`,
    );
  }
}

/** Landed parts do not name their tenure; the other rows must lie within theirs, on one side of what is accepted. */
function checkOwner(
  row: BookRow,
  owners: ReadonlyMap<number, AuditedTenure>,
  { place, findings }: Report,
): void {
  if (row.tenureId === null) return;
  const tenure = owners.get(row.tenureId);
  const offsets = `offsets ${row.first}-${row.next - 1}: ${rowLabel(row)}`;
  if (tenure === undefined) {
    findings.add('outside', place, `${offsets} names a tenure that this partition does not have`);
  } else if (row.first < tenure.startOffset || row.next > tenure.putTo) {
    findings.add(
      'outside',
      place,
      `${offsets} lies outside its tenure ${tenure.startOffset}-${tenure.putTo - 1}`,
    );
  } else if (row.first < tenure.acceptedTo && row.next > tenure.acceptedTo) {
    findings.add('outside', place, `${offsets} is accepted only up to ${tenure.acceptedTo}`);
  }
}

function reportSweep(sweep: ChannelSweep, { place, findings }: Report): void {
  const { missing, heldMissing } = sweep;
  if (!missing.isEmpty)
    findings.add(
      'missing',
      place,
      `offsets ${missing.toString()} were accepted and no row accounts for them`,
    );
  if (!heldMissing.isEmpty) {
    findings.add(
      'missing',
      place,
      `offsets ${heldMissing.toString()} of puts that are not accepted yet are in no row`,
    );
  }
  for (const [rows, runs] of sweep.overlaps)
    findings.add('overlap', place, `offsets ${runs.toString()} are in ${rows}`);
  for (const [rows, runs] of sweep.outside) {
    findings.add('outside', place, `offsets ${runs.toString()} belong to no tenure of the channel: ${rows}`);
  }
  for (const [why, runs] of sweep.claimed)
    findings.note(`${place}: offsets ${runs.toString()} are claimed, to be pulled again: ${why}`);
  for (const [why, runs] of sweep.dropped) findings.note(`${place}: offsets ${runs.toString()} ${why}`);
}

function placeOf(
  { topic, partition, incarnation }: Partition,
  channel: string,
): Pick<AuditGap, 'channel' | 'topic' | 'partition' | 'incarnation'> {
  return { channel, topic, partition, incarnation };
}

function coverageOf(partition: Partition, channel: string, sweep: ChannelSweep): AuditCoverage {
  const { counts, held } = sweep;
  return {
    ...placeOf(partition, channel),
    ...sweep.range,
    landed: counts.landed,
    inChannel: counts['in-channel'],
    quarantined: counts.quarantined,
    ...(counts.dropped === 0 ? {} : { dropped: counts.dropped }),
    filtered: counts.filtered,
    notRouted: counts['not-routed'],
    absent: counts.absent,
    gap: counts.gap,
    ...(counts.claimed === 0 ? {} : { claimed: counts.claimed }),
    held,
  };
}
