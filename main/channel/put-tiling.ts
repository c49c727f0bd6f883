import assert from 'node:assert/strict';
import type { EncodedRuns, OffsetRun } from '../../shared/model/offset-runs.ts';
import { decodeRuns } from '../../shared/model/offset-runs.ts';
import type { Put } from '../../shared/model/put.ts';
import { CHUNK_RAW_BYTES_MAX } from '../../shared/model/put.ts';
import { landingKeyText } from '../../shared/model/landing-key.ts';
import { TILING_MAP_OFFSETS_MAX } from './channel-limits.ts';

/**
 * The books of a put must balance before it is stored: for every channel, chunks, dispositions and quarantined events
 * together account for each offset in `[first, next)` exactly once. A put that does not is a programmer's error, and an
 * assertion refuses it while the batch can still be pulled again.
 */
export function assertPutIsWhole(put: Put): readonly string[] {
  assert.ok(put.next >= put.first, `a put ends at ${put.next} before it begins at ${put.first}`);
  assertChunks(put);
  const named = namedChannels(put);
  const channels = put.channels ?? named;
  for (const channel of named)
    assert.ok(channels.includes(channel), `a put speaks of channel ${channel}, which has no part in it`);
  if (channels.length === 0) assertTiles(put, undefined);
  for (const channel of channels) assertTiles(put, channel);
  return channels;
}

function namedChannels(put: Put): readonly string[] {
  const names = new Set<string>();
  for (const { channel } of put.chunks) names.add(channel);
  for (const { channel } of put.dispositions) if (channel !== undefined) names.add(channel);
  for (const { channel } of put.quarantined) if (channel !== undefined) names.add(channel);
  return [...names];
}

/** Chunks lie within the bytes, are small enough, and stand in offset order under each landing key. */
export function assertChunks(put: Pick<Put, 'chunks' | 'bytes'>): void {
  const ends = new Map<string, number>();
  for (const chunk of put.chunks) {
    const { byteOffset, byteLength, runs } = chunk;
    assert.ok(
      byteOffset >= 0 && byteLength >= 0 && byteOffset + byteLength <= put.bytes.byteLength,
      'a chunk lies outside its put',
    );
    assert.ok(
      byteLength <= CHUNK_RAW_BYTES_MAX || runs.count === 1,
      `a chunk of ${byteLength} bytes holds ${runs.count} events`,
    );
    const key = `${chunk.channel}\n${landingKeyText(chunk.landingKey)}`;
    assert.ok(runs.first >= (ends.get(key) ?? 0), 'chunks of one landing key do not stand in offset order');
    ends.set(key, runs.next);
  }
}

function assertTiles(put: Put, channel: string | undefined): void {
  const tiling = new Tiling(put.first, put.next);
  for (const chunk of put.chunks) if (chunk.channel === channel) tiling.addRuns(chunk.runs);
  for (const disposition of put.dispositions) {
    if (disposition.channel === undefined || disposition.channel === channel)
      tiling.addRuns(disposition.runs);
  }
  for (const event of put.quarantined) {
    if (event.channel === undefined || event.channel === channel) tiling.add(event.offset, event.offset + 1);
  }
  tiling.assertWhole(channel ?? 'all channels');
}

/** Collects runs and knows whether they make up the range exactly. */
class Tiling {
  readonly #first: number;
  readonly #next: number;
  readonly #seen: Uint8Array | undefined;
  readonly #runs: OffsetRun[] = [];
  #count = 0;

  constructor(first: number, next: number) {
    this.#first = first;
    this.#next = next;
    this.#seen = next - first <= TILING_MAP_OFFSETS_MAX ? new Uint8Array(next - first) : undefined;
  }

  addRuns(runs: EncodedRuns): void {
    let count = 0;
    let end = runs.first;
    for (const run of decodeRuns(runs.first, runs.bytes)) {
      this.add(run.from, run.to);
      count += run.to - run.from;
      end = run.to;
    }
    assert.ok(
      count === runs.count && end === runs.next,
      `runs of ${runs.count} offsets to ${runs.next} hold ${count} to ${end}`,
    );
  }

  add(from: number, to: number): void {
    assert.ok(
      from >= this.#first && to <= this.#next,
      `offsets ${from}..${to} lie outside the put ${this.#first}..${this.#next}`,
    );
    this.#count += to - from;
    if (this.#seen === undefined) {
      this.#runs.push({ from, to });
      return;
    }
    for (let at = from - this.#first; at < to - this.#first; at++) {
      assert.ok(this.#seen[at] === 0, `offset ${at + this.#first} is accounted for twice`);
      this.#seen[at] = 1;
    }
  }

  assertWhole(place: string): void {
    this.#runs.sort((a, b) => a.from - b.from);
    let end = this.#first;
    for (const run of this.#runs) {
      assert.ok(run.from >= end, `offset ${run.from} is accounted for twice`);
      end = run.to;
    }
    const expected = this.#next - this.#first;
    assert.equal(
      this.#count,
      expected,
      `${place}: ${this.#count} of ${expected} offsets from ${this.#first} are accounted for`,
    );
  }
}
