import { setImmediate as nextTurn } from 'node:timers/promises';

import { GatewayError } from '../../shared/errors.ts';
import type { FileId } from '../../shared/model/brand.ts';
import { sidecarPath } from './file-name.ts';
import type { LandingContext } from './lander-settings.ts';

const PIECE_BYTES = 256 * 1024;

/**
 * Writes a file's sidecar anew: whatever stands under its name goes first. Its name is used again, unlike a temp name: a late
 * writer of an earlier try can't overwrite this one, and what it could leave behind holds the same text or is replaced here.
 */
export async function writeSidecar(
  context: LandingContext,
  file: { readonly directory: string; readonly fileId: FileId; readonly text: string },
  signal: AbortSignal,
): Promise<void> {
  const { target, settings } = context;
  const path = sidecarPath(file.directory, file.fileId);
  const bytes = Buffer.from(file.text);
  await target.remove(path, signal);
  const { permission } = settings;
  await target.create(path, { lengthBytes: bytes.length, pieces: piecesOf(bytes), permission }, signal);
  const stat = await target.stat(path, signal);
  if (stat?.lengthBytes === bytes.length) return;
  throw new GatewayError({
    code: 'length-mismatch',
    operation: 'write a sidecar file',
    place: path,
    message: `The sidecar has ${stat?.lengthBytes ?? 'no'} bytes in place, not ${bytes.length}.`,
    retry: 'backoff',
    hint: 'It is written again; look at the DataNodes if this goes on.',
  });
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    yield bytes.subarray(at, at + PIECE_BYTES);
    await nextTurn();
  }
}
