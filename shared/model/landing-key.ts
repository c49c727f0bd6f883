/**
 * A landing key names the one open file an event belongs to: two events may share a file if and only if their keys are equal.
 * Everything that decides the bytes of a file is part of it, so a changed codec or serializer never mixes with a backlog.
 */
export interface LandingKey {
  /** The sink, or the group of sinks that may land it. */
  readonly sink: string;
  /** Absolute directory in the target's namespace, escapes expanded, no trailing slash, no `.`/`..` parts. */
  readonly directory: string;
  readonly prefix: string;
  readonly suffix: string;
  readonly codec: OutputCodec;
  readonly serializer: 'text';
  /** Raised when a sink's bytes change for the same settings. */
  readonly version: number;
}

export type OutputCodec = 'none' | 'gzip' | 'zstd';
/** How a chunk's bytes are stored: the output codec where the file is compressed, else the channel's own choice. */
export type ChunkCodec = OutputCodec;

/** The key as one string: equal keys give equal texts, and no two different keys give the same. */
export function landingKeyText(key: LandingKey): string {
  return JSON.stringify([
    key.sink,
    key.directory,
    key.prefix,
    key.suffix,
    key.codec,
    key.serializer,
    key.version,
  ]);
}
