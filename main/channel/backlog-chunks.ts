import { crc32c } from '@node-rs/crc32';
import { GatewayError } from '../../shared/errors.ts';
import type { ChunkCodec } from '../../shared/model/landing-key.ts';
import type { ChannelDatabase } from './channel-database.ts';
import { decodeChunk } from './chunk-encoding.ts';
import { noneInMemory } from './chunk-reader.ts';
import type { MemoryReader } from './chunk-reader.ts';

export interface BacklogChunk {
  readonly id: number;
  readonly landingKeyId: number;
  readonly topic: string;
  readonly partition: number;
  readonly first: number;
  readonly next: number;
  readonly events: number;
  readonly lines: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
  readonly codec: ChunkCodec;
  readonly putMs: number;
  readonly oldestEventMs: number;
  readonly newestEventMs: number;
  readonly runs: Uint8Array;
  /** True: not accepted yet, so it may not land. */
  readonly isHeld: boolean;
  /** True: of a file that is on its way. */
  readonly isPlanned: boolean;
}

export interface ChunkRange {
  /** Only chunks with a higher id. */
  readonly after?: number;
  /** Only chunks up to this id. */
  readonly upTo?: number;
  readonly limit: number;
  readonly offset?: number;
}

/** What chunks of some landing keys amount to. */
export interface ChunkSums {
  readonly events: number;
  readonly rawBytes: number;
  readonly lastChunkId: number;
}

/**
 * Chunks that have not landed, those in plans included: looked into without taking anything, over a connection that only reads. Ids grow in
 * the order in which chunks came in, which is their order in a file. Bodies in memory are the writer's to give.
 */
export class BacklogChunks {
  readonly #statements;
  readonly #inMemory: MemoryReader;

  constructor(db: ChannelDatabase, inMemory: MemoryReader = noneInMemory) {
    this.#statements = prepare(db);
    this.#inMemory = inMemory;
  }

  /** Oldest first. A walk over the key's part of an index, so ask for many at a time. */
  ids(landingKeyId: number, { after = 0, upTo, limit, offset = 0 }: ChunkRange): number[] {
    const range = { landingKeyId, after, upTo: upTo ?? Number.MAX_SAFE_INTEGER, limit, offset };
    return (this.#statements.ids.all(range) as [number][]).map(([id]) => id);
  }

  count(landingKeyId: number): number {
    return this.#statements.count.get({ landingKeyId })?.chunks ?? 0;
  }

  sums(landingKeyId: number): ChunkSums {
    const sums = this.#statements.sums.get({ landingKeyId });
    return sums ?? { events: 0, rawBytes: 0, lastChunkId: 0 };
  }

  /** Undefined: it has landed. */
  get(id: number): BacklogChunk | undefined {
    const row = this.#statements.chunk.get(id);
    if (row === undefined) return undefined;
    const { held, planned, ...chunk } = row;
    return { ...chunk, isHeld: held === 1, isPlanned: planned === 1 };
  }

  /** Its events as they would stand in a file. Undefined: it has landed. Throws `chunk-damaged`. */
  async text(id: number): Promise<Buffer | undefined> {
    const row = this.#statements.body.get(id);
    if (row === undefined) return undefined;
    const bytes = row.bodyId < 0 ? await this.#inMemory(id) : row.bytes;
    return bytes === undefined ? undefined : unpacked(id, { ...row, bytes });
  }

  /** As `text`, of a chunk on the disk. Undefined: it has landed, or is in memory. */
  textOnDisk(id: number): Buffer | undefined {
    const row = this.#statements.body.get(id);
    return row === undefined || row.bodyId < 0 ? undefined : unpacked(id, row);
  }
}

function unpacked(id: number, { bytes, codec, crc32c: expected }: Omit<StoredBody, 'bodyId'>): Buffer {
  if (bytes === null || crc32c(bytes) !== expected) throw damaged(id, 'The chunk is not what was stored.');
  try {
    return decodeChunk(bytes, codec);
  } catch (cause) {
    const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
    if (typeof code !== 'string' || !/^(Z|ZSTD|ERR_ZSTD|ERR_ZLIB)_/.test(code)) throw cause;
    throw damaged(id, 'The chunk cannot be decompressed.', cause);
  }
}

interface StoredBody {
  readonly bodyId: number;
  readonly codec: ChunkCodec;
  readonly crc32c: number;
  /** Null: it is missing, or in memory. */
  readonly bytes: Uint8Array | null;
}

function damaged(id: number, message: string, cause?: unknown): GatewayError {
  return new GatewayError({
    code: 'chunk-damaged',
    operation: 'look into the backlog',
    place: `chunk ${id}`,
    message,
    retry: 'never',
    hint: 'It will be set aside when it is landed; `headgate audit --deep` names its offsets.',
    cause,
  });
}

interface ChunkColumns extends Omit<BacklogChunk, 'isHeld' | 'isPlanned'> {
  readonly held: number;
  readonly planned: number;
}

function prepare(db: ChannelDatabase) {
  const waiting = 'FROM chunks c WHERE c.landing_key_id = @landingKeyId AND c.plan_id IS NULL';
  const planned = 'FROM plans p JOIN chunks c ON c.plan_id = p.id WHERE p.landing_key_id = @landingKeyId';
  const inRange = 'AND c.id > @after AND c.id <= @upTo';
  return {
    ids: db
      .prepare<unknown[]>(
        `SELECT c.id ${waiting} ${inRange} UNION ALL SELECT c.id ${planned} ${inRange} ORDER BY 1 LIMIT @limit OFFSET @offset`,
      )
      .raw(),
    count: db.prepare<unknown[], { chunks: number }>(
      `SELECT (SELECT count(*) ${waiting}) + (SELECT count(*) ${planned}) AS chunks`,
    ),
    sums: db.prepare<unknown[], ChunkSums>(
      `SELECT coalesce(sum(events), 0) AS events, coalesce(sum(raw_bytes), 0) AS rawBytes, coalesce(max(id), 0) AS lastChunkId
      FROM (SELECT c.id, c.events, c.raw_bytes ${waiting} UNION ALL SELECT c.id, c.events, c.raw_bytes ${planned})`,
    ),
    chunk: db.prepare<
      [number],
      ChunkColumns
    >(`SELECT c.id, c.landing_key_id AS landingKeyId, p.topic, p.partition, c.first, c.next,
      c.events, c.lines, c.raw_bytes AS rawBytes, c.stored_bytes AS storedBytes, c.codec, c.put_ms AS putMs,
      c.oldest_event_ms AS oldestEventMs, c.newest_event_ms AS newestEventMs, c.runs,
      c.next > t.accepted_to AS held, c.plan_id IS NOT NULL AS planned
      FROM chunks c JOIN partitions p ON p.id = c.partition_id JOIN tenures t ON t.id = c.tenure_id WHERE c.id = ?`),
    body: db.prepare<[number], StoredBody>(
      'SELECT c.body_id AS bodyId, c.codec, c.crc32c, b.bytes FROM chunks c LEFT JOIN chunk_bodies b ON b.id = c.body_id WHERE c.id = ?',
    ),
  };
}
