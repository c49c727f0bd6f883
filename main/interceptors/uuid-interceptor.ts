import type { EventBatch } from '../../shared/event-batch.ts';
import type { Interceptor } from './interceptor.ts';

export interface UuidConfig {
  readonly headerName: string;
  readonly prefix: string;
  readonly preserveExisting: boolean;
}

/** Flume's UUIDInterceptor: another random id for each event. An event that is pulled again gets another id. */
export function makeUuidInterceptor(name: string, config: UuidConfig, randomUuid: () => string): Interceptor {
  const { headerName, prefix, preserveExisting } = config;
  const intercept = (batch: EventBatch): void => {
    for (let index = 0; index < batch.count; index += 1) {
      if (!batch.isLive(index)) continue;
      if (preserveExisting && batch.getHeader(index, headerName) !== undefined) continue;
      batch.setHeader(index, headerName, prefix + randomUuid());
    }
  };
  return { name, intercept };
}
