/** From what was read of a range to what the replay's channel is told: what became of each offset. */
import { emptyBatch } from '../../../shared/event-batch.ts';
import { offset } from '../../../shared/model/brand.ts';
import { singleRun } from '../../../shared/model/offset-runs.ts';
import type { Disposition, PartitionRef } from '../../../shared/model/partition.ts';
import type { Delivery } from '../../sources/source.ts';
import type { RecordedPartition } from './replay-book.ts';
import type { RangePiece } from './topic-range.ts';

export function deliveryOf(
  piece: RangePiece,
  { ref, nonce }: { readonly ref: PartitionRef; readonly nonce: string },
): Delivery {
  const base = { partition: ref, tenure: nonce };
  if (piece.kind === 'gone') {
    const { first, next } = piece;
    const gap = disposition('gap', singleRun(first, next), 'the broker no longer has it');
    const rest = { fingerprint: undefined, events: emptyBatch(), dispositions: [gap], quarantined: [] };
    return { ...base, first: offset(first), next: offset(next), ...rest };
  }
  const { first, next, events, absent, gap, oversized, fingerprint } = piece.slice;
  const dispositions = [
    ...(absent === undefined ? [] : [disposition('absent', absent, 'no record at the broker')]),
    ...(gap === undefined ? [] : [disposition('gap', gap, 'the log started beyond the range')]),
  ];
  const rest = { fingerprint, events, dispositions, quarantined: oversized };
  return { ...base, first: offset(first), next: offset(next), ...rest };
}

function disposition(kind: 'gap' | 'absent', runs: Disposition['runs'], reason: string): Disposition {
  return { kind, channel: undefined, runs, reason };
}

export function goneOf(piece: RangePiece): { readonly from: number; readonly to: number } | undefined {
  if (piece.kind === 'gone') return { from: piece.first, to: piece.next };
  const { gap } = piece.slice;
  return gap === undefined ? undefined : { from: gap.first, to: gap.next };
}

type Ranges = RecordedPartition['gone'];

/** A rerun may name a range again, and what adjoins the last one is one with it. */
export function joined(ranges: Ranges, next: Ranges[number]): Ranges {
  const last = ranges.at(-1);
  if (last === undefined || next.from > last.to) return [...ranges, next];
  return [...ranges.slice(0, -1), { from: last.from, to: Math.max(last.to, next.to) }];
}
