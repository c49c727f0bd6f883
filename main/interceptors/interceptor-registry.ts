import type { InterceptorConfig } from '../../shared/contract/config-interceptor.ts';
import { makeHostInterceptor } from './host-interceptor.ts';
import type { InterceptorEnvironment } from './interceptor-environment.ts';
import type { Interceptor } from './interceptor.ts';
import { makeRegexExtractorInterceptor } from './regex-extractor-interceptor.ts';
import { makeRegexFilterInterceptor } from './regex-filter-interceptor.ts';
import { makeRemoveHeaderInterceptor } from './remove-header-interceptor.ts';
import { makeSearchReplaceInterceptor } from './search-replace-interceptor.ts';
import { makeStaticInterceptor } from './static-interceptor.ts';
import { makeTimestampInterceptor } from './timestamp-interceptor.ts';
import { makeUuidInterceptor } from './uuid-interceptor.ts';

/**
 * The interceptors of a source, in the order of its configuration.
 * Throws regex-untranslatable, pattern-invalid or config-invalid for one that cannot work.
 */
export function buildInterceptors(
  configs: readonly InterceptorConfig[],
  environment: InterceptorEnvironment,
): readonly Interceptor[] {
  return configs.map((config, index) => build(`${config.type} (${index + 1})`, config, environment));
}

function build(name: string, config: InterceptorConfig, environment: InterceptorEnvironment): Interceptor {
  switch (config.type) {
    case 'timestamp':
      return makeTimestampInterceptor(name, config, () => environment.nowMs());
    case 'host':
      return makeHostInterceptor(name, config, environment.host);
    case 'static':
      return makeStaticInterceptor(name, config);
    case 'regex_extractor':
      return makeRegexExtractorInterceptor(name, config, environment);
    case 'regex_filter':
      return makeRegexFilterInterceptor(name, config);
    case 'search_replace':
      return makeSearchReplaceInterceptor(name, config);
    case 'uuid':
      return makeUuidInterceptor(name, config, () => environment.randomUuid());
    case 'remove_header':
      return makeRemoveHeaderInterceptor(name, config);
  }
}
