const TWO_TO_32 = 0x1_0000_0000;

/**
 * A big-endian signed 64-bit integer as a plain number: a BigInt for each offset and timestamp was a large part of kafkajs' cost.
 * Throws RangeError outside of the safe integers, and past the end of the buffer.
 */
export function readInt64(bytes: Buffer, at: number): number {
  const value = bytes.readInt32BE(at) * TWO_TO_32 + bytes.readUInt32BE(at + 4);
  if (!Number.isSafeInteger(value))
    throw new RangeError(`64-bit number at byte ${at} is beyond the safe integers`);
  return value;
}

/**
 * The same for a time, which a producer may have set to anything (nanoseconds, the largest Long): NaN where it is beyond the safe
 * integers. A time that makes no sense is an event's fault, and must not stop a partition.
 */
export function readTime(bytes: Buffer, at: number): number {
  const value = bytes.readInt32BE(at) * TWO_TO_32 + bytes.readUInt32BE(at + 4);
  return Number.isSafeInteger(value) ? value : NaN;
}
