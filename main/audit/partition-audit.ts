import type { AuditCoverage } from '../../shared/contract/control.ts';
import type { ChannelDatabase } from '../channel/channel-database.ts';
import type { KnownPartition } from '../channel/coverage-reader.ts';
import type { BookRow } from './book-rows.ts';
import { BookRows, rowLabel } from './book-rows.ts';
import { ChannelSweep } from './channel-sweep.ts';
import type { FindingList } from './finding-list.ts';
import { NO_CHANNEL, obligationsOf } from './obligations.ts';
import type { AuditedTenure, Obligations, TenurePart } from './obligations.ts';
import type { Pace } from './pace.ts';

export interface PartitionAudit {
  readonly coverage: readonly AuditCoverage[];
  /** Accepted offsets of the partition, each counted once. */
  readonly offsets: number;
}

export interface AuditContext {
  readonly db: ChannelDatabase;
  readonly findings: FindingList;
  readonly pace: Pace;
}

type Partition = Pick<KnownPartition, 'id' | 'topic' | 'partition' | 'incarnation'>;

/** Steps between two looks at the clock. */
const STEPS_PER_LOOK = 512;

/**
 * Proves one incarnation of one partition, or adds findings that name the offsets. Reads everything in one transaction on
 * `db`, which must be the audit's own connection: it is held over turns of the event loop. Throws what SQLite throws, and the
 * signal's reason.
 */
export async function auditPartition(context: AuditContext, partition: Partition): Promise<PartitionAudit> {
  const { db } = context;
  db.exec('BEGIN');
  try {
    return await sweep(context, partition);
  } finally {
    if (db.inTransaction) db.exec('ROLLBACK');
  }
}

async function sweep(context: AuditContext, partition: Partition): Promise<PartitionAudit> {
  const { db, findings, pace } = context;
  const place = `${partition.topic}/${partition.partition}`;
  const tenures = tenuresOf(db, partition.id);
  const obligations = obligationsOf(tenures, partsOf(db, partition.id));
  reportObligations(obligations, { place, findings });
  const sweeps = new Map(
    [...obligations.byChannel].map(([channel, owed]) => [channel, new ChannelSweep(owed)]),
  );
  const owners = new Map(tenures.map((tenure) => [tenure.id, tenure]));
  const rows = new BookRows(db, partition.id, {
    opened: (row) => checkOwner(row, owners, { place, findings }),
    damaged: (row, what) => findings.add('books-differ', place, `${rowLabel(row)}: ${what}`),
  });
  let steps = 0;
  for (let head = rows.head(); head !== undefined; head = rows.head()) {
    const { row, from, to } = head;
    if (row.channel === null) for (const one of sweeps.values()) one.claim(row, from, to);
    else sweepOf(sweeps, row.channel).claim(row, from, to);
    rows.advance();
    if (++steps % STEPS_PER_LOOK === 0 && pace.isDue) await pace.turn();
  }
  for (const [channel, one] of sweeps) {
    one.finish();
    reportSweep(one, { place: channel === NO_CHANNEL ? place : `${place} in ${channel}`, findings });
  }
  const coverage = [...sweeps].map(([channel, one]) => coverageOf(partition, channel, one));
  return { coverage, offsets: obligations.acceptedOffsets };
}

/** A channel that rows name and no tenure does has no obligations: all its offsets are outside. */
function sweepOf(sweeps: Map<string, ChannelSweep>, channel: string): ChannelSweep {
  let found = sweeps.get(channel);
  if (found === undefined) sweeps.set(channel, (found = new ChannelSweep([])));
  return found;
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
  for (const [rows, runs] of sweep.damaged)
    findings.add('damaged', place, `offsets ${runs.toString()} are in ${rows}`);
}

function coverageOf(partition: Partition, channel: string, sweep: ChannelSweep): AuditCoverage {
  const { counts, held } = sweep;
  const { topic, partition: number, incarnation } = partition;
  return {
    channel,
    topic,
    partition: number,
    incarnation,
    ...sweep.range,
    landed: counts.landed,
    inChannel: counts['in-channel'],
    quarantined: counts.quarantined,
    filtered: counts.filtered,
    notRouted: counts['not-routed'],
    absent: counts.absent,
    gap: counts.gap,
    damaged: counts.damaged,
    held,
  };
}
