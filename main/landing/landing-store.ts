import type { FileId } from '../../shared/model/brand.ts';
import type { FilePlan, LandedFacts, LandingKeySummary, PlannedChunk } from '../../shared/model/file-plan.ts';

/**
 * The durable side of landing, as the lander sees it: each call that changes something is one durable transaction at the
 * channel's writer and resolves after its commit. The lander lives in a worker of its own and reads chunks itself.
 */
export interface LandingStore {
  /** Backlog by landing key of one sink. Bounded by the number of keys, not by the backlog. */
  keys(sink: string): Promise<readonly LandingKeySummary[]>;
  /** Called after puts, acceptances and landings that touch the sink; at most a few times a second. Returns how to stop it. */
  onChange(sink: string, listener: () => void): () => void;
  /**
   * Plans one file: takes accepted chunks of the key in order, up to the limits (at least one chunk), skips held ones and what
   * comes after them in their partition. Undefined: nothing of this key may land now. When some accepted chunks are left for
   * another file, `more` says so.
   */
  plan(request: PlanRequest): Promise<{ readonly plan: FilePlan; readonly more: boolean } | undefined>;
  /** Plans not landed yet, held ones included; after a restart landing goes on with these. */
  openPlans(sink: string): Promise<readonly FilePlan[]>;
  /** A new attempt under a name never used before; durable before the first byte goes out. */
  startAttempt(
    fileId: FileId,
    attempt: { readonly number: number; readonly tempPath: string },
  ): Promise<void>;
  /** The attempt's file stands complete and verified under its temp name. */
  attemptUploaded(
    fileId: FileId,
    attempt: { readonly number: number; readonly inode: string | undefined },
  ): Promise<void>;
  abandonAttempt(
    fileId: FileId,
    attempt: { readonly number: number; readonly inode: string | undefined },
  ): Promise<void>;
  /** From here on nothing is uploaded again by itself. */
  startRename(fileId: FileId, attempt: number): Promise<void>;
  /** The one transaction: ledger row written, chunks deleted (or kept until `retainUntilMs`), plan done. */
  landed(fileId: FileId, facts: LandedFacts, retainUntilMs: number | undefined): Promise<void>;
  /** Stops this file until an operator decides; the chunks stay. */
  hold(fileId: FileId, reason: string): Promise<void>;
  /**
   * Takes a plan back whose file certainly has no final name and never will: its chunks wait again, its names are abandoned. False: the
   * plan is no longer `planned`, and stays. To be called by the lander of its sink, while the file does not run.
   */
  giveBack(fileId: FileId): Promise<boolean>;
  /** A chunk whose stored bytes do not match their CRC: set aside with its offsets named; the plan goes on without it. */
  damagedChunk(fileId: FileId, chunkId: number, reason: string): Promise<FilePlan | undefined>;
  /** Temp names that our plans know as abandoned and that the janitor has not removed since `beforeMs`. */
  abandonedNames(sink: string, beforeMs: number): Promise<readonly AbandonedName[]>;
  abandonedRemoved(
    names: readonly { readonly fileId: FileId; readonly number: number; readonly atMs: number }[],
  ): Promise<void>;
  /** Which of these inodes stand in the ledger of landed files of this sink: the janitor never removes such a file. */
  landedInodes(sink: string, inodes: readonly string[]): Promise<readonly string[]>;
  /** What landing keeps by a name of its own (landing-marker.ts); durable when it resolves. */
  readNote(name: string): Promise<string | undefined>;
  writeNote(name: string, value: string): Promise<void>;
  /** The write switch: true while an operator paused this sink or all. */
  isPaused(sink: string): Promise<boolean>;
}

export interface PlanRequest {
  readonly sink: string;
  readonly landingKeyId: number;
  readonly fileId: FileId;
  /** Final path without a collision: made from the key and the file id by the lander. */
  readonly finalPath: string;
  /** The path where the directory was marked as complete before these events came; the store knows. */
  readonly lateFinalPath?: string | undefined;
  readonly namespace: string;
  /** Limits of bytes as they will stand in the file, and of events; 0: no limit. */
  readonly maxBytes: number;
  readonly maxEvents: number;
  readonly nowMs: number;
}

export interface AbandonedName {
  readonly fileId: FileId;
  readonly number: number;
  readonly tempPath: string;
  readonly inode: string | undefined;
  /** When the janitor removed it the first time; it looks again after 24 h. */
  readonly removedAtMs: number | undefined;
  readonly abandonedAtMs: number;
}

/** Reads chunk bytes for an upload; one short read transaction each, CRC verified, throws `chunk-damaged`. */
export interface ChunkReader {
  /** The stored bytes exactly as they are at rest. */
  read(chunk: PlannedChunk): Uint8Array | Promise<Uint8Array>;
  close(): void;
}
