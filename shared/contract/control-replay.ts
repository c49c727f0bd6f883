/** Replays: a range of a topic that is landed again on purpose, beside the ledger's truth. Offsets `from` inclusive, `to` exclusive. */
import { z } from 'zod';
import { by, count, ms, name, optionalText } from './control-rows.ts';

/** Goes into file names, attributes and the name of a directory here. */
export const replayId = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, {
  error: 'expected 1 to 32 of a-z, 0-9 and -, with a letter or digit at both ends',
});

/** What an operator asks for. `from` and `to`: offsets of every partition, or times; also `earliest` and `latest`. */
export const replayRequest = z.object({
  topic: name,
  from: z.string().min(1).max(64),
  to: z.string().min(1).max(64),
  /** Whole numbers are epoch ms, not offsets. */
  isByTime: z.boolean().default(false),
  /** Of the target's file system; no directory that the running configuration lands into. */
  into: z.string().min(1).max(4096),
  partition: count.optional(),
  source: name.optional(),
  sink: name.optional(),
  /** Below `into` the directories are those that the sink's own path would name. */
  keepsLayout: z.boolean().default(false),
});

export const offsetRange = z.object({ from: count, to: count });

export const replayPartition = z.object({
  partition: count,
  /** As resolved when the replay began. */
  from: count,
  to: count,
  /** Offsets below were read. */
  position: count,
  /** Offsets that the broker no longer had. */
  gone: z.array(offsetRange),
});

export const replayRow = z.object({
  id: z.string(),
  ...replayRequest.shape,
  source: z.string(),
  sink: z.string(),
  by: z.string(),
  startedMs: ms,
  finishedMs: ms.optional(),
  /** `interrupted`: the engine ended meanwhile; the same request under the same id goes on where it was. */
  state: z.enum(['running', 'interrupted', 'cancelled', 'failed', 'done']),
  error: optionalText,
  partitions: z.array(replayPartition),
  files: count,
  events: count,
  bytes: count,
  /** Events that the source's rules did not place. */
  filtered: count,
  notRouted: count,
  quarantined: count,
  /** Offsets without a record: transaction markers, aborted transactions, compaction. */
  absent: count,
  gone: count,
});

export const replayFile = z.object({ path: z.string(), events: count, bytes: count, landedMs: ms });

export const replayStart = {
  /** With the id of an earlier replay, the same request goes on where that one ended; any other is refused. */
  input: replayRequest.extend({ id: replayId.optional(), by }),
  output: z.object({ jobId: z.string(), id: z.string() }),
};
/** Newest first. */
export const replayList = { input: z.object({}), output: z.object({ replays: z.array(replayRow) }) };
export const replayFiles = {
  input: z.object({
    id: replayId,
    after: count.default(0),
    limit: z.number().int().min(1).max(1000).default(200),
  }),
  output: z.object({ files: z.array(replayFile), next: count.optional() }),
};

export type ReplayRequest = z.output<typeof replayRequest>;
export type ReplayRow = z.output<typeof replayRow>;
export type ReplayPartition = z.output<typeof replayPartition>;
export type ReplayFile = z.output<typeof replayFile>;
