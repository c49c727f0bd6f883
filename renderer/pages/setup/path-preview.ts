/** The directory that a time and a topic make of a path, for the escapes that paths commonly have; of others the engine's trial tells. */
import type { TimeZone } from '../../../shared/time/time-zone.ts';
import { wallClockAt, type WallClock } from '../../../shared/time/wall-clock.ts';

export interface PathFacts {
  readonly topic: string;
  readonly timeMs: number;
  readonly zone: TimeZone;
}

const ESCAPE = /%(?:\{([^}]*)\}|(.))/g;

/** Undefined when the path has an escape that is not shown here. */
export function directoryOf(path: string, { topic, timeMs, zone }: PathFacts): string | undefined {
  const clock = wallClockAt(zone, timeMs);
  let isKnown = true;
  const directory = path.replace(
    ESCAPE,
    (whole: string, header: string | undefined, letter: string | undefined) => {
      const text =
        header === undefined ? timeText(letter ?? '', clock, timeMs) : header === 'topic' ? topic : undefined;
      if (text === undefined) isKnown = false;
      return text ?? whole;
    },
  );
  return isKnown ? directory : undefined;
}

function timeText(letter: string, clock: WallClock, timeMs: number): string | undefined {
  switch (letter) {
    case 'Y':
      return String(clock.year).padStart(4, '0');
    case 'y':
      return two(clock.year % 100);
    case 'm':
      return two(clock.month);
    case 'd':
      return two(clock.day);
    case 'H':
      return two(clock.hour);
    case 'M':
      return two(clock.minute);
    case 'S':
      return two(clock.second);
    case 'j':
      return String(clock.dayOfYear).padStart(3, '0');
    case 't':
      return String(timeMs);
    case 's':
      return String(Math.floor(timeMs / 1_000));
    case '%':
      return '%';
    default:
      return undefined;
  }
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
