import type { EventBatch } from '../../shared/event-batch.ts';
import { setForAll } from './header-setter.ts';
import type { Interceptor } from './interceptor.ts';

export interface StaticConfig {
  readonly key: string;
  readonly value: string;
  readonly preserveExisting: boolean;
}

/** Flume's `static`: one header with one value. */
export function makeStaticInterceptor(
  name: string,
  { key, value, preserveExisting }: StaticConfig,
): Interceptor {
  const intercept = (batch: EventBatch): void => {
    setForAll(batch, { name: key, value, preserveExisting });
  };
  return { name, intercept };
}
