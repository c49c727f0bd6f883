import { MIB } from '../../shared/units.ts';

/**
 * Every bound of the channel room in one place. What an operator sets (`capacityBytes`, `minFreeDiskBytes`) comes with
 * `ChannelSettings`; what stands here is fixed and was chosen by measuring, or to keep memory and pauses small.
 */

/**
 * Measured with 270 kB and 1 MiB bodies, FULL, on the reference machine: 4 KiB pages 280-310 MB/s, 16 KiB 460-480, 32 KiB
 * 560-570, 64 KiB 625-650. A small transaction writes some eight pages whole, so the largest page would cost half a megabyte
 * for each acceptance; 16 KiB takes most of the gain for a quarter of that.
 */
export const PAGE_BYTES = 16 * 1024;
/** Page cache of the writer and of a reader. A group larger than the cache spills into the WAL, which is correct and cheap. */
export const WRITER_CACHE_BYTES = 16 * MIB;
export const READER_CACHE_BYTES = 2 * MIB;
/** The WAL is checkpointed at this size, at a commit, and cut back to it. */
export const WAL_CHECKPOINT_BYTES = 32 * MIB;
/** A reader that never lets go could keep the WAL growing; beyond this the writer waits for readers, `WAL_WAIT_MS` at most. */
export const WAL_BYTES_MAX = 256 * MIB;
export const WAL_WAIT_MS = 1_000;
/** How long a connection waits for another before it reports `database-busy`. */
export const BUSY_WAIT_MS = 5_000;

/** One transaction of the writer takes at most so much work: bounds memory, and the time until the first answer. */
export const GROUP_RAW_BYTES_MAX = 16 * MIB;
export const GROUP_OPERATIONS_MAX = 256;
/** Bytes of puts that one client may have under way; the next one waits. The capacity may be overshot by this much. */
export const PUT_BYTES_UNDER_WAY_MAX = 32 * MIB;

/** One file holds at most so many chunks, so that a plan fits into memory and into one message whatever the roll sizes are. */
export const PLAN_CHUNKS_MAX = 8_192;
/** Rows fetched at once while a plan is chosen or a list is read. */
export const PAGE_ROWS = 256;

/** Intake starts again below this part of the capacity. */
export const LOW_MARK_RATIO = 0.9;
/** ... and when the disk has this much more free than the limit. */
export const FREE_DISK_MARGIN_BYTES = 64 * MIB;
/**
 * Room kept aside for landing on a full disk. Emptying the WAL comes first there, and needs room in the database for all that is new in it:
 * `WAL_CHECKPOINT_BYTES` and one group more. The rest is for the books of what lands until then.
 */
export const BALLAST_BYTES = 64 * MIB;
export const BALLAST_STEP_BYTES = 8 * MIB;
/** Freed pages kept for the next puts, and how much is given back to the disk in one step. */
export const FREE_PAGES_KEPT_BYTES = 64 * MIB;
export const VACUUM_STEP_BYTES = 16 * MIB;
/** How often the writer looks after room and ballast, and how long it must have been idle before it gives pages back. */
export const HOUSEKEEPING_INTERVAL_MS = 1_000;
export const IDLE_BEFORE_VACUUM_MS = 500;
/** Others write to the disk, too: below this its free room has not changed for anybody who reads of it. */
export const FREE_DISK_TOLD_STEP_BYTES = MIB;

/** Listeners hear of changes at most this often. */
export const CHANGE_INTERVAL_MS = 100;

/** An unclean shutdown is followed by SQLite's own check only when the file is this small: the check reads every page. */
export const QUICK_CHECK_BYTES_MAX = 64 * MIB;

/** The janitor looks at a removed name once more; only a removal this much later than the first is the last one. */
export const REMOVED_AGAIN_MS = 20 * 60 * 60 * 1_000;

/** Ranges up to this many offsets are checked for tiling with a map of a byte each, longer ones (gaps) by sorting runs. */
export const TILING_MAP_OFFSETS_MAX = 1024 * 1024;
/** A claim's runs take at most so many bytes; more of them go into several rows. Each redemption writes the rest of its row anew. */
export const CLAIM_RUNS_BYTES_MAX = 16 * 1024;
/** What a body in memory takes besides its bytes: counted, so that many small ones are bounded as well. */
export const MEMORY_BODY_OVERHEAD_BYTES = 512;
/** Bodies that go from memory to the disk in one step of the writer; what comes in waits no longer than for this. */
export const SPILL_STEP_BYTES = 8 * MIB;

/** Claims that a source is told of at once. */
export const CLAIM_PAGE_ROWS_MAX = 64;

/** Rows of the same disposition are joined, when they are accepted, until their runs take this many bytes. */
export const DISPOSITION_RUNS_BYTES_MAX = 4 * 1024;
