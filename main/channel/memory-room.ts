import { LOW_MARK_RATIO } from './channel-limits.ts';
import type { MemoryBodies } from './memory-bodies.ts';

/** Where intake stops: what is on its way then still finds room in memory, as a rule. */
const FULL_RATIO = 0.95;
const FILLING_RATIO = 0.7;

/** What one channel has in memory, as status and sources see it. */
export interface MemoryRoom {
  readonly channel: string;
  readonly usedBytes: number;
  readonly capacityBytes: number;
  /** True: what waits is to be landed before its time, so that intake need not wait. */
  readonly isFilling: boolean;
  /** True: intake of the sources that feed it waits until something of it has landed. */
  readonly isFull: boolean;
}

/** Measured after each group of operations; a channel that was full stays so down to the low mark. */
export function memoryRooms(memory: MemoryBodies, before: readonly MemoryRoom[]): readonly MemoryRoom[] {
  return Object.entries(memory.uses).map(([channel, { capacityBytes, stopsIntake }]) => {
    const usedBytes = memory.usedBytes(channel);
    const wasFull = before.some((one) => one.channel === channel && one.isFull);
    const isFull = stopsIntake && usedBytes >= capacityBytes * (wasFull ? LOW_MARK_RATIO : FULL_RATIO);
    const isFilling = stopsIntake && usedBytes >= capacityBytes * FILLING_RATIO;
    return { channel, usedBytes, capacityBytes, isFilling, isFull };
  });
}
