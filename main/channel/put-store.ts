import assert from 'node:assert/strict';
import { GatewayError } from '../../shared/errors.ts';
import type { Put } from '../../shared/model/put.ts';
import type { ChannelParts } from './channel-parts.ts';
import type { EncodedChunk } from './chunk-encoding.ts';
import type { ChunkStore } from './chunk-store.ts';
import type { DispositionStore } from './disposition-store.ts';
import type { QuarantineStore } from './quarantine-store.ts';
import type { TenureStore, PartitionColumns } from './tenure-store.ts';
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

/** Writes puts: chunks, dispositions, quarantined events and the position after them, in the caller's transaction. */
export class PutStore {
  readonly #parts: PutStoreParts;

  constructor(parts: PutStoreParts) {
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
    const owner = {
      partitionId: partition.id,
      tenureId: tenure.id,
      configVersion: put.configVersion,
      nowMs,
    };
    const { chunks, dispositions, quarantine, channelParts, tenures } = this.#parts;
    const storedBytes = chunks.addPut(prepared.chunks, owner);
    for (const disposition of put.dispositions) dispositions.add(disposition, owner);
    for (const event of put.quarantined) quarantine.add(event, owner);
    const { first, next } = put;
    if (next > first)
      for (const channel of prepared.channels)
        channelParts.take({ tenureId: tenure.id, channel, first, next });
    tenures.advance(tenure, put, nowMs);
    this.#count(prepared);
    return { storedBytes, sinks: [...new Set(put.chunks.map((chunk) => chunk.landingKey.sink))] };
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
  readonly chunks: ChunkStore;
  readonly channelParts: ChannelParts;
  readonly dispositions: DispositionStore;
  readonly quarantine: QuarantineStore;
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
