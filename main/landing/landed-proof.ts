import { crc32c } from '@node-rs/crc32';

import { isGatewayError } from '../../shared/errors.ts';
import type { FilePlan, UploadAttempt } from '../../shared/model/file-plan.ts';
import type { LandingContext } from './lander-settings.ts';
import { UploadStream } from './upload-stream.ts';

/** What the ledger says about a file's bytes. */
export interface FileProof {
  /** The attempt that it speaks of. */
  readonly number: number;
  readonly crc32c: number;
  readonly checksum: string | undefined;
  readonly checksumNote: string | undefined;
}

export interface FileAtHand {
  readonly plan: FilePlan;
  readonly attempt: UploadAttempt;
  /** Where its file stands at present. */
  readonly path: string;
  /** What this process found out before, if it did. */
  readonly known: FileProof | undefined;
}

/**
 * What is proven about an uploaded attempt: what this process found while it uploaded, or, after a restart, the same computed
 * again: the CRC from the chunks, the checksum as the target has it. The verification itself was done before the attempt was
 * noted as uploaded, so a checksum that is not to be had now is a note and no reason to wait.
 */
export async function landedProof(
  context: LandingContext,
  at: FileAtHand,
  signal: AbortSignal,
): Promise<FileProof> {
  const { attempt, path, known } = at;
  if (known?.number === attempt.number) return known;
  const crc = await crcOf(context, at, signal);
  try {
    const stored = await context.target.checksum(path, signal);
    const checksum = 'value' in stored ? stored.value : undefined;
    const checksumNote = 'value' in stored ? undefined : stored.unavailable;
    return { number: attempt.number, crc32c: crc, checksum, checksumNote };
  } catch (error) {
    if (!isGatewayError(error) || error.code === 'aborted') throw error;
    const checksumNote = `compared before a restart; asking again failed: ${error.message}`;
    return { number: attempt.number, crc32c: crc, checksum: undefined, checksumNote };
  }
}

/** From the chunks, which are at hand; from the file itself when a chunk went bad after its upload. */
async function crcOf(
  context: LandingContext,
  { plan, path }: FileAtHand,
  signal: AbortSignal,
): Promise<number> {
  const stream = new UploadStream(plan, { reader: context.reader, crashPoint: ignoreCrashPoint });
  try {
    return await crcOfPieces(stream.pieces(), signal);
  } catch (error) {
    if (stream.damaged === undefined) throw error;
  }
  const file = await context.target.open(path, signal);
  return crcOfPieces(file as AsyncIterable<Uint8Array>, signal);
}

async function crcOfPieces(pieces: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number> {
  let crc = 0;
  for await (const piece of pieces) {
    signal.throwIfAborted();
    crc = crc32c(piece, crc);
  }
  return crc;
}

/** Nothing is sent here, so there is no upload to die in. */
function ignoreCrashPoint(): void {
  return undefined;
}
