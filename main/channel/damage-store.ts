import assert from 'node:assert/strict';
import { landingKeyText } from '../../shared/model/landing-key.ts';
import type { EncodedRuns } from '../../shared/model/offset-runs.ts';
import type { BodyStore } from './body-store.ts';
import type { ChannelDatabase } from './channel-database.ts';
import type { ClaimStore } from './claim-store.ts';
import { toLandingKey } from './landing-key-store.ts';
import type { LandingKeyStore } from './landing-key-store.ts';

interface DamagedColumns {
  readonly id: number;
  readonly body_id: number;
  readonly landing_key_id: number;
  readonly partition_id: number;
  readonly tenure_id: number;
  readonly plan_id: number | null;
  readonly channel: string;
  readonly first: number;
  readonly next: number;
  readonly events: number;
  readonly raw_bytes: number;
  readonly stored_bytes: number;
  readonly runs: Uint8Array;
  readonly accepted_to: number;
}

/** Which chunk's bytes cannot be believed, and why. */
export interface Damage {
  readonly id: number;
  readonly reason: string;
  readonly nowMs: number;
}

/**
 * Chunks whose bytes cannot be believed. In one transaction the row goes to `damaged_chunks`, where its bytes stay for the doctor, and its
 * offsets go to a claim: from there on they are pulled again (claim-store.ts). Of a body that was in a memory that is gone nothing stays.
 */
export class DamageStore {
  readonly #statements;
  readonly #keys: LandingKeyStore;
  readonly #claims: ClaimStore;
  readonly #bodies: BodyStore;

  constructor(
    db: ChannelDatabase,
    parts: { readonly keys: LandingKeyStore; readonly claims: ClaimStore; readonly bodies: BodyStore },
  ) {
    this.#statements = prepare(db);
    this.#keys = parts.keys;
    this.#claims = parts.claims;
    this.#bodies = parts.bodies;
  }

  /** A chunk of this plan; the caller sets the plan's own sums right. Told twice, it does nothing the second time. */
  setAsidePlanned(planId: number, damage: Damage): void {
    const chunk = this.#statements.chunk.get(damage.id);
    if (chunk?.plan_id === planId) this.#move(chunk, damage);
  }

  /**
   * A chunk that is in no plan. Gives the sink that lost it; undefined: it has landed, is part of a file on its way, whose lander looks at it
   * by itself, or is not accepted yet.
   */
  setAsideWaiting(damage: Damage): string | undefined {
    const chunk = this.#statements.chunk.get(damage.id);
    if (chunk === undefined || chunk.plan_id !== null || chunk.next > chunk.accepted_to) return undefined;
    const { events, raw_bytes: rawBytes, stored_bytes: storedBytes } = chunk;
    const { sink } = this.#move(chunk, damage);
    this.#keys.subtract(chunk.landing_key_id, { chunks: 1, events, rawBytes, storedBytes });
    this.#keys.removeWhenUnused(chunk.landing_key_id);
    return sink;
  }

  #move(chunk: DamagedColumns, { id, reason, nowMs }: Damage): { readonly sink: string } {
    assert.ok(chunk.next <= chunk.accepted_to, `chunk ${id} is not accepted`);
    const key = this.#keys.get(chunk.landing_key_id);
    assert.ok(key !== undefined, `the landing key of chunk ${id} is missing`);
    const damagedId = this.#keepBytes(chunk, { text: landingKeyText(toLandingKey(key)), reason, nowMs });
    this.#statements.remove.run(id);
    const runs: EncodedRuns = {
      first: chunk.first,
      next: chunk.next,
      count: chunk.events,
      bytes: chunk.runs,
    };
    const { channel, partition_id: partitionId, tenure_id: tenureId } = chunk;
    this.#claims.add(
      {
        channel,
        runs,
        cause: damagedId === undefined ? 'memory' : 'damaged-chunk',
        detail: `chunk ${id}: ${reason}`,
      },
      { partitionId, tenureId, nowMs },
      damagedId,
    );
    return { sink: key.sink };
  }

  /** Undefined: there are none to keep. */
  #keepBytes(
    { id, body_id: bodyId }: DamagedColumns,
    told: { readonly text: string; readonly reason: string; readonly nowMs: number },
  ): number | undefined {
    if (this.#bodies.toDisk(bodyId) === undefined) {
      this.#bodies.release(bodyId);
      return undefined;
    }
    return Number(this.#statements.insert.run({ id, ...told }).lastInsertRowid);
  }
}

function prepare(db: ChannelDatabase) {
  return {
    chunk: db.prepare<[number], DamagedColumns>(
      'SELECT c.*, t.accepted_to FROM chunks c JOIN tenures t ON t.id = c.tenure_id WHERE c.id = ?',
    ),
    insert:
      db.prepare(`INSERT INTO damaged_chunks (chunk_id, body_id, landing_key_text, partition_id, tenure_id, channel,
      first, next, events, reason, found_ms, runs)
      SELECT id, body_id, @text, partition_id, tenure_id, channel, first, next, events, @reason, @nowMs, runs
      FROM chunks WHERE id = @id`),
    remove: db.prepare<[number]>('DELETE FROM chunks WHERE id = ?'),
  };
}
