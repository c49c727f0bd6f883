import type { BodyStore } from './body-store.ts';
import type { ChannelDatabase } from './channel-database.ts';
import type { EncodedChunk } from './chunk-encoding.ts';
import type { LandingKeyStore } from './landing-key-store.ts';

/** Whose chunks they are, and when they come in. */
export interface ChunkOwner {
  readonly partitionId: number;
  readonly tenureId: number;
  readonly nowMs: number;
}

/**
 * Writes chunks with their bodies and the counters of their landing keys, in the caller's transaction. Bodies of a put stay in memory where the
 * channel has them there and has room; all others are on the disk (memory-bodies.ts, invariant 5).
 */
export class ChunkStore {
  readonly #insert;
  readonly #keys: LandingKeyStore;
  readonly #bodies: BodyStore;

  constructor(db: ChannelDatabase, parts: { readonly keys: LandingKeyStore; readonly bodies: BodyStore }) {
    this.#insert =
      db.prepare(`INSERT INTO chunks (body_id, landing_key_id, partition_id, tenure_id, channel, first, next, events,
      lines, raw_bytes, stored_bytes, codec, crc32c, put_ms, oldest_event_ms, newest_event_ms, runs)
      VALUES (@bodyId, @keyId, @partitionId, @tenureId, @channel, @first, @next, @events,
      @lines, @rawBytes, @storedBytes, @codec, @crc32c, @nowMs, @oldestEventMs, @newestEventMs, @runs)`);
    this.#keys = parts.keys;
    this.#bodies = parts.bodies;
  }

  /** Chunks of events that their source gives for the first time. As `add` otherwise. */
  addPut(chunks: readonly EncodedChunk[], owner: ChunkOwner): number {
    // What one channel has on the disk is there for all that share it.
    const durable = new Set<Uint8Array>();
    for (const { chunk, stored } of chunks)
      if (!this.#bodies.hasRoomInMemory(chunk.channel, stored.byteLength)) durable.add(stored);
    return this.#addAll(chunks, owner, (stored) => !durable.has(stored));
  }

  /** Gives the bytes that were stored: a body that several of the chunks share is stored once. */
  add(chunks: readonly EncodedChunk[], owner: ChunkOwner): number {
    return this.#addAll(chunks, owner, () => false);
  }

  #addAll(
    chunks: readonly EncodedChunk[],
    owner: ChunkOwner,
    mayBeInMemory: (stored: Uint8Array) => boolean,
  ): number {
    const bodies = new Map<Uint8Array, number>();
    let storedBytes = 0;
    for (const encoded of chunks) {
      const { stored } = encoded;
      const { channel } = encoded.chunk;
      const shared = bodies.get(stored);
      // Asked again: the bodies before it have taken their room.
      const isInMemory = mayBeInMemory(stored) && this.#bodies.hasRoomInMemory(channel, stored.byteLength);
      const bodyId = shared ?? this.#add(stored, isInMemory ? { channel, nowMs: owner.nowMs } : undefined);
      if (shared === undefined) storedBytes += stored.byteLength;
      else this.#bodies.share(shared);
      bodies.set(stored, bodyId);
      this.#addOne(encoded, bodyId, owner);
    }
    return storedBytes;
  }

  #add(
    bytes: Uint8Array,
    inMemory: { readonly channel: string; readonly nowMs: number } | undefined,
  ): number {
    return inMemory === undefined
      ? this.#bodies.add(bytes)
      : this.#bodies.addToMemory({ ...inMemory, bytes });
  }

  #addOne(encoded: EncodedChunk, bodyId: number, owner: ChunkOwner): void {
    const { chunk, stored } = encoded;
    const { runs } = chunk;
    const keyId = this.#keys.idOf(chunk.channel, chunk.landingKey, chunk.bucketEndMs);
    this.#insert.run({
      ...owner,
      bodyId,
      keyId,
      channel: chunk.channel,
      first: runs.first,
      next: runs.next,
      events: runs.count,
      lines: encoded.lines,
      rawBytes: chunk.byteLength,
      storedBytes: stored.byteLength,
      codec: encoded.codec,
      crc32c: encoded.crc32c,
      oldestEventMs: chunk.oldestEventMs,
      newestEventMs: chunk.newestEventMs,
      runs: runs.bytes,
    });
    const sums = {
      chunks: 1,
      events: runs.count,
      rawBytes: chunk.byteLength,
      storedBytes: stored.byteLength,
    };
    this.#keys.add(keyId, sums, { putMs: owner.nowMs, eventMs: chunk.newestEventMs });
  }
}
