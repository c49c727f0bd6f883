import type { EventBatch } from '../../shared/event-batch.ts';
import { compileJavaRegex } from '../../shared/regex/java-regex.ts';
import type { Interceptor } from './interceptor.ts';
import { runUnderDeadline } from './regex-deadline.ts';

export interface RegexFilterConfig {
  readonly regex: string;
  readonly excludeEvents: boolean;
}

/**
 * Flume's `regex_filter`: keeps the events in which the expression is found, or with `excludeEvents` the others. The body is read as
 * UTF-8 whatever the platform (Flume: the platform's charset). Filtered events stay accounted for. Throws regex-untranslatable.
 */
export function makeRegexFilterInterceptor(
  name: string,
  { regex, excludeEvents }: RegexFilterConfig,
): Interceptor {
  const { regexp } = compileJavaRegex(regex, { highestGroupRead: 0 });
  const intercept = (batch: EventBatch): void => {
    runUnderDeadline(batch, {
      name,
      look: (index) => (regexp.test(batch.bodyText(index)) === excludeEvents ? true : undefined),
      apply: (index) => {
        batch.filter(index, name);
      },
    });
  };
  return { name, intercept };
}
