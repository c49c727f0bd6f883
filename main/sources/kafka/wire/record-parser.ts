import type { RecordBatch } from './record-batch.ts';
import type { RecordColumns, RecordPlace } from './record-columns.ts';

/**
 * Parses the records of one verified batch into columns. This is the hottest loop of Headgate: no object, no BigInt and no
 * function with two results for each record; a varint is read at the module's cursor.
 *
 * A record (KIP-98): length varint, attributes i8, timestampDelta varlong, offsetDelta varint, key length varint, key, value
 * length varint, value, header count varint, then per header: name length, name, value length, value. Signed varints are zigzag.
 */
const RECORD_BYTES_MIN = 7;
/** The largest time a JavaScript Date knows. */
const TIMESTAMP_MS_MAX = 8.64e15;

/** A record whose body is over the limit. */
export interface OversizedRecord extends RecordPlace {
  readonly offset: number;
  readonly timestampMs: number;
  readonly bodyStart: number;
  readonly bodyEnd: number;
}

export interface ParseInput {
  readonly batch: RecordBatch;
  /** Records reach from `from` to `to` in `source`. */
  readonly source: Buffer;
  readonly from: number;
  readonly to: number;
  /** Records before this offset are checked and left out. */
  readonly floorOffset: number;
  readonly maxEventBytes: number;
  readonly oversized: OversizedRecord[];
}

let cursor = 0;

/** A plausible number of records for the bytes there are: checked before room for so many is made. */
export function assertCountFits(count: number, bytes: number): void {
  if (count * RECORD_BYTES_MIN > bytes) throw new RangeError(`${count} records in ${bytes} bytes`);
}

/**
 * Appends the batch's records to `columns`, which has room for them. Answers the bytes appended (key, body and headers, oversized
 * ones too). Throws RangeError where the structure is broken; nothing of the batch may be used then.
 */
export function parseRecords(input: ParseInput, columns: RecordColumns): number {
  const { batch, source, to, floorOffset, maxEventBytes } = input;
  const { baseOffset, lastOffsetDelta, isLogAppendTime, baseTimestampMs, maxTimestampMs } = batch;
  const { offsets, timestamps, sourceOf, keyAts, starts, ends, recordEnds } = columns;
  const sourceNumber = columns.addSource(source);
  let length = columns.length;
  let bytes = 0;
  let previousDelta = -1;
  cursor = input.from;
  for (let index = 0; index < batch.count; index++) {
    const recordBytes = readVarint(source);
    const end = cursor + recordBytes;
    if (recordBytes < RECORD_BYTES_MIN - 1 || end > to)
      throw new RangeError(`record ${index} has ${recordBytes} bytes`);
    cursor++;
    const timestampDelta = readVarlong(source);
    const offsetDelta = readVarint(source);
    if (offsetDelta <= previousDelta || offsetDelta > lastOffsetDelta)
      throw new RangeError(`record ${index} is at ${offsetDelta}`);
    previousDelta = offsetDelta;
    const keyAt = cursor;
    skipBytes(source, end);
    const bodyBytes = readVarint(source);
    const start = cursor;
    const bodyEnd = bodyBytes > 0 ? start + bodyBytes : start;
    // The header count takes at least one byte.
    if (bodyBytes < -1 || bodyEnd >= end)
      throw new RangeError(`record ${index} has a body of ${bodyBytes} bytes`);
    if (source[bodyEnd] !== 0 || bodyEnd + 1 !== end) checkHeaders(source, bodyEnd, end);
    cursor = end;
    const offset = baseOffset + offsetDelta;
    if (offset < floorOffset) continue;
    const time = isLogAppendTime ? maxTimestampMs : baseTimestampMs + timestampDelta;
    const timestampMs = time >= 0 && time <= TIMESTAMP_MS_MAX ? time : NaN;
    bytes += end - keyAt;
    if (bodyBytes > maxEventBytes) {
      input.oversized.push({ source, keyAt, end, offset, timestampMs, bodyStart: start, bodyEnd });
      continue;
    }
    offsets[length] = offset;
    timestamps[length] = timestampMs;
    sourceOf[length] = sourceNumber;
    keyAts[length] = keyAt;
    starts[length] = start;
    ends[length] = bodyEnd;
    recordEnds[length] = end;
    length++;
  }
  if (cursor !== to) throw new RangeError(`${to - cursor} bytes are left after ${batch.count} records`);
  // Only now: a broken batch leaves nothing behind.
  columns.length = length;
  return bytes;
}

/** Key of the first record of a control batch says what it marks: version i16, type i16; type 0 is an abort. */
export function isAbortMarker(source: Buffer, from: number, to: number): boolean {
  cursor = from;
  const recordBytes = readVarint(source);
  const end = cursor + recordBytes;
  if (recordBytes < RECORD_BYTES_MIN - 1 || end > to)
    throw new RangeError('a control batch with a broken record');
  cursor++;
  readVarlong(source);
  readVarint(source);
  const keyBytes = readVarint(source);
  if (keyBytes < 4 || cursor + keyBytes > end) throw new RangeError('a control record without a type');
  return source.readInt16BE(cursor + 2) === 0;
}

