/**
 * When the channel will be full, if what happens now goes on.
 *
 * Never late: of what comes in the faster of a short and a long look counts, of what lands the long one, and nothing as soon as landing is
 * known to stand (paused, the target away). A burst counts from its first minute on; that makes the forecast early while one lasts,
 * and never late. Where the last day was watched, the day's course is taken into account: what comes in at this hour today against
 * what came in at it yesterday scales what yesterday had from here on.
 *
 * Settling: three minutes after landing stopped or intake changed (SETTLING_MS), forty after it began to land again.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../shared/units.ts';
import { DayProfile } from './day-profile.ts';
import { RateWindow } from './rate-window.ts';

export const SETTLING_MS = 3 * MINUTE_MS;
const SHORT_MS = 2 * MINUTE_MS;
const LONG_MS = 10 * MINUTE_MS;
/** Files land in bursts, when they roll: what lands is a matter of several of them. */
const DRAIN_MS = 40 * MINUTE_MS;
const SCALE_MS = 2 * HOUR_MS;
const SCALE_MIN = 0.2;
const SCALE_MAX = 5;
/** What comes in varies from minute to minute, and days differ a little: a forecast leans to the early side by so much. */
const MARGIN = 1.06;
/** A rate up to so much over the usual is no burst. */
const ORDINARY = 1.1;
/** Later than this is as good as never. */
export const HORIZON_MS = 14 * DAY_MS;
const STEP_MS = 5 * MINUTE_MS;
/** So much must have come in before the bytes on disk are compared with it. */
const RATIO_BYTES_MIN = 4 * 1024 * 1024;

export interface FillSample {
  readonly nowMs: number;
  readonly steadyMs: number;
  /** Bytes in use on disk, of all channels. */
  readonly usedBytes: number;
  /** Bytes until intake stops. */
  readonly roomBytes: number;
  /** All that ever came in, before compression. */
  readonly intakeBytes: number;
  /** Bytes on disk for one that comes in, by the backlog; a first guess. */
  readonly storedPerRaw: number;
  /** By sink: nothing of it lands now, and that is known (paused, waiting, failed). */
  readonly stopped: ReadonlyMap<string, boolean>;
  /** Nothing keeps events from coming in. */
  readonly isOpen: boolean;
}

/** Milliseconds until the channel is full; undefined: not within the horizon. */
export interface FillOutlook {
  /** As things go on. */
  readonly leftMs: number | undefined;
  /** If nothing landed any more from now on. */
  readonly ifStoppedMs: number | undefined;
}

export class FillForecast {
  readonly #short = new RateWindow(SHORT_MS);
  readonly #long = new RateWindow(LONG_MS);
  readonly #scale = new RateWindow(SCALE_MS);
  readonly #drain = new RateWindow(DRAIN_MS);
  readonly #profile = new DayProfile();
  #stoppedSinks = '';
  /** What others write on the disk, where the disk is what is left. */
  readonly #others = new RateWindow(LONG_MS);
  /** Where landing stopped last. */
  #stop: { readonly usedBytes: number; readonly intakeBytes: number } | undefined;
  #ratio: number | undefined;
  #last: FillSample | undefined;
  /** Bytes on disk that landed since we look, by what came in and is not there. */
  #landedBytes = 0;

  /** To be called about once a second. */
  look(sample: FillSample): FillOutlook {
    this.#note(sample);
    const { roomBytes, nowMs } = sample;
    if (roomBytes <= 0) return { leftMs: 0, ifStoppedMs: 0 };
    const ratio = this.#ratioOf(sample);
    const now = Math.max(this.#short.perMs ?? 0, this.#long.perMs ?? 0) * ratio * MARGIN;
    const isDrainKnown = !isStopped(sample) && this.#drain.spanMs >= LONG_MS;
    const drain = isDrainKnown ? Math.max(0, this.#drain.perMs ?? 0) : 0;
    const others = Math.max(0, -(this.#others.perMs ?? 0));
    const usual = this.#usual(nowMs, ratio);
    // More than usual comes in: it may go on so.
    const excess = Math.max(0, now - (usual?.(nowMs) ?? 0) * ORDINARY);
    const comes = (atMs: number): number => (usual?.(atMs) ?? 0) + excess + others;
    return {
      leftMs: this.#until(sample, (atMs) => comes(atMs) - drain),
      ifStoppedMs: this.#until(sample, comes),
    };
  }

  #until({ roomBytes, usedBytes, nowMs }: FillSample, netAt: (atMs: number) => number): number | undefined {
    let left = roomBytes;
    for (let aheadMs = 0; aheadMs < HORIZON_MS; aheadMs += STEP_MS) {
      const net = netAt(nowMs + aheadMs);
      if (net > 0 && left / net <= STEP_MS) return aheadMs + left / net;
      // What lands makes room for what was there, not for more than there is.
      left = Math.min(left - net * STEP_MS, roomBytes + usedBytes);
    }
    return undefined;
  }

  #note(sample: FillSample): void {
    const { steadyMs, usedBytes, intakeBytes, roomBytes } = sample;
    const isLandingStopped = isStopped(sample);
    const last = this.#last;
    this.#last = sample;
    // A source that began anew counts from nothing.
    if (last !== undefined && intakeBytes < last.intakeBytes)
      for (const window of [this.#short, this.#long, this.#scale, this.#drain]) window.reset();
    else if (last !== undefined)
      this.#landedBytes +=
        (intakeBytes - last.intakeBytes) * this.#ratioOf(sample) - (usedBytes - last.usedBytes);
    for (const window of [this.#short, this.#long, this.#scale]) window.note(intakeBytes, steadyMs);
    this.#profile.note(intakeBytes, sample);
    this.#others.note(roomBytes + usedBytes, steadyMs);
    const stoppedSinks = [...sample.stopped].flatMap(([name, is]) => (is ? [name] : [])).join();
    if (stoppedSinks !== this.#stoppedSinks) {
      // What one of several sinks landed is no measure for the others.
      this.#drain.reset();
      this.#stop = { usedBytes, intakeBytes };
    }
    this.#stoppedSinks = stoppedSinks;
    const came = intakeBytes - (this.#stop?.intakeBytes ?? intakeBytes);
    if (isLandingStopped && this.#stop !== undefined && came >= RATIO_BYTES_MIN)
      this.#ratio = Math.max(0, usedBytes - this.#stop.usedBytes) / came;
    if (!isLandingStopped) this.#drain.note(this.#landedBytes, steadyMs);
  }

  #ratioOf({ storedPerRaw }: FillSample): number {
    return this.#ratio ?? storedPerRaw;
  }

  /** Bytes on disk a millisecond at a time to come, by the last days; undefined: they were not watched. */
  #usual(nowMs: number, ratio: number): ((atMs: number) => number) | undefined {
    if (!this.#profile.isKnown) return undefined;
    const spanMs = this.#scale.spanMs;
    const was = spanMs < SHORT_MS ? undefined : this.#profile.meanOf(nowMs - spanMs, nowMs);
    const is = this.#scale.perMs;
    if (was === undefined || was <= 0 || is === undefined) return undefined;
    const scale = Math.min(SCALE_MAX, Math.max(SCALE_MIN, is / was)) * MARGIN;
    // A part of the day that was never watched is taken to be as busy as now.
    return (atMs) => (this.#profile.rateAt(atMs) ?? was) * scale * ratio;
  }
}

/** Nothing lands at all. */
function isStopped({ stopped }: FillSample): boolean {
  return stopped.size > 0 && [...stopped.values()].every((is) => is);
}
