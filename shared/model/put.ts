import type { Offset } from './brand.ts';
import type { LandingKey } from './landing-key.ts';
import type { EncodedRuns } from './offset-runs.ts';
import type { Disposition, Fingerprint, PartitionRef } from './partition.ts';

/** A chunk never holds more raw bytes than this, unless one event alone is larger. */
export const CHUNK_RAW_BYTES_MAX = 1024 * 1024;

/** Serialized events of one landing key and one source partition, as a slice of the put's bytes. */
export interface PutChunk {
  readonly channel: string;
  readonly landingKey: LandingKey;
  /** Slice of `Put.bytes`: the serialized events, one after the other, exactly as they shall stand in the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly runs: EncodedRuns;
  readonly oldestEventMs: number;
  readonly newestEventMs: number;
  /** End of the directory's time bucket, when its path has time escapes: the file may roll when that has passed. */
  readonly bucketEndMs: number | undefined;
}

/** An event that no rule could place, whole and as its source delivered it: no interceptor's work is in it. */
export interface QuarantinedEvent {
  readonly offset: Offset;
  /** The channel it was meant for; undefined: all channels of the source. */
  readonly channel: string | undefined;
  readonly reason: string;
  /** NaN: it has no time. */
  readonly timestampMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly key: Uint8Array | undefined;
  readonly body: Uint8Array;
}

/**
 * One batch on its way into the channel: everything that became of the offsets `[first, next)` of one partition, and the
 * source position after them. It is stored whole or not at all, and only while `tenure` is current and `first` is the position.
 */
export interface Put {
  readonly partition: PartitionRef;
  /** Nonce of the tenure under which the events were pulled. */
  readonly tenure: string;
  readonly first: Offset;
  readonly next: Offset;
  readonly fingerprint: Fingerprint | undefined;
  /**
   * All channels that the source feeds, also those that get no chunk of this put: each must account for every offset. Absent:
   * the channels that chunks, dispositions and quarantined events name.
   */
  readonly channels?: readonly string[];
  readonly chunks: readonly PutChunk[];
  /** Bytes of all chunks; transferred to the writer, so the sender must not touch them again until they come back. */
  readonly bytes: ArrayBuffer;
  readonly dispositions: readonly Disposition[];
  readonly quarantined: readonly QuarantinedEvent[];
  /** Version of the configuration that the rules came from. */
  readonly configVersion: number;
}

/** What the writer answers when the put is durable. The put's bytes come back for use again. */
export interface PutReceipt {
  readonly bytes: ArrayBuffer;
  /** Stored bytes of the put's chunks after compression. */
  readonly storedBytes: number;
}