/** The key's bytes as a range; undefined for a null key. For parsed records only. */
export function keyRange(place: RecordPlace): { readonly start: number; readonly end: number } | undefined {
  cursor = place.keyAt;
  const keyBytes = readVarint(place.source);
  return keyBytes < 0 ? undefined : { start: cursor, end: cursor + keyBytes };
}

/** Text of the last header with that name, as Flume takes it; undefined when there is none or it is null. For parsed records only. */
export function recordHeader(source: Buffer, headersAt: number, name: Buffer): string | undefined {
  cursor = headersAt;
  const count = readVarint(source);
  let value: string | undefined;
  for (let index = 0; index < count; index++) {
    const nameBytes = readVarint(source);
    const nameAt = cursor;
    cursor += nameBytes;
    const valueBytes = readVarint(source);
    const valueAt = cursor;
    cursor += Math.max(0, valueBytes);
    if (nameBytes !== name.length || source.compare(name, 0, nameBytes, nameAt, nameAt + nameBytes) !== 0)
      continue;
    value = valueBytes < 0 ? undefined : source.toString('utf8', valueAt, valueAt + valueBytes);
  }
  return value;
}

/** Headers of a record that are shown, and characters of a value. */
const SHOWN_HEADERS_MAX = 50;
const SHOWN_VALUE_CHARS = 1_000;

/** All headers of a record as text, for people: the first ones, their values cut. */
export function recordHeaders(source: Buffer, headersAt: number): [string, string][] {
  cursor = headersAt;
  const count = Math.min(readVarint(source), SHOWN_HEADERS_MAX);
  const headers: [string, string][] = [];
  for (let index = 0; index < count; index++) {
    const nameBytes = readVarint(source);
    const nameAt = cursor;
    cursor += nameBytes;
    const valueBytes = Math.max(0, readVarint(source));
    const valueAt = cursor;
    cursor += valueBytes;
    const name = source.toString('utf8', nameAt, nameAt + nameBytes).slice(0, SHOWN_VALUE_CHARS);
    headers.push([name, source.toString('utf8', valueAt, valueAt + valueBytes).slice(0, SHOWN_VALUE_CHARS)]);
  }
  return headers;
}

/** Walks the headers once, so that a later look at one can't run out of the record. */
function checkHeaders(source: Buffer, headersAt: number, end: number): void {
  cursor = headersAt;
  const count = readVarint(source);
  // A header takes two bytes or more.
  if (count < 0 || count * 2 > end - cursor) throw new RangeError(`a record with ${count} headers`);
  for (let index = 0; index < count; index++) {
    const nameBytes = readVarint(source);
    if (nameBytes < 0 || cursor + nameBytes > end)
      throw new RangeError(`a header name of ${nameBytes} bytes`);
    cursor += nameBytes;
    skipBytes(source, end);
  }
  if (cursor !== end) throw new RangeError(`record ends at ${end}, its headers at ${cursor}`);
}

/** Skips nullable bytes with their length. */
function skipBytes(source: Buffer, end: number): void {
  const length = readVarint(source);
  if (length > 0) cursor += length;
  if (length < -1 || cursor > end) throw new RangeError(`${length} bytes at ${cursor}`);
}

/**
 * A zigzag varint of 32 bits at the cursor. Past the buffer's end it reads zeros; every caller then finds its record too short.
 */
function readVarint(source: Buffer): number {
  let byte = source[cursor++] as number;
  if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
  let raw = byte & 0x7f;
  for (let shift = 7; shift < 35; shift += 7) {
    byte = source[cursor++] as number;
    raw |= (byte & 0x7f) << shift;
    if ((byte & 0x80) === 0) return (raw >>> 1) ^ -(raw & 1);
  }
  throw new RangeError('a varint of more than 5 bytes');
}

/** A zigzag varint of 64 bits at the cursor; NaN beyond the safe integers, for it is a time. */
function readVarlong(source: Buffer): number {
  let byte = source[cursor++] as number;
  let raw = byte & 0x7f;
  for (let shift = 7; byte >= 0x80 && shift < 28; shift += 7) {
    byte = source[cursor++] as number;
    raw |= (byte & 0x7f) << shift;
  }
  return byte >= 0x80 ? readLongTail(source, raw) : (raw >>> 1) ^ -(raw & 1);
}

/** Goes on after 28 bits with doubles: integer operators have 32 bits only. */
function readLongTail(source: Buffer, low: number): number {
  let raw = low;
  let scale = 2 ** 28;
  for (let count = 4; count < 10; count++) {
    const byte = source[cursor++] as number;
    raw += (byte & 0x7f) * scale;
    scale *= 0x80;
    if ((byte & 0x80) !== 0) continue;
    if (!(raw <= Number.MAX_SAFE_INTEGER)) return NaN;
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }
  throw new RangeError('a varint of more than 10 bytes');
}
