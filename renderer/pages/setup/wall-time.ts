/** Times on the wall of a zone: as a field takes them, as a file wants them, and as a preview shows them. */
import { DAY_MS, dayNumberOf, HOUR_MS, MINUTE_MS } from '../../../shared/time/calendar.ts';
import { TimeZone } from '../../../shared/time/time-zone.ts';
import { wallClockAt } from '../../../shared/time/wall-clock.ts';

const WRITTEN = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::\d\d)?$/;

/** Undefined for a name that is none. */
export function zoneOf(name: string): TimeZone | undefined {
  try {
    return TimeZone.of(name);
  } catch {
    // A name that is being typed is no error of anybody's.
    return undefined;
  }
}

/** `2026-11-21T08:00` in a zone, with its offset; undefined when it is no time. An hour that comes twice is the first. */
export function isoOf(written: string, zoneName: string): string | undefined {
  const zone = zoneOf(zoneName);
  const parts = WRITTEN.exec(written.trim())?.slice(1).map(Number);
  if (parts === undefined || zone === undefined) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = parts;
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59) return undefined;
  const local = zone.localTime(dayNumberOf(year, month, day) * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS);
  const epochMs = local.kind === 'gap' ? local.shiftedMs : local.earlierMs;
  const clock = wallClockAt(zone, epochMs);
  return `${dateText(clock)}T${two(clock.hour)}:${two(clock.minute)}:00${offsetText(clock.offsetMs)}`;
}

/** `2026-11-21 08:00:00.123`. */
export function wallText(epochMs: number, zone: TimeZone): string {
  const clock = wallClockAt(zone, epochMs);
  const millisecond = String(clock.millisecond).padStart(3, '0');
  return `${dateText(clock)} ${two(clock.hour)}:${two(clock.minute)}:${two(clock.second)}.${millisecond}`;
}

function dateText({
  year,
  month,
  day,
}: {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}): string {
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
}

function offsetText(offsetMs: number): string {
  const minutes = Math.round(Math.abs(offsetMs) / MINUTE_MS);
  return `${offsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
