import type { FilePart } from './file-plan.ts';

/**
 * What a landed file carries about itself, as far as its writer (landing) and its readers (audit, recovery) must agree: the
 * name of the identity attribute, the name of the sidecar, and the bytes that the digest of the runs is made of.
 */

/** The attribute that says whose file it is, as one JSON object; a sidecar's text has the same keys. */
export const IDENTITY_ATTRIBUTE = 'file';
/** The id of the replay that a file is of; a landed file that is none does not have it. */
export const REPLAY_ATTRIBUTE = 'replay';

/** A file id (`20261121-115830123-<state>-<counter and nonce>`) as a part of a pattern: gateways and topics may have names like it, but for this. */
export const FILE_ID_PATTERN = String.raw`\d{8}-\d{9}-[0-9a-z]{8}-[0-9a-z]{8}`;

/** The hidden file beside the landed one that holds what does not fit into attributes. */
export function sidecarName(fileId: string): string {
  return `.headgate-${fileId}.json`;
}

/** A part without its runs: source, topic, partition, incarnation, first and last offset, count. */
export type PartIdentity = readonly [string, string, number, string, number, number, number];

export function partIdentity(part: FilePart): PartIdentity {
  const { source, topic, partition, incarnation, runs } = part;
  return [source, topic, partition, incarnation, runs.first, runs.next - 1, runs.count];
}

/** The digest is `sha256:<hex>` of the SHA-256 over these pieces, parts in the order of the plan (and of the ledger). */
export const RUNS_DIGEST_HASH = 'sha256';

export function* runsDigestPieces(parts: Iterable<FilePart>): Generator<string | Uint8Array> {
  for (const part of parts) {
    yield `${JSON.stringify(partIdentity(part))}\n`;
    yield part.runs.bytes;
  }
}
