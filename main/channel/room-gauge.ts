import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { MIB } from '../../shared/units.ts';
import type { ChannelDatabase } from './channel-database.ts';
import type { MemoryBodies } from './memory-bodies.ts';
import { memoryRooms } from './memory-room.ts';
import type { MemoryRoom } from './memory-room.ts';
import { FREE_DISK_MARGIN_BYTES, LOW_MARK_RATIO } from './channel-limits.ts';

/** Why intake is stopped. */
export type ClosedReason = 'capacity' | 'free-disk' | 'disk-full' | 'io-error' | 'database-damaged';

/** Room in the channel, as status and sources see it. All in bytes. */
export interface RoomState {
  /** False: intake waits. */
  readonly isOpen: boolean;
  readonly reason: ClosedReason | undefined;
  /** Pages in use and the WAL; pages that are free in the file are room, not use. */
  readonly usedBytes: number;
  /** Of `usedBytes`, what the WAL takes: it is emptied before intake stops for want of room. */
  readonly walBytes: number;
  readonly capacityBytes: number;
  readonly freeDiskBytes: number;
  readonly minFreeDiskBytes: number;
  /** Of channels that have bodies in memory. */
  readonly memory: readonly MemoryRoom[];
}

export interface RoomLimits {
  readonly capacityBytes: number;
  readonly minFreeDiskBytes: number;
  readonly ballastBytes: number;
}

/** What the gauge asks the file system; replaced in tests that need a disk in a certain state. */
export type FreeDiskProbe = (directory: string) => number;

export const freeDiskOf: FreeDiskProbe = (directory) => {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
};

/**
 * Decides whether intake may go on (invariant 6). It stops at either limit at once and starts again only below the low
 * mark, so that it does not flutter; puts under way when it stops are still taken, a bounded number of bytes.
 */
export class RoomGauge {
  readonly #limits: RoomLimits;
  readonly #probe: FreeDiskProbe;
  #state: RoomState;

  constructor(limits: RoomLimits, probe: FreeDiskProbe) {
    this.#limits = limits;
    this.#probe = probe;
    const { capacityBytes, minFreeDiskBytes } = limits;
    this.#state = {
      isOpen: true,
      reason: undefined,
      usedBytes: 0,
      walBytes: 0,
      capacityBytes,
      minFreeDiskBytes,
      freeDiskBytes: 0,
      memory: [],
    };
  }

  get state(): RoomState {
    return this.#state;
  }

  /** Stops intake for a reason that only `measure` after room was made (disk-full), or `recovered`, takes back. */
  close(reason: 'disk-full' | 'io-error' | 'database-damaged'): void {
    this.#state = { ...this.#state, isOpen: false, reason };
  }

  /** The database works again; whether there is room, the next measure says. */
  recovered(): void {
    if (this.#state.reason === 'io-error') this.#state = { ...this.#state, isOpen: true, reason: undefined };
  }

  measureMemory(memory: MemoryBodies): void {
    this.#state = { ...this.#state, memory: memoryRooms(memory, this.#state.memory) };
  }

  /** What the disk of the database has free now. */
  freeDiskBytes(path: string): number {
    return this.#probe(dirname(path));
  }

  measure(db: ChannelDatabase, path: string): RoomState {
    const wal = walBytes(path);
    const usedBytes = usedPagesBytes(db) + wal;
    const freeDiskBytes = this.freeDiskBytes(path);
    const reason = this.#reason(usedBytes, freeDiskBytes);
    const isOpen = reason === undefined;
    this.#state = { ...this.#state, usedBytes, walBytes: wal, freeDiskBytes, reason, isOpen };
    return this.#state;
  }

  /** Measures again as if intake had not been stopped since `before`: the WAL that stopped it was emptied meanwhile. */
  reopenIfRoom(db: ChannelDatabase, path: string, before: RoomState): RoomState {
    this.#state = { ...before, memory: this.#state.memory };
    return this.measure(db, path);
  }

  #reason(usedBytes: number, freeDiskBytes: number): ClosedReason | undefined {
    const { capacityBytes, minFreeDiskBytes, ballastBytes } = this.#limits;
    const before = this.#state.reason;
    if (before === 'io-error' || before === 'database-damaged') return before;
    const margin = Math.min(FREE_DISK_MARGIN_BYTES, Math.max(minFreeDiskBytes / 10, MIB));
    // Room for the ballast and as much again, or the next put would fill the disk at once.
    if (before === 'disk-full' && freeDiskBytes < minFreeDiskBytes + 2 * ballastBytes + margin)
      return 'disk-full';
    if (freeDiskBytes < minFreeDiskBytes + (before === 'free-disk' ? margin : 0)) return 'free-disk';
    if (usedBytes >= capacityBytes * (before === 'capacity' ? LOW_MARK_RATIO : 1)) return 'capacity';
    return undefined;
  }
}

export function usedPagesBytes(db: ChannelDatabase): number {
  return (
    (pragmaNumber(db, 'page_count') - pragmaNumber(db, 'freelist_count')) * pragmaNumber(db, 'page_size')
  );
}

export function freePagesBytes(db: ChannelDatabase): number {
  return pragmaNumber(db, 'freelist_count') * pragmaNumber(db, 'page_size');
}

/** Size of the WAL file beside the database, which is what it takes on the disk. */
export function walBytes(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

/** How much longer the database's file becomes when the WAL is moved into it. */
export function growthBytes(db: ChannelDatabase, path: string): number {
  const wholeBytes = pragmaNumber(db, 'page_count') * pragmaNumber(db, 'page_size');
  return Math.max(0, wholeBytes - statSync(path).size);
}

function pragmaNumber(db: ChannelDatabase, name: string): number {
  return Number(db.pragma(name, { simple: true }));
}
