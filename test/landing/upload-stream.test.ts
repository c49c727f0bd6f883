/**
 * Goal: a file's bytes are its chunks' events, in order, in the file's codec, with one chunk in memory at a time.
 * Method: real compression, a reader that counts, and a consumer as slow as a network.
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import { UploadStream } from '../../main/landing/upload-stream.ts';
import type { FilePlan } from '../../shared/model/file-plan.ts';
import type { OutputCodec } from '../../shared/model/landing-key.ts';
import { fileId } from '../../shared/model/brand.ts';
import { LandingWorld } from './landing-world.ts';

const MIB = 1024 * 1024;

async function planOf(world: LandingWorld): Promise<FilePlan> {
  const request = {
    sink: 'beijing',
    landingKeyId: 1,
    finalPath: '/logs/f',
    namespace: 'n',
    maxEvents: 0,
    nowMs: 0,
  };
  const made = await world.store.plan({ ...request, fileId: fileId('20261121-00000001'), maxBytes: 1e12 });
  if (made === undefined) throw new Error('nothing to plan');
  return made.plan;
}

async function bytesOf(stream: UploadStream): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream.pieces()) pieces.push(piece);
  return Buffer.concat(pieces);
}

function worldWith(
  codec: OutputCodec,
  chunks: readonly OutputCodec[],
): { readonly world: LandingWorld; readonly raw: Buffer } {
  const world = new LandingWorld();
  world.store.addKey(1, { codec });
  for (const chunkCodec of chunks) world.store.put(1, { codec: chunkCodec, events: 100 });
  return { world, raw: Buffer.concat([...world.store.chunks.values()].map((chunk) => chunk.raw)) };
}

describe('an upload', () => {
  test('to a plain file unpacks each chunk, whatever it is stored in', async () => {
    const { world, raw } = worldWith('none', ['none', 'gzip', 'zstd', 'none']);
    const plan = await planOf(world);
    const bytes = await bytesOf(new UploadStream(plan, world.context()));
    expect(bytes.equals(raw)).toBe(true);
    expect(bytes.length).toBe(plan.expectedBytes);
  });

  test.each([
    ['gzip', gunzipSync],
    ['zstd', zstdDecompressSync],
  ] as const)(
    'to a %s file passes the stored chunks on, each a whole member or frame',
    async (codec, unpack) => {
      const { world, raw } = worldWith(codec, [codec, codec, codec]);
      const plan = await planOf(world);
      const bytes = await bytesOf(new UploadStream(plan, world.context()));
      expect(bytes.equals(Buffer.concat([...world.store.chunks.values()].map((chunk) => chunk.stored)))).toBe(
        true,
      );
      // Node's zstd reads one frame and stops (Hadoop's reads all), so the file is cut where its chunks meet.
      let at = 0;
      const parts = plan.chunks.map(({ storedBytes }) => unpack(bytes.subarray(at, (at += storedBytes))));
      expect(Buffer.concat(parts).equals(raw)).toBe(true);
      if (codec === 'gzip') expect(gunzipSync(bytes).equals(raw)).toBe(true);
    },
  );

  test('refuses a chunk of another codec in a compressed file, and a plan whose length does not add up', async () => {
    const { world } = worldWith('gzip', ['zstd']);
    const plan = await planOf(world);
    await expect(bytesOf(new UploadStream(plan, world.context()))).rejects.toThrow(/can't stand in/);
    expect(() => new UploadStream({ ...plan, expectedBytes: 1 }, world.context())).toThrow(/expects 1 bytes/);
  });

  test('names a chunk that unpacks to something else than was put', async () => {
    const { world } = worldWith('none', ['zstd']);
    const plan = await planOf(world);
    const chunks = plan.chunks.map((chunk) => ({ ...chunk, rawBytes: chunk.rawBytes - 1 }));
    const stream = new UploadStream(
      { ...plan, chunks, expectedBytes: plan.expectedBytes - 1 },
      world.context(),
    );
    await expect(bytesOf(stream)).rejects.toMatchObject({ code: 'chunk-damaged' });
    expect(stream.damaged?.chunkId).toBe(plan.chunks[0]?.chunkId);
  });

  test('reads at most one chunk ahead, so memory does not grow with the file', async () => {
    const world = new LandingWorld();
    world.store.addKey(1);
    for (let at = 0; at < 8; at++) world.store.put(1, { raw: Buffer.alloc(MIB, at) });
    const plan = await planOf(world);
    let reads = 0;
    const reader = world.store.reader();
    const counting = {
      ...reader,
      read: (chunk: FilePlan['chunks'][number]) => (reads++, reader.read(chunk)),
    };
    const stream = new UploadStream(plan, world.context({ reader: counting }));
    let taken = 0;
    for await (const piece of stream.pieces()) {
      taken += piece.length;
      expect(reads).toBeLessThanOrEqual(Math.ceil(taken / MIB) + 1);
    }
    expect(taken).toBe(8 * MIB);
    expect(stream.bytesSent).toBe(8 * MIB);
  });
});
