import { nginxHourDirectory } from '../rig/nginx-lines.ts';
import { SeededRandom } from './seeded-random.ts';

/**
 * Numbered events: what the torture produces and what the judge knows about each from its id alone. The same seed, stream and
 * sequence give the same event, byte for byte.
 */

/** `topic/partition`. */
export type StreamName = `${string}/${number}`;

export interface EventStream {
  readonly topic: string;
  readonly partition: number;
  /** Share of the events that goes here, relative to the others. */
  readonly weight: number;
  /** Written in transactions, of which some are aborted. */
  readonly isTransactional?: boolean;
}

/** What has to become of an event: it lands; an interceptor drops it by a rule; it is too large and goes to quarantine. */
export type EventKind = 'plain' | 'noise' | 'oversize';

export interface NumberedEvent {
  readonly kind: EventKind;
  readonly line: string;
}

/** Uneven on purpose: one partition has most of the work, another hardly any. */
export const STREAMS: readonly EventStream[] = [
  { topic: 'www', partition: 0, weight: 8 },
  { topic: 'www', partition: 1, weight: 4 },
  { topic: 'www', partition: 2, weight: 2 },
  { topic: 'www', partition: 3, weight: 1 },
  { topic: 'order', partition: 0, weight: 3 },
  { topic: 'order', partition: 1, weight: 0.2 },
  { topic: 'payment', partition: 0, weight: 2, isTransactional: true },
];

/** What the gateways' configuration must say, so that each kind meets its fate. */
export const NOISE_MARK = 'noise-to-be-filtered';
export const MAX_EVENT_BYTES = 16_384;

const NOISE_SHARE = 0.02;
const OVERSIZE_SHARE = 0.0005;
const LATE_SHARE = 0.03;
const LATE_MAX_MS = 3 * 3_600_000;
const LONG_SHARE = 0.01;
const LONG_CHARS_MAX = 8_000;
const START_MS = Date.UTC(2026, 10, 20, 22, 30);
/** A minute of the run is this much of event time for a stream of weight 1 at the usual rate. */
const SPEED_UP = 40;
const ZONE_MS = 8 * 3_600_000;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const ID = /[?&]event=([a-z]+)\/(\d+)-(\d+)[ &]/;

export function streamName({ topic, partition }: Pick<EventStream, 'topic' | 'partition'>): StreamName {
  return `${topic}/${partition}`;
}

export interface EventPlace {
  readonly seed: number;
  readonly stream: EventStream;
  readonly sequence: number;
  /** Events a second that the stream gets: event time goes on `SPEED_UP` times as fast as the run. */
  readonly perSecond: number;
}

export function numberedEvent({ seed, stream, sequence, perSecond }: EventPlace): NumberedEvent {
  const random = new SeededRandom(seed ^ Math.imul(stream.partition + stream.topic.length * 31, 0x9e3779b1));
  const own = new SeededRandom(random.integer(0, 2 ** 31) + Math.imul(sequence, 0x85ebca6b));
  own.next();
  const share = own.next();
  const kind: EventKind =
    share < OVERSIZE_SHARE ? 'oversize' : share < OVERSIZE_SHARE + NOISE_SHARE ? 'noise' : 'plain';
  const lateMs = own.chance(LATE_SHARE) ? own.next() * LATE_MAX_MS : 0;
  const timeMs = START_MS + (sequence / perSecond) * SPEED_UP * 1_000 - lateMs;
  const id = `${streamName(stream)}-${sequence}`;
  const head = `10.0.${own.integer(0, 255)}.${own.integer(0, 255)} - - [${timeText(timeMs)}] "GET /item?event=${id} HTTP/1.1" 200`;
  return { kind, line: `${head} ${padding(kind, own)}` };
}

function padding(kind: EventKind, random: SeededRandom): string {
  if (kind === 'oversize') return 'x'.repeat(MAX_EVENT_BYTES + random.integer(1, 1_000));
  const text = `"agent ${random.integer(0, 99_999)}"`;
  if (kind === 'noise') return `${NOISE_MARK} ${text}`;
  return random.chance(LONG_SHARE) ? text + 'y'.repeat(random.integer(1, LONG_CHARS_MAX)) : text;
}

/** `21/Nov/2026:08:59:59 +0800`. */
function timeText(timeMs: number): string {
  const local = new Date(timeMs + ZONE_MS);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(local.getUTCDate())}/${MONTHS[local.getUTCMonth()]}/${local.getUTCFullYear()}:${local.toISOString().slice(11, 19)} +0800`;
}

export interface EventId {
  readonly stream: StreamName;
  readonly sequence: number;
}

/** The id in a line; undefined for a line that is none of ours. */
export function eventIdOf(line: string): EventId | undefined {
  const found = ID.exec(line);
  return found === null
    ? undefined
    : { stream: `${found[1] ?? ''}/${Number(found[2])}`, sequence: Number(found[3]) };
}

/** What a line's fate must be, read from the line. */
export function kindOf(line: string): EventKind {
  if (line.length > MAX_EVENT_BYTES) return 'oversize';
  return line.includes(NOISE_MARK) ? 'noise' : 'plain';
}

/** `<topic>/<YYYY-MM-DD>/<HH>` of the line's own time, in the zone of the sinks (Asia/Shanghai). */
export function eventDirectory(line: string): string | undefined {
  const id = eventIdOf(line);
  return id === undefined ? undefined : `${id.stream.split('/')[0]}/${nginxHourDirectory(line)}`;
}
