/** Complete lines of a growing file, from a byte position on, in bounded pieces. */
import type { FileHandle } from 'node:fs/promises';

const NEWLINE = 10;
const READ_BYTES = 1024 * 1024;

export interface LineSlice {
  /** The bytes that the lines lie in. */
  readonly bytes: Buffer;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly count: number;
  /** File position after the last complete line. */
  readonly nextByte: number;
  /** A line longer than the limit comes next; it is no line of this slice, and its length may not be known yet. */
  readonly isTooLong: boolean;
}

/** Reads up to `maxLines` complete lines from `fromByte`; a last line without its newline waits until it is complete. */
export async function readLines(
  file: FileHandle,
  fromByte: number,
  limits: { readonly maxLines: number; readonly maxLineBytes: number },
): Promise<LineSlice> {
  const room = Math.max(READ_BYTES, limits.maxLineBytes + 1);
  const buffer = Buffer.allocUnsafe(room);
  const { bytesRead } = await file.read(buffer, 0, room, fromByte);
  const bytes = buffer.subarray(0, bytesRead);
  const starts = new Int32Array(limits.maxLines);
  const ends = new Int32Array(limits.maxLines);
  let count = 0;
  let at = 0;
  while (count < limits.maxLines) {
    const end = bytes.indexOf(NEWLINE, at);
    if (end < 0 || end - at > limits.maxLineBytes) break;
    starts[count] = at;
    // As Flume's taildir: neither \n nor \r\n is part of the body.
    ends[count] = end > at && bytes[end - 1] === 13 ? end - 1 : end;
    count++;
    at = end + 1;
  }
  return {
    bytes,
    starts,
    ends,
    count,
    nextByte: fromByte + at,
    isTooLong:
      count === 0 &&
      bytes.subarray(0, limits.maxLineBytes + 1).indexOf(NEWLINE) < 0 &&
      bytesRead > limits.maxLineBytes,
  };
}

/** Byte position after the first `lines` lines, for a position that was kept as a line number. */
export async function byteOfLine(file: FileHandle, lines: number): Promise<number | undefined> {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  let seen = 0;
  let position = 0;
  while (seen < lines) {
    const { bytesRead } = await file.read(buffer, 0, READ_BYTES, position);
    if (bytesRead === 0) return undefined;
    let at = 0;
    while (seen < lines) {
      const end = buffer.subarray(0, bytesRead).indexOf(NEWLINE, at);
      if (end < 0) break;
      seen++;
      at = end + 1;
    }
    position += seen < lines ? bytesRead : at;
  }
  return position;
}
