import type { Readable } from 'node:stream';

/**
 * What landing writes to: an HDFS over WebHDFS or HttpFS, or a local directory. The upload protocol (exactly-once.md §3) is
 * written once, over this interface. Every call takes a signal and its own time limits, and throws a GatewayError whose
 * `retry` says what to do: `backoff` (servers, network), `never` (an operator must act), `now` (try the other server).
 */
export interface Target {
  /** Identity of the namespace: two targets with the same one are the same cluster. Cheap after the first call. */
  namespace(signal: AbortSignal): Promise<string>;
  mkdirs(directory: string, signal: AbortSignal): Promise<void>;
  /**
   * Writes a new file of exactly `upload.lengthBytes`, never over an existing one. Resolves when the target said that it is
   * complete; a throw means *unknown*: the name must never be used again. Computes the target's own checksum on the way.
   */
  create(path: string, upload: Upload, signal: AbortSignal): Promise<CreateResult>;
  /** Facts about a path, or undefined when nothing is there. */
  stat(path: string, signal: AbortSignal): Promise<TargetStat | undefined>;
  /** The file with this inode, wherever it was moved to; `unsupported` where the target can't look files up so. */
  statInode(inode: string, signal: AbortSignal): Promise<TargetStat | undefined | 'unsupported'>;
  /** The stored file's checksum in the form of `CreateResult.checksum`; undefined, with why, where there is none. */
  checksum(
    path: string,
    signal: AbortSignal,
  ): Promise<{ readonly value: string } | { readonly unavailable: string }>;
  /** Never over an existing file and never into a directory. `renamed: false`: it was refused, nothing moved, `why` says so. */
  rename(
    from: string,
    to: string,
    signal: AbortSignal,
  ): Promise<{ readonly renamed: boolean; readonly why?: RenameRefusal }>;
  /** Sets attributes on a file (HDFS: `user.headgate.*` xattrs). `false`: the target has none; the caller writes a sidecar. */
  stamp(path: string, attributes: Readonly<Record<string, string>>, signal: AbortSignal): Promise<boolean>;
  attributes(path: string, signal: AbortSignal): Promise<Readonly<Record<string, string>> | undefined>;
  /** Removes a file (not a directory); `false`: it was not there. */
  remove(path: string, signal: AbortSignal): Promise<boolean>;
  /** Entries of a directory; undefined when it does not exist. Not bounded: callers name directories of their own. */
  list(directory: string, signal: AbortSignal): Promise<readonly TargetEntry[] | undefined>;
  /** Reads a file from the start (`audit --deep`). */
  open(path: string, signal: AbortSignal): Promise<Readable>;
  close(): Promise<void>;
}

export type RenameRefusal = 'source-missing' | 'destination-exists' | 'parent-missing' | 'unknown';

/** One file's bytes on their way out. */
export interface Upload {
  readonly lengthBytes: number;
  /** The bytes in order, in pieces of any size; may be asked for once only. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Octal permission such as `644`, or undefined for the cluster's default. */
  readonly permission?: string | undefined;
  readonly replication?: number | undefined;
  readonly blockSizeBytes?: number | undefined;
  /** The directory must be there already: a server that is late then brings back nothing that was removed meanwhile (HttpFS does not heed it). */
  readonly isParentRequired?: boolean | undefined;
  /** Servers that failed an earlier attempt of this file, `host:port`; not to be used when there are others. */
  readonly avoid?: readonly string[] | undefined;
}

export interface CreateResult {
  readonly lengthBytes: number;
  /** The checksum that the target should answer later, for comparison; undefined where it can't be known. */
  readonly checksum: string | undefined;
  /** CRC-32C of all bytes, unsigned. */
  readonly crc32c: number;
  /** The server that took the bytes, for `avoid` in the next attempt. */
  readonly server: string | undefined;
}

export interface TargetStat {
  readonly path: string;
  readonly type: 'file' | 'directory';
  readonly lengthBytes: number;
  /** Stable identity through renames (HDFS fileId, local inode). */
  readonly inode: string | undefined;
  readonly modifiedAtMs: number;
}

export interface TargetEntry {
  readonly name: string;
  readonly type: 'file' | 'directory';
  readonly lengthBytes: number;
}
