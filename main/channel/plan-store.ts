import assert from 'node:assert/strict';
import { fileId as toFileId } from '../../shared/model/brand.ts';
import type { FileId } from '../../shared/model/brand.ts';
import type { FilePart, FilePlan, PlannedChunk } from '../../shared/model/file-plan.ts';
import type { ChunkCodec } from '../../shared/model/landing-key.ts';
import type { EncodedRuns } from '../../shared/model/offset-runs.ts';
import { mergeRuns } from '../../shared/model/offset-runs.ts';
import type { AttemptStore } from './attempt-store.ts';
import type { BodyStore } from './body-store.ts';
import type { ChannelDatabase } from './channel-database.ts';
import type { CompletenessStore } from './completeness-store.ts';
import type { Damage, DamageStore } from './damage-store.ts';
import type { LandingKeyRow, LandingKeyStore } from './landing-key-store.ts';
import { toLandingKey } from './landing-key-store.ts';
import { PlanChoice } from './plan-choice.ts';
import type { ChoiceRow } from './plan-choice.ts';
import { preparePlanStatements } from './plan-statements.ts';

/** What a lander asks for; the same shape as landing's own. */
export interface FileRequest {
  readonly sink: string;
  readonly landingKeyId: number;
  readonly fileId: FileId;
  readonly finalPath: string;
  /** The path where its directory was marked as complete before these events came. */
  readonly lateFinalPath?: string | undefined;
  readonly namespace: string;
  readonly maxBytes: number;
  readonly maxEvents: number;
  readonly nowMs: number;
}

export interface PlanColumns {
  readonly id: number;
  readonly file_id: string;
  readonly sink: string;
  readonly landing_key_id: number;
  readonly final_path: string;
  readonly namespace: string;
  readonly planned_at_ms: number;
  readonly state: 'planned' | 'renaming' | 'held';
  readonly held_from: string | null;
  readonly held_reason: string | null;
  readonly renaming_attempt: number | null;
  readonly expected_bytes: number;
  readonly raw_bytes: number;
  readonly events: number;
  readonly lines: number;
}

export interface PlannedChunkColumns {
  readonly id: number;
  readonly body_id: number;
  readonly partition_id: number;
  readonly tenure_id: number;
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
  readonly channel: string;
  readonly first: number;
  readonly next: number;
  readonly events: number;
  readonly lines: number;
  readonly raw_bytes: number;
  readonly stored_bytes: number;
  readonly codec: ChunkCodec;
  readonly crc32c: number;
  readonly runs: Uint8Array;
}

/** A part of a file with its partition's row id. */
export interface PlanPart extends FilePart {
  readonly partitionId: number;
}

/** File plans: which chunks make which file, and where its landing stands. All inside the writer's transaction. */
export class PlanStore {
  readonly #statements;
  readonly #choice: PlanChoice;
  readonly #keys: LandingKeyStore;
  readonly #attempts: AttemptStore;
  readonly #completeness: CompletenessStore;
  readonly #damage: DamageStore;
  readonly #bodies: BodyStore;

  constructor(
    db: ChannelDatabase,
    parts: {
      readonly keys: LandingKeyStore;
      readonly attempts: AttemptStore;
      readonly damage: DamageStore;
      readonly completeness: CompletenessStore;
      readonly bodies: BodyStore;
    },
  ) {
    this.#statements = preparePlanStatements(db);
    this.#choice = new PlanChoice(db);
    this.#keys = parts.keys;
    this.#attempts = parts.attempts;
    this.#completeness = parts.completeness;
    this.#damage = parts.damage;
    this.#bodies = parts.bodies;
  }

