import type { BodyStore } from './body-store.ts';
import type { ChannelDatabase } from './channel-database.ts';
import type { LandingKeyStore } from './landing-key-store.ts';

interface TenureRange {
  readonly id: number;
  readonly partition_id: number;
  readonly accepted_to: number;
}

interface HeldSums {
  readonly landing_key_id: number;
  readonly sink: string;
  readonly chunks: number;
  readonly events: number;
  readonly raw_bytes: number;
  readonly stored_bytes: number;
}

/**
 * Everything that puts beyond a tenure's acceptance left in the channel: chunks, claims, dispositions, quarantined events and the
 * channels' part in them. They go together or change hands together, never some of them. Held chunks are in no plan.
 */
export class HeldRows {
  readonly #statements;
  readonly #keys: LandingKeyStore;
  readonly #bodies: BodyStore;

  constructor(db: ChannelDatabase, parts: { readonly keys: LandingKeyStore; readonly bodies: BodyStore }) {
    this.#statements = prepare(db);
    this.#keys = parts.keys;
    this.#bodies = parts.bodies;
  }

  /** Sinks that have chunks in `[accepted, acceptedTo)`. */
  sinksOf(tenure: TenureRange, acceptedTo: number): readonly string[] {
    const range = { ...toRange(tenure), to: acceptedTo };
    return this.#statements.sinks.all(range).map((row) => row.sink);
  }

  /** Deletes all of it; gives the sinks that lost chunks. */
  remove(tenure: TenureRange): readonly string[] {
    const range = toRange(tenure);
    const sums = this.#statements.sums.all(range);
    for (const { body_id } of this.#statements.bodies.all(range)) this.#bodies.release(body_id);
    this.#statements.removeChunks.run(range);
    for (const sum of sums) {
      const { chunks, events, raw_bytes: rawBytes, stored_bytes: storedBytes } = sum;
      this.#keys.subtract(sum.landing_key_id, { chunks, events, rawBytes, storedBytes });
      this.#keys.removeWhenUnused(sum.landing_key_id);
    }
    this.#statements.removeClaims.run(range);
    this.#statements.removeDispositions.run(range);
    this.#statements.removeQuarantine.run(range);
    this.#statements.removeChannels.run(range);
    this.#statements.cutChannels.run(range);
    return [...new Set(sums.map((sum) => sum.sink))];
  }

  /** Puts all of it under another tenure of the same partition. */
  move(tenure: TenureRange, heirId: number): void {
    const range = { ...toRange(tenure), heirId };
    for (const statement of this.#statements.moves) statement.run(range);
    this.#statements.copyChannels.run(range);
    this.#statements.removeChannels.run(toRange(tenure));
    this.#statements.cutChannels.run(toRange(tenure));
  }
}

function toRange(tenure: TenureRange) {
  return { tenureId: tenure.id, partitionId: tenure.partition_id, from: tenure.accepted_to };
}

const HELD = 'partition_id = @partitionId AND first >= @from AND tenure_id = @tenureId';

function prepare(db: ChannelDatabase) {
  return {
    sinks: db.prepare<
      unknown[],
      { sink: string }
    >(`SELECT DISTINCT k.sink FROM chunks c JOIN landing_keys k ON k.id = c.landing_key_id
      WHERE c.partition_id = @partitionId AND c.first >= @from AND c.first < @to AND c.tenure_id = @tenureId`),
    sums: db.prepare<
      unknown[],
      HeldSums
    >(`SELECT c.landing_key_id, k.sink, count(*) AS chunks, sum(c.events) AS events,
      sum(c.raw_bytes) AS raw_bytes, sum(c.stored_bytes) AS stored_bytes
      FROM chunks c JOIN landing_keys k ON k.id = c.landing_key_id
      WHERE c.partition_id = @partitionId AND c.first >= @from AND c.tenure_id = @tenureId GROUP BY c.landing_key_id`),
    bodies: db.prepare<unknown[], { body_id: number }>(`SELECT body_id FROM chunks WHERE ${HELD}`),
    removeChunks: db.prepare(`DELETE FROM chunks WHERE ${HELD}`),
    removeClaims: db.prepare(`DELETE FROM claims WHERE ${HELD}`),
    removeDispositions: db.prepare(`DELETE FROM dispositions WHERE ${HELD}`),
    removeQuarantine: db.prepare(`DELETE FROM quarantine WHERE ${HELD}`),
    removeChannels: db.prepare('DELETE FROM tenure_channels WHERE tenure_id = @tenureId AND first >= @from'),
    cutChannels: db.prepare(
      'UPDATE tenure_channels SET next = @from WHERE tenure_id = @tenureId AND next > @from',
    ),
    copyChannels: db.prepare(`INSERT INTO tenure_channels (tenure_id, channel, first, next)
      SELECT @heirId, channel, max(first, @from), next FROM tenure_channels WHERE tenure_id = @tenureId AND next > @from ORDER BY id`),
    moves: [
      db.prepare(`UPDATE chunks SET tenure_id = @heirId WHERE ${HELD}`),
      db.prepare(`UPDATE claims SET tenure_id = @heirId WHERE ${HELD}`),
      db.prepare(`UPDATE dispositions SET tenure_id = @heirId WHERE ${HELD}`),
      db.prepare(`UPDATE quarantine SET tenure_id = @heirId WHERE ${HELD}`),
    ],
  };
}
