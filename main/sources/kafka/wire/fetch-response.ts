import { readInt64 } from './int64.ts';

/** One partition of a fetch answer, its records raw. Offsets are -1 where the broker did not say. */
export interface FetchResponsePartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly abortedTransactions: readonly { readonly producerId: number; readonly firstOffset: number }[];
  readonly records: Buffer;
}

export interface FetchResponse {
  /** kafkajs waits so long before its next request (KIP-219); 0 where the broker has waited itself. */
  readonly clientSideThrottleTime: number;
  /** Error of the answer as a whole. */
  readonly errorCode: number;
  readonly partitions: readonly FetchResponsePartition[];
}

const NO_RECORDS = Buffer.alloc(0);

/**
 * Decodes a fetch answer, versions 4 to 11 (Kafka's `FetchResponse.json`): 5 adds the log's start, 7 an error of the whole, 11 a
 * preferred replica. Throws RangeError when the bytes end early or don't end where the answer does.
 */
export function decodeFetchResponse(raw: Buffer, version: number): FetchResponse {
  const reader = new ResponseReader(raw);
  const throttleTime = reader.int32();
  const errorCode = version >= 7 ? reader.int16() : 0;
  if (version >= 7) reader.int32(); // session id: we have no session
  const partitions: FetchResponsePartition[] = [];
  for (let topics = reader.count(); topics > 0; topics--) {
    const topic = reader.string();
    for (let count = reader.count(); count > 0; count--)
      partitions.push(readPartition(reader, topic, version));
  }
  reader.assertEnd();
  return { clientSideThrottleTime: version >= 8 ? throttleTime : 0, errorCode, partitions };
}

function readPartition(reader: ResponseReader, topic: string, version: number): FetchResponsePartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  const lastStableOffset = reader.int64();
  const logStartOffset = version >= 5 ? reader.int64() : -1;
  const abortedTransactions = [];
  for (let count = reader.count(); count > 0; count--) {
    abortedTransactions.push({ producerId: reader.int64(), firstOffset: reader.int64() });
  }
  if (version >= 11) reader.int32(); // preferred replica: never another one than the leader, as we send no rack
  const records = reader.bytes();
  return {
    topic,
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    abortedTransactions,
    records,
  };
}

/** Reads forward; every read is checked by Buffer itself, or here. */
class ResponseReader {
  readonly #raw: Buffer;
  #at = 0;

  constructor(raw: Buffer) {
    this.#raw = raw;
  }

  int16(): number {
    const value = this.#raw.readInt16BE(this.#at);
    this.#at += 2;
    return value;
  }

  int32(): number {
    const value = this.#raw.readInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  int64(): number {
    const value = readInt64(this.#raw, this.#at);
    this.#at += 8;
    return value;
  }

  /** An array's length; null counts as empty. Each element takes a byte at least. */
  count(): number {
    const value = this.int32();
    if (value < -1 || value > this.#raw.length - this.#at)
      throw new RangeError(`an array of ${value} elements`);
    return Math.max(0, value);
  }

  string(): string {
    const length = this.int16();
    return this.#slice(length).toString('utf8');
  }

  bytes(): Buffer {
    const length = this.int32();
    return length === -1 ? NO_RECORDS : this.#slice(length);
  }

  assertEnd(): void {
    if (this.#at !== this.#raw.length)
      throw new RangeError(`${this.#raw.length - this.#at} bytes are left over`);
  }

  #slice(length: number): Buffer {
    const end = this.#at + length;
    if (length < 0 || end > this.#raw.length)
      throw new RangeError(`${length} bytes at ${this.#at} of ${this.#raw.length}`);
    const slice = this.#raw.subarray(this.#at, end);
    this.#at = end;
    return slice;
  }
}
