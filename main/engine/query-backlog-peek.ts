/** Events that wait, looked at and searched without taking them. */
import type { Output, ParsedInput } from '../../shared/contract/control.ts';
import { decodeRuns } from '../../shared/model/offset-runs.ts';
import { MIB } from '../../shared/units.ts';
import type { BacklogChunk, BacklogChunks } from '../channel/backlog-chunks.ts';
import { noCursor } from './query-cursor.ts';

type Question = ParsedInput<'backlogPeek'>;
type PeekedEvent = Output<'backlogPeek'>['events'][number];

/** Of an event that is shown, at most so much; `bodyBytes` says how long it is. */
const BODY_BYTES_MAX = 4_096;
/** One call looks at so much: a tenth of a second. */
const SCANNED_BYTES_MAX = 32 * MIB;
const SCANNED_CHUNKS_MAX = 1_000;
/** An event whose offset cannot be told from its text. */
const OFFSET_NOT_KNOWN = -1;
const LINE_END = 10;
const CONTINUATION_MASK = 0xc0;
const CONTINUATION = 0x80;

/** Where a look goes on: a line of a chunk, counted from 0. */
interface Place {
  readonly chunkId: number;
  readonly line: number;
}

interface Look {
  readonly events: PeekedEvent[];
  readonly limit: number;
  /** Only events that hold this. */
  readonly needle: Buffer | undefined;
  scanned: number;
}

/**
 * The next events of a key or of one chunk, oldest chunk first. A search looks at a bounded number of bytes and goes on from `next`, which
 * is there as long as there may be more. Throws `chunk-damaged`, and `usage` for a cursor that no look gave.
 */
export async function backlogPeek(chunks: BacklogChunks, question: Question): Promise<Output<'backlogPeek'>> {
  const { landingKeyId, chunkId, limit, text = '' } = question;
  const place = placeOf(question.after);
  const look: Look = { events: [], limit, needle: text === '' ? undefined : Buffer.from(text), scanned: 0 };
  const range = { after: (place?.chunkId ?? 1) - 1, limit: SCANNED_CHUNKS_MAX + 1 };
  const ids = chunkId === undefined ? chunks.ids(landingKeyId, range) : [chunkId];
  let bytes = 0;
  for (const [at, id] of ids.entries()) {
    if (at === SCANNED_CHUNKS_MAX || bytes >= SCANNED_BYTES_MAX || look.events.length >= limit)
      return answer(look, { chunkId: id, line: 0 });
    const chunk = chunks.get(id);
    const body = await chunks.text(id);
    // A chunk that is gone since the list was made has been landed.
    if (chunk === undefined || body === undefined || chunk.landingKeyId !== landingKeyId) continue;
    bytes += body.length;
    const next = lookInto(look, { chunk, body, from: place?.chunkId === id ? place.line : 0 });
    if (next !== undefined) return answer(look, { chunkId: id, line: next });
  }
  return answer(look, undefined);
}

function answer({ events, scanned }: Look, next: Place | undefined): Output<'backlogPeek'> {
  return { events, scanned, ...(next === undefined ? {} : { next: `${next.chunkId}.${next.line}` }) };
}

interface OpenChunk {
  readonly chunk: BacklogChunk;
  readonly body: Buffer;
  /** The first line to look at. */
  readonly from: number;
}

/** Gives the line to go on from when no more events are wanted and the chunk has more. */
function lookInto(look: Look, { chunk, body, from }: OpenChunk): number | undefined {
  const { needle, limit, events } = look;
  let hit = needle === undefined ? 0 : body.indexOf(needle);
  if (hit < 0) {
    look.scanned += Math.max(0, chunk.lines - from);
    return undefined;
  }
  const offsets = offsetsOf(chunk);
  let line = 0;
  for (let start = 0; start < body.length; line++) {
    const found = body.indexOf(LINE_END, start);
    const end = found < 0 ? body.length : found;
    const offset = offsets.next().value ?? OFFSET_NOT_KNOWN;
    if (line >= from) {
      if (events.length >= limit) return line;
      look.scanned++;
      if (needle !== undefined && hit >= 0 && hit < start) hit = body.indexOf(needle, start);
      // A text with a line end in it is found across two events, which is in none of them.
      const isWanted = needle === undefined || (hit >= start && hit + needle.length <= end);
      if (isWanted) events.push(shown(chunk, offset, body.subarray(start, end)));
    }
    start = end + 1;
  }
  return undefined;
}

/** Bytes that are no UTF-8 come out as U+FFFD, so that the answer is JSON whatever the event holds. */
function shown(chunk: BacklogChunk, offset: number, body: Buffer): PeekedEvent {
  const { id: chunkId, topic, partition } = chunk;
  const isCut = body.length > BODY_BYTES_MAX;
  const text = body.toString('utf8', 0, isCut ? cutAt(body) : body.length);
  return { chunkId, topic, partition, offset, body: text, bodyBytes: body.length, isCut };
}

/** Not in the middle of a character. */
function cutAt(body: Buffer): number {
  let at = BODY_BYTES_MAX;
  for (let back = 0; back < 3 && ((body[at] ?? 0) & CONTINUATION_MASK) === CONTINUATION; back++) at--;
  return at;
}

/** The offset of each line, while every event is one line; a body with line ends of its own hides where events begin. */
function* offsetsOf({ lines, events, first, runs }: BacklogChunk): Generator<number, undefined> {
  if (lines !== events) return undefined;
  for (const { from, to } of decodeRuns(first, runs)) for (let at = from; at < to; at++) yield at;
  return undefined;
}

function placeOf(after: string | undefined): Place | undefined {
  if (after === undefined) return undefined;
  const parts = /^(\d{1,15})\.(\d{1,15})$/.exec(after);
  if (parts === null) throw noCursor(after);
  return { chunkId: Number(parts[1]), line: Number(parts[2]) };
}
