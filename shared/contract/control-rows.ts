/**
 * Rows that lists of the control API are made of: backlog, landings, quarantine. Times are epoch ms, sizes bytes. Lists are paged:
 * by `after` (what an answer's `next` said), which stays right while rows come and go, or by `offset`, for a table that is scrolled.
 */
import { z } from 'zod';

export const count = z.number().int().nonnegative();
export const ms = z.number();
export const optionalText = z.string().optional();
/** Of a source, sink, channel, topic or the like. */
export const name = z.string().min(1).max(249);
/** Who asked for something, as it is kept and shown. */
export const by = z.string().max(200);
/** What an operator types into a search box. */
export const searchText = z.string().max(1000).optional();

export const page = {
  limit: z.number().int().min(1).max(1000).default(100),
  after: optionalText,
  offset: z.number().int().min(0).optional(),
};

/**
 * What a landing key waits for: `collecting` more events until its file rolls, `due` and in the queue, `landing` now, `paused` by
 * the write switch, `waiting` because something is in the way (then `cause`), `held` until an operator decides.
 */
export const landingKeyState = z.enum(['collecting', 'due', 'landing', 'paused', 'waiting', 'held']);

export const backlogRow = z.object({
  id: count,
  sink: z.string(),
  channel: z.string(),
  directory: z.string(),
  prefix: z.string(),
  events: count,
  rawBytes: count,
  storedBytes: count,
  oldestEventMs: ms,
  newestEventMs: ms,
  oldestPutMs: ms,
  newestPutMs: ms,
  state: landingKeyState.optional(),
  cause: optionalText,
});

export const backlogChunk = z.object({
  id: count,
  topic: z.string(),
  partition: z.number().int(),
  /** First offset, and the one after the last. */
  first: z.number(),
  next: z.number(),
  events: count,
  rawBytes: count,
  storedBytes: count,
  codec: z.string(),
  putMs: ms,
  oldestEventMs: ms,
  newestEventMs: ms,
  /** Not accepted yet: it may not land before its commit in Kafka. */
  isHeld: z.boolean().optional(),
  /** Of a file that is on its way. */
  isPlanned: z.boolean().optional(),
});

export const peekedEvent = z.object({
  chunkId: count,
  topic: z.string(),
  partition: z.number().int(),
  /** -1 when it cannot be told from the text. */
  offset: z.number(),
  /** As it will land, cut to a few KiB. */
  body: z.string(),
  bodyBytes: count,
  isCut: z.boolean(),
});

const filePart = z.object({
  topic: z.string(),
  partition: z.number().int(),
  incarnation: z.string(),
  first: z.number(),
  last: z.number(),
  count: count,
});

export const landingRow = z.object({
  fileId: z.string(),
  sink: z.string(),
  channel: z.string(),
  path: z.string(),
  bytes: count,
  rawBytes: count,
  events: count,
  codec: z.string(),
  checksum: optionalText,
  checksumNote: optionalText,
  crc32c: count,
  attempts: count,
  landedMs: ms,
  parts: z.array(filePart),
});

export const quarantineState = z.enum(['waiting', 'retried', 'dropped']);

export const quarantineRow = z.object({
  id: count,
  source: z.string(),
  topic: z.string(),
  partition: z.number().int(),
  offset: z.number(),
  channel: optionalText,
  reason: z.string(),
  timestampMs: ms,
  bodyBytes: count,
  preview: z.string(),
  state: quarantineState,
  /** When it left quarantine, by whom and why; its body is gone then. */
  settledMs: ms.optional(),
  settledBy: optionalText,
  settledWhy: optionalText,
});

/**
 * Events of one source and topic with the same reason. `reason` is without what differs from event to event: texts of the event that
 * are quoted stand as `"…"`, numbers as `#`; selections and filters understand it. `oldestMs` and `newestMs`: when the first and the last of
 * them came into quarantine.
 */
export const quarantineGroup = z.object({
  reason: z.string(),
  source: z.string(),
  topic: z.string(),
  waiting: count,
  retried: count,
  dropped: count,
  oldestMs: ms,
  newestMs: ms,
});

/**
 * Which events in quarantine are meant, of those that wait: named ones, or all with exactly this reason, or a group's reason (and source,
 * and topic), or all.
 */
export const quarantineSelection = z.union([
  z.strictObject({ ids: z.array(count).min(1).max(1000) }),
  z.strictObject({ reason: z.string().max(1000), source: name.optional(), topic: name.optional() }),
  z.strictObject({ all: z.literal(true), source: name.optional(), topic: name.optional() }),
]);

export type BacklogRow = z.output<typeof backlogRow>;
export type BacklogChunk = z.output<typeof backlogChunk>;
export type PeekedEvent = z.output<typeof peekedEvent>;
export type LandingRow = z.output<typeof landingRow>;
export type QuarantineRow = z.output<typeof quarantineRow>;
export type QuarantineGroup = z.output<typeof quarantineGroup>;
export type QuarantineSelection = z.output<typeof quarantineSelection>;
