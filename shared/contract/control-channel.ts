/** What the channel doctor says and does: damage in words, what can be saved of it, and what is to be pulled again. */
import { z } from 'zod';

const count = z.number().int().nonnegative();

export const damagedChunk = z.object({
  id: count,
  channel: z.string(),
  topic: z.string(),
  partition: z.number().int(),
  /** `5-9, 12`. */
  offsets: z.string(),
  events: count,
  what: z.string(),
  /** `on-its-way`: of a file that is being landed, whose lander looks at it itself. `held`: its put is not accepted yet. */
  state: z.enum(['waiting', 'on-its-way', 'held', 'set-aside']),
});

export const openClaimRow = z.object({
  id: count,
  channel: z.string(),
  topic: z.string(),
  partition: z.number().int(),
  offsets: z.string(),
  events: count,
  cause: z.enum(['damaged-chunk', 'lost-disk', 'memory']),
  detail: z.string(),
  claimedMs: z.number(),
});

export const channelCheck = z.object({
  verdict: z.enum(['sound', 'damaged']),
  file: z.string(),
  bytes: count,
  /** `not-checked`: reading all pages of a large database would hold up a running engine. */
  pages: z.object({
    state: z.enum(['sound', 'damaged', 'unreadable', 'not-checked']),
    faults: z.array(z.string()),
  }),
  chunks: count,
  events: count,
  damaged: z.array(damagedChunk),
  damagedLeftOut: count,
  claims: z.array(openClaimRow),
  claimsLeftOut: count,
  /** In words: what is wrong, what it costs, what to do. */
  summary: z.array(z.string()),
});

export const salvagedTable = z.object({ name: z.string(), rows: count, lost: z.boolean() });

export const channelRepair = z.object({
  isRepaired: z.boolean(),
  /** Chunks that were set aside. */
  setAside: count,
  /** Events that are pulled again because of this repair. */
  claimedEvents: count,
  /** Present when the database had to be written anew. */
  salvage: z
    .object({
      /** The old database, as it was; its log beside it. */
      keptFile: z.string(),
      chunks: count,
      events: count,
      tables: z.array(salvagedTable),
    })
    .optional(),
  summary: z.array(z.string()),
});

export const channelExport = z.object({
  directory: z.string(),
  files: count,
  chunks: count,
  events: count,
  bytes: count,
  /** Bodies that match no checksum, as they are. */
  damagedBodies: count,
});

export type DamagedChunk = z.output<typeof damagedChunk>;
export type OpenClaimRow = z.output<typeof openClaimRow>;
export type ChannelCheck = z.output<typeof channelCheck>;
export type ChannelRepair = z.output<typeof channelRepair>;
export type ChannelExport = z.output<typeof channelExport>;
