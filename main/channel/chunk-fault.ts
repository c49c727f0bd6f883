import { crc32c } from '@node-rs/crc32';
import { isGatewayError } from '../../shared/errors.ts';
import { decodeRuns, formatRuns } from '../../shared/model/offset-runs.ts';
import { wrapped } from './channel-database.ts';

/** What is wrong with a chunk's body, in words; undefined: it is what was stored. Throws what is no damage. */
export function chunkFault(
  chunk: { readonly id: number; readonly storedBytes: number; readonly crc32c: number },
  read: () => Uint8Array | undefined,
): string | undefined {
  try {
    const bytes = wrapped('read a chunk', `chunk ${chunk.id}`, read);
    if (bytes === undefined) return 'its body is missing';
    if (bytes.byteLength !== chunk.storedBytes)
      return `its body is ${bytes.byteLength} bytes long, not ${chunk.storedBytes}`;
    return crc32c(bytes) === chunk.crc32c ? undefined : 'its body does not match its CRC-32C';
  } catch (error) {
    if (isGatewayError(error) && error.code === 'database-damaged') return error.message;
    throw error;
  }
}

/** A chunk's offsets as people read them; its range where the runs themselves are damaged. */
export function chunkOffsets(chunk: {
  readonly first: number;
  readonly next: number;
  readonly runs: Uint8Array;
}): string {
  try {
    return formatRuns(decodeRuns(chunk.first, chunk.runs));
  } catch (error) {
    if (error instanceof RangeError) return `${chunk.first}-${chunk.next - 1}`;
    throw error;
  }
}
