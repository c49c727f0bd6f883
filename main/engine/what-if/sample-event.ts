import type { EventBatch } from '../../../shared/event-batch.ts';
import type { WhatIfResult } from '../../../shared/contract/control-what-if.ts';

/** Examples a group shows. */
export const SAMPLES_MAX = 3;
export const SAMPLE_BODY_CHARS = 300;
/** More than enough bytes for so many characters; the rest of a large body is not decoded. */
const SAMPLE_BODY_BYTES = SAMPLE_BODY_CHARS * 4;

export type SampleEvent = WhatIfResult['failures'][number]['samples'][number];

/** Where the events of a slice come from. */
export interface SampleOrigin {
  readonly topic: string;
  readonly partition: number;
  /** The records have times of their own, which are not those of the look at them. */
  readonly hasRecordTimes: boolean;
  /** A record header gives the event's time. */
  readonly mapsTimestamp: boolean;
}

/** An event as an example: its body cut. */
export function sampleEventOf(batch: EventBatch, index: number, origin: SampleOrigin): SampleEvent {
  const { topic, partition } = origin;
  return { topic, partition, offset: batch.offsets[index] ?? 0, body: shownBody(batch.body(index)) };
}

export function shownBody(body: Uint8Array): string {
  const bytes = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, SAMPLE_BODY_BYTES));
  const text = bytes.toString('utf8').slice(0, SAMPLE_BODY_CHARS);
  return text.toWellFormed();
}
