import assert from 'node:assert/strict';
import { GatewayError } from '../../shared/errors.ts';
import { offset } from '../../shared/model/brand.ts';
import type { Offset } from '../../shared/model/brand.ts';
import type {
  Fingerprint,
  PartitionRef,
  PartitionState,
  TenureRow,
  TenureState,
} from '../../shared/model/partition.ts';
import type { ChannelDatabase } from './channel-database.ts';
import type { DispositionStore } from './disposition-store.ts';
import { toFingerprint, toFingerprintColumns } from './fingerprint-columns.ts';
import type { FingerprintColumns } from './fingerprint-columns.ts';
import type { HeldRows } from './held-rows.ts';
import { prepareTenureStatements } from './tenure-statements.ts';

/** One partition of one topic of a source, whatever its incarnation. */
export interface PartitionKey {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
}

/** What is written when a partition is opened; the same shape as the sources' own. */
export interface TenureStart {
  readonly ref: PartitionRef;
  readonly clusterId: string;
  readonly group: string;
  readonly topicId: string;
  readonly nonce: string;
  readonly sequence: number;
  readonly startOffset: Offset;
  readonly fingerprint: Fingerprint | undefined;
  readonly adopt: string | undefined;
}

export interface PartitionColumns extends FingerprintColumns {
  readonly id: number;
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
  readonly cluster_id: string;
  readonly consumer_group: string;
  readonly topic_id: string;
  readonly position: number;
  readonly tenure_id: number | null;
}

export interface TenureColumns extends FingerprintColumns {
  readonly id: number;
  readonly nonce: string;
  readonly partition_id: number;
  readonly sequence: number;
  readonly start_offset: number;
  readonly put_to: number;
  readonly accepted_to: number;
  readonly state: TenureState;
  readonly started_at_ms: number;
}

/**
 * Partitions, positions and tenures. Every method runs inside the writer's transaction and either does all it says or throws
 * and changes nothing that survives the savepoint around it.
 */
export class TenureStore {
  readonly #statements;
  readonly #held: HeldRows;
  readonly #dispositions: DispositionStore;

  constructor(
    db: ChannelDatabase,
    parts: { readonly held: HeldRows; readonly dispositions: DispositionStore },
  ) {
    this.#statements = prepareTenureStatements(db);
    this.#held = parts.held;
    this.#dispositions = parts.dispositions;
  }

  partitionState(key: PartitionKey): PartitionState | undefined {
    const row = this.#statements.current.get(key.source, key.topic, key.partition);
    if (row === undefined) return undefined;
    return {
      ref: { source: row.source, topic: row.topic, partition: row.partition, incarnation: row.incarnation },
      clusterId: row.cluster_id,
      group: row.consumer_group,
      topicId: row.topic_id,
      position: offset(row.position),
      fingerprint: toFingerprint(row),
      tenures: this.#statements.tenuresOf.all(key).map((tenure) => toTenureRow(tenure)),
    };
  }

