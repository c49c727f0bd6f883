/**
 * Clock traps: times of a sample that are read without complaint and yet may be wrong, so that events land in the directory of another hour, day or
 * year. Each trap says how many events it concerns, what was assumed, and what to write instead.
 */
import type { EventBatch } from '../../../shared/event-batch.ts';
import type { WhatIfResult } from '../../../shared/contract/control-what-if.ts';
import { RECORD_TIME_HEADER } from '../../../shared/model/record-time-header.ts';
import { TimeZone } from '../../../shared/time/time-zone.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../shared/units.ts';
import type { Judged, RuleSet, SinkTime, TimeSetter } from './rule-set.ts';
import { sampleEventOf, SAMPLES_MAX, type SampleOrigin } from './sample-event.ts';

export type Trap = WhatIfResult['traps'][number];

const FUTURE_MS = DAY_MS;
const LONG_PAST_MS = 365 * DAY_MS;
/** As milliseconds this is 1973: a time of today written in seconds is smaller. */
const EPOCH_SECONDS_BELOW = 100_000_000_000;
/** Seconds of 1973: a smaller number is no time at all. */
const EPOCH_SECONDS_FROM = 100_000_000;
/** As milliseconds this is the year 2286, and as microseconds 1970. */
const EPOCH_MICROSECONDS_FROM = 10_000_000_000_000;
const QUARTER_HOUR_MS = 15 * MINUTE_MS;
/** Offsets of zones from each other; a longer delay has other reasons. */
const ZONE_SHIFT_MAX_MS = 26 * HOUR_MS;
/** So much of the sample must have the same shift before it is believed to come from a zone. */
const SHIFT_SHARE = 0.8;
const KEPT_HOURS_MAX = 10_000;
const KEPT_TRAPS_MAX = 100;
/** As `joda-parser.ts` says it. */
const SKIPPED = /: clocks in (\S+) skipped this time$/;

interface TrapText {
  readonly kind: Trap['kind'];
  readonly message: string;
  readonly hint: string;
}

type OpenTrap = TrapText & { events: number; readonly samples: Trap['samples'][number][] };

/** One event as the traps look at it. */
interface Looked {
  readonly batch: EventBatch;
  readonly index: number;
  readonly origin: SampleOrigin;
  readonly setter: TimeSetter | undefined;
}

export class TimeTraps {
  readonly #rules: RuleSet;
  readonly #nowMs: number;
  /** Words for the time that a source gives an event by itself. */
  readonly #sourceTime: string;
  readonly #traps = new Map<string, OpenTrap>();
  /** By pattern: how far events' times are from their records', in quarters of an hour. */
  readonly #shifts = new Map<string, Map<number, number>>();
  readonly #repeatedHours = new Map<string, boolean>();

  constructor(rules: RuleSet, options: { readonly nowMs: number; readonly sourceTime: string }) {
    this.#rules = rules;
    this.#nowMs = options.nowMs;
    this.#sourceTime = options.sourceTime;
  }

  /** Looks at a batch after the rules were applied to it. */
  look(batch: EventBatch, judged: Judged, origin: SampleOrigin): void {
    if (!this.#rules.needsTime) return this.#lookWithoutTime(batch, judged, origin);
    for (const [index, verdict] of judged.verdicts.entries()) {
      if (verdict.kind === 'filtered') continue;
      const event = { batch, index, origin, setter: judged.setters[index] };
      if (verdict.kind === 'quarantined') this.#failed(event, verdict.reason);
      else this.#placed(event);
    }
  }

  /** The largest first. */
  finish(): Trap[] {
    return [...this.#traps.values()]
      .map((trap) => ({ ...trap, message: `${trap.message}${this.#shiftText(trap)}` }))
      .sort((left, right) => right.events - left.events);
  }

  #lookWithoutTime(batch: EventBatch, judged: Judged, origin: SampleOrigin): void {
    const local = this.#rules.sinks.find(({ needsTime, usesLocalTime }) => needsTime && usesLocalTime);
    if (local === undefined) return;
    for (const [index, verdict] of judged.verdicts.entries())
      if (verdict.kind === 'placed')
        this.#trap({ batch, index, origin, setter: undefined }, gatewayClock(local));
  }

  /** Why an event could not be placed may be a trap too: it tells more than the reason alone. */
  #failed(event: Looked, reason: string): void {
    const skipped = SKIPPED.exec(reason)?.[1];
    if (skipped !== undefined) return this.#trap(event, skippedHour(skipped));
    const { batch, index } = event;
    const text = batch.getHeader(index, 'timestamp') ?? '';
    if (/^\d{9,10}[.,]\d+$/.test(text)) this.#trap(event, invalidEpoch('seconds with a fraction'));
    else if (/^\d{14,16}$/.test(text)) this.#trap(event, invalidEpoch('microseconds'));
    else if (/^\d{17,19}$/.test(text)) this.#trap(event, invalidEpoch('nanoseconds'));
  }

