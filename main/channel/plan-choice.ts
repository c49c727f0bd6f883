import assert from 'node:assert/strict';
import type { ChannelDatabase } from './channel-database.ts';
import { PAGE_ROWS, PLAN_CHUNKS_MAX } from './channel-limits.ts';

/** What the choice of a file's chunks needs to know of each. */
export interface ChoiceRow {
  readonly id: number;
  readonly first: number;
  readonly next: number;
  readonly events: number;
  readonly lines: number;
  readonly raw_bytes: number;
  readonly stored_bytes: number;
}

export interface ChoiceLimits {
  /** Bytes as they will stand in the file; 0: no limit. */
  readonly maxBytes: number;
  /** 0: no limit. */
  readonly maxEvents: number;
  /** True when the file holds the stored bytes as they are. */
  readonly isStoredAsIs: boolean;
}

export interface Choice {
  readonly chunks: readonly ChoiceRow[];
  /** Accepted chunks are left for another file. */
  readonly more: boolean;
}

interface WaitingTenure {
  readonly id: number;
  readonly partition_id: number;
  readonly accepted_to: number;
}

/**
 * Chooses the chunks of one file: accepted ones of one landing key, oldest first, each partition in offset order. The same
 * rows and limits give the same choice. A partition gives no more once it meets a held chunk, or one whose offsets step back (a
 * replay that the operator allowed): such a chunk waits for a file of its own, so that offsets only rise within a file.
 */
export class PlanChoice {
  readonly #nextTenure;
  readonly #page;

  constructor(db: ChannelDatabase) {
    this.#nextTenure = db.prepare<[number, number], WaitingTenure>(`SELECT t.id, t.partition_id, t.accepted_to
      FROM tenures t WHERE t.id = (SELECT min(tenure_id) FROM chunks
        WHERE landing_key_id = ? AND plan_id IS NULL AND tenure_id > ?)`);
    this.#page = db.prepare<
      [number, number, number],
      ChoiceRow
    >(`SELECT id, first, next, events, lines, raw_bytes, stored_bytes
      FROM chunks INDEXED BY chunks_waiting WHERE landing_key_id = ? AND plan_id IS NULL AND tenure_id = ? AND id > ?
      ORDER BY id LIMIT ${PAGE_ROWS}`);
  }

  choose(landingKeyId: number, limits: ChoiceLimits): Choice {
    const lanes = this.#lanes(landingKeyId);
    const chunks: ChoiceRow[] = [];
    let bytes = 0;
    let events = 0;
    for (;;) {
      const lane = oldest(lanes);
      const chunk = lane?.head();
      if (lane === undefined || chunk === undefined) break;
      bytes += limits.isStoredAsIs ? chunk.stored_bytes : chunk.raw_bytes;
      events += chunk.events;
      const isOver =
        (limits.maxBytes > 0 && bytes > limits.maxBytes) ||
        (limits.maxEvents > 0 && events > limits.maxEvents) ||
        chunks.length >= PLAN_CHUNKS_MAX;
      if (isOver && chunks.length > 0) return { chunks, more: true };
      chunks.push(chunk);
      lane.take();
    }
    return { chunks, more: lanes.some((lane) => lane.isSteppingBack) };
  }

  #lanes(landingKeyId: number): Lane[] {
    const lanes = new Map<number, Lane>();
    for (let tenure = this.#nextTenure.get(landingKeyId, 0); tenure !== undefined;) {
      const { id } = tenure;
      let lane = lanes.get(tenure.partition_id);
      if (lane === undefined) {
        lane = new Lane((tenureId, afterId) => this.#page.all(landingKeyId, tenureId, afterId));
        lanes.set(tenure.partition_id, lane);
      }
      lane.tenures.push(tenure);
      tenure = this.#nextTenure.get(landingKeyId, id);
    }
    return [...lanes.values()];
  }
}

function oldest(lanes: readonly Lane[]): Lane | undefined {
  let found: Lane | undefined;
  for (const lane of lanes) {
    const head = lane.head();
    if (head !== undefined && (found === undefined || head.id < (found.head()?.id ?? 0))) found = lane;
  }
  return found;
}

/** The waiting chunks of one partition, tenure by tenure, up to the first that may not be taken. */
class Lane {
  readonly tenures: WaitingTenure[] = [];
  isSteppingBack = false;
  readonly #fetch: (tenureId: number, afterId: number) => ChoiceRow[];
  #tenureAt = 0;
  #rows: ChoiceRow[] = [];
  #rowAt = 0;
  #lastId = 0;
  #lastNext = 0;
  /** Of the last chunk taken, in whichever tenure. */
  #takenId = 0;
  #isBlocked = false;

  constructor(fetch: (tenureId: number, afterId: number) => ChoiceRow[]) {
    this.#fetch = fetch;
  }

  head(): ChoiceRow | undefined {
    if (this.#isBlocked) return undefined;
    const row = this.#rows[this.#rowAt] ?? this.#refill();
    if (row === undefined) return undefined;
    const acceptedTo = this.tenures[this.#tenureAt]?.accepted_to ?? 0;
    assert.ok(row.next <= acceptedTo || row.first >= acceptedTo, `chunk ${row.id} is accepted only in part`);
    // A file is written in the order of ids: of a retry's chunk, which is younger than those of later tenures, the offsets are older.
    const isBehind = row.first < this.#lastNext || row.id < this.#takenId;
    this.isSteppingBack = row.next <= acceptedTo && isBehind;
    this.#isBlocked = this.isSteppingBack || row.next > acceptedTo;
    return this.#isBlocked ? undefined : row;
  }

  take(): void {
    const row = this.#rows[this.#rowAt++];
    assert.ok(row !== undefined, 'nothing to take');
    this.#lastId = row.id;
    this.#lastNext = row.next;
    this.#takenId = row.id;
  }

  #refill(): ChoiceRow | undefined {
    for (; this.#tenureAt < this.tenures.length; this.#tenureAt++, this.#lastId = 0) {
      this.#rows = this.#fetch(this.tenures[this.#tenureAt]?.id ?? 0, this.#lastId);
      this.#rowAt = 0;
      if (this.#rows.length > 0) return this.#rows[0];
    }
    return undefined;
  }
}
