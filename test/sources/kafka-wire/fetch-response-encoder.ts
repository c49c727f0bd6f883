import type { FetchResponsePartition } from '../../../main/sources/kafka/wire/fetch-response.ts';

/** A fetch answer as a broker writes it (Kafka's `FetchResponse.json`), each partition under a topic entry of its own; throttled by 42 ms. */
export function encodeFetchResponse(version: number, partitions: readonly FetchResponsePartition[]): Buffer {
  const parts: Buffer[] = [int(4, 42)];
  if (version >= 7) parts.push(int(2, 0), int(4, 0));
  parts.push(int(4, partitions.length));
  for (const one of partitions) {
    parts.push(
      int(2, one.topic.length),
      Buffer.from(one.topic),
      int(4, 1),
      int(4, one.partition),
      int(2, one.errorCode),
    );
    parts.push(int(8, one.highWatermark), int(8, one.lastStableOffset));
    if (version >= 5) parts.push(int(8, one.logStartOffset));
    parts.push(int(4, one.abortedTransactions.length || -1));
    for (const { producerId, firstOffset } of one.abortedTransactions)
      parts.push(int(8, producerId), int(8, firstOffset));
    if (version >= 11) parts.push(int(4, -1));
    parts.push(int(4, one.records.length || -1), one.records);
  }
  return Buffer.concat(parts);
}

function int(size: 2 | 4 | 8, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes.subarray(8 - size);
}