  begin(start: TenureStart, nowMs: number): TenureRow {
    const { ref, nonce, startOffset } = start;
    const open = this.#statements.tenuresOf.all(keyOf(ref)).find((tenure) => tenure.state === 'open');
    assert.ok(open === undefined, `tenure ${nonce} begins while ${open?.nonce} is open`);
    assert.ok(this.#statements.byNonce.get(nonce) === undefined, `tenure ${nonce} exists already`);
    this.#statements.retire.run(keyOf(ref));
    const { id: partitionId } = this.#written(
      this.#statements.upsertPartition.get({
        ...keyOf(ref),
        incarnation: ref.incarnation,
        clusterId: start.clusterId,
        group: start.group,
        topicId: start.topicId,
        position: startOffset,
        ...toFingerprintColumns(start.fingerprint),
      }),
    );
    const { id } = this.#written(
      this.#statements.insertTenure.get({
        nonce,
        partitionId,
        sequence: start.sequence,
        startOffset,
        nowMs,
        ...toFingerprintColumns(start.fingerprint),
      }),
    );
    this.#statements.setCurrentTenure.run(id, partitionId);
    if (start.adopt !== undefined) this.#adopt(start.adopt, { id, partitionId, startOffset });
    return this.#row(nonce);
  }

  /** Gives the sinks whose chunks may land now. */
  accept(nonce: string, acceptedTo: number): readonly string[] {
    const tenure = this.#tenure(nonce);
    if (acceptedTo <= tenure.accepted_to) return [];
    assert.notEqual(
      tenure.state,
      'ended',
      `tenure ${nonce} is ended at ${tenure.accepted_to} and cannot accept ${acceptedTo}`,
    );
    const last = this.#statements.heldPut.get(tenure.id, acceptedTo);
    // Commits name the ends of puts; so no chunk ever lies on both sides of what is accepted.
    assert.ok(last !== undefined, `${acceptedTo} is not the end of a put of tenure ${nonce}`);
    const sinks = this.#held.sinksOf(tenure, acceptedTo);
    this.#statements.accept.run({ id: tenure.id, acceptedTo, ...fingerprintOf(last) });
    this.#statements.forgetPuts.run(tenure.id, acceptedTo);
    this.#dispositions.settle(tenure.partition_id, tenure.id, { from: tenure.accepted_to, to: acceptedTo });
    return sinks;
  }

  end(nonce: string): TenureRow {
    const tenure = this.#tenure(nonce);
    if (tenure.state === 'open') {
      this.#statements.setState.run(tenure.put_to > tenure.accepted_to ? 'doubt' : 'ended', tenure.id);
    }
    return this.#row(nonce);
  }

  /** Gives the sinks that the verdict touches. */
  resolve(nonce: string, verdict: 'accepted' | 'rejected'): readonly string[] {
    const tenure = this.#tenure(nonce);
    assert.notEqual(tenure.state, 'open', `tenure ${nonce} is open: nothing of it is in doubt`);
    if (tenure.state === 'ended') return [];
    if (verdict === 'accepted') return this.accept(nonce, tenure.put_to);
    const sinks = this.#held.remove(tenure);
    this.#statements.reject.run(tenure.id);
    this.#statements.forgetPuts.run(tenure.id, tenure.put_to);
    // Only when no later tenure has begun is the position still this one's to set back.
    this.#statements.setPositionBack.run({
      tenureId: tenure.id,
      position: tenure.accepted_to,
      ...fingerprintOf(tenure),
    });
    return sinks;
  }

  /** Any tenure, by its nonce; asserts that there is one. */
  get(nonce: string): TenureColumns {
    return this.#tenure(nonce);
  }

  /** The row of a tenure that may take puts. Throws `stale-tenure` when it is unknown, over, or no longer the current one. */
  requireCurrent(nonce: string): { readonly tenure: TenureColumns; readonly partition: PartitionColumns } {
    const tenure = this.#statements.byNonce.get(nonce);
    const partition = tenure === undefined ? undefined : this.#statements.partition.get(tenure.partition_id);
    if (tenure?.state !== 'open' || partition?.tenure_id !== tenure.id || partition.is_current !== 1) {
      throw new GatewayError({
        code: 'stale-tenure',
        operation: 'put a batch into the channel',
        place: partition === undefined ? `tenure ${nonce}` : placeOf(partition),
        message: `Tenure ${nonce} is ${tenure === undefined ? 'unknown' : 'no longer current'}; the batch was discarded.`,
        retry: 'never',
        hint: 'The source opens the partition again and pulls from the position; nothing needs to be done.',
      });
    }
    return { tenure, partition };
  }

  /** After a put: position, fingerprint and the tenure's end move on together. */
  advance(
    tenure: TenureColumns,
    put: { first: number; next: number; fingerprint: Fingerprint | undefined },
    nowMs: number,
  ): void {
    const { first, next, fingerprint } = put;
    const partition = this.#written(this.#statements.partition.get(tenure.partition_id));
    const columns = fingerprint === undefined ? fingerprintOf(partition) : toFingerprintColumns(fingerprint);
    this.#statements.setPosition.run({ id: partition.id, position: next, ...columns });
    if (next === first) return;
    this.#statements.setPutTo.run(next, tenure.id);
    this.#statements.insertHeldPut.run({ tenureId: tenure.id, first, next, nowMs, ...columns });
  }

  /** Puts in doubt of another tenure become puts of the new one. */
  #adopt(
    nonce: string,
    heir: { readonly id: number; readonly partitionId: number; readonly startOffset: number },
  ): void {
    const from = this.#tenure(nonce);
    assert.equal(from.state, 'doubt', `tenure ${nonce} has nothing in doubt to adopt`);
    assert.equal(
      from.partition_id,
      heir.partitionId,
      `tenure ${nonce} is of another partition or incarnation`,
    );
    assert.equal(
      from.accepted_to,
      heir.startOffset,
      `the doubt of tenure ${nonce} does not begin where the new tenure starts`,
    );
    const last = this.#written(this.#statements.heldPut.get(from.id, from.put_to));
    this.#held.move(from, heir.id);
    this.#statements.movePuts.run(heir.id, from.id);
    this.#statements.reject.run(from.id);
    this.#statements.setPutTo.run(from.put_to, heir.id);
    this.#statements.setPosition.run({ id: heir.partitionId, position: from.put_to, ...fingerprintOf(last) });
  }

  #tenure(nonce: string): TenureColumns {
    const tenure = this.#statements.byNonce.get(nonce);
    assert.ok(tenure !== undefined, `no tenure ${nonce}`);
    return tenure;
  }

  #row(nonce: string): TenureRow {
    return toTenureRow(this.#tenure(nonce));
  }

  #written<T>(row: T | undefined): T {
    assert.ok(row !== undefined, 'a row that was just written is missing');
    return row;
  }
}

export function placeOf(ref: { readonly topic: string; readonly partition: number }): string {
  return `${ref.topic}/${ref.partition}`;
}

export function toTenureRow(row: TenureColumns): TenureRow {
  return {
    id: row.id,
    nonce: row.nonce,
    sequence: row.sequence,
    startOffset: offset(row.start_offset),
    putTo: offset(row.put_to),
    acceptedTo: offset(row.accepted_to),
    state: row.state,
    startedAtMs: row.started_at_ms,
  };
}

function keyOf(ref: PartitionRef): PartitionKey {
  return { source: ref.source, topic: ref.topic, partition: ref.partition };
}

function fingerprintOf(row: FingerprintColumns): FingerprintColumns {
  const { fp_offset, fp_crc, fp_timestamp_ms, fp_leader_epoch } = row;
  return { fp_offset, fp_crc, fp_timestamp_ms, fp_leader_epoch };
}
