import type { EventBatch } from '../../shared/event-batch.ts';
import { compileJavaRegex } from '../../shared/regex/java-regex.ts';
import { compileJavaReplacement } from '../../shared/regex/java-replacement.ts';
import { bytesOf, textOf } from './body-charset.ts';
import type { BodyCharset } from './body-charset.ts';
import type { Interceptor } from './interceptor.ts';
import { runUnderDeadline } from './regex-deadline.ts';

export interface SearchReplaceConfig {
  readonly searchPattern: string;
  /** With Java's `$1`, `${name}` and `\`. */
  readonly replaceString: string;
  readonly charset: BodyCharset;
}

/** A replacement may grow a body, but not beyond what the channel takes. */
export const MAX_REPLACED_BYTES = 64 * 1024 * 1024;

/**
 * Flume's `search_replace`: all matches in the body are replaced. Bytes that no match covers stay as they are, also where the body is
 * no text of the charset (Flume decodes and encodes every body and damages those). Throws regex-untranslatable.
 */
export function makeSearchReplaceInterceptor(name: string, config: SearchReplaceConfig): Interceptor {
  const { searchPattern, replaceString, charset } = config;
  const regex = compileJavaRegex(searchPattern, { isGlobal: true });
  const replacement = compileJavaReplacement(replaceString, regex);
  const { regexp } = regex;
  const replaceOne = (...match: (string | undefined)[]): string => replacement(match);

  const intercept = (batch: EventBatch): void => {
    runUnderDeadline<Buffer>(batch, {
      name,
      look: (index) => {
        const text = textOf(batch.body(index), charset);
        const replaced = text.replace(regexp, replaceOne);
        return replaced === text ? undefined : bytesOf(replaced, charset);
      },
      apply: (index, body) => {
        if (body.length <= MAX_REPLACED_BYTES) batch.setBody(index, body);
        else batch.quarantine(index, `${name}: the replacement makes a body of ${body.length} bytes`);
      },
    });
  };
  return { name, intercept };
}
