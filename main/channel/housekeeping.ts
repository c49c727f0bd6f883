import type { Ballast } from './ballast.ts';
import type { Channel } from './channel.ts';
import { isDiskFull } from './channel-database.ts';
import {
  BALLAST_STEP_BYTES,
  FREE_PAGES_KEPT_BYTES,
  IDLE_BEFORE_VACUUM_MS,
  PAGE_BYTES,
  VACUUM_STEP_BYTES,
} from './channel-limits.ts';
import { freePagesBytes, walBytes } from './room-gauge.ts';
import type { RoomGauge } from './room-gauge.ts';

/** What the writer does when nobody asks: each round is bounded, so that no put waits long for it. */
export class Housekeeping {
  readonly #gauge: RoomGauge;
  readonly #ballast: Ballast;
  readonly #minFreeDiskBytes: number;

  constructor(gauge: RoomGauge, ballast: Ballast, minFreeDiskBytes: number) {
    this.#gauge = gauge;
    this.#ballast = ballast;
    this.#minFreeDiskBytes = minFreeDiskBytes;
  }

  /** A disk that is full already is met as one that becomes full: with the ballast's room landing goes on, and intake waits. */
  openOnFullDisk<T>(open: () => T): T {
    try {
      return open();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#gauge.close('disk-full');
      this.#ballast.free();
      return open();
    }
  }

  /** Gives room to landing, on a full disk. */
  freeBallast(): void {
    this.#ballast.free();
  }

  tidy(channel: Channel, at: { readonly nowMs: number; readonly idleMs: number }): void {
    const { db, path } = channel;
    const isDamaged = this.#gauge.state.reason === 'database-damaged';
    // A damaged database is left exactly as it is.
    if (isDamaged) return;
    channel.ledger.dropRetained(at.nowMs);
    const isClosed = !this.#gauge.state.isOpen;
    if (at.idleMs >= IDLE_BEFORE_VACUUM_MS || isClosed)
      this.#giveBack(channel, isClosed ? 0 : FREE_PAGES_KEPT_BYTES);
    if (isClosed && walBytes(path) > 0) db.pragma('wal_checkpoint(TRUNCATE)');
    const { freeDiskBytes, reason } = this.#gauge.measure(db, path);
    const hasRoom = freeDiskBytes > this.#minFreeDiskBytes + this.#ballast.bytes + BALLAST_STEP_BYTES;
    if (reason !== 'disk-full' && hasRoom && !this.#ballast.isComplete) this.#ballast.grow();
  }

  #giveBack(channel: Channel, keptBytes: number): void {
    const spare = freePagesBytes(channel.db) - keptBytes;
    if (spare <= 0) return;
    const pages = Math.ceil(Math.min(spare, VACUUM_STEP_BYTES) / PAGE_BYTES);
    channel.db.pragma(`incremental_vacuum(${pages})`);
  }
}
