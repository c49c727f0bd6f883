import type { EncodedRuns } from '../../shared/model/offset-runs.ts';
import { mergeRuns } from '../../shared/model/offset-runs.ts';
import type { FileId } from '../../shared/model/brand.ts';
import { crashPoint } from '../telemetry/crash-point.ts';
import type { BodyStore } from './body-store.ts';
import type { ChannelDatabase } from './channel-database.ts';
import { PAGE_ROWS } from './channel-limits.ts';
import type { ClaimStore } from './claim-store.ts';
import type { LandingKeyStore } from './landing-key-store.ts';
import type { PlanStore } from './plan-store.ts';
import { sumOf } from './plan-store.ts';
import type { Totals } from './totals.ts';

export interface LostBodiesParts {
  readonly keys: LandingKeyStore;
  readonly bodies: BodyStore;
  readonly claims: ClaimStore;
  readonly plans: PlanStore;
  readonly totals: Totals;
}

interface LostChunk {
  readonly id: number;
  readonly body_id: number;
  readonly landing_key_id: number;
  readonly partition_id: number;
  readonly tenure_id: number;
  readonly channel: string;
  readonly first: number;
  readonly next: number;
  readonly events: number;
  readonly lines: number;
  readonly raw_bytes: number;
  readonly stored_bytes: number;
  readonly runs: Uint8Array;
  readonly isAccepted: number;
}

export interface Opening {
  readonly nowMs: number;
  /** True: the process goes on and only its connection is new. Its landers know their plans, and change them themselves. */
  readonly isReopened: boolean;
}

/**
 * Chunks whose bodies were in a memory that is gone, at the opening of the database (memory-bodies.ts): they become claims, all in one
 * transaction, and are pulled again.
 *
 * - Waiting and accepted: claims, one for what lies together.
 * - Held: a claim for each chunk, which goes away or changes hands with its put.
 * - In a plan that never came to its rename: the plan is given back; what is on the disk is planned anew, the rest becomes claims.
 * - In a plan that came to it: they stay as they are. Nothing is uploaded again, so nobody needs their bodies, and the ledger or an operator says
 *   what became of them. Should the operator have the file sent again, its chunks are found without bodies then (damage-store.ts).
 *
 * It takes as long as what was in memory asks for, which is bounded, and nothing at all where nothing was.
 */
export class LostBodies {
  readonly #db: ChannelDatabase;
  readonly #parts: LostBodiesParts;
  readonly #statements;

  constructor(db: ChannelDatabase, parts: LostBodiesParts) {
    this.#db = db;
    this.#parts = parts;
    this.#statements = prepare(db);
  }

  settle({ nowMs, isReopened }: Opening): void {
    if (this.#statements.any.get() === undefined) return;
    this.#db.transaction(() => {
      if (!isReopened) this.#giveBackPlans(nowMs);
      for (;;) {
        const rows = this.#statements.waiting.all();
        if (rows.length === 0) break;
        this.#claim(rows, nowMs);
      }
      this.#parts.totals.flush();
      crashPoint('memory-lost.before-commit');
    })();
    crashPoint('memory-lost.after-commit');
  }

  #giveBackPlans(nowMs: number): void {
    const { plans } = this.#parts;
    for (const { fileId } of this.#statements.planned.all()) {
      plans.release(fileId);
      plans.giveBack(fileId, nowMs);
    }
  }

  #claim(rows: readonly LostChunk[], nowMs: number): void {
    const { keys, bodies, claims } = this.#parts;
    for (const row of rows) {
      bodies.release(row.body_id);
      this.#statements.remove.run(row.id);
    }
    const byKey = Map.groupBy(rows, (row) => row.landing_key_id);
    for (const [keyId, chunks] of byKey) {
      keys.subtract(keyId, sumOf(chunks));
      keys.removeWhenUnused(keyId);
    }
    const together = Map.groupBy(rows, (row) =>
      row.isAccepted === 1 ? `${row.tenure_id} ${row.channel}` : `chunk ${row.id}`,
    );
    for (const chunks of together.values()) {
      const [head] = chunks;
      if (head === undefined) continue;
      const { channel, partition_id: partitionId, tenure_id: tenureId } = head;
      const runs = mergeRuns(chunks.map((chunk) => runsOf(chunk)));
      claims.add(
        { channel, runs, cause: 'memory', detail: 'not on the disk' },
        { partitionId, tenureId, nowMs },
      );
    }
  }
}

function runsOf(chunk: LostChunk): EncodedRuns {
  return { first: chunk.first, next: chunk.next, count: chunk.events, bytes: chunk.runs };
}

function prepare(db: ChannelDatabase) {
  return {
    any: db.prepare('SELECT 1 FROM chunks INDEXED BY chunks_by_memory_body WHERE body_id < 0 LIMIT 1'),
    planned: db.prepare<[], { fileId: FileId }>(`SELECT DISTINCT p.file_id AS fileId
      FROM chunks c INDEXED BY chunks_by_memory_body JOIN plans p ON p.id = c.plan_id
      WHERE c.body_id < 0 AND 'planned' IN (p.state, p.held_from)`),
    // In the order of the index: what lies together comes together.
    waiting: db.prepare<
      [],
      LostChunk
    >(`SELECT c.id, c.body_id, c.landing_key_id, c.partition_id, c.tenure_id, c.channel, c.first,
      c.next, c.events, c.lines, c.raw_bytes, c.stored_bytes, c.runs, c.next <= t.accepted_to AS isAccepted
      FROM chunks c INDEXED BY chunks_in_memory JOIN tenures t ON t.id = c.tenure_id
      WHERE c.body_id < 0 AND c.plan_id IS NULL ORDER BY c.partition_id, c.first LIMIT ${PAGE_ROWS}`),
    remove: db.prepare<[number]>('DELETE FROM chunks WHERE id = ?'),
  };
}
