import type { EventBatch } from '../../../shared/event-batch.ts';
import { GatewayError } from '../../../shared/errors.ts';
import type { OpenClaim } from '../../../shared/model/claim.ts';
import type { ClaimPuller, Stretch } from '../claim-keeper.ts';
import { byteOfLine, readLines, type LineSlice } from './line-reader.ts';
import type { FileHandle } from 'node:fs/promises';

/** An open file as its claims need it. */
export interface ClaimedFile {
  readonly handle: FileHandle;
  /** Why its lines can't be believed to be those that were stored. */
  readonly held: string | undefined;
}

export interface FilesClaimPullerParts {
  /** The open file of that incarnation; undefined: none is there. */
  readonly file: (claim: OpenClaim) => ClaimedFile | undefined;
  readonly maxLines: number;
  readonly maxLineBytes: number;
  readonly batch: (claim: OpenClaim, slice: LineSlice, firstLine: number) => EventBatch;
}

/** Reads claimed lines once more: the file itself is the replay. A file that is not there, or not the one, is waited for. */
export class FilesClaimPuller implements ClaimPuller {
  readonly #parts: FilesClaimPullerParts;

  constructor(parts: FilesClaimPullerParts) {
    this.#parts = parts;
  }

  async *pull(claim: OpenClaim): AsyncGenerator<Stretch> {
    const file = this.#parts.file(claim);
    if (file === undefined) throw waiting(claim, 'the file that the lines were read from is not there');
    if (file.held !== undefined) throw waiting(claim, file.held);
    const { first, next } = claim.runs;
    let byte = await byteOfLine(file.handle, first);
    for (let line = first; line < next;) {
      const { maxLines, maxLineBytes } = this.#parts;
      const limits = { maxLines: Math.min(maxLines, next - line), maxLineBytes };
      const slice = byte === undefined ? undefined : await readLines(file.handle, byte, limits);
      if (slice === undefined || slice.count === 0)
        throw waiting(claim, `line ${line + 1} of the file can’t be read any more`);
      const events = this.#parts.batch(claim, slice, line);
      yield { first: line, next: line + slice.count, events, quarantined: [], lostBecause: undefined };
      line += slice.count;
      byte = slice.nextByte;
    }
  }

  rest(): Promise<void> {
    return Promise.resolve();
  }
}

function waiting({ partition }: OpenClaim, message: string): GatewayError {
  return new GatewayError({
    code: 'topic-missing',
    operation: 'read claimed lines again',
    place: `${partition.topic}/${partition.partition}`,
    message,
    retry: 'backoff',
    hint: 'Put the file back, or give the lines up with `headgate channel skip`.',
  });
}
