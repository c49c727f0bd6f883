/**
 * What a file in place says of itself, read whole: whose it is, and exactly which offsets it holds. It is believed only when the digest
 * over the runs matches, so that what goes into the rebuilt ledger is what was landed.
 */
import { createHash } from 'node:crypto';
import * as z from 'zod';
import { offset as asOffset } from '../../shared/model/brand.ts';
import type { FilePart } from '../../shared/model/file-plan.ts';
import {
  IDENTITY_ATTRIBUTE,
  RUNS_DIGEST_HASH,
  runsDigestPieces,
  sidecarName,
} from '../../shared/model/file-stamp-names.ts';
import { decodeRuns } from '../../shared/model/offset-runs.ts';

const count = z.int().min(0);
const identitySchema = z.object({
  gateway: z.string(),
  state: z.string(),
  file: z.string(),
  sink: z.string(),
  channel: z.string(),
  events: count,
  lines: count,
  bytes: count,
  raw: count.optional(),
  codec: z.string().optional(),
  serializer: z.string().optional(),
  version: count.optional(),
  crc32c: count,
  checksum: z.string().optional(),
  digest: z.string(),
  runs: z.enum(['here', 'sidecar']).optional(),
  replay: z.string().optional(),
  parts: z.unknown().optional(),
});
const rowSchema = z.tuple([z.string(), z.string(), count, z.string(), count, count, count]).rest(z.string());

export type FileIdentity = Omit<z.infer<typeof identitySchema>, 'parts' | 'runs'>;

export interface StampedFile {
  readonly identity: FileIdentity;
  /** Undefined: the exact runs stand in the sidecar. */
  readonly parts: readonly FilePart[] | undefined;
}

/** The identity alone; undefined: it is no file of a gateway. */
export function identityIn(text: string | undefined): z.infer<typeof identitySchema> | undefined {
  if (text === undefined) return undefined;
  try {
    const parsed = identitySchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch (error) {
    // Somebody else's attribute or file of the same name.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** From a file's attributes. Throws RangeError with what does not fit together. */
export function stampIn(attributes: Readonly<Record<string, string>> | undefined): StampedFile | undefined {
  const found = identityIn(attributes?.[IDENTITY_ATTRIBUTE]);
  if (found === undefined) return undefined;
  const { parts: _none, runs, ...identity } = found;
  if (runs === 'sidecar') return { identity, parts: undefined };
  return { identity, parts: verified(identity, rowsOf(joinedParts(attributes ?? {}))) };
}

/** From a sidecar's text. Throws as above. */
export function stampInSidecar(text: string): StampedFile | undefined {
  const found = identityIn(text);
  if (found === undefined) return undefined;
  const { parts, runs: _none, ...identity } = found;
  return { identity, parts: verified(identity, rowsOf(parts)) };
}

export function sidecarBeside(directory: string, fileId: string): string {
  return `${directory === '/' ? '' : directory}/${sidecarName(fileId)}`;
}

function joinedParts(attributes: Readonly<Record<string, string>>): unknown {
  const pieces: string[] = [];
  for (let at = 0; attributes[`parts.${at}`] !== undefined; at++)
    pieces.push(attributes[`parts.${at}`] ?? '');
  const text = attributes['parts'] ?? pieces.join('');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RangeError('its attribute `parts` is cut off or was changed', { cause });
  }
}

function rowsOf(value: unknown): FilePart[] {
  const rows = z.array(rowSchema).safeParse(value);
  if (!rows.success) throw new RangeError('its parts are not as a gateway writes them');
  return rows.data.map(([source, topic, partition, incarnation, first, last, events, runs]) => {
    if (runs === undefined) throw new RangeError('the exact offsets of a part are missing');
    const bytes = Uint8Array.from(Buffer.from(runs, 'base64url'));
    let [held, end] = [0, first];
    for (const run of decodeRuns(first, bytes)) {
      held += run.to - run.from;
      end = run.to;
    }
    if (held !== events || end !== last + 1)
      throw new RangeError(`a part says ${events} offsets to ${last}, its runs give ${held} to ${end - 1}`);
    asOffset(end);
    return { source, topic, partition, incarnation, runs: { first, next: end, count: events, bytes } };
  });
}

function verified(identity: FileIdentity, parts: readonly FilePart[]): readonly FilePart[] {
  const events = parts.reduce((sum, { runs }) => sum + runs.count, 0);
  if (events !== identity.events)
    throw new RangeError(`it says ${identity.events} events, its parts give ${events}`);
  const hash = createHash(RUNS_DIGEST_HASH);
  for (const piece of runsDigestPieces(parts)) hash.update(piece);
  const digest = `${RUNS_DIGEST_HASH}:${hash.digest('hex')}`;
  if (digest !== identity.digest) throw new RangeError('the digest over its offsets does not match');
  return parts;
}