  #placed(event: Looked): void {
    const { batch, index, setter } = event;
    const timeMs = batch.timestamps[index] ?? NaN;
    if (Number.isNaN(timeMs)) return this.#substituted(event);
    if (setter === undefined && !event.origin.mapsTimestamp) {
      this.#trap(event, {
        kind: 'record-time',
        message: `no rule set the event’s time, so it is ${this.#sourceTime}`,
        hint: 'Add a regex_extractor with a millis serializer that reads the time from the line into "timestamp".',
      });
    } else if (setter?.kind === 'clock') this.#trap(event, GATEWAY_CLOCK);
    else if (setter?.kind === 'pattern') this.#patterned(event, setter, timeMs);
    else if (this.#isInvalidEpoch(event, timeMs)) return;
    this.#repeated(event, timeMs);
    if (timeMs > this.#nowMs + FUTURE_MS) this.#trap(event, FUTURE);
    if (timeMs < this.#nowMs - LONG_PAST_MS && setter?.hasYear !== false) this.#trap(event, LONG_PAST);
  }

  /** The path needs a time, the event has none, and the sink was told to take another. */
  #substituted(event: Looked): void {
    const takes = this.#rules.sinks.find(({ needsTime, usesLocalTime }) => needsTime && !usesLocalTime);
    const word = takes?.onMissingTime === 'now' ? 'the gateway’s clock' : 'the record’s time';
    this.#trap(event, {
      kind: 'record-time',
      message: `the event has no time, and onMissingTime takes ${word}`,
      hint: 'Make the rule read the time of these events too, or set onMissingTime: quarantine to see them apart.',
    });
  }

  #patterned(event: Looked, setter: TimeSetter, timeMs: number): void {
    const { pattern, zone } = setter;
    if (!setter.hasYear) {
      this.#trap(event, {
        kind: 'no-year',
        message: `the pattern ${pattern} has no year; Joda-Time reads such times as of the year 2000`,
        hint: 'Let the logs carry the year (RFC 5424 instead of RFC 3164), or take the record’s time instead.',
      });
    }
    if (setter.isTwoDigitYear) {
      this.#trap(event, {
        kind: 'two-digit-year',
        message: `the pattern ${pattern} has a year of two digits; it is taken from 80 years back to 19 ahead`,
        hint: 'Write yyyy and let the logs carry four digits.',
      });
    }
    if (setter.hasZone) return;
    this.#trap(event, {
      kind: 'no-zone',
      message: `the pattern ${pattern} has no zone; its times are read as ${zone} time`,
      hint: 'If the logs are written in another zone, set timeZone of the serializer; better, log with an offset (Z in the pattern).',
    });
    this.#noteShift(event, pattern, timeMs);
    const zoned = TimeZone.of(zone);
    if (zoned.localTime(timeMs + zoned.offsetMsAt(timeMs)).kind === 'overlap') {
      this.#trap(event, {
        kind: 'clock-change',
        message: `clocks in ${zone} go back over this hour, and the text does not say which of the two it is; the first is taken`,
        hint: 'Let the logs carry the offset, or write them in UTC.',
      });
    }
  }

  #isInvalidEpoch(event: Looked, timeMs: number): boolean {
    const isSeconds = timeMs >= EPOCH_SECONDS_FROM && timeMs < EPOCH_SECONDS_BELOW;
    if (!isSeconds && timeMs < EPOCH_MICROSECONDS_FROM) return false;
    this.#trap(event, invalidEpoch(isSeconds ? 'seconds' : 'microseconds'));
    return true;
  }

  /** An hour that comes twice makes one directory for two hours. */
  #repeated(event: Looked, timeMs: number): void {
    for (const { needsTime, usesLocalTime, zone, sink } of this.#rules.sinks) {
      if (!needsTime || usesLocalTime || event.setter?.hasZone === false) continue;
      if (!this.#isRepeated(zone, timeMs)) continue;
      this.#trap(event, {
        kind: 'clock-change',
        message: `clocks in ${zone} go back over this hour, so sink ${sink} puts two hours into one directory`,
        hint: 'Set timeZone: UTC of the sink if hours must stay apart.',
      });
    }
  }

  #isRepeated(zone: string, timeMs: number): boolean {
    const quarter = Math.floor(timeMs / QUARTER_HOUR_MS);
    const key = `${zone} ${quarter}`;
    let known = this.#repeatedHours.get(key);
    if (known === undefined) {
      const zoned = TimeZone.of(zone);
      known = zoned.localTime(timeMs + zoned.offsetMsAt(timeMs)).kind === 'overlap';
      if (this.#repeatedHours.size >= KEPT_HOURS_MAX) this.#repeatedHours.clear();
      this.#repeatedHours.set(key, known);
    }
    return known;
  }

  #noteShift({ batch, index, origin }: Looked, pattern: string, timeMs: number): void {
    if (!origin.hasRecordTimes) return;
    const recordMs = Number(batch.getHeader(index, RECORD_TIME_HEADER) ?? NaN);
    const shiftMs = timeMs - recordMs;
    if (!(Math.abs(shiftMs) <= ZONE_SHIFT_MAX_MS)) return;
    const shifts = this.#shifts.get(pattern) ?? new Map<number, number>();
    this.#shifts.set(pattern, shifts);
    const quarters = Math.round(shiftMs / QUARTER_HOUR_MS);
    shifts.set(quarters, (shifts.get(quarters) ?? 0) + 1);
  }

  /** The strongest sign of a wrong zone: times that all differ from their records' by the same hours. */
  #shiftText({ kind, message, events }: OpenTrap): string {
    if (kind !== 'no-zone') return '';
    for (const [pattern, shifts] of this.#shifts) {
      if (!message.includes(` ${pattern} `)) continue;
      const [quarters = 0, times = 0] = [...shifts].sort((left, right) => right[1] - left[1])[0] ?? [];
      if (quarters === 0 || Math.abs(quarters) < 2 || times < events * SHIFT_SHARE) continue;
      const hours = Math.abs(quarters) / 4;
      const side = quarters > 0 ? 'later' : 'earlier';
      return `; they are ${hours} h ${side} than the records’ own times, as with a wrong zone`;
    }
    return '';
  }

  #trap({ batch, index, origin }: Looked, text: TrapText): void {
    const key = `${text.kind} ${text.message}`;
    let trap = this.#traps.get(key);
    if (trap === undefined) {
      if (this.#traps.size >= KEPT_TRAPS_MAX) return;
      this.#traps.set(key, (trap = { ...text, events: 0, samples: [] }));
    }
    trap.events++;
    if (trap.samples.length < SAMPLES_MAX) trap.samples.push(sampleEventOf(batch, index, origin));
  }
}

