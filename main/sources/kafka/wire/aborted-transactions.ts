import type { AbortedTransaction } from './pull-link.ts';
import { BATCH_HEADER_BYTES, undecodable, type BatchPlace, type RecordBatch } from './record-batch.ts';
import { isAbortMarker } from './record-parser.ts';

/**
 * Decides which batches hold nothing to deliver: control batches, and data of aborted transactions. The rule is that of Kafka's
 * consumer (`CompletedFetch.java`): a producer's transactional batches are hidden from its transaction's first offset until its
 * abort marker. Batches are shown in offset order, each once.
 */
export class AbortedTransactions {
  readonly #upcoming: AbortedTransaction[];
  #index = 0;
  readonly #producers = new Set<number>();

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#upcoming = [...transactions].sort((a, b) => a.firstOffset - b.firstOffset);
  }

  hides(fetched: BatchPlace & { readonly records: Buffer }, batch: RecordBatch): boolean {
    if (batch.producerId >= 0) this.#beginUpTo(batch.nextOffset);
    if (!batch.isControl) return batch.isTransactional && this.#producers.has(batch.producerId);
    // Compaction may leave a control batch without its record.
    if (batch.count > 0 && endsInAbort(fetched, batch)) this.#producers.delete(batch.producerId);
    return true;
  }

  #beginUpTo(nextOffset: number): void {
    for (let next = this.#upcoming[this.#index]; next !== undefined && next.firstOffset < nextOffset;) {
      this.#producers.add(next.producerId);
      next = this.#upcoming[++this.#index];
    }
  }
}

function endsInAbort(fetched: BatchPlace & { readonly records: Buffer }, batch: RecordBatch): boolean {
  try {
    return isAbortMarker(fetched.records, batch.start + BATCH_HEADER_BYTES, batch.end);
  } catch (cause) {
    throw undecodable(fetched, `the control batch at offset ${batch.baseOffset} is broken`, cause);
  }
}
