/**
 * Goal: the checksum computed on the way out does not depend on how the bytes were cut, and is Hadoop's. Method: a plain
 * one-pass reference, cuts chosen at random; equality with a real cluster is shown in `target-contract.test.ts`.
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { crc32, crc32c } from '@node-rs/crc32';
import { expect, test } from 'vitest';
import { answeredChecksum, HdfsChecksum, type ChecksumForm } from '../../main/sinks/hdfs/hdfs-checksum.ts';
import { bytesAt } from './bytes.ts';

function reference(bytes: Uint8Array, form: ChecksumForm): string {
  const crcOf = form.crcType === 'CRC32' ? crc32 : crc32c;
  const blockSums: Buffer[] = [];
  for (let block = 0; block < bytes.length; block += form.blockSizeBytes) {
    const md5 = createHash('md5');
    const end = Math.min(bytes.length, block + form.blockSizeBytes);
    for (let at = block; at < end; at += form.bytesPerCrc) {
      const crc = Buffer.alloc(4);
      crc.writeUInt32BE(crcOf(bytes.subarray(at, Math.min(end, at + form.bytesPerCrc))));
      md5.update(crc);
    }
    blockSums.push(md5.digest());
  }
  const sums = Buffer.concat(blockSums);
  const capacity = [32, 64, 128, 256, 512, 1024, 2048].find((size) => size >= sums.length) ?? 0;
  return createHash('md5')
    .update(Buffer.concat([sums, Buffer.alloc(capacity - sums.length)]))
    .digest('hex');
}

const form = fc.record({
  crcType: fc.constantFrom('CRC32' as const, 'CRC32C' as const),
  bytesPerCrc: fc.constantFrom(16, 512),
  blockSizeBytes: fc.constantFrom(512, 1024, 4096),
});

test('however the bytes are cut, the sums are those of the whole', () => {
  fc.assert(
    fc.property(
      form,
      fc.nat(20_000),
      fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 40 }),
      (given, length, cuts) => {
        const bytes = bytesAt(0, length);
        const sum = new HdfsChecksum(given);
        let at = 0;
        for (const cut of cuts) {
          sum.update(bytes.subarray(at, at + cut));
          at = Math.min(length, at + cut);
        }
        sum.update(bytes.subarray(at));
        const { value, crc32c: whole, lengthBytes } = sum.digest();
        expect(lengthBytes).toBe(length);
        expect(whole).toBe(crc32c(bytes));
        expect(value?.split(':')[1]).toBe(reference(bytes, given));
      },
    ),
    { verbose: 1 },
  );
});

test('the algorithm is named as HDFS names it', () => {
  const named = (length: number): string | undefined => {
    const sum = new HdfsChecksum({ crcType: 'CRC32C', bytesPerCrc: 512, blockSizeBytes: 1024 });
    sum.update(bytesAt(0, length));
    return sum.digest().value?.split(':')[0];
  };
  expect(named(0)).toBe('MD5-of-0MD5-of-0CRC32');
  expect(named(1024)).toBe('MD5-of-0MD5-of-512CRC32C');
  expect(named(1025)).toBe('MD5-of-2MD5-of-512CRC32C');
});

test('without a form only the length and the CRC of the whole are known', () => {
  const sum = new HdfsChecksum(undefined);
  sum.update(bytesAt(0, 700));
  expect(sum.digest()).toEqual({ lengthBytes: 700, crc32c: crc32c(bytesAt(0, 700)), value: undefined });
});

test('a block size that is no multiple of the piece is refused', () => {
  expect(() => new HdfsChecksum({ crcType: 'CRC32C', bytesPerCrc: 512, blockSizeBytes: 1000 })).toThrow(
    RangeError,
  );
});

test('an answer is read without its zero bytes at the end, and another algorithm is none of ours', () => {
  const bytes = '0000020000000000000000002ebac5fafc444475c9720587791d741200000000';
  expect(answeredChecksum('MD5-of-0MD5-of-512CRC32C', bytes)).toEqual({
    value: 'MD5-of-0MD5-of-512CRC32C:2ebac5fafc444475c9720587791d7412',
    crcType: 'CRC32C',
    bytesPerCrc: 512,
  });
  expect(answeredChecksum('COMPOSITE-CRC32C', '0102030400000000')).toBeUndefined();
});
