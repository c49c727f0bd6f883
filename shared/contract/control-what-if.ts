/**
 * What-if runs and the pre-flight doctor: nothing of them is written to the channel, no offset is committed, no group is joined. The doctor alone writes:
 * one small probe file, which it removes again.
 */
import { z } from 'zod';
import { configText } from './control-config.ts';
import { count, ms, name, optionalText } from './control-rows.ts';

export const SAMPLE_EVENTS_MAX = 100_000;
const sampleCount = z.number().int().min(1).max(SAMPLE_EVENTS_MAX);

/** Where the events come from that rules are tried on. */
export const whatIfSample = z.discriminatedUnion('kind', [
  /** The last events of a topic of the source, from all its partitions; all topics of the source when none is named. */
  z.strictObject({ kind: z.literal('topic'), topic: name.optional(), last: sampleCount }),
  z.strictObject({ kind: z.literal('backlog'), landingKeyId: count, last: sampleCount }),
  z.strictObject({
    kind: z.literal('quarantine'),
    reason: z.string().max(1000).optional(),
    last: sampleCount,
  }),
  /** Pasted lines, as bodies of events of `topic`; their record time is now. */
  z.strictObject({
    kind: z.literal('lines'),
    topic: name,
    lines: z.array(z.string().max(1_000_000)).min(1).max(10_000),
  }),
]);

export const whatIfInput = z.object({
  /** The rules to try; without it, the running ones. */
  text: configText.optional(),
  source: name,
  sample: whatIfSample,
  by: z.string().max(200),
});

const sampleEvent = z.object({
  topic: z.string(),
  partition: z.number().int(),
  offset: z.number(),
  /** Cut to a few hundred characters. */
  body: z.string(),
});

/** An event's way under one set of rules: a directory for each sink that takes it, or why it does not land. */
const placement = z.string();

export const whatIfResult = z.object({
  source: z.string(),
  events: count,
  /** Would land. Each event counts in one of these four: one that a sink could not place counts as quarantined, whatever others did. */
  placed: count,
  filtered: count,
  quarantined: count,
  notRouted: count,
  tookMs: ms,
  /** What the sample lacks, in a sentence: it ended early, or its events have lost their headers. */
  note: optionalText,
  failures: z.array(z.object({ reason: z.string(), events: count, samples: z.array(sampleEvent) })),
  directories: z.array(
    z.object({
      sink: z.string(),
      directory: z.string(),
      events: count,
      bytes: count,
      oldestEventMs: ms.optional(),
      newestEventMs: ms.optional(),
      samples: z.array(sampleEvent),
    }),
  ),
  directoriesLeftOut: count,
  /**
   * Times that may be read wrongly: text without a zone, two-digit years or none, times in the future or long past, hours that a change
   * of clocks skips or repeats, the time of the record instead of the event's own, seconds or microseconds taken for milliseconds.
   * Only where a path needs a time.
   */
  traps: z.array(
    z.object({
      kind: z.enum([
        'no-zone',
        'two-digit-year',
        'no-year',
        'future',
        'long-past',
        'clock-change',
        'record-time',
        'invalid-epoch',
      ]),
      events: count,
      message: z.string(),
      hint: z.string(),
      samples: z.array(sampleEvent),
    }),
  ),
  /** Against the running rules; absent when those were tried, or there are none. */
  difference: z
    .object({
      same: count,
      moved: count,
      nowPlaced: count,
      nowNotPlaced: count,
      samples: z.array(z.object({ event: sampleEvent, before: placement, after: placement })),
    })
    .optional(),
});

export const doctorCheck = z.object({
  /** `broker`, `topic`, `group`, `namenode`, `datanode`, `rights`, `quota`, `clock`, `disk`, `probe`, `config`. */
  area: z.string(),
  /** The host, path or topic that was looked at. */
  place: z.string(),
  state: z.enum(['ok', 'warning', 'failed', 'skipped']),
  message: z.string(),
  hint: optionalText,
  tookMs: ms,
});

export const doctorReport = z.object({ checks: z.array(doctorCheck), isReady: z.boolean() });

/** Brokers to talk to before there is a source: what a source's keys of the same names would say. */
export const kafkaAddress = z.object({
  bootstrapServers: z.array(z.string().min(1).max(300)).min(1).max(100),
  /** As under a source's `security` in the file; references to files and variables are resolved by the engine. */
  security: z.record(z.string(), z.unknown()).optional(),
});

export const kafkaTopic = z.object({
  name: z.string(),
  partitions: count,
  /** Offsets between the beginning and the end of its logs: an upper bound of its records. */
  records: count,
  isInternal: z.boolean(),
});

export const kafkaSampleEvent = sampleEvent.extend({
  timestampMs: ms,
  headers: z.record(z.string(), z.string()),
  bodyBytes: count,
});

export type WhatIfInput = z.output<typeof whatIfInput>;
export type WhatIfResult = z.output<typeof whatIfResult>;
export type DoctorCheck = z.output<typeof doctorCheck>;
export type DoctorReport = z.output<typeof doctorReport>;
export type KafkaAddress = z.output<typeof kafkaAddress>;
