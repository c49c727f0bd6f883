/** What a state directory holds for whom: the parts of the configuration that it needs until that is landed or pulled again. */
export interface Holdings {
  readonly chunks: readonly HeldChunks[];
  readonly claims: readonly HeldClaims[];
}

/** Chunks of a channel that wait for a sink, or for a group of sinks, or are in files that the sink has begun. */
export interface HeldChunks {
  readonly channel: string;
  readonly sink: string;
  readonly storedBytes: number;
}

/** Events of a channel that nobody has and that are to be had from their source. What a running process has in memory is chunks. */
export interface HeldClaims {
  readonly channel: string;
  readonly source: string;
  readonly events: number;
}

export const NOTHING_HELD: Holdings = { chunks: [], claims: [] };
