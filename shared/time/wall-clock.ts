import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, civilDateOf, dayOfYearOf, weekdayOf } from './calendar.ts';
import type { TimeZone } from './time-zone.ts';

/** What calendar and clock on the wall show in a zone at an instant. */
export interface WallClock {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  /** 1 to 31. */
  readonly day: number;
  /** 1 to 366. */
  readonly dayOfYear: number;
  /** 1 Monday to 7 Sunday. */
  readonly weekday: number;
  /** 0 to 23. */
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
  /** Local time minus UTC. */
  readonly offsetMs: number;
}

/** Reads the wall clock; `epochMs` is a whole number. */
export function wallClockAt(zone: TimeZone, epochMs: number): WallClock {
  const offsetMs = zone.offsetMsAt(epochMs);
  const localMs = epochMs + offsetMs;
  const dayNumber = Math.floor(localMs / DAY_MS);
  const timeMs = localMs - dayNumber * DAY_MS;
  const date = civilDateOf(dayNumber);
  return {
    ...date,
    dayOfYear: dayOfYearOf(date),
    weekday: weekdayOf(dayNumber),
    hour: Math.floor(timeMs / HOUR_MS),
    minute: Math.floor((timeMs % HOUR_MS) / MINUTE_MS),
    second: Math.floor((timeMs % MINUTE_MS) / SECOND_MS),
    millisecond: timeMs % SECOND_MS,
    offsetMs,
  };
}
