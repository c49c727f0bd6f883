/**
 * Cuts a stream of bytes into zstd frames (RFC 8878 §3.1). Node's own stream decoder (24.21, tried) stops without an error at the
 * end of the first frame when the next one begins in the same piece, and takes a frame that is cut off for a whole one: so
 * each frame's end is found here from its header and the sizes of its blocks, and each frame is decoded by itself.
 */
const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;
const MAGIC_BYTES = 4;
const SKIPPABLE_HEADER_BYTES = 8;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const BLOCK_TYPE_RLE = 1;
const BLOCK_TYPE_RESERVED = 3;

export class ZstdFrameCutter {
  readonly #maxFrameBytes: number;
  #bytes: Buffer = Buffer.alloc(0);
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  /** Bytes of the present frame that have been understood: its next block header, or its end, begins here. */
  #at = 0;
  #hasChecksum = false;
  #needed = MAGIC_BYTES + 1;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Gives the frames that are whole now, skippable ones left out. Throws RangeError on bytes that are no frame. */
  *push(piece: Uint8Array): Generator<Buffer> {
    this.#pieces.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
    this.#pieceBytes += piece.byteLength;
    while (this.#pieceBytes >= this.#needed && this.#pieceBytes > 0) {
      this.#bytes =
        this.#pieces.length === 1 ? (this.#pieces[0] ?? this.#bytes) : Buffer.concat(this.#pieces);
      this.#pieces = [this.#bytes];
      const end = this.#frameEnd();
      if (end === undefined) continue;
      const frame = this.#bytes.subarray(0, end);
      this.#startNext(this.#bytes.subarray(end));
      if (!isSkippable(frame)) yield frame;
    }
  }

  /** Throws RangeError when the last frame is cut off. */
  finish(): void {
    if (this.#pieceBytes === 0) return;
    throw new RangeError(
      `the last zstd frame is cut off: ${this.#pieceBytes} of at least ${this.#needed} bytes`,
    );
  }

  #startNext(rest: Buffer): void {
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#pieceBytes = rest.length;
    this.#at = 0;
    this.#needed = MAGIC_BYTES + 1;
  }

  /** Undefined: more is needed, and `#needed` says how much. */
  #frameEnd(): number | undefined {
    if (this.#at === 0 && !this.#header()) return undefined;
    const bytes = this.#bytes;
    if (isSkippable(bytes)) return this.#reached(this.#at) ? this.#at : undefined;
    for (;;) {
      if (!this.#reached(this.#at + BLOCK_HEADER_BYTES)) return undefined;
      const header = bytes.readUIntLE(this.#at, BLOCK_HEADER_BYTES);
      const type = (header >>> 1) & 3;
      if (type === BLOCK_TYPE_RESERVED) throw new RangeError('a zstd block has the reserved type');
      const isLast = (header & 1) === 1;
      const end = this.#at + BLOCK_HEADER_BYTES + (type === BLOCK_TYPE_RLE ? 1 : header >>> 3);
      const whole = isLast && this.#hasChecksum ? end + CHECKSUM_BYTES : end;
      if (!this.#reached(whole)) return undefined;
      if (isLast) return whole;
      this.#at = whole;
    }
  }

  /** Reads the frame's header; false when there is not enough of it. */
  #header(): boolean {
    const bytes = this.#bytes;
    if (isSkippable(bytes)) {
      if (!this.#reached(SKIPPABLE_HEADER_BYTES)) return false;
      this.#at = SKIPPABLE_HEADER_BYTES + bytes.readUInt32LE(MAGIC_BYTES);
      return true;
    }
    if (bytes.readUInt32LE(0) !== MAGIC)
      throw new RangeError(`no zstd frame begins with ${bytes.toString('hex', 0, MAGIC_BYTES)}`);
    const descriptor = bytes.readUInt8(MAGIC_BYTES);
    const isSingleSegment = (descriptor & 0x20) !== 0;
    const sizeFlag = descriptor >>> 6;
    const contentSizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] ?? 0);
    const windowBytes = isSingleSegment ? 0 : 1;
    this.#hasChecksum = (descriptor & 4) !== 0;
    this.#at = MAGIC_BYTES + 1 + windowBytes + (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0) + contentSizeBytes;
    return true;
  }

  #reached(end: number): boolean {
    if (end > this.#maxFrameBytes)
      throw new RangeError(`a zstd frame is longer than ${this.#maxFrameBytes} bytes`);
    this.#needed = end;
    return this.#pieceBytes >= end;
  }
}

function isSkippable(bytes: Buffer): boolean {
  return (bytes.readUInt32LE(0) & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC;
}
