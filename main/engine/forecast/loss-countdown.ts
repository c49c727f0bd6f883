/**
 * The data-loss countdown of one partition: when would the broker delete what we still need, if what happens now goes on?
 *
 * Three ways to know, the soonest counts:
 * - `time`: retention.ms and the time of the first record we need. The broker deletes a segment when its newest record is so old, and the
 *   first record we need is no newer than that: so the deletion can't come earlier than this says.
 * - `size`: retention.bytes, how many offsets the log holds with it, and how fast it grows.
 * - `start`: without rights to read the topic's settings, how fast the log's start came nearer lately.
 *
 * Never late: what we take is measured as slow as the slower of a short and a long look says, what is produced as fast as the faster
 * one. A gateway that keeps up has no countdown. Early by at most a segment, for the broker deletes whole ones.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../shared/units.ts';
import { RateWindow } from './rate-window.ts';

export const SETTLING_MS = 2 * MINUTE_MS;
const SHORT_MS = MINUTE_MS;
const LONG_MS = 10 * MINUTE_MS;
/** Retention removes whole segments, so a log's start moves in jumps: its pace is that of the last one to two of these. */
const PACE_WINDOW_MS = HOUR_MS;
/** Records of so many moments are remembered, to tell the time of an offset that is claimed. */
const TRAIL_MAX = 2_048;
const TRAIL_SPACING_MS = MINUTE_MS;
/** Paces vary: what we take counts for less, what is produced for more. */
const MARGIN = 0.05;
/** Who is as fast as that and not far behind keeps up. */
const KEEPS_UP = 0.98;
const NOT_FAR = 0.5;
/** Later than this is as good as never. */
export const HORIZON_MS = 60 * DAY_MS;

export interface LossSample {
  readonly nowMs: number;
  readonly steadyMs: number;
  readonly logStart: number;
  readonly logEnd: number;
  /** The first offset that the broker must still have: the position, or the oldest claim. */
  readonly neededFrom: number;
  /** The position: up to here everything was taken. */
  readonly position: number;
  /** Time of the last record before the position, epoch ms; undefined: not known. */
  readonly positionMs: number | undefined;
  /** Undefined: no limit, or not known. */
  readonly retentionMs: number | undefined;
  readonly retentionBytes: number | undefined;
  /** Of a record in the log, on disk; undefined: not known. */
  readonly bytesPerOffset: number | undefined;
  /** For so long nothing was heard of the broker: its log is taken to have grown on as before. 0: it answers. */
  readonly staleMs: number;
}

export interface Countdown {
  readonly leftMs: number;
  readonly by: 'time' | 'size' | 'start';
}

export class LossCountdown {
  readonly #produced = [new RateWindow(SHORT_MS), new RateWindow(LONG_MS)] as const;
  readonly #taken = [new RateWindow(SHORT_MS), new RateWindow(LONG_MS)] as const;
  /** Record time of what is taken: how fast it runs against the clock. */
  readonly #recordTime = [new RateWindow(SHORT_MS), new RateWindow(LONG_MS)] as const;
  readonly #trail: { readonly offset: number; readonly ms: number }[] = [];
  readonly #start = new LogStartPace();
  /** The most offsets that the log held when its size made the broker delete. */
  #heldOffsets: number | undefined;
  #lastStart: number | undefined;

