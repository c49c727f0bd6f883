/**
 * Builds everything of a configuration that can be built without a network: regular expressions, date patterns, path templates,
 * certificates. What then can't work is a problem with its place in the file, found before the engine runs.
 */
import { randomUUID } from 'node:crypto';
import type { ConfigProblem } from '../../shared/contract/config-problem.ts';
import type { SourceConfig } from '../../shared/contract/config.ts';
import { isGatewayError } from '../../shared/errors.ts';
import { compileJavaRegex } from '../../shared/regex/java-regex.ts';
import type { LoadedConfig } from '../config/config-file.ts';
import { locate, parseConfigText, type ConfigPath } from '../config/config-text.ts';
import type { InterceptorEnvironment } from '../interceptors/interceptor-environment.ts';
import { buildInterceptors } from '../interceptors/interceptor-registry.ts';
import { systemClock } from '../telemetry/clock.ts';
import { hostNames, landingKeyMaker, sinkSettings, tlsTexts } from './sink-mapping.ts';

/** Nothing is stored under it; a sink's settings only want a name. */
const TRIAL_STATE_ID = 'trial';

export function trialProblems(loaded: LoadedConfig): ConfigProblem[] {
  const { config } = loaded;
  if (config === undefined) return [];
  const text = parseConfigText(loaded.text);
  const problems: ConfigProblem[] = [];
  const attempt = (path: ConfigPath, build: () => unknown): void => {
    try {
      build();
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      const { code, place, hint } = error;
      // A file that can't be read is told by its name; other places are only names of the parts that the line shows.
      const message = code === 'config-unreadable' ? `${error.message}: ${place}` : error.message;
      problems.push({ severity: 'error', ...locate(text, path, 'value'), path: [...path], message, hint });
    }
  };
  for (const [name, sink] of Object.entries(config.sinks)) {
    const pathKey = sink.type === 'hdfs' ? 'hdfs.path' : 'path';
    attempt(['sinks', name, pathKey], () => landingKeyMaker(name, sink, () => systemClock.nowMs()));
    attempt(['sinks', name, 'hdfs.tls'], () => sinkSettings(name, config, TRIAL_STATE_ID));
  }
  // Asking the machine for its addresses takes a millisecond; a file has hundreds of interceptors.
  const { ipAddress, canonicalHostName } = hostNames();
  const environment: InterceptorEnvironment = {
    nowMs: () => systemClock.nowMs(),
    randomUuid: () => randomUUID(),
    host: { ipAddress, canonicalHostName },
    timeZone: config.gateway.timeZone ?? 'UTC',
  };
  for (const [name, source] of Object.entries(config.sources))
    trySource({ name, source, environment, attempt });
  return problems.sort((left, right) => left.line - right.line || left.column - right.column);
}

interface SourceTrial {
  readonly name: string;
  readonly source: SourceConfig;
  readonly environment: InterceptorEnvironment;
  readonly attempt: (path: ConfigPath, build: () => unknown) => void;
}

function trySource({ name, source, environment, attempt }: SourceTrial): void {
  // Each alone, so that its fault is not mixed with another's.
  for (const [index, interceptor] of source.interceptors.entries())
    attempt(['sources', name, 'interceptors', index], () => buildInterceptors([interceptor], environment));
  if (source.type !== 'kafka') return;
  const { subscription } = source;
  if (subscription.kind === 'regex')
    attempt(['sources', name, 'kafka.topics.regex'], () =>
      compileJavaRegex(subscription.regex, { isWhole: true, highestGroupRead: 0 }),
    );
  const { tls } = source.security;
  if (tls !== undefined) attempt(['sources', name, 'security'], () => tlsTexts(tls));
}
