import { closeSync, openSync, writeSync } from 'node:fs';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const METHODS = ['GET', 'GET', 'GET', 'GET', 'POST', 'HEAD'];
const STATUSES = [200, 200, 200, 200, 200, 304, 404, 502];
const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Gecko/20100101 Firefox/145.0',
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) Mobile/15E148',
  'okhttp/5.3.0 (Android 16; store client 8.41.2; build 20261103)',
];
const MINUTE_MS = 60_000;
const PAYLOAD_PIECE_BYTES = 4 * 1024 * 1024;

export interface NginxOptions {
  /** Default 1. The same seed and options give the same lines, byte for byte. */
  readonly seed?: number;
  /** Records go round the partitions in turn: record n is sequence ⌊n / partitions⌋ of partition n mod partitions. Default 3. */
  readonly partitions?: number;
  /** Event time of the first record. Default 2026-11-21T00:30:00Z. */
  readonly startMs?: number;
  /** Records for each second of event time; with 5 million records and 460 the lines span about three hours. Default 460. */
  readonly eventsPerSecond?: number;
  /** Share of records, 0 … 1, whose event time lies before its turn by up to `lateMaxMs`. Default 0. */
  readonly lateShare?: number;
  /** Default one hour. */
  readonly lateMaxMs?: number;
  /** Share of records that carry an id and no time. Default 0. */
  readonly poisonShare?: number;
  /** Zone of the written time, in minutes east of UTC. Default 480 (+0800). */
  readonly zoneMinutes?: number;
}

export interface NginxLine {
  readonly partition: number;
  readonly sequence: number;
  readonly value: string;
  /** The time that stands in the line, a whole second; undefined for poison. */
  readonly eventTimeMs: number | undefined;
}

/** mulberry32: a small generator with a 32-bit state; quality enough for picking test data. */
function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` lines of nginx's combined format, about 170 bytes each, without the line end. */
export function* nginxLines(count: number, options: NginxOptions = {}): Generator<NginxLine, void> {
  const { partitions = 3, eventsPerSecond = 460, zoneMinutes = 480 } = options;
  const { lateShare = 0, lateMaxMs = 60 * MINUTE_MS, poisonShare = 0 } = options;
  const startMs = options.startMs ?? Date.UTC(2026, 10, 21, 0, 30);
  const random = randomSource(options.seed ?? 1);
  const formatTime = nginxTimeFormat(zoneMinutes);
  for (let index = 0; index < count; index++) {
    const partition = index % partitions;
    const sequence = Math.floor(index / partitions);
    const id = `${partition}-${sequence}`;
    if (poisonShare > 0 && random() < poisonShare) {
      yield {
        partition,
        sequence,
        value: `worker process lost its clock, request /item?id=${id} `,
        eventTimeMs: undefined,
      };
      continue;
    }
    const lateMs = lateShare > 0 && random() < lateShare ? random() * lateMaxMs : 0;
    const eventTimeMs = Math.floor((startMs + (index / eventsPerSecond) * 1000 - lateMs) / 1000) * 1000;
    const pick = Math.floor(random() * 2 ** 30);
    yield { partition, sequence, value: accessLine(id, formatTime(eventTimeMs), pick), eventTimeMs };
  }
}

function accessLine(id: string, time: string, pick: number): string {
  const address = `10.${pick & 255}.${(pick >> 8) & 255}.${(pick >> 16) & 255}`;
  const method = METHODS[pick % METHODS.length];
  const status = STATUSES[(pick >> 3) % STATUSES.length];
  const agent = AGENTS[(pick >> 6) % AGENTS.length];
  return `${address} - - [${time}] "${method} /item?id=${id} HTTP/1.1" ${status} ${pick % 90_000} "https://a.test" "${agent}"`;
}

/** `21/Nov/2026:08:59:59 +0800`. Keeps the last second's text, because events come in bunches of one second. */
function nginxTimeFormat(zoneMinutes: number): (timeMs: number) => string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const ahead = Math.abs(zoneMinutes);
  const zone = `${zoneMinutes < 0 ? '-' : '+'}${two(Math.floor(ahead / 60))}${two(ahead % 60)}`;
  let lastMs = NaN;
  let lastText = '';
  return (timeMs) => {
    if (timeMs === lastMs) return lastText;
    const local = new Date(timeMs + zoneMinutes * MINUTE_MS);
    const day = `${two(local.getUTCDate())}/${MONTHS[local.getUTCMonth()]}/${local.getUTCFullYear()}`;
    lastText = `${day}:${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())} ${zone}`;
    lastMs = timeMs;
    return lastText;
  };
}

const ID = /[?&]id=(\d+)-(\d+)[ &]/;

/** The partition and sequence that a line of this generator carries; undefined for any other line. For the judge. */
export function nginxIdOf(line: string): { stream: number; sequence: number } | undefined {
  const found = ID.exec(line);
  return found === null ? undefined : { stream: Number(found[1]), sequence: Number(found[2]) };
}

const TIME = /\[(\d\d)\/(\w{3})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\]/;

/** The event time in a line, in epoch milliseconds; undefined when it has none. Parsed independently of the engine. */
export function nginxTimeOf(line: string): number | undefined {
  const found = TIME.exec(line);
  if (found === null) return undefined;
  const [, day, month = '', year, hour, minute, second, sign, zoneHours, zoneMinutes] = found;
  const local = Date.UTC(
    Number(year),
    MONTHS.indexOf(month),
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  const offset = (Number(zoneHours) * 60 + Number(zoneMinutes)) * MINUTE_MS;
  return sign === '-' ? local + offset : local - offset;
}

/**
 * The directory `<YYYY-MM-DD>/<HH>` of a line's own time in a zone of fixed offset, or undefined for a line without time:
 * what Flume's `%Y-%m-%d/%H` gives there. Put a prefix before it where the paths have one.
 */
export function nginxHourDirectory(line: string, zoneMinutes = 480): string | undefined {
  const timeMs = nginxTimeOf(line);
  if (timeMs === undefined) return undefined;
  const text = new Date(timeMs + zoneMinutes * MINUTE_MS).toISOString();
  return `${text.slice(0, 10)}/${text.slice(11, 13)}`;
}

/** Writes `count` lines to a file, some 1 million a second. Answers its size in bytes. Line n is for partition n mod partitions. */
export function writePayloadFile(path: string, count: number, options: NginxOptions = {}): number {
  const file = openSync(path, 'w');
  let bytes = 0;
  let piece: string[] = [];
  let pieceBytes = 0;
  const flush = (): void => {
    bytes += writeSync(file, piece.join(''), null, 'latin1');
    piece = [];
    pieceBytes = 0;
  };
  try {
    for (const { value } of nginxLines(count, options)) {
      piece.push(value, '\n');
      pieceBytes += value.length + 1;
      if (pieceBytes >= PAYLOAD_PIECE_BYTES) flush();
    }
    flush();
  } finally {
    closeSync(file);
  }
  return bytes;
}
