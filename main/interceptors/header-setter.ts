import type { EventBatch } from '../../shared/event-batch.ts';

/**
 * Gives all live events the same value of a header; with `preserveExisting`, those that have the header keep theirs.
 * Sets it once for the batch where no event can have its own.
 */
export function setForAll(
  batch: EventBatch,
  {
    name,
    value,
    preserveExisting,
  }: { readonly name: string; readonly value: string; readonly preserveExisting: boolean },
): void {
  if (!preserveExisting) {
    batch.setSharedHeader(name, value);
    return;
  }
  const shared = batch.sharedHeader(name);
  if (!shared.varies) {
    if (shared.value === undefined) batch.setSharedHeader(name, value);
    return;
  }
  for (let index = 0; index < batch.count; index += 1) {
    if (batch.isLive(index) && batch.getHeader(index, name) === undefined)
      batch.setHeader(index, name, value);
  }
}