  plan(request: FileRequest): { readonly plan: FilePlan; readonly more: boolean } | undefined {
    const key = this.#keys.get(request.landingKeyId);
    if (key === undefined) return undefined;
    assert.ok(!this.#statements.wasLanded.get(request.fileId), `file id ${request.fileId} was used before`);
    const isStoredAsIs = key.codec !== 'none';
    const { maxBytes, maxEvents } = request;
    const { chunks, more } = this.#choice.choose(key.id, { maxBytes, maxEvents, isStoredAsIs });
    if (chunks.length === 0) return undefined;
    const sums = sumOf(chunks);
    const expectedBytes = isStoredAsIs ? sums.storedBytes : sums.rawBytes;
    // While a directory has chunks it is not decided; so what it is now, it was when these came in.
    const isLate = request.lateFinalPath !== undefined && this.#completeness.isLate(key.sink, key.directory);
    const finalPath = isLate ? request.lateFinalPath : request.finalPath;
    const planId = Number(
      this.#statements.insert.run({ ...request, ...sums, finalPath, expectedBytes }).lastInsertRowid,
    );
    for (const { id } of chunks)
      assert.equal(this.#statements.takeChunk.run(planId, id).changes, 1, `chunk ${id} is taken`);
    this.#keys.subtract(key.id, sums);
    return { plan: this.#read(this.row(request.fileId)), more };
  }

  open(sink: string): readonly FilePlan[] {
    return this.#statements.ofSink.all(sink).map((row) => this.#read(row));
  }

  /** The row of an open plan; asserts that there is one. */
  row(fileId: string): PlanColumns {
    const row = this.#statements.byFile.get(fileId);
    assert.ok(row !== undefined, `no open plan of file ${fileId}`);
    return row;
  }

  find(fileId: string): PlanColumns | undefined {
    return this.#statements.byFile.get(fileId);
  }

  startRename(fileId: FileId, attempt: number): void {
    const plan = this.row(fileId);
    if (plan.state === 'renaming' && plan.renaming_attempt === attempt) return;
    assert.equal(plan.state, 'planned', `file ${fileId} is ${plan.state} and cannot begin to rename`);
    assert.equal(
      this.#attempts.stateOf(fileId, attempt),
      'uploaded',
      `attempt ${attempt} of ${fileId} is not uploaded`,
    );
    this.#statements.rename.run(attempt, plan.id);
  }

  hold(fileId: FileId, reason: string): void {
    this.#statements.hold.run({ fileId, reason });
    this.row(fileId);
  }

  /** Lets a held file go on from where it was. */
  release(fileId: FileId): void {
    this.row(fileId);
    this.#statements.release.run(fileId);
  }

  /**
   * Gives a file's chunks back to their landing key, for whoever plans them next: another sink of its group. Undefined, and nothing is
   * changed, unless the plan is `planned`: later its file may stand in the target (exactly-once.md §3, step 6). The file's final name never comes
   * into being after that, for a rename needs the plan; its temp names are abandoned for ever.
   */
  giveBack(fileId: FileId, nowMs: number): PlanColumns | undefined {
    const plan = this.find(fileId);
    if (plan?.state !== 'planned') return undefined;
    const chunks = this.chunksOf(plan);
    const { changes } = this.#statements.giveBack.run(plan.id);
    assert.equal(changes, chunks.length, `chunks of file ${fileId} changed while they were given back`);
    this.#keys.restore(plan.landing_key_id, sumOf(chunks));
    this.#statements.remove.run(plan.id);
    this.#attempts.giveUp(fileId, nowMs);
    return plan;
  }

  remove(plan: PlanColumns): void {
    this.#statements.remove.run(plan.id);
    this.#keys.removeWhenUnused(plan.landing_key_id);
  }

  chunksOf(plan: PlanColumns): PlannedChunkColumns[] {
    return this.#statements.chunks.all(plan.id);
  }

  keyOf(plan: PlanColumns): LandingKeyRow {
    const key = this.#keys.get(plan.landing_key_id);
    assert.ok(key !== undefined, `the landing key of file ${plan.file_id} is missing`);
    return key;
  }

  /**
   * Sets a chunk aside whose bytes cannot be believed (damage-store.ts), and with it all of the file whose bodies are lost with a memory: they
   * need not be found one upload after the other. Gives the plan without them; undefined when nothing is left of it.
   */
  setAside(fileId: FileId, damage: Damage): FilePlan | undefined {
    const plan = this.row(fileId);
    assert.equal(plan.state, 'planned', `file ${fileId} is ${plan.state}: its bytes were read already`);
    const key = this.keyOf(plan);
    // Told twice, because an answer was lost: the second time there is nothing to do.
    this.#damage.setAsidePlanned(plan.id, damage);
    for (const { id, body_id: bodyId } of this.chunksOf(plan))
      if (this.#bodies.isLost(bodyId)) this.#damage.setAsidePlanned(plan.id, { ...damage, id });
    this.#attempts.abandonAll(fileId, damage.nowMs);
    const left = this.chunksOf(plan);
    if (left.length === 0) {
      this.remove(plan);
      return undefined;
    }
    const sums = sumOf(left);
    const expectedBytes = key.codec === 'none' ? sums.rawBytes : sums.storedBytes;
    this.#statements.resize.run({ ...sums, expectedBytes, id: plan.id });
    return this.#read(this.row(fileId));
  }

  /** Exactly what a file holds of each partition; throws RangeError when two chunks claim the same offset. */
  partsOf(chunks: readonly PlannedChunkColumns[]): PlanPart[] {
    const byPartition = new Map<
      number,
      { readonly head: PlannedChunkColumns; readonly runs: EncodedRuns[] }
    >();
    for (const chunk of chunks) {
      let part = byPartition.get(chunk.partition_id);
      if (part === undefined) byPartition.set(chunk.partition_id, (part = { head: chunk, runs: [] }));
      part.runs.push({ first: chunk.first, next: chunk.next, count: chunk.events, bytes: chunk.runs });
    }
    return [...byPartition].map(([partitionId, { head, runs }]) => {
      const { source, topic, partition, incarnation } = head;
      return { partitionId, source, topic, partition, incarnation, runs: mergeRuns(runs) };
    });
  }

  #read(row: PlanColumns): FilePlan {
    const key = this.keyOf(row);
    const chunks = this.chunksOf(row);
    return {
      fileId: toFileId(row.file_id),
      sink: row.sink,
      landingKeyId: row.landing_key_id,
      landingKey: toLandingKey(key),
      channel: key.channel,
      finalPath: row.final_path,
      namespace: row.namespace,
      expectedBytes: row.expected_bytes,
      rawBytes: row.raw_bytes,
      events: row.events,
      lines: row.lines,
      chunks: chunks.map((chunk) => toPlannedChunk(chunk)),
      parts: this.partsOf(chunks).map(({ partitionId: _, ...part }) => part),
      state: row.state,
      heldReason: row.held_reason ?? undefined,
      attempts: this.#attempts.of(row.file_id),
      plannedAtMs: row.planned_at_ms,
    };
  }
}

function toPlannedChunk(row: PlannedChunkColumns): PlannedChunk {
  return {
    chunkId: row.id,
    storedBytes: row.stored_bytes,
    rawBytes: row.raw_bytes,
    codec: row.codec,
    crc32c: row.crc32c,
  };
}

/** What chunks amount to, as they are counted everywhere. */
export function sumOf(chunks: readonly Omit<ChoiceRow, 'id' | 'first' | 'next'>[]) {
  const sums = { chunks: chunks.length, events: 0, lines: 0, rawBytes: 0, storedBytes: 0 };
  for (const chunk of chunks) {
    sums.events += chunk.events;
    sums.lines += chunk.lines;
    sums.rawBytes += chunk.raw_bytes;
    sums.storedBytes += chunk.stored_bytes;
  }
  return sums;
}