const GATEWAY_CLOCK: TrapText = {
  kind: 'record-time',
  message: 'the event’s time is the gateway’s clock when it came in, not its own',
  hint: 'After an outage everything lands in the hour of the catching up. Read the time from the line instead.',
};

const FUTURE: TrapText = {
  kind: 'future',
  message: 'the event’s time lies more than a day in the future',
  hint: 'Look at the clock and the zone of the machine that writes the log, and at the order of day and month in the pattern.',
};

const LONG_PAST: TrapText = {
  kind: 'long-past',
  message: 'the event’s time lies more than a year back',
  hint: 'Right for old logs that are sent again; else look at the pattern, and at the clock of the machine that writes the log.',
};

function gatewayClock({ sink }: SinkTime): TrapText {
  return {
    ...GATEWAY_CLOCK,
    message: `sink ${sink} takes the gateway’s clock for its path (useLocalTimeStamp), not the event’s time`,
  };
}

function skippedHour(zone: string): TrapText {
  return {
    kind: 'clock-change',
    message: `clocks in ${zone} skip this hour: no such time exists there`,
    hint: 'The logs are written in another zone: set timeZone of the serializer, or let them carry the offset.',
  };
}

function invalidEpoch(unit: string): TrapText {
  return {
    kind: 'invalid-epoch',
    message: `the number looks like ${unit} since 1970, and is read as milliseconds`,
    hint:
      unit === 'seconds'
        ? 'Make milliseconds of it where the log is written: "timestamp" wants milliseconds, in 13 digits.'
        : 'Let the group take 13 digits of the number only: (\\d{13})\\d*.',
  };
}
