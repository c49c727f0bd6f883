import type { FileId, Offset } from './brand.ts';
import type { ChunkCodec, LandingKey } from './landing-key.ts';
import type { EncodedRuns } from './offset-runs.ts';

/**
 * Where a file's landing stands (exactly-once.md §3). `planned`: chunks and names are fixed; `renaming`: from here on nothing
 * is uploaded again by itself; `landed`: the ledger row exists and the chunks are gone; `held`: the operator decides.
 */
export type PlanState = 'planned' | 'renaming' | 'landed' | 'held';

/** One chunk of a plan, in file order. */
export interface PlannedChunk {
  readonly chunkId: number;
  readonly storedBytes: number;
  readonly rawBytes: number;
  readonly codec: ChunkCodec;
  /** CRC-32C of the stored bytes, unsigned. */
  readonly crc32c: number;
}

/** Everything of one source partition that a file holds. */
export interface FilePart {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
  readonly runs: EncodedRuns;
}

/** One upload attempt under its own temp name; a name is never used twice. */
export interface UploadAttempt {
  readonly number: number;
  readonly tempPath: string;
  readonly state: 'started' | 'uploaded' | 'abandoned' | 'removed';
  /** The target's inode number (HDFS `fileId`), once known. */
  readonly inode: string | undefined;
  readonly startedAtMs: number;
}

/** The durable plan of one file: written before anything exists at the target. */
export interface FilePlan {
  readonly fileId: FileId;
  readonly sink: string;
  readonly landingKeyId: number;
  readonly landingKey: LandingKey;
  readonly channel: string;
  readonly finalPath: string;
  /** Identity of the target's namespace, so that a plan in `renaming` stays with its target. */
  readonly namespace: string;
  readonly expectedBytes: number;
  readonly rawBytes: number;
  readonly events: number;
  readonly lines: number;
  readonly chunks: readonly PlannedChunk[];
  readonly parts: readonly FilePart[];
  readonly state: PlanState;
  /** Why it is held, when it is. */
  readonly heldReason: string | undefined;
  readonly attempts: readonly UploadAttempt[];
  readonly plannedAtMs: number;
}

/** What was proven about the file in place; written in the same transaction that deletes the chunks. */
export interface LandedFacts {
  readonly finalPath: string;
  readonly inode: string | undefined;
  /** The target's own checksum with its algorithm, or undefined with the reason in `checksumNote`. */
  readonly checksum: string | undefined;
  readonly checksumNote: string | undefined;
  /** CRC-32C of the whole file's bytes, computed while uploading. */
  readonly crc32c: number;
  readonly attempts: number;
  readonly landedAtMs: number;
}

/** Backlog of one landing key, as the channel counts it. */
export interface LandingKeySummary {
  readonly id: number;
  readonly key: LandingKey;
  readonly channel: string;
  /** Chunks that no plan holds yet, held puts included. */
  readonly events: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
  /** When the oldest of them was put, epoch ms. */
  readonly oldestPutMs: number;
  readonly newestPutMs: number;
  readonly oldestEventMs: number;
  readonly newestEventMs: number;
  readonly bucketEndMs: number | undefined;
}

/** A position in a partition's acceptance, told to those who wait for held chunks. */
export interface Acceptance {
  readonly tenure: string;
  readonly acceptedTo: Offset;
}
