/**
 * How an HDFS is reached. The engine makes this from the keys of an `hdfs` sink; nothing in this room reads the configuration
 * file.
 */
export interface HdfsSettings {
  readonly type: 'hdfs';
  /** `namenode`: WebHDFS of one NameNode or of both of an HA pair. `httpfs`: one HttpFS server before the cluster. */
  readonly server: 'namenode' | 'httpfs';
  /** Base addresses, `http(s)://host:port`, a path before `/webhdfs/v1` allowed (Knox). One or two NameNodes, or one HttpFS. */
  readonly urls: readonly string[];
  /** `user.name` of simple authentication. */
  readonly user: string;
  /** The part of the sink's path without escapes: `/logs`. Only the probe file of `namespace` is written here. */
  readonly root: string;
  /** `host` or `host:port` as a DataNode is named in a redirect, to `host` or `host:port` as it is reached from here. */
  readonly hostMap?: Readonly<Record<string, string>> | undefined;
  /** Octal mode of directories that are made; undefined: the cluster's. */
  readonly directoryPermission?: string | undefined;
  /** The cluster's identity by the operator's word, where it can't be asked for. */
  readonly namespace?: string | undefined;
  /** PEM texts for `https`. */
  readonly tls?:
    | {
        readonly ca?: string | undefined;
        readonly cert?: string | undefined;
        readonly key?: string | undefined;
        readonly passphrase?: string | undefined;
      }
    | undefined;
  readonly limits?: Partial<HdfsLimits> | undefined;
}

/** Time limits; each ends in a `timeout`, which says nothing about what happened at the other end. */
export interface HdfsLimits {
  /** From the first byte of a connection attempt to an open connection. */
  readonly connectMs: number;
  /** For the answer to a call without a body. */
  readonly answerMs: number;
  /** Without a byte accepted while a body is being sent, or received while one is being read. */
  readonly inactivityMs: number;
  /** For the answer after the last byte of a body. */
  readonly uploadAnswerMs: number;
  /** For a whole upload: this long, and what the length takes at `minBytesPerSecond`. */
  readonly uploadBaseMs: number;
  readonly minBytesPerSecond: number;
}

/**
 * With no active NameNode at all, a DataNode is silent for 169 s before it gives up, and a fail-over that succeeds may take
 * nearly as long (tried): an answer is worth waiting for.
 */
const LONGEST_FAILOVER_MS = 190_000;

export const DEFAULT_LIMITS: HdfsLimits = {
  connectMs: 10_000,
  answerMs: 60_000,
  inactivityMs: 60_000,
  uploadAnswerMs: LONGEST_FAILOVER_MS,
  uploadBaseMs: 600_000,
  minBytesPerSecond: 64 * 1024,
};

/** Everything in which HttpFS differs from a NameNode (3.4.2, tried) and that this room has to know. */
export interface ServerFacts {
  /** HttpFS takes the body itself, in one step, with `data=true`; a NameNode redirects to a DataNode. */
  readonly takesBodyItself: boolean;
  /** HttpFS ignores `renameoptions` and moves a file *into* a destination directory. */
  readonly obeysRenameOptions: boolean;
  /** HttpFS ignores `startAfter` of LISTSTATUS_BATCH and answers the whole directory each time. */
  readonly listsInBatches: boolean;
  /** A NameNode tells its block pool over `/jmx`; HttpFS's `/jmx` is its own. */
  readonly hasNameNodeBeans: boolean;
  /** HttpFS gives new files 755 when it is not told otherwise, a NameNode 644. */
  readonly filePermission: string | undefined;
  /** HttpFS waits for a NameNode fail-over inside a call. */
  readonly answerMsMin: number;
}

export const SERVER_FACTS: Readonly<Record<HdfsSettings['server'], ServerFacts>> = {
  namenode: {
    takesBodyItself: false,
    obeysRenameOptions: true,
    listsInBatches: true,
    hasNameNodeBeans: true,
    filePermission: undefined,
    answerMsMin: 0,
  },
  httpfs: {
    takesBodyItself: true,
    obeysRenameOptions: false,
    listsInBatches: false,
    hasNameNodeBeans: false,
    filePermission: '644',
    answerMsMin: LONGEST_FAILOVER_MS,
  },
};
