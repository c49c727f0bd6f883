import type { EventBatch } from '../../shared/event-batch.ts';
import { setForAll } from './header-setter.ts';
import type { Interceptor } from './interceptor.ts';

export interface TimestampConfig {
  readonly headerName: string;
  readonly preserveExisting: boolean;
}

/** Flume's `timestamp`: the present in epoch ms, one reading of the clock for a batch. */
export function makeTimestampInterceptor(
  name: string,
  config: TimestampConfig,
  nowMs: () => number,
): Interceptor {
  const { headerName, preserveExisting } = config;
  const intercept = (batch: EventBatch): void => {
    setForAll(batch, { name: headerName, value: String(nowMs()), preserveExisting });
  };
  return { name, intercept };
}
