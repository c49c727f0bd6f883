import type { EventBatch } from '../../shared/event-batch.ts';
import { setForAll } from './header-setter.ts';
import type { InterceptorEnvironment } from './interceptor-environment.ts';
import type { Interceptor } from './interceptor.ts';

export interface HostConfig {
  readonly hostHeader: string;
  readonly useIp: boolean;
  readonly preserveExisting: boolean;
}

/** Flume's `host`: this machine's address or canonical name; no header where the look-up failed, as in Flume. */
export function makeHostInterceptor(
  name: string,
  config: HostConfig,
  host: InterceptorEnvironment['host'],
): Interceptor {
  const { hostHeader, useIp, preserveExisting } = config;
  const value = useIp ? host.ipAddress : host.canonicalHostName;
  const intercept = (batch: EventBatch): void => {
    if (value !== undefined) setForAll(batch, { name: hostHeader, value, preserveExisting });
  };
  return { name, intercept };
}
