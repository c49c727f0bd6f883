import type { EventBatch } from '../../shared/event-batch.ts';
import { GatewayError } from '../../shared/errors.ts';
import { compileJavaRegex } from '../../shared/regex/java-regex.ts';
import { makeJodaParser } from '../../shared/time/joda-parser.ts';
import type { DateParser } from '../../shared/time/joda-parser.ts';
import { TimeZone } from '../../shared/time/time-zone.ts';
import { MAX_HEADER_CHARS, shown } from './interceptor-environment.ts';
import type { InterceptorEnvironment } from './interceptor-environment.ts';
import type { Interceptor } from './interceptor.ts';
import { runUnderDeadline } from './regex-deadline.ts';

export interface SerializerConfig {
  readonly type: 'default' | 'passThrough' | 'millis';
  /** The header. */
  readonly name: string;
  /** Joda-Time pattern of `millis`. */
  readonly pattern?: string | undefined;
  readonly timeZone?: string | undefined;
}

export interface RegexExtractorConfig {
  readonly regex: string;
  /** The n-th takes group n; those without a group are ignored, as in Flume. */
  readonly serializers: readonly SerializerConfig[];
}

interface Extraction {
  /** Index in a match. */
  readonly group: number;
  readonly header: string;
  readonly isTimestamp: boolean;
  /** Of a millis serializer. */
  readonly parser: DateParser | undefined;
}

/**
 * Flume's `regex_extractor`: the first match's groups become headers; the body stays as it is.
 *
 * No match is no error and sets nothing, as in Flume. A text that the millis serializer cannot read, a group that took no part in the
 * match, and a value over MAX_HEADER_CHARS quarantine the event (in Flume the first two fail the batch).
 * Throws regex-untranslatable, pattern-invalid, config-invalid.
 */
export function makeRegexExtractorInterceptor(
  name: string,
  config: RegexExtractorConfig,
  environment: InterceptorEnvironment,
): Interceptor {
  const { regexp, groups } = compileJavaRegex(config.regex, { highestGroupRead: config.serializers.length });
  const extractions = config.serializers.slice(0, groups.length - 1).map((serializer, index): Extraction => ({
    group: groups[index + 1] ?? 0,
    header: serializer.name,
    isTimestamp: serializer.name === 'timestamp',
    parser: parserOf(serializer, environment),
  }));

  const apply = (batch: EventBatch, index: number, match: RegExpExecArray): void => {
    for (const extraction of extractions) {
      const text = match[extraction.group];
      const problem =
        text === undefined ? absentProblem(extraction) : extract(batch, index, { extraction, text });
      if (problem === '') continue;
      batch.quarantine(index, `${name}: ${problem}`);
      return;
    }
  };
  // Headers are set while looking: to set them twice to the same is harmless, and keeping a match for each event is dear.
  const intercept = (batch: EventBatch): void => {
    runUnderDeadline<never>(batch, {
      name,
      look: (index) => {
        const match = regexp.exec(batch.bodyText(index));
        if (match !== null) apply(batch, index, match);
        return undefined;
      },
      apply: () => undefined,
    });
  };
  return { name, intercept };
}

/** Sets the header; returns what is wrong, or nothing. */
function extract(
  batch: EventBatch,
  index: number,
  { extraction, text }: { extraction: Extraction; text: string },
): string {
  const { header, isTimestamp, parser } = extraction;
  if (parser !== undefined) {
    const timeMs = parser.parse(text);
    if (Number.isNaN(timeMs))
      return `${shown(text)} is no time of the pattern ${parser.pattern}: ${parser.explain(text)}`;
    if (isTimestamp) batch.setTimestamp(index, timeMs);
    else batch.setHeader(index, header, String(timeMs));
    return '';
  }
  if (text.length > MAX_HEADER_CHARS)
    return `the value for header ${header} has ${text.length} characters; the limit is ${MAX_HEADER_CHARS}`;
  batch.setHeader(index, header, text);
  return '';
}

/** A pass-through header is not set; a time that is not there cannot be guessed. */
function absentProblem({ group, header, parser }: Extraction): string {
  return parser === undefined
    ? ''
    : `group ${group}, which gives the time for header ${header}, took no part in the match`;
}

function parserOf(serializer: SerializerConfig, environment: InterceptorEnvironment): DateParser | undefined {
  if (serializer.type !== 'millis') return undefined;
  if (serializer.pattern === undefined) {
    throw new GatewayError({
      code: 'pattern-invalid',
      operation: 'build an interceptor',
      place: `serializer of header ${serializer.name}`,
      message: `the millis serializer of header ${serializer.name} has no pattern`,
      retry: 'never',
      hint: "Add its Joda-Time pattern, such as pattern: 'dd/MMM/yyyy:HH:mm:ss Z'.",
    });
  }
  const zone = TimeZone.of(serializer.timeZone ?? environment.timeZone);
  return makeJodaParser(serializer.pattern, { zone, nowMs: environment.nowMs() });
}
