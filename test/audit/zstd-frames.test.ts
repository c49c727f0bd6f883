import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readContent } from '../../main/audit/file-content.ts';
import { ZstdFrameCutter } from '../../main/audit/zstd-frames.ts';

/**
 * Goal: a file of several gzip members or zstd frames is decoded to its end, however the network cuts it, and one that is cut
 * off is never taken for whole. Method: files made with node:zlib, read in pieces of every size.
 */
const calm = new AbortController().signal;
const CODECS = {
  none: (raw: Buffer) => raw,
  gzip: (raw: Buffer) => gzipSync(raw),
  zstd: (raw: Buffer) => zstdCompressSync(raw),
};

function inPieces(bytes: Buffer, size: number): Readable {
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  );
  return Readable.from(pieces, { objectMode: false });
}

const content = (bytes: Buffer, codec: string, size = 1000) =>
  readContent(inPieces(bytes, size), codec, calm);

describe.each(Object.entries(CODECS))('a file in %s', (codec, encode) => {
  test('of several chunks is counted to its end, in pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ maxLength: 300 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 400 }),
        async (texts, size) => {
          const raws = texts.map((text) => Buffer.from(`${text}\n`));
          const found = await content(Buffer.concat(raws.map(encode)), codec, size);
          const whole = Buffer.concat(raws);
          const lines = whole.filter((byte) => byte === 10).length;
          expect(found).toMatchObject({ rawBytes: whole.length, lines, fault: undefined });
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe.each(['gzip', 'zstd'] as const)('a %s file that is cut off', (codec) => {
  const chunks = ['a\n'.repeat(500), 'bc\n'.repeat(500)].map((text) => CODECS[codec](Buffer.from(text)));
  const whole = Buffer.concat(chunks);
  const firstEnd = chunks[0]?.length ?? 0;

  test('in its second part is never taken for whole, wherever the cut is', async () => {
    for (let length = firstEnd + 1; length < whole.length; length++) {
      const found = await content(whole.subarray(0, length), codec);
      expect(found.storedBytes).toBe(length);
      expect(found.fault ?? `whole at ${length} of ${whole.length}`).not.toMatch(/^whole/);
    }
  });

  test('with a byte that is not what was written is a fault or another content, and its sum is of all bytes', async () => {
    const bad = Buffer.from(whole);
    bad[0] = 1;
    const found = await content(bad, codec, 7);
    expect(found.fault).toBeDefined();
    expect(found.storedBytes).toBe(whole.length);
  });
});

test('skippable frames are passed over', () => {
  const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9]);
  const frame = zstdCompressSync(Buffer.from('x'));
  for (let size = 1; size < 12; size++) {
    const cutter = new ZstdFrameCutter(1000);
    const bytes = Buffer.concat([skippable, frame, skippable]);
    const frames: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size)
      frames.push(...cutter.push(bytes.subarray(at, at + size)));
    cutter.finish();
    expect(frames).toEqual([frame]);
  }
});

test('a frame beyond the limit is refused before it is gathered', () => {
  const cutter = new ZstdFrameCutter(50);
  const frame = zstdCompressSync(Buffer.from(Array.from({ length: 400 }, (_, at) => (at * 7919) % 251)));
  expect(() => [...cutter.push(frame.subarray(0, 40))]).toThrow(/longer than 50/);
});

test('what is not the content’s fault is thrown', async () => {
  const broken = new Readable({
    read() {
      this.destroy(new Error('the socket broke'));
    },
  });
  await expect(readContent(broken, 'gzip', calm)).rejects.toThrow('the socket broke');
});
