/** A time rule applied to sample events in the page, with the engine's own expressions and date patterns, so that both read the same. */
import { isGatewayError } from '../../../shared/errors.ts';
import { compileJavaRegex } from '../../../shared/regex/java-regex.ts';
import { makeJodaParser, type DateParser } from '../../../shared/time/joda-parser.ts';
import { zoneOf } from './wall-time.ts';

export interface Sample {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly body: string;
  readonly timestampMs: number;
}

export interface TimeRuleText {
  readonly regex: string;
  readonly pattern: string;
  readonly timeZone: string;
}

export const RULE_REASONS = { noMatch: 'no-match', noTime: 'no-time' } as const;

export type Reading =
  /** `start` and `end`: where the time stands in the body. */
  | { readonly kind: 'read'; readonly timeMs: number; readonly start: number; readonly end: number }
  /** The expression finds nothing: the record's own time stays. */
  | { readonly kind: typeof RULE_REASONS.noMatch }
  /** It finds something that is no time of the pattern: the event goes to quarantine. */
  | {
      readonly kind: typeof RULE_REASONS.noTime;
      readonly text: string;
      readonly start: number;
      readonly end: number;
    };

/** Longer bodies are looked at from their beginning: what the page shows of them is no longer either. */
const BODY_CHARS_MAX = 4_096;
/** A number that the header `timestamp` may hold. */
const MILLISECONDS = /^\d{1,13}$/;

export class TimeReader {
  /** What is wrong with the rule itself, in the engine's words; then it reads nothing. */
  readonly problem: string;
  readonly #regexp: RegExp | undefined;
  readonly #group: number = 1;
  readonly #parser: DateParser | undefined;
  readonly #isMillis: boolean;

  /** `zone` is the gateway's: for a rule that names none. */
  constructor(rule: TimeRuleText, zone: string) {
    this.#isMillis = rule.pattern === '';
    let problem = '';
    try {
      const { regexp, groups } = compileJavaRegex(rule.regex, { highestGroupRead: 1 });
      this.#group = groups[1] ?? 0;
      // Matched with places, to mark the time in the line.
      this.#regexp = new RegExp(regexp.source, `${regexp.flags}d`);
      const known = zoneOf(rule.timeZone === '' ? zone : rule.timeZone);
      if (!this.#isMillis && known !== undefined)
        this.#parser = makeJodaParser(rule.pattern, { zone: known, nowMs: performance.timeOrigin });
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      problem = error.message;
      this.#regexp = undefined;
    }
    this.problem = problem;
  }

  /** True when the expression has no group that could be the time. */
  get lacksGroup(): boolean {
    return this.#regexp !== undefined && this.#group === 0;
  }

  read(sample: Pick<Sample, 'body'>): Reading {
    const match = this.#regexp?.exec(sample.body.slice(0, BODY_CHARS_MAX));
    const text = match?.[this.#group];
    const [start, end] = match?.indices?.[this.#group] ?? [0, 0];
    if (match === null || match === undefined || this.#group === 0) return { kind: 'no-match' };
    if (text === undefined) return { kind: 'no-time', text: '', start, end };
    const timeMs = this.#isMillis
      ? MILLISECONDS.test(text)
        ? Number(text)
        : NaN
      : (this.#parser?.parse(text) ?? NaN);
    return Number.isNaN(timeMs)
      ? { kind: 'no-time', text, start, end }
      : { kind: 'read', timeMs, start, end };
  }
}
