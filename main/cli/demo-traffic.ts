/**
 * The demo's traffic: nginx access lines of one site, shared out over topics and their partitions. Event time crosses several
 * hours, some events are late by up to an hour, and a few carry a time that nobody can read.
 */
import { nginxLines, type NginxLine } from '../../test/rig/nginx-lines.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../shared/units.ts';
import { systemClock } from '../telemetry/clock.ts';

export const TOPICS = [
  { name: 'www', partitions: 3 },
  { name: 'order', partitions: 2 },
  { name: 'api', partitions: 1 },
] as const;
export type Topic = (typeof TOPICS)[number];

/** Partitions of all topics; the generator numbers them through, and each line carries that number as its stream. */
const STREAMS = TOPICS.reduce((sum, topic) => sum + topic.partitions, 0);

const SEED = 1;
const LATE_SHARE = 0.05;
const POISON_SHARE = 0.001;
/** A sent number of events spans so much of the site's time, and so several hourly directories. */
const SPAN_MS = 3 * HOUR_MS;
/** Without an end, this much of the site's time passes in a second. */
const SITE_MS_PER_SECOND = MINUTE_MS;
/** Pacing looks at the clock for this many events at once. */
const PACE_MS = 20;

export interface TrafficLine {
  /** Of the topic, from 0. */
  readonly partition: number;
  readonly value: string;
}

export class Traffic {
  readonly #events: number;
  readonly #rate: number | undefined;
  readonly #eventsPerSiteSecond: number;
  readonly #startMs: number;
  readonly #poison = new Set<string>();
  #beganMs: number | undefined;
  #handedOut = 0;

  /** `events` undefined: no end. `rate` undefined: as fast as it goes. */
  constructor(options: { readonly events: number | undefined; readonly rate: number | undefined }) {
    const { events, rate } = options;
    this.#events = events ?? Number.MAX_SAFE_INTEGER;
    this.#rate = rate;
    const perSiteMs = events === undefined ? (rate ?? SECOND_MS) / SITE_MS_PER_SECOND : events / SPAN_MS;
    this.#eventsPerSiteSecond = perSiteMs * SECOND_MS;
    // Yesterday, half an hour before an hour begins.
    const hourMs = Math.floor(systemClock.nowMs() / HOUR_MS) * HOUR_MS;
    this.#startMs = hourMs - 24 * HOUR_MS + HOUR_MS / 2;
  }

  /** Handed to the producers so far. */
  get sent(): number {
    return this.#handedOut;
  }

  /** Of those sent so far, how many have a time that can't be read. */
  get poisoned(): number {
    return this.#poison.size;
  }

  isPoison(stream: number, sequence: number): boolean {
    return this.#poison.has(`${stream}-${sequence}`);
  }

  /** For each stream how many records there are in all; for the judge. */
  produced(): ReadonlyMap<number, number> {
    const share = (stream: number): number => Math.floor((this.#events - stream + STREAMS - 1) / STREAMS);
    return new Map(Array.from({ length: STREAMS }, (_, stream) => [stream, Math.max(0, share(stream))]));
  }

  /** Records that a producer should gather before it sends: a tenth of a second's worth. */
  get batch(): number {
    return this.#rate === undefined
      ? 1_000
      : Math.min(1_000, Math.max(1, Math.round(this.#rate / 10 / TOPICS.length)));
  }

  /** The lines of one topic, in their time. Ends early when the signal aborts. */
  async *linesOf(topic: Topic, signal: AbortSignal): AsyncGenerator<TrafficLine> {
    const first = firstStreamOf(topic);
    const lines = nginxLines(this.#events, {
      seed: SEED,
      partitions: STREAMS,
      startMs: this.#startMs,
      eventsPerSecond: this.#eventsPerSiteSecond,
      lateShare: LATE_SHARE,
      poisonShare: POISON_SHARE,
    });
    let index = 0;
    for (const line of lines) {
      if (signal.aborted) return;
      await this.#whenDue(index++, signal);
      if (line.partition < first || line.partition >= first + topic.partitions) continue;
      this.#handedOut++;
      yield { partition: line.partition - first, value: this.#valueOf(line) };
    }
  }

  #whenDue(index: number, signal: AbortSignal): Promise<void> | undefined {
    if (this.#rate === undefined) return undefined;
    const nowMs = systemClock.steadyMs();
    this.#beganMs ??= nowMs;
    const aheadMs = this.#beganMs + (index * SECOND_MS) / this.#rate - nowMs;
    return aheadMs < PACE_MS ? undefined : sleepUnlessAborted(aheadMs, signal);
  }

  /** The generator's poison has no time at all, and would land by the record's own; the demo's has one that is no time. */
  #valueOf(line: NginxLine): string {
    if (line.eventTimeMs !== undefined) return line.value;
    this.#poison.add(`${line.partition}-${line.sequence}`);
    const id = `${line.partition}-${line.sequence}`;
    return `10.0.0.66 - - [99/Foo/2026:25:61:61 +0800] "GET /item?id=${id} HTTP/1.1" 200 0 "-" "a broken clock"`;
  }
}

export async function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await systemClock.sleep(ms, signal);
  } catch (reason) {
    if (!signal.aborted) throw reason;
  }
}

function firstStreamOf(topic: Topic): number {
  const before = TOPICS.slice(0, TOPICS.indexOf(topic));
  return before.reduce((sum, one) => sum + one.partitions, 0);
}

/** The topic that a stream of the generator belongs to. */
export function topicOfStream(stream: number): string | undefined {
  return TOPICS.find((topic) => {
    const first = firstStreamOf(topic);
    return stream >= first && stream < first + topic.partitions;
  })?.name;
}
