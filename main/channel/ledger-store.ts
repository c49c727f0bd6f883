import assert from 'node:assert/strict';
import type { FileId } from '../../shared/model/brand.ts';
import type { LandedFacts } from '../../shared/model/file-plan.ts';
import type { AttemptStore } from './attempt-store.ts';
import type { BodyStore } from './body-store.ts';
import type { ChannelDatabase } from './channel-database.ts';
import type { PlanColumns, PlannedChunkColumns, PlanPart, PlanStore } from './plan-store.ts';
import { sumOf } from './plan-store.ts';
import type { Totals } from './totals.ts';

export interface LedgerStoreParts {
  readonly plans: PlanStore;
  readonly attempts: AttemptStore;
  readonly bodies: BodyStore;
  readonly totals: Totals;
}

/** Bodies deleted in one step of the writer when the time to keep them is over. */
const RETAINED_STEP_ROWS = 64;

/**
 * The ledger: what stands in the target. A row is written in the very transaction that takes the file's chunks out of the
 * channel (invariant 4), and only when the books agree: offsets in the chunks = offsets in the parts = events of the plan.
 */
export class LedgerStore {
  readonly #statements;
  readonly #parts: LedgerStoreParts;

  constructor(db: ChannelDatabase, parts: LedgerStoreParts) {
    this.#statements = prepare(db);
    this.#parts = parts;
  }

  /** Told again of a file that is in the ledger, it checks that the facts are the same and does nothing. */
  landed(fileId: FileId, facts: LandedFacts, retainUntilMs: number | undefined): void {
    const { plans, attempts, totals } = this.#parts;
    const known = this.#statements.known.get(fileId);
    if (known !== undefined) {
      assert.equal(known.crc32c, facts.crc32c, `file ${fileId} is in the ledger with other bytes`);
      return;
    }
    const plan = plans.row(fileId);
    assert.equal(plan.state, 'renaming', `file ${fileId} is ${plan.state} and cannot be in place`);
    const chunks = plans.chunksOf(plan);
    const parts = plans.partsOf(chunks);
    assertBooksAgree(plan, chunks, parts);
    this.#write(plan, facts, parts);
    this.#takeOut(plan, chunks, retainUntilMs);
    attempts.settle(fileId, plan.renaming_attempt ?? 0, facts.landedAtMs);
    plans.remove(plan);
    totals.add('landed.files', 1);
    totals.add('landed.events', plan.events);
    totals.add('landed.rawBytes', plan.raw_bytes);
    totals.add('landed.bytes', plan.expected_bytes);
  }

  /** Which of these inodes are of files that this sink landed. */
  landedInodes(sink: string, inodes: readonly string[]): string[] {
    return inodes.filter((inode) => this.#statements.byInode.get(inode, sink) !== undefined);
  }

  /** Lets go of some bodies that were kept after landing and whose time is over; true when there may be more. */
  dropRetained(nowMs: number): boolean {
    const rows = this.#statements.overdue.all(nowMs, RETAINED_STEP_ROWS);
    for (const row of rows) {
      this.#parts.bodies.release(row.body_id);
      this.#statements.dropRetained.run(row.chunk_id);
    }
    return rows.length === RETAINED_STEP_ROWS;
  }

  #write(plan: PlanColumns, facts: LandedFacts, parts: readonly PlanPart[]): void {
    const key = this.#parts.plans.keyOf(plan);
    this.#statements.insert.run({
      ...plan,
      ...key,
      sink: plan.sink,
      bytes: plan.expected_bytes,
      raw_bytes: plan.raw_bytes,
      events: plan.events,
      final_path: facts.finalPath,
      crc32c: facts.crc32c,
      checksum: facts.checksum ?? null,
      checksum_note: facts.checksumNote ?? null,
      inode: facts.inode ?? null,
      attempts: facts.attempts,
      landed_at_ms: facts.landedAtMs,
    });
    for (const { partitionId, runs } of parts) {
      const { first, next, count, bytes } = runs;
      this.#statements.insertPart.run({
        fileId: plan.file_id,
        partitionId,
        channel: key.channel,
        first,
        next,
        count,
        bytes,
      });
    }
  }

  #takeOut(
    plan: PlanColumns,
    chunks: readonly PlannedChunkColumns[],
    retainUntilMs: number | undefined,
  ): void {
    for (const chunk of chunks) {
      // What shall outlive its landing has to outlive the process; a body that did not has landed all the same.
      const kept = retainUntilMs === undefined ? undefined : this.#parts.bodies.toDisk(chunk.body_id);
      if (kept === undefined) this.#parts.bodies.release(chunk.body_id);
      else this.#statements.retain.run({ ...chunk, body_id: kept, fileId: plan.file_id, retainUntilMs });
    }
    assert.equal(
      this.#statements.takeOut.run(plan.id).changes,
      chunks.length,
      'chunks changed while their file was booked',
    );
  }
}

function assertBooksAgree(
  plan: PlanColumns,
  chunks: readonly PlannedChunkColumns[],
  parts: readonly PlanPart[],
): void {
  const sums = sumOf(chunks);
  const offsets = parts.reduce((sum, part) => sum + part.runs.count, 0);
  assert.equal(sums.events, plan.events, `file ${plan.file_id}: its chunks hold other events than its plan`);
  assert.equal(offsets, plan.events, `file ${plan.file_id}: its offsets are not its events`);
  assert.equal(sums.lines, plan.lines, `file ${plan.file_id}: its chunks hold other lines than its plan`);
  assert.equal(
    sums.rawBytes,
    plan.raw_bytes,
    `file ${plan.file_id}: its chunks hold other bytes than its plan`,
  );
}

function prepare(db: ChannelDatabase) {
  return {
    known: db.prepare<[string], { crc32c: number }>('SELECT crc32c FROM ledger WHERE file_id = ?'),
    byInode: db.prepare<[string, string], { id: number }>(
      'SELECT id FROM ledger WHERE inode = ? AND sink = ? LIMIT 1',
    ),
    insert:
      db.prepare(`INSERT INTO ledger (file_id, sink, channel, directory, prefix, suffix, codec, serializer, version,
      final_path, namespace, bytes, raw_bytes, events, lines, crc32c, checksum, checksum_note, inode, attempts, planned_at_ms,
      landed_at_ms) VALUES (@file_id, @sink, @channel, @directory, @prefix, @suffix, @codec, @serializer, @version,
      @final_path, @namespace, @bytes, @raw_bytes, @events, @lines, @crc32c, @checksum, @checksum_note, @inode, @attempts,
      @planned_at_ms, @landed_at_ms)`),
    insertPart:
      db.prepare(`INSERT INTO ledger_parts (file_id, partition_id, channel, first, next, events, runs)
      VALUES (@fileId, @partitionId, @channel, @first, @next, @count, @bytes)`),
    retain:
      db.prepare(`INSERT INTO retained_chunks (chunk_id, body_id, file_id, retain_until_ms, codec, stored_bytes, crc32c)
      VALUES (@id, @body_id, @fileId, @retainUntilMs, @codec, @stored_bytes, @crc32c)`),
    takeOut: db.prepare<[number]>('DELETE FROM chunks WHERE plan_id = ?'),
    overdue: db.prepare<[number, number], { chunk_id: number; body_id: number }>(
      'SELECT chunk_id, body_id FROM retained_chunks WHERE retain_until_ms <= ? LIMIT ?',
    ),
    dropRetained: db.prepare<[number]>('DELETE FROM retained_chunks WHERE chunk_id = ?'),
  };
}
