/** Bytes for uploads, and what tests do with errors. */
import { isGatewayError, type GatewayError } from '../../shared/errors.ts';
import type { Upload } from '../../main/landing/target.ts';

/** Never aborts. */
export const calm = new AbortController().signal;

/** Deterministic bytes: the value at a position depends on the position only. */
export function bytesAt(from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = ((from + index) * 2_654_435_761) >>> 21;
  return bytes;
}

export function upload(
  lengthBytes: number,
  more: Partial<Upload> & { readonly pieceBytes?: number } = {},
): Upload {
  const { pieceBytes = 64 * 1024 + 7, ...rest } = more;
  return { lengthBytes, pieces: piecesOf(lengthBytes, pieceBytes), ...rest };
}

async function* piecesOf(lengthBytes: number, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < lengthBytes; at += pieceBytes) {
    yield bytesAt(at, Math.min(pieceBytes, lengthBytes - at));
    await Promise.resolve();
  }
}

/** Zero bytes, one shared piece: for large bodies. */
export async function* zeros(
  lengthBytes: number,
  onPiece: (sent: number) => void | Promise<void> = () => undefined,
): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(1024 * 1024);
  for (let at = 0; at < lengthBytes; at += piece.length) {
    await onPiece(at);
    yield piece.subarray(0, Math.min(piece.length, lengthBytes - at));
  }
}

/** The GatewayError that `work` fails with; fails the test when it does not. */
export async function failureOf(work: Promise<unknown>): Promise<GatewayError> {
  try {
    await work;
  } catch (error) {
    if (isGatewayError(error)) return error;
    throw error;
  }
  throw new Error('it did not fail');
}
