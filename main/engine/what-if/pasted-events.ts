import type { SourceConfig } from '../../../shared/contract/config.ts';
import { EventBatch } from '../../../shared/event-batch.ts';
import { RECORD_TIME_HEADER } from '../../../shared/model/record-time-header.ts';

/** Bodies as events of a source, with the headers that it gives every event. */
export function pastedEvents(
  bodies: readonly Buffer[],
  at: {
    readonly source: SourceConfig;
    readonly topic: string;
    readonly from: number;
    readonly nowMs: number;
  },
): EventBatch {
  const { source, topic, from, nowMs } = at;
  const isKafka = source.type === 'kafka';
  const topicHeader = isKafka ? (source.isTopicHeaderSet ? source.topicHeader : undefined) : 'topic';
  return new EventBatch({
    count: bodies.length,
    offsets: Float64Array.from(bodies, (_, index) => from + index),
    sources: bodies,
    sourceOf: Uint16Array.from(bodies, (_, index) => index),
    starts: new Int32Array(bodies.length),
    ends: Int32Array.from(bodies, ({ length }) => length),
    timestamps: new Float64Array(bodies.length).fill(nowMs),
    sharedHeaders: {
      ...(topicHeader === undefined ? {} : { [topicHeader]: topic }),
      ...(isKafka ? { partition: '0' } : {}),
    },
    lazyHeaders: isKafka
      ? {
          offset: { get: (index) => String(from + index) },
          [RECORD_TIME_HEADER]: { get: () => (Number.isNaN(nowMs) ? undefined : String(nowMs)) },
        }
      : {},
  });
}
