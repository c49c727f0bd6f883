import assert from 'node:assert/strict';
import { GatewayError } from '../../shared/errors.ts';
import type { Put, QuarantinedEvent } from '../../shared/model/put.ts';
import type { BodyStore } from './body-store.ts';
import type { ChannelDatabase } from './channel-database.ts';
import type { EncodedChunk } from './chunk-encoding.ts';
import type { DispositionStore } from './disposition-store.ts';
import type { LandingKeyStore } from './landing-key-store.ts';
import type { TenureStore, PartitionColumns, TenureColumns } from './tenure-store.ts';
import { placeOf } from './tenure-store.ts';
import { assertPutIsWhole } from './put-tiling.ts';
import type { Totals } from './totals.ts';

/** A put that is checked, compressed and checksummed, ready to be written. */
export interface PreparedPut {
  readonly put: Put;
  readonly channels: readonly string[];
  readonly chunks: readonly EncodedChunk[];
}

/** Checks the books of a put and encodes its chunks: the part that needs no transaction. */
export function preparePut(put: Put, encode: (put: Put) => EncodedChunk[]): PreparedPut {
  const channels = assertPutIsWhole(put);
  return { put, channels, chunks: encode(put) };
}

interface Owner {
  readonly tenure: TenureColumns;
  readonly partition: PartitionColumns;
  readonly nowMs: number;
}

/** Writes puts: chunks, dispositions, quarantined events and the position after them, in the caller's transaction. */
export class PutStore {
  readonly #statements;
  readonly #parts: PutStoreParts;

  constructor(db: ChannelDatabase, parts: PutStoreParts) {
    this.#statements = prepare(db);
    this.#parts = parts;
  }

  /**
   * Throws `stale-tenure` or `position-mismatch`, and then the caller rolls back to before. Gives what was stored and the
   * sinks that have more to land.
   */
  store(
    prepared: PreparedPut,
    nowMs: number,
  ): { readonly storedBytes: number; readonly sinks: readonly string[] } {
    const { put } = prepared;
    const { tenure, partition } = this.#parts.tenures.requireCurrent(put.tenure);
    assertSamePartition(put, partition);
    if (put.first !== partition.position) throw positionMismatch(put, partition);
    assert.equal(partition.position, tenure.put_to, 'the position is not where the current tenure ends');
    const owner = { tenure, partition, nowMs };
    const storedBytes = this.#storeChunks(prepared.chunks, owner);
    const owners = { partitionId: partition.id, tenureId: tenure.id, configVersion: put.configVersion };
    for (const disposition of put.dispositions) this.#parts.dispositions.add(disposition, owners);
    for (const event of put.quarantined) this.#quarantine(event, put, owner);
    if (put.next > put.first)
      for (const channel of prepared.channels) this.#takePart(channel, put, tenure.id);
    this.#parts.tenures.advance(tenure, put, nowMs);
    this.#count(prepared);
    return { storedBytes, sinks: [...new Set(put.chunks.map((chunk) => chunk.landingKey.sink))] };
  }

