/** From what an operator writes to the offsets that are meant: resolved once, so that a rerun means the same ones. */
import type { ReplayRequest } from '../../../shared/contract/control-replay.ts';
import { startPoint, type StartPoint } from '../../../shared/contract/config-fields.ts';
import { GatewayError } from '../../../shared/errors.ts';
import type { PartitionInfo } from '../../sources/kafka/protocol-link.ts';
import type { RecordedPartition } from './replay-book.ts';
import type { LogRange, TopicRange } from './topic-range.ts';

export type ReplayBound = StartPoint | { readonly kind: 'offset'; readonly offset: number };

export type BoundTexts = Pick<ReplayRequest, 'from' | 'to' | 'isByTime'>;

/** Throws `usage` for a text that is neither an offset nor a time, and for a range without an offset in it. */
export function replayBounds({ from, to, isByTime }: BoundTexts): {
  readonly from: ReplayBound;
  readonly to: ReplayBound;
} {
  const bounds = { from: bound(from, isByTime), to: bound(to, isByTime) };
  const isOrdered = (['offset', 'time'] as const).every((kind) => {
    const [first, second] = [valueOf(bounds.from, kind), valueOf(bounds.to, kind)];
    return first === undefined || second === undefined || first < second;
  });
  if (isOrdered) return bounds;
  throw replayUsage(
    `${from} is not before ${to}`,
    'The range goes from the first, up to the second and without it.',
  );
}

/** The stretch of each partition that is asked for; those of which nothing is there are left out. */
export async function resolveRange(
  range: Pick<TopicRange, 'logRange' | 'offsetAt'>,
  asked: BoundTexts & { readonly infos: readonly PartitionInfo[] },
  signal: AbortSignal,
): Promise<RecordedPartition[]> {
  const { from, to } = replayBounds(asked);
  const found: RecordedPartition[] = [];
  for (const { partition, topicId } of asked.infos) {
    const log = await range.logRange(partition, signal);
    const at = async (one: ReplayBound): Promise<number> =>
      one.kind === 'time'
        ? timeOffset(await range.offsetAt(partition, one.timeMs, signal), log)
        : plain(one, log);
    const [first, next] = [await at(from), Math.min(await at(to), log.end)];
    if (first < next) found.push({ partition, topicId, from: first, to: next, position: first, gone: [] });
  }
  return found;
}

/** No record at or after the time: it is after everything. */
function timeOffset(offset: number, log: LogRange): number {
  return offset < 0 ? log.end : offset;
}

/** An offset before the log's start is kept as it is: what is gone shall be named. */
function plain(one: Exclude<ReplayBound, { kind: 'time' }>, log: LogRange): number {
  if (one.kind === 'offset') return one.offset;
  return one.kind === 'earliest' ? log.start : log.end;
}

function bound(text: string, isByTime: boolean): ReplayBound {
  const written = text.trim();
  if (/^\d{1,15}$/.test(written))
    return isByTime ? { kind: 'time', timeMs: Number(written) } : { kind: 'offset', offset: Number(written) };
  const parsed = startPoint.safeParse(written);
  if (parsed.success) return parsed.data;
  throw replayUsage(
    `${JSON.stringify(text)} is neither an offset nor a time`,
    'Write an offset such as 1200, an ISO time with its zone such as 2026-11-21T08:00:00+08:00, earliest or latest.',
  );
}

function valueOf(one: ReplayBound, kind: 'offset' | 'time'): number | undefined {
  if (one.kind === 'offset' && kind === 'offset') return one.offset;
  return one.kind === 'time' && kind === 'time' ? one.timeMs : undefined;
}

/** The range, or the wish, is not one. */
export function replayUsage(message: string, hint: string): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'replay a range',
    place: '',
    message,
    retry: 'never',
    hint,
  });
}
