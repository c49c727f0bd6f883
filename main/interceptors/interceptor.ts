import type { EventBatch } from '../../shared/event-batch.ts';

/**
 * Looks at and changes the events of a batch, in place and in order: sets headers, replaces bodies, filters, quarantines.
 * It does no I/O and never waits. An event on which it can't do its work is quarantined with the reason; it never throws for an
 * event, and touches live events only (`batch.isLive(i)`).
 */
export interface Interceptor {
  /** `<type>` and place in the list, as messages name it: `regex_extractor (2)`. */
  readonly name: string;
  intercept(batch: EventBatch): void;
}
