import type { Ballast } from './ballast.ts';
import type { Channel } from './channel.ts';
import { isDiskFull } from './channel-database.ts';
import {
  FREE_PAGES_KEPT_BYTES,
  IDLE_BEFORE_VACUUM_MS,
  PAGE_BYTES,
  VACUUM_STEP_BYTES,
} from './channel-limits.ts';
import { freePagesBytes, growthBytes, walBytes } from './room-gauge.ts';
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
  openDespiteFullDisk<T>(open: () => T): T {
    try {
      return open();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#gauge.close('disk-full');
      this.freeBallast();
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
    // Before pages are given back as well: that writes to the log first, and could take the room that emptying the log needs.
    if (isClosed) this.emptyWal(channel);
    if (at.idleMs >= IDLE_BEFORE_VACUUM_MS || isClosed)
      this.#giveBack(channel, isClosed ? 0 : FREE_PAGES_KEPT_BYTES);
    if (isClosed) this.emptyWal(channel);
    const { freeDiskBytes, reason } = this.#gauge.measure(db, path);
    // As much again stays for intake: the ballast must not be what stops it.
    const { bytes, nextStepBytes } = this.#ballast;
    const hasRoom = freeDiskBytes > this.#minFreeDiskBytes + bytes + nextStepBytes;
    if (reason !== 'disk-full' && hasRoom) this.#ballast.grow();
  }

  /**
   * Moves the WAL into the database, unless the disk lacks the room for what the database grows by: that would end in the middle, with the
   * room taken, the WAL as long as before, and nothing left to land with.
   */
  emptyWal({ db, path }: Channel): void {
    if (walBytes(path) > 0 && this.#gauge.freeDiskBytes(path) >= growthBytes(db, path))
      db.pragma('wal_checkpoint(TRUNCATE)');
  }

  /** Each page given back moves another one, by way of the WAL: no more at a time than there is room for. */
  #giveBack({ db, path }: Channel, keptBytes: number): void {
    const spare = freePagesBytes(db) - keptBytes;
    if (spare <= 0) return;
    const bytes = Math.min(spare, VACUUM_STEP_BYTES, this.#gauge.freeDiskBytes(path) / 2);
    // Not 0 pages: that is all of them.
    const pages = Math.max(1, Math.floor(bytes / PAGE_BYTES));
    db.pragma(`incremental_vacuum(${pages})`);
  }
}
