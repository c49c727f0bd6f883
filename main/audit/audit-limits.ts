/** Every bound of the audit in one place: memory and waiting depend on these and not on the books. */

/** Rows read from one table at once; with five tables this is what a sweep holds. */
export const PAGE_ROWS = 256;
/** Rows that one statement of a cross-check looks at. */
export const CHECK_ROWS = 2_000;
/** Landing keys that one statement looks at: each may have many chunks. */
export const CHECK_KEYS = 8;
/** A partition is read in one snapshot for so long; then the next one begins at the next seam. Longer ones would pin the WAL. */
export const SNAPSHOT_MS = 250;
/** Rows before a seam that are looked at for having been joined with later ones; the channel joins with one of 8. */
export const JOINED_ROWS = 16;
/** Rows that were read to their end are looked through for those that are behind us, each time so many have come. */
export const ENDED_ROWS = 64;
/** The event loop gets its turn after so much work. */
export const SLICE_MS = 15;

/** Findings that a report carries; what is beyond is counted. */
export const FINDINGS_MAX = 500;
/** Gaps that a report names, and one channel of a partition. */
export const GAPS_NAMED_MAX = 500;
/** Notes that a report carries, and reasons why something could not be looked at. */
export const NOTES_MAX = 50;
export const REASONS_NAMED_MAX = 5;
/** Runs of offsets that one finding names, and groups (a pair of rows, say) of one kind in one channel of a partition. */
export const RUNS_NAMED_MAX = 20;
export const GROUPS_NAMED_MAX = 20;
/** Partitions of a file that a finding about it names with their offsets. */
export const PARTS_NAMED_MAX = 3;
/** A reason or a path in a finding is cut here. */
export const TEXT_CHARS_MAX = 300;

/** Files that are looked at, or read, at the same time. */
export const FILES_AT_ONCE = 3;
/** Ledger rows held at once, and directories. */
export const FILE_PAGE_ROWS = 256;
/** Tries of one call before it counts as failed, and the wait after the first failure; it doubles. */
export const TRIES_MAX = 3;
export const RETRY_FIRST_MS = 500;
/** After so many files in a row whose target did not answer it is asked no more: the rest is unknown. */
export const UNREACHABLE_FILES_MAX = 3;
/** A sidecar is read up to this size. */
export const SIDECAR_BYTES_MAX = 64 * 1024 * 1024;

/** A zstd frame is one chunk: 1 MiB raw, or one event, which the configuration limits to 256 MiB. */
export const FRAME_STORED_BYTES_MAX = 320 * 1024 * 1024;
export const FRAME_RAW_BYTES_MAX = 320 * 1024 * 1024;