  #storeChunks(chunks: readonly EncodedChunk[], owner: Owner): number {
    const bodies = new Map<Uint8Array, number>();
    let storedBytes = 0;
    for (const encoded of chunks) {
      const shared = bodies.get(encoded.stored);
      const bodyId = shared ?? this.#parts.bodies.add(encoded.stored);
      if (shared === undefined) storedBytes += encoded.stored.byteLength;
      else this.#parts.bodies.share(shared);
      bodies.set(encoded.stored, bodyId);
      this.#storeChunk(encoded, bodyId, owner);
    }
    return storedBytes;
  }

  #storeChunk(encoded: EncodedChunk, bodyId: number, owner: Owner): void {
    const { chunk, stored } = encoded;
    const { runs } = chunk;
    const keyId = this.#parts.keys.idOf(chunk.channel, chunk.landingKey, chunk.bucketEndMs);
    this.#statements.insertChunk.run({
      bodyId,
      keyId,
      partitionId: owner.partition.id,
      tenureId: owner.tenure.id,
      channel: chunk.channel,
      first: runs.first,
      next: runs.next,
      events: runs.count,
      lines: encoded.lines,
      rawBytes: chunk.byteLength,
      storedBytes: stored.byteLength,
      codec: encoded.codec,
      crc32c: encoded.crc32c,
      nowMs: owner.nowMs,
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
    this.#parts.keys.add(keyId, sums, { putMs: owner.nowMs, eventMs: chunk.newestEventMs });
  }

  #quarantine(event: QuarantinedEvent, put: Put, owner: Owner): void {
    this.#statements.insertQuarantine.run({
      partitionId: owner.partition.id,
      tenureId: owner.tenure.id,
      channel: event.channel ?? null,
      first: event.offset,
      reason: event.reason,
      configVersion: put.configVersion,
      nowMs: owner.nowMs,
      timestampMs: Number.isFinite(event.timestampMs) ? event.timestampMs : null,
      bodyBytes: event.body.byteLength,
      headers: JSON.stringify(event.headers),
      key: event.key ?? null,
      body: event.body,
    });
  }

  #takePart(channel: string, put: Put, tenureId: number): void {
    const range = { channel, tenureId, first: put.first, next: put.next };
    if (this.#statements.widenPart.run(range).changes === 0) this.#statements.insertPart.run(range);
  }

  #count(prepared: PreparedPut): void {
    const { put, chunks } = prepared;
    const { totals } = this.#parts;
    totals.add('put.puts', 1);
    totals.add('put.offsets', put.next - put.first);
    totals.add('put.quarantined', put.quarantined.length);
    for (const { chunk, stored } of chunks) {
      totals.add('put.chunks', 1);
      totals.add('put.events', chunk.runs.count);
      totals.add('put.rawBytes', chunk.byteLength);
      totals.add('put.storedBytes', stored.byteLength);
    }
    for (const { kind, runs } of put.dispositions) totals.add(`put.${kind}`, runs.count);
  }
}

export interface PutStoreParts {
  readonly tenures: TenureStore;
  readonly keys: LandingKeyStore;
  readonly bodies: BodyStore;
  readonly dispositions: DispositionStore;
  readonly totals: Totals;
}

function assertSamePartition(put: Put, row: PartitionColumns): void {
  const { source, topic, partition, incarnation } = put.partition;
  const isSame =
    source === row.source &&
    topic === row.topic &&
    partition === row.partition &&
    incarnation === row.incarnation;
  assert.ok(isSame, `a put of ${placeOf(put.partition)} names a tenure of ${placeOf(row)}`);
}

function positionMismatch(put: Put, partition: PartitionColumns): GatewayError {
  return new GatewayError({
    code: 'position-mismatch',
    operation: 'put a batch into the channel',
    place: placeOf(partition),
    message: `The batch begins at offset ${put.first}, the position is ${partition.position}; the batch was discarded.`,
    retry: 'never',
    hint: 'The source seeks to the position and pulls again; nothing needs to be done.',
  });
}

function prepare(db: ChannelDatabase) {
  return {
    insertChunk:
      db.prepare(`INSERT INTO chunks (body_id, landing_key_id, partition_id, tenure_id, channel, first, next, events,
      lines, raw_bytes, stored_bytes, codec, crc32c, put_ms, oldest_event_ms, newest_event_ms, runs)
      VALUES (@bodyId, @keyId, @partitionId, @tenureId, @channel, @first, @next, @events,
      @lines, @rawBytes, @storedBytes, @codec, @crc32c, @nowMs, @oldestEventMs, @newestEventMs, @runs)`),
    insertQuarantine:
      db.prepare(`INSERT INTO quarantine (partition_id, tenure_id, channel, first, reason, config_version, put_ms,
      timestamp_ms, body_bytes, state, headers, key, body) VALUES (@partitionId, @tenureId, @channel, @first, @reason,
      @configVersion, @nowMs, @timestampMs, @bodyBytes, 'waiting', @headers, @key, @body)`),
    widenPart: db.prepare(
      'UPDATE tenure_channels SET next = @next WHERE tenure_id = @tenureId AND channel = @channel AND next = @first',
    ),
    insertPart: db.prepare(
      'INSERT INTO tenure_channels (tenure_id, channel, first, next) VALUES (@tenureId, @channel, @first, @next)',
    ),
  };
}
