import { createHash } from 'node:crypto';

import type { FilePart, FilePlan } from '../../shared/model/file-plan.ts';
import {
  IDENTITY_ATTRIBUTE,
  partIdentity,
  REPLAY_ATTRIBUTE,
  RUNS_DIGEST_HASH,
  runsDigestPieces,
} from '../../shared/model/file-stamp-names.ts';

/** HDFS takes 32 attributes a file and 16 KiB in all (`dfs.namenode.fs-limits.*`); other programs have some of their own. */
export const ATTRIBUTE_BYTES_MAX = 3_900;
export const PART_ATTRIBUTES_MAX = 3;

/** Who lands the file, and what was proven about its bytes before it was stamped. */
export interface StampFacts {
  readonly gatewayId: string;
  readonly stateId: string;
  readonly crc32c: number;
  readonly checksum: string | undefined;
  readonly replayId?: string | undefined;
}

export interface FileStamp {
  /**
   * `file`: one JSON object that says whose file it is. `parts` (or `parts.0` …): one JSON array of
   * `[source, topic, partition, incarnation, first, last, count, runs]`, to be joined in order; runs are base64url of
   * `EncodedRuns.bytes`, and are missing where they do not fit. Few attributes, because each is a call to the NameNode.
   */
  readonly attributes: Readonly<Record<string, string>>;
  /** Everything, for a sidecar file; it is needed when the attributes do not hold it all, or when the target has none. */
  readonly sidecar: string;
  readonly isSidecarNeeded: boolean;
}

/** What a file carries about itself, so that `recover` and `audit --hdfs` can work without our database. */
export function fileStamp(plan: FilePlan, facts: StampFacts): FileStamp {
  const identity = {
    v: 1,
    gateway: facts.gatewayId,
    state: facts.stateId,
    file: plan.fileId,
    sink: plan.sink,
    channel: plan.channel,
    events: plan.events,
    lines: plan.lines,
    bytes: plan.expectedBytes,
    raw: plan.rawBytes,
    codec: plan.landingKey.codec,
    serializer: plan.landingKey.serializer,
    version: plan.landingKey.version,
    crc32c: facts.crc32c,
    checksum: facts.checksum,
    partitions: plan.parts.length,
    digest: runsDigest(plan.parts),
    ...(facts.replayId === undefined ? {} : { replay: facts.replayId }),
  };
  const whole = plan.parts.map((part) => partRow(part, true));
  const full = attributesOf(whole);
  const ranges = full ?? attributesOf(plan.parts.map((part) => partRow(part, false)));
  const isSidecarNeeded = full === undefined;
  const file = JSON.stringify({ ...identity, runs: isSidecarNeeded ? 'sidecar' : 'here' });
  return {
    attributes: {
      [IDENTITY_ATTRIBUTE]: file,
      ...ranges,
      ...(facts.replayId === undefined ? {} : { [REPLAY_ATTRIBUTE]: facts.replayId }),
    },
    sidecar: `${JSON.stringify({ ...identity, finalPath: plan.finalPath, parts: whole })}\n`,
    isSidecarNeeded,
  };
}

/** SHA-256 over the exact runs of all parts in the plan's order, as `sha256:<hex>`. */
export function runsDigest(parts: readonly FilePart[]): string {
  const hash = createHash(RUNS_DIGEST_HASH);
  for (const piece of runsDigestPieces(parts)) hash.update(piece);
  return `${RUNS_DIGEST_HASH}:${hash.digest('hex')}`;
}

/** The file id that a `file` attribute names; undefined when it is none of ours. */
export function stampedFileId(attributes: Readonly<Record<string, string>> | undefined): string | undefined {
  const text = attributes?.[IDENTITY_ATTRIBUTE];
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const id: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'file') : undefined;
    return typeof id === 'string' ? id : undefined;
  } catch {
    // Somebody else's attribute of the same name: it does not identify our file, which is all that was asked.
    return undefined;
  }
}

type PartRow = readonly [string, string, number, string, number, number, number, ...string[]];

function partRow(part: FilePart, hasRuns: boolean): PartRow {
  const row = partIdentity(part);
  return hasRuns ? [...row, Buffer.from(part.runs.bytes).toString('base64url')] : row;
}

/** The rows in as many attributes as are allowed, cut anywhere; undefined when they do not fit. */
function attributesOf(rows: readonly PartRow[]): Record<string, string> | undefined {
  // Pure ASCII, so that a cut by characters is a cut by bytes.
  const text = JSON.stringify(rows).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const needed = Math.ceil(text.length / ATTRIBUTE_BYTES_MAX);
  if (needed > PART_ATTRIBUTES_MAX) return undefined;
  if (needed === 1) return { parts: text };
  const cuts = Array.from({ length: needed }, (_, at) =>
    text.slice(at * ATTRIBUTE_BYTES_MAX, (at + 1) * ATTRIBUTE_BYTES_MAX),
  );
  return Object.fromEntries(cuts.map((cut, at) => [`parts.${at}`, cut]));
}
