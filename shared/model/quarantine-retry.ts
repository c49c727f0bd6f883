import type { Offset } from './brand.ts';
import type { Disposition } from './partition.ts';
import type { PutChunk } from './put.ts';

/**
 * Events in quarantine that went through the running rules once more, and what became of each: all of one partition and tenure, and
 * all with the same `channel`. It is stored whole or not at all.
 */
export interface QuarantineRetry {
  /** Rows and offsets, in rising order of offsets. */
  readonly events: readonly { readonly id: number; readonly offset: Offset }[];
  /** The channel for which they are in quarantine; undefined: all channels of the source. */
  readonly channel: string | undefined;
  /**
   * The channels that account for each event that leaves: those that the source feeds now, or `channel` alone. Channels that had a
   * part in an event and are fed no more are accounted for by the writer.
   */
  readonly channels: readonly string[];
  readonly chunks: readonly PutChunk[];
  /** Bytes of all chunks; transferred to the writer, and come back with the receipt. */
  readonly bytes: ArrayBuffer;
  readonly dispositions: readonly Disposition[];
  /** What no rule can place even now, for which channel, and why. Where this is the event's own `channel`, its row stays as it is. */
  readonly stays: readonly {
    readonly offset: Offset;
    readonly channel: string | undefined;
    readonly reason: string;
  }[];
  readonly configVersion: number;
  /** Who asked. */
  readonly by: string;
}

export interface RetryReceipt {
  readonly bytes: ArrayBuffer;
  /** False: nothing was changed, for some of the events do not wait any more: somebody dropped them. */
  readonly isDone: boolean;
}

/** Events that an operator gives up for good. */
export interface QuarantineDrop {
  readonly ids: readonly number[];
  readonly by: string;
  readonly why: string;
}
