/** Bodies that go from memory to the disk: of a spillable channel by their age, of every channel when the engine stops in order. */
import type { Channel } from './channel.ts';
import { wrapped } from './channel-database.ts';
import { SPILL_STEP_BYTES } from './channel-limits.ts';
import type { MemoryUses } from './memory-bodies.ts';

/** `old`: what has been in memory for longer than its channel allows. `all`: whatever is there. */
export type SpillOrder = 'old' | 'all';

/** Brings some bodies to the disk, the oldest first, in the caller's transaction. `more`: there is more to bring. */
export function spillMemory(
  { memory, bodies }: Channel,
  order: SpillOrder,
  nowMs: number,
): { readonly more: boolean } {
  let left = SPILL_STEP_BYTES;
  for (const [channel, putBeforeMs] of dueTimes(memory.uses, order, nowMs)) {
    for (;;) {
      const oldest = memory.oldest(channel, putBeforeMs);
      if (oldest === undefined) break;
      if (left <= 0) return { more: true };
      bodies.toDisk(oldest.bodyId);
      left -= oldest.bytes;
    }
  }
  return { more: false };
}

/** Brings everything to the disk, each step a transaction. Throws what the database throws; the steps before it stay. */
export function spillAll(channel: Channel, nowMs: number): void {
  const step = channel.db.transaction(() => spillMemory(channel, 'all', nowMs));
  for (let more = true; more;)
    more = wrapped('write what is in memory to the channel', channel.path, () => step()).more;
}

/** True when a step would find something. */
export function isSpillDue({ memory }: Pick<Channel, 'memory'>, nowMs: number): boolean {
  return dueTimes(memory.uses, 'old', nowMs).some(
    ([channel, putBeforeMs]) => memory.oldest(channel, putBeforeMs) !== undefined,
  );
}

function dueTimes(uses: MemoryUses, order: SpillOrder, nowMs: number): (readonly [string, number])[] {
  return Object.entries(uses).flatMap(([channel, { spillAfterMs }]) => {
    if (order === 'all') return [[channel, Number.MAX_SAFE_INTEGER] as const];
    return spillAfterMs === undefined ? [] : [[channel, nowMs - spillAfterMs] as const];
  });
}
