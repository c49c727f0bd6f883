import { createHash } from 'node:crypto';
import { isGatewayError } from '../../shared/errors.ts';
import {
  IDENTITY_ATTRIBUTE,
  RUNS_DIGEST_HASH,
  runsDigestPieces,
  sidecarName,
} from '../../shared/model/file-stamp-names.ts';
import type { Target } from '../landing/target.ts';
import type { LandingPart } from '../channel/backlog-reader.ts';
import { SIDECAR_BYTES_MAX } from './audit-limits.ts';
import type { AuditedTarget } from './audited-target.ts';

/** What a file says about itself, as far as the ledger says it too; undefined values were not there. */
export interface FileIdentity {
  readonly file: unknown;
  readonly digest: unknown;
  readonly events: unknown;
  readonly bytes: unknown;
  readonly crc32c: unknown;
}

/** The digest of the exact runs that the ledger's parts give, in the form of the stamp. */
export function digestOfParts(parts: readonly LandingPart[]): string {
  const hash = createHash(RUNS_DIGEST_HASH);
  const filed = parts.map(({ first, next, events, runs, ...ref }) => ({
    ...ref,
    runs: { first, next, count: events, bytes: runs },
  }));
  for (const piece of runsDigestPieces(filed)) hash.update(piece);
  return `${RUNS_DIGEST_HASH}:${hash.digest('hex')}`;
}

/** From the file's attributes, else from its sidecar in `directory`; undefined when it has neither. Throws GatewayError. */
export async function readIdentity(
  target: AuditedTarget,
  file: { readonly path: string; readonly directory: string; readonly fileId: string },
  signal: AbortSignal,
): Promise<FileIdentity | undefined> {
  const attributes = await target.call((one) => one.attributes(file.path, signal), signal);
  const text = attributes?.[IDENTITY_ATTRIBUTE];
  if (text !== undefined) return parseIdentity(text);
  const path = `${file.directory === '/' ? '' : file.directory}/${sidecarName(file.fileId)}`;
  const sidecar = await target.call((one) => sidecarText(one, path, signal), signal);
  return sidecar === undefined ? undefined : parseIdentity(sidecar);
}

async function sidecarText(target: Target, path: string, signal: AbortSignal): Promise<string | undefined> {
  const stat = await target.stat(path, signal);
  if (stat?.type !== 'file' || stat.lengthBytes > SIDECAR_BYTES_MAX) return undefined;
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of (await target.open(path, signal)) as AsyncIterable<Uint8Array>)
      pieces.push(piece);
  } catch (error) {
    if (isGatewayError(error) && error.code === 'file-missing') return undefined;
    throw error;
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** What is no JSON object of ours names no file, and so differs from every ledger row. */
function parseIdentity(text: string): FileIdentity {
  const nothing = {
    file: undefined,
    digest: undefined,
    events: undefined,
    bytes: undefined,
    crc32c: undefined,
  };
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...nothing, ...value } : nothing;
  } catch (error) {
    if (error instanceof SyntaxError) return nothing;
    throw error;
  }
}
