import type { EventBatch } from '../../shared/event-batch.ts';
import { compileJavaRegex } from '../../shared/regex/java-regex.ts';
import type { Interceptor } from './interceptor.ts';

export interface RemoveHeaderConfig {
  readonly withName?: string | undefined;
  /** Lists of names; each is split at the separator. */
  readonly fromList?: readonly string[] | undefined;
  /** A Java regular expression. */
  readonly fromListSeparator: string;
  /** A Java regular expression that must match the whole name. */
  readonly matching?: string | undefined;
}

/** A header's name over this is not matched: no header of ours has such a name, and an expression need not look at it. */
const MAX_MATCHED_NAME_CHARS = 1_024;

/** Flume's `remove_header`: by name, by list and by expression, which may be combined. Throws regex-untranslatable. */
export function makeRemoveHeaderInterceptor(name: string, config: RemoveHeaderConfig): Interceptor {
  const separator = compileJavaRegex(config.fromListSeparator, { highestGroupRead: 0 }).regexp;
  const listed = (config.fromList ?? []).flatMap((list) => list.split(separator));
  const names = new Set([...(config.withName === undefined ? [] : [config.withName]), ...listed]);
  names.delete('');
  const matching =
    config.matching === undefined
      ? undefined
      : compileJavaRegex(config.matching, { highestGroupRead: 0, isWhole: true }).regexp;

  const intercept = (batch: EventBatch): void => {
    for (let index = 0; index < batch.count; index += 1) {
      if (!batch.isLive(index)) continue;
      for (const header of names)
        if (batch.getHeader(index, header) !== undefined) batch.removeHeader(index, header);
      if (matching === undefined) continue;
      for (const header of batch.headerNames(index)) {
        if (header.length <= MAX_MATCHED_NAME_CHARS && matching.test(header))
          batch.removeHeader(index, header);
      }
    }
  };
  return { name, intercept };
}