  /** Undefined: nothing is in danger within the horizon, or nothing can be said. */
  look(sample: LossSample): Countdown | undefined {
    this.#note(sample);
    const { neededFrom, logEnd, staleMs } = sample;
    if (logEnd >= 0 && neededFrom >= logEnd && staleMs === 0) return undefined;
    const found: Countdown[] = [];
    const add = (leftMs: number | undefined, by: Countdown['by']): void => {
      if (leftMs !== undefined && leftMs <= HORIZON_MS) found.push({ leftMs: Math.max(0, leftMs), by });
    };
    add(this.#byTime(sample), 'time');
    add(this.#bySize(sample), 'size');
    // The settings say it better than what was seen of their working.
    const isKnown = sample.retentionMs !== undefined || sample.retentionBytes !== undefined;
    if (!isKnown || found.length === 0) add(this.#byStart(sample), 'start');
    return found.sort((a, b) => a.leftMs - b.leftMs)[0];
  }

  #note(sample: LossSample): void {
    const { logEnd, logStart, position, positionMs, steadyMs, staleMs } = sample;
    for (const window of this.#produced) if (logEnd >= 0 && staleMs === 0) window.note(logEnd, steadyMs);
    for (const window of this.#taken) window.note(position, steadyMs);
    if (positionMs !== undefined) {
      for (const window of this.#recordTime) window.note(positionMs, steadyMs);
      const last = this.#trail.at(-1);
      const isNew =
        last === undefined || (position > last.offset && positionMs - last.ms >= TRAIL_SPACING_MS);
      if (isNew) this.#trail.push({ offset: position, ms: positionMs });
      if (this.#trail.length > TRAIL_MAX) thin(this.#trail);
    }
    if (logStart < 0) return;
    if (this.#lastStart !== undefined && logStart > this.#lastStart && logEnd >= 0)
      this.#heldOffsets = Math.max(logEnd - this.#lastStart, logEnd - logStart);
    this.#lastStart = logStart;
    this.#start.note(logStart, steadyMs);
  }

  #byTime(sample: LossSample): number | undefined {
    const { retentionMs, neededFrom, position, nowMs, logEnd } = sample;
    const isUnseen = neededFrom >= logEnd;
    // What we have not seen was produced after we last saw the end.
    const known = isUnseen ? nowMs - sample.staleMs : sample.positionMs;
    const recordMs = neededFrom >= position ? known : this.#timeOf(neededFrom);
    if (retentionMs === undefined || recordMs === undefined) return undefined;
    const leftMs = recordMs + retentionMs - nowMs;
    // What is claimed does not move while it waits; what is read moves as fast as we read.
    const isStanding = neededFrom < position || sample.staleMs > 0;
    const pace = isStanding ? 0 : Math.max(0, slower(this.#recordTime));
    if (pace >= KEEPS_UP && leftMs >= retentionMs * NOT_FAR) return undefined;
    const sure = pace * (1 - MARGIN);
    return sure >= 1 ? undefined : leftMs / (1 - sure);
  }

  #bySize(sample: LossSample): number | undefined {
    const { retentionBytes, bytesPerOffset, neededFrom, position, logEnd, logStart } = sample;
    if (retentionBytes === undefined || logEnd < 0 || logStart < 0) return undefined;
    const byBytes =
      bytesPerOffset === undefined || bytesPerOffset <= 0 ? undefined : retentionBytes / bytesPerOffset;
    const holds = byBytes ?? this.#heldOffsets;
    if (holds === undefined) return undefined;
    const grows = Math.max(0, faster(this.#produced));
    const isStanding = neededFrom < position || sample.staleMs > 0;
    const takes = isStanding ? 0 : Math.max(0, slower(this.#taken));
    // The log may grow so far before its first needed record is beyond what it holds.
    const room = neededFrom + holds - (logEnd + grows * (1 + MARGIN) * sample.staleMs);
    if (takes >= grows * KEEPS_UP && room >= holds * NOT_FAR) return undefined;
    const net = grows * (1 + MARGIN) - takes * (1 - MARGIN);
    return net <= 0 ? undefined : room / net;
  }

  #byStart({ logStart, neededFrom }: LossSample): number | undefined {
    const pace = this.#start.perMs;
    if (pace === undefined || pace <= 0) return undefined;
    return Math.max(0, neededFrom - logStart) / pace;
  }

  /** No later than the record's own time; undefined: it was taken before we looked. */
  #timeOf(offset: number): number | undefined {
    return this.#trail.findLast((one) => one.offset <= offset)?.ms;
  }
}

/** Every second one goes, the newest half stays whole: the longer ago, the coarser. */
function thin(trail: { readonly offset: number; readonly ms: number }[]): void {
  const half = trail.length >> 1;
  const old = trail.splice(0, half);
  trail.unshift(...old.filter((_, at) => at % 2 === 0));
}

function faster(windows: readonly RateWindow[]): number {
  return Math.max(...windows.map((window) => window.perMs ?? 0));
}

function slower(windows: readonly RateWindow[]): number {
  return Math.min(...windows.map((window) => window.perMs ?? 0));
}

/** How fast a log's start moves, from what was seen of it lately. */
class LogStartPace {
  #before: { readonly at: number; readonly steadyMs: number } | undefined;
  #recent: { readonly at: number; readonly steadyMs: number } | undefined;
  #last: { readonly at: number; readonly steadyMs: number } | undefined;

  note(at: number, steadyMs: number): void {
    const now = { at, steadyMs };
    this.#last = now;
    if (this.#recent === undefined || this.#before === undefined || at < this.#recent.at)
      this.#before = this.#recent = now;
    if (steadyMs - this.#recent.steadyMs >= PACE_WINDOW_MS) {
      this.#before = this.#recent;
      this.#recent = now;
    }
  }

  /** Offsets a millisecond. */
  get perMs(): number | undefined {
    if (this.#before === undefined || this.#last === undefined) return undefined;
    const { steadyMs, at } = this.#last;
    return (at - this.#before.at) / Math.max(SECOND_MS, steadyMs - this.#before.steadyMs);
  }
}
