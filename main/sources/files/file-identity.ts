/**
 * Which file is it? A path is no answer (files are rotated), nor is an inode alone (it is used again for the next file). Complete
 * lines of a file that only grows never change, so the beginning of the first one tells a new file from the one before, and the
 * last line that was stored tells whether what lies before our position is still what was read.
 */
import type { FileHandle } from 'node:fs/promises';
import { crc32c } from '@node-rs/crc32';

const NEWLINE = 10;
/** So much of the first line counts. */
const BEGINNING_BYTES = 4 * 1024;
/** So much of the end of the last stored line counts. */
const LAST_LINE_BYTES = 4 * 1024;

/** Device and inode: what the directory's entry points at now. */
export function inodeOf(stat: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${stat.dev}:${stat.ino}`;
}

/** The file's identity for ever; undefined while its first line is not complete, for then there is nothing to read yet. */
export async function identityOf(file: FileHandle, inode: string): Promise<string | undefined> {
  const buffer = Buffer.alloc(BEGINNING_BYTES);
  const { bytesRead } = await file.read(buffer, 0, BEGINNING_BYTES, 0);
  const end = buffer.subarray(0, bytesRead).indexOf(NEWLINE);
  if (end < 0 && bytesRead < BEGINNING_BYTES) return undefined;
  const beginning = buffer.subarray(0, end < 0 ? bytesRead : end + 1);
  return `${inode}:${crc32c(beginning).toString(16).padStart(8, '0')}`;
}

/** CRC-32C of the end of the line that ends, with its newline, before this byte. */
export async function lineBefore(file: FileHandle, byte: number): Promise<number> {
  const length = Math.min(byte, LAST_LINE_BYTES);
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, byte - length);
  return lastLineCrc(buffer.subarray(0, bytesRead));
}

/** The same for bytes that end with the line and its newline. */
export function lastLineCrc(bytes: Buffer): number {
  const tail = bytes.subarray(Math.max(0, bytes.length - LAST_LINE_BYTES));
  const start = tail.length < 2 ? 0 : tail.lastIndexOf(NEWLINE, tail.length - 2) + 1;
  return crc32c(tail.subarray(start));
}
